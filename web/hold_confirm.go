package web

import (
	"errors"
	"net/http"

	"sportello/booking"
	"sportello/booking/notify"
)

// summaryView is the last step: everything once more.
type summaryView struct {
	Stepper     stepper
	Recap       recap
	Appointment booking.Appointment
	Back        string
	Base        string // of the links that change something
	TooMany     bool
}

func (s *Server) holdSummary(w http.ResponseWriter, r *http.Request) error {
	a, _, done, err := s.typing(w, r, stepSummary)
	if done {
		return err
	}
	if a.Person.Surname == "" {
		http.Redirect(w, r, s.lang(r).Path(holdPath(a.ID, stepPerson)), http.StatusSeeOther)
		return nil
	}
	return s.showSummary(w, r, a, http.StatusOK)
}

// showSummary shows the last step; a status of a conflict says that this person
// has as many appointments as the office allows.
func (s *Server) showSummary(w http.ResponseWriter, r *http.Request, a booking.Appointment, status int) error {
	l := s.lang(r)
	v := summaryView{
		Stepper: newStepper(l, stepSummary), Recap: s.recapOf(a), Appointment: a,
		Back: l.Path(holdPath(a.ID, stepPerson)), Base: l.Path(holdPath(a.ID, stepCount)), TooMany: status == http.StatusConflict,
	}
	return s.render(w, r, status, "public/summary.html", Page{Data: v, Crumbs: bookingCrumbs(l), NoSwitch: v.TooMany})
}

// holdConfirm books. The agenda's Confirm is idempotent, so a second click
// ends at the same confirmation.
func (s *Server) holdConfirm(w http.ResponseWriter, r *http.Request) error {
	a, secret, err := s.held(w, r)
	if err != nil {
		return err
	}
	if s.saves(w, r, a) {
		return nil
	}
	l := s.lang(r)
	_, err = s.agenda.Confirm(r.Context(), a.ID, secret)
	switch {
	case errors.Is(err, booking.ErrHoldExpired):
		return s.holdExpired(w, r, a, stepSummary)
	case errors.Is(err, booking.ErrTooMany):
		return s.showSummary(w, r, a, http.StatusConflict)
	case errors.Is(err, booking.ErrIncomplete):
		http.Redirect(w, r, l.Path(holdPath(a.ID, stepPerson)), http.StatusSeeOther)
		return nil
	case err != nil && !errors.Is(err, booking.ErrState): // cancelled meanwhile: the next page says so
		return err
	}
	http.Redirect(w, r, l.Path(holdPath(a.ID, stepCount)+"/conferma"), http.StatusSeeOther)
	return nil
}

// doneView is the confirmation.
type doneView struct {
	Appointment booking.Appointment
	Code        string
	QR          *qrView
	Rating      ratingView
	ManageLink  string // absolute, with the secret in its fragment
	RoomLink    string // "" in person
	Calendar    string
	OpensMin    int // a virtual counter opens so many minutes before
	// Told says where a message with all this goes; "" where none does.
	Told string
}

// holdDone is the confirmation page. It can be reloaded as long as the
// browser keeps the cookie; afterwards the code and the link lead on.
func (s *Server) holdDone(w http.ResponseWriter, r *http.Request) error {
	a, secret, err := s.held(w, r)
	if err != nil {
		return err
	}
	l := s.lang(r)
	if a.State == booking.Held || a.State == booking.Expired {
		http.Redirect(w, r, l.Path(holdPath(a.ID, stepSummary)), http.StatusSeeOther)
		return nil
	}
	v := doneView{
		Appointment: a, Code: s.agenda.Code(secret), ManageLink: s.manageLink(l, secret),
		Calendar: l.Path(holdPath(a.ID, stepCount) + "/appuntamento.ics"), OpensMin: Minutes(s.joinBefore), Told: s.promise(l, a.Person),
	}
	if v.QR, err = qrOf(v.Code); err != nil {
		return err
	}
	v.Rating = ratingOf(a, r, l.Path(holdPath(a.ID, stepCount)+"/valutazione"))
	if a.Mode == booking.Virtual {
		v.RoomLink = s.roomLink(l, secret)
	}
	return s.render(w, r, http.StatusOK, "public/done.html", Page{Data: v, Crumbs: bookingCrumbs(l)})
}

// promise says where a message goes, if the channel is there and used.
func (s *Server) promise(l *Language, p booking.Person) string {
	switch s.channels.For(p) {
	case notify.ByMail:
		return l.T("mail.done_mail", "Address", p.Email)
	case notify.ByText:
		return l.T("mail.done_text", "Address", p.Phone)
	case notify.NoChannel:
	}
	return ""
}

// roomLink is where a virtual appointment is held; the secret stands in the
// fragment, which no browser sends.
func (s *Server) roomLink(l *Language, secret string) string {
	return s.link(l.Path("/stanza#" + secret))
}

func (s *Server) holdCalendar(w http.ResponseWriter, r *http.Request) error {
	a, secret, err := s.held(w, r)
	if err != nil {
		return err
	}
	if a.State == booking.Held || a.State == booking.Expired {
		return errNoPage
	}
	return s.writeCalendar(w, r, a, secret)
}
