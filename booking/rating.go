package booking

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// maxRemark is in runes.
const maxRemark = 200

// Rate keeps how easy somebody found it, from 1 to 5, with a remark or none.
// What is kept does not lead back to the appointment. ErrState where it was
// rated before, or was never booked.
func (a *Agenda) Rate(ctx context.Context, id uuid.UUID, stars int, remark string) error {
	if stars < 1 || stars > 5 {
		return fmt.Errorf("rate: %w", &FieldError{"stars", CodeRequired})
	}
	remark, err := checkNote("remark", remark)
	if err != nil {
		return fmt.Errorf("rate: %w", err)
	}
	if utf8.RuneCountInString(remark) > maxRemark {
		return fmt.Errorf("rate: %w", &FieldError{"remark", CodeTooLong})
	}
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			WITH once AS (
				UPDATE appointment SET rated = true
				WHERE id = $1 AND NOT rated AND state NOT IN ('held', 'expired', 'cancelled')
				RETURNING office_id, service_id, mode
			)
			INSERT INTO rating (id, office_id, service_id, mode, day, stars, remark)
			SELECT $2, office_id, service_id, mode, ($3::timestamptz AT TIME ZONE o.tz)::date, $4, $5
			FROM once JOIN office o ON o.id = office_id`, id, uuid.New(), a.now(), stars, remark)
		if err == nil && tag.RowsAffected() == 0 {
			err = ErrState
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("rate: %w", err)
	}
	return nil
}
