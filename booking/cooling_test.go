package booking_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sportello/booking"
)

// cooling makes the office let starts cool, for so long at most.
func (w *world) cooling(t *testing.T, long time.Duration) {
	t.Helper()
	o, err := w.OfficeByID(t.Context(), w.office.ID)
	if err != nil {
		t.Fatal(err)
	}
	o.CoolFor = long
	if w.office, err = w.SaveOffice(t.Context(), o, booking.Actor{}); err != nil || w.office.CoolFor != long {
		t.Fatalf("cools for %v, %v", w.office.CoolFor, err)
	}
}

// seen says who is shown a start: on the list of free ones, and as the earliest.
func (w *world) seen(t *testing.T, start time.Time, who booking.Audience) bool {
	t.Helper()
	list, err := w.Free(t.Context(), booking.Query{ServiceID: w.breve.ID, Mode: booking.Virtual, Audience: who, From: start, To: start.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	first, err := w.Earliest(t.Context(), []int64{w.breve.ID}, who)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(first, func(f booking.First) bool { return f.Mode == booking.Virtual })
	if earliest := first[i].Start.Equal(start); earliest != (len(list) == 1) {
		t.Errorf("%s: on the list %v, the earliest %v", who, list, first[i].Start)
	}
	return len(list) == 1
}

func TestWhatThePublicLetsGoCools(t *testing.T) {
	t.Parallel()
	const long = 30 * time.Minute
	for name, way := range map[string]struct {
		letGo func(t *testing.T, w *world, start time.Time)
		cools bool
	}{
		"cancelled": {func(t *testing.T, w *world, start time.Time) {
			t.Helper()
			w.cancels(t, w.booked(t, w.request(start, booking.Virtual)))
		}, true},
		"moved": {func(t *testing.T, w *world, start time.Time) {
			t.Helper()
			h := w.booked(t, w.request(start, booking.Virtual))
			if _, err := w.Reschedule(t.Context(), h.ID, at(t, 18, 9, 0), booking.Actor{}); err != nil {
				t.Fatal(err)
			}
		}, true},
		"held and given up": {func(t *testing.T, w *world, start time.Time) {
			t.Helper()
			w.cancels(t, w.hold(t, w.request(start, booking.Virtual)))
		}, true},
		"held and forgotten": {func(t *testing.T, w *world, start time.Time) {
			t.Helper()
			w.clock.set(w.hold(t, w.request(start, booking.Virtual)).ExpiresAt)
			if w.seen(t, start, booking.Public) {
				t.Error("the public sees the start the moment that the hold runs out")
			}
			w.maintain(t)
		}, true},
		"cancelled by the staff": {func(t *testing.T, w *world, start time.Time) {
			t.Helper()
			h := w.booked(t, w.request(start, booking.Virtual))
			if err := w.Cancel(t.Context(), h.ID, booking.Actor{StaffID: w.clerk(t).ID}); err != nil {
				t.Fatal(err)
			}
		}, false},
		"held by an operator": {func(t *testing.T, w *world, start time.Time) {
			t.Helper()
			r := w.request(start, booking.Virtual)
			r.Audience = booking.Operators
			w.clock.set(w.hold(t, r).ExpiresAt)
			w.maintain(t)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, monday)
			w.clock.set(at(t, 16, 10, 0)) // after the virtual desk's hours: tomorrow is the earliest
			w.cooling(t, long)
			start := at(t, 17, 9, 0)
			way.letGo(t, w, start)
			if seen := w.seen(t, start, booking.Public); seen == way.cools {
				t.Errorf("the public sees it: %v", seen)
			}
			if !w.seen(t, start, booking.Operators) {
				t.Error("the operators do not see it")
			}
			if way.cools {
				_, err := w.Hold(t.Context(), w.request(start, booking.Virtual))
				var taken *booking.SlotTakenError
				if !errors.As(err, &taken) || !strings.HasPrefix(starts(taken.Next), "09:15") {
					t.Errorf("the public holds it: %v", err)
				}
			}
			r := w.request(start, booking.Virtual)
			r.Audience, r.Channel = booking.Operators, booking.ByOperator
			h := w.hold(t, r)
			if err := w.Cancel(t.Context(), h.ID, booking.Actor{}); err != nil {
				t.Fatal(err)
			}
			w.clock.add(long)
			w.maintain(t)
			if !w.seen(t, start, booking.Public) {
				t.Error("the public does not see it after the time")
			}
			w.hold(t, w.request(start, booking.Virtual))
			var left int
			if err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM cooling`).Scan(&left); err != nil || left != 0 {
				t.Errorf("%d are left cooling, %v", left, err)
			}
		})
	}
}

// TestCoolingIsUnforeseen: each time is another, and none longer than was said.
func TestCoolingIsUnforeseen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, monday)
	w.clock.set(at(t, 16, 10, 0))
	w.cooling(t, time.Hour)
	var list []booking.Hold
	for _, minute := range []int{0, 15, 30, 45} {
		list = append(list, w.booked(t, w.request(at(t, 17, 9, minute), booking.Virtual)))
	}
	for _, h := range list {
		w.cancels(t, h)
	}
	var different int
	var most time.Time
	if err := w.pool.QueryRow(t.Context(), `SELECT count(DISTINCT until), max(until) FROM cooling`).Scan(&different, &most); err != nil {
		t.Fatal(err)
	}
	if different != len(list) || most.After(w.clock.now().Add(time.Hour)) {
		t.Errorf("%d different times, the last %v", different, most)
	}
	// What cools, cools no longer than the office says now.
	w.cooling(t, 0)
	if !w.seen(t, list[0].Appointment.Start, booking.Public) {
		t.Error("it still cools where nothing does")
	}
}

func TestWhoLetItGoHasItAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, monday)
	w.clock.set(at(t, 16, 10, 0))
	w.cooling(t, time.Hour)
	h := w.hold(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	for _, maintained := range []bool{false, true} {
		w.clock.add(time.Hour)
		if maintained {
			w.maintain(t)
		}
		if _, err := w.Rehold(t.Context(), h.ID, h.Secret, h.Appointment.Start); err != nil {
			t.Fatalf("maintained %v: %v", maintained, err)
		}
	}
	if _, err := w.Rehold(t.Context(), h.ID, h.Secret, at(t, 17, 9, 15)); err != nil {
		t.Fatal(err)
	}
	_, err := w.Hold(t.Context(), w.request(h.Appointment.Start, booking.Virtual))
	wantErr(t, "somebody else", err, booking.ErrSlotTaken)
	if _, err := w.Rehold(t.Context(), h.ID, h.Secret, h.Appointment.Start); err != nil {
		t.Errorf("back to the first: %v", err)
	}
}

// TestWhoWaitsComesBeforeTheCooling: the list is served at once, and what nobody
// on it takes cools before the public sees it.
func TestWhoWaitsComesBeforeTheCooling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noon)
	w.cooling(t, 2*time.Hour)
	taken := w.full(t, tuesday(t, 9, 0))
	first := w.waits(t, "a@example.it")
	w.cancels(t, taken[1])
	a := w.inState(t, "who waits", first, booking.Held)
	if !a.Start.Equal(taken[1].Appointment.Start) {
		t.Fatalf("offered %v", a.Start)
	}
	w.clock.add(time.Hour) // the first cooling may be over: refused, it cools anew
	if _, err := w.pool.Exec(t.Context(), `DELETE FROM cooling`); err != nil {
		t.Fatal(err)
	}
	if err := w.RefuseOffer(t.Context(), first.ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	_, err := w.Hold(t.Context(), w.request(a.Start, booking.Virtual))
	wantErr(t, "the public, after the refusal", err, booking.ErrSlotTaken)
}
