package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
)

const (
	holdCookie = "prenotazione"
	// holdKept is how long a browser can come back to its booking: enough for
	// a hold that was renewed and for reading the confirmation again, little
	// enough for a shared computer.
	holdKept = 2 * time.Hour
)

// holdPath is the address of a step of a hold.
func holdPath(id uuid.UUID, x step) string {
	name := map[step]string{
		stepTime: "/orario", stepDetails: "/dettagli", stepPerson: "/richiedente", stepSummary: "/riepilogo",
	}[x]
	return "/prenota/h/" + id.String() + name
}

// keepHold gives the browser the hold's secret, for the pages of this hold
// only: several bookings in several tabs do not meet.
func (s *Server) keepHold(w http.ResponseWriter, h booking.Hold) {
	s.keepSecret(w, h.ID, h.Secret, holdKept)
}

// keepSecret is keepHold for as long as one likes.
func (s *Server) keepSecret(w http.ResponseWriter, id uuid.UUID, secret string, long time.Duration) {
	for _, l := range s.texts.languages {
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the public address: http in development
			Name: holdCookie, Value: secret, Path: l.Path("/prenota/h/" + id.String()),
			HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode, MaxAge: int(max(long, holdKept) / time.Second),
		})
	}
}

// held finds the hold that a request is about and proves that it is this
// browser's. It keeps the page out of every cache.
func (s *Server) held(w http.ResponseWriter, r *http.Request) (booking.Appointment, string, error) {
	noStore(w)
	id, err := uuid.Parse(r.PathValue("hold"))
	if err != nil {
		return booking.Appointment{}, "", errNoPage
	}
	c, err := r.Cookie(holdCookie)
	if err != nil {
		return booking.Appointment{}, "", errNoPage
	}
	a, err := s.agenda.HoldBySecret(r.Context(), id, c.Value)
	return a, c.Value, err
}

// over says whether a hold's time is up.
func (s *Server) over(a booking.Appointment) bool {
	return a.State == booking.Expired || a.State == booking.Held && !s.now().Before(a.HoldExpiresAt)
}

// typing prepares a page of the steps after the time: it answers by itself
// (done) where the booking is confirmed already or the hold is over.
func (s *Server) typing(w http.ResponseWriter, r *http.Request, x step) (a booking.Appointment, secret string, done bool, err error) {
	if a, secret, err = s.held(w, r); err != nil {
		return a, secret, true, err
	}
	switch {
	case s.over(a):
		return a, secret, true, s.holdExpired(w, r, a, x)
	case a.State != booking.Held:
		http.Redirect(w, r, s.lang(r).Path(holdPath(a.ID, stepCount)+"/conferma"), http.StatusSeeOther)
		return a, secret, true, nil
	}
	return a, secret, false, nil
}

// bookResume leads to the first step that still lacks something. A browser that
// does not have the request is asked for its link.
func (s *Server) bookResume(w http.ResponseWriter, r *http.Request) error {
	if _, err := r.Cookie(holdCookie); err != nil && uuid.Validate(r.PathValue("hold")) == nil {
		noStore(w)
		return s.showResume(w, r, resumeView{})
	}
	a, _, done, err := s.typing(w, r, stepDetails)
	if done {
		return err
	}
	x := stepDetails
	if a.Person.Surname != "" {
		x = stepSummary
	}
	http.Redirect(w, r, s.lang(r).Path(holdPath(a.ID, x)), http.StatusSeeOther)
	return nil
}

// expiredView offers other times for a hold whose time is up.
type expiredView struct {
	Stepper stepper
	Recap   recap
	Action  string
	Choose  string // the page with all times
	Return  string // the step to come back to
	Offers  []booking.Slot
}

// holdExpired says that the hold is over, that nothing typed is lost, and
// what is free now.
func (s *Server) holdExpired(w http.ResponseWriter, r *http.Request, a booking.Appointment, x step) error {
	l := s.lang(r)
	offers, err := s.agenda.FirstFree(r.Context(), []int64{a.Service.ID}, a.Mode, booking.Public, offersCount, a.Service.Also...)
	if err != nil {
		return err
	}
	lost := s.recapOf(a)
	lost.Start = time.Time{} // the time is nobody's now
	v := expiredView{
		Stepper: newStepper(l, stepTime), Recap: lost, Offers: offers,
		Action: l.Path(holdPath(a.ID, stepTime)), Choose: l.Path(holdPath(a.ID, stepTime)), Return: x.key(),
	}
	return s.render(w, r, http.StatusOK, "public/expired.html", Page{Data: v, Crumbs: bookingCrumbs(l), NoSwitch: r.Method != http.MethodGet})
}

// holdTime chooses another time for a hold, alive or over; what was typed stays.
func (s *Server) holdTime(w http.ResponseWriter, r *http.Request) error {
	a, _, err := s.held(w, r)
	if err != nil {
		return err
	}
	return s.showHoldTime(w, r, a, nil)
}

func (s *Server) showHoldTime(w http.ResponseWriter, r *http.Request, a booking.Appointment, cause error) error {
	l := s.lang(r)
	if a.State != booking.Held && a.State != booking.Expired {
		http.Redirect(w, r, l.Path(holdPath(a.ID, stepCount)+"/conferma"), http.StatusSeeOther)
		return nil
	}
	z, err := zone(a.Office)
	if err != nil {
		return err
	}
	picker, err := s.pick(r.Context(), pickRequest{
		Service: a.Service, Zone: z, Base: l.Path(holdPath(a.ID, stepTime)), Query: r.URL.Query(), Fixed: a.Mode,
	})
	if err != nil {
		return err
	}
	status := picker.explain(l, cause, r.PostFormValue("inizio"))
	v := timeView{Stepper: newStepper(l, stepTime), Recap: s.recapOf(a), Picker: picker, Heads: weekdayHeads()}
	if !s.over(a) {
		v.Back = l.Path(holdPath(a.ID, stepDetails))
	}
	return s.render(w, r, status, "public/time.html", Page{Data: v, Crumbs: bookingCrumbs(l), NoSwitch: cause != nil})
}

// holdTimePost moves the hold, or renews it, and goes back to where the
// reader was.
func (s *Server) holdTimePost(w http.ResponseWriter, r *http.Request) error {
	a, secret, err := s.held(w, r)
	if err != nil {
		return err
	}
	start, err := chosenStart(r)
	if err == nil {
		_, err = s.agenda.Rehold(r.Context(), a.ID, secret, start)
	}
	if forReader(err) {
		return s.showHoldTime(w, r, a, err)
	}
	if err != nil && !errors.Is(err, booking.ErrState) { // confirmed meanwhile: the next page says so
		return err
	}
	next := stepDetails
	for x := stepDetails; x < stepCount; x++ {
		if r.PostFormValue("passo") == x.key() {
			next = x
		}
	}
	http.Redirect(w, r, s.lang(r).Path(holdPath(a.ID, next)), http.StatusSeeOther)
	return nil
}
