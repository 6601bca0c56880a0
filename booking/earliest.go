package booking

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// First is the earliest free start of a service in one of its modes.
type First struct {
	Office  Office
	Service Service
	Mode    Mode
	Start   time.Time // in the office's time zone; zero where nothing is free
	End     time.Time
}

// Alike lists the services of the same kind as a service, which can be booked
// at the offices of its town, itself first. Without a kind it is alone.
func (a *Agenda) Alike(ctx context.Context, serviceID int64) ([]Service, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT `+serviceColumns+` FROM service me
		JOIN office mine ON mine.id = me.office_id
		JOIN service s ON s.id = me.id OR s.kind = me.kind AND me.kind <> ''
		JOIN office o ON o.id = s.office_id AND o.town_id = mine.town_id
		WHERE me.id = $1 AND s.retired_at IS NULL AND o.retired_at IS NULL
		ORDER BY s.id <> me.id, o.position, o.id, s.position, s.id`, serviceID)
	if err != nil {
		return nil, fmt.Errorf("alike: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Service])
	if err != nil {
		return nil, fmt.Errorf("alike: %w", err)
	}
	return list, nil
}

// OfKind lists the services of a kind that can be booked, in the order of the offices.
func (a *Agenda) OfKind(ctx context.Context, kind string) ([]Service, error) {
	if kind = clean(kind); kind == "" {
		return nil, nil
	}
	rows, err := a.pool.Query(ctx, `
		SELECT `+serviceColumns+` FROM service s JOIN office o ON o.id = s.office_id
		WHERE s.kind = $1 AND s.retired_at IS NULL AND o.retired_at IS NULL
		ORDER BY o.position, o.id, s.position, s.id`, kind)
	if err != nil {
		return nil, fmt.Errorf("of kind: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Service])
	if err != nil {
		return nil, fmt.Errorf("of kind: %w", err)
	}
	return list, nil
}

// earliest finds the first free start of each service and mode. Each desk is
// walked day by day, and no farther than its first free start: most have one
// within days, so that this costs less than starts over the whole horizon.
func earliest() string {
	return `
	SELECT ` + officeColumns + `, ` + serviceColumns + `, m.mode, f.start, f.start + s.duration
	FROM service s
	JOIN office o ON o.id = s.office_id
	CROSS JOIN LATERAL unnest(s.modes) AS m(mode)
	LEFT JOIN LATERAL (
		SELECT min(one.start) AS start
		FROM desk_service ds
		JOIN desk d ON d.id = ds.desk_id AND m.mode = ANY(d.modes)
		CROSS JOIN LATERAL (
			SELECT t.start
			FROM desk_day dd
			CROSS JOIN LATERAL (
				SELECT range_agg(x.occupied) AS occupied FROM (
					SELECT a.occupied FROM appointment a
					WHERE a.desk_id = dd.desk_id AND a.occupied && tstzrange(lower(dd.open), upper(dd.open) + s.buffer) AND a.state IN ` + live + `
						AND NOT ` + past("$2", "$3 = 'public'") + `
					UNION ALL
					SELECT c.occupied FROM cooling c WHERE $3 = 'public' AND c.desk_id = dd.desk_id AND c.until > $2
				) AS x
			) AS busy
			CROSS JOIN LATERAL (
				SELECT min(t.start) AS start
				FROM unnest(dd.open) AS stretch
				CROSS JOIN LATERAL generate_series(lower(stretch), upper(stretch) - s.duration, s.step) AS t(start)
				WHERE t.start BETWEEN $2::timestamptz + CASE WHEN $3 = 'public' THEN s.min_notice ELSE '0' END AND $2::timestamptz + s.horizon
					AND (busy.occupied IS NULL OR NOT busy.occupied && tstzrange(t.start, t.start + s.duration + s.buffer))
			) AS t
			WHERE dd.desk_id = d.id AND dd.audience = $3 AND NOT isempty(dd.open) AND t.start IS NOT NULL
				AND dd.day BETWEEN (($2::timestamptz + CASE WHEN $3 = 'public' THEN s.min_notice ELSE '0' END) AT TIME ZONE o.tz)::date
					AND (($2::timestamptz + s.horizon) AT TIME ZONE o.tz)::date
			ORDER BY dd.day LIMIT 1
		) AS one
		WHERE ds.service_id = s.id
	) AS f ON true
	WHERE s.id = ANY($1) AND s.retired_at IS NULL AND o.retired_at IS NULL`
}

// Earliest finds the first free start of each of several services in each of
// its modes, in one statement: the soonest first, and last where nothing is free.
func (a *Agenda) Earliest(ctx context.Context, services []int64, audience Audience) ([]First, error) {
	rows, err := a.pool.Query(ctx, earliest(), services, a.now(), audience)
	if err != nil {
		return nil, fmt.Errorf("earliest: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f First, err error) {
		var start, end *time.Time
		if err := row.Scan(append(append(f.Office.columns(), f.Service.columns()...), &f.Mode, &start, &end)...); err != nil || start == nil {
			return f, err
		}
		loc, err := a.zones.load(f.Office.TZ)
		if err == nil {
			f.Start, f.End = start.In(loc), end.In(loc)
		}
		return f, err
	})
	if err != nil {
		return nil, fmt.Errorf("earliest: %w", err)
	}
	slices.SortStableFunc(list, func(x, y First) int {
		switch {
		case x.Start.IsZero() != y.Start.IsZero():
			if x.Start.IsZero() {
				return 1
			}
			return -1
		case !x.Start.Equal(y.Start):
			return x.Start.Compare(y.Start)
		}
		return cmp.Or(cmp.Compare(x.Office.Position, y.Office.Position), cmp.Compare(x.Service.ID, y.Service.ID), cmp.Compare(x.Mode, y.Mode))
	})
	return list, nil
}
