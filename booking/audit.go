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
	Object string // its id, or what was taken out or put in and how many
	About  AuditSubject
}

// AuditSubject is what an entry is about, as it is called now; empty where the object
// is none of one thing. An appointment is its time and what it is for, never a person.
type AuditSubject struct {
	Start       time.Time // of an appointment; zero for a place in line and anything else
	First, Last time.Time // of a closure or an export; zero for anything else
	Reason      Text      // of a closure
	Service     Text
	Office      Text   // whose it is, or the office itself
	Name        string // of a desk, an account, a token, or the building of a screen
	Booked      int    // appointments that were exported or imported
	Lines       int    // of a file that was read, or that were taken away refused
}

// What an export says of itself, of an office or "*", and an import.
const (
	exportNote = "%s %10s/%10s (%d)"
	importNote = "%d/%d"
)

// count reads back what was said of many things at once; what it cannot read has zeros.
func (x *AuditEntry) count() {
	var office, first, last string
	about := x.About
	var err error
	switch x.Action {
	case "agenda.export":
		if _, err = fmt.Sscanf(x.Object, exportNote, &office, &first, &last, &about.Booked); err == nil {
			about.First, err = time.Parse(time.DateOnly, first)
		}
		if err == nil {
			about.Last, err = time.Parse(time.DateOnly, last)
		}
	case "agenda.import":
		_, err = fmt.Sscanf(x.Object, importNote, &about.Booked, &about.Lines)
	case "agenda.refused":
		_, err = fmt.Sscan(x.Object, &about.Lines)
	}
	if err == nil {
		x.About = about
	}
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
	From, To     time.Time // in [From, To)
	StaffID      int64     // 0: everybody
	Kind, Object string    // only about this, whatever is said of it beside; both empty: about anything
	Before       int64     // only entries with a smaller id; 0: from the latest on
	Limit        int
}

// Audit reads the audit log.
func (a *Agenda) Audit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	about, args := "", []any{q.From, q.To, q.StaffID, q.Before, q.Limit}
	if q.Kind != "" || q.Object != "" {
		about, args = ` AND kind = $6 AND split_part(object, ' ', 1) = $7`, append(args, q.Kind, q.Object)
	}
	rows, err := a.pool.Query(ctx, `
		SELECT x.id, x.at, st.login, x.action, x.kind, x.object,
			CASE WHEN ap.state <> 'expired' THEN lower(ap.period) END, lower(cl.days), upper(cl.days) - 1, coalesce(cl.reason, '{}'), coalesce(sv.name, '{}'), coalesce(o.name, '{}'),
			coalesce(d.name, hd.building, acc.login, tk.name, '')
		FROM (SELECT *,
				CASE WHEN kind = 'appointment' AND object ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN object::uuid END AS appointment,
				CASE WHEN kind <> 'appointment' THEN substring(object FROM '^([0-9]{1,18})(?: |$)')::bigint END AS number
			FROM audit
			WHERE at >= $1 AND at < $2 AND ($3::bigint = 0 OR staff_id = $3) AND ($4::bigint = 0 OR id < $4)`+about+`
			ORDER BY id DESC LIMIT $5) x
		JOIN staff st ON st.id = x.staff_id
		LEFT JOIN appointment ap ON ap.id = x.appointment
		LEFT JOIN closure cl ON x.kind = 'closure' AND cl.id = x.number
		LEFT JOIN hall_display hd ON x.kind = 'display' AND hd.id = x.number
		LEFT JOIN staff acc ON x.kind = 'staff' AND acc.id = x.number
		LEFT JOIN api_token tk ON x.kind = 'token' AND tk.id = x.number
		LEFT JOIN service sv ON sv.id = coalesce(ap.service_id, CASE x.kind WHEN 'service' THEN x.number END)
		LEFT JOIN desk d ON d.id = coalesce(cl.desk_id, CASE x.kind WHEN 'desk' THEN x.number END)
		LEFT JOIN office o ON o.id = coalesce(sv.office_id, d.office_id, cl.office_id, hd.office_id, CASE x.kind WHEN 'office' THEN x.number END)
		ORDER BY x.id DESC`, args...)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x AuditEntry, err error) {
		var start, first, last *time.Time
		err = row.Scan(&x.ID, &x.At, &x.Login, &x.Action, &x.Kind, &x.Object,
			&start, &first, &last, &x.About.Reason, &x.About.Service, &x.About.Office, &x.About.Name)
		if start != nil {
			x.About.Start = *start
		}
		if first != nil && last != nil {
			x.About.First, x.About.Last = *first, *last
		}
		x.count()
		return x, err
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return list, nil
}
