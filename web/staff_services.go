package web

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"sportello/booking"
)

// serviceChoice is a service as an operator picks it, by typing.
type serviceChoice struct {
	Service booking.Service
	Office  booking.Office
	Label   string // "Carta d’identità – Anagrafe"
}

// serviceChoices lists what the colleague may book.
func (s *Server) serviceChoices(ctx context.Context, l *Language, me *colleague) ([]serviceChoice, error) {
	offices, err := s.myOffices(ctx, me)
	if err != nil {
		return nil, err
	}
	services, err := s.agenda.AllServices(ctx)
	if err != nil {
		return nil, err
	}
	var out []serviceChoice
	for _, o := range offices {
		for _, v := range services {
			if v.OfficeID == o.ID {
				out = append(out, serviceChoice{Service: v, Office: o, Label: v.Name.In(l.Code) + " – " + o.Name.In(l.Code)})
			}
		}
	}
	return out, nil
}

// myOffices lists the offices that are the colleague's business.
func (s *Server) myOffices(ctx context.Context, me *colleague) ([]booking.Office, error) {
	offices, err := s.agenda.EveryOffice(ctx) // the retired have appointments still
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(offices, func(o booking.Office) bool { return !me.MayOffice(o.ID) }), nil
}

// matchServices finds the services that a text means: the one with that label,
// or all that have every word of it somewhere.
func matchServices(all []serviceChoice, text string) []serviceChoice {
	want := foldText(text)
	if want == "" {
		return nil
	}
	for _, c := range all {
		if foldText(c.Label) == want || c.Office.Slug+"/"+c.Service.Slug == strings.TrimSpace(text) {
			return []serviceChoice{c}
		}
	}
	var out []serviceChoice
	for _, c := range all {
		label := foldText(c.Label)
		if !slices.ContainsFunc(strings.Fields(want), func(word string) bool { return !strings.Contains(label, word) }) {
			out = append(out, c)
		}
	}
	return out
}

// foldText makes texts comparable: lower case, no accents, words apart by one
// space, whatever stood between them.
func foldText(text string) string {
	words := strings.FieldsFunc(norm.NFD.String(strings.ToLower(text)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)
	})
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, strings.Join(words, " "))
}

// slotChoice is a free start as a radio button.
type slotChoice struct {
	Value         string // see parseSlot
	Start         time.Time
	Mode          booking.Mode
	OperatorsOnly bool // hours that the public does not see
	Checked       bool
	First         bool // has the access key
	Focus         bool // is where the keyboard begins
}

// slotDay is the free starts of one day.
type slotDay struct {
	Date  time.Time
	Slots []slotChoice
}

// modeSlots is the first free starts in one mode.
type modeSlots struct {
	Mode  booking.Mode
	Days  []slotDay
	Later string // the day to go on from, as 2026-11-23
}

// slotsShown is how many starts per mode are offered at once: what fits on
// the operator's screen, and what can be read out.
const slotsShown = 12

// freeSlots gives the first starts from a moment on, in each mode.
func (s *Server) freeSlots(ctx context.Context, v booking.Service, from time.Time, chosen string) ([]modeSlots, error) {
	var out []modeSlots
	for _, mode := range v.Modes {
		q := booking.Query{ServiceID: v.ID, Also: v.Also, Mode: mode, Audience: booking.Operators, From: from, Limit: slotsShown}
		free, err := s.agenda.Free(ctx, q)
		if err != nil {
			return nil, err
		}
		m := modeSlots{Mode: mode}
		if len(free) > 0 {
			// The public's starts among them tell which are the operators' own.
			q.Audience, q.Limit, q.To = booking.Public, 0, free[len(free)-1].Start.Add(time.Second)
			public, err := s.agenda.Free(ctx, q)
			if err != nil {
				return nil, err
			}
			m.Days = groupSlots(free, public, mode, chosen)
			m.Later = free[len(free)-1].Start.AddDate(0, 0, 1).Format(time.DateOnly)
		}
		if len(out) == 0 && len(m.Days) > 0 {
			m.Days[0].Slots[0].First = true
		}
		out = append(out, m)
	}
	return out, nil
}

func groupSlots(free, public []booking.Slot, mode booking.Mode, chosen string) []slotDay {
	var days []slotDay
	for _, f := range free {
		c := slotChoice{Value: slotValue(mode, f.Start), Start: f.Start, Mode: mode}
		c.Checked = c.Value == chosen
		c.OperatorsOnly = !slices.ContainsFunc(public, func(p booking.Slot) bool { return p.Start.Equal(f.Start) })
		if n := len(days); n == 0 || days[n-1].Date.Format(time.DateOnly) != f.Start.Format(time.DateOnly) {
			days = append(days, slotDay{Date: f.Start})
		}
		days[len(days)-1].Slots = append(days[len(days)-1].Slots, c)
	}
	return days
}

// slotValue is a start as a form sends it: "virtual@2026-11-23T09:30:00+01:00".
func slotValue(mode booking.Mode, start time.Time) string {
	return string(mode) + "@" + start.Format(time.RFC3339)
}

func parseSlot(value string) (booking.Mode, time.Time, bool) {
	mode, at, ok := strings.Cut(value, "@")
	start, err := time.Parse(time.RFC3339, at)
	m := booking.Mode(mode)
	return m, start, ok && err == nil && (m == booking.InPerson || m == booking.Virtual)
}
