package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxClosure bounds how long one closure can be.
const maxClosure = 3 * 366 * 24 * time.Hour

// Closures lists the closures and holidays that are not over, by their days.
func (a *Agenda) Closures(ctx context.Context) ([]Closure, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT id, coalesce(office_id, 0), coalesce(desk_id, 0), lower(days), upper(days) - 1, reason, holiday,
			coalesce(to_char(from_local, 'HH24:MI'), ''), CASE to_local WHEN '24:00' THEN '24:00' ELSE coalesce(to_char(to_local, 'HH24:MI'), '') END
		FROM closure WHERE removed_at IS NULL AND upper(days) > $1 ORDER BY days, from_local NULLS FIRST, id`, a.today())
	if err != nil {
		return nil, fmt.Errorf("closures: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Closure])
	if err != nil {
		return nil, fmt.Errorf("closures: %w", err)
	}
	return list, nil
}

// AddClosure closes an office or a desk, or all, for whole days or some hours of them, and lists
// the appointments that are in the way. Those stay: a person must speak to
// the citizens, or they are asked (AskAnother). Holds in the way end.
func (a *Agenda) AddClosure(ctx context.Context, c Closure, actor Actor, then ...Aftermath) ([]Appointment, error) {
	var conflicts []Appointment
	err := a.rebuilding(ctx, func(tx pgx.Tx) (err error) {
		var id int64
		if id, conflicts, err = a.insertClosure(ctx, tx, c); err != nil {
			return err
		}
		if err := a.after(ctx, tx, conflicts, then, actor); err != nil {
			return err
		}
		return a.note(ctx, tx, actor, "closure.add", AboutClosure, id)
	})
	if err != nil {
		return nil, fmt.Errorf("add closure: %w", err)
	}
	return conflicts, nil
}

// insertClosure is AddClosure within a transaction.
func (a *Agenda) insertClosure(ctx context.Context, tx pgx.Tx, c Closure) (id int64, conflicts []Appointment, err error) {
	first, last := dateOf(c.From), dateOf(c.To)
	if c.From.IsZero() || c.To.IsZero() || last.Before(first) || last.Sub(first) > maxClosure {
		return 0, nil, &FieldError{"days", CodeInvalid}
	}
	if (c.FromTime != "" || c.ToTime != "") && (!clockTime(c.FromTime) || !clockTime(c.ToTime) || c.ToTime <= c.FromTime) {
		return 0, nil, &FieldError{"hours", CodeInvalid}
	}
	reason := Text{}
	for lang, s := range c.Reason {
		s, err := checkNote("reason", s)
		if err != nil {
			return 0, nil, err
		}
		reason[clean(lang)] = s
	}
	s := scope{Office: c.OfficeID, Desk: c.DeskID}
	if s.Desk != 0 {
		s.Office = 0 // the narrower counts
	}
	err = tx.QueryRow(ctx, `
		INSERT INTO closure (office_id, desk_id, days, reason, from_local, to_local)
		VALUES (nullif($1::bigint, 0), nullif($2::bigint, 0), daterange($3, $4, '[]'), $5, nullif($6::text, '')::time, nullif($7::text, '')::time)
		RETURNING id`, s.Office, s.Desk, first, last, reason, c.FromTime, c.ToTime).Scan(&id)
	if err != nil {
		return 0, nil, notFoundIfForeign(err)
	}
	conflicts, err = a.rebuildWithin(ctx, tx, s, first, last)
	return id, conflicts, err
}

// RemoveClosure opens again what a closure closed. A holiday that is removed
// stays removed in that year.
func (a *Agenda) RemoveClosure(ctx context.Context, id int64, actor Actor) error {
	err := a.rebuilding(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE closure SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL
			RETURNING coalesce(town_id, 0), coalesce(office_id, 0), coalesce(desk_id, 0), lower(days), upper(days) - 1`, id, a.now())
		if err != nil {
			return fmt.Errorf("closure: %w", err)
		}
		type row struct {
			scope
			First, Last time.Time
		}
		r, err := one(rows, func(found pgx.CollectableRow) (r row, err error) {
			return r, found.Scan(&r.Town, &r.Office, &r.Desk, &r.First, &r.Last)
		}, "closure")
		if err != nil {
			return err
		}
		if _, err = a.rebuildWithin(ctx, tx, r.scope, r.First, r.Last); err != nil {
			return err
		}
		return a.note(ctx, tx, actor, "closure.remove", AboutClosure, id)
	})
	if err != nil {
		return fmt.Errorf("remove closure: %w", err)
	}
	return nil
}

// rebuildWithin rebuilds the desk-days of the given days that lie between
// today and the horizon; the others are past, or not made yet.
func (a *Agenda) rebuildWithin(ctx context.Context, tx pgx.Tx, s scope, first, last time.Time) ([]Appointment, error) {
	horizon, err := a.horizonDay(ctx, tx)
	if err != nil {
		return nil, err
	}
	if today := a.today(); first.Before(today) {
		first = today
	}
	if last.After(horizon) {
		last = horizon
	}
	if last.Before(first) {
		return nil, nil
	}
	return a.rebuild(ctx, tx, s, first, last)
}
