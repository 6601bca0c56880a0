package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// identityKept is how long what was typed into a hold outlives it, so that
// whoever comes back to the page finds it.
const identityKept = 24 * time.Hour

// tick is how often Run looks after the agenda.
const tick = time.Minute

// Run looks after the agenda until ctx ends: see Maintain. A failure is
// logged and tried again a tick later.
func (a *Agenda) Run(ctx context.Context) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		if err := a.Maintain(ctx); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "agenda not maintained", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

// Maintain does what time makes due: it makes the desk-days that have come
// within the horizon, ends the holds past their time, offers what is free to
// those who wait for it, and forgets who began a booking and left it, and whose
// appointment was over long ago. It may run on several nodes at once, as often
// as one likes.
func (a *Agenda) Maintain(ctx context.Context) error {
	if err := a.RollForward(ctx); err != nil {
		return fmt.Errorf("roll forward: %w", err)
	}
	// Before the holds end: what was offered to one goes on to the next, unseen.
	if err := a.takeBack(ctx, a.pool, uuid.Nil); err != nil {
		return err
	}
	if err := a.expireHolds(ctx); err != nil {
		return fmt.Errorf("expire holds: %w", err)
	}
	if err := a.offerFreed(ctx); err != nil {
		return fmt.Errorf("waiting list: %w", err)
	}
	if err := a.forgetCooled(ctx); err != nil {
		return err
	}
	_, err := a.pool.Exec(ctx, `
		DELETE FROM appointment_person p USING appointment a
		WHERE a.id = p.appointment_id AND a.state = 'expired'
			AND (a.hold_expires_at < $1 OR EXISTS (SELECT FROM waiting w WHERE w.appointment_id = a.id AND w.left_at IS NOT NULL))`, a.now().Add(-identityKept))
	if err != nil {
		return fmt.Errorf("forget who left: %w", err)
	}
	_, err = a.pool.Exec(ctx, `
		UPDATE appointment SET note = '' WHERE state = 'expired' AND note <> '' AND hold_expires_at < $1`, a.now().Add(-identityKept))
	if err != nil {
		return fmt.Errorf("forget notes: %w", err)
	}
	if err := a.purge(ctx); err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	if err := a.dropImports(ctx); err != nil {
		return err
	}
	return a.forgetLinks(ctx)
}

func (a *Agenda) expireHolds(ctx context.Context) error {
	_, err := a.pool.Exec(ctx, `
		UPDATE appointment SET state = 'expired', version = version + 1, changed_at = $1, changed_by = NULL
		WHERE id IN (
			SELECT id FROM appointment WHERE state = 'held' AND hold_expires_at <= $1
			ORDER BY id FOR UPDATE SKIP LOCKED)`, a.now())
	if err != nil {
		return fmt.Errorf("expire: %w", err)
	}
	return nil
}

// RollForward makes the desk-days up to the horizon that some desk lacks.
// Those that are there were kept right by whoever edited rules and closures.
// Maintain does it too; a counter that was off for weeks does it before it
// answers, lest its agenda look full.
func (a *Agenda) RollForward(ctx context.Context) error {
	last, err := a.horizonDay(ctx, a.pool)
	if err != nil {
		return err
	}
	missing := func(db queryer) (*time.Time, error) {
		// A desk's days are contiguous: they are only ever added at the end.
		rows, err := db.Query(ctx, `
			SELECT min(greatest(coalesce((SELECT max(day) + 1 FROM desk_day dd WHERE dd.desk_id = d.id), $1), $1))
			FROM desk d`, a.today())
		if err != nil {
			return nil, fmt.Errorf("last days: %w", err)
		}
		return pgx.CollectExactlyOneRow(rows, pgx.RowTo[*time.Time])
	}
	// Most ticks end here, without the lock.
	if first, err := missing(a.pool); err != nil || first == nil || first.After(last) {
		return err
	}
	return a.rebuilding(ctx, func(tx pgx.Tx) error {
		first, err := missing(tx)
		if err != nil || first == nil || first.After(last) {
			return err
		}
		if err := a.addHolidays(ctx, tx, first.Year(), last.Year()); err != nil {
			return err
		}
		_, err = a.rebuild(ctx, tx, scope{}, *first, last)
		return err
	})
}
