package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
	"sportello/booking/notify"
)

// operatorView is the operator's one page: what is asked for, when, and who
// calls. Whatever was typed stays, whatever happens.
type operatorView struct {
	Services []serviceChoice
	Query    string          // what was typed for the service
	Several  []serviceChoice // what it may mean
	Chosen   *serviceChoice
	Add      []serviceLink // what can be done in the same appointment
	Leave    []serviceLink // what of it can be left out again
	From     string        // the day to look from, as 2026-11-23
	Today    string
	Modes    []modeSlots

	Slot      string
	Person    booking.Person
	Note      string
	StaffNote string
	Errors    map[string]string     // field → code
	Trouble   string                // "taken", "not_bookable", "no_slot", "already"
	Already   []booking.Appointment // what the caller has for the service
	Until     string                // the last day that serves who waits for a slot
	Next      []slotChoice          // what is free instead

	Search  string // who calls: name, phone or code
	Found   []booking.Person
	Coming  []booking.Appointment // theirs, from today on
	InLine  []booking.Appointment // theirs on waiting lists
	Looked  bool
	TooWide bool
}

func (s *Server) operatorPage(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.operatorView(r, me, r.URL.Query().Get("servizio"), r.URL.Query().Get("dal"))
	if err != nil {
		return err
	}
	v.Person.Language = s.lang(r).Code
	if len(v.Modes) > 0 && len(v.Modes[0].Days) > 0 {
		v.Modes[0].Days[0].Slots[0].Focus = true
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/operator.html", v)
}

// operatorSlots is the part of the page with the free starts, for a script
// that changes the service without losing what is typed.
func (s *Server) operatorSlots(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.operatorView(r, me, r.URL.Query().Get("servizio"), r.URL.Query().Get("dal"))
	if err != nil {
		return err
	}
	return s.staffFragment(w, r, "staff/operator.html", "slots", v)
}

// staffFragment answers with one part of a page.
func (s *Server) staffFragment(w http.ResponseWriter, r *http.Request, page, name string, data any) error {
	b, err := s.fragment(s.lang(r), page, name, data)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	writeBody(r, w, s.log, b)
	return nil
}

// operatorView finds the service that was typed and its free starts.
func (s *Server) operatorView(r *http.Request, me *colleague, query, from string) (*operatorView, error) {
	v := &operatorView{Query: truncate(query, 200), Today: s.today().Format(time.DateOnly), Errors: map[string]string{}}
	var err error
	if v.Services, err = s.serviceChoices(r.Context(), s.lang(r), me); err != nil {
		return nil, err
	}
	start := s.now()
	if day, ok := s.parseDay(from); ok && day.After(start) {
		start, v.From = day, from
	}
	found, err := s.servicesMeant(r.Context(), s.lang(r), v.Services, v.Query)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		v.Several = found
		return v, nil
	}
	v.Chosen = &found[0]
	v.Query = v.Chosen.Label
	if v.Add, v.Leave, err = s.joinLinks(r.Context(), s.lang(r), *v.Chosen); err != nil {
		return nil, err
	}
	v.Modes, err = s.freeSlots(r.Context(), v.Chosen.Service, start, r.FormValue("orario"))
	return v, err
}

// parseDay reads a calendar date of the town.
func (s *Server) parseDay(text string) (time.Time, bool) {
	day, err := time.ParseInLocation(time.DateOnly, text, s.staff.zone)
	return day, err == nil && day.Year() > 2000 && day.Year() < 2200
}

// typed takes over what the form brought.
func (v *operatorView) typed(r *http.Request) {
	v.Slot = truncate(r.PostFormValue("orario"), 60)
	v.Person = booking.Person{
		Name: strings.TrimSpace(r.PostFormValue("nome")), Surname: strings.TrimSpace(r.PostFormValue("cognome")),
		Email: strings.TrimSpace(r.PostFormValue("email")), Phone: strings.TrimSpace(r.PostFormValue("telefono")),
		Language: r.PostFormValue("lingua"),
	}
	v.Until = r.PostFormValue("entro")
	v.Note, v.StaffNote = r.PostFormValue("motivo"), r.PostFormValue("nota")
	v.Search = truncate(strings.TrimSpace(r.PostFormValue("chi")), 100)
}

// operatorPost books. It answers with the same page where it cannot: the slot
// may have gone to somebody else while the caller was talking.
func (s *Server) operatorPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.operatorView(r, me, r.PostFormValue("servizio"), r.PostFormValue("dal"))
	if err != nil {
		return err
	}
	v.typed(r)
	if r.PostFormValue("azione") == "compila" || v.Chosen == nil {
		return s.staffRender(w, r, me, http.StatusOK, "staff/operator.html", v)
	}
	if r.PostFormValue("azione") == "attesa" {
		return s.operatorWait(w, r, me, v)
	}
	mode, start, ok := parseSlot(v.Slot)
	if !ok {
		v.Trouble = "no_slot"
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/operator.html", v)
	}
	hold, err := s.agenda.Book(r.Context(), booking.BookRequest{
		HoldRequest: booking.HoldRequest{
			ServiceID: v.Chosen.Service.ID, Also: v.Chosen.Service.Also, Start: start, Mode: mode, Channel: booking.ByOperator, Audience: booking.Operators,
		},
		Person: v.Person, Note: v.Note, StaffNote: v.StaffNote, Actor: me.Actor(),
		Once: r.PostFormValue("azione") != "comunque",
	})
	if err != nil {
		return s.operatorTrouble(w, r, me, v, mode, err)
	}
	// The code is derived from the secret, which is nowhere stored: a cookie
	// for that one page carries it over the redirect.
	return s.passOn(w, r, "/staff/operatore/fatto/"+hold.ID.String(), hold.Secret)
}

// operatorTrouble shows why it could not be booked, with all that was typed.
func (s *Server) operatorTrouble(w http.ResponseWriter, r *http.Request, me *colleague, v *operatorView, mode booking.Mode, err error) error {
	var field *booking.FieldError
	var taken *booking.SlotTakenError
	var already *booking.AlreadyError
	status := http.StatusUnprocessableEntity
	switch {
	case errors.As(err, &field):
		v.Errors[field.Field] = field.Code
	case errors.As(err, &taken):
		v.Trouble, status = "taken", http.StatusConflict
		for i, n := range taken.Next {
			if i < 6 {
				v.Next = append(v.Next, slotChoice{Value: slotValue(mode, n.Start), Start: n.Start, Mode: mode, Checked: i == 0})
			}
		}
	case errors.As(err, &already):
		v.Trouble, v.Already, status = "already", already.Coming, http.StatusConflict
	case errors.Is(err, booking.ErrNotBookable):
		v.Trouble = "not_bookable"
	default:
		return err
	}
	return s.staffRender(w, r, me, status, "staff/operator.html", v)
}

// passing is the name of the cookie that carries a fresh secret to one page.
const passing = "sv_once"

func (s *Server) setPassing(w http.ResponseWriter, path, secret string) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the public address: http in development
		Name: passing, Value: secret, Path: path, MaxAge: 15 * 60,
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteStrictMode,
	})
}

// passOn leads to a page that shows a fresh secret once.
func (s *Server) passOn(w http.ResponseWriter, r *http.Request, path, secret string) error {
	page := s.lang(r).Path(path)
	s.setPassing(w, page, secret)
	http.Redirect(w, r, page, http.StatusSeeOther)
	return nil
}

// passed takes the secret that the last page left for this one, once.
func (s *Server) passed(w http.ResponseWriter, r *http.Request) string {
	c, err := r.Cookie(passing)
	if err != nil {
		return ""
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the public address: http in development
		Name: passing, Path: r.URL.Path, MaxAge: -1,
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteStrictMode,
	})
	return c.Value
}

// operatorDone shows the code to read out.
func (s *Server) operatorDone(w http.ResponseWriter, r *http.Request, me *colleague) error {
	a, err := s.myAppointment(r, me)
	if err != nil {
		return err
	}
	v := operatorDoneView{Appointment: a, Waits: a.State == booking.Held || a.State == booking.Expired}
	switch s.channels.For(a.Person) {
	case notify.ByMail:
		v.Told = s.lang(r).T("staff.done.told_mail", "Address", a.Person.Email)
	case notify.ByText:
		v.Told = s.lang(r).T("staff.done.told_text", "Address", a.Person.Phone)
	case notify.NoChannel:
	}
	if c, err := r.Cookie(passing); err == nil {
		if own, err := s.agenda.BySecret(r.Context(), c.Value); err == nil && own.ID == a.ID {
			v.Code = s.agenda.Code(c.Value)
			v.Spelled = spell(v.Code, s.lang(r).Code)
			v.Link = s.link("/" + a.Person.Language + "/appuntamento#" + c.Value)
		}
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/operator_done.html", v)
}

// operatorDoneView is an appointment that was just made. Code is empty where the page
// is opened again later: the secret is gone by then.
type operatorDoneView struct {
	Appointment booking.Appointment
	Code        string
	Spelled     []spelled
	Link        string
	Told        string // where a message goes; "" where none does
	Waits       bool   // on the waiting list: there is no time yet
}

// myAppointment is the appointment of the path, where its office is the
// colleague's business: another's is answered like one that is not there.
func (s *Server) myAppointment(r *http.Request, me *colleague) (booking.Appointment, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return booking.Appointment{}, errNoPage
	}
	a, err := s.agenda.Get(r.Context(), id)
	if err != nil {
		return a, err
	}
	if !me.MayOffice(a.Office.ID) {
		return booking.Appointment{}, booking.ErrNotFound
	}
	return a, nil
}
