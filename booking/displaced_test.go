package booking_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
)

// heard is the small town with a spy for what its citizens are told.
func heard(t *testing.T) (*world, *spy) {
	t.Helper()
	w := newWorld(t, noon)
	told := &spy{}
	w.Agenda = booking.New(w.pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now, Notifier: told})
	t.Cleanup(w.Close)
	return w, told
}

// strike closes the office on Tuesday.
func (w *world) strike(t *testing.T) booking.Closure {
	t.Helper()
	day := tuesday(t, 0, 0)
	return booking.Closure{OfficeID: w.office.ID, From: day, To: day, Reason: booking.Text{"it": "Sciopero"}}
}

func (w *world) unsettled(t *testing.T, want int) []booking.Appointment {
	t.Helper()
	list, err := w.Unsettled(t.Context(), nil)
	if err != nil || len(list) != want {
		t.Fatalf("%d to be settled, want %d; %v", len(list), want, err)
	}
	return list
}

func TestWhoIsDisplacedTakesAnotherTime(t *testing.T) {
	t.Parallel()
	w, told := heard(t)
	ctx, clerk := t.Context(), w.clerk(t)
	one, two := w.booked(t, w.request(tuesday(t, 9, 0), booking.Virtual)), w.booked(t, w.request(tuesday(t, 9, 15), booking.Virtual))
	list, err := w.AddClosure(ctx, w.strike(t), booking.Actor{StaffID: clerk.ID}, booking.AskAnother)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d affected, %v", len(list), err)
	}
	if n := told.last(); n.Kind != booking.NoticeDisplaced || n.Appointment != two.ID {
		t.Errorf("told %+v", n)
	}
	if list := w.unsettled(t, 2); list[0].AskedAt.IsZero() || list[0].ID != one.ID {
		t.Errorf("to be settled: %+v", list[0])
	}
	if none, err := w.Unsettled(ctx, []int64{w.desks["Uno"].ID}); err != nil || len(none) != 0 {
		t.Errorf("another desk's: %d, %v", len(none), err)
	}
	if n, err := w.AskToMove(ctx, []uuid.UUID{one.ID, two.ID}, booking.Actor{StaffID: clerk.ID}); err != nil || n != 0 {
		t.Errorf("asked twice: %d, %v", n, err)
	}

	// The limit for changes is past: who was asked may answer all the same.
	w.clock.set(tuesday(t, 8, 30))
	moved, err := w.Reschedule(ctx, one.ID, tuesday(t, 9, 0).AddDate(0, 0, 1), booking.Actor{})
	if err != nil || !moved.AskedAt.IsZero() {
		t.Fatalf("moved %+v, %v", moved.AskedAt, err)
	}
	if n := told.last(); n.Kind != booking.NoticeMoved {
		t.Errorf("told %+v", n)
	}
	if err := w.Cancel(ctx, two.ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	w.unsettled(t, 0)
	if err := w.Cancel(ctx, one.ID, booking.Actor{}); err != nil {
		t.Errorf("a day before: %v", err)
	}
}

func TestAnotherDeskAtTheSameTime(t *testing.T) {
	t.Parallel()
	w, _ := heard(t)
	h := w.booked(t, w.request(tuesday(t, 9, 0), booking.InPerson))
	c := w.strike(t)
	c.OfficeID, c.DeskID = 0, h.Appointment.DeskID
	if _, err := w.AddClosure(t.Context(), c, booking.Actor{}, booking.AskAnother); err != nil {
		t.Fatal(err)
	}
	w.unsettled(t, 1)
	a, err := w.Reschedule(t.Context(), h.ID, h.Appointment.Start, booking.Actor{})
	if err != nil || a.DeskID == h.Appointment.DeskID || !a.Start.Equal(h.Appointment.Start) {
		t.Fatalf("desk %d at %v, %v", a.DeskID, a.Start, err)
	}
	w.unsettled(t, 0)
}

func TestWhatFitsAgainIsConfirmedAgain(t *testing.T) {
	t.Parallel()
	w, told := heard(t)
	ctx := t.Context()
	h := w.booked(t, w.request(tuesday(t, 9, 0), booking.Virtual))
	if _, err := w.AddClosure(ctx, w.strike(t), booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	if n := told.last(); n.Kind != booking.NoticeConfirmed {
		t.Errorf("told though nobody wished it: %+v", n)
	}
	w.unsettled(t, 1)
	if n, err := w.AskToMove(ctx, []uuid.UUID{h.ID}, booking.Actor{}); err != nil || n != 1 || told.last().Kind != booking.NoticeDisplaced {
		t.Fatalf("asked %d, %v, told %+v", n, err, told.last())
	}
	closures, err := w.Closures(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range closures {
		if c.Reason["it"] == "Sciopero" {
			if err := w.RemoveClosure(ctx, c.ID, booking.Actor{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.unsettled(t, 0)
	a, err := w.Get(ctx, h.ID)
	if err != nil || !a.AskedAt.IsZero() || a.Version != h.Appointment.Version+2 {
		t.Errorf("asked %v, version %d after %d, %v", a.AskedAt, a.Version, h.Appointment.Version, err)
	}
	if n := told.last(); n.Kind != booking.NoticeConfirmed || n.Appointment != h.ID {
		t.Errorf("told %+v", n)
	}
	if n, err := w.AskToMove(ctx, []uuid.UUID{h.ID}, booking.Actor{}); err != nil || n != 0 {
		t.Errorf("asked though it fits: %d, %v", n, err)
	}
}

// TestNoClosureWithoutItsQuestions: both or neither, and a preview asks nobody.
func TestNoClosureWithoutItsQuestions(t *testing.T) {
	t.Parallel()
	w, told := heard(t)
	h := w.booked(t, w.request(tuesday(t, 9, 0), booking.Virtual))
	if list, err := w.PreviewClosure(t.Context(), w.strike(t)); err != nil || len(list) != 1 {
		t.Fatalf("%d, %v", len(list), err)
	}
	told.fails(errors.New("killed"))
	if _, err := w.AddClosure(t.Context(), w.strike(t), booking.Actor{}, booking.AskAnother); err == nil {
		t.Error("the failure was swallowed")
	}
	told.fails(nil)
	w.unsettled(t, 0)
	// New hours ask as closures do; who is here already is spoken to.
	late := w.booked(t, w.request(tuesday(t, 9, 45), booking.Virtual))
	_, err := w.SetOpeningRules(t.Context(), w.desks["Video"].ID, []booking.OpeningRule{{Weekday: time.Tuesday, From: "09:00", To: "09:30", Audience: booking.Public}}, booking.Actor{}, booking.AskAnother)
	if err != nil {
		t.Fatal(err)
	}
	if list := w.unsettled(t, 1); list[0].ID != late.ID || list[0].AskedAt.IsZero() {
		t.Errorf("%+v", list[0])
	}
	if a, err := w.Get(t.Context(), h.ID); err != nil || !a.AskedAt.IsZero() {
		t.Errorf("asked though it fits: %v", err)
	}
}
