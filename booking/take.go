package booking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Hold takes a start for a while, at the least loaded desk that has it free.
// It fails with a *SlotTakenError where all are taken, and with
// ErrNotBookable where there are no hours for it.
func (a *Agenda) Hold(ctx context.Context, r HoldRequest) (Hold, error) {
	return a.hold(ctx, r, Actor{})
}

func (a *Agenda) hold(ctx context.Context, r HoldRequest, actor Actor) (Hold, error) {
	if r.Audience == "" {
		r.Audience = Public
	}
	if r.Channel == "" {
		r.Channel = ByWeb
	}
	if len(r.Also) > maxAlso {
		return Hold{}, fmt.Errorf("hold: %w", ErrNotBookable)
	}
	var lost []int64  // desks that somebody else was faster at
	var cleared int64 // the desk whose stale holds were ended
	var wished place
	for {
		var t take
		h, _, err := a.holdWith(ctx, func(n newHold) (bool, error) {
			var err error
			t, err = a.take(ctx, r, n, lost, cleared)
			return t.Won, err
		}, r.Channel, actor)
		if errors.Is(err, ErrNotFound) && lost != nil { // until a moment ago it could be booked
			return Hold{}, fmt.Errorf("hold: %w", a.taken(ctx, wished))
		}
		if errors.Is(err, ErrNotFound) { // an unknown service, or a start without hours
			if _, _, err = a.serviceByID(ctx, r.ServiceID); err == nil {
				err = ErrNotBookable
			}
		}
		if err != nil {
			return Hold{}, fmt.Errorf("hold: %w", err)
		}
		wished = t.place(r)
		switch {
		case t.Won:
			h.Appointment, err = a.held(ctx, r, t, h)
			if err != nil {
				return Hold{}, fmt.Errorf("hold: %w", err)
			}
			return h, nil
		case t.Taken:
			return Hold{}, fmt.Errorf("hold: %w", a.taken(ctx, wished))
		case t.Stale && cleared != t.Desk:
			if err := a.expireStale(ctx, t.Desk, wished, uuid.Nil); err != nil {
				return Hold{}, fmt.Errorf("hold: %w", err)
			}
			cleared = t.Desk
		default:
			lost = append(lost, t.Desk)
		}
	}
}

// newHold is what a row of a hold is made of.
type newHold struct {
	id, room   uuid.UUID
	channel    Channel
	expires    time.Time
	secretHash []byte
	codeHash   []byte
	staff      int64
	secret     string
}

// take is what one try for a start came to.
type take struct {
	Service   Service
	Office    Office
	End       time.Time
	Until     time.Time // with the buffer
	Desk      int64     // the least loaded that is free
	DeskName  string
	Taken     bool // none is
	Stale     bool // a hold past its time is still written there
	Won       bool
	room      uuid.UUID
	createdAt time.Time
}

func (t take) place(r HoldRequest) place {
	s := t.Service
	s.Also = r.Also
	return place{service: s, mode: r.Mode, audience: r.Audience, start: r.Start, end: t.End, until: t.Until}
}

// takes is the statement of take. The service comes first, by itself: a plan that
// serves any parameters would begin with each office's day at each desk. What
// several services in one appointment need is left out where there is one: setting
// a plan up costs as much as running it.
func takes(together bool) string {
	also, does := `(VALUES (0, interval '0', interval '0', interval '0', NULL::interval)) AS x(n, duration, buffer, min_notice, horizon)`, `true`
	if together {
		also = `LATERAL (SELECT count(*) AS n, sum(y.duration) AS duration, max(y.buffer) AS buffer, max(y.min_notice) AS min_notice, min(y.horizon) AS horizon
			FROM service y WHERE y.id = ANY($2) AND y.id <> s.id AND y.office_id = s.office_id AND y.retired_at IS NULL AND $3 = ANY(y.modes)) AS x`
		does = doesAll("$2")
	}
	return `
	WITH wanted AS MATERIALIZED (
		SELECT s.id AS service_id, s.office_id, $2::bigint[] AS also, $3::text AS mode, $4::text AS audience, ($5 AT TIME ZONE o.tz)::date AS day, s.step,
			$5::timestamptz AS start, $5 + s.duration + x.duration AS ends, $5 + s.duration + x.duration + greatest(s.buffer, x.buffer) AS until
		FROM service s
		JOIN office o ON o.id = s.office_id
		CROSS JOIN ` + also + `
		WHERE s.id = $1 AND s.retired_at IS NULL AND $3 = ANY(s.modes) AND x.n = cardinality($2) AND s.duration + x.duration <= $7
			AND $5 BETWEEN $6::timestamptz + CASE $4 WHEN 'public' THEN greatest(s.min_notice, x.min_notice) ELSE '0' END AND $6 + least(s.horizon, x.horizon)
	), pick AS MATERIALIZED (
		SELECT pick.*, there.taken IS TRUE OR pick.desk_id = ANY($8)
			OR ` + cools("pick.desk_id", "tstzrange(pick.start, pick.until)", "$6", "pick.audience = 'public'", "$10") + ` AS taken, there.stale IS TRUE AS stale
		FROM (
			SELECT wanted.*, d.id AS desk_id, d.name
			FROM wanted
			JOIN desk_service ds ON ds.service_id = wanted.service_id
			JOIN desk d ON d.id = ds.desk_id AND wanted.mode = ANY(d.modes)
			WHERE ($17::bigint = 0 OR d.id = $17) AND ` + does + `
		) AS pick
		JOIN desk_day dd ON dd.desk_id = pick.desk_id AND dd.day = pick.day AND dd.audience = pick.audience
		CROSS JOIN LATERAL (
			SELECT count(*) FILTER (WHERE day = pick.day) AS load, bool_or(NOT past) FILTER (WHERE within) AS taken, bool_or(past) FILTER (WHERE within) AS stale
			FROM (
				SELECT a.day, a.occupied && tstzrange(pick.start, pick.until) AS within, ` + past("$6", "pick.audience = 'public'") + ` AS past FROM appointment a
				WHERE a.desk_id = pick.desk_id AND a.day BETWEEN pick.day - 1 AND pick.day + 1 AND a.state IN ` + live + `) AS a
		) AS there
		WHERE ` + opens + `
		ORDER BY taken, there.load, CASE WHEN cardinality($8) > 0 THEN random() END, pick.desk_id LIMIT 1
	), ` + offered(together) + `, made AS (
		INSERT INTO appointment (id, room, office_id, service_id, also, desk_id, day, period, occupied,
			mode, channel, audience, state, hold_expires_at, secret_hash, code_hash, created_at, created_by, changed_at, changed_by)
		SELECT $10, $11, office_id, service_id, also, desk_id, day, tstzrange(start, ends), tstzrange(start, until),
			mode, $12, audience, 'held', $13, $14, $15, $6, nullif($16::bigint, 0), $6, nullif($16::bigint, 0)
		FROM offered WHERE NOT taken AND (NOT stale OR desk_id = $9)
		ON CONFLICT ON CONSTRAINT no_overlap DO NOTHING RETURNING id
	)
	SELECT ` + serviceColumns + `, ` + officeColumns + `, pick.ends, pick.until, pick.desk_id, pick.name, pick.taken, pick.stale, EXISTS (SELECT FROM made)
	FROM pick JOIN service s ON s.id = pick.service_id JOIN office o ON o.id = pick.office_id`
}

// take tries to place a hold, in one statement: it finds the service, the desks
// that are free, the least loaded of them, and inserts the row. So it is a
// transaction of its own and holds no lock while it waits for a rival. Of the
// desk that it picks, the hours cannot change beneath the booking (offered).
// ErrNotFound says that no desk has hours for it.
func (a *Agenda) take(ctx context.Context, r HoldRequest, h newHold, lost []int64, cleared int64) (take, error) {
	now := a.now()
	rows, err := a.pool.Query(ctx, takes(len(r.Also) > 0),
		r.ServiceID, none(r.Also), r.Mode, r.Audience, r.Start, now, maxDuration, none(lost), cleared,
		h.id, h.room, h.channel, h.expires, h.secretHash, h.codeHash, h.staff, r.DeskID)
	if err != nil {
		return take{}, fmt.Errorf("take: %w", err)
	}
	return one(rows, func(row pgx.CollectableRow) (take, error) {
		t := take{room: h.room, createdAt: now}
		err := row.Scan(append(append(t.Service.columns(), t.Office.columns()...), &t.End, &t.Until, &t.Desk, &t.DeskName, &t.Taken, &t.Stale, &t.Won)...)
		return t, err
	}, "take")
}

// held is the appointment of a hold as it was written, which need not be read.
func (a *Agenda) held(ctx context.Context, r HoldRequest, t take, h Hold) (Appointment, error) {
	loc, err := a.zones.load(t.Office.TZ)
	if err != nil {
		return Appointment{}, err
	}
	stored := func(at time.Time) time.Time { return at.In(loc).Truncate(time.Microsecond) }
	list := append(make([]record, 0, 1), record{Appointment: Appointment{
		ID: h.ID, Room: t.room, Office: t.Office, Service: t.place(r).service, DeskID: t.Desk, DeskName: t.DeskName,
		Start: stored(r.Start), End: stored(t.End), Mode: r.Mode, Channel: r.Channel, State: Held,
		HoldExpiresAt: stored(h.ExpiresAt), CreatedAt: stored(t.createdAt),
	}})
	if err := fillTogether(ctx, a.pool, list); err != nil {
		return Appointment{}, err
	}
	return list[0].Appointment, nil
}
