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
	// Stranded are the appointments at desks that saving, or closing the account,
	// would leave without a clerk: shown before it is done.
	Stranded []booking.Appointment
	Closing  bool
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
	return s.showAccount(w, r, me, accountView{Account: m, Form: accountForm(m)})
}

func accountForm(m booking.Account) formValues {
	f := formValues{url.Values{"name": {m.Name}, "offices": idValues(m.Offices), "desks": idValues(m.Desks)}}
	for _, role := range m.Roles {
		f.Add("role", string(role))
	}
	return f
}

func (s *Server) showAccount(w http.ResponseWriter, r *http.Request, me *colleague, v accountView) error {
	v.Self, v.Roles = v.Account.ID == me.ID, staffRoles()
	var err error
	if v.Offices, err = s.adminOffices(r, false); err != nil {
		return err
	}
	return s.staffRender(w, r, me, statusOf(v.Errors), "staff/admin_account.html", v)
}

func (s *Server) adminAccountPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	m, err := s.accountOfPath(r)
	if err != nil {
		return err
	}
	f := formValues{r.PostForm}
	wanted := booking.Staff{ID: m.ID, Name: strings.TrimSpace(f.Get("name")), Offices: ids(f.Values["offices"]), Desks: ids(f.Values["desks"])}
	for _, role := range f.Values["role"] {
		wanted.Roles = append(wanted.Roles, booking.StaffRole(role))
	}
	v := accountView{Account: m, Form: f}
	if f.Get("azione") != "salva" {
		v.Stranded, err = s.agenda.PreviewStaff(r.Context(), wanted)
	}
	if err == nil && len(v.Stranded) > 0 {
		return s.showAccount(w, r, me, v)
	}
	if err == nil {
		err = s.agenda.SetStaff(r.Context(), wanted, me.Actor())
	}
	switch {
	case adminMistake(s.lang(r), &v.Errors, err):
		return s.showAccount(w, r, me, v)
	case errors.Is(err, booking.ErrLastAdmin):
		v.Errors.add("role", s.lang(r).T("admin.error.role.last"))
		return s.showAccount(w, r, me, v)
	case err != nil:
		return err
	}
	s.tell(r.Context(), "success", "admin.flash.account", "Name", wanted.Name)
	return s.toAdmin(w, r, "/persone")
}

// adminAccountState closes an account, whose sessions end at once, or opens
// it again. Nobody closes their own.
func (s *Server) adminAccountState(w http.ResponseWriter, r *http.Request, me *colleague) error {
	m, err := s.accountOfPath(r)
	if err != nil {
		return err
	}
	enable := r.PostFormValue("azione") == "abilita"
	if m.ID == me.ID && !enable {
		s.tell(r.Context(), "warning", "admin.flash.not_yourself")
		return s.toAdmin(w, r, "/persone")
	}
	if !enable && r.PostFormValue("azione") != "salva" {
		v := accountView{Account: m, Form: accountForm(m), Closing: true}
		if v.Stranded, err = s.agenda.PreviewDisableStaff(r.Context(), m.ID); err != nil {
			return err
		}
		if len(v.Stranded) > 0 {
			return s.showAccount(w, r, me, v)
		}
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
