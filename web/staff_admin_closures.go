package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sportello/booking"
)

// closuresView is the closures to come, and the form for another.
type closuresView struct {
	List      []closureLine
	Offices   []adminOffice
	Scope     string // "all", "office:3" or "desk:7"
	From, To  string
	FromTime  string
	ToTime    string
	ReasonIt  string
	ReasonEn  string
	Today     string
	Trouble   string // what is wrong: "days", "hours" or "reason"
	Previewed bool
	Conflicts []booking.Appointment
}

// closureLine is a closure with the name of what it closes.
type closureLine struct {
	booking.Closure
	Where string // empty: everything
}

func (s *Server) adminClosures(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.closuresView(r)
	if err != nil {
		return err
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_closures.html", v)
}

func (s *Server) closuresView(r *http.Request) (*closuresView, error) {
	v := &closuresView{Today: s.today().Format(time.DateOnly), Scope: "all"}
	var err error
	if v.Offices, err = s.adminOffices(r, false); err != nil {
		return nil, err
	}
	list, err := s.agenda.Closures(r.Context())
	if err != nil {
		return nil, err
	}
	lang := s.lang(r).Code
	for _, c := range list {
		line := closureLine{Closure: c}
		for _, o := range v.Offices {
			if o.Office.ID == c.OfficeID {
				line.Where = o.Office.Name.In(lang)
			}
			for _, d := range o.Desks {
				if d.Desk.ID == c.DeskID {
					line.Where = o.Office.Name.In(lang) + ", " + d.Desk.Name
				}
			}
		}
		v.List = append(v.List, line)
	}
	return v, nil
}

// adminClosuresPost shows first whom a closure affects; it is made when asked
// for after that.
func (s *Server) adminClosuresPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.closuresView(r)
	if err != nil {
		return err
	}
	v.Scope, v.From, v.To = r.PostFormValue("dove"), r.PostFormValue("dal"), r.PostFormValue("al")
	v.ReasonIt, v.ReasonEn = strings.TrimSpace(r.PostFormValue("motivo_it")), strings.TrimSpace(r.PostFormValue("motivo_en"))
	if v.To == "" {
		v.To = v.From
	}
	v.FromTime, v.ToTime = r.PostFormValue("dalle"), r.PostFormValue("alle")
	c := booking.Closure{Reason: booking.Text{"it": v.ReasonIt}, FromTime: v.FromTime, ToTime: v.ToTime}
	if v.ReasonEn != "" {
		c.Reason["en"] = v.ReasonEn
	}
	var okFrom, okTo bool
	c.From, okFrom = readDate(v.From)
	c.To, okTo = readDate(v.To)
	kind, id, _ := strings.Cut(v.Scope, ":")
	n, errScope := strconv.ParseInt(id, 10, 64)
	switch {
	case kind == "office" && errScope == nil:
		c.OfficeID = n
	case kind == "desk" && errScope == nil:
		c.DeskID = n
	case v.Scope != "all":
		return errBadForm
	}
	save := r.PostFormValue("azione") == "salva"
	switch {
	case !okFrom || !okTo || v.From == "":
		v.Trouble = "days"
	case v.ReasonIt == "":
		v.Trouble = "reason"
	case save:
		v.Conflicts, err = s.agenda.AddClosure(r.Context(), c, me.Actor(), wished(r)...)
	default:
		v.Conflicts, err = s.agenda.PreviewClosure(r.Context(), c)
	}
	var field *booking.FieldError
	if errors.As(err, &field) {
		v.Trouble, err = field.Field, nil
	}
	switch {
	case err != nil:
		return err
	case v.Trouble != "":
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/admin_closures.html", v)
	case save:
		s.tell(r.Context(), "success", "staff.flash.closure", "Count", strconv.Itoa(len(v.Conflicts)))
		http.Redirect(w, r, s.lang(r).Path("/staff/amministrazione/chiusure"), http.StatusSeeOther)
		return nil
	}
	v.Previewed = true
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_closures.html", v)
}

func (s *Server) adminClosureRemove(w http.ResponseWriter, r *http.Request, me *colleague) error {
	id, err := strconv.ParseInt(r.PathValue("closure"), 10, 64)
	if err != nil {
		return errNoPage
	}
	if err := s.agenda.RemoveClosure(r.Context(), id, me.Actor()); err != nil {
		return err
	}
	s.tell(r.Context(), "success", "staff.flash.closure_removed")
	http.Redirect(w, r, s.lang(r).Path("/staff/amministrazione/chiusure"), http.StatusSeeOther)
	return nil
}
