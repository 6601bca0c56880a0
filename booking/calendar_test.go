package booking_test

import (
	"testing"
	"time"

	"sportello/booking"
)

// nights opens the video desk through a night, on every day of the week.
func (w *world) nights(t *testing.T, from, to string) {
	t.Helper()
	var rules []booking.OpeningRule
	for day := time.Sunday; day <= time.Saturday; day++ {
		rules = append(rules, booking.OpeningRule{Weekday: day, From: from, To: to, Audience: booking.Public})
	}
	if _, err := w.SetOpeningRules(t.Context(), w.desks["Video"].ID, rules, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
}

// TestAppointmentsAcrossAClockChange: the hour that comes twice can be booked
// twice, the one that does not come not at all, and no hour is counted away.
func TestAppointmentsAcrossAClockChange(t *testing.T) {
	for _, c := range []struct {
		day         string
		first, next string // in UTC: quarter past two, and an hour later
		twice       bool
		hours       time.Duration // from one to four
	}{
		{day: "2026-10-25", first: "00:15", next: "01:15", twice: true, hours: 4 * time.Hour},
		{day: "2027-10-31", first: "00:15", next: "01:15", twice: true, hours: 4 * time.Hour},
		{day: "2026-03-29", first: "00:15", next: "01:15", hours: 2 * time.Hour}, // 01:15 and 03:15 of the clock
		{day: "2027-03-28", first: "00:15", next: "01:15", hours: 2 * time.Hour},
	} {
		t.Run(c.day, func(t *testing.T) {
			day, err := time.ParseInLocation(time.DateOnly, c.day, rome(t))
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, day.AddDate(0, 0, -7))
			ctx := t.Context()
			w.workOn(t, day)
			w.nights(t, "01:00", "04:00")
			instant := func(clock string) time.Time {
				at, err := time.Parse(time.DateOnly+" 15:04", c.day+" "+clock)
				if err != nil {
					t.Fatal(err)
				}
				return at
			}
			one := w.booked(t, w.request(instant(c.first), booking.Virtual))
			two := w.booked(t, w.request(instant(c.next), booking.Virtual))
			if got := one.Appointment.Start.Format("15:04") == two.Appointment.Start.Format("15:04"); got != c.twice {
				t.Errorf("at %v and %v: the same on the clock %v, want %v", one.Appointment.Start, two.Appointment.Start, got, c.twice)
			}
			if one.Appointment.End.Sub(one.Appointment.Start) != 15*time.Minute || two.Appointment.End.Sub(two.Appointment.Start) != 15*time.Minute {
				t.Errorf("lengths %v, %v", one.Appointment.End.Sub(one.Appointment.Start), two.Appointment.End.Sub(two.Appointment.Start))
			}
			_, err = w.Hold(ctx, w.request(instant(c.next), booking.Virtual))
			wantErr(t, "the same instant again", err, booking.ErrSlotTaken)
			// A quarter of an hour across the very change.
			across := w.booked(t, w.request(instant("00:45"), booking.Virtual))
			if got := across.Appointment.End.UTC().Format("15:04"); got != "01:00" {
				t.Errorf("across the change until %s UTC", got)
			}
			moved, err := w.Reschedule(ctx, across.ID, instant("01:30"), booking.Actor{})
			if err != nil || !moved.Start.Equal(instant("01:30")) {
				t.Errorf("moved to %v: %v", moved.Start, err)
			}
			s, err := w.Statistics(ctx, booking.Period{First: day, Last: day, OfficeID: w.office.ID})
			if err != nil {
				t.Fatal(err)
			}
			var open, used time.Duration
			for _, h := range s.Hours {
				open, used = open+h.Open, used+h.Used
			}
			if day.Weekday() != time.Sunday || open != c.hours || used != 45*time.Minute {
				t.Errorf("%v open, %v used, want %v and 45m", open, used, c.hours)
			}
			// Closed from two to three: all of the hour that comes twice.
			pause := booking.Closure{DeskID: w.desks["Video"].ID, From: day, To: day, FromTime: "02:00", ToTime: "03:00", Reason: booking.Text{"it": "Pausa"}}
			conflicts, err := w.AddClosure(ctx, pause, booking.Actor{})
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			if c.twice {
				want = 3
			}
			if len(conflicts) != want {
				t.Errorf("%d are in the way of a closure from two to three, want %d", len(conflicts), want)
			}
		})
	}
}

func TestLeapDay(t *testing.T) {
	leap := time.Date(2028, 2, 29, 0, 0, 0, 0, rome(t))
	w := newWorld(t, leap.AddDate(0, 0, -10))
	ctx := t.Context()
	days, err := w.Month(ctx, w.breve.ID, booking.Virtual, booking.Public, 2028, time.February)
	if err != nil || len(days) != 29 || days[28].Free != 4 {
		t.Fatalf("February 2028: %d days, %v", len(days), err)
	}
	a := w.booked(t, w.request(leap.Add(9*time.Hour), booking.Virtual))
	if got := a.Appointment.Start.Format("2006-01-02 15:04"); got != "2028-02-29 09:00" {
		t.Errorf("booked at %s", got)
	}
	// A rule that ends with February holds on its last day and not on the next.
	_, err = w.SetOpeningRules(ctx, w.desks["Video"].ID, []booking.OpeningRule{
		{Weekday: time.Tuesday, From: "09:00", To: "10:00", Audience: booking.Public, ValidUntil: leap},
		{Weekday: time.Wednesday, From: "09:00", To: "10:00", Audience: booking.Public, ValidUntil: leap},
	}, booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	if got := starts(w.freeOn(t, leap, booking.Virtual, booking.Public)); got != "09:15 09:30 09:45" {
		t.Errorf("free on the leap day %q", got)
	}
	if got := starts(w.freeOn(t, leap.AddDate(0, 0, 1), booking.Virtual, booking.Public)); got != "" {
		t.Errorf("free on the first of March %q", got)
	}
	list, err := w.PreviewClosure(ctx, booking.Closure{OfficeID: w.office.ID, From: leap, To: leap, Reason: booking.Text{"it": "Lavori"}})
	if err != nil || len(list) != 1 || list[0].ID != a.ID {
		t.Errorf("closing the leap day concerns %d, %v", len(list), err)
	}
}

// TestYearsEnd: the last quarter of an hour of the year belongs to its day, and
// ends with it.
func TestYearsEnd(t *testing.T) {
	for _, year := range []int{2026, 2027} {
		eve := time.Date(year, 12, 31, 0, 0, 0, 0, rome(t))
		w := newWorld(t, eve.AddDate(0, 0, -10))
		ctx := t.Context()
		w.nights(t, "23:00", "24:00")
		last := w.booked(t, w.request(time.Date(year, 12, 31, 23, 45, 0, 0, rome(t)), booking.Virtual))
		if got := last.Appointment.End.Format("2006-01-02 15:04"); got != eve.AddDate(0, 0, 1).Format("2006-01-02 15:04") {
			t.Errorf("until %s", got)
		}
		if got := starts(w.freeOn(t, eve, booking.Virtual, booking.Public)); got != "23:00 23:15 23:30" {
			t.Errorf("free on the last day %q", got)
		}
		if got := starts(w.freeOn(t, eve.AddDate(0, 0, 1), booking.Virtual, booking.Public)); got != "" { // a holiday
			t.Errorf("free on New Year's Day %q", got)
		}
		next, err := w.Month(ctx, w.breve.ID, booking.Virtual, booking.Public, year+1, time.January)
		if err != nil || next[0].Free != 0 || next[1].Free != 4 || next[1].Date.Year() != year+1 {
			t.Errorf("January %+v, %v", next[:min(2, len(next))], err)
		}
		before, err := w.Statistics(ctx, booking.Period{First: eve, Last: eve})
		if err != nil || len(before.Tallies) != 1 || before.Tallies[0].Booked != 1 {
			t.Errorf("of the old year %+v, %v", before.Tallies, err)
		}
		after, err := w.Statistics(ctx, booking.Period{First: eve.AddDate(0, 0, 1), Last: eve.AddDate(0, 0, 1)})
		if err != nil || len(after.Tallies) != 0 {
			t.Errorf("of the new year %+v, %v", after.Tallies, err)
		}
	}
}
