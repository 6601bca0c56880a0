package booking

import "time"

// Overlap is two rules of a desk, by their places in a list, that are for the same
// time of some day. That is no mistake: a desk opens once, for the union of its
// rules, and for the public wherever one of them says so. But it may be a slip.
type Overlap struct {
	First, Second int
	From, To      string // what both are for
	Mixed         bool   // one is for the public, one for operators
}

// Overlaps finds what overlaps among the rules of one desk.
func Overlaps(rules []OpeningRule) []Overlap {
	var found []Overlap
	for j, b := range rules {
		for i, a := range rules[:j] {
			from, to := max(a.From, b.From), min(a.To, b.To) // HH:MM, which sorts as text
			if a.Weekday == b.Weekday && from < to && meet(a, b) {
				found = append(found, Overlap{i, j, from, to, a.Audience != b.Audience})
			}
		}
	}
	return found
}

// meet says whether there are days on which both are valid.
func meet(a, b OpeningRule) bool {
	before := func(until, from time.Time) bool {
		return !until.IsZero() && !from.IsZero() && dateOf(until).Before(dateOf(from))
	}
	return !before(a.ValidUntil, b.ValidFrom) && !before(b.ValidUntil, a.ValidFrom)
}
