package booking_test

import (
	"context"
	"testing"

	"sportello/booking"
)

// TestHoursChangeBeneathABooking: whatever places an appointment while its
// hours, or what it relies on else, are being taken away waits for them, and then does not happen.
func TestHoursChangeBeneathABooking(t *testing.T) {
	for name, place := range map[string]func(*testing.T, *world) func(context.Context) error{
		"hold": func(t *testing.T, w *world) func(context.Context) error {
			r := w.request(at(t, 17, 9, 0), booking.Virtual)
			return func(ctx context.Context) error {
				_, err := w.Hold(ctx, r)
				return err
			}
		},
		"rehold": func(t *testing.T, w *world) func(context.Context) error {
			h, start := w.hold(t, w.request(at(t, 18, 9, 0), booking.Virtual)), at(t, 17, 9, 0)
			return func(ctx context.Context) error {
				_, err := w.Rehold(ctx, h.ID, h.Secret, start)
				return err
			}
		},
		"reschedule": func(t *testing.T, w *world) func(context.Context) error {
			h, start := w.booked(t, w.request(at(t, 18, 9, 0), booking.Virtual)), at(t, 17, 9, 0)
			return func(ctx context.Context) error {
				_, err := w.Reschedule(ctx, h.ID, start, booking.Actor{})
				return err
			}
		},
	} {
		for what, change := range map[string]string{
			"hours":   `UPDATE desk_day SET open = '{}' WHERE desk_id = $1 AND day = '2026-11-17' AND $2::bigint > 0`,
			"mode":    `UPDATE desk SET modes = '{in_person}' WHERE id = $1 AND $2::bigint > 0`,
			"service": `DELETE FROM desk_service WHERE desk_id = $1 AND service_id = $2`,
			"length":  `UPDATE service SET duration = '20 minutes' WHERE $1::bigint > 0 AND id = $2`,
			"buffer":  `UPDATE service SET buffer = '5 minutes' WHERE $1::bigint > 0 AND id = $2`,
			"retired": `UPDATE service SET retired_at = now() WHERE $1::bigint > 0 AND id = $2`,
		} {
			t.Run(name+" and "+what, func(t *testing.T) {
				w := newWorld(t, monday)
				// What still is offered, only otherwise, is held as it is now.
				beneath(t, w, change, place(t, w), name == "hold" && (what == "length" || what == "buffer"))
			})
		}
	}
}

func beneath(t *testing.T, w *world, change string, place func(context.Context) error, still bool) {
	t.Helper()
	ctx := t.Context()
	edit, err := w.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = edit.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := edit.Exec(ctx, change, w.desks["Video"].ID, w.breve.ID); err != nil {
		t.Fatal(err)
	}
	placed := make(chan error, 1)
	go func() { placed <- place(ctx) }()
	for waiting := false; !waiting; { // until it stands at the lock
		select {
		case err := <-placed:
			t.Fatalf("it did not wait for the hours: %v", err)
		default:
		}
		err := w.pool.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := edit.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	var n, want int
	if still {
		want = 1
		if err := <-placed; err != nil {
			t.Errorf("placing what is offered otherwise: %v", err)
		}
	} else {
		wantErr(t, "placing what has no hours", <-placed, booking.ErrSlotTaken)
	}
	if err := w.pool.QueryRow(ctx, `
		SELECT count(*) FROM appointment a JOIN service s ON s.id = a.service_id WHERE a.day = '2026-11-17'
			AND upper(a.period) - lower(a.period) = s.duration AND upper(a.occupied) - upper(a.period) = s.buffer`).Scan(&n); err != nil || n != want {
		t.Errorf("%d appointments as now offered, %v", n, err)
	}
	if err := w.pool.QueryRow(ctx, `SELECT count(*) FROM appointment WHERE day = '2026-11-17'`).Scan(&n); err != nil || n != want {
		t.Errorf("%d appointments, %v", n, err)
	}
}
