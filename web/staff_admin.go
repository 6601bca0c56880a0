package web

import (
	"net/http"
	"strconv"

	"sportello/booking"
)

// adminView is the town's offices at a glance.
type adminView struct {
	Offices  []adminOffice
	Closures int
	Staff    int
}

// adminOffice is an office with what it does and where.
type adminOffice struct {
	Office   booking.Office
	Services []booking.Service
	Desks    []adminDesk
}

// adminDesk is a desk with its hours in brief.
type adminDesk struct {
	Desk  booking.Desk
	Rules []booking.OpeningRule
}

func (s *Server) adminPage(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v := adminView{}
	var err error
	if v.Offices, err = s.adminOffices(r, true); err != nil {
		return err
	}
	closures, err := s.agenda.Closures(r.Context())
	if err != nil {
		return err
	}
	staff, err := s.agenda.AllStaff(r.Context())
	if err != nil {
		return err
	}
	v.Closures, v.Staff = len(closures), len(staff)
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin.html", v)
}

func (s *Server) adminOffices(r *http.Request, withHours bool) ([]adminOffice, error) {
	ctx := r.Context()
	offices, err := s.agenda.Offices(ctx)
	if err != nil {
		return nil, err
	}
	var out []adminOffice
	for _, o := range offices {
		row := adminOffice{Office: o}
		if row.Services, err = s.agenda.Services(ctx, o.ID); err != nil {
			return nil, err
		}
		desks, err := s.agenda.Desks(ctx, o.ID)
		if err != nil {
			return nil, err
		}
		for _, d := range desks {
			desk := adminDesk{Desk: d}
			if withHours {
				if desk.Rules, err = s.agenda.OpeningRules(ctx, d.ID); err != nil {
					return nil, err
				}
			}
			row.Desks = append(row.Desks, desk)
		}
		out = append(out, row)
	}
	return out, nil
}

// adminDeskOf finds the desk of the path, and its office.
func (s *Server) adminDeskOf(r *http.Request) (booking.Desk, booking.Office, error) {
	id, err := strconv.ParseInt(r.PathValue("desk"), 10, 64)
	if err != nil {
		return booking.Desk{}, booking.Office{}, errNoPage
	}
	offices, err := s.adminOffices(r, false)
	if err != nil {
		return booking.Desk{}, booking.Office{}, err
	}
	for _, o := range offices {
		for _, d := range o.Desks {
			if d.Desk.ID == id {
				return d.Desk, o.Office, nil
			}
		}
	}
	return booking.Desk{}, booking.Office{}, booking.ErrNotFound
}
