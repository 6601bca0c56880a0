package web

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"sportello/booking"
)

// firstPlace is an office that does what is asked for, with its first free
// time in each mode.
type firstPlace struct {
	Office  booking.Office
	Service booking.Service
	Modes   []firstMode
	Soonest bool // nobody has an earlier time
}

type firstMode struct {
	Mode  booking.Mode
	Start time.Time // zero: nothing is free
	Href  string
}

// firstPlaces tells who has the first free time of some services, the soonest
// first, by service.
func (s *Server) firstPlaces(ctx context.Context, l *Language, services []booking.Service) ([]*firstPlace, error) {
	ids := make([]int64, len(services))
	for i, v := range services {
		ids[i] = v.ID
	}
	list, err := s.agenda.Earliest(ctx, ids, booking.Public)
	if err != nil {
		return nil, err
	}
	var out []*firstPlace
	places := map[int64]*firstPlace{}
	for _, f := range list {
		p := places[f.Service.ID]
		if p == nil {
			p = &firstPlace{Office: f.Office, Service: f.Service}
			p.Soonest = len(out) == 0 && !f.Start.IsZero()
			places[f.Service.ID], out = p, append(out, p)
		}
		m := firstMode{Mode: f.Mode, Start: f.Start}
		if !f.Start.IsZero() {
			m.Href = l.Path("/prenota/orario?" + url.Values{
				"ufficio": {f.Office.Slug}, "servizio": {f.Service.Slug}, "modo": {modeParam(f.Mode)}, "giorno": {f.Start.Format(time.DateOnly)},
			}.Encode())
		}
		p.Modes = append(p.Modes, m)
	}
	return out, nil
}

// kindView is the choice of an office for a service that several have.
type kindView struct {
	Stepper stepper
	Places  []*firstPlace
}

// bookKind is the first step of who asks for a kind of service (?tipo=),
// wherever it can be had soonest.
func (s *Server) bookKind(w http.ResponseWriter, r *http.Request, kind string) error {
	l := s.lang(r)
	services, err := s.agenda.OfKind(r.Context(), kind)
	switch {
	case err != nil:
		return err
	case len(services) == 0:
		return errNoPage
	case len(services) == 1:
		to := url.Values{"ufficio": {services[0].OfficeSlug}, "servizio": {services[0].Slug}}
		http.Redirect(w, r, l.Path("/prenota/orario?"+to.Encode()), http.StatusSeeOther)
		return nil
	}
	v := kindView{Stepper: newStepper(l, stepPlace)}
	if v.Places, err = s.firstPlaces(r.Context(), l, services); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "public/kind.html", Page{Data: v, Crumbs: bookingCrumbs(l)})
}

// elsewhere is where else a service can be had, the soonest first.
func (s *Server) elsewhere(ctx context.Context, l *Language, v booking.Service) ([]*firstPlace, error) {
	if v.Kind == "" || len(v.Also) > 0 {
		return nil, nil
	}
	alike, err := s.agenda.Alike(ctx, v.ID)
	if err != nil || len(alike) < 2 {
		return nil, err
	}
	places, err := s.firstPlaces(ctx, l, alike)
	if err != nil {
		return nil, err
	}
	var others []*firstPlace
	for _, p := range places {
		if p.Service.ID != v.ID {
			others = append(others, p)
		}
	}
	return others, nil
}
