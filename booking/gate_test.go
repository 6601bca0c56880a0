package booking_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sportello/booking"
)

// TestEditGetsThroughHolds: holds that overlap without a pause do not keep an edit
// waiting. It waits for those that were there, and whoever comes then waits for it.
func TestEditGetsThroughHolds(t *testing.T) {
	for name, edit := range map[string]func(context.Context, *world) error{
		"office": func(ctx context.Context, w *world) error {
			o := w.office
			o.Address = "Via Nuova 1"
			_, err := w.SaveOffice(ctx, o, booking.Actor{})
			return err
		},
		"service": func(ctx context.Context, w *world) error {
			s := w.breve
			s.Bring = booking.Text{"it": "Una foto"}
			_, _, err := w.SaveService(ctx, s, booking.Actor{})
			return err
		},
		"desk": func(ctx context.Context, w *world) error {
			d := w.desks["Video"]
			d.Modes = []booking.Mode{booking.InPerson, booking.Virtual}
			_, _, err := w.SaveDesk(ctx, d, booking.Actor{})
			return err
		},
		"hours": func(ctx context.Context, w *world) error {
			_, err := w.SetOpeningRules(ctx, w.desks["Video"].ID, []booking.OpeningRule{
				{Weekday: time.Tuesday, From: "09:00", To: "10:15", Audience: booking.Public},
			}, booking.Actor{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, monday)
			w.wide(t, 8)
			ctx := t.Context()
			like := w.hold(t, w.request(at(t, 17, 9, 45), booking.Virtual))
			begin := func(f func() error) chan error {
				done := make(chan error, 1)
				go func() { done <- f() }()
				return done
			}
			hold := func(start time.Time) chan error {
				return begin(func() error {
					_, err := w.Hold(ctx, w.request(start, booking.Virtual))
					return err
				})
			}
			nine, later := at(t, 17, 9, 0), at(t, 17, 9, 15)
			one, other := w.undecided(t, like, nine), w.undecided(t, like, later)

			first := hold(nine) // shares the office until the one is decided
			w.waiting(t, 1)
			edited := begin(func() error { return edit(ctx, w) })
			w.waiting(t, 2)
			second := hold(later) // would share it until the other is
			w.waiting(t, 3)
			if err := one.Rollback(ctx); err != nil {
				t.Fatal(err)
			}
			if err := <-first; err != nil {
				t.Errorf("who was there before the edit: %v", err)
			}
			for through := false; !through; {
				select {
				case err := <-edited:
					if err != nil {
						t.Fatal(err)
					}
					through = true
				default:
					var starves bool
					if err := w.pool.QueryRow(ctx, `
						SELECT EXISTS (SELECT FROM pg_stat_activity e JOIN pg_stat_activity h ON h.pid = ANY(pg_blocking_pids(e.pid))
							WHERE e.datname = current_database() AND e.query NOT LIKE '%WITH pick%' AND h.query LIKE '%WITH pick%')`).Scan(&starves); err != nil {
						t.Fatal(err)
					}
					if starves {
						t.Fatal("the edit waits for who came after it")
					}
				}
			}
			if err := other.Rollback(ctx); err != nil {
				t.Fatal(err)
			}
			if err := <-second; err != nil {
				t.Errorf("who came after the edit: %v", err)
			}
		})
	}
}

// undecided is a transaction that has a hold like another at a start, and does not
// say whether it will be one: who wants the start waits for its end.
func (w *world) undecided(t *testing.T, like booking.Hold, start time.Time) pgx.Tx {
	t.Helper()
	tx, err := w.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	// Without the locks of its references, which an edit could wait for.
	if _, err := tx.Exec(t.Context(), `SET LOCAL session_replication_role = replica`); err != nil {
		t.Fatal(err)
	}
	another(t, tx, like, start)
	return tx
}

// another inserts a hold like another at a start.
func another(t *testing.T, tx pgx.Tx, like booking.Hold, start time.Time) {
	t.Helper()
	if _, err := tx.Exec(t.Context(), `
		INSERT INTO appointment (id, room, office_id, service_id, desk_id, day, period, occupied, mode, channel, audience, state,
			hold_expires_at, secret_hash, code_hash, created_at, changed_at)
		SELECT gen_random_uuid(), gen_random_uuid(), office_id, service_id, desk_id, day, tstzrange($2, $3), tstzrange($2, $3), mode, channel, audience, state,
			hold_expires_at, uuid_send(gen_random_uuid()), uuid_send(gen_random_uuid()), created_at, changed_at
		FROM appointment WHERE id = $1`, like.ID, start, start.Add(15*time.Minute)); err != nil {
		t.Fatal(err)
	}
}

// waiting returns once so many transactions wait for a lock.
func (w *world) waiting(t *testing.T, want int) {
	t.Helper()
	for n := -1; n != want; {
		if err := w.pool.QueryRow(t.Context(), `
			SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHoldsAreNotPlannedAnew: PostgreSQL keeps a plan for the statement of a hold, once
// it has seen some, and does not make one for each.
func TestHoldsAreNotPlannedAnew(t *testing.T) {
	w := newWorld(t, monday)
	w.wide(t, 1) // a plan is a connection's
	// Reckoned as where there are many appointments: in so small a town all is near.
	if _, err := w.pool.Exec(t.Context(), `SET random_page_cost = 400; SET seq_page_cost = 400`); err != nil {
		t.Fatal(err)
	}
	for _, coolFor := range []time.Duration{0, time.Minute} {
		w.cooling(t, coolFor)
		for n := range 12 {
			w.hold(t, w.request(at(t, 17+n/4, 9, 15*(n%4)), booking.Virtual))
		}
		if _, err := w.pool.Exec(t.Context(), `DELETE FROM appointment`); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := w.pool.Query(t.Context(), `SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement ~ '^\s*WITH pick'`)
	if err != nil {
		t.Fatal(err)
	}
	type plans struct{ Kept, Made int64 }
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[plans])
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 {
		t.Fatalf("%d statements, want one that looks at what cools and one that does not", len(list))
	}
	for _, p := range list {
		if p.Kept < 5 || p.Made > 5 {
			t.Errorf("%d plans made, a kept one used %d times", p.Made, p.Kept)
		}
	}
}
