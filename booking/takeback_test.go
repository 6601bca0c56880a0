package booking_test

import (
	"errors"
	"testing"
	"time"

	"sportello/booking"
	"sportello/booking/token"
)

// TestWhoChangesTheirMindHasItBack: what cools for all others is theirs, as it was.
func TestWhoChangesTheirMindHasItBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, monday)
	w.clock.set(at(t, 16, 10, 0))
	w.cooling(t, 30*time.Minute)
	ctx, start := t.Context(), at(t, 17, 9, 0)
	h := w.booked(t, w.request(start, booking.Virtual))
	w.cancels(t, h)
	if _, err := w.GrantByHash(ctx, token.HashOf(h.Secret)); !errors.Is(err, token.ErrCancelled) {
		t.Fatalf("the link of what is cancelled: %v", err)
	}
	if w.seen(t, start, booking.Public) {
		t.Fatal("the public sees what cools")
	}
	cancelled, err := w.Get(ctx, h.ID)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second click
		a, err := w.TakeBack(ctx, h.ID, h.Secret)
		if err != nil || a.State != booking.Booked || !a.Start.Equal(start) || a.Person.Surname != cancelled.Person.Surname || !a.ClosedAt.IsZero() || a.Version != cancelled.Version+1 {
			t.Fatalf("taken back: %+v, %v", a, err)
		}
	}
	if g, err := w.GrantByHash(ctx, token.HashOf(h.Secret)); err != nil || g.Appointment != h.ID.String() {
		t.Errorf("the link of what was taken back: %v", err)
	}
	w.cancels(t, h) // once more: it cools again, and the staff may have it
	r := w.request(start, booking.Virtual)
	r.Audience, r.Channel = booking.Operators, booking.ByOperator
	w.hold(t, r)
	var taken *booking.SlotTakenError
	if _, err := w.TakeBack(ctx, h.ID, h.Secret); !errors.As(err, &taken) {
		t.Errorf("what somebody else has: %v", err)
	}
}

func TestWhatCannotBeTakenBack(t *testing.T) {
	t.Parallel()
	start := at(t, 17, 9, 0)
	for name, c := range map[string]struct {
		spoil func(t *testing.T, w *world, h booking.Hold)
		want  error
	}{
		"the staff cancelled it": {func(t *testing.T, w *world, h booking.Hold) {
			t.Helper()
			if err := w.Cancel(t.Context(), h.ID, booking.Actor{StaffID: w.clerk(t).ID}); err != nil {
				t.Fatal(err)
			}
		}, booking.ErrState},
		"its start is past": {func(t *testing.T, w *world, h booking.Hold) {
			t.Helper()
			w.cancels(t, h)
			w.clock.set(start)
		}, booking.ErrState},
		"it is too near": {func(t *testing.T, w *world, h booking.Hold) {
			t.Helper()
			w.cancels(t, h)
			w.clock.set(start.Add(-time.Minute))
		}, booking.ErrNotBookable},
		"who it was is forgotten": {func(t *testing.T, w *world, h booking.Hold) {
			t.Helper()
			w.cancels(t, h)
			if _, err := w.pool.Exec(t.Context(), `DELETE FROM appointment_person`); err != nil {
				t.Fatal(err)
			}
		}, booking.ErrState},
		"the contact has enough others": {func(t *testing.T, w *world, h booking.Hold) {
			t.Helper()
			w.cancels(t, h)
			o := w.office
			o.MaxOpen = 1
			if _, err := w.SaveOffice(t.Context(), o, booking.Actor{}); err != nil {
				t.Fatal(err)
			}
			w.booked(t, w.request(at(t, 17, 9, 30), booking.Virtual))
		}, booking.ErrTooMany},
		"the office is closed by now": {func(t *testing.T, w *world, h booking.Hold) {
			t.Helper()
			w.cancels(t, h)
			if _, err := w.AddClosure(t.Context(), booking.Closure{From: start, To: start, Reason: booking.Text{"it": "Guasto"}}, booking.Actor{}); err != nil {
				t.Fatal(err)
			}
		}, booking.ErrNotBookable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, monday)
			w.clock.set(at(t, 16, 10, 0))
			h := w.booked(t, w.request(start, booking.Virtual))
			c.spoil(t, w, h)
			if _, err := w.TakeBack(t.Context(), h.ID, h.Secret); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if a, err := w.Get(t.Context(), h.ID); err != nil || a.State != booking.Cancelled {
				t.Errorf("now %s, %v", a.State, err)
			}
		})
	}
}

// TestWhoGivesUpAHoldIsForgotten: nothing was promised, and nothing can be taken back.
func TestWhoGivesUpAHoldIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, monday)
	h := w.hold(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	if err := w.SetPerson(t.Context(), h.ID, h.Secret, maria); err != nil {
		t.Fatal(err)
	}
	w.cancels(t, h)
	if a, err := w.Get(t.Context(), h.ID); err != nil || a.Person.Surname != "" {
		t.Errorf("kept %q, %v", a.Person.Surname, err)
	}
	if _, err := w.TakeBack(t.Context(), h.ID, h.Secret); !errors.Is(err, booking.ErrState) {
		t.Errorf("taken back: %v", err)
	}
}
