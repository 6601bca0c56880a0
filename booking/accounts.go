package booking

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Account is a member of the staff as the administrator sees them.
type Account struct {
	Staff

	Disabled bool
}

// Accounts lists everybody's account by login, the disabled ones too.
func (a *Agenda) Accounts(ctx context.Context) ([]Account, error) {
	rows, err := a.pool.Query(ctx, `SELECT `+staffColumns+`, st.disabled_at IS NOT NULL FROM staff st ORDER BY st.login`)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Account])
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	return list, nil
}

// SetStaff changes somebody's name, roles, offices and desks; the login stays.
// ErrLastAdmin where nobody would remain to administrate.
func (a *Agenda) SetStaff(ctx context.Context, s Staff, actor Actor) error {
	err := a.account(ctx, actor, "staff.save", s.ID, func(tx pgx.Tx) error { return a.setStaff(ctx, tx, s) })
	if err != nil {
		return fmt.Errorf("set staff: %w", err)
	}
	return nil
}

// setStaff is SetStaff within a transaction.
func (a *Agenda) setStaff(ctx context.Context, tx pgx.Tx, s Staff) error {
	var err error
	if s.Name, err = checkLine("name", s.Name, maxName); err != nil {
		return err
	}
	if len(s.Roles) == 0 {
		return &FieldError{"role", CodeRequired}
	}
	for _, r := range s.Roles {
		if r != Clerk && r != Operator && r != Reception && r != Administrator {
			return &FieldError{"role", CodeInvalid}
		}
	}
	tag, err := tx.Exec(ctx, `UPDATE staff SET name = $2 WHERE id = $1`, s.ID, s.Name)
	if err := changed(tag.RowsAffected(), err, "staff"); err != nil {
		return err
	}
	for _, table := range []string{"staff_role", "staff_office", "staff_desk"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE staff_id = $1`, s.ID); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	return assign(ctx, tx, s.ID, s)
}

// EnableStaff opens or closes an account. A closed one cannot sign in, and
// counts as nobody from the next request on; whoever keeps sessions ends
// theirs. Its links to rooms are worth nothing, nor are those to which SetStaff
// leaves no right. ErrLastAdmin where nobody would remain to administrate.
func (a *Agenda) EnableStaff(ctx context.Context, id int64, enable bool, actor Actor) error {
	action := "staff.disable"
	if enable {
		action = "staff.enable"
	}
	err := a.account(ctx, actor, action, id, func(tx pgx.Tx) error { return a.enableStaff(ctx, tx, id, enable) })
	if err != nil {
		return fmt.Errorf("enable staff: %w", err)
	}
	return nil
}

// enableStaff is EnableStaff within a transaction.
func (a *Agenda) enableStaff(ctx context.Context, tx pgx.Tx, id int64, enable bool) error {
	tag, err := tx.Exec(ctx, `
		UPDATE staff SET disabled_at = CASE WHEN NOT $3 THEN coalesce(disabled_at, $2) END WHERE id = $1`, id, a.now(), enable)
	return changed(tag.RowsAffected(), err, "staff")
}

func (a *Agenda) account(ctx context.Context, actor Actor, action string, id int64, change func(pgx.Tx) error) error {
	var lost []uuid.UUID
	err := a.noted(ctx, actor, action, AboutStaff, id, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(accountsLock)); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		if err := change(tx); err != nil {
			return err
		}
		var left bool
		err := tx.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM staff_role r JOIN staff st ON st.id = r.staff_id
				WHERE r.role = 'administrator' AND st.disabled_at IS NULL)`).Scan(&left)
		if err != nil {
			return fmt.Errorf("administrators: %w", err)
		}
		if !left {
			return ErrLastAdmin
		}
		lost, err = a.dropHosts(ctx, tx, id, actor)
		return err
	})
	for _, appointment := range lost {
		a.publish(ctx, appointment)
	}
	return err
}

// dropHosts takes back somebody's links to rooms, which outlive the session they were
// made in, of appointments at desks where they are no clerk any more. Those that an
// appointment's cancelling took are taken anew, so that TakeBack does not give them
// back. It says of which appointments there were any.
func (a *Agenda) dropHosts(ctx context.Context, tx pgx.Tx, staff int64, actor Actor) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
		UPDATE room_grant g SET revoked_at = $2, revoked_by = nullif($3::bigint, 0)
		FROM appointment a JOIN desk d ON d.id = a.desk_id
		WHERE a.id = g.appointment_id AND g.role = 'host' AND g.identity = $4 AND g.not_after > $2
			AND NOT `+mannedBy("st.id = $1")+` RETURNING a.id`, staff, a.now(), actor.StaffID, hostSeat(staff))
	if err != nil {
		return nil, fmt.Errorf("hosts: %w", err)
	}
	lost, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("hosts: %w", err)
	}
	return lost, nil
}

// assign gives an account its roles, offices and desks.
func assign(ctx context.Context, tx pgx.Tx, id int64, s Staff) error {
	_, err := tx.Exec(ctx, `
		WITH r AS (INSERT INTO staff_role (staff_id, role) SELECT DISTINCT $1::bigint, unnest($2::text[])),
		o AS (INSERT INTO staff_office (staff_id, office_id) SELECT DISTINCT $1::bigint, unnest($3::bigint[]))
		INSERT INTO staff_desk (staff_id, desk_id) SELECT DISTINCT $1::bigint, unnest($4::bigint[])`,
		id, s.Roles, s.Offices, s.Desks)
	if err != nil {
		return fmt.Errorf("assign: %w", notFoundIfForeign(err))
	}
	return nil
}
