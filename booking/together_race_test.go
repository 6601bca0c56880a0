package booking_test

import (
	"errors"
	"sync"
	"testing"

	"sportello/booking"
)

// TestRivalsGoTogether: who comes while somebody has a start held goes with all others who
// do, in one transaction; there are desks for some of them, and the others are told. The
// rows are inserted in the order of desks: who waits for one has none that comes later.
func TestRivalsGoTogether(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	w.wide(t, 8)
	if _, err := w.pool.Exec(ctx, `UPDATE desk SET modes = '{in_person,virtual}' WHERE id = $1`, w.desks["Video"].ID); err != nil {
		t.Fatal(err)
	}
	held := func(desk string, minute int) booking.Hold {
		r := w.request(at(t, 17, 9, minute), booking.InPerson)
		r.DeskID = w.desks[desk].ID
		return w.hold(t, r)
	}
	// The least loaded is the last of the three, and the first has most.
	uno, due := held("Uno", 30), held("Due", 30)
	held("Uno", 45)
	nine := at(t, 17, 9, 0)
	before := w.undecided(t, uno, nine)
	edit, err := w.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := edit.Exec(ctx, `SELECT FROM office WHERE id = $1 FOR UPDATE`, w.office.ID); err != nil {
		t.Fatal(err)
	}
	const all = 6
	r := w.request(nine, booking.InPerson)
	came := make(chan error, all)
	come := func() {
		_, err := w.Hold(ctx, r)
		came <- err
	}
	go come()
	w.waiting(t, 1)
	for range all - 1 {
		go come()
	}
	for w.Rivals() < all {
		w.waiting(t, 1)
	}
	if err := edit.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-came; err != nil {
		t.Fatal(err)
	}
	w.waiting(t, 1)                                                                   // for the first desk
	if _, err := before.Exec(ctx, `SET LOCAL deadlock_timeout = '1ms'`); err != nil { // it would be this one that fails
		t.Fatal(err)
	}
	another(t, before, due, nine)
	if err := before.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for range all - 1 {
		var taken *booking.SlotTakenError
		switch err := <-came; {
		case errors.As(err, &taken):
			if lost++; len(taken.Next) == 0 {
				t.Error("who lost is offered nothing")
			}
		case err != nil:
			t.Error(err)
		}
	}
	var desks, transactions int
	if err := w.pool.QueryRow(ctx, `SELECT count(DISTINCT desk_id), count(DISTINCT xmin::text) FROM appointment WHERE lower(period) = $1`, nine).Scan(&desks, &transactions); err != nil {
		t.Fatal(err)
	}
	if lost != all-3 || desks != 3 || transactions != 2 {
		t.Errorf("%d lost, %d desks have it, by %d transactions", lost, desks, transactions)
	}
	if n := w.Rivals(); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

// TestRivalsOfTwoProcesses: who goes together in one process meets those of another at the
// constraint, desk by desk in the same order, and nobody is left waiting or without an answer.
func TestRivalsOfTwoProcesses(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	w.wide(t, 12)
	agendas := []*booking.Agenda{w.Agenda, booking.New(w.pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now})}
	const each = 4
	won := 0
	for day := range 3 {
		for quarter := range 4 {
			r := w.request(at(t, 17+day, 9, 15*quarter), booking.InPerson)
			var wg sync.WaitGroup
			var mu sync.Mutex
			for _, a := range agendas {
				for range each {
					wg.Go(func() {
						_, err := a.Hold(ctx, r)
						mu.Lock()
						defer mu.Unlock()
						if err == nil {
							won++
						} else if !errors.Is(err, booking.ErrSlotTaken) {
							t.Error(err)
						}
					})
				}
			}
			wg.Wait()
		}
	}
	if want := 3 * 4 * 2; won != want {
		t.Errorf("%d holds of %d places", won, want)
	}
	w.assertNoOverlap(t)
}
