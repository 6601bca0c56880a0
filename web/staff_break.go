package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sportello/booking"
)

// breakView is the page on which a clerk blocks hours of their own desk.
type breakView struct {
	Desks     []booking.Desk
	List      []closureLine
	DeskID    int64
	Day       string
	Today     string
	From, To  string
	Reason    string
	Bad       bool
	Previewed bool
	Conflicts []booking.Appointment
}

const breakPath = "/staff/sportello/pausa"

// breakView reads what is the clerk's own business: closures of some hours of
// the desks they work at. Whole days are the administrator's.
func (s *Server) breakView(r *http.Request, me *colleague) (*breakView, error) {
	now := s.today()
	v := &breakView{Today: now.Format(time.DateOnly), Day: now.Format(time.DateOnly), Reason: s.lang(r).T("staff.break.default")}
	var err error
	if v.Desks, err = s.myDesks(r.Context(), me); err != nil {
		return nil, err
	}
	list, err := s.agenda.Closures(r.Context())
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		i := slices.IndexFunc(v.Desks, func(d booking.Desk) bool { return d.ID == c.DeskID })
		if i >= 0 && c.FromTime != "" {
			v.List = append(v.List, closureLine{Closure: c, Where: v.Desks[i].Name})
		}
	}
	return v, nil
}

func (s *Server) breakPage(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.breakView(r, me)
	if err != nil {
		return err
	}
	if day, ok := s.parseDay(r.URL.Query().Get("giorno")); ok && day.Format(time.DateOnly) > v.Day {
		v.Day = day.Format(time.DateOnly)
	} else {
		v.From = s.today().Format("15:04")
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/break.html", v)
}

// breakPost shows first whom the break affects; it is made when asked for
// after that.
func (s *Server) breakPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.breakView(r, me)
	if err != nil {
		return err
	}
	v.Day, v.From, v.To = r.PostFormValue("giorno"), r.PostFormValue("dalle"), r.PostFormValue("alle")
	v.Reason = strings.TrimSpace(truncate(r.PostFormValue("motivo"), 200))
	if r.PostFormValue("azione") == "chiudi" { // early: the rest of today
		v.Day, v.From, v.To = v.Today, s.today().Format("15:04"), "23:59"
		if v.Reason == s.lang(r).T("staff.break.default") {
			v.Reason = s.lang(r).T("staff.break.early_reason")
		}
	}
	if v.DeskID, err = strconv.ParseInt(r.PostFormValue("sportello"), 10, 64); err != nil {
		return errBadForm
	}
	if !slices.ContainsFunc(v.Desks, func(d booking.Desk) bool { return d.ID == v.DeskID }) {
		return errForbidden
	}
	day, ok := s.parseDay(v.Day)
	if v.Bad = !ok || v.Day < v.Today || v.From == "" || v.To == ""; v.Bad {
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/break.html", v)
	}
	c := booking.Closure{DeskID: v.DeskID, From: day, To: day, FromTime: v.From, ToTime: v.To, Reason: booking.Text{"it": v.Reason}}
	save := r.PostFormValue("azione") == "salva"
	if save {
		v.Conflicts, err = s.agenda.AddClosure(r.Context(), c, me.Actor(), wished(r)...)
	} else {
		v.Conflicts, err = s.agenda.PreviewClosure(r.Context(), c)
	}
	var field *booking.FieldError
	switch {
	case errors.As(err, &field):
		v.Bad = true
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/break.html", v)
	case err != nil:
		return err
	case save:
		s.tell(r.Context(), "success", "staff.break.saved", "Count", strconv.Itoa(len(v.Conflicts)))
		http.Redirect(w, r, s.lang(r).Path(breakPath)+"?giorno="+v.Day, http.StatusSeeOther)
		return nil
	}
	v.Previewed = true
	return s.staffRender(w, r, me, http.StatusOK, "staff/break.html", v)
}

func (s *Server) breakRemove(w http.ResponseWriter, r *http.Request, me *colleague) error {
	id, err := pathID(r, "closure")
	if err != nil {
		return err
	}
	v, err := s.breakView(r, me)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(v.List, func(c closureLine) bool { return c.ID == id }) {
		return booking.ErrNotFound
	}
	if err := s.agenda.RemoveClosure(r.Context(), id, me.Actor()); err != nil {
		return err
	}
	s.tell(r.Context(), "success", "staff.break.removed")
	http.Redirect(w, r, s.lang(r).Path(breakPath), http.StatusSeeOther)
	return nil
}
