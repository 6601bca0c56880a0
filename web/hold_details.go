package web

import (
	"errors"
	"net/http"
	"strings"

	"sportello/booking"
)

// noteLimit is the agenda's; the form says it before the agenda has to.
const noteLimit = 2000

// detailsView is the step where the citizen says more.
type detailsView struct {
	Stepper stepper
	Recap   recap
	Back    string
	Note    string
	Limit   int
	Errors  formErrors
}

func (s *Server) holdDetails(w http.ResponseWriter, r *http.Request) error {
	a, _, done, err := s.typing(w, r, stepDetails)
	if done {
		return err
	}
	return s.showDetails(w, r, a, a.Note, nil)
}

func (s *Server) showDetails(w http.ResponseWriter, r *http.Request, a booking.Appointment, note string, mistakes formErrors) error {
	l := s.lang(r)
	v := detailsView{
		Stepper: newStepper(l, stepDetails), Recap: s.recapOf(a), Back: l.Path(holdPath(a.ID, stepTime)),
		Note: note, Limit: noteLimit, Errors: mistakes,
	}
	return s.render(w, r, statusOf(mistakes), "public/details.html", Page{Data: v, Crumbs: bookingCrumbs(l), NoSwitch: len(mistakes) > 0})
}

// statusOf is 422 for a form with mistakes.
func statusOf(e formErrors) int {
	if len(e) > 0 {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// holdDetailsPost keeps the note first and looks at the hold's time after, so
// that a hold which ran out costs nobody what they wrote.
func (s *Server) holdDetailsPost(w http.ResponseWriter, r *http.Request) error {
	a, secret, err := s.held(w, r)
	if err != nil {
		return err
	}
	note := strings.ReplaceAll(r.PostFormValue("note"), "\r\n", "\n")
	err = s.agenda.SetNote(r.Context(), a.ID, secret, note)
	var mistakes formErrors
	if mistakes.addFrom(s.lang(r), err) {
		return s.showDetails(w, r, a, note, mistakes)
	}
	if err != nil && !errors.Is(err, booking.ErrState) {
		return err
	}
	if s.saves(w, r, a) {
		return nil
	}
	if s.over(a) {
		return s.holdExpired(w, r, a, stepPerson)
	}
	http.Redirect(w, r, s.lang(r).Path(holdPath(a.ID, stepPerson)), http.StatusSeeOther)
	return nil
}
