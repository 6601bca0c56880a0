package booking

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// giveTicket gives an appointment in person its ticket: the office's letter
// and the next number of its day. The counter's row is locked last, after the
// appointment, and for the rest of a short transaction.
func giveTicket(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		WITH mine AS (
			SELECT a.id, a.office_id, a.day FROM appointment a WHERE a.id = $1 AND a.mode = 'in_person' AND a.ticket = ''
		), next AS (
			INSERT INTO ticket_day (office_id, day, last) SELECT office_id, day, 1 FROM mine
			ON CONFLICT (office_id, day) DO UPDATE SET last = ticket_day.last + 1
			RETURNING office_id, last
		)
		UPDATE appointment a SET ticket = o.letter || next.last
		FROM mine, next JOIN office o ON o.id = next.office_id WHERE a.id = mine.id`, id)
	if err != nil {
		return fmt.Errorf("ticket: %w", err)
	}
	return nil
}

// CallAgain repeats a call in the hall. ErrState where nobody is called.
func (a *Agenda) CallAgain(ctx context.Context, id uuid.UUID, actor Actor) (Appointment, error) {
	err := a.noted(ctx, actor, "call_again", AboutAppointment, id, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE appointment SET calls = calls + 1, last_called_at = $2, changed_at = $2, changed_by = nullif($3::bigint, 0)
			WHERE id = $1 AND state = 'called' AND mode = 'in_person'`, id, a.now(), actor.StaffID)
		if err == nil && tag.RowsAffected() == 0 {
			err = ErrState
		}
		return notFoundIfForeign(err)
	})
	if err != nil {
		return Appointment{}, fmt.Errorf("call again: %w", err)
	}
	return a.Get(ctx, id)
}
