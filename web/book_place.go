package web

import (
	"context"
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
	Firsts  map[int64]*firstOf  // of the chosen office, by service
	Errors  formErrors
}

// firstOf is when a service can be had first, and where else.
type firstOf struct {
	*firstPlace
	Elsewhere *firstPlace // the soonest of the other offices that do the same
}

// bookPlace is a form that asks by GET, so that a service card can link into
// it: ?ufficio= leads to its services, with &servizio= straight to the times.
// &cambia= shows the choice again instead, for the way back; &avanti= and
// &scegli= are the buttons of the two forms. ?tipo= asks for a kind of service
// at whichever office.
func (s *Server) bookPlace(w http.ResponseWriter, r *http.Request) error {
	l, q := s.lang(r), r.URL.Query()
	if q.Has("tipo") {
		return s.bookKind(w, r, q.Get("tipo"))
	}
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
	if v.Office != nil {
		if v.Firsts, err = s.firstsOf(r.Context(), l, v.Office.Services); err != nil {
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

// firstsOf tells of each service of an office when it can be had first.
func (s *Server) firstsOf(ctx context.Context, l *Language, services []booking.Service) (map[int64]*firstOf, error) {
	places, err := s.firstPlaces(ctx, l, services)
	if err != nil {
		return nil, err
	}
	out := map[int64]*firstOf{}
	for _, p := range places {
		f := &firstOf{firstPlace: p}
		others, err := s.elsewhere(ctx, l, p.Service)
		if err != nil {
			return nil, err
		}
		if len(others) > 0 {
			f.Elsewhere = others[0]
		}
		out[p.Service.ID] = f
	}
	return out, nil
}
