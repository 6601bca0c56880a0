package booking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// starts finds the free starts of several services. A desk is free where its
// hours are, less what occupies it; starts stand at whole steps from the
// beginning of each stretch of hours, so that they do not wander with what
// was booked before. A stale hold occupies nothing: whoever wants its slot
// expires it first. Where other services are joined ($8), each start has room
// for them too. Of the public ($9), what cools is kept.
func starts() string {
	return `
	WITH also AS MATERIALIZED (
		SELECT count(*) AS n, sum(duration) AS duration, max(buffer) AS buffer, max(min_notice) AS min_notice, min(horizon) AS horizon
		FROM service WHERE id = ANY($8) AND retired_at IS NULL AND ($5 = '' OR $5 = ANY(modes))
	), wanted AS MATERIALIZED (
		SELECT s.id AS service_id, ds.desk_id, s.duration + coalesce(also.duration, '0') AS duration, greatest(s.buffer, also.buffer) AS buffer, s.step, o.tz,
			greatest($2, $4::timestamptz + CASE WHEN $6 = 'public' THEN greatest(s.min_notice, also.min_notice) ELSE '0' END) AS earliest,
			least($3, $4::timestamptz + least(s.horizon, also.horizon)) AS latest
		FROM also
		JOIN service s ON also.n = cardinality($8::bigint[])
		JOIN office o ON o.id = s.office_id
		JOIN desk_service ds ON ds.service_id = s.id
		JOIN desk d ON d.id = ds.desk_id
		WHERE s.id = ANY($1) AND s.retired_at IS NULL AND ($5 = '' AND d.modes && s.modes OR $5 = ANY(d.modes) AND $5 = ANY(s.modes))
			AND ` + doesAll("$8") + `
	), busy AS MATERIALIZED (
		SELECT desk_id, range_agg(occupied) AS occupied FROM (
			SELECT a.desk_id, a.occupied FROM appointment a
			WHERE a.desk_id IN (SELECT desk_id FROM wanted)
				AND a.occupied && (SELECT tstzrange(min(earliest), max(latest) + max(duration + buffer)) FROM wanted WHERE earliest <= latest)
				AND a.state IN ` + live + ` AND NOT ` + past("$4", "$9") + `
			UNION ALL
			SELECT desk_id, occupied FROM cooling WHERE $9 AND until > $4 AND desk_id IN (SELECT desk_id FROM wanted)
		) AS x
		GROUP BY desk_id
	)
	SELECT w.service_id, t.start, min(t.start + w.duration), min(w.tz), count(*)
	FROM wanted w
	JOIN desk_day dd ON dd.desk_id = w.desk_id AND dd.audience = $6
		AND dd.day BETWEEN (w.earliest AT TIME ZONE w.tz)::date AND (w.latest AT TIME ZONE w.tz)::date
	CROSS JOIN LATERAL unnest(dd.open) AS stretch
	CROSS JOIN LATERAL generate_series(lower(stretch), upper(stretch) - w.duration, w.step) AS t(start)
	LEFT JOIN busy b ON b.desk_id = w.desk_id
	WHERE t.start >= w.earliest AND t.start < $3 AND t.start <= w.latest
		AND (b.occupied IS NULL OR NOT b.occupied && tstzrange(t.start, t.start + w.duration + w.buffer))
	GROUP BY w.service_id, t.start
	ORDER BY t.start, w.service_id
	LIMIT $7`
}

// free runs starts for the starts in [from, to).
func (a *Agenda) free(ctx context.Context, services, also []int64, mode Mode, audience Audience, from, to time.Time, limit int) ([]Slot, error) {
	return a.freeTo(ctx, audience == Public, services, also, mode, audience, from, to, limit)
}

// freeTo is free, to the public or to who comes before it in the public's hours: the waiting list.
func (a *Agenda) freeTo(ctx context.Context, public bool, services, also []int64, mode Mode, audience Audience, from, to time.Time, limit int) ([]Slot, error) {
	var most *int // null: no limit
	if limit > 0 {
		most = &limit
	}
	rows, err := a.pool.Query(ctx, starts(), services, from, to, a.now(), mode, audience, most, none(also), public)
	if err != nil {
		return nil, fmt.Errorf("free starts: %w", err)
	}
	slots, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Slot, error) {
		var s Slot
		var tz string
		if err := row.Scan(&s.ServiceID, &s.Start, &s.End, &tz, &s.Desks); err != nil {
			return s, err
		}
		loc, err := a.zones.load(tz)
		if err != nil {
			return s, err
		}
		s.Start, s.End = s.Start.In(loc), s.End.In(loc)
		return s, nil
	})
	if err != nil {
		return nil, fmt.Errorf("free starts: %w", err)
	}
	return slots, nil
}

// Free lists the free starts of a service, soonest first. The public cannot
// start sooner than the service's notice; operators can start at once.
func (a *Agenda) Free(ctx context.Context, q Query) ([]Slot, error) {
	from, to := q.From, q.To
	if now := a.now(); from.Before(now) {
		from = now
	}
	if to.IsZero() {
		s, _, err := a.serviceByID(ctx, q.ServiceID)
		if err != nil {
			return nil, err
		}
		to = from.Add(s.Horizon)
	}
	return a.free(ctx, []int64{q.ServiceID}, q.Also, q.Mode, q.Audience, from, to, q.Limit)
}

// Month lists the days of a month, each with how many starts are free; with
// also, of those that have room for these services too.
func (a *Agenda) Month(ctx context.Context, serviceID int64, mode Mode, audience Audience, year int, month time.Month, also ...int64) ([]Day, error) {
	if year < 1 || year > 9999 || month < time.January || month > time.December {
		return nil, fmt.Errorf("month: %w", ErrNotFound)
	}
	_, loc, err := a.serviceByID(ctx, serviceID)
	if err != nil {
		return nil, err
	}
	from := time.Date(year, month, 1, 0, 0, 0, 0, loc)
	to := time.Date(year, month+1, 1, 0, 0, 0, 0, loc)
	slots, err := a.free(ctx, []int64{serviceID}, also, mode, audience, from, to, 0)
	if err != nil {
		return nil, err
	}
	days := make([]Day, time.Date(year, month+1, 0, 0, 0, 0, 0, loc).Day())
	for i := range days {
		days[i].Date = time.Date(year, month, i+1, 0, 0, 0, 0, loc)
	}
	for _, s := range slots {
		days[s.Start.Day()-1].Free++
	}
	return days, nil
}

// FirstFree finds the first n free starts over several services, soonest
// first. It looks a week ahead, then ever farther, since most offices have
// something within the week. With also, each start has room for these too.
func (a *Agenda) FirstFree(ctx context.Context, serviceIDs []int64, mode Mode, audience Audience, n int, also ...int64) ([]Slot, error) {
	if n <= 0 || len(serviceIDs) == 0 {
		return nil, nil
	}
	return a.firstFree(ctx, serviceIDs, also, mode, audience, a.now(), 7*oneDay, n)
}

// firstFree finds the first n free starts from a time on: it looks so far ahead, then ever farther.
func (a *Agenda) firstFree(ctx context.Context, services, also []int64, mode Mode, audience Audience, from time.Time, window time.Duration, n int) ([]Slot, error) {
	var end time.Time // of the farthest horizon, once it matters
	var found []Slot
	for len(found) < n && (end.IsZero() || from.Before(end)) {
		more, err := a.free(ctx, services, also, mode, audience, from, from.Add(window), n-len(found))
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
		from, window = from.Add(window), 2*window
		if end.IsZero() && len(found) < n {
			var horizon time.Duration
			if err := a.pool.QueryRow(ctx, `SELECT coalesce(max(horizon), '0') FROM service WHERE id = ANY($1)`, services).Scan(&horizon); err != nil {
				return nil, fmt.Errorf("horizon: %w", err)
			}
			end = a.now().Add(horizon + time.Minute)
		}
	}
	return found, nil
}

// offers is how many free starts a SlotTakenError carries.
const offers = 5

// taken tells whoever lost a place what is free next: from its start on, or before
// it where nothing is left after. Where many want one start, many lose it at the same
// moment: what one of them is told while they all ask is told to all.
func (a *Agenda) taken(ctx context.Context, p place) error {
	key := fmt.Sprint(p.service.ID, p.service.Also, p.mode, p.audience, p.start.UnixNano())
	next, err, _ := a.losers.Do(key, func() (any, error) { return a.next(context.WithoutCancel(ctx), p) })
	if err != nil {
		// The loss is certain; only the offers are missing.
		return errors.Join(&SlotTakenError{}, err)
	}
	return &SlotTakenError{Next: slices.Clone(next.([]Slot))}
}

func (a *Agenda) next(ctx context.Context, p place) ([]Slot, error) {
	service := []int64{p.service.ID}
	next, err := a.firstFree(ctx, service, p.service.Also, p.mode, p.audience, p.start, oneDay, offers)
	if err != nil || len(next) >= offers {
		return next, err
	}
	before, err := a.free(ctx, service, p.service.Also, p.mode, p.audience, a.now(), p.start, 0)
	if keep := offers - len(next); len(before) > keep {
		before = before[len(before)-keep:]
	}
	return slices.Concat(before, next), err
}
