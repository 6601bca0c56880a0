package booking

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
)

// OpeningRules lists the hours of a desk.
func (a *Agenda) OpeningRules(ctx context.Context, deskID int64) ([]OpeningRule, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT id, desk_id, weekday, to_char(from_local, 'HH24:MI'),
			CASE to_local WHEN '24:00' THEN '24:00' ELSE to_char(to_local, 'HH24:MI') END,
			lower(valid), upper(valid) - 1, audience
		FROM opening_rule WHERE desk_id = $1 ORDER BY (weekday + 6) % 7, from_local, id`, deskID)
	if err != nil {
		return nil, fmt.Errorf("opening rules: %w", err)
	}
	rules, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (OpeningRule, error) {
		var r OpeningRule
		var first, last *time.Time
		err := row.Scan(&r.ID, &r.DeskID, &r.Weekday, &r.From, &r.To, &first, &last, &r.Audience)
		if first != nil {
			r.ValidFrom = *first
		}
		if last != nil {
			r.ValidUntil = *last
		}
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("opening rules: %w", err)
	}
	return rules, nil
}

// SetOpeningRules replaces the hours of a desk from today on, and lists the
// coming appointments that the new hours do not cover. Those stay: a person
// must speak to the citizens, or they are asked (AskAnother).
func (a *Agenda) SetOpeningRules(ctx context.Context, deskID int64, rules []OpeningRule, actor Actor, then ...Aftermath) ([]Appointment, error) {
	var conflicts []Appointment
	err := a.rebuilding(ctx, func(tx pgx.Tx) error {
		var err error
		if conflicts, err = a.replaceRules(ctx, tx, deskID, rules); err != nil {
			return err
		}
		if err := a.after(ctx, tx, conflicts, then, actor); err != nil {
			return err
		}
		return a.note(ctx, tx, actor, "hours.save", AboutDesk, deskID)
	})
	if err != nil {
		return nil, fmt.Errorf("set opening rules: %w", err)
	}
	return conflicts, nil
}

// replaceRules is SetOpeningRules within a transaction.
func (a *Agenda) replaceRules(ctx context.Context, tx pgx.Tx, deskID int64, rules []OpeningRule) ([]Appointment, error) {
	for _, r := range rules {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	var found bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM desk WHERE id = $1)`, deskID).Scan(&found); err != nil {
		return nil, fmt.Errorf("desk: %w", err)
	}
	if !found {
		return nil, fmt.Errorf("desk: %w", ErrNotFound)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM opening_rule WHERE desk_id = $1`, deskID); err != nil {
		return nil, fmt.Errorf("old rules: %w", err)
	}
	for _, r := range rules {
		r.DeskID = deskID
		if err := insertRule(ctx, tx, r); err != nil {
			return nil, err
		}
	}
	last, err := a.horizonDay(ctx, tx)
	if err != nil {
		return nil, err
	}
	return a.rebuild(ctx, tx, scope{Desk: deskID}, a.today(), last)
}

func insertRule(ctx context.Context, tx pgx.Tx, r OpeningRule) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO opening_rule (desk_id, weekday, from_local, to_local, valid, audience)
		VALUES ($1, $2, $3::text::time, $4::text::time, daterange($5, $6, '[]'), $7)`,
		r.DeskID, int(r.Weekday), r.From, r.To, dateOrNil(r.ValidFrom), dateOrNil(r.ValidUntil), r.Audience)
	if err != nil {
		return fmt.Errorf("rule: %w", err)
	}
	return nil
}

// check finds what is wrong with a rule, as a *FieldError.
func (r OpeningRule) check() error {
	switch {
	case r.Weekday < time.Sunday || r.Weekday > time.Saturday:
		return &FieldError{"weekday", CodeInvalid}
	case !clockTime(r.From) || r.From == "24:00":
		return &FieldError{"from", CodeInvalid}
	case !clockTime(r.To) || r.To <= r.From:
		return &FieldError{"to", CodeInvalid}
	case !r.ValidFrom.IsZero() && !r.ValidUntil.IsZero() && dateOf(r.ValidUntil).Before(dateOf(r.ValidFrom)):
		return &FieldError{"valid", CodeInvalid}
	case r.Audience != Public && r.Audience != Operators:
		return &FieldError{"audience", CodeInvalid}
	}
	return nil
}

func clockTime(s string) bool {
	ok, err := regexp.MatchString(`^([01][0-9]|2[0-3]):[0-5][0-9]$`, s)
	return err == nil && ok || s == "24:00"
}

func dateOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	d := dateOf(t)
	return &d
}

// today is the first day that is rebuilt: yesterday in UTC, so that it is
// today or before it in every time zone.
func (a *Agenda) today() time.Time { return dateOf(a.now().UTC()).AddDate(0, 0, -1) }

// horizonDay is the last day that desk-days are made for: a week beyond the
// farthest start that any service offers.
func (a *Agenda) horizonDay(ctx context.Context, db queryer) (time.Time, error) {
	rows, err := db.Query(ctx, `SELECT coalesce(max(horizon), '0') FROM service`)
	if err != nil {
		return time.Time{}, fmt.Errorf("horizon: %w", err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[time.Duration])
	if err != nil {
		return time.Time{}, fmt.Errorf("horizon: %w", err)
	}
	return dateOf(a.now().UTC().Add(d)).AddDate(0, 0, 7), nil
}

// rebuilding runs fn in a transaction that alone may change hours.
func (a *Agenda) rebuilding(ctx context.Context, fn func(pgx.Tx) error) error {
	return a.retry(ctx, func() error {
		return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(hoursLock)); err != nil {
				return fmt.Errorf("lock: %w", err)
			}
			return fn(tx)
		})
	})
}

// scope says whose desk-days are meant; zero is all.
type scope struct{ Town, Office, Desk int64 }

// rebuild makes the desk-days of a scope anew, from the first day to the
// last, and lists the appointments to come on those days that their desk's
// hours do not cover. Desk-days that stay as they are are not written.
//
// `(day + from_local) AT TIME ZONE tz` keeps 08:30 at 08:30 whatever the
// clocks do that night. Hours that the spring change swallows whole are left out.
// Of an hour that comes twice in autumn a rule means the second; a closure
// means both, lest somebody come to a closed door.
func (a *Agenda) rebuild(ctx context.Context, tx pgx.Tx, s scope, first, last time.Time) ([]Appointment, error) {
	_, err := tx.Exec(ctx, `
		INSERT INTO desk_day AS old (desk_id, day, audience, open)
		SELECT d.id, g.day, who.audience, coalesce((
			SELECT range_agg(CASE WHEN f.at < t.at THEN tstzrange(f.at, t.at) END)
			FROM opening_rule r
			CROSS JOIN LATERAL (SELECT (g.day + r.from_local) AT TIME ZONE o.tz) AS f(at)
			CROSS JOIN LATERAL (SELECT (CASE r.to_local WHEN '24:00' THEN g.day + 1 + time '00:00' ELSE g.day + r.to_local END) AT TIME ZONE o.tz) AS t(at)
			WHERE d.retired_at IS NULL AND o.retired_at IS NULL
				AND r.desk_id = d.id AND r.weekday = extract(dow FROM g.day) AND r.valid @> g.day
				AND (who.audience = 'operators' OR r.audience = 'public')
				AND NOT EXISTS (
					SELECT FROM closure c WHERE c.days @> g.day AND c.removed_at IS NULL AND c.from_local IS NULL
						AND (c.desk_id = d.id OR c.office_id = o.id OR c.town_id = o.town_id
							OR num_nonnulls(c.desk_id, c.office_id, c.town_id) = 0))
		), '{}') - coalesce((
			SELECT range_agg(CASE WHEN f.at < t.at THEN tstzrange(f.at, t.at) END)
			FROM closure c
			CROSS JOIN LATERAL (SELECT least((g.day + c.from_local) AT TIME ZONE o.tz,
				(g.day + c.from_local - interval '1 hour') AT TIME ZONE o.tz + interval '1 hour')) AS f(at)
			CROSS JOIN LATERAL (SELECT (CASE c.to_local WHEN '24:00' THEN g.day + 1 + time '00:00' ELSE g.day + c.to_local END) AT TIME ZONE o.tz) AS t(at)
			WHERE c.days @> g.day AND c.removed_at IS NULL AND c.from_local IS NOT NULL
				AND (c.desk_id = d.id OR c.office_id = o.id OR c.town_id = o.town_id
					OR num_nonnulls(c.desk_id, c.office_id, c.town_id) = 0)
		), '{}')
		FROM desk d
		JOIN office o ON o.id = d.office_id
		CROSS JOIN LATERAL (SELECT day::date FROM generate_series($4::timestamp, $5::timestamp, '1 day') AS day) AS g
		CROSS JOIN (VALUES ('public'), ('operators')) AS who(audience)
		WHERE ($1::bigint = 0 OR o.town_id = $1) AND ($2::bigint = 0 OR o.id = $2) AND ($3::bigint = 0 OR d.id = $3)
		ORDER BY d.id, g.day, who.audience
		ON CONFLICT (desk_id, day, audience) DO UPDATE SET open = excluded.open
			WHERE old.open IS DISTINCT FROM excluded.open`,
		s.Town, s.Office, s.Desk, first, last)
	if err != nil {
		return nil, fmt.Errorf("rebuild desk-days: %w", err)
	}
	// Statements of their own: they must see what was booked until the rows
	// above were ours. A hold that has lost its hours ends; its citizen is
	// offered other times.
	_, err = tx.Exec(ctx, `
		UPDATE appointment a SET state = 'expired', version = version + 1, changed_at = $6, changed_by = NULL
		FROM desk_day dd, desk d, office o
		WHERE dd.desk_id = a.desk_id AND dd.day = a.day AND dd.audience = a.audience AND d.id = a.desk_id AND o.id = d.office_id
			AND ($1::bigint = 0 OR o.town_id = $1) AND ($2::bigint = 0 OR o.id = $2) AND ($3::bigint = 0 OR d.id = $3)
			AND a.day BETWEEN $4 AND $5 AND a.state = 'held' AND NOT a.outside_hours AND NOT dd.open @> a.period`,
		s.Town, s.Office, s.Desk, first, last, a.now())
	if err != nil {
		return nil, fmt.Errorf("end holds: %w", err)
	}
	if err := a.unask(ctx, tx); err != nil {
		return nil, err
	}
	list, err := a.records(ctx, tx, `
		JOIN desk_day dd ON dd.desk_id = a.desk_id AND dd.day = a.day AND dd.audience = 'operators'
		WHERE ($1::bigint = 0 OR o.town_id = $1) AND ($2::bigint = 0 OR o.id = $2) AND ($3::bigint = 0 OR d.id = $3)
			AND a.day BETWEEN $4 AND $5 AND upper(a.period) > $6
			AND a.state IN ('booked', 'arrived', 'called') AND NOT a.outside_hours
			AND NOT dd.open @> a.period
		ORDER BY lower(a.period), a.id`, s.Town, s.Office, s.Desk, first, last, a.now())
	if err != nil {
		return nil, err
	}
	return appointments(list), nil
}
