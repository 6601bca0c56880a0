package web

import (
	"errors"
	"net/http"
	"net/url"

	"sportello/booking"
)

// placeView is the first step: office, then service.
type placeView struct {
	Stepper stepper
	Offices []officeWithServices
	Office  *officeWithServices // the chosen one
	Service string              // slug of the chosen service
	Errors  formErrors
}

// bookPlace is a form that asks by GET, so that a service card can link into
// it: ?ufficio= leads to its services, with &servizio= straight to the times.
// &cambia= shows the choice again instead, for the way back; &avanti= and
// &scegli= are the buttons of the two forms.
func (s *Server) bookPlace(w http.ResponseWriter, r *http.Request) error {
	l, q := s.lang(r), r.URL.Query()
	office, service := q.Get("ufficio"), q.Get("servizio")
	offices, err := s.catalogueOfServices(r)
	if err != nil {
		return err
	}
	v := placeView{Stepper: newStepper(l, stepPlace), Offices: offices, Service: service}
	for i := range offices {
		if offices[i].Office.Slug == office {
			v.Office = &offices[i]
		}
	}
	if v.Office != nil && service != "" && q.Get("cambia") == "" {
		if _, _, err := s.agenda.ServiceBySlug(r.Context(), office, service); err == nil {
			to := url.Values{"ufficio": {office}, "servizio": {service}}
			http.Redirect(w, r, l.Path("/prenota/orario?"+to.Encode()), http.StatusSeeOther)
			return nil
		} else if !errors.Is(err, booking.ErrNotFound) {
			return err
		}
	}
	switch {
	case office != "" && v.Office == nil:
		v.Errors.add("ufficio", l.T("place.unknown_office"))
	case q.Has("avanti") && v.Office == nil:
		v.Errors.add("ufficio", l.T("place.choose_office"))
	case service != "" && q.Get("cambia") == "":
		v.Errors.add("servizio", l.T("place.unknown_service"))
	case q.Has("scegli") && v.Office != nil:
		v.Errors.add("servizio", l.T("place.choose_service"))
	}
	status := http.StatusOK
	if len(v.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return s.render(w, r, status, "public/place.html", Page{Data: v, Crumbs: bookingCrumbs(l)})
}
