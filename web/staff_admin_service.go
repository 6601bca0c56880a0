package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sportello/booking"
)

const dayLong = 24 * time.Hour

// serviceView is a service's rules and texts, to edit.
type serviceView struct {
	Office    booking.Office
	Service   booking.Service // zero for a new one
	Guide     *guide
	Form      formValues
	Errors    formErrors
	Previewed bool
	Conflicts []booking.Appointment
}

func (s *Server) adminServiceNew(w http.ResponseWriter, r *http.Request, me *colleague) error {
	o, err := s.officeOfPath(r)
	if err != nil {
		return err
	}
	// What most counters do; the administrator changes what differs.
	return s.showService(w, r, me, serviceView{Office: o, Form: serviceForm(booking.Service{
		Duration: 20 * time.Minute, Step: 20 * time.Minute, MinNotice: 2 * time.Hour, Horizon: 60 * dayLong,
		CancelUntil: 2 * time.Hour, Modes: []booking.Mode{booking.InPerson},
	})})
}

func serviceForm(v booking.Service) formValues {
	f := formValues{url.Values{}}
	f.setText("name", v.Name)
	f.setText("description", v.Description)
	f.setText("bring", v.Bring)
	f.setLength("duration", v.Duration, time.Minute)
	f.setLength("buffer", v.Buffer, time.Minute)
	f.setLength("step", v.Step, time.Minute)
	f.setLength("min_notice", v.MinNotice, time.Minute)
	f.setLength("horizon", v.Horizon, dayLong)
	f.setLength("cancel_until", v.CancelUntil, time.Minute)
	f.Set("position", strconv.Itoa(v.Position))
	f.Set("kind", v.Kind)
	f.Values["modes"] = modeValues(v.Modes)
	return f
}

func (s *Server) adminService(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.serviceOfPath(r)
	if err != nil {
		return err
	}
	v.Form = serviceForm(v.Service)
	return s.showService(w, r, me, v)
}

// serviceOfPath finds the service of the path, or the office of a new one.
func (s *Server) serviceOfPath(r *http.Request) (v serviceView, err error) {
	if r.PathValue("service") == "" {
		v.Office, err = s.officeOfPath(r)
		return v, err
	}
	id, err := pathID(r, "service")
	if err != nil {
		return v, err
	}
	if v.Service, err = s.agenda.ServiceByID(r.Context(), id); err != nil {
		return v, err
	}
	v.Office, err = s.agenda.OfficeByID(r.Context(), v.Service.OfficeID)
	return v, err
}

func (s *Server) showService(w http.ResponseWriter, r *http.Request, me *colleague, v serviceView) error {
	var err error
	if v.Guide, err = s.guideOf(r.Context(), v.Office, "service"); err != nil {
		return err
	}
	return s.staffRender(w, r, me, statusOf(v.Errors), "staff/admin_service.html", v)
}

// adminServicePost shows first which appointments the new rules do not fit.
// Of a new service there are none: it is saved at once.
func (s *Server) adminServicePost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.serviceOfPath(r)
	if err != nil {
		return err
	}
	v.Form = formValues{r.PostForm}
	wanted := v.Form.service()
	wanted.ID, wanted.OfficeID = v.Service.ID, v.Office.ID
	save := v.Service.ID == 0 || v.Form.Get("azione") == "salva"
	var saved booking.Service
	if save {
		saved, v.Conflicts, err = s.agenda.SaveService(r.Context(), wanted, me.Actor(), wished(r)...)
	} else {
		v.Conflicts, err = s.agenda.PreviewService(r.Context(), wanted)
	}
	switch {
	case adminMistake(s.lang(r), &v.Errors, err):
		return s.showService(w, r, me, v)
	case err != nil:
		return err
	case !save:
		v.Previewed = true
		return s.showService(w, r, me, v)
	}
	if len(v.Conflicts) == 0 {
		s.tell(r.Context(), "success", "admin.flash.saved")
	} else {
		s.tell(r.Context(), "success", "admin.flash.service", "Count", strconv.Itoa(len(v.Conflicts)))
	}
	path := adminPath + "/uffici/" + idText(v.Office.ID)
	if v.Service.ID == 0 {
		if path, err = s.after(r.Context(), saved.OfficeID); err != nil {
			return err
		}
	}
	return s.toAdmin(w, r, strings.TrimPrefix(path, adminPath))
}

// service is the service that the form describes.
func (f formValues) service() booking.Service {
	return booking.Service{
		Name: f.text("name"), Description: f.text("description"), Bring: f.text("bring"),
		Duration: f.length("duration", time.Minute), Buffer: f.length("buffer", time.Minute), Step: f.length("step", time.Minute),
		MinNotice: f.length("min_notice", time.Minute), Horizon: f.length("horizon", dayLong), CancelUntil: f.length("cancel_until", time.Minute),
		Modes: f.modes(), Position: f.number("position"), Kind: f.Get("kind"),
	}
}
