package booking_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
	"sportello/booking/token"
	"sportello/internal/testenv"
)

func TestCancel(t *testing.T) {
	w := newWorld(t, monday)
	clerk := w.clerk(t)
	ctx := t.Context()
	h := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	hash, err := token.Check(h.Secret)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.set(at(t, 17, 7, 0).Add(time.Second)) // two hours before, and a second less
	wantErr(t, "cancel too late", w.Cancel(ctx, h.ID, booking.Actor{}), booking.ErrTooLateToChange)
	_, err = w.Reschedule(ctx, h.ID, at(t, 18, 9, 0), booking.Actor{})
	wantErr(t, "reschedule too late", err, booking.ErrTooLateToChange)
	w.clock.set(at(t, 17, 7, 0))
	if err := w.Cancel(ctx, h.ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Cancel(ctx, h.ID, booking.Actor{}); err != nil {
		t.Errorf("cancelled twice: %v", err)
	}
	if _, ok := w.tokens.get(hash); ok {
		t.Error("the grant is still published")
	}
	_, err = w.GrantByHash(ctx, hash)
	wantErr(t, "grant of a cancelled one", err, token.ErrCancelled)
	_, err = w.GrantByHash(ctx, token.Hash{1})
	wantErr(t, "grant that never was", err, token.ErrUnknown)
	if a, err := w.BySecret(ctx, h.Secret); err != nil || a.State != booking.Cancelled || a.ClosedAt.IsZero() {
		t.Errorf("by secret: %v, %v", a.State, err)
	}
	_, err = w.Confirm(ctx, h.ID, h.Secret)
	wantErr(t, "confirm what is cancelled", err, booking.ErrState)
	_, err = w.HostGrant(ctx, h.ID, clerk)
	wantErr(t, "host of a cancelled one", err, booking.ErrState)
	wantErr(t, "cancel what is not", w.Cancel(ctx, uuid.New(), booking.Actor{}), booking.ErrNotFound)
	w.hold(t, booking.HoldRequest{ServiceID: w.breve.ID, Start: at(t, 17, 9, 0), Mode: booking.Virtual, Audience: booking.Operators})
}

func TestReschedule(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	h := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	w.booked(t, w.request(at(t, 17, 9, 15), booking.Virtual))
	_, err := w.Reschedule(ctx, h.ID, at(t, 17, 9, 15), booking.Actor{})
	var taken *booking.SlotTakenError
	if !errors.As(err, &taken) || starts(taken.Next[:2]) != "09:30 09:45" {
		t.Errorf("onto a taken start: %v", err)
	}
	_, err = w.Reschedule(ctx, h.ID, at(t, 17, 20, 0), booking.Actor{})
	wantErr(t, "outside hours", err, booking.ErrNotBookable)
	if a, err := w.Get(ctx, h.ID); err != nil || a.Version != h.Appointment.Version || !a.Start.Equal(at(t, 17, 9, 0)) {
		t.Errorf("after failures: version %d at %v, %v", a.Version, a.Start, err)
	}
	a, err := w.Reschedule(ctx, h.ID, at(t, 18, 9, 30), booking.Actor{})
	if err != nil || !a.Start.Equal(at(t, 18, 9, 30)) || a.ID != h.ID || a.Room != h.Appointment.Room || a.Version != h.Appointment.Version+1 || a.State != booking.Booked {
		t.Errorf("rescheduled: %+v, %v", a, err)
	}
	hash, err := token.Check(h.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if g, ok := w.tokens.get(hash); !ok || !g.NotBefore.Equal(at(t, 18, 9, 20)) || !g.NotAfter.Equal(at(t, 18, 10, 0)) || !g.StartsAt.Equal(at(t, 18, 9, 30)) {
		t.Errorf("published after: %+v", g)
	}
	if a, err = w.Reschedule(ctx, h.ID, a.Start, booking.Actor{}); err != nil || a.Version != h.Appointment.Version+1 {
		t.Errorf("to the same start: version %d, %v", a.Version, err)
	}
	w.hold(t, w.request(at(t, 17, 9, 0), booking.Virtual)) // what it left is free
}

func TestTransitions(t *testing.T) {
	w := newWorld(t, monday)
	actor := booking.Actor{StaffID: w.clerk(t).ID}
	ctx := t.Context()
	all := []booking.State{booking.Held, booking.Booked, booking.Arrived, booking.Called, booking.Served, booking.NoShow, booking.Cancelled, booking.Expired}
	paths := map[booking.State][]booking.State{ // how to get there in person
		booking.Booked: {}, booking.Arrived: {booking.Arrived}, booking.Called: {booking.Arrived, booking.Called},
		booking.Served: {booking.Arrived, booking.Called, booking.Served}, booking.NoShow: {booking.NoShow}, booking.Cancelled: {booking.Cancelled},
	}
	may := map[booking.State]string{
		booking.Booked: "arrived no_show cancelled", booking.Arrived: "called no_show cancelled", booking.Called: "served no_show",
		booking.Cancelled: "cancelled", // again, which does nothing
	}
	minute := 0
	for from, path := range paths {
		for _, to := range all {
			h := w.booked(t, w.request(at(t, 18, 9, 0).Add(time.Duration(minute%12)*15*time.Minute).AddDate(0, 0, []int{0, 1, 2, 5, 6}[minute/12]), booking.InPerson))
			minute++
			for _, s := range path {
				if _, err := w.Transition(ctx, h.ID, s, actor); err != nil {
					t.Fatalf("to %v: %v", s, err)
				}
			}
			a, err := w.Transition(ctx, h.ID, to, actor)
			if strings.Contains(may[from], string(to)) {
				if err != nil || a.State != to {
					t.Errorf("%v → %v: %v, %v", from, to, a.State, err)
				}
			} else {
				wantErr(t, string(from)+" → "+string(to), err, booking.ErrState)
			}
		}
	}
	v := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	w.clock.set(at(t, 17, 9, 40)) // the clerk runs late
	a, err := w.Transition(ctx, v.ID, booking.Called, actor)
	if err != nil || a.CalledAt.IsZero() {
		t.Errorf("a virtual one is called: %v", err)
	}
	hash, err := token.Check(v.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if g, ok := w.tokens.get(hash); !ok || !g.NotAfter.Equal(at(t, 17, 10, 10)) {
		t.Errorf("called late, the grant ends at %v", g.NotAfter)
	}
	if _, err := w.Transition(ctx, v.ID, booking.Served, actor); err != nil {
		t.Fatal(err)
	}
	if g, ok := w.tokens.get(hash); !ok || !g.NotAfter.Equal(w.clock.now()) || g.NotBefore.After(g.NotAfter) {
		t.Errorf("served, the grant lasts from %v to %v", g.NotBefore, g.NotAfter)
	}
	_, err = w.Transition(ctx, uuid.New(), booking.Arrived, actor)
	wantErr(t, "what is not", err, booking.ErrNotFound)
	last := w.booked(t, w.request(at(t, 18, 9, 0), booking.Virtual))
	_, err = w.Transition(ctx, last.ID, booking.Called, booking.Actor{StaffID: 1 << 40})
	wantErr(t, "by nobody", err, booking.ErrNotFound)
}

// TestGrantsInRedis goes through the real store: what the booking publishes
// opens the room, and what it takes back does not.
func TestGrantsInRedis(t *testing.T) {
	w := newWorld(t, monday)
	clerk := w.clerk(t)
	ctx := t.Context()
	rdb := testenv.Redis(t)
	store := token.NewStore(rdb)
	w.Agenda = booking.New(w.pool, store, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now})
	t.Cleanup(w.Close)
	store.SetSource(w.Agenda)
	told := store.Watch(ctx)
	if h := nextHash(t, told); h != (token.Hash{}) {
		t.Fatalf("told of %v before the subscription", h)
	}

	// Redis forgets by its own clock: the appointment is in its future, on a day that is never a holiday.
	nine := time.Date(time.Now().Year()+1, time.March, 3, 9, 0, 0, 0, rome(t))
	w.clock.set(nine.AddDate(0, 0, -2))
	if err := w.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	w.workOn(t, nine)
	h := w.booked(t, w.request(nine, booking.Virtual))
	_, err := store.Lookup(ctx, h.Secret, nine.Add(-11*time.Minute))
	wantErr(t, "eleven minutes before", err, token.ErrTooEarly)
	g, err := store.Lookup(ctx, h.Secret, nine)
	if err != nil || g.Role != token.RoleCitizen || g.Room != h.Appointment.Room.String() || g.Queue == "" || g.Office != "Ufficio" || g.Service != "Breve" {
		t.Errorf("at nine: %+v, %v", g, err)
	}
	_, err = store.Lookup(ctx, h.Secret, nine.Add(31*time.Minute))
	wantErr(t, "too late", err, token.ErrTooLate)

	host, err := w.HostGrant(ctx, h.ID, clerk)
	if err != nil {
		t.Fatal(err)
	}
	if g, err = store.Lookup(ctx, host, nine.Add(-30*time.Minute)); err != nil || g.Role != token.RoleHost || g.DisplayName != clerk.Name {
		t.Errorf("the host: %+v, %v", g, err)
	}
	guest, grant, err := w.GuestGrant(ctx, h.ID, " Ada Interprete ", false, booking.Actor{StaffID: clerk.ID})
	if err != nil {
		t.Fatal(err)
	}
	if g, err = store.Lookup(ctx, guest, nine); err != nil || g.Role != token.RoleGuest || g.DisplayName != "Ada Interprete" || !g.NotAfter.Equal(nine.Add(20*time.Minute)) {
		t.Errorf("the guest: %+v, %v", g, err)
	}
	signs, _, err := w.GuestGrant(ctx, h.ID, "Lia Segni", true, booking.Actor{StaffID: clerk.ID})
	if err != nil {
		t.Fatal(err)
	}
	if i, err := store.Lookup(ctx, signs, nine); err != nil || !i.Interpreter || g.Interpreter || i.Role != token.RoleGuest || i.Identity == g.Identity {
		t.Errorf("the interpreter: %+v, the guest: %+v, %v", i, g, err)
	}
	if err := w.RevokeGrant(ctx, grant, booking.Actor{StaffID: clerk.ID}); err != nil {
		t.Fatal(err)
	}
	_, err = store.Lookup(ctx, guest, nine)
	wantErr(t, "the guest, revoked", err, token.ErrCancelled)
	if nextHash(t, told) != token.HashOf(guest) {
		t.Error("told of another than the guest")
	}
	list, err := w.Guests(ctx, h.ID)
	if err != nil || len(list) != 2 {
		t.Errorf("guests %+v, %v", list, err)
	}
	for _, g := range list { // made in one moment, so in any order
		if ada := g.GrantID == grant; g.RevokedAt.IsZero() == ada || g.Interpreter == ada {
			t.Errorf("guest %+v", g)
		}
	}
	wantErr(t, "revoke nothing", w.RevokeGrant(ctx, uuid.New(), booking.Actor{}), booking.ErrNotFound)
	_, _, err = w.GuestGrant(ctx, h.ID, "a\nb", false, booking.Actor{StaffID: clerk.ID})
	wantField(t, "a guest's name", err, "name", booking.CodeInvalid)

	if err := rdb.FlushAll(ctx).Err(); err != nil { // Redis lost everything
		t.Fatal(err)
	}
	if _, err = store.Lookup(ctx, host, nine); err != nil {
		t.Errorf("the host after a loss: %v", err)
	}
	if err := w.Cancel(ctx, h.ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	for who, secret := range map[string]string{"citizen": h.Secret, "host": host, "guest": guest} {
		_, err = store.Lookup(ctx, secret, nine)
		wantErr(t, who+" after cancelling", err, token.ErrCancelled)
	}
	for left := map[token.Hash]bool{token.HashOf(h.Secret): true, token.HashOf(host): true}; len(left) > 0; {
		delete(left, nextHash(t, told))
	}
}

// nextHash waits for what a store's Watch tells next.
func nextHash(t *testing.T, told <-chan token.Hash) token.Hash {
	t.Helper()
	select {
	case h := <-told:
		return h
	case <-time.After(10 * time.Second):
		t.Fatal("told of nothing")
		return token.Hash{}
	}
}

// TestRedisAway: a booking stands whatever becomes of its token in Redis.
func TestRedisAway(t *testing.T) {
	w := newWorld(t, monday)
	w.tokens.err = errors.New("connection refused")
	h := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	hash, err := token.Check(h.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if g, err := w.GrantByHash(t.Context(), hash); err != nil || g.Appointment != h.ID.String() {
		t.Errorf("grant by hash: %+v, %v", g, err)
	}
	if err := w.Cancel(t.Context(), h.ID, booking.Actor{}); err != nil {
		t.Errorf("cancel: %v", err)
	}
	inPerson := w.booked(t, w.request(at(t, 17, 9, 0), booking.InPerson))
	if hash, err = token.Check(inPerson.Secret); err != nil {
		t.Fatal(err)
	}
	_, err = w.GrantByHash(t.Context(), hash)
	wantErr(t, "a room for one in person", err, token.ErrUnknown)
}

// TestPublishersPass: an appointment is cancelled while its new time is on
// the way to Redis; what arrives last must not be what was read first.
func TestPublishersPass(t *testing.T) {
	w := newWorld(t, monday)
	h := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	var once sync.Once
	w.tokens.on = func() {
		once.Do(func() {
			if err := w.Cancel(t.Context(), h.ID, booking.Actor{}); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := w.Reschedule(t.Context(), h.ID, at(t, 18, 9, 0), booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	hash, err := token.Check(h.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if g, ok := w.tokens.get(hash); ok {
		t.Errorf("the grant of a cancelled appointment is published: %+v", g)
	}
}
