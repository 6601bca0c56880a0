package web

import (
	"strings"
	"testing"
	"time"

	"sportello/booking"
)

func TestAxisIsParted(t *testing.T) {
	for most, want := range map[int]int{1: 1, 4: 1, 5: 2, 8: 2, 9: 5, 20: 5, 21: 10, 84: 50, 1000: 500, 4001: 2000} {
		if got := niceStep(most); got != want {
			t.Errorf("0 to %d in steps of %d, want %d", most, got, want)
		}
	}
}

// TestAPeriodIsParted: by days, weeks or months; nothing is lost at the edges.
func TestAPeriodIsParted(t *testing.T) {
	first := time.Date(2026, time.November, 25, 0, 0, 0, 0, time.UTC) // a Wednesday
	for days, want := range map[int]int{1: 1, 31: 31, 45: 45, 46: 7, 200: 29, 201: 8, 370: 13} {
		p := booking.Period{First: first, Last: first.AddDate(0, 0, days-1)}
		var tallies []booking.DayTally
		for d := range days {
			tallies = append(tallies, booking.DayTally{Day: first.AddDate(0, 0, d), Channel: booking.ByWeb, Mode: booking.Virtual, Booked: 2, NoShows: 1})
		}
		list := intervals(p, tallies)
		if len(list) != want || !list[0].First.Equal(p.First) || !list[len(list)-1].Last.Equal(p.Last) {
			t.Errorf("%d days make %d parts, want %d", days, len(list), want)
		}
		booked, missed := 0, 0
		for i, x := range list {
			booked, missed = booked+x.ByMode[1], missed+x.NoShows
			if x.ByMode[1] != 2*(int(x.Last.Sub(x.First)/dayLong)+1) {
				t.Errorf("%d days: part %d has %d", days, i, x.ByMode[1])
			}
		}
		if booked != 2*days || missed != days {
			t.Errorf("%d days: %d booked, %d missed", days, booked, missed)
		}
	}
}

func TestBinsAreNamed(t *testing.T) {
	l := &Language{Code: "it"}
	var names []string
	for i := range 8 {
		names = append(names, binName(l, booking.MinuteBounds(), i))
	}
	if got := strings.Join(names, " "); got != "< 5 min 5–10 min 10–15 min 15–20 min 20–30 min 30–45 min 45–60 min ≥ 60 min" {
		t.Errorf("named %s", got)
	}
}
