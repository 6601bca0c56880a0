package web

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"sportello/booking"
)

// togetherView is what is done in one appointment, and what could be added to it.
type togetherView struct {
	Chosen []togetherChoice // empty where there is but one service
	Add    []togetherChoice
}

type togetherChoice struct {
	Service booking.Service
	Href    string // takes it away, or adds it
}

// asked finds the service that q asks for (ufficio, servizio), taken together
// with those that are to be done in the same appointment (anche, by commas).
// booking.ErrNotBookable where they cannot be had in one.
func (s *Server) asked(ctx context.Context, q url.Values) (booking.Office, booking.Service, error) {
	var also []string
	if list := q.Get("anche"); list != "" {
		also = strings.Split(list, ",")
	}
	return s.serviceOf(ctx, q.Get("ufficio"), q.Get("servizio"), also)
}

// serviceOf finds a service of an office, together with others of it.
func (s *Server) serviceOf(ctx context.Context, officeSlug, serviceSlug string, with []string) (booking.Office, booking.Service, error) {
	office, service, err := s.agenda.ServiceBySlug(ctx, officeSlug, serviceSlug)
	if err != nil || len(with) == 0 {
		return office, service, err
	}
	all, err := s.agenda.Services(ctx, office.ID)
	if err != nil {
		return office, service, err
	}
	var also []int64
	for _, slug := range with {
		i := slices.IndexFunc(all, func(x booking.Service) bool { return x.Slug == slug })
		if i < 0 {
			return office, service, booking.ErrNotBookable
		}
		also = append(also, all[i].ID)
	}
	service, err = s.agenda.Together(ctx, service.ID, also)
	return office, service, err
}

// keepAsked is what addresses and forms carry along to ask for the same again.
func keepAsked(q url.Values, o booking.Office, v booking.Service) url.Values {
	keep := url.Values{"ufficio": {o.Slug}, "servizio": {v.Slug}}
	if len(v.Also) > 0 {
		keep.Set("anche", q.Get("anche"))
	}
	return keep
}

// togetherOf offers to do more in the same appointment, or less.
func (s *Server) togetherOf(ctx context.Context, base string, keep url.Values, v booking.Service) (out togetherView, err error) {
	joinable, err := s.agenda.Joinable(ctx, v.ID, v.Also)
	if err != nil {
		return out, err
	}
	var slugs []string
	if keep.Has("anche") {
		slugs = strings.Split(keep.Get("anche"), ",")
	}
	with := func(first string, also []string) string {
		q := url.Values{"ufficio": keep["ufficio"], "servizio": {first}}
		if len(also) > 0 {
			q.Set("anche", strings.Join(also, ","))
		}
		return base + "?" + q.Encode()
	}
	for _, x := range joinable {
		out.Add = append(out.Add, togetherChoice{x, with(v.Slug, append(slices.Clone(slugs), x.Slug))})
	}
	if len(slugs) == 0 {
		return out, nil
	}
	all, err := s.agenda.Services(ctx, v.OfficeID)
	if err != nil {
		return out, err
	}
	chosen := append([]string{v.Slug}, slugs...)
	for i, slug := range chosen {
		rest := slices.Delete(slices.Clone(chosen), i, i+1)
		for _, x := range all {
			if x.Slug == slug {
				out.Chosen = append(out.Chosen, togetherChoice{x, with(rest[0], rest[1:])})
			}
		}
	}
	return out, nil
}
