package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sportello/booking"
)

// peopleView is who works here, and the form for another.
type peopleView struct {
	Staff   []booking.Account
	Offices []adminOffice
	Roles   []booking.StaffRole
	New     booking.Staff
	Trouble string // field of the form that is wrong, with its code: "login.required"
	Reset   int64  // whose new password was refused
}

// OfficeNames and DeskNames tell where somebody works.
func (v peopleView) OfficeNames(m booking.Staff, lang string) []string {
	var out []string
	for _, o := range v.Offices {
		if slices.Contains(m.Offices, o.Office.ID) {
			out = append(out, o.Office.Name.In(lang))
		}
	}
	return out
}

// DeskNames lists the desks that somebody works at.
func (v peopleView) DeskNames(m booking.Staff) []string {
	var out []string
	for _, o := range v.Offices {
		for _, d := range o.Desks {
			if slices.Contains(m.Desks, d.Desk.ID) {
				out = append(out, d.Desk.Name)
			}
		}
	}
	return out
}

// HasOffice says whether an office is ticked in the form.
func (v peopleView) HasOffice(id int64) bool { return slices.Contains(v.New.Offices, id) }

// HasDesk says whether a desk is ticked in the form.
func (v peopleView) HasDesk(id int64) bool { return slices.Contains(v.New.Desks, id) }

func (s *Server) adminStaff(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.peopleView(r)
	if err != nil {
		return err
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_people.html", v)
}

func (s *Server) peopleView(r *http.Request) (*peopleView, error) {
	v := &peopleView{Roles: staffRoles()}
	var err error
	if v.Staff, err = s.agenda.Accounts(r.Context()); err != nil {
		return nil, err
	}
	v.Offices, err = s.adminOffices(r, false)
	return v, err
}

func (s *Server) adminStaffAdd(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.peopleView(r)
	if err != nil {
		return err
	}
	v.New = booking.Staff{Login: strings.TrimSpace(r.PostFormValue("login")), Name: strings.TrimSpace(r.PostFormValue("nome"))}
	for _, role := range v.Roles {
		if slices.Contains(r.PostForm["ruolo"], string(role)) {
			v.New.Roles = append(v.New.Roles, role)
		}
	}
	v.New.Offices, v.New.Desks = ids(r.PostForm["ufficio"]), ids(r.PostForm["sportello"])
	password := r.PostFormValue("password")
	var field *booking.FieldError
	switch {
	case len(v.New.Roles) == 0:
		v.Trouble = "role"
	case len(password) > maxPassword:
		v.Trouble = "password"
	default:
		_, err = s.agenda.AddStaff(r.Context(), v.New, password, me.Actor())
	}
	switch {
	case errors.As(err, &field):
		v.Trouble = field.Field
	case errors.Is(err, booking.ErrLoginTaken):
		v.Trouble = "taken"
	case err != nil:
		return err
	}
	if v.Trouble != "" {
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/admin_people.html", v)
	}
	s.tell(r.Context(), "success", "staff.flash.person", "Name", v.New.Name)
	http.Redirect(w, r, s.lang(r).Path("/staff/amministrazione/persone"), http.StatusSeeOther)
	return nil
}

// adminStaffPassword gives somebody a new password and signs them out
// everywhere: whoever knew the old one is out at once.
func (s *Server) adminStaffPassword(w http.ResponseWriter, r *http.Request, me *colleague) error {
	id, err := strconv.ParseInt(r.PathValue("staff"), 10, 64)
	if err != nil {
		return errNoPage
	}
	password := r.PostFormValue("password")
	var field *booking.FieldError
	if len(password) > maxPassword {
		err = &booking.FieldError{Field: "password", Code: booking.CodeTooLong}
	} else {
		err = s.agenda.SetPassword(r.Context(), id, password, me.Actor())
	}
	if errors.As(err, &field) {
		v, err := s.peopleView(r)
		if err != nil {
			return err
		}
		v.Trouble, v.Reset = "reset_"+field.Field, id
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/admin_people.html", v)
	}
	if err != nil {
		return err
	}
	if err := s.endSessions(r.Context(), id, s.staff.sessions.Token(r.Context())); err != nil {
		return err
	}
	s.tell(r.Context(), "success", "staff.flash.password")
	http.Redirect(w, r, s.lang(r).Path("/staff/amministrazione/persone"), http.StatusSeeOther)
	return nil
}

// ids reads the numbers of ticked boxes.
func ids(values []string) []int64 {
	var out []int64
	for _, v := range values {
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			out = append(out, n)
		}
	}
	return out
}
