package booking_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"sportello/booking"
	"sportello/booking/token"
)

// tuesday is the day after the clock's start; its virtual desk has four starts.
func tuesday(t testing.TB, hour, minute int) time.Time {
	return time.Date(2026, 11, 17, hour, minute, 0, 0, rome(t))
}

// noon is when Monday's virtual desk is closed again, so that Tuesday's is next.
var noon = monday.Add(4 * time.Hour) //nolint:gochecknoglobals // a constant in all but name

// full books all that the virtual desk has on a day.
func (w *world) full(t *testing.T, nine time.Time) (all []booking.Hold) {
	t.Helper()
	for minute := 0; minute < 60; minute += 15 {
		all = append(all, w.booked(t, w.request(nine.Add(time.Duration(minute)*time.Minute), booking.Virtual)))
	}
	return all
}

// waits puts somebody on the list for Tuesday.
func (w *world) waits(t *testing.T, email string) booking.Hold {
	t.Helper()
	return w.waitsUntil(t, email, tuesday(t, 0, 0))
}

func (w *world) waitsUntil(t *testing.T, email string, until time.Time) booking.Hold {
	t.Helper()
	h, err := w.Wait(t.Context(), booking.WaitRequest{
		ServiceID: w.breve.ID, Mode: booking.Virtual, Until: until,
		Person: booking.Person{Name: "Ugo", Surname: "Neri", Email: email},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.add(time.Second)
	return h
}

func (w *world) cancels(t *testing.T, h booking.Hold) {
	t.Helper()
	if err := w.Cancel(t.Context(), h.ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) maintain(t *testing.T) {
	t.Helper()
	if err := w.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// inState checks how an appointment stands.
func (w *world) inState(t *testing.T, who string, h booking.Hold, want booking.State) booking.Appointment {
	t.Helper()
	a, err := w.Get(t.Context(), h.ID)
	if err != nil {
		t.Fatal(err)
	}
	if a.State != want {
		t.Errorf("%s is %s, want %s", who, a.State, want)
	}
	return a
}

func (w *world) place(t *testing.T, h booking.Hold) booking.Waiting {
	t.Helper()
	p, err := w.WaitingOf(t.Context(), h.ID)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAFreedSlotGoesDownTheLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noon)
	taken := w.full(t, tuesday(t, 9, 0))
	first, second := w.waits(t, "a@example.it"), w.waits(t, "b@example.it")
	if p := w.place(t, second); p.Place != 2 || !p.Until.Equal(tuesday(t, 0, 0)) {
		t.Errorf("the second is %+v", p)
	}
	w.cancels(t, taken[1])
	a := w.inState(t, "the first", first, booking.Held)
	w.inState(t, "the second", second, booking.Expired)
	ends := w.place(t, first).OfferEnds
	if !a.Start.Equal(taken[1].Appointment.Start) || ends.Before(w.clock.now().Add(170*time.Minute)) {
		t.Errorf("offered %v until %v", a.Start, ends)
	}
	if found, err := w.BySecret(t.Context(), first.Secret); err != nil || found.ID != first.ID {
		t.Errorf("by the link: %v", err)
	}
	_, err := w.Hold(t.Context(), w.request(taken[1].Appointment.Start, booking.Virtual))
	wantErr(t, "the public, while it is offered", err, booking.ErrSlotTaken)

	// Nobody answers: it goes on before anybody else sees it free.
	w.clock.set(ends)
	w.maintain(t)
	w.inState(t, "the first, too late", first, booking.Expired)
	w.inState(t, "the second", second, booking.Held)
	_, err = w.TakeOffer(t.Context(), first.ID, booking.Actor{})
	wantErr(t, "a late answer", err, booking.ErrHoldExpired)
	for range 2 {
		got, err := w.TakeOffer(t.Context(), second.ID, booking.Actor{})
		if err != nil || got.State != booking.Booked || got.Person.Email != "b@example.it" {
			t.Fatalf("taken: %s, %v", got.State, err)
		}
	}
	key, err := token.Check(second.Secret)
	if _, ok := w.tokens.get(key); !ok || err != nil {
		t.Error("the link does not open the room")
	}
	// The first is not offered the same again, but is when another is free.
	w.cancels(t, second)
	w.inState(t, "the first", first, booking.Expired)
	w.cancels(t, taken[2])
	w.inState(t, "the first", first, booking.Held)
}

func TestRefusingAndLeavingPassTheSlotOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noon)
	taken := w.full(t, tuesday(t, 9, 0))
	a, b, c := w.waits(t, "a@example.it"), w.waits(t, "b@example.it"), w.waits(t, "c@example.it")
	w.cancels(t, taken[0])
	if err := w.RefuseOffer(t.Context(), a.ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	w.inState(t, "b", b, booking.Held)
	if p := w.place(t, a); p.Place != 2 {
		t.Errorf("who refused is %+v, want behind c", p)
	}
	if err := w.Leave(t.Context(), b.ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	w.inState(t, "c", c, booking.Held)
	_, err := w.TakeOffer(t.Context(), b.ID, booking.Actor{})
	wantErr(t, "who left", err, booking.ErrHoldExpired)
	_, err = w.ByCode(t.Context(), w.Code(b.Secret), "Neri")
	wantErr(t, "who left, by code", err, booking.ErrNotFound)
	w.maintain(t)
	if got := w.inState(t, "b", b, booking.Expired); got.Person != (booking.Person{}) {
		t.Error("who left is still known")
	}
	if got := w.inState(t, "a", a, booking.Expired); got.Person.Email == "" {
		t.Error("who waits is forgotten")
	}
	// Erased, also with an offer open.
	if _, _, err := w.Erase(t.Context(), "c@example.it", booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	_, err = w.WaitingOf(t.Context(), c.ID)
	wantErr(t, "who was erased", err, booking.ErrNotFound)
}

func TestWhoWaitsIsForgottenAfterTheLastDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noon)
	w.full(t, tuesday(t, 9, 0))
	h := w.waits(t, "a@example.it")
	w.clock.set(tuesday(t, 24, 1))
	w.maintain(t)
	if p := w.place(t, h); !p.Left {
		t.Errorf("after the last day: %+v", p)
	}
	w.clock.set(tuesday(t, 48, 1))
	w.maintain(t)
	if got := w.inState(t, "a", h, booking.Expired); got.Person != (booking.Person{}) {
		t.Error("still known a day later")
	}
}

func TestOnePlaceAndOneOfferAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noon)
	taken := w.full(t, tuesday(t, 9, 0))
	person := booking.Person{Name: "Ugo", Surname: "Neri", Email: "a@example.it"}
	w.waits(t, "a@example.it")
	person.Email = "A@Example.it"
	_, err := w.Wait(t.Context(), booking.WaitRequest{ServiceID: w.breve.ID, Mode: booking.Virtual, Until: tuesday(t, 0, 0), Person: person})
	var field *booking.FieldError
	if !errors.As(err, &field) || field.Code != booking.CodeWaits {
		t.Errorf("a second place: %v", err)
	}
	w.cancels(t, taken[0])
	// On the other list there is room: one offer is open, so no other comes.
	other, err := w.Wait(t.Context(), booking.WaitRequest{ServiceID: w.breve.ID, Mode: booking.InPerson, Until: tuesday(t, 0, 0), Person: person})
	if err != nil {
		t.Fatal(err)
	}
	w.inState(t, "the other place", other, booking.Expired)
	for _, until := range []time.Time{{}, tuesday(t, 0, 0).AddDate(0, 0, -2), tuesday(t, 0, 0).AddDate(2, 0, 0)} {
		_, err := w.Wait(t.Context(), booking.WaitRequest{ServiceID: w.breve.ID, Mode: booking.Virtual, Until: until, Person: maria})
		if !errors.As(err, &field) || field.Field != "until" {
			t.Errorf("until %v: %v", until, err)
		}
	}
}

// spy is a Notifier that remembers, or fails.
type spy struct {
	mu   sync.Mutex
	told []booking.Notice
	err  error
}

func (s *spy) Notify(_ context.Context, _ pgx.Tx, n booking.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.told = append(s.told, n)
	}
	return s.err
}

func (s *spy) fails(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *spy) last() booking.Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told[len(s.told)-1]
}

// TestNightsDoNotCount: what is freed in the evening is held at once, told in
// the morning, and the time to answer begins then.
func TestNightsDoNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noon)
	told := &spy{}
	w.Agenda = booking.New(w.pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now, Notifier: told})
	t.Cleanup(w.Close)
	w.full(t, tuesday(t, 9, 0))
	wednesday := tuesday(t, 9, 0).AddDate(0, 0, 1)
	taken := w.full(t, wednesday)
	h := w.waitsUntil(t, "a@example.it", wednesday)
	if n := told.last(); n.Kind != booking.NoticeWaiting || n.Secret != h.Secret {
		t.Errorf("told %+v", n)
	}
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, rome(t)) }
	w.clock.set(at(16, 23))
	w.cancels(t, taken[0])
	w.inState(t, "who waits", h, booking.Held)
	if n := told.last(); n.Kind != booking.NoticeOffered || !n.NotBefore.Equal(at(17, 8)) || n.Appointment != h.ID {
		t.Errorf("told %+v", n)
	}
	if ends := w.place(t, h).OfferEnds; !ends.Equal(at(17, 11)) {
		t.Errorf("the offer ends %v", ends)
	}
	// In the afternoon it goes on over the night; before the start it must end.
	w.clock.set(at(17, 18))
	w.maintain(t)
	w.cancels(t, taken[1])
	if ends := w.place(t, h).OfferEnds; !ends.Equal(at(18, 8).Add(45 * time.Minute)) {
		t.Errorf("the offer over night ends %v", ends)
	}
}

// TestNoOfferWithoutItsMessage: the slot is held and the message queued in one
// transaction; what fails is made good by Maintain.
func TestNoOfferWithoutItsMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noon)
	told := &spy{}
	w.Agenda = booking.New(w.pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now, Notifier: told})
	t.Cleanup(w.Close)
	taken := w.full(t, tuesday(t, 9, 0))
	h := w.waits(t, "a@example.it")
	_, err := w.pool.Exec(t.Context(), `UPDATE appointment SET state = 'cancelled' WHERE id = $1`, taken[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	told.fails(errors.New("killed"))
	if err := w.Maintain(t.Context()); err == nil {
		t.Error("the failure was swallowed")
	}
	w.inState(t, "without a message", h, booking.Expired)
	told.fails(nil)
	w.maintain(t)
	w.inState(t, "with its message", h, booking.Held)
	if n := told.last(); n.Kind != booking.NoticeOffered {
		t.Errorf("told %+v", n)
	}
}

// TestManyWaitSeveralAreFreed: slots freed side by side, with the clock's
// round going on meanwhile, go to those who came first, one each.
func TestManyWaitSeveralAreFreed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noon)
	w.wide(t, 24)
	taken := w.full(t, tuesday(t, 9, 0))
	var queue []booking.Hold
	for i := range 12 {
		queue = append(queue, w.waits(t, fmt.Sprintf("p%d@example.it", i)))
	}
	for round := range 3 {
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Add(3)
			go func() {
				defer wg.Done()
				if err := w.Cancel(t.Context(), taken[i].ID, booking.Actor{}); round == 0 && err != nil {
					t.Error(err)
				}
			}()
			go func() { // somebody of the public tries for it
				defer wg.Done()
				h, err := w.Hold(t.Context(), w.request(tuesday(t, 9, 15*i), booking.Virtual))
				if err == nil {
					err = w.Cancel(t.Context(), h.ID, booking.Actor{})
				}
				if err != nil && !errors.Is(err, booking.ErrSlotTaken) {
					t.Error(err)
				}
			}()
			go func() {
				defer wg.Done()
				if err := w.Maintain(t.Context()); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		w.maintain(t)
		starts := map[time.Time]bool{}
		for i, h := range queue {
			want := booking.Expired
			if i/4 == round {
				want = booking.Held
			}
			a := w.inState(t, fmt.Sprintf("round %d, number %d", round, i), h, want)
			if a.State == booking.Held {
				starts[a.Start.UTC()] = true
			}
		}
		if len(starts) != 4 {
			t.Errorf("round %d: %d starts are offered", round, len(starts))
		}
		if round == 2 {
			break // these are taken
		}
		w.clock.set(w.place(t, queue[4*round]).OfferEnds.Add(time.Minute))
	}
	// All at once answer twice: each is booked once.
	var wg sync.WaitGroup
	for _, h := range queue[8:] {
		for range 2 {
			wg.Add(1)
			go func(id uuid.UUID) {
				defer wg.Done()
				if _, err := w.TakeOffer(t.Context(), id, booking.Actor{}); err != nil {
					t.Error(err)
				}
			}(h.ID)
		}
	}
	wg.Wait()
	var booked, overlaps int
	err := w.pool.QueryRow(t.Context(), `
		SELECT count(*) FILTER (WHERE state = 'booked'),
			count(*) FILTER (WHERE EXISTS (SELECT FROM appointment b WHERE b.id <> a.id AND b.desk_id = a.desk_id AND b.occupied && a.occupied
				AND b.state IN ('held', 'booked')))
		FROM appointment a WHERE state IN ('held', 'booked')`).Scan(&booked, &overlaps)
	if err != nil || booked != 4 || overlaps != 0 {
		t.Errorf("%d booked, %d overlap, %v", booked, overlaps, err)
	}
}
