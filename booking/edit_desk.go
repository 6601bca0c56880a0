package booking

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// DeskByID finds a desk, retired or not, or ErrNotFound.
func (a *Agenda) DeskByID(ctx context.Context, id int64) (Desk, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT `+deskColumns+` FROM desk d WHERE d.id = $1`, id)
	if err != nil {
		return Desk{}, fmt.Errorf("desk: %w", err)
	}
	return one(rows, pgx.RowToStructByPos[Desk], "desk")
}

// SaveDesk changes a desk, or makes one of d.OfficeID where d.ID is 0. It lists
// the appointments at it that it could not take any more: in another mode, or
// for a service it does not do now. They stay, and may be asked for another time.
func (a *Agenda) SaveDesk(ctx context.Context, d Desk, actor Actor, then ...Aftermath) (Desk, []Appointment, error) {
	return a.saveDesk(ctx, d, editing{actor: actor, then: then})
}

// PreviewDesk lists the appointments that SaveDesk would list, and changes nothing.
func (a *Agenda) PreviewDesk(ctx context.Context, d Desk) ([]Appointment, error) {
	_, list, err := a.saveDesk(ctx, d, looking)
	return list, err
}

func (a *Agenda) saveDesk(ctx context.Context, d Desk, e editing) (Desk, []Appointment, error) {
	var err error
	if d.Name, err = checkLine("name", d.Name, maxName); err != nil {
		return Desk{}, nil, fmt.Errorf("save desk: %w", err)
	}
	if d.Modes, err = checkModes(d.Modes); err != nil {
		return Desk{}, nil, fmt.Errorf("save desk: %w", err)
	}
	if d.Services == nil {
		d.Services = []int64{}
	}
	list, err := a.edit(ctx, e, func(tx pgx.Tx) ([]Appointment, error) { return a.putDesk(ctx, tx, &d, e.actor) })
	if err != nil {
		return Desk{}, nil, fmt.Errorf("save desk: %w", err)
	}
	if e.preview {
		return Desk{}, list, nil
	}
	saved, err := a.DeskByID(ctx, d.ID)
	return saved, list, err
}

// putDesk is SaveDesk within a transaction.
func (a *Agenda) putDesk(ctx context.Context, tx pgx.Tx, d *Desk, actor Actor) ([]Appointment, error) {
	action := "desk.save"
	if d.ID == 0 {
		action = "desk.add"
		err := tx.QueryRow(ctx, `INSERT INTO desk (office_id, name, modes) VALUES ($1, $2, $3) RETURNING id`, d.OfficeID, d.Name, d.Modes).Scan(&d.ID)
		if s, _ := sqlState(err); s == stateUnique {
			return nil, &FieldError{"name", CodeTaken}
		}
		if err != nil {
			return nil, fmt.Errorf("insert desk: %w", notFoundIfForeign(err))
		}
	} else {
		if err := a.lockDays(ctx, tx, scope{Desk: d.ID}); err != nil {
			return nil, err
		}
		tag, err := tx.Exec(ctx, `UPDATE desk SET name = $2, modes = $3 WHERE id = $1`, d.ID, d.Name, d.Modes)
		if s, _ := sqlState(err); s == stateUnique {
			return nil, &FieldError{"name", CodeTaken}
		}
		if err := changed(tag.RowsAffected(), err, "desk"); err != nil {
			return nil, err
		}
	}
	_, err := tx.Exec(ctx, `DELETE FROM desk_service WHERE desk_id = $1 AND service_id <> ALL($2)`, d.ID, d.Services)
	if err != nil {
		return nil, fmt.Errorf("services of desk: %w", err)
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO desk_service (desk_id, service_id)
		SELECT d.id, s.id FROM desk d JOIN service s ON s.office_id = d.office_id
		WHERE d.id = $1 AND s.id = ANY($2) ORDER BY s.id
		ON CONFLICT (service_id, desk_id) DO UPDATE SET desk_id = excluded.desk_id`, d.ID, d.Services)
	if err != nil {
		return nil, fmt.Errorf("services of desk: %w", err)
	}
	if int(tag.RowsAffected()) != len(d.Services) { // of another office, or none at all
		return nil, &FieldError{"services", CodeInvalid}
	}
	if err := a.note(ctx, tx, actor, action, AboutDesk, d.ID); err != nil {
		return nil, err
	}
	return a.settle(ctx, tx, `a.desk_id = $1 AND `+undone, d.ID)
}

// RetireDesk ends bookings at a desk, or lets them begin again, and lists the
// appointments it still has. Those stay.
func (a *Agenda) RetireDesk(ctx context.Context, id int64, retire bool, actor Actor, then ...Aftermath) ([]Appointment, error) {
	return a.retireDesk(ctx, id, retire, editing{actor: actor, then: then})
}

// PreviewRetireDesk lists the appointments that RetireDesk would, and changes
// nothing.
func (a *Agenda) PreviewRetireDesk(ctx context.Context, id int64) ([]Appointment, error) {
	return a.retireDesk(ctx, id, true, looking)
}

func (a *Agenda) retireDesk(ctx context.Context, id int64, retire bool, e editing) ([]Appointment, error) {
	list, err := a.edit(ctx, e, func(tx pgx.Tx) ([]Appointment, error) {
		if err := a.lockDays(ctx, tx, scope{Desk: id}); err != nil {
			return nil, err
		}
		if err := a.retire(ctx, tx, "desk", id, retire, e.actor); err != nil {
			return nil, err
		}
		last, err := a.horizonDay(ctx, tx)
		if err != nil {
			return nil, err
		}
		if _, err := a.rebuild(ctx, tx, scope{Desk: id}, a.today(), last); err != nil || !retire {
			return nil, err
		}
		return a.settle(ctx, tx, `a.desk_id = $1`, id)
	})
	if err != nil {
		return nil, fmt.Errorf("retire desk: %w", err)
	}
	return list, nil
}
