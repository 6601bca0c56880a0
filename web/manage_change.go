package web

import (
	"errors"
	"net/http"
	"time"

	"sportello/booking"
)

// cancelView asks once more before an appointment is cancelled.
type cancelView struct {
	Appointment booking.Appointment
	Base        string
}

// changing prepares a page that changes an appointment. Where it cannot be
// changed any more, the appointment's own page says why.
func (s *Server) changing(w http.ResponseWriter, r *http.Request) (booking.Appointment, bool, error) {
	a, _, done, err := s.managed(w, r)
	if done {
		return a, true, err
	}
	if !s.changeable(a) {
		s.backToManaged(w, r, a, "")
		return a, true, nil
	}
	return a, false, nil
}

func (s *Server) backToManaged(w http.ResponseWriter, r *http.Request, a booking.Appointment, done string) {
	to := s.lang(r).Path("/appuntamento/" + a.ID.String())
	if done != "" {
		to += "?" + done + "=1"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *Server) manageCancel(w http.ResponseWriter, r *http.Request) error {
	a, done, err := s.changing(w, r)
	if done {
		return err
	}
	l := s.lang(r)
	base := l.Path("/appuntamento/" + a.ID.String())
	return s.render(w, r, http.StatusOK, "public/cancel.html", Page{
		Data:   cancelView{Appointment: a, Base: base},
		Crumbs: []Crumb{{Text: l.T("nav.manage"), Path: base}, {Text: l.T("cancel.title")}},
	})
}

func (s *Server) manageCancelPost(w http.ResponseWriter, r *http.Request) error {
	a, done, err := s.changing(w, r)
	if done {
		return err
	}
	err = s.agenda.Cancel(r.Context(), a.ID, booking.Actor{})
	if err != nil && !unchangeable(err) {
		return err
	}
	what := "disdetto"
	if err != nil {
		what = "" // changed meanwhile: its page shows how it stands
	}
	s.backToManaged(w, r, a, what)
	return nil
}

// manageTakeBack undoes the citizen's own cancellation, while the time is free.
func (s *Server) manageTakeBack(w http.ResponseWriter, r *http.Request) error {
	a, secret, done, err := s.managed(w, r)
	if done {
		return err
	}
	_, err = s.agenda.TakeBack(r.Context(), a.ID, secret)
	what := "ripreso"
	switch {
	case errors.Is(err, booking.ErrTooMany):
		what = "troppi"
	case forReader(err):
		what = "perso"
	case err != nil && unchangeable(err):
		what = ""
	case err != nil:
		return err
	}
	s.backToManaged(w, r, a, what)
	return nil
}

// unchangeable says whether the appointment changed under the reader's hands.
func unchangeable(err error) bool {
	return errors.Is(err, booking.ErrState) || errors.Is(err, booking.ErrTooLateToChange)
}

// moveView chooses a new time for an appointment.
type moveView struct {
	Appointment booking.Appointment
	Recap       recap
	Picker      timePicker
	Heads       []time.Time
	Back        string
}

func (s *Server) manageMove(w http.ResponseWriter, r *http.Request) error {
	a, done, err := s.changing(w, r)
	if done {
		return err
	}
	return s.showMove(w, r, a, nil)
}

func (s *Server) showMove(w http.ResponseWriter, r *http.Request, a booking.Appointment, cause error) error {
	l := s.lang(r)
	z, err := zone(a.Office)
	if err != nil {
		return err
	}
	base := l.Path("/appuntamento/" + a.ID.String())
	picker, err := s.pick(r.Context(), pickRequest{Service: a.Service, Zone: z, Base: base + "/sposta", Query: r.URL.Query(), Fixed: a.Mode})
	if err != nil {
		return err
	}
	status := picker.explain(l, cause, r.PostFormValue("inizio"))
	return s.render(w, r, status, "public/move.html", Page{
		Data:     moveView{Appointment: a, Recap: s.recapOf(a), Picker: picker, Heads: weekdayHeads(), Back: base},
		Crumbs:   []Crumb{{Text: l.T("nav.manage"), Path: base}, {Text: l.T("move.title")}},
		NoSwitch: cause != nil,
	})
}

// manageMovePost moves the appointment in one step: the old time is given up
// only where the new one is had.
func (s *Server) manageMovePost(w http.ResponseWriter, r *http.Request) error {
	a, done, err := s.changing(w, r)
	if done {
		return err
	}
	start, err := chosenStart(r)
	if err == nil {
		_, err = s.agenda.Reschedule(r.Context(), a.ID, start, booking.Actor{})
	}
	switch {
	case forReader(err):
		return s.showMove(w, r, a, err)
	case err != nil && unchangeable(err):
		s.backToManaged(w, r, a, "")
		return nil
	case err != nil:
		return err
	}
	s.backToManaged(w, r, a, "spostato")
	return nil
}
