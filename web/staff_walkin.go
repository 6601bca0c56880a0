package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"sportello/booking"
)

// walkInView is the page that gives somebody without an appointment a place
// in what is left of today.
type walkInView struct {
	Offices []walkInOffice
	Chosen  *serviceChoice
	Slots   []slotChoice
	Name    string
	NameErr string
	Trouble string // "", "none", "taken", "no_slot", "not_bookable"
}

// walkInOffice is an office with its services that are had in person.
type walkInOffice struct {
	Office   booking.Office
	Services []booking.Service
}

// walkInSlots is how many free times are offered: the first is nearly always it.
const walkInSlots = 8

func (s *Server) walkInPage(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.walkInView(r, me, r.URL.Query().Get("servizio"))
	if err != nil {
		return err
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/walkin.html", v)
}

// walkInView reads what can be had. service is "anagrafe/carta-identita".
func (s *Server) walkInView(r *http.Request, me *colleague, service string) (*walkInView, error) {
	choices, err := s.serviceChoices(r.Context(), s.lang(r), me)
	if err != nil {
		return nil, err
	}
	v := &walkInView{}
	for i, c := range choices {
		if !c.Service.Allows(booking.InPerson) {
			continue
		}
		if n := len(v.Offices); n == 0 || v.Offices[n-1].Office.ID != c.Office.ID {
			v.Offices = append(v.Offices, walkInOffice{Office: c.Office})
		}
		last := &v.Offices[len(v.Offices)-1]
		last.Services = append(last.Services, c.Service)
		if c.Office.Slug+"/"+c.Service.Slug == service {
			v.Chosen = &choices[i]
		}
	}
	if v.Chosen == nil {
		return v, nil
	}
	v.Slots, err = s.freeToday(r.Context(), v.Chosen.Service)
	if len(v.Slots) == 0 {
		v.Trouble = "none"
	}
	return v, err
}

// freeToday gives the first starts in person that are left of today, the
// operators' hours too.
func (s *Server) freeToday(ctx context.Context, v booking.Service) ([]slotChoice, error) {
	now := s.today()
	midnight := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location())
	free, err := s.agenda.Free(ctx, booking.Query{
		ServiceID: v.ID, Mode: booking.InPerson, Audience: booking.Operators, From: now, To: midnight, Limit: walkInSlots,
	})
	out := make([]slotChoice, len(free))
	for i, f := range free {
		out[i] = slotChoice{Value: slotValue(booking.InPerson, f.Start), Start: f.Start, Mode: booking.InPerson, Checked: i == 0, First: i == 0}
	}
	return out, err
}

// walkInPost books the place; whoever gets it is here already.
func (s *Server) walkInPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.walkInView(r, me, r.PostFormValue("servizio"))
	if err != nil {
		return err
	}
	v.Name = strings.TrimSpace(r.PostFormValue("nome"))
	mode, start, ok := parseSlot(r.PostFormValue("orario"))
	if v.Chosen == nil || !ok {
		v.Trouble = "no_slot"
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/walkin.html", v)
	}
	hold, err := s.agenda.Book(r.Context(), booking.BookRequest{
		HoldRequest: booking.HoldRequest{
			ServiceID: v.Chosen.Service.ID, Start: start, Mode: mode, Channel: booking.ByWalkIn, Audience: booking.Operators,
		},
		Person: booking.Person{Surname: v.Name}, Actor: me.Actor(),
	})
	var field *booking.FieldError
	status := http.StatusUnprocessableEntity
	switch {
	case err == nil:
		page := s.lang(r).Path("/staff/reception/senza-appuntamento/" + hold.ID.String())
		s.setPassing(w, page, hold.Secret)
		http.Redirect(w, r, page, http.StatusSeeOther)
		return nil
	case errors.As(err, &field):
		v.NameErr = field.Code
	case errors.Is(err, booking.ErrSlotTaken): // the page has the times that are left
		v.Trouble, status = "taken", http.StatusConflict
	case errors.Is(err, booking.ErrNotBookable):
		v.Trouble = "not_bookable"
	default:
		return err
	}
	return s.staffRender(w, r, me, status, "staff/walkin.html", v)
}

// walkInDoneView is what to tell them. Code is empty where the page is opened
// again later.
type walkInDoneView struct {
	Appointment booking.Appointment
	Code        string
	QR          *qrView
}

func (s *Server) walkInDone(w http.ResponseWriter, r *http.Request, me *colleague) error {
	a, err := s.myAppointment(r, me)
	if err != nil {
		return err
	}
	if a.Channel != booking.ByWalkIn {
		return booking.ErrNotFound
	}
	v := walkInDoneView{Appointment: a}
	if c, err := r.Cookie(passing); err == nil {
		if own, err := s.agenda.BySecret(r.Context(), c.Value); err == nil && own.ID == a.ID {
			v.Code = s.agenda.Code(c.Value)
		}
	}
	if v.QR, err = qrOf(v.Code); err != nil {
		return err
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/walkin_done.html", v)
}
