package booking

import (
	"slices"
	"time"
)

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

// OffStep finds the operators' rules that shift the starts of the public's: they run
// into hours of the public's and begin earlier, by no whole steps. One opening has its
// starts counted from where it begins, which for operators is then elsewhere: what they
// book takes two starts from the public. From and To are the two beginnings.
func OffStep(rules []OpeningRule, steps []time.Duration) []Overlap {
	var found []Overlap
	for i, a := range rules {
		for j, b := range rules {
			if a.Audience != Operators || b.Audience != Public || a.Weekday != b.Weekday || a.From >= b.From || a.To < b.From || !meet(a, b) {
				continue
			}
			early := sinceMidnight(b.From) - sinceMidnight(a.From)
			if slices.ContainsFunc(steps, func(step time.Duration) bool { return step > 0 && early%step != 0 }) {
				found = append(found, Overlap{First: i, Second: j, From: a.From, To: b.From, Mixed: true})
			}
		}
	}
	return found
}

// sinceMidnight reads HH:MM, which was checked.
func sinceMidnight(clock string) time.Duration {
	t, err := time.Parse("15:04", clock)
	if err != nil { // 24:00, with which nothing begins
		return 24 * time.Hour
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// meet says whether there are days on which both are valid.
func meet(a, b OpeningRule) bool {
	before := func(until, from time.Time) bool {
		return !until.IsZero() && !from.IsZero() && dateOf(until).Before(dateOf(from))
	}
	return !before(a.ValidUntil, b.ValidFrom) && !before(b.ValidUntil, a.ValidFrom)
}
