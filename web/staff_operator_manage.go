package web

import (
	"errors"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"sportello/booking"
)

// operatorSearch finds who calls, and what they have booked: one field for
// name, phone or code. It is a POST although it changes nothing, so that
// nobody's name or number stands in an address.
func (s *Server) operatorSearch(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.operatorView(r, me, r.PostFormValue("servizio"), r.PostFormValue("dal"))
	if err != nil {
		return err
	}
	v.typed(r)
	if err := s.findCaller(r, me, v); err != nil {
		return err
	}
	if r.Header.Get("X-Fragment") != "" {
		return s.staffFragment(w, r, "staff/operator.html", "found", v)
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/operator.html", v)
}

func (s *Server) findCaller(r *http.Request, me *colleague, v *operatorView) error {
	const limit, looked = 8, 100 // those of other offices are left out
	v.Looked = true
	if utf8.RuneCountInString(foldText(v.Search)) < 3 {
		v.TooWide = true
		return nil
	}
	inLine, err := s.agenda.InLine(r.Context(), v.Search, looked)
	if err != nil {
		return err
	}
	for _, a := range inLine {
		if me.MayOffice(a.Office.ID) && len(v.InLine) < limit {
			v.InLine = append(v.InLine, a)
		}
	}
	// A code names one appointment; anything else is looked for in the names.
	a, err := s.agenda.ByShortCode(r.Context(), v.Search)
	switch {
	case err == nil && me.MayOffice(a.Office.ID):
		v.Coming = []booking.Appointment{a}
		if a.Person.Surname != "" {
			v.Found = []booking.Person{a.Person}
		}
		return nil
	case err != nil && !errors.Is(err, booking.ErrNotFound):
		return err
	}
	if v.Found, err = s.agenda.SearchPerson(r.Context(), v.Search, me.Offices, limit); err != nil {
		return err
	}
	list, err := s.agenda.List(r.Context(), booking.AgendaQuery{
		Text: v.Search, States: []booking.State{booking.Booked, booking.Arrived, booking.Called},
	})
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.End.After(s.now()) && me.MayOffice(a.Office.ID) && len(v.Coming) < limit {
			v.Coming = append(v.Coming, a)
		}
	}
	return nil
}

// changer is where an appointment is changed from: the operator's page, or the
// clerk's.
type changer struct {
	find func(*http.Request, *colleague) (booking.Appointment, error)
	page func(booking.Appointment) string // its card, with /sposta and /disdici below
	back func(booking.Appointment) string // where the card was opened
	way  string                           // the catalogue's key of the link there
	// done is where to go after a move of what was there before.
	done func(booking.Appointment) string
	// seen is where what was moved can be seen now, where that is another page.
	seen func(*http.Request, *colleague, booking.Appointment) (string, error)
}

func (s *Server) atOperator() changer {
	card := func(a booking.Appointment) string { return "/staff/operatore/appuntamento/" + a.ID.String() }
	return changer{
		find: s.myAppointment, page: card, done: card, way: "staff.card.back",
		back: func(booking.Appointment) string { return "/staff/operatore" },
		seen: func(*http.Request, *colleague, booking.Appointment) (string, error) { return "", nil },
	}
}

// atClerk ends on the day that the clerk works on, which goes on; what was moved
// is a link away. At a desk of somebody else's the clerk does not see it any more.
func (s *Server) atClerk() changer {
	day := func(a booking.Appointment) string { return "/staff/sportello?giorno=" + a.Start.Format(time.DateOnly) }
	return changer{
		find: s.clerkOwn, back: day, done: day, way: "staff.card.back_day",
		page: func(a booking.Appointment) string { return "/staff/sportello/" + a.ID.String() + "/cambia" },
		seen: func(r *http.Request, me *colleague, a booking.Appointment) (string, error) {
			desks, err := s.myDesks(r.Context(), me)
			if err != nil || !slices.ContainsFunc(desks, func(d booking.Desk) bool { return d.ID == a.DeskID }) {
				return "", err
			}
			return day(a) + "#r-" + a.ID.String(), nil
		},
	}
}

// operatorCard is an appointment as the operator or the clerk changes it.
type operatorCard struct {
	Page, Back  string
	Way         string
	Appointment booking.Appointment
	MayChange   bool // it can be cancelled
	MayMove     bool
	From, Today string
	Modes       []modeSlots
	Waiting     *booking.Waiting // where it is a place on a waiting list
	Trouble     string
	Next        []slotChoice
}

func (s *Server) changeCard(w http.ResponseWriter, r *http.Request, me *colleague, c changer) error {
	a, err := c.find(r, me)
	if err != nil {
		return err
	}
	v, err := s.operatorCard(r, a, c, r.URL.Query().Get("dal"))
	if err != nil {
		return err
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/operator_appointment.html", v)
}

func (s *Server) operatorCard(r *http.Request, a booking.Appointment, c changer, from string) (*operatorCard, error) {
	l := s.lang(r)
	v := &operatorCard{Page: l.Path(c.page(a)), Back: l.Path(c.back(a)), Way: c.way, Appointment: a, Today: s.today().Format(time.DateOnly), MayChange: a.State == booking.Booked || a.State == booking.Arrived}
	v.MayMove = a.State == booking.Booked
	if a.State == booking.Held || a.State == booking.Expired {
		waits, err := s.agenda.WaitingOf(r.Context(), a.ID)
		if err != nil {
			return nil, err // a hold that somebody else has begun is nobody's business
		}
		waits.OfferEnds = inZone(waits.OfferEnds, s.staff.zone)
		v.Waiting = &waits
	}
	if !v.MayMove {
		return v, nil
	}
	start := s.now()
	if day, ok := s.parseDay(from); ok && day.After(start) {
		start, v.From = day, from
	}
	only := a.Service
	only.Modes = []booking.Mode{a.Mode} // moving keeps the mode
	var err error
	v.Modes, err = s.freeSlots(r.Context(), only, start, "")
	return v, err
}

func (s *Server) changeCancel(w http.ResponseWriter, r *http.Request, me *colleague, c changer) error {
	a, err := c.find(r, me)
	if err != nil {
		return err
	}
	back := s.lang(r).Path(c.page(a))
	switch err := s.agenda.Cancel(r.Context(), a.ID, me.Actor()); {
	case errors.Is(err, booking.ErrState), errors.Is(err, booking.ErrTooLateToChange):
		s.tell(r.Context(), "warning", "staff.flash.state")
	case err != nil:
		return err
	default:
		s.tell(r.Context(), "success", "staff.flash.cancelled")
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}

// operatorLeave takes a caller off the waiting list.
func (s *Server) operatorLeave(w http.ResponseWriter, r *http.Request, me *colleague) error {
	a, err := s.myAppointment(r, me)
	if err != nil {
		return err
	}
	switch err := s.agenda.Leave(r.Context(), a.ID, me.Actor()); {
	case errors.Is(err, booking.ErrState):
		s.tell(r.Context(), "warning", "staff.flash.state")
	case err != nil:
		return err
	default:
		s.tell(r.Context(), "success", "staff.wait.left")
	}
	http.Redirect(w, r, s.lang(r).Path("/staff/operatore/appuntamento/"+a.ID.String()), http.StatusSeeOther)
	return nil
}

func (s *Server) changeMove(w http.ResponseWriter, r *http.Request, me *colleague, c changer) error {
	a, err := c.find(r, me)
	if err != nil {
		return err
	}
	var trouble string
	status := http.StatusUnprocessableEntity
	var next []slotChoice
	if mode, start, ok := parseSlot(r.PostFormValue("orario")); !ok || mode != a.Mode {
		trouble = "no_slot"
	} else {
		moved, err := s.agenda.Reschedule(r.Context(), a.ID, start, me.Actor())
		var taken *booking.SlotTakenError
		switch {
		case err == nil:
			return s.changeMoved(w, r, me, c, a, moved)
		case errors.As(err, &taken):
			trouble, status = "taken", http.StatusConflict
			for i, n := range taken.Next {
				if i < 6 {
					next = append(next, slotChoice{Value: slotValue(mode, n.Start), Start: n.Start, Mode: mode, Checked: i == 0})
				}
			}
		case errors.Is(err, booking.ErrNotBookable):
			trouble = "not_bookable"
		case errors.Is(err, booking.ErrState), errors.Is(err, booking.ErrTooLateToChange):
			trouble, status = "state", http.StatusConflict
		default:
			return err
		}
	}
	v, err := s.operatorCard(r, a, c, "")
	if err != nil {
		return err
	}
	v.Trouble, v.Next = trouble, next
	return s.staffRender(w, r, me, status, "staff/operator_appointment.html", v)
}

// changeMoved says where to somebody was moved.
func (s *Server) changeMoved(w http.ResponseWriter, r *http.Request, me *colleague, c changer, before, after booking.Appointment) error {
	l := s.lang(r)
	say := []string{"Date", l.Date(after.Start), "Time", l.Clock(after.Start), "Desk", after.DeskName}
	seen, err := c.seen(r, me, after)
	if err != nil {
		return err
	}
	if seen != "" {
		say = append(say, flashLink, l.Path(seen))
	}
	s.tell(r.Context(), "success", "staff.flash.moved", say...)
	http.Redirect(w, r, l.Path(c.done(before)), http.StatusSeeOther)
	return nil
}

// changingAt is a page of a changer as a handler.
func changingAt(c changer, h func(http.ResponseWriter, *http.Request, *colleague, changer) error) staffHandler {
	return func(w http.ResponseWriter, r *http.Request, me *colleague) error { return h(w, r, me, c) }
}
