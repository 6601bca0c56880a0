package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"sportello/booking"
)

// entryView is the door to an existing appointment.
type entryView struct {
	Code, Surname string
	Errors        formErrors
	Again         bool // the proof has run out
	Closed        bool // the reader has just left
	ByLink        bool // a link did not open anything
}

// manageEntry asks for code and surname. A link carries the secret in its
// fragment, which never reaches us: the page's script posts it.
func (s *Server) manageEntry(w http.ResponseWriter, r *http.Request) error {
	return s.showEntry(w, r, entryView{Again: r.URL.Query().Has("di-nuovo"), Closed: r.URL.Query().Has("chiuso")})
}

func (s *Server) showEntry(w http.ResponseWriter, r *http.Request, v entryView) error {
	noStore(w)
	l := s.lang(r)
	return s.render(w, r, statusOf(v.Errors), "public/entry.html", Page{Data: v, Crumbs: []Crumb{{Text: l.T("nav.manage")}}})
}

// manageOpen looks the appointment up and admits the browser to it. Wrong
// code, wrong surname and no appointment are one answer.
func (s *Server) manageOpen(w http.ResponseWriter, r *http.Request) error {
	l := s.lang(r)
	secret := r.PostFormValue("secret")
	v := entryView{Code: r.PostFormValue("code"), Surname: r.PostFormValue("surname"), ByLink: secret != ""}
	var a booking.Appointment
	var err error
	switch {
	case secret != "":
		a, err = s.agenda.BySecret(r.Context(), secret)
	default:
		if strings.TrimSpace(v.Code) == "" {
			v.Errors.add("code", l.T("form.code.required"))
		}
		if strings.TrimSpace(v.Surname) == "" {
			v.Errors.add("surname", l.T("form.surname.required"))
		}
		if len(v.Errors) > 0 {
			return s.showEntry(w, r, v)
		}
		a, err = s.agenda.ByCode(r.Context(), v.Code, v.Surname)
	}
	if errors.Is(err, booking.ErrNotFound) {
		if v.ByLink {
			v.Errors.add("code", l.T("entry.bad_link"))
		} else {
			v.Errors.add("code", l.T("entry.not_found"))
		}
		return s.showEntry(w, r, v)
	}
	if err != nil {
		return err
	}
	s.admit(w, a.ID, secret)
	http.Redirect(w, r, l.Path("/appuntamento/"+a.ID.String()), http.StatusSeeOther)
	return nil
}

// manageClose forgets the appointment on this device.
func (s *Server) manageClose(w http.ResponseWriter, r *http.Request) error {
	s.manageCookies(w, "", "")
	http.Redirect(w, r, s.lang(r).Path("/appuntamento?chiuso=1"), http.StatusSeeOther)
	return nil
}

// manageView is an appointment with what can be done about it.
type manageView struct {
	Appointment booking.Appointment
	Base        string
	Code        string // "" where a code opened it: the reader has it
	QR          *qrView
	Rating      ratingView
	Room        bool // there is one to enter
	OpensAt     time.Time
	OpensMin    int
	CanChange   bool
	Deadline    time.Time // of changes
	Past        bool
	Moved       bool           // just done
	Cancelled   bool           // just done
	TakenBack   bool           // just done
	Lost        bool           // it was too late to take it back
	TooMany     bool           // the same, as they have enough others
	CanTakeBack bool           // the citizen cancelled it, and the time is to come
	Asked       bool           // the office cannot keep the time, and asked for another
	Next        []booking.Slot // the first free times then
}

// nextTimes is how many free times are put before whom the office asks to move.
const nextTimes = 6

// changeable says whether the citizen may still move or cancel.
func (s *Server) changeable(a booking.Appointment) bool {
	if !a.AskedAt.IsZero() {
		return s.now().Before(a.Start)
	}
	return a.State == booking.Booked && s.now().Before(a.Start.Add(-a.Service.CancelUntil))
}

func (s *Server) manage(w http.ResponseWriter, r *http.Request) error {
	a, secret, done, err := s.managed(w, r)
	if done {
		return err
	}
	if a.State == booking.Held || a.State == booking.Expired {
		return s.showWaiting(w, r, a, secret)
	}
	l := s.lang(r)
	v := manageView{
		Appointment: a, Base: l.Path("/appuntamento/" + a.ID.String()), CanChange: s.changeable(a),
		Deadline: a.Start.Add(-a.Service.CancelUntil), Past: s.now().After(a.End),
		OpensAt: a.Start.Add(-s.joinBefore), OpensMin: Minutes(s.joinBefore),
		Moved: r.URL.Query().Has("spostato"), Cancelled: r.URL.Query().Has("disdetto") && a.State == booking.Cancelled,
		TakenBack: r.URL.Query().Has("ripreso") && a.State == booking.Booked, Lost: r.URL.Query().Has("perso") && a.State == booking.Cancelled,
		TooMany: r.URL.Query().Has("troppi") && a.State == booking.Cancelled,
	}
	if !v.Lost {
		if v.CanTakeBack, err = s.agenda.CanTakeBack(r.Context(), a); err != nil {
			return err
		}
	}
	if v.Asked = !a.AskedAt.IsZero() && v.CanChange; v.Asked {
		v.Next, err = s.agenda.FirstFree(r.Context(), []int64{a.Service.ID}, a.Mode, booking.Public, nextTimes, a.Service.Also...)
		if err != nil {
			return err
		}
	}
	if secret != "" {
		v.Code = s.agenda.Code(secret)
		if v.QR, err = qrOf(v.Code); err != nil {
			return err
		}
	}
	v.Rating = ratingOf(a, r, v.Base+"/valutazione")
	live := a.State == booking.Booked || a.State == booking.Arrived || a.State == booking.Called
	v.Room = a.Mode == booking.Virtual && live && !v.Past
	return s.render(w, r, http.StatusOK, "public/manage.html", Page{Data: v, Crumbs: []Crumb{{Text: l.T("nav.manage")}}})
}

func (s *Server) manageCalendar(w http.ResponseWriter, r *http.Request) error {
	a, secret, done, err := s.managed(w, r)
	if done {
		return err
	}
	if a.State == booking.Held || a.State == booking.Expired {
		return errNoPage
	}
	return s.writeCalendar(w, r, a, secret)
}
