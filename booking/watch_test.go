package booking_test

import (
	"context"
	"testing"
	"time"

	"sportello/booking"
)

// next waits for a change that is wanted, and passes over others.
func next(t *testing.T, changes <-chan booking.Change, want func(booking.Change) bool) booking.Change {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for {
		select {
		case c, ok := <-changes:
			if !ok {
				t.Fatal("the channel is closed")
			}
			if want(c) {
				return c
			}
		case <-limit.C:
			t.Fatal("no such change came")
		}
	}
}

func resync(c booking.Change) bool { return c == booking.Change{} }

func TestWatch(t *testing.T) {
	w := newWorld(t, monday)
	ctx, cancel := context.WithCancel(t.Context())
	first, err := w.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	next(t, first, resync)
	second, err := w.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next(t, second, resync)

	h := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	want := booking.Change{Appointment: h.ID, OfficeID: w.office.ID, Day: "2026-11-17"}
	is := func(c booking.Change) bool { return c == want }
	next(t, first, is)
	next(t, second, is)

	// Both days are told of a move between them.
	if _, err := w.Reschedule(t.Context(), h.ID, at(t, 18, 9, 0), booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	want.Day = "2026-11-18"
	next(t, first, is)

	// A lost connection: everybody is told to read again, and hears on.
	_, err = w.pool.Exec(t.Context(), `
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND query = 'LISTEN agenda'`)
	if err != nil {
		t.Fatal(err)
	}
	next(t, first, resync)
	next(t, second, resync)
	if err := w.Cancel(t.Context(), h.ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	next(t, first, is)

	cancel()
	for range first { // ends only when the channel is closed
	}
	next(t, second, is)
	w.Close()
	for range second {
	}
	if _, err := w.Watch(t.Context()); err == nil {
		t.Error("watching a closed agenda")
	}
}

// TestSlowWatcher: whoever reads slowly holds nobody up, and learns in the
// end that something was missed, or of everything.
func TestSlowWatcher(t *testing.T) {
	w := newWorld(t, monday)
	changes, err := w.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next(t, changes, resync)
	_, err = w.pool.Exec(t.Context(), `
		SELECT pg_notify('agenda', gen_random_uuid() || ' 1 2026-11-17') FROM generate_series(1, 2000)`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.pool.Exec(t.Context(), `SELECT pg_notify('agenda', 'nonsense')`)
	if err != nil {
		t.Fatal(err)
	}
	next(t, changes, resync)
}
