package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
)

// clerkCard is one appointment in full.
type clerkCard struct {
	Row     clerkRow
	Guests  []booking.Guest
	Now     time.Time
	Note    string // what was typed, where it could not be stored
	NoteErr string
	// GuestLink is shown once, right after it was made.
	GuestLink string
	GuestName string
	GuestErr  string
	// GuestInterpreter is what was ticked.
	GuestInterpreter bool
	History          []booking.Appointment // of the same person, where it was asked for
	Looked           bool
}

func (s *Server) clerkAppointment(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.clerkCardOf(r, me)
	if err != nil {
		return err
	}
	if secret := s.passed(w, r); secret != "" && v.Row.Virtual() {
		v.GuestLink = s.link(s.lang(r).Path("/stanza#" + secret))
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/clerk_appointment.html", v)
}

// clerkCardOf is the card of the appointment of the path.
func (s *Server) clerkCardOf(r *http.Request, me *colleague) (*clerkCard, error) {
	a, err := s.clerkOwn(r, me)
	if err != nil {
		return nil, err
	}
	return s.clerkCard(r, a)
}

func (s *Server) clerkCard(r *http.Request, a booking.Appointment) (*clerkCard, error) {
	here, _ := s.presenceOf(r.Context(), []booking.Appointment{a})
	v := &clerkCard{Row: s.clerkRow(a, here[a.ID]), Now: s.today(), Note: a.StaffNote}
	var err error
	if a.Mode == booking.Virtual {
		v.Guests, err = s.agenda.Guests(r.Context(), a.ID)
	}
	for i := range v.Guests {
		g := &v.Guests[i]
		g.NotBefore, g.NotAfter = inZone(g.NotBefore, s.staff.zone), inZone(g.NotAfter, s.staff.zone)
	}
	return v, err
}

// clerkHistory shows what this person came for before, at this office. It is
// asked for on purpose, and noted, where the office allows it.
func (s *Server) clerkHistory(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.clerkCardOf(r, me)
	if err != nil {
		return err
	}
	v.Looked = true
	if v.History, err = s.agenda.History(r.Context(), v.Row.ID, me.Actor()); errors.Is(err, booking.ErrForbidden) {
		return errNoPage
	} else if err != nil {
		return err
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/clerk_appointment.html", v)
}

// clerkTransition moves an appointment along: called, served, not come.
func (s *Server) clerkTransition(w http.ResponseWriter, r *http.Request, me *colleague) error {
	a, err := s.clerkOwn(r, me)
	if err != nil {
		return err
	}
	to := booking.State(r.PostFormValue("stato"))
	key := map[booking.State]string{
		booking.Arrived: "staff.flash.marked_arrived", booking.Called: "staff.flash.called",
		booking.Served: "staff.flash.served", booking.NoShow: "staff.flash.no_show",
	}[to]
	if key == "" {
		return errBadForm
	}
	switch err := s.lead(r, me, a, to); {
	case errors.Is(err, booking.ErrState):
		s.tell(r.Context(), "warning", "staff.flash.state")
	case err != nil:
		return err
	default:
		s.tell(r.Context(), "success", key, "Time", a.Start.Format("15:04"))
	}
	http.Redirect(w, r, s.clerkBack(r, a), http.StatusSeeOther)
	return nil
}

// clerkCallAgain repeats a call in the hall.
func (s *Server) clerkCallAgain(w http.ResponseWriter, r *http.Request, me *colleague) error {
	a, err := s.clerkOwn(r, me)
	if err != nil {
		return err
	}
	switch _, err := s.agenda.CallAgain(r.Context(), a.ID, me.Actor()); {
	case errors.Is(err, booking.ErrState):
		s.tell(r.Context(), "warning", "staff.flash.state")
	case err != nil:
		return err
	default:
		s.tell(r.Context(), "success", "staff.flash.called_again", "Ticket", a.Ticket)
	}
	http.Redirect(w, r, s.clerkBack(r, a), http.StatusSeeOther)
	return nil
}

// lead goes through the states on the way. A clerk who calls somebody that
// nobody has marked sees that they are here; who was served was called.
func (s *Server) lead(r *http.Request, me *colleague, a booking.Appointment, to booking.State) error {
	if a.Start.Format(time.DateOnly) > s.today().Format(time.DateOnly) {
		return booking.ErrState // nobody comes before their day
	}
	var way []booking.State
	switch {
	case to == booking.Called && a.State == booking.Booked && a.Mode == booking.InPerson:
		way = []booking.State{booking.Arrived}
	case to == booking.Served && a.State == booking.Booked && a.Mode == booking.Virtual:
		way = []booking.State{booking.Called}
	}
	for _, state := range append(way, to) {
		if _, err := s.agenda.Transition(r.Context(), a.ID, state, me.Actor()); err != nil {
			return err
		}
	}
	return nil
}

// clerkBack is the page that the form stood on: the day, or the appointment.
func (s *Server) clerkBack(r *http.Request, a booking.Appointment) string {
	l := s.lang(r)
	if r.PostFormValue("vista") == "scheda" {
		return l.Path("/staff/sportello/" + a.ID.String())
	}
	if day := a.Start.Format(time.DateOnly); day != s.today().Format(time.DateOnly) {
		return l.Path("/staff/sportello?giorno=" + day)
	}
	return l.Path("/staff/sportello")
}

func (s *Server) clerkNote(w http.ResponseWriter, r *http.Request, me *colleague) error {
	a, err := s.clerkOwn(r, me)
	if err != nil {
		return err
	}
	var field *booking.FieldError
	err = s.agenda.SetStaffNote(r.Context(), a.ID, r.PostFormValue("prima"), r.PostFormValue("nota"), me.Actor())
	if errors.As(err, &field) {
		v, err := s.clerkCardOf(r, me) // with what a colleague may have written meanwhile
		if err != nil {
			return err
		}
		v.Note, v.NoteErr = r.PostFormValue("nota"), field.Code
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/clerk_appointment.html", v)
	}
	if err != nil {
		return err
	}
	s.tell(r.Context(), "success", "staff.flash.note")
	http.Redirect(w, r, s.lang(r).Path("/staff/sportello/"+a.ID.String()), http.StatusSeeOther)
	return nil
}

// clerkRoom opens the room: a grant of the clerk's own, in the fragment of
// the address, which no server and no log ever sees.
func (s *Server) clerkRoom(w http.ResponseWriter, r *http.Request, me *colleague) error {
	a, err := s.clerkOwn(r, me)
	if err != nil {
		return err
	}
	if a.Mode != booking.Virtual || a.State == booking.Cancelled {
		return booking.ErrNotFound
	}
	secret, err := s.agenda.HostGrant(r.Context(), a.ID, me.Staff)
	if errors.Is(err, booking.ErrState) {
		s.tell(r.Context(), "warning", "staff.flash.state")
		http.Redirect(w, r, s.clerkBack(r, a), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	// Whoever may come in by now is called by it, and may come back later.
	if state := a.State; !s.now().Before(a.Start.Add(-s.joinBefore)) && (state == booking.Booked || state == booking.Arrived) {
		if _, err := s.agenda.Transition(r.Context(), a.ID, booking.Called, me.Actor()); err != nil && !errors.Is(err, booking.ErrState) {
			return err
		}
	}
	http.Redirect(w, r, s.lang(r).Path("/stanza#"+secret), http.StatusSeeOther)
	return nil
}

// clerkGuest makes a link for a third person: an interpreter, a relative, a
// colleague of another office.
func (s *Server) clerkGuest(w http.ResponseWriter, r *http.Request, me *colleague) error {
	a, err := s.clerkOwn(r, me)
	if err != nil {
		return err
	}
	if a.Mode != booking.Virtual {
		return booking.ErrNotFound
	}
	name := strings.TrimSpace(r.PostFormValue("nome"))
	interpreter := r.PostFormValue("interprete") != ""
	secret, _, err := s.agenda.GuestGrant(r.Context(), a.ID, name, interpreter, me.Actor())
	var field *booking.FieldError
	page := s.lang(r).Path("/staff/sportello/" + a.ID.String())
	switch {
	case errors.As(err, &field):
		v, err := s.clerkCard(r, a)
		if err != nil {
			return err
		}
		v.GuestName, v.GuestInterpreter, v.GuestErr = name, interpreter, field.Code
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/clerk_appointment.html", v)
	case errors.Is(err, booking.ErrState):
		s.tell(r.Context(), "warning", "staff.flash.state")
	case err != nil:
		return err
	default:
		s.setPassing(w, page, secret)
		s.tell(r.Context(), "success", "staff.flash.guest")
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
	return nil
}

func (s *Server) clerkRevoke(w http.ResponseWriter, r *http.Request, me *colleague) error {
	a, err := s.clerkOwn(r, me)
	if err != nil {
		return err
	}
	grant, err := uuid.Parse(r.PathValue("grant"))
	if err != nil {
		return errNoPage
	}
	guests, err := s.agenda.Guests(r.Context(), a.ID)
	if err != nil {
		return err
	}
	for _, g := range guests {
		if g.GrantID != grant {
			continue
		}
		if err := s.agenda.RevokeGrant(r.Context(), grant, me.Actor()); err != nil {
			return err
		}
		s.tell(r.Context(), "success", "staff.flash.revoked")
		http.Redirect(w, r, s.lang(r).Path("/staff/sportello/"+a.ID.String()), http.StatusSeeOther)
		return nil
	}
	return booking.ErrNotFound // of another appointment, or of nobody
}
