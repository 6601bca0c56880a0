package booking

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// counted are the states of appointments that took a desk's time, or were
// meant to.
const counted = `('booked', 'arrived', 'called', 'served', 'no_show')`

// DeskDay is how full a desk is on one day.
type DeskDay struct {
	DeskID       int64
	Desk         string
	OfficeID     int64
	Day          time.Time     // as a calendar date
	Open         time.Duration // of its hours
	Used         time.Duration // by appointments, without buffers
	Appointments int
}

// Week tells how full the desks of an office (0: of all) are on the seven
// days from first on, by desk and day. Retired desks are left out.
func (a *Agenda) Week(ctx context.Context, officeID int64, first time.Time) ([]DeskDay, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT d.id, d.name, d.office_id, g.day::date,
			coalesce((SELECT sum(upper(r) - lower(r)) FROM unnest(dd.open) AS r), '0'),
			coalesce(b.used, '0'), coalesce(b.n, 0)
		FROM desk d JOIN office o ON o.id = d.office_id
		CROSS JOIN generate_series($2::timestamp, $2::timestamp + interval '6 days', '1 day') AS g(day)
		LEFT JOIN desk_day dd ON dd.desk_id = d.id AND dd.audience = 'operators' AND dd.day = g.day::date
		LEFT JOIN LATERAL (
			SELECT sum(upper(a.period) - lower(a.period)) AS used, count(*) AS n FROM appointment a
			WHERE a.desk_id = d.id AND a.day = g.day::date AND a.state IN `+counted+`) AS b ON true
		WHERE ($1::bigint = 0 OR d.office_id = $1) AND d.retired_at IS NULL AND o.retired_at IS NULL
		ORDER BY o.position, o.id, d.id, g.day`, officeID, dateOf(first))
	if err != nil {
		return nil, fmt.Errorf("week: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DeskDay])
	if err != nil {
		return nil, fmt.Errorf("week: %w", err)
	}
	return list, nil
}

// Period asks for the appointments of some days, the last one too, of an
// office (0: of all).
type Period struct {
	First, Last time.Time // as calendar dates
	OfficeID    int64
}

// Tally counts appointments of one channel and mode.
type Tally struct {
	Channel                            Channel
	Mode                               Mode
	Booked, Served, NoShows, Cancelled int // Booked is all of them
}

// DayTally counts the appointments of one day, channel and mode.
type DayTally struct {
	Day             time.Time // as a calendar date
	Channel         Channel
	Mode            Mode
	Booked, NoShows int // Booked is all of them
}

// Spread is where most of some lengths of time lie.
type Spread struct {
	Count  int
	Median time.Duration
	Ninety time.Duration // nine of ten were no longer
	Bins   [8]int        // how many lay below each bound of LeadBounds or MinuteBounds and not below the one before; the last: the rest
}

// LeadBounds and MinuteBounds part the lengths of a Spread: how far ahead
// people book; how long they wait, and are served.
func LeadBounds() [7]time.Duration {
	return [7]time.Duration{oneDay / 4, oneDay, 2 * oneDay, 4 * oneDay, 8 * oneDay, 15 * oneDay, 31 * oneDay}
}

// MinuteBounds is told at LeadBounds.
func MinuteBounds() [7]time.Duration {
	const m = time.Minute
	return [7]time.Duration{5 * m, 10 * m, 15 * m, 20 * m, 30 * m, 45 * m, 60 * m}
}

// HourLoad is how full the desks are in one hour of the day.
type HourLoad struct {
	Hour       int
	Open, Used time.Duration
}

// WeekdayLoad is how full they are in one hour of the days of a week.
type WeekdayLoad struct {
	Weekday time.Weekday
	HourLoad
}

// Statistics is what can be told of a period without knowing anybody.
type Statistics struct {
	Tallies  []Tally
	Days     []DayTally // by day; days without any are left out
	Lead     Spread     // from booking to the start; of who had an appointment
	Waiting  Spread     // from arrived to called, in person
	Duration Spread     // from called to served
	Hours    []HourLoad
	Week     []WeekdayLoad // the same by days of the week, Monday first
}

// Statistics counts the appointments of a period.
func (a *Agenda) Statistics(ctx context.Context, p Period) (s Statistics, err error) {
	args := []any{dateOf(p.First), dateOf(p.Last), p.OfficeID}
	const within = `a.day BETWEEN $1 AND $2 AND ($3::bigint = 0 OR a.office_id = $3)`
	rows, err := a.pool.Query(ctx, `
		SELECT a.channel, a.mode, count(*), count(*) FILTER (WHERE a.state = 'served'),
			count(*) FILTER (WHERE a.state = 'no_show'), count(*) FILTER (WHERE a.state = 'cancelled')
		FROM appointment a WHERE `+within+` AND a.state NOT IN ('held', 'expired')
		GROUP BY 1, 2 ORDER BY 1, 2`, args...)
	if err != nil {
		return s, fmt.Errorf("statistics: %w", err)
	}
	if s.Tallies, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Tally]); err != nil {
		return s, fmt.Errorf("statistics: %w", err)
	}
	rows, err = a.pool.Query(ctx, `
		SELECT a.day, a.channel, a.mode, count(*), count(*) FILTER (WHERE a.state = 'no_show')
		FROM appointment a WHERE `+within+` AND a.state NOT IN ('held', 'expired')
		GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`, args...)
	if err != nil {
		return s, fmt.Errorf("statistics: %w", err)
	}
	if s.Days, err = pgx.CollectRows(rows, pgx.RowToStructByPos[DayTally]); err != nil {
		return s, fmt.Errorf("statistics: %w", err)
	}
	for _, x := range []struct {
		into         *Spread
		bounds       [7]time.Duration
		length, when string
	}{
		{&s.Lead, LeadBounds(), `lower(a.period) - a.created_at`, `a.created_at <= lower(a.period) AND a.channel NOT IN ('walk_in', 'import') AND a.state IN ` + counted},
		{&s.Waiting, MinuteBounds(), `a.called_at - a.arrived_at`, `a.mode = 'in_person' AND a.called_at >= a.arrived_at`},
		{&s.Duration, MinuteBounds(), `a.closed_at - a.called_at`, `a.state = 'served' AND a.closed_at >= a.called_at`},
	} {
		var median, ninety float64 // seconds
		err := a.pool.QueryRow(ctx, `
			SELECT count(*), coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM `+x.length+`)), 0),
				coalesce(percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM `+x.length+`)), 0)
			FROM appointment a WHERE `+within+` AND `+x.when, args...).Scan(&x.into.Count, &median, &ninety)
		if err != nil {
			return s, fmt.Errorf("statistics: %w", err)
		}
		x.into.Median, x.into.Ninety = seconds(median), seconds(ninety)
		rows, err := a.pool.Query(ctx, `
			SELECT width_bucket(`+x.length+`, $4::interval[]), count(*) FROM appointment a WHERE `+within+` AND `+x.when+` GROUP BY 1`, append(args[:3:3], x.bounds[:])...)
		if err != nil {
			return s, fmt.Errorf("statistics: %w", err)
		}
		var bin, n int
		if _, err = pgx.ForEachRow(rows, []any{&bin, &n}, func() error { x.into.Bins[bin] = n; return nil }); err != nil {
			return s, fmt.Errorf("statistics: %w", err)
		}
	}
	rows, err = a.pool.Query(ctx, `
		WITH slot AS (
			SELECT h.hour, dd.desk_id, dd.day, dd.open, tstzrange(
				(dd.day + make_interval(hours => h.hour)) AT TIME ZONE o.tz,
				(dd.day + make_interval(hours => h.hour + 1)) AT TIME ZONE o.tz) AS r
			FROM desk_day dd JOIN desk d ON d.id = dd.desk_id JOIN office o ON o.id = d.office_id
			CROSS JOIN generate_series(0, 23) AS h(hour)
			WHERE dd.audience = 'operators' AND dd.day BETWEEN $1 AND $2 AND ($3::bigint = 0 OR d.office_id = $3) AND NOT isempty(dd.open)
		)
		SELECT extract(isodow FROM day)::int % 7, hour,
			coalesce(sum((SELECT sum(upper(x) - lower(x)) FROM unnest(slot.open * tstzmultirange(slot.r)) AS x)), '0'),
			coalesce(sum((SELECT sum(upper(a.period * slot.r) - lower(a.period * slot.r)) FROM appointment a
				WHERE a.desk_id = slot.desk_id AND a.day = slot.day AND a.period && slot.r AND a.state IN `+counted+`)), '0')
		FROM slot GROUP BY extract(isodow FROM day), hour
		HAVING bool_or(slot.open && slot.r) ORDER BY extract(isodow FROM day), hour`, args...)
	if err != nil {
		return s, fmt.Errorf("statistics: %w", err)
	}
	s.Week, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (x WeekdayLoad, err error) {
		return x, row.Scan(&x.Weekday, &x.Hour, &x.Open, &x.Used)
	})
	if err != nil {
		return s, fmt.Errorf("statistics: %w", err)
	}
	s.Hours = overWeek(s.Week)
	return s, nil
}

// overWeek adds up the days of the week, hour by hour.
func overWeek(week []WeekdayLoad) (hours []HourLoad) {
	for _, x := range week {
		i, found := slices.BinarySearchFunc(hours, x.Hour, func(h HourLoad, hour int) int { return h.Hour - hour })
		if !found {
			hours = slices.Insert(hours, i, HourLoad{Hour: x.Hour})
		}
		hours[i].Open, hours[i].Used = hours[i].Open+x.Open, hours[i].Used+x.Used
	}
	return hours
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Line is an appointment as statistics know it: when and how, not whose.
type Line struct {
	Start         time.Time // in the office's time zone
	Office        Text
	Service       Text
	Desk          string
	Mode          Mode
	Channel       Channel
	State         State
	Lead          time.Duration
	Waiting, Took *time.Duration // nil where it is not known
}

// Lines lists the appointments of a period, without persons.
func (a *Agenda) Lines(ctx context.Context, p Period) ([]Line, error) {
	list, err := a.records(ctx, a.pool, `
		WHERE a.day BETWEEN $1 AND $2 AND ($3::bigint = 0 OR a.office_id = $3) AND a.state NOT IN ('held', 'expired')
		ORDER BY lower(a.period), a.id`, dateOf(p.First), dateOf(p.Last), p.OfficeID)
	if err != nil {
		return nil, fmt.Errorf("lines: %w", err)
	}
	between := func(from, to time.Time) *time.Duration {
		if from.IsZero() || to.IsZero() || to.Before(from) {
			return nil
		}
		d := to.Sub(from)
		return &d
	}
	lines := make([]Line, len(list))
	for i, r := range list {
		lines[i] = Line{
			Start: r.Start, Office: r.Office.Name, Service: r.Service.Name, Desk: r.DeskName, Mode: r.Mode, Channel: r.Channel, State: r.State,
			Lead: r.Start.Sub(r.CreatedAt), Waiting: between(r.ArrivedAt, r.CalledAt),
		}
		if r.State == Served {
			lines[i].Took = between(r.CalledAt, r.ClosedAt)
		}
	}
	return lines, nil
}
