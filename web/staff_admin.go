package web

import (
	"context"
	"net/http"

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
	Open     bool // somebody can book there; known on the overview only
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
	for i := range v.Offices {
		g, err := s.guideOf(r.Context(), v.Offices[i].Office, "")
		if err != nil {
			return err
		}
		v.Offices[i].Open = g.Open
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
	offices, err := s.agenda.EveryOffice(ctx)
	if err != nil {
		return nil, err
	}
	var out []adminOffice
	for _, o := range offices {
		row, err := s.adminOfficeRow(r, o, withHours)
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

func (s *Server) adminOfficeRow(r *http.Request, o booking.Office, withHours bool) (adminOffice, error) {
	ctx, row := r.Context(), adminOffice{Office: o}
	var err error
	if row.Services, err = s.agenda.EveryService(ctx, o.ID); err != nil {
		return row, err
	}
	desks, err := s.agenda.Desks(ctx, o.ID)
	if err != nil {
		return row, err
	}
	for _, d := range desks {
		desk := adminDesk{Desk: d}
		if withHours {
			if desk.Rules, err = s.agenda.OpeningRules(ctx, d.ID); err != nil {
				return row, err
			}
		}
		row.Desks = append(row.Desks, desk)
	}
	return row, nil
}

// adminDeskOf finds the desk of the path, and its office.
func (s *Server) adminDeskOf(r *http.Request) (booking.Desk, booking.Office, error) {
	id, err := pathID(r, "desk")
	if err != nil {
		return booking.Desk{}, booking.Office{}, err
	}
	return s.deskByID(r.Context(), id)
}

func (s *Server) deskByID(ctx context.Context, id int64) (booking.Desk, booking.Office, error) {
	d, err := s.agenda.DeskByID(ctx, id)
	if err != nil {
		return booking.Desk{}, booking.Office{}, err
	}
	o, err := s.agenda.OfficeByID(ctx, d.OfficeID)
	return d, o, err
}
