package web

import (
	"context"
	"errors"
	"slices"
	"strings"

	"sportello/booking"
)

// Between the services of one appointment stands a plus sign, where they are
// typed and where they are shown.
const (
	plus     = "+"
	joinedBy = " " + plus + " "
)

// maxMeant bounds what a text with a plus sign may mean, and so the questions
// to the database.
const maxMeant = 12

// servicesMeant finds what a text means: a service, or several in one
// appointment ("carta + residenza"), of which the first says where.
func (s *Server) servicesMeant(ctx context.Context, l *Language, all []serviceChoice, text string) ([]serviceChoice, error) {
	for _, c := range all {
		if c.Label == text { // whose name may have the sign in it
			return []serviceChoice{c}, nil
		}
	}
	words := strings.Split(text, plus)
	found := matchServices(all, words[0])
	for _, w := range words[1:] {
		if foldText(w) == "" {
			continue // the next one is not typed yet
		}
		var more []serviceChoice
		for _, c := range found {
			with, err := s.joined(ctx, l, c, w)
			if err != nil {
				return nil, err
			}
			more = append(more, with...)
		}
		found = more[:min(len(more), maxMeant)]
	}
	return found, nil
}

// joined gives the choice taken together with what a word means at its office.
func (s *Server) joined(ctx context.Context, l *Language, c serviceChoice, word string) ([]serviceChoice, error) {
	list, err := s.agenda.Joinable(ctx, c.Service.ID, c.Service.Also)
	if err != nil {
		return nil, err
	}
	var could []serviceChoice
	for _, x := range list {
		could = append(could, serviceChoice{Service: x, Office: c.Office, Label: x.Name.In(l.Code)})
	}
	meant := matchServices(could, word)
	out := make([]serviceChoice, 0, len(meant))
	for _, m := range meant {
		all, err := s.agenda.Together(ctx, c.Service.ID, append(slices.Clone(c.Service.Also), m.Service.ID))
		if errors.Is(err, booking.ErrNotBookable) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, serviceChoice{Service: all, Office: c.Office, Label: c.Label + joinedBy + m.Label})
	}
	return out, nil
}

// serviceLink is what else can be asked for from here, by a link.
type serviceLink struct {
	Name  string
	Query string // what would be typed for it
}

// joinLinks are the services that can be done in the same appointment, and
// those of it that can be left out again.
func (s *Server) joinLinks(ctx context.Context, l *Language, c serviceChoice) (add, leave []serviceLink, err error) {
	list, err := s.agenda.Joinable(ctx, c.Service.ID, c.Service.Also)
	if err != nil {
		return nil, nil, err
	}
	for _, x := range list {
		add = append(add, serviceLink{x.Name.In(l.Code), c.Label + joinedBy + x.Name.In(l.Code)})
	}
	parts := strings.Split(c.Label, joinedBy)
	for i := 1; i < len(parts); i++ {
		leave = append(leave, serviceLink{parts[i], strings.Join(slices.Delete(slices.Clone(parts), i, i+1), joinedBy)})
	}
	return add, leave, nil
}
