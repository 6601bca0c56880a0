package booking

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// mannedBy is true of a desk d at which a clerk works of whom a condition on staff st
// is true: one who has it, or who has its office and no desk in particular.
func mannedBy(whom string) string {
	return `EXISTS (SELECT FROM staff st JOIN staff_role r ON r.staff_id = st.id AND r.role = 'clerk'
	WHERE ` + whom + ` AND st.disabled_at IS NULL AND (EXISTS (SELECT FROM staff_desk sd WHERE sd.staff_id = st.id AND sd.desk_id = d.id)
		OR NOT EXISTS (SELECT FROM staff_desk sd WHERE sd.staff_id = st.id)
			AND EXISTS (SELECT FROM staff_office so WHERE so.staff_id = st.id AND so.office_id = d.office_id)))`
}

// PreviewStaff lists the appointments to come at desks that SetStaff would leave
// without any clerk, and changes nothing.
func (a *Agenda) PreviewStaff(ctx context.Context, s Staff) ([]Appointment, error) {
	list, err := a.unmanned(ctx, func(tx pgx.Tx) error { return a.setStaff(ctx, tx, s) })
	if err != nil {
		return nil, fmt.Errorf("preview staff: %w", err)
	}
	return list, nil
}

// PreviewDisableStaff lists the appointments to come at desks that closing an
// account would leave without any clerk, and changes nothing.
func (a *Agenda) PreviewDisableStaff(ctx context.Context, id int64) ([]Appointment, error) {
	list, err := a.unmanned(ctx, func(tx pgx.Tx) error { return a.enableStaff(ctx, tx, id, false) })
	if err != nil {
		return nil, fmt.Errorf("preview disable staff: %w", err)
	}
	return list, nil
}

// unmanned makes a change to accounts, looks at what it does, and takes it back.
func (a *Agenda) unmanned(ctx context.Context, change func(pgx.Tx) error) ([]Appointment, error) {
	var list []Appointment
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT d.id FROM desk d WHERE `+mannedBy("true"))
		if err != nil {
			return fmt.Errorf("desks: %w", err)
		}
		before, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return fmt.Errorf("desks: %w", err)
		}
		if err := change(tx); err != nil {
			return err
		}
		found, err := a.records(ctx, tx, `WHERE `+toCome+` AND a.desk_id = ANY($2) AND EXISTS (SELECT FROM desk d WHERE d.id = a.desk_id AND NOT `+mannedBy("true")+`)
			ORDER BY lower(a.period), a.id`, a.now(), before)
		if err != nil {
			return err
		}
		list = appointments(found)
		return errPreview
	})
	if !errors.Is(err, errPreview) {
		return nil, err
	}
	return list, nil
}
