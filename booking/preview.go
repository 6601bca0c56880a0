package booking

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// errPreview takes a transaction back that was only to be looked at.
var errPreview = errors.New("booking: preview")

// PreviewOpeningRules lists the appointments that SetOpeningRules would leave
// uncovered, and changes nothing. It is that very change, taken back.
func (a *Agenda) PreviewOpeningRules(ctx context.Context, deskID int64, rules []OpeningRule) ([]Appointment, error) {
	var conflicts []Appointment
	err := a.rebuilding(ctx, func(tx pgx.Tx) error {
		var err error
		if conflicts, err = a.replaceRules(ctx, tx, deskID, rules); err != nil {
			return err
		}
		return errPreview
	})
	if !errors.Is(err, errPreview) {
		return nil, fmt.Errorf("preview opening rules: %w", err)
	}
	return conflicts, nil
}

// PreviewClosure lists the appointments that AddClosure would be in the way
// of, and changes nothing.
func (a *Agenda) PreviewClosure(ctx context.Context, c Closure) ([]Appointment, error) {
	var conflicts []Appointment
	err := a.rebuilding(ctx, func(tx pgx.Tx) error {
		var err error
		if _, conflicts, err = a.insertClosure(ctx, tx, c); err != nil {
			return err
		}
		return errPreview
	})
	if !errors.Is(err, errPreview) {
		return nil, fmt.Errorf("preview closure: %w", err)
	}
	return conflicts, nil
}

// ByShortCode finds a booked appointment by its short code alone. It is for
// the staff, who know whom they have before them: citizens need the surname
// too (ByCode).
func (a *Agenda) ByShortCode(ctx context.Context, code string) (Appointment, error) {
	if len(plainCode(code)) != codeLength {
		return Appointment{}, fmt.Errorf("by short code: %w", ErrNotFound)
	}
	r, err := a.record(ctx, a.pool, `WHERE a.code_hash = $1 AND a.state NOT IN ('held', 'expired')`, a.codeHash(code))
	if err != nil {
		return Appointment{}, fmt.Errorf("by short code: %w", err)
	}
	return r.Appointment, nil
}
