package booking

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// TakeBack undoes a citizen's own cancellation while the start is still free: the
// same appointment of the same person is booked again, with its link and code. What
// cools for others does not for whose it was (cooling.go), and nobody is served by
// it but they: the person cannot be changed, and counts for the limit of open
// appointments. Who waited comes first: the start may be offered to them by now.
// A *SlotTakenError says that the start is gone; ErrNotBookable that it is too near,
// or no longer offered; ErrState that there is nothing of theirs to take back.
func (a *Agenda) TakeBack(ctx context.Context, id uuid.UUID, secret string) (Appointment, error) {
	r, err := a.record(ctx, a.pool, `WHERE a.id = $1`, id)
	if err != nil {
		return Appointment{}, fmt.Errorf("take back: %w", err)
	}
	if r.State == Booked { // a second click
		return r.Appointment, nil
	}
	if can, err := a.CanTakeBack(ctx, r.Appointment); err != nil || !can {
		return Appointment{}, fmt.Errorf("take back: %w", errors.Join(err, ErrState))
	}
	p, err := a.placeAt(ctx, r.Service.ID, r.Service.Also, r.Mode, Public, r.Start)
	if err != nil {
		return Appointment{}, fmt.Errorf("take back: %w", err)
	}
	err = a.move(ctx, r, p, []State{Cancelled}, Booked, r.HoldExpiresAt, Actor{}, func(ctx context.Context, tx pgx.Tx) error {
		if err := a.checkOpen(ctx, tx, r); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE appointment SET closed_at = NULL WHERE id = $1`, id); err != nil {
			return fmt.Errorf("open again: %w", err)
		}
		// The links that ended with it, and no others.
		if _, err := tx.Exec(ctx, `
			UPDATE room_grant SET revoked_at = NULL, revoked_by = NULL WHERE appointment_id = $1 AND revoked_at = $2`, id, r.ClosedAt); err != nil {
			return fmt.Errorf("grants: %w", err)
		}
		if err := a.retimeGrants(ctx, tx, id); err != nil {
			return err
		}
		return a.tell(ctx, tx, Notice{Kind: NoticeConfirmed, Appointment: id, Secret: secret})
	})
	if err != nil {
		return Appointment{}, fmt.Errorf("take back: %w", err)
	}
	a.publish(ctx, id)
	return a.Get(ctx, id)
}

// CanTakeBack says whether an appointment is one that its citizen cancelled, and its
// start is still to come. Who gave up a hold left no name: there is nothing to take back.
func (a *Agenda) CanTakeBack(ctx context.Context, x Appointment) (bool, error) {
	if x.State != Cancelled || x.Person.Surname == "" || !a.now().Before(x.Start) {
		return false, nil
	}
	var own bool
	if err := a.pool.QueryRow(ctx, `SELECT cancelled_by IS NULL FROM appointment WHERE id = $1`, x.ID).Scan(&own); err != nil {
		return false, fmt.Errorf("can take back: %w", err)
	}
	return own, nil
}
