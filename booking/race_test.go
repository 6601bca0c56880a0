package booking_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"sportello/booking"
)

// TestLastSlot: fifty clients, on the web and at the operators' desks, want
// the only slot there is. One gets it; all others are told what is next.
func TestLastSlot(t *testing.T) {
	w := newWorld(t, monday)
	clerk := w.clerk(t)
	ctx := t.Context()
	nine := at(t, 17, 9, 0)
	const clients = 50
	w.wide(t, clients)
	var wg sync.WaitGroup
	begin := make(chan struct{})
	errs := make([]error, clients)
	for i := range clients {
		wg.Go(func() {
			<-begin
			if i%2 == 0 {
				_, errs[i] = w.Hold(ctx, w.request(nine, booking.Virtual))
				return
			}
			r := w.request(nine, booking.Virtual)
			r.Channel, r.Audience = booking.ByOperator, booking.Operators
			_, errs[i] = w.Book(ctx, booking.BookRequest{HoldRequest: r, Person: maria, Actor: booking.Actor{StaffID: clerk.ID}})
		})
	}
	close(begin)
	wg.Wait()
	won := 0
	for i, err := range errs {
		var taken *booking.SlotTakenError
		switch {
		case err == nil:
			won++
		case !errors.As(err, &taken):
			t.Errorf("client %d: %v", i, err)
		case len(taken.Next) != 5 || !taken.Next[0].Start.Equal(nine.Add(15*time.Minute)):
			t.Errorf("client %d is offered %q", i, starts(taken.Next))
		}
	}
	if won != 1 {
		t.Errorf("%d clients have the slot, want 1", won)
	}
	w.assertNoOverlap(t)
}

// TestSwappingPlaces: appointments that move to each other's places at once
// end somewhere, each in one place, without a deadlock that anybody sees.
func TestSwappingPlaces(t *testing.T) {
	w := newWorld(t, monday)
	actor := booking.Actor{StaffID: w.clerk(t).ID}
	ctx := t.Context()
	const n = 4 // all the virtual starts of a day
	w.wide(t, 2*n)
	hs := make([]booking.Hold, n)
	for i := range hs {
		hs[i] = w.booked(t, w.request(at(t, 17, 9, 15*i), booking.Virtual))
	}
	var wg sync.WaitGroup
	for i, h := range hs {
		wg.Go(func() {
			for k := range 10 {
				to := at(t, 17+(i+k)%2, 9, 15*((i+k)%n))
				if _, err := w.Reschedule(ctx, h.ID, to, actor); err != nil && !errors.Is(err, booking.ErrSlotTaken) {
					t.Errorf("reschedule: %v", err)
				}
			}
		})
	}
	wg.Wait()
	w.assertNoOverlap(t)
	for _, h := range hs {
		if a, err := w.Get(ctx, h.ID); err != nil || a.State != booking.Booked {
			t.Errorf("afterwards: %v, %v", a.State, err)
		}
	}
}

// assertNoOverlap looks with a plain join, which does not share the
// constraint's index.
func (w *world) assertNoOverlap(t testing.TB) {
	t.Helper()
	var n int
	err := w.pool.QueryRow(t.Context(), `
		SELECT count(*) FROM appointment a JOIN appointment b ON a.desk_id = b.desk_id AND a.id < b.id
			AND lower(a.occupied) < upper(b.occupied) AND lower(b.occupied) < upper(a.occupied)
		WHERE a.state NOT IN ('expired', 'cancelled', 'no_show') AND b.state NOT IN ('expired', 'cancelled', 'no_show')`).Scan(&n)
	if err != nil || n != 0 {
		t.Errorf("%d overlaps, %v", n, err)
	}
}

// TestAnythingAtOnce plays random operations from several people and checks
// what must hold whatever they do: nothing overlaps, and every appointment
// lies within the hours of its desk, or was listed as in the way of whoever
// changed them.
func TestAnythingAtOnce(t *testing.T) {
	w := newWorld(t, monday)
	actor := booking.Actor{StaffID: w.clerk(t).ID}
	w.cooling(t, time.Minute)
	const people, steps = 8, 100
	w.wide(t, 2*people)
	p := &players{world: w, actor: actor, conflicts: map[string]bool{}}
	var wg sync.WaitGroup
	for i := range people {
		rng := rand.New(rand.NewPCG(2026, uint64(i))) //nolint:gosec // repeatable on purpose
		wg.Go(func() {
			for range steps {
				if err := p.step(t, rng); err != nil {
					t.Errorf("unexpected: %v", err)
				}
			}
		})
	}
	wg.Wait()
	w.assertNoOverlap(t)
	rows, err := w.pool.Query(t.Context(), `
		SELECT a.id::text FROM appointment a JOIN desk_day dd USING (desk_id, day)
		WHERE dd.audience = 'operators' AND a.state IN ('booked', 'arrived', 'called', 'served') AND NOT dd.open @> a.period`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	outside := 0
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		outside++
		if !p.conflicts[id] {
			t.Errorf("appointment %s is outside hours and nobody was told", id)
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	t.Logf("did %v; %d were listed as in the way, %d still are", p.done, len(p.conflicts), outside)
	for _, op := range []string{"hold", "confirm", "rehold", "cancel", "reschedule", "closure", "reopen", "rules", "book", "maintain", "takeback"} {
		if p.done[op] == 0 {
			t.Errorf("no %s ever succeeded: the test does not try it", op)
		}
	}
}

// players share what they made, so that they meddle with each other's.
type players struct {
	*world
	actor booking.Actor

	mu        sync.Mutex
	holds     []booking.Hold
	conflicts map[string]bool
	done      map[string]int
	// say tells somebody outside what is about to be done to an appointment and
	// what was done, before and after the agenda's word; nil tells nobody.
	say func(what string, id uuid.UUID, start time.Time)
}

func (p *players) tell(what string, id uuid.UUID, start time.Time) {
	if p.say != nil {
		p.say(what, id, start)
	}
}

func (p *players) any(rng *rand.Rand) booking.Hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.holds) == 0 {
		return booking.Hold{}
	}
	recent := p.holds[max(0, len(p.holds)-12):]
	return recent[rng.IntN(len(recent))]
}

func (p *players) keep(h booking.Hold) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds = append(p.holds, h)
}

func (p *players) told(list []booking.Appointment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range list {
		p.conflicts[a.ID.String()] = true
	}
}

func (p *players) step(t *testing.T, rng *rand.Rand) error {
	ctx := t.Context()
	start := at(t, 17+rng.IntN(4), 9, []int{0, 15, 20, 30, 40, 45, 50}[rng.IntN(7)]) // not all are starts
	r := p.request(start, []booking.Mode{booking.InPerson, booking.Virtual}[rng.IntN(2)])
	if r.Mode == booking.InPerson && rng.IntN(2) == 0 {
		r.ServiceID = p.lungo.ID
	}
	h := p.any(rng)
	ops := strings.Fields(`hold hold hold hold book book confirm confirm rehold rehold rehold rehold
		reschedule reschedule reschedule reschedule cancel maintain closure reopen reopen rules clock`)
	if p.say == nil { // whoever keeps a book of what was told has no line for it
		ops = append(ops, "takeback", "takeback")
	} else { // they play long, and all would be taken
		ops = append(ops, "release", "release")
	}
	op := ops[rng.IntN(len(ops))]
	var err error
	switch op {
	case "hold":
		if h, err = p.Hold(ctx, r); err == nil {
			p.keep(h)
			err = p.SetPerson(ctx, h.ID, h.Secret, maria)
		}
	case "book":
		if h, err = p.Book(ctx, booking.BookRequest{HoldRequest: r, Person: maria, Actor: p.actor}); err == nil {
			p.keep(h)
			p.tell("booked", h.ID, start)
		}
	case "confirm":
		var a booking.Appointment
		if a, err = p.Confirm(ctx, h.ID, h.Secret); err == nil {
			p.tell("booked", h.ID, a.Start)
		}
	case "rehold":
		_, err = p.Rehold(ctx, h.ID, h.Secret, start)
	case "cancel", "release":
		if op == "release" { // one of all there are
			if err = p.pool.QueryRow(ctx, `SELECT id FROM appointment WHERE state = 'booked' ORDER BY random() LIMIT 1`).Scan(&h.ID); errors.Is(err, pgx.ErrNoRows) {
				err = booking.ErrNotFound
			}
			if err != nil {
				break
			}
		}
		p.tell("cancelling", h.ID, time.Time{})
		if err = p.Cancel(ctx, h.ID, p.actor); err == nil {
			p.tell("cancelled", h.ID, time.Time{})
		}
	case "takeback": // what its citizen cancelled, if all went so
		if err = p.Cancel(ctx, h.ID, booking.Actor{}); err == nil {
			_, err = p.TakeBack(ctx, h.ID, h.Secret)
		}
	case "reschedule":
		p.tell("moving", h.ID, start)
		if _, err = p.Reschedule(ctx, h.ID, start, p.actor); err == nil {
			p.tell("booked", h.ID, start)
		}
	case "maintain":
		err = p.Maintain(ctx)
	case "closure":
		err = p.close(t, rng)
	case "reopen":
		err = p.reopen(t)
	case "rules":
		to := []string{"09:40", "10:00", "11:00"}[rng.IntN(3)]
		var list []booking.Appointment
		list, err = p.SetOpeningRules(ctx, p.desks["Due"].ID, []booking.OpeningRule{
			{Weekday: time.Tuesday, From: "09:00", To: to, Audience: booking.Public},
			{Weekday: time.Wednesday, From: "09:00", To: "10:00", Audience: booking.Public},
		}, booking.Actor{})

		p.told(list)
	case "clock":
		p.clock.add(time.Minute)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == nil {
		p.done = map[string]int{}
	}
	if err == nil {
		p.done[op]++
	}
	for _, fine := range []error{
		booking.ErrSlotTaken, booking.ErrNotBookable, booking.ErrNotFound, booking.ErrState, booking.ErrHoldExpired, booking.ErrIncomplete,
		booking.ErrTooLateToChange,
	} {
		if errors.Is(err, fine) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

func (p *players) close(t *testing.T, rng *rand.Rand) error {
	day := at(t, 17+rng.IntN(4), 12, 0)
	c := booking.Closure{From: day, To: day, Reason: booking.Text{"it": "Prova"}}
	if rng.IntN(2) == 0 {
		c.OfficeID = p.office.ID
	} else {
		c.DeskID = p.desks["Uno"].ID
	}
	list, err := p.AddClosure(t.Context(), c, booking.Actor{})
	p.told(list)
	return err
}

// reopen removes all closures made by hand, so that the days stay bookable.
func (p *players) reopen(t *testing.T) error {
	list, err := p.Closures(t.Context())
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.Holiday {
			continue
		}
		if err := p.RemoveClosure(t.Context(), c.ID, booking.Actor{}); err != nil {
			return err
		}
	}
	return nil
}
