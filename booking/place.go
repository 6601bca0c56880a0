package booking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// place is one start at an office: what a desk must have free for it.
type place struct {
	service    Service
	mode       Mode
	audience   Audience
	start, end time.Time
	until      time.Time // end and the buffer
	day        time.Time
	first      bool // of the waiting list, which comes before the public
}

// placeAt checks a start against the rules that do not depend on desks:
// ErrNotBookable outside notice and horizon, or in a mode the service lacks.
func (a *Agenda) placeAt(ctx context.Context, serviceID int64, also []int64, mode Mode, audience Audience, start time.Time) (place, error) {
	s, loc, err := a.serviceWith(ctx, serviceID, also)
	if err != nil {
		return place{}, err
	}
	return placeOf(s, loc, mode, audience, start, a.now())
}

func placeOf(s Service, loc *time.Location, mode Mode, audience Audience, start, now time.Time) (place, error) {
	if audience != Public && audience != Operators {
		return place{}, fmt.Errorf("audience: %w", ErrNotBookable)
	}
	earliest := now
	if audience == Public {
		earliest = now.Add(s.MinNotice)
	}
	if start.Before(earliest) || start.After(now.Add(s.Horizon)) || !s.Allows(mode) || s.Retired {
		return place{}, ErrNotBookable
	}
	start = start.In(loc)
	end := start.Add(s.Duration)
	return place{service: s, mode: mode, audience: audience, start: start, end: end, until: end.Add(s.Buffer), day: dateOf(start)}, nil
}

// opens is true of a desk-day dd whose hours hold a start: at a whole step, and
// with room until it ends.
func opens(start, ends, step string) string {
	return `EXISTS (SELECT FROM unnest(dd.open) AS stretch
	WHERE stretch @> tstzrange(` + start + `, ` + ends + `) AND extract(epoch FROM ` + start + ` - lower(stretch)) % extract(epoch FROM ` + step + `) = 0)`
}

// pickOpens is opens of a table pick.
func pickOpens() string { return opens("pick.start", "pick.ends", "pick.step") }

// offered makes of a table pick, which is a start at a desk, the table offered: the
// same row, or none where a service or the desk was edited since what pick says was
// read: retired, of another length or step, in other modes. Their rows are locked
// with the desk-day's, so that neither edit nor booking overtakes the other.
func offered(together bool) string {
	also, x := ``, `(VALUES (0, interval '0', interval '0')) AS x(n, duration, buffer)`
	if together {
		also = `also AS MATERIALIZED (
		SELECT s.duration, s.buffer FROM main CROSS JOIN pick CROSS JOIN unnest(pick.also) AS x(id)
		JOIN desk_service ds ON ds.desk_id = pick.desk_id AND ds.service_id = x.id
		JOIN service s ON s.id = ds.service_id AND s.retired_at IS NULL AND pick.mode = ANY(s.modes)
		FOR SHARE OF ds, s
	), `
		x = `(SELECT count(*) AS n, sum(duration) AS duration, max(buffer) AS buffer FROM also) AS x`
	}
	return `main AS MATERIALIZED (
		SELECT s.duration, s.buffer FROM pick
		JOIN desk_day dd ON dd.desk_id = pick.desk_id AND dd.day = pick.day AND dd.audience = pick.audience
		JOIN desk d ON d.id = dd.desk_id AND pick.mode = ANY(d.modes)
		JOIN desk_service ds ON ds.desk_id = d.id AND ds.service_id = pick.service_id
		JOIN service s ON s.id = ds.service_id AND s.retired_at IS NULL AND pick.mode = ANY(s.modes) AND s.step = pick.step
		WHERE NOT pick.taken AND ` + pickOpens() + `
		FOR SHARE OF dd, d, ds, s
	), ` + also + `offered AS (
		SELECT pick.* FROM pick CROSS JOIN main CROSS JOIN ` + x + `
		WHERE x.n = cardinality(pick.also) AND main.duration + x.duration = pick.ends - pick.start
			AND greatest(main.buffer, x.buffer) = pick.until - pick.ends
	)`
}

// freeDesk is a desk that can be had; stale says that a hold past its time is
// still written there, which must be ended first.
type freeDesk struct {
	id    int64
	stale bool
}

// desks lists the desks that are free for p, the least loaded of the day
// first. ErrNotBookable says that none has hours then; an empty list, that
// all are taken. Of what occupies a desk, the appointment own is left out.
func (a *Agenda) desks(ctx context.Context, p place, own uuid.UUID) ([]freeDesk, error) {
	rows, err := a.pool.Query(ctx, `
		WITH pick AS (SELECT $2::timestamptz AS start, $3::timestamptz AS ends, $4::interval AS step), open AS (
			SELECT dd.desk_id FROM pick CROSS JOIN desk_day dd
			JOIN desk_service ds ON ds.desk_id = dd.desk_id AND ds.service_id = $1
			JOIN desk d ON d.id = dd.desk_id AND $7 = ANY(d.modes)
			WHERE dd.day = $5 AND dd.audience = $6 AND `+doesAll("$11")+` AND `+pickOpens()+`)
		SELECT open.desk_id, coalesce(there.taken, false) OR `+cools("open.desk_id", "tstzrange($2, $8)", "$10", "$12::boolean", "$9")+`, coalesce(there.stale, false)
		FROM open CROSS JOIN LATERAL (
			SELECT bool_or(NOT past) AS taken, bool_or(past) AS stale FROM (
				SELECT `+past("$10", "$12")+` FROM appointment a
				WHERE a.desk_id = open.desk_id AND a.occupied && tstzrange($2, $8) AND a.state IN `+live+` AND a.id <> $9) AS o(past)) AS there
		ORDER BY (SELECT count(*) FROM appointment a
			WHERE a.desk_id = open.desk_id AND a.day = $5 AND a.state IN `+live+`), open.desk_id`,
		p.service.ID, p.start, p.end, p.service.Step, p.day, p.audience, p.mode, p.until, own, a.now(), none(p.service.Also), p.audience == Public && !p.first)
	if err != nil {
		return nil, fmt.Errorf("desks: %w", err)
	}
	type candidate struct {
		Desk         int64
		Taken, Stale bool
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
	if err != nil {
		return nil, fmt.Errorf("desks: %w", err)
	}
	if len(all) == 0 {
		return nil, ErrNotBookable
	}
	var free []freeDesk
	for _, c := range all {
		if !c.Taken {
			free = append(free, freeDesk{c.Desk, c.Stale})
		}
	}
	return free, nil
}

// makeRoom ends what desks found past its time at a free desk.
func (a *Agenda) makeRoom(ctx context.Context, desk freeDesk, p place, own uuid.UUID) error {
	if !desk.stale {
		return nil
	}
	return a.expireStale(ctx, desk.id, p, own)
}

// expireStale ends the holds past their time that occupy a desk around p, but
// for the appointment own. A row that somebody else has locked is being dealt with.
func (a *Agenda) expireStale(ctx context.Context, desk int64, p place, own uuid.UUID) error {
	_, err := a.pool.Exec(ctx, `
		UPDATE appointment SET state = 'expired', version = version + 1, changed_at = $4, changed_by = NULL
		WHERE id IN (
			SELECT id FROM appointment
			WHERE desk_id = $1 AND occupied && tstzrange($2, $3) AND state = 'held' AND hold_expires_at <= $4 AND id <> $5
			ORDER BY id FOR UPDATE SKIP LOCKED)`, desk, p.start, p.until, a.now(), own)
	if err != nil {
		return fmt.Errorf("expire holds: %w", err)
	}
	return nil
}

// move takes an appointment to another place, in one UPDATE of its row, or
// fails with a *SlotTakenError and leaves it where it was. The row must still
// be in one of the states from, at the version that was read; it ends in to.
func (a *Agenda) move(ctx context.Context, r record, p place, from []State, to State, expires time.Time, actor Actor,
	then func(context.Context, pgx.Tx) error,
) error {
	free, err := a.desks(ctx, p, r.ID)
	if err != nil {
		return err
	}
	// Whoever keeps the time keeps the desk, where it can be.
	for i, d := range free {
		if d.id == r.DeskID && i > 0 && p.start.Equal(r.Start) {
			copy(free[1:i+1], free[:i])
			free[0] = d
		}
	}
	for _, desk := range free {
		if err := a.makeRoom(ctx, desk, p, r.ID); err != nil {
			return err
		}
		err := a.retry(ctx, func() error {
			return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
				if err := a.moveTo(ctx, tx, desk.id, r, p, from, to, expires, actor); err != nil {
					return err
				}
				if then == nil {
					return nil
				}
				return then(ctx, tx)
			})
		})
		if errors.Is(err, errLost) {
			continue
		}
		return err
	}
	return a.taken(ctx, p)
}

// errLost says that a desk went to somebody else, or has new hours.
var errLost = errors.New("booking: desk lost")

func (a *Agenda) moveTo(ctx context.Context, tx pgx.Tx, desk int64, r record, p place, from []State, to State, expires time.Time, actor Actor) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, $2)`, movingLock, p.service.OfficeID); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	tag, err := tx.Exec(ctx, `
		WITH pick AS (SELECT $7::bigint AS desk_id, $1::bigint AS service_id, $10::bigint[] AS also, $8::text AS mode, $6::text AS audience, $5::date AS day,
			$4::interval AS step, $2::timestamptz AS start, $3::timestamptz AS ends, $9::timestamptz AS until, false AS taken),
		`+offered(len(p.service.Also) > 0)+` SELECT FROM offered`,
		p.service.ID, p.start, p.end, p.service.Step, p.day, p.audience, desk, p.mode, p.until, none(p.service.Also))
	if err != nil {
		return fmt.Errorf("lock hours: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return errLost
	}
	tag, err = tx.Exec(ctx, `
		UPDATE appointment SET desk_id = $3, day = $4, period = tstzrange($5, $6), occupied = tstzrange($5, $7),
			state = $8, hold_expires_at = $9, outside_hours = false, version = version + 1,
			changed_at = $10, changed_by = nullif($11::bigint, 0)
		WHERE id = $1 AND version = $2 AND state = ANY($12)`,
		r.ID, r.Version, desk, p.day, p.start, p.end, p.until, to, expires, a.now(), actor.StaffID, from)
	if s, name := sqlState(err); s == stateExclusion && name == "no_overlap" {
		return errLost
	}
	if err != nil {
		return fmt.Errorf("move: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("move: %w", ErrState)
	}
	return nil
}
