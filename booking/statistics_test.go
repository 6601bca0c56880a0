package booking_test

import (
	"slices"
	"testing"
	"time"

	"sportello/booking"
)

func TestStatistics(t *testing.T) {
	w := newWorld(t, monday) // 08:00
	ctx := t.Context()
	actor := booking.Actor{StaffID: w.clerk(t).ID}
	served := w.booked(t, w.request(at(t, 16, 9, 0), booking.InPerson))
	missed := w.booked(t, w.request(at(t, 16, 10, 0), booking.InPerson))
	gone := w.booked(t, w.request(at(t, 16, 9, 0), booking.Virtual))
	w.hold(t, w.request(at(t, 16, 9, 15), booking.Virtual)) // counts for nothing
	go1 := func(h booking.Hold, to booking.State, after time.Duration) {
		t.Helper()
		w.clock.set(at(t, 16, 9, 0).Add(after))
		if _, err := w.Transition(ctx, h.ID, to, actor); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Cancel(ctx, gone.ID, actor); err != nil {
		t.Fatal(err)
	}
	// Entered after it had begun, as from paper: it tells nothing of how far ahead people book.
	if _, err := w.pool.Exec(ctx, `UPDATE appointment SET created_at = lower(period) + interval '1 minute' WHERE id = $1`, missed.ID); err != nil {
		t.Fatal(err)
	}
	go1(served, booking.Arrived, -10*time.Minute)
	go1(served, booking.Called, 2*time.Minute)
	go1(served, booking.Served, 20*time.Minute)
	go1(missed, booking.NoShow, 2*time.Hour)
	p := booking.Period{First: monday, Last: monday, OfficeID: w.office.ID}
	s, err := w.Statistics(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	want := []booking.Tally{
		{Channel: booking.ByWeb, Mode: booking.InPerson, Booked: 2, Served: 1, NoShows: 1},
		{Channel: booking.ByWeb, Mode: booking.Virtual, Booked: 1, Cancelled: 1},
	}
	if len(s.Tallies) != 2 || s.Tallies[0] != want[0] || s.Tallies[1] != want[1] {
		t.Errorf("tallies %+v", s.Tallies)
	}
	if s.Waiting != (booking.Spread{Count: 1, Median: 12 * time.Minute, Ninety: 12 * time.Minute, Bins: [8]int{2: 1}}) || s.Duration.Bins != [8]int{3: 1} || s.Duration.Median != 18*time.Minute {
		t.Errorf("waiting %+v, duration %+v", s.Waiting, s.Duration)
	}
	days := []booking.DayTally{
		{Day: s.Days[0].Day, Channel: booking.ByWeb, Mode: booking.InPerson, Booked: 2, NoShows: 1},
		{Day: s.Days[0].Day, Channel: booking.ByWeb, Mode: booking.Virtual, Booked: 1},
	}
	if !slices.Equal(s.Days, days) || s.Days[0].Day.Format(time.DateOnly) != "2026-11-16" {
		t.Errorf("days %+v", s.Days)
	}
	if s.Lead.Count != 1 || s.Lead.Median != time.Hour || s.Lead.Bins != [8]int{1} {
		t.Errorf("lead %+v", s.Lead)
	}
	// Three desks are open from nine to ten; one until one o'clock.
	if len(s.Hours) != 4 || s.Hours[0] != (booking.HourLoad{Hour: 9, Open: 3 * time.Hour, Used: 15 * time.Minute}) ||
		s.Hours[1] != (booking.HourLoad{Hour: 10, Open: time.Hour, Used: 15 * time.Minute}) || s.Hours[3].Hour != 12 {
		t.Errorf("hours %+v", s.Hours)
	}
	if len(s.Week) != 4 || s.Week[0].Weekday != time.Monday || s.Week[0].HourLoad != s.Hours[0] {
		t.Errorf("hours of the week %+v", s.Week)
	}
	week, err := w.Week(ctx, 0, monday)
	if err != nil || len(week) != 21 || week[0].Open != 4*time.Hour || week[5].Open != 0 {
		t.Errorf("week %+v, %v", week, err)
	}
	used, n := time.Duration(0), 0
	for _, d := range week {
		used, n = used+d.Used, n+d.Appointments
	}
	if used != 30*time.Minute || n != 2 {
		t.Errorf("used %v by %d", used, n)
	}
	lines, err := w.Lines(ctx, p)
	if err != nil || len(lines) != 3 {
		t.Fatalf("lines %d, %v", len(lines), err)
	}
	for _, l := range lines {
		if l.State == booking.Served && (l.Waiting == nil || *l.Waiting != 12*time.Minute || l.Took == nil || *l.Took != 18*time.Minute || l.Lead != time.Hour) {
			t.Errorf("line %+v", l)
		}
	}
	p.OfficeID++
	if s, err := w.Statistics(ctx, p); err != nil || len(s.Tallies)+len(s.Hours) != 0 {
		t.Errorf("of another office %+v, %v", s, err)
	}
}
