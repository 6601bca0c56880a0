package booking_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
	"sportello/booking/token"
)

func TestJourneyOfABooking(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	nine := at(t, 16, 9, 0)
	h := w.hold(t, w.request(nine, booking.Virtual))
	if got := h.ExpiresAt.Sub(monday); got != 10*time.Minute {
		t.Errorf("held for %v, want 10m", got)
	}
	if a := h.Appointment; a.State != booking.Held || !a.Start.Equal(nine) || a.Start.Location().String() != "Europe/Rome" || a.DeskName != "Video" {
		t.Errorf("held %v at %v in %v at %q", a.State, a.Start, a.Start.Location(), a.DeskName)
	}
	_, err := w.Confirm(ctx, h.ID, h.Secret)
	wantErr(t, "confirm without a person", err, booking.ErrIncomplete)
	_, err = w.HoldBySecret(ctx, h.ID, token.NewSecret())
	wantErr(t, "another secret", err, booking.ErrNotFound)
	_, err = w.HoldBySecret(ctx, uuid.New(), h.Secret)
	wantErr(t, "another hold", err, booking.ErrNotFound)
	_, err = w.BySecret(ctx, h.Secret)
	wantErr(t, "a link before the booking", err, booking.ErrNotFound)
	if err := w.SetNote(ctx, h.ID, h.Secret, " due righe\r\nqui "); err != nil {
		t.Fatal(err)
	}
	if err := w.SetPerson(ctx, h.ID, h.Secret, maria); err != nil {
		t.Fatal(err)
	}
	first, err := w.Confirm(ctx, h.ID, h.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if first.State != booking.Booked || first.Note != "due righe\nqui" || first.Person.Phone != "+393331234567" {
		t.Errorf("confirmed: %+v", first)
	}
	again, err := w.Confirm(ctx, h.ID, h.Secret)
	if err != nil || again.Version != first.Version || again.State != booking.Booked {
		t.Errorf("second confirm: version %d, %v; want %d", again.Version, err, first.Version)
	}
	wantErr(t, "a stale tab's person", w.SetPerson(ctx, h.ID, h.Secret, maria), booking.ErrState)
	wantErr(t, "a stale tab's note", w.SetNote(ctx, h.ID, h.Secret, "x"), booking.ErrState)
	_, err = w.Rehold(ctx, h.ID, h.Secret, at(t, 16, 9, 15))
	wantErr(t, "a stale tab's other time", err, booking.ErrState)

	found, err := w.BySecret(ctx, h.Secret)
	if err != nil || found.ID != h.ID {
		t.Errorf("by secret: %v, %v", found.ID, err)
	}
	hash, err := token.Check(h.Secret)
	if err != nil {
		t.Fatal(err)
	}
	g, ok := w.tokens.get(hash)
	if !ok || g.Role != token.RoleCitizen || g.DisplayName != "Maria D'Àngelo Rossi" || g.Appointment != h.ID.String() ||
		!g.NotBefore.Equal(nine.Add(-10*time.Minute)) || !g.NotAfter.Equal(nine.Add(30*time.Minute)) {
		t.Errorf("published %v: %+v", ok, g)
	}
}

func TestHoldExpires(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	nine := at(t, 16, 9, 0)
	h := w.hold(t, w.request(nine, booking.Virtual))
	if err := w.SetPerson(ctx, h.ID, h.Secret, maria); err != nil {
		t.Fatal(err)
	}
	var taken *booking.SlotTakenError
	_, err := w.Hold(ctx, w.request(nine, booking.Virtual))
	if !errors.As(err, &taken) || !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("second hold: %v, want SlotTakenError", err)
	}
	if got := starts(taken.Next); got != "09:15 09:30 09:45 09:00 09:15" {
		t.Errorf("offers %q", got)
	}
	w.clock.add(10 * time.Minute)
	_, err = w.Confirm(ctx, h.ID, h.Secret)
	wantErr(t, "confirm at the end of the hold", err, booking.ErrHoldExpired)
	// Nothing swept; whoever wants the slot takes it.
	free, err := w.Free(ctx, booking.Query{ServiceID: w.breve.ID, Mode: booking.Virtual, Audience: booking.Public, To: at(t, 17, 0, 0)})
	if err != nil || starts(free) != "09:15 09:30 09:45" { // 09:00 is within the notice by now
		t.Errorf("free %q, %v", starts(free), err)
	}
	w.clock.set(monday)
	second := w.hold(t, w.request(at(t, 16, 9, 15), booking.Virtual))
	w.clock.add(11 * time.Minute)
	if third := w.hold(t, w.request(at(t, 16, 9, 15), booking.Virtual)); third.ID == second.ID {
		t.Error("the same hold twice")
	}
	a, err := w.HoldBySecret(ctx, second.ID, second.Secret)
	if err != nil || a.State != booking.Expired {
		t.Errorf("the stale hold is %v, %v", a.State, err)
	}
	// The details typed are kept, and serve for another time.
	if err := w.SetNote(ctx, h.ID, h.Secret, "dopo"); err != nil {
		t.Errorf("note after expiry: %v", err)
	}
	_, err = w.Rehold(ctx, h.ID, h.Secret, at(t, 16, 9, 15))
	wantErr(t, "rehold of a taken start", err, booking.ErrSlotTaken)
	a, err = w.Rehold(ctx, h.ID, h.Secret, at(t, 16, 9, 30))
	if err != nil || a.State != booking.Held || a.Person.Name != "Maria" || a.Note != "dopo" || !a.HoldExpiresAt.Equal(w.clock.now().Add(10*time.Minute)) {
		t.Errorf("rehold: %+v, %v", a, err)
	}
	if a, err = w.Confirm(ctx, h.ID, h.Secret); err != nil || !a.Start.Equal(at(t, 16, 9, 30)) {
		t.Errorf("confirm after rehold: %v, %v", a.Start, err)
	}
}

func TestMaintainExpiresAndForgets(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	h := w.hold(t, w.request(at(t, 20, 9, 0), booking.Virtual))
	if err := w.SetPerson(ctx, h.ID, h.Secret, maria); err != nil {
		t.Fatal(err)
	}
	state := func() booking.Appointment {
		if err := w.Maintain(ctx); err != nil {
			t.Fatal(err)
		}
		a, err := w.Get(ctx, h.ID)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := state(); a.State != booking.Held {
		t.Errorf("at once: %v", a.State)
	}
	w.clock.add(10 * time.Minute)
	if a := state(); a.State != booking.Expired || a.Person.Name != "Maria" {
		t.Errorf("after the hold: %v of %q", a.State, a.Person.Name)
	}
	w.clock.add(25 * time.Hour)
	if a := state(); a.Person != (booking.Person{}) {
		t.Errorf("a day later the person is still there: %v", a.Person)
	}
	_, err := w.Rehold(ctx, h.ID, h.Secret, at(t, 20, 9, 0))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Confirm(ctx, h.ID, h.Secret)
	wantErr(t, "confirm once forgotten", err, booking.ErrIncomplete)
}

func TestWhatCannotBeBooked(t *testing.T) {
	w := newWorld(t, monday)
	for _, c := range []struct {
		what  string
		start time.Time
		mode  booking.Mode
		aud   booking.Audience
	}{
		{"the past", at(t, 13, 9, 0), booking.InPerson, booking.Public},
		{"within the notice", at(t, 16, 8, 45), booking.InPerson, booking.Public},
		{"before opening", at(t, 17, 8, 45), booking.InPerson, booking.Public},
		{"between two steps", at(t, 17, 9, 5), booking.InPerson, booking.Public},
		{"across closing time", at(t, 17, 11, 50), booking.InPerson, booking.Public},
		{"at closing time", at(t, 17, 12, 0), booking.InPerson, booking.Public},
		{"on Saturday", at(t, 21, 9, 0), booking.InPerson, booking.Public},
		{"beyond the horizon", at(t, 16, 9, 0).AddDate(0, 0, 61), booking.InPerson, booking.Public},
		{"year 9999", time.Date(9999, 1, 4, 9, 0, 0, 0, rome(t)), booking.InPerson, booking.Public},
		{"no start", time.Time{}, booking.InPerson, booking.Operators},
		{"operators' hours", at(t, 23, 12, 0), booking.InPerson, booking.Public},
		{"a mode without hours then", at(t, 16, 11, 0), booking.Virtual, booking.Public},
		{"a mode that is none", at(t, 17, 9, 0), "telepathy", booking.Public},
		{"an audience that is none", at(t, 17, 9, 0), booking.InPerson, "friends"},
		{"half a microsecond late", at(t, 17, 9, 0).Add(500), booking.InPerson, "friends"},
	} {
		_, err := w.Hold(t.Context(), booking.HoldRequest{ServiceID: w.breve.ID, Start: c.start, Mode: c.mode, Channel: booking.ByWeb, Audience: c.aud})
		wantErr(t, c.what, err, booking.ErrNotBookable)
	}
	_, err := w.Hold(t.Context(), booking.HoldRequest{ServiceID: w.lungo.ID, Start: at(t, 17, 9, 0), Mode: booking.Virtual, Audience: booking.Public})
	wantErr(t, "a mode that the service lacks", err, booking.ErrNotBookable)
	_, err = w.Hold(t.Context(), booking.HoldRequest{ServiceID: -1, Start: at(t, 17, 9, 0), Mode: booking.Virtual, Audience: booking.Public})
	wantErr(t, "a service that is none", err, booking.ErrNotFound)
	w.hold(t, booking.HoldRequest{ServiceID: w.breve.ID, Start: at(t, 23, 12, 0), Mode: booking.InPerson, Channel: booking.ByOperator, Audience: booking.Operators})
}

func TestLeastLoadedDeskFirst(t *testing.T) {
	w := newWorld(t, monday)
	var desks []string
	for range 2 {
		desks = append(desks, w.hold(t, w.request(at(t, 17, 9, 0), booking.InPerson)).Appointment.DeskName)
	}
	desks = append(desks, w.hold(t, w.request(at(t, 17, 10, 0), booking.InPerson)).Appointment.DeskName) // only Uno is open
	desks = append(desks, w.hold(t, w.request(at(t, 17, 9, 15), booking.InPerson)).Appointment.DeskName) // Due has less to do
	for i, want := range []string{"Uno", "Due", "Uno", "Due"} {
		if desks[i] != want {
			t.Errorf("desks %v, want %q at %d", desks, want, i)
		}
	}
}

// TestWhoseTimeRanOutTakesTheSameSlotAgain: their own hold, past its time, is
// not in their way.
func TestWhoseTimeRanOutTakesTheSameSlotAgain(t *testing.T) {
	w := newWorld(t, monday)
	h := w.hold(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	w.clock.add(11 * time.Minute)
	a, err := w.Rehold(t.Context(), h.ID, h.Secret, at(t, 17, 9, 0))
	if err != nil || a.State != booking.Held || a.DeskID != h.Appointment.DeskID || !a.HoldExpiresAt.After(w.clock.now()) {
		t.Fatalf("%s at desk %d until %v: %v", a.State, a.DeskID, a.HoldExpiresAt, err)
	}
}
