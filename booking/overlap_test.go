package booking_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sportello/booking"
)

// TestOverlappingRulesAreOneOpening: a desk opens once, for all its rules come to;
// its starts run on through where they meet, each is there once, and of what
// overlaps the public has what any rule gives the public. An exception takes its
// hours out of all of them.
func TestOverlappingRulesAreOneOpening(t *testing.T) {
	t.Parallel()
	tuesday := at(t, 17, 0, 0)
	rule := func(from, to string, who booking.Audience) booking.OpeningRule {
		return booking.OpeningRule{Weekday: time.Tuesday, From: from, To: to, Audience: who}
	}
	passed := rule("08:00", "12:00", booking.Public)
	passed.ValidUntil = tuesday.AddDate(0, 0, -7)
	for name, c := range map[string]struct {
		rules             []booking.OpeningRule
		without           *booking.Closure
		public, operators string
		found             string
		off               bool // the operators' starts are not the public's
	}{
		"the same audience": {
			rules:  []booking.OpeningRule{rule("09:00", "10:00", booking.Public), rule("09:40", "10:30", booking.Public)},
			public: "09:00 09:15 09:30 09:45 10:00 10:15", operators: "09:00 09:15 09:30 09:45 10:00 10:15",
			found: "[{0 1 09:40 10:00 false}]",
		},
		"one within the other": {
			rules:  []booking.OpeningRule{rule("09:15", "09:30", booking.Public), rule("09:00", "10:00", booking.Public)},
			public: "09:00 09:15 09:30 09:45", operators: "09:00 09:15 09:30 09:45",
			found: "[{0 1 09:15 09:30 false}]",
		},
		"one after the other": {
			rules:  []booking.OpeningRule{rule("09:00", "09:30", booking.Public), rule("09:30", "10:00", booking.Public)},
			public: "09:00 09:15 09:30 09:45", operators: "09:00 09:15 09:30 09:45",
			found: "[]",
		},
		"operators' hours over the public's": {
			rules:  []booking.OpeningRule{rule("09:00", "10:00", booking.Public), rule("09:30", "10:30", booking.Operators)},
			public: "09:00 09:15 09:30 09:45", operators: "09:00 09:15 09:30 09:45 10:00 10:15",
			found: "[{0 1 09:30 10:00 true}]",
		},
		// Starts are counted from where an opening begins: the operators' begins earlier here.
		"operators begin off the public's steps": {
			rules:  []booking.OpeningRule{rule("09:00", "10:00", booking.Public), rule("08:50", "09:10", booking.Operators)},
			public: "09:00 09:15 09:30 09:45", operators: "08:50 09:05 09:20 09:35",
			found: "[{0 1 09:00 09:10 true}]", off: true,
		},
		"operators begin on the public's steps": {
			rules:  []booking.OpeningRule{rule("09:00", "10:00", booking.Public), rule("08:45", "09:00", booking.Operators)},
			public: "09:00 09:15 09:30 09:45", operators: "08:45 09:00 09:15 09:30 09:45",
			found: "[]",
		},
		"a rule that is no longer valid": {
			rules: []booking.OpeningRule{passed, func() booking.OpeningRule {
				r := rule("09:00", "10:00", booking.Public)
				r.ValidFrom = tuesday
				return r
			}()},
			public: "09:00 09:15 09:30 09:45", operators: "09:00 09:15 09:30 09:45",
			found: "[]",
		},
		"an exception over both": {
			rules:   []booking.OpeningRule{rule("09:00", "10:00", booking.Public), rule("09:30", "11:00", booking.Operators)},
			without: &booking.Closure{From: tuesday, To: tuesday, FromTime: "09:30", ToTime: "10:30", Reason: booking.Text{"it": "Pausa"}},
			public:  "09:00 09:15", operators: "09:00 09:15 10:30 10:45",
			found: "[{0 1 09:30 10:00 true}]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if found := fmt.Sprint(booking.Overlaps(c.rules)); found != c.found {
				t.Errorf("found %s, want %s", found, c.found)
			}
			if off := booking.OffStep(c.rules, []time.Duration{5 * time.Minute, 15 * time.Minute}); (len(off) == 1) != c.off {
				t.Errorf("off the steps: %v", off)
			}
			w := newWorld(t, monday)
			if _, err := w.SetOpeningRules(t.Context(), w.desks["Video"].ID, c.rules, booking.Actor{}); err != nil {
				t.Fatal(err)
			}
			if c.without != nil {
				c.without.DeskID = w.desks["Video"].ID
				if _, err := w.AddClosure(t.Context(), *c.without, booking.Actor{}); err != nil {
					t.Fatal(err)
				}
			}
			for who, want := range map[booking.Audience]string{booking.Public: c.public, booking.Operators: c.operators} {
				slots := w.freeOn(t, tuesday, booking.Virtual, who)
				if got := starts(slots); got != want {
					t.Errorf("%s: %q, want %q", who, got, want)
				}
				for _, s := range slots {
					if s.Desks != 1 {
						t.Errorf("%s: %v is there %d times", who, s.Start, s.Desks)
					}
				}
			}
			// What is shown can be had, once.
			first := strings.Fields(c.public)[0]
			start, err := time.ParseInLocation("2006-01-02 15:04", "2026-11-17 "+first, rome(t))
			if err != nil {
				t.Fatal(err)
			}
			w.hold(t, w.request(start, booking.Virtual))
			_, err = w.Hold(t.Context(), w.request(start, booking.Virtual))
			wantErr(t, "the same once more", err, booking.ErrSlotTaken)
		})
	}
}
