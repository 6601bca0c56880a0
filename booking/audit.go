package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The kinds of things that the audit log speaks of.
const (
	AboutAppointment = "appointment"
	AboutOffice      = "office"
	AboutService     = "service"
	AboutDesk        = "desk"
	AboutClosure     = "closure"
	AboutDisplay     = "display"
	AboutStaff       = "staff"
	AboutToken       = "token"
)

// AuditEntry is one thing that a member of the staff did.
type AuditEntry struct {
	ID     int64
	At     time.Time
	Login  string // of who did it
	Action string // "book", "cancel", "office.save" …
	Kind   string // one of the About constants
	Object string // its id
}

// execer is a pool or a transaction that writes.
type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// note writes down what a member of the staff does, in the transaction that does
// it: what happened and what is written never differ. What citizens do to
// their own appointments is not noted.
func (a *Agenda) note(ctx context.Context, tx execer, actor Actor, action, kind string, object any) error {
	if actor.StaffID == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO audit (at, staff_id, action, kind, object) VALUES ($1, $2, $3, $4, $5)`,
		a.now(), actor.StaffID, action, kind, fmt.Sprint(object))
	if err != nil {
		return fmt.Errorf("audit: %w", notFoundIfForeign(err))
	}
	return nil
}

// noted runs a change and notes it, both or neither.
func (a *Agenda) noted(ctx context.Context, actor Actor, action, kind string, object any, change func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return a.note(ctx, tx, actor, action, kind, object)
	})
}

// AuditQuery asks for entries of the audit log, the latest first.
type AuditQuery struct {
	From, To time.Time // in [From, To)
	StaffID  int64     // 0: everybody
	Before   int64     // only entries with a smaller id; 0: from the latest on
	Limit    int
}

// Audit reads the audit log.
func (a *Agenda) Audit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT x.id, x.at, st.login, x.action, x.kind, x.object
		FROM audit x JOIN staff st ON st.id = x.staff_id
		WHERE x.at >= $1 AND x.at < $2 AND ($3::bigint = 0 OR x.staff_id = $3) AND ($4::bigint = 0 OR x.id < $4)
		ORDER BY x.id DESC LIMIT $5`, q.From, q.To, q.StaffID, q.Before, q.Limit)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[AuditEntry])
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return list, nil
}
