package booking

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// promised is true of an appointment that was booked, or waits for a slot.
const promised = `(a.state NOT IN ('held', 'expired') OR ` + waits + `)`

// BySecret finds the appointment that a citizen's link stands for, once it
// was booked or put on the waiting list, or ErrNotFound.
func (a *Agenda) BySecret(ctx context.Context, secret string) (Appointment, error) {
	hash, err := hashOf(secret)
	if err != nil {
		return Appointment{}, fmt.Errorf("by secret: %w", err)
	}
	r, err := a.record(ctx, a.pool, `WHERE a.secret_hash = $1 AND `+promised, hash[:])
	if err != nil {
		return Appointment{}, fmt.Errorf("by secret: %w", err)
	}
	return r.Appointment, nil
}

// EverBySecret finds what a secret was given for, in any state, or ErrNotFound.
func (a *Agenda) EverBySecret(ctx context.Context, secret string) (Appointment, error) {
	hash, err := hashOf(secret)
	if err != nil {
		return Appointment{}, fmt.Errorf("ever by secret: %w", err)
	}
	r, err := a.record(ctx, a.pool, `WHERE a.secret_hash = $1`, hash[:])
	if err != nil {
		return Appointment{}, fmt.Errorf("ever by secret: %w", err)
	}
	return r.Appointment, nil
}

// ByCode finds a booked appointment by its short code and the surname, as two
// people would agree on it: case, accents, blanks and apostrophes do not
// count. The work is the same whether code, surname or neither is right.
func (a *Agenda) ByCode(ctx context.Context, code, surname string) (Appointment, error) {
	r, err := a.record(ctx, a.pool, `WHERE a.code_hash = $1 AND `+promised, a.codeHash(code))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Appointment{}, fmt.Errorf("by code: %w", err)
	}
	// Both sides are hashed, so that neither length nor content shows in the time.
	said, kept := a.surnameHash(fold(clean(surname))), a.surnameHash(r.surnameKey)
	if same := hmac.Equal(said, kept); !same || err != nil || r.surnameKey == "" {
		return Appointment{}, fmt.Errorf("by code: %w", ErrNotFound)
	}
	return r.Appointment, nil
}

// canChange says whether a may still cancel or move r: citizens until the
// service's limit before the start, or when asked to, the staff at any time.
func (a *Agenda) canChange(r record, actor Actor) error {
	if actor.StaffID == 0 && r.AskedAt.IsZero() && a.now().After(r.Start.Add(-r.Service.CancelUntil)) {
		return ErrTooLateToChange
	}
	return nil
}

// Cancel gives the slot back and takes the room's grants away. Cancelling
// what is cancelled does nothing.
func (a *Agenda) Cancel(ctx context.Context, id uuid.UUID, actor Actor) error {
	r, err := a.record(ctx, a.pool, `WHERE a.id = $1`, id)
	if err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	switch r.State {
	case Cancelled:
		return nil
	case Booked, Arrived:
		if err := a.canChange(r, actor); err != nil {
			return fmt.Errorf("cancel: %w", err)
		}
	case Held, Called, Served, NoShow, Expired: // the update below decides
	}
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		now := a.now()
		tag, err := tx.Exec(ctx, `
			UPDATE appointment SET state = 'cancelled', version = version + 1, closed_at = $2,
				changed_at = $2, changed_by = nullif($3::bigint, 0), cancelled_by = nullif($3::bigint, 0)
			WHERE id = $1 AND version = $4 AND state IN ('held', 'booked', 'arrived')`, id, now, actor.StaffID, r.Version)
		if err != nil {
			return notFoundIfForeign(err)
		}
		if tag.RowsAffected() == 0 {
			return ErrState
		}
		_, err = tx.Exec(ctx, `
			UPDATE room_grant SET revoked_at = $2, revoked_by = nullif($3::bigint, 0)
			WHERE appointment_id = $1 AND revoked_at IS NULL`, id, now, actor.StaffID)
		if err != nil {
			return err
		}
		if err := a.note(ctx, tx, actor, "cancel", AboutAppointment, id); err != nil {
			return err
		}
		if r.State == Held { // who gave up a hold was promised nothing, and need not be known
			_, err := tx.Exec(ctx, `DELETE FROM appointment_person WHERE appointment_id = $1`, id)
			return err
		}
		return a.tell(ctx, tx, Notice{Kind: NoticeCancelled, Appointment: id})
	})
	if errors.Is(err, ErrState) {
		// Somebody was faster; if they cancelled too, the wish is fulfilled.
		if again, errAgain := a.Get(ctx, id); errAgain == nil && again.State == Cancelled {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	a.publish(ctx, id)
	a.passOn(ctx)
	return nil
}

// Reschedule moves a booked appointment to another start of the same service,
// in place: link, code and room stay.
func (a *Agenda) Reschedule(ctx context.Context, id uuid.UUID, start time.Time, actor Actor) (Appointment, error) {
	r, err := a.record(ctx, a.pool, `WHERE a.id = $1`, id)
	if err != nil {
		return Appointment{}, fmt.Errorf("reschedule: %w", err)
	}
	if r.State != Booked {
		return Appointment{}, fmt.Errorf("reschedule: %w", ErrState)
	}
	if err := a.canChange(r, actor); err != nil {
		return Appointment{}, fmt.Errorf("reschedule: %w", err)
	}
	if start.Equal(r.Start) && r.AskedAt.IsZero() { // another desk may have the same time
		return r.Appointment, nil
	}
	audience := Public
	if actor.StaffID != 0 {
		audience = Operators
	}
	p, err := a.placeAt(ctx, r.Service.ID, r.Service.Also, r.Mode, audience, start)
	if err != nil {
		return Appointment{}, fmt.Errorf("reschedule: %w", err)
	}
	err = a.move(ctx, r, p, []State{Booked}, Booked, r.HoldExpiresAt, actor,
		func(ctx context.Context, tx pgx.Tx) error {
			if err := a.retimeGrants(ctx, tx, id); err != nil {
				return err
			}
			if err := answered(ctx, tx, id); err != nil {
				return err
			}
			if err := a.note(ctx, tx, actor, "move", AboutAppointment, id); err != nil {
				return err
			}
			return a.tell(ctx, tx, Notice{Kind: NoticeMoved, Appointment: id})
		})
	if err != nil {
		return Appointment{}, fmt.Errorf("reschedule: %w", err)
	}
	a.publish(ctx, id)
	a.passOn(ctx)
	return a.Get(ctx, id)
}

// before lists the states from which the staff may go to a state.
func before(to State, mode Mode) []State {
	switch to {
	case Arrived:
		return []State{Booked}
	case Called:
		if mode == Virtual {
			return []State{Booked, Arrived}
		}
		return []State{Arrived}
	case Served:
		return []State{Called}
	case NoShow:
		return []State{Booked, Arrived, Called}
	case Held, Booked, Cancelled, Expired:
		return nil // by Hold, Confirm, Cancel and the clock
	}
	return nil
}

// Transition moves an appointment along, if it still is in a state from which
// that can be done: of two who try, one gets ErrState. To Cancelled it is Cancel.
func (a *Agenda) Transition(ctx context.Context, id uuid.UUID, to State, actor Actor) (Appointment, error) {
	if to == Cancelled {
		if err := a.Cancel(ctx, id, actor); err != nil {
			return Appointment{}, err
		}
		return a.Get(ctx, id)
	}
	r, err := a.record(ctx, a.pool, `WHERE a.id = $1`, id)
	if err != nil {
		return Appointment{}, fmt.Errorf("transition: %w", err)
	}
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE appointment SET state = $2, version = version + 1, changed_at = $3, changed_by = nullif($4::bigint, 0),
				arrived_at = CASE WHEN $2 = 'arrived' THEN $3 ELSE arrived_at END,
				called_at = CASE WHEN $2 = 'called' THEN $3 ELSE called_at END,
				last_called_at = CASE WHEN $2 = 'called' THEN $3 ELSE last_called_at END,
				calls = calls + CASE WHEN $2 = 'called' THEN 1 ELSE 0 END,
				closed_at = CASE WHEN $2 IN ('served', 'no_show') THEN $3 ELSE closed_at END
			WHERE id = $1 AND state = ANY($5)`, id, to, a.now(), actor.StaffID, before(to, r.Mode))
		if err != nil {
			return notFoundIfForeign(err)
		}
		if tag.RowsAffected() == 0 {
			return ErrState
		}
		if err := a.note(ctx, tx, actor, string(to), AboutAppointment, id); err != nil {
			return err
		}
		switch to {
		case Called:
			return a.extendGrants(ctx, tx, id)
		case Served, NoShow:
			return a.endGrants(ctx, tx, id)
		case Arrived:
			return giveTicket(ctx, tx, id)
		case Held, Booked, Cancelled, Expired:
		}
		return nil
	})
	if err != nil {
		return Appointment{}, fmt.Errorf("transition: %w", err)
	}
	if to != Arrived && r.Mode == Virtual {
		a.publish(ctx, id)
	}
	return a.Get(ctx, id)
}
