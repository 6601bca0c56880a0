package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sportello/booking"
)

// waitPath is where somebody asks to be told of a freed slot.
const waitPath = "/prenota/avvisami"

// waitView is the form for a place on the waiting list.
type waitView struct {
	Recap       recap
	Back        string
	Also        string // other services in the same appointment
	Modes       []booking.Mode
	Mode        booking.Mode
	Until       string // "2026-11-30"
	First, Last time.Time
	Person      booking.Person
	Privacy     bool
	Errors      formErrors
}

func (s *Server) wait(w http.ResponseWriter, r *http.Request) error {
	return s.showWait(w, r, r.URL.Query(), waitView{})
}

func (s *Server) showWait(w http.ResponseWriter, r *http.Request, q url.Values, v waitView) error {
	noStore(w)
	l := s.lang(r)
	office, service, err := s.asked(r.Context(), q)
	if err != nil {
		return err
	}
	z, err := zone(office)
	if err != nil {
		return err
	}
	v.Modes, v.Mode = service.Modes, parseMode(q.Get("modo"))
	if !slices.Contains(v.Modes, v.Mode) {
		v.Mode = v.Modes[0]
	}
	v.Recap = recap{Office: office, Service: service}
	keep := keepAsked(q, office, service)
	v.Also, v.Back = keep.Get("anche"), l.Path("/prenota/orario?"+keep.Encode())
	v.First, v.Last = s.now().Add(service.MinNotice).In(z), s.now().Add(service.Horizon).In(z)
	return s.render(w, r, statusOf(v.Errors), "public/wait.html", Page{
		Data: v, Crumbs: []Crumb{{Text: l.T("nav.book"), Path: v.Back}, {Text: l.T("wait.title")}}, NoSwitch: len(v.Errors) > 0,
	})
}

// waitPost takes a place in line and shows it as any appointment is shown.
func (s *Server) waitPost(w http.ResponseWriter, r *http.Request) error {
	l := s.lang(r)
	_, service, err := s.asked(r.Context(), r.PostForm)
	if err != nil {
		return err
	}
	v := waitView{Until: r.PostFormValue("until"), Privacy: r.PostFormValue("privacy") != "", Person: booking.Person{
		Name: r.PostFormValue("name"), Surname: r.PostFormValue("surname"),
		Email: r.PostFormValue("email"), Phone: r.PostFormValue("phone"), Language: l.Code,
	}}
	until, err := time.Parse(time.DateOnly, v.Until)
	if err != nil {
		v.Errors.add("until", l.T("form.until.invalid"))
	}
	mode := parseMode(r.PostFormValue("modo"))
	if !service.Allows(mode) { // it may be so no longer since the page was opened
		field := "until"
		if len(service.Modes) > 1 {
			field = "modo-" + string(service.Modes[0])
		}
		v.Errors.add(field, l.T("wait.mode_gone"))
	}
	v.Errors = append(v.Errors, personMistakes(l, v.Person, v.Privacy)...)
	if len(v.Errors) > 0 {
		return s.showWait(w, r, r.PostForm, v)
	}
	if err := s.door.admit(w, r); errors.Is(err, errProof) {
		return s.showProof(w, r)
	} else if err != nil {
		return err
	}
	h, err := s.agenda.Wait(r.Context(), booking.WaitRequest{
		ServiceID: service.ID, Also: service.Also, Mode: mode, Until: until, Person: v.Person,
	})
	if v.Errors.addFrom(l, err) {
		return s.showWait(w, r, r.PostForm, v)
	}
	if err != nil {
		return err
	}
	s.admit(w, h.ID, h.Secret)
	http.Redirect(w, r, l.Path("/appuntamento/"+h.ID.String()), http.StatusSeeOther)
	return nil
}

// waitingView is a place on the waiting list, or the slot on offer.
type waitingView struct {
	Appointment booking.Appointment
	Waiting     booking.Waiting
	Base        string
	Code        string
	Told        bool // by mail or text message
	Again       string
	Missed      bool // the answer came too late
	TooMany     bool // the answer would be one appointment too many
}

// showWaiting is the appointment's page for whom a slot is yet to be found.
func (s *Server) showWaiting(w http.ResponseWriter, r *http.Request, a booking.Appointment, secret string) error {
	place, err := s.agenda.WaitingOf(r.Context(), a.ID)
	if err != nil {
		return err
	}
	l := s.lang(r)
	v := waitingView{
		Appointment: a, Waiting: place, Base: l.Path("/appuntamento/" + a.ID.String()), Told: s.channels.For(a.Person) != "",
		Again: l.Path("/prenota?ufficio=" + a.Office.Slug + "&servizio=" + a.Service.Slug), Missed: r.URL.Query().Has("tardi"), TooMany: r.URL.Query().Has("troppi"),
	}
	if secret != "" {
		v.Code = s.agenda.Code(secret)
	}
	return s.render(w, r, http.StatusOK, "public/waiting.html", Page{Data: v, Crumbs: []Crumb{{Text: l.T("nav.manage")}}})
}

// waitingAnswer makes a handler of what can be done about a place in line.
func (s *Server) waitingAnswer(do func(r *http.Request, a booking.Appointment) error) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		a, _, done, err := s.managed(w, r)
		if done {
			return err
		}
		err = do(r, a)
		late := ""
		switch {
		case errors.Is(err, booking.ErrHoldExpired):
			late = "tardi"
		case errors.Is(err, booking.ErrTooMany):
			late = "troppi"
		case err != nil && !unchangeable(err): // else its page shows how it stands
			return err
		}
		s.backToManaged(w, r, a, late)
		return nil
	}
}

func (s *Server) takeOffer(r *http.Request, a booking.Appointment) error {
	_, err := s.agenda.TakeOffer(r.Context(), a.ID, booking.Actor{})
	return err
}

func (s *Server) refuseOffer(r *http.Request, a booking.Appointment) error {
	return s.agenda.RefuseOffer(r.Context(), a.ID, booking.Actor{})
}

func (s *Server) leaveList(r *http.Request, a booking.Appointment) error {
	return s.agenda.Leave(r.Context(), a.ID, booking.Actor{})
}
