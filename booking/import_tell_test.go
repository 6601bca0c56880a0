package booking_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sportello/booking"
)

// ledger is a Notifier that writes what is to be told into the transaction that
// it is called in, and fails when told to.
type ledger struct{ failing atomic.Bool }

var errPost = errors.New("the post is on strike")

func (l *ledger) Notify(ctx context.Context, tx pgx.Tx, n booking.Notice) error {
	if l.failing.Load() {
		return errPost
	}
	_, err := tx.Exec(ctx, `INSERT INTO told VALUES ($1, $2, $3)`, n.Appointment, n.Kind, n.Quiet)
	return err
}

// TestImportTellsOnce: with the tick each person of a file hears of it once, in the
// transaction that books the line; without it nobody does.
func TestImportTellsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, monday)
	ctx := t.Context()
	if _, err := w.pool.Exec(ctx, `CREATE TABLE told (appointment uuid, kind text, quiet bool)`); err != nil {
		t.Fatal(err)
	}
	post := &ledger{}
	w.Agenda = booking.New(w.pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now, Notifier: post})
	t.Cleanup(w.Close)
	actor := booking.Actor{StaffID: w.clerk(t).ID}
	run := func(lines []booking.ImportLine, tell bool) (first, second booking.Import) {
		t.Helper()
		id, err := w.KeepImport(ctx, "a file", len(lines), actor)
		if err == nil {
			err = w.BeginImport(ctx, id, false, tell, actor)
		}
		if err != nil {
			t.Fatal(err)
		}
		post.failing.Store(true)
		if first, err = w.RunImport(ctx, id, lines, actor, time.Minute); !errors.Is(err, errPost) {
			t.Errorf("though nobody can be told: %+v, %v", first, err)
		}
		if n := w.count(ctx, t, `SELECT count(*) FROM appointment WHERE state = 'booked' AND channel = 'import' AND id NOT IN (SELECT appointment FROM told)`); n != 0 {
			t.Errorf("%d are booked and nobody was told", n)
		}
		post.failing.Store(false)
		if second, err = w.RunImport(ctx, id, lines, actor, time.Minute); err != nil {
			t.Fatal(err)
		}
		return first, second
	}
	var lines []booking.ImportLine
	for i := range 3 {
		lines = append(lines, w.line(i+2, at(t, 17, 9, 15*i), w.desks["Uno"].ID, fmt.Sprint("Rossi ", i)))
	}
	lines = append(lines, w.line(5, at(t, 17, 9, 0), w.desks["Uno"].ID, "Tardi"))
	if first, second := run(lines, true); first.Done != 0 || second.Booked != 3 || len(second.Refused) != 1 || second.Refused[0].Line != 5 {
		t.Errorf("first %+v, then %+v", first, second)
	}
	if n := w.count(ctx, t, `SELECT count(*) FROM told JOIN appointment a ON a.id = appointment WHERE kind = 'confirmed' AND NOT quiet AND a.state = 'booked'`); n != 3 {
		t.Errorf("%d confirmations for 3 booked", n)
	}
	if n := w.count(ctx, t, `SELECT count(*) FROM told`); n != 3 {
		t.Errorf("told %d times", n)
	}
	if _, second := run([]booking.ImportLine{w.line(2, at(t, 18, 9, 0), 0, "Verdi")}, false); second.Booked != 1 {
		t.Errorf("without the tick %+v", second)
	}
	if n := w.count(ctx, t, `SELECT count(*) FROM told WHERE NOT quiet`); n != 3 {
		t.Errorf("%d heard of it, with 3 who were to", n)
	}
}

func (w *world) count(ctx context.Context, t *testing.T, query string) (n int) {
	t.Helper()
	if err := w.pool.QueryRow(ctx, query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
