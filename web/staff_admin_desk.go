package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"sportello/booking"
)

// deskView is a desk: its name, its modes, and what is done there.
type deskView struct {
	Office    booking.Office
	Desk      booking.Desk // zero for a new one
	Services  []booking.Service
	Guide     *guide
	Form      formValues
	Errors    formErrors
	Previewed bool
	Conflicts []booking.Appointment
}

func (s *Server) adminDeskNew(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.deskOfPath(r)
	if err != nil {
		return err
	}
	// A new desk does everything, until told otherwise.
	v.Form = formValues{url.Values{"modes": {string(booking.InPerson)}}}
	for _, service := range v.Services {
		v.Form.Add("services", idText(service.ID))
	}
	return s.showDesk(w, r, me, v)
}

func (s *Server) adminDesk(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.deskOfPath(r)
	if err != nil {
		return err
	}
	v.Form = formValues{url.Values{"name": {v.Desk.Name}, "modes": modeValues(v.Desk.Modes), "services": idValues(v.Desk.Services)}}
	return s.showDesk(w, r, me, v)
}

// deskOfPath finds the desk of the path, or the office of a new one.
func (s *Server) deskOfPath(r *http.Request) (v deskView, err error) {
	if r.PathValue("desk") == "" {
		v.Office, err = s.officeOfPath(r)
	} else if v.Desk, v.Office, err = s.adminDeskOf(r); err != nil {
		return v, err
	}
	if err != nil {
		return v, err
	}
	v.Services, err = s.agenda.EveryService(r.Context(), v.Office.ID)
	return v, err
}

func (s *Server) showDesk(w http.ResponseWriter, r *http.Request, me *colleague, v deskView) error {
	var err error
	if v.Guide, err = s.guideOf(r.Context(), v.Office, "desk"); err != nil {
		return err
	}
	return s.staffRender(w, r, me, statusOf(v.Errors), "staff/admin_desk.html", v)
}

// adminDeskPost shows first which appointments the desk could not take any
// more. A new one has none: it is saved at once.
func (s *Server) adminDeskPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.deskOfPath(r)
	if err != nil {
		return err
	}
	v.Form = formValues{r.PostForm}
	wanted := booking.Desk{
		ID: v.Desk.ID, OfficeID: v.Office.ID, Name: v.Form.Get("name"), Modes: v.Form.modes(), Services: ids(v.Form.Values["services"]),
	}
	save := v.Desk.ID == 0 || v.Form.Get("azione") == "salva"
	if save {
		_, v.Conflicts, err = s.agenda.SaveDesk(r.Context(), wanted, me.Actor(), wished(r)...)
	} else {
		v.Conflicts, err = s.agenda.PreviewDesk(r.Context(), wanted)
	}
	switch {
	case adminMistake(s.lang(r), &v.Errors, err):
		return s.showDesk(w, r, me, v)
	case err != nil:
		return err
	case !save:
		v.Previewed = true
		return s.showDesk(w, r, me, v)
	}
	if len(v.Conflicts) == 0 {
		s.tell(r.Context(), "success", "admin.flash.saved")
	} else {
		s.tell(r.Context(), "success", "admin.flash.desk", "Count", strconv.Itoa(len(v.Conflicts)))
	}
	path := adminPath + "/uffici/" + idText(v.Office.ID)
	if v.Desk.ID == 0 {
		if path, err = s.after(r.Context(), v.Office.ID); err != nil {
			return err
		}
	}
	return s.toAdmin(w, r, strings.TrimPrefix(path, adminPath))
}
