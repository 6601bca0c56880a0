package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sportello/booking"
)

// accountView is somebody's account, to edit.
type accountView struct {
	Account booking.Account
	Self    bool
	Offices []adminOffice
	Roles   []booking.StaffRole
	Form    formValues
	Errors  formErrors
}

func staffRoles() []booking.StaffRole {
	return []booking.StaffRole{booking.Clerk, booking.Operator, booking.Reception, booking.Administrator}
}

func (s *Server) accountOfPath(r *http.Request) (booking.Account, error) {
	id, err := pathID(r, "staff")
	if err != nil {
		return booking.Account{}, err
	}
	all, err := s.agenda.Accounts(r.Context())
	if err != nil {
		return booking.Account{}, err
	}
	i := slices.IndexFunc(all, func(m booking.Account) bool { return m.ID == id })
	if i < 0 {
		return booking.Account{}, booking.ErrNotFound
	}
	return all[i], nil
}

func (s *Server) adminAccount(w http.ResponseWriter, r *http.Request, me *colleague) error {
	m, err := s.accountOfPath(r)
	if err != nil {
		return err
	}
	f := formValues{url.Values{"name": {m.Name}, "offices": idValues(m.Offices), "desks": idValues(m.Desks)}}
	for _, role := range m.Roles {
		f.Add("role", string(role))
	}
	return s.showAccount(w, r, me, m, f, nil)
}

func (s *Server) showAccount(w http.ResponseWriter, r *http.Request, me *colleague, m booking.Account, f formValues, mistakes formErrors) error {
	v := accountView{Account: m, Self: m.ID == me.ID, Roles: staffRoles(), Form: f, Errors: mistakes}
	var err error
	if v.Offices, err = s.adminOffices(r, false); err != nil {
		return err
	}
	return s.staffRender(w, r, me, statusOf(mistakes), "staff/admin_account.html", v)
}

func (s *Server) adminAccountPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	if err := parseForm(r); err != nil {
		return err
	}
	m, err := s.accountOfPath(r)
	if err != nil {
		return err
	}
	f := formValues{r.PostForm}
	wanted := booking.Staff{ID: m.ID, Name: strings.TrimSpace(f.Get("name")), Offices: ids(f.Values["offices"]), Desks: ids(f.Values["desks"])}
	for _, role := range f.Values["role"] {
		wanted.Roles = append(wanted.Roles, booking.StaffRole(role))
	}
	var mistakes formErrors
	err = s.agenda.SetStaff(r.Context(), wanted, me.Actor())
	switch {
	case adminMistake(s.lang(r), &mistakes, err):
		return s.showAccount(w, r, me, m, f, mistakes)
	case errors.Is(err, booking.ErrLastAdmin):
		mistakes.add("role", s.lang(r).T("admin.error.role.last"))
		return s.showAccount(w, r, me, m, f, mistakes)
	case err != nil:
		return err
	}
	s.tell(r.Context(), "success", "admin.flash.account", "Name", wanted.Name)
	return s.toAdmin(w, r, "/persone")
}

// adminAccountState closes an account, whose sessions end at once, or opens
// it again. Nobody closes their own.
func (s *Server) adminAccountState(w http.ResponseWriter, r *http.Request, me *colleague) error {
	if err := parseForm(r); err != nil {
		return err
	}
	m, err := s.accountOfPath(r)
	if err != nil {
		return err
	}
	enable := r.PostFormValue("azione") == "abilita"
	if m.ID == me.ID && !enable {
		s.tell(r.Context(), "warning", "admin.flash.not_yourself")
		return s.toAdmin(w, r, "/persone")
	}
	err = s.agenda.EnableStaff(r.Context(), m.ID, enable, me.Actor())
	if errors.Is(err, booking.ErrLastAdmin) {
		s.tell(r.Context(), "warning", "admin.error.role.last")
		return s.toAdmin(w, r, "/persone")
	}
	if err != nil {
		return err
	}
	key := "admin.flash.enabled"
	if !enable {
		key = "admin.flash.disabled"
		if err := s.endSessions(r.Context(), m.ID, ""); err != nil {
			return err
		}
	}
	s.tell(r.Context(), "success", key, "Name", m.Name)
	return s.toAdmin(w, r, "/persone")
}
