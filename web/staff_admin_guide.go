package web

import (
	"context"
	"slices"

	"sportello/booking"
)

// guide leads from an office's name to its first free appointment.
type guide struct {
	Office booking.Office
	Steps  []guideStep
	Open   bool          // the public finds a free start
	First  *booking.Slot // the soonest
	Next   string        // the step to take now: its key
}

// guideStep is one thing that an office needs before it can be booked.
type guideStep struct {
	Key     string // "office", "service", "desk", "hours", "people"
	Path    string
	Done    bool
	Current bool
}

// guideOf sees how far an office is.
func (s *Server) guideOf(ctx context.Context, o booking.Office, here string) (*guide, error) {
	services, err := s.agenda.Services(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	desks, err := s.agenda.Desks(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	desks = slices.DeleteFunc(desks, func(d booking.Desk) bool { return d.Retired })
	base := adminPath + "/uffici/" + idText(o.ID)
	hoursPath, hours, useful := "", false, false
	for _, d := range desks {
		rules, err := s.agenda.OpeningRules(ctx, d.ID)
		if err != nil {
			return nil, err
		}
		if hours = hours || len(rules) > 0; len(rules) == 0 || hoursPath == "" {
			hoursPath = adminPath + "/orari/" + idText(d.ID)
		}
		useful = useful || len(d.Services) > 0
	}
	staffed, err := s.staffed(ctx, o.ID, desks)
	if err != nil {
		return nil, err
	}
	g := &guide{Office: o, Steps: []guideStep{
		{Key: "office", Path: base, Done: true},
		{Key: "service", Path: base + "/servizi/nuovo", Done: len(services) > 0},
		{Key: "desk", Path: base + "/sportelli/nuovo", Done: len(desks) > 0 && useful},
		{Key: "hours", Path: hoursPath, Done: hours},
		{Key: "people", Path: adminPath + "/persone", Done: staffed},
	}}
	for i := range g.Steps {
		g.Steps[i].Current = g.Steps[i].Key == here
		if !g.Steps[i].Done && g.Next == "" {
			g.Next = g.Steps[i].Key
		}
	}
	if o.Retired {
		return g, nil
	}
	ids := make([]int64, len(services))
	for i, v := range services {
		ids[i] = v.ID
	}
	free, err := s.agenda.FirstFree(ctx, ids, "", booking.Public, 1)
	if err != nil {
		return nil, err
	}
	if len(free) > 0 {
		g.Open, g.First = true, &free[0]
	}
	return g, nil
}

// staffed says whether a clerk works at one of the desks.
func (s *Server) staffed(ctx context.Context, office int64, desks []booking.Desk) (bool, error) {
	staff, err := s.agenda.AllStaff(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(staff, func(m booking.Staff) bool {
		return m.Has(booking.Clerk) && slices.ContainsFunc(desks, func(d booking.Desk) bool {
			return slices.Contains(m.Desks, d.ID) || len(m.Desks) == 0 && slices.Contains(m.Offices, office)
		})
	}), nil
}

// after is where the guide goes on once a step is done: to the next that is
// missing, or to the office.
func (s *Server) after(ctx context.Context, office int64) (string, error) {
	o, err := s.agenda.OfficeByID(ctx, office)
	if err != nil {
		return "", err
	}
	g, err := s.guideOf(ctx, o, "")
	if err != nil {
		return "", err
	}
	for _, step := range g.Steps {
		if step.Key == g.Next && step.Key != "people" {
			return step.Path, nil
		}
	}
	return adminPath + "/uffici/" + idText(office), nil
}
