package booking_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sportello/booking"
)

// branches are two more offices of the small town, which do what its first
// office does under another name; and one of another town.
const branches = `{"town": {"slug": "%s", "name": "T"}, "offices": [{"slug": "%s", "name": {"it": "%[2]s"}, "position": 2,
  "services": [{"slug": "s", "kind": "breve", "name": {"it": "Servizio breve"}, "duration": "15m", "step": "15m", "minNotice": "1h", "horizon": "1440h", "modes": ["in_person", "virtual"]}],
  "desks": [{"name": "Uno", "modes": ["in_person"], "hours": [%s]}]}]}`

func (w *world) branch(t *testing.T, town, office, hours string) {
	t.Helper()
	file := fmt.Sprintf(branches, town, office, hours)
	if err := w.Seed(t.Context(), fstest.MapFS{"b.json": {Data: []byte(file)}}); err != nil {
		t.Fatal(err)
	}
}

// TestEarliestOverOfficesAndModes: each office and mode has its own first time.
func TestEarliestOverOfficesAndModes(t *testing.T) {
	w := newWorld(t, monday) // 08:00
	w.breve.Kind = "Breve"
	if _, _, err := w.SaveService(t.Context(), w.breve, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	w.branch(t, "prova", "delegazione", `{"days": [1], "from": "08:30", "to": "10:00"}`)
	w.branch(t, "prova", "chiuso", ``)
	w.branch(t, "altrove", "lontano", `{"days": [1], "from": "09:00", "to": "10:00"}`)
	alike, err := w.Alike(t.Context(), w.breve.ID)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	var offices []string
	for _, s := range alike {
		ids, offices = append(ids, s.ID), append(offices, s.OfficeSlug)
	}
	if got := strings.Join(offices, " "); got != "ufficio delegazione chiuso" {
		t.Fatalf("alike are %s", got)
	}
	told := func(step string, want ...string) {
		t.Helper()
		list, err := w.Earliest(t.Context(), ids, booking.Public)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range list {
			at := "-"
			if !f.Start.IsZero() {
				at = f.Start.Format("02 15:04")
				if f.End.Sub(f.Start) != 15*time.Minute {
					t.Errorf("%s: ends at %v", step, f.End)
				}
			}
			got = append(got, f.Office.Slug+" "+string(f.Mode)+" "+at)
			// What is told first is what Free gives first.
			free, err := w.FirstFree(t.Context(), []int64{f.Service.ID}, f.Mode, booking.Public, 1)
			if err != nil || (len(free) == 0) != f.Start.IsZero() || len(free) > 0 && !free[0].Start.Equal(f.Start) {
				t.Errorf("%s: %s %s: FirstFree says %v, %v", step, f.Office.Slug, f.Mode, free, err)
			}
		}
		if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
			t.Errorf("%s:\n%s\nwant\n%s", step, g, w)
		}
	}
	// Notice of an hour: 09:00 at the soonest.
	told("at first", "ufficio in_person 16 09:00", "ufficio virtual 16 09:00", "delegazione in_person 16 09:00",
		"delegazione virtual -", "chiuso in_person -", "chiuso virtual -")
	for range 2 { // both counters
		w.hold(t, w.request(at(t, 16, 9, 0), booking.InPerson))
	}
	for m := range 4 { // all of the screen's Monday
		w.hold(t, w.request(at(t, 16, 9, 15*m), booking.Virtual))
	}
	told("with holds", "delegazione in_person 16 09:00", "ufficio in_person 16 09:15", "ufficio virtual 17 09:00",
		"delegazione virtual -", "chiuso in_person -", "chiuso virtual -")
	w.clock.add(10 * time.Minute) // the holds are stale; so are the starts before 09:10
	told("holds over", "ufficio in_person 16 09:15", "ufficio virtual 16 09:15", "delegazione in_person 16 09:15",
		"delegazione virtual -", "chiuso in_person -", "chiuso virtual -")
}
