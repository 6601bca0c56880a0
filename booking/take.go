package booking

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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
	turn, lost, err := a.turns.await(ctx, wishOf(r))
	var h Hold
	if turn != nil {
		h, lost, err = a.tryHold(ctx, turn, r, actor)
	}
	if lost != nil {
		err = a.taken(ctx, *lost)
	}
	if err != nil {
		return Hold{}, fmt.Errorf("hold: %w", err)
	}
	return h, nil
}

// tryHold is hold of whose turn it is, and ends it; where all is taken it gives back the place.
func (a *Agenda) tryHold(ctx context.Context, turn *turn, r HoldRequest, actor Actor) (_ Hold, gone *place, _ error) {
	defer func() { turn.end(gone) }()
	k, err := a.recall(ctx, r.ServiceID)
	if err != nil {
		return Hold{}, nil, err
	}
	var lost []int64  // desks that somebody else was faster at
	var cleared int64 // the desk whose stale holds were ended
	had := false      // until a moment ago, a desk could be had
	var wished place
	for {
		var t take
		var h Hold
		p, desks, err := k.place(r, a.now())
		if err == nil {
			h, _, err = a.holdWith(ctx, func(n newHold) (won bool, err error) {
				t, err = a.take(ctx, k, p, desks, n, lost, cleared)
				return t.Won, err
			}, r.Channel, actor)
		}
		switch {
		case errors.Is(err, ErrNotBookable):
			again, err := a.learn(ctx, r.ServiceID)
			switch {
			case err != nil:
				return Hold{}, nil, err
			case again.revision != k.revision: // it was refused by what is no longer so
				k = again
			case had:
				return Hold{}, &wished, nil
			default:
				return Hold{}, nil, ErrNotBookable
			}
			continue
		case err != nil:
			return Hold{}, nil, err
		}
		wished, had = p, true
		switch {
		case t.Won:
			h.Appointment = t.held(k, p, h, r.Channel)
			return h, nil, nil
		case t.Taken:
			return Hold{}, &wished, nil
		case t.Stale && cleared != t.Desk:
			if err := a.expireStale(ctx, t.Desk, wished, uuid.Nil); err != nil {
				return Hold{}, nil, err
			}
			cleared = t.Desk
		case t.Edited:
			if k, err = a.learn(ctx, r.ServiceID); err != nil {
				return Hold{}, nil, err
			}
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
	Desk   int64 // the least loaded that is free
	Taken  bool  // none is
	Stale  bool  // a hold past its time is still written there
	Edited bool  // the office is no longer as it is known
	Won    bool
	room   uuid.UUID
	made   time.Time
}

// takes is the statement of take: as little as can be, since setting a plan up costs
// as much as running it. What cools is looked up only where an office's starts cool.
// The LIMIT says what the array's length says already, but has PostgreSQL reckon with
// one desk where it does not know the array: so it keeps one plan for all holds, which
// else it took for dear, and made a plan for each (TestHoldsAreNotPlannedAnew).
func takes(cooling bool) string {
	cool := `false`
	if cooling {
		cool = cools("dd.desk_id", "tstzrange($6, $8)", "$10", "true", "$13")
	}
	return `
	WITH pick AS MATERIALIZED (
		SELECT dd.desk_id, there.taken IS TRUE OR dd.desk_id = ANY($11) OR ` + cool + ` AS taken, there.stale IS TRUE AS stale
		FROM office o
		CROSS JOIN (SELECT unnest($3::bigint[]) AS id LIMIT cardinality($3::bigint[])) AS desk
		JOIN desk_day dd ON dd.desk_id = desk.id AND dd.day = $4 AND dd.audience = $5
		CROSS JOIN LATERAL (
			SELECT count(*) FILTER (WHERE a.day = $4) AS load,
				bool_or(NOT past) FILTER (WHERE within) AS taken, bool_or(past) FILTER (WHERE within) AS stale
			FROM (
				SELECT a.day, a.occupied && tstzrange($6, $8) AS within,
					` + strconv.FormatBool(!cooling) + ` AND a.state = 'held' AND a.hold_expires_at <= $10 AS past FROM appointment a
				WHERE a.desk_id = dd.desk_id AND a.day BETWEEN $4::date - 1 AND $4::date + 1 AND a.state IN ` + live + `) AS a
		) AS there
		WHERE o.id = $1 AND o.revision = $2 AND ` + opens("$6::timestamptz", "$7::timestamptz", "$9::interval") + `
		ORDER BY taken, there.load, CASE WHEN cardinality($11) > 0 THEN random() END, dd.desk_id LIMIT 1
	), sure AS MATERIALIZED (
		SELECT pick.desk_id FROM pick JOIN office o ON o.id = $1 AND o.revision = $2
		WHERE NOT pick.taken AND (NOT pick.stale OR pick.desk_id = $12) AND pg_advisory_xact_lock_shared(` + strconv.Itoa(gateLock) + `, edit_gate($1)) IS NOT NULL
		FOR SHARE OF o
	), made AS (
		INSERT INTO appointment (id, room, office_id, service_id, also, desk_id, day, period, occupied,
			mode, channel, audience, state, hold_expires_at, secret_hash, code_hash, created_at, created_by, changed_at, changed_by)
		SELECT $13, $14, $1, $15, $16, desk_id, $4, tstzrange($6, $7), tstzrange($6, $8),
			$17, $18, $5, 'held', $19, $20, $21, $10, nullif($22::bigint, 0), $10, nullif($22::bigint, 0)
		FROM sure
		ON CONFLICT ON CONSTRAINT no_overlap DO NOTHING RETURNING id
	)
	SELECT desk_id, taken, stale, NOT EXISTS (SELECT FROM sure), EXISTS (SELECT FROM made) FROM pick`
}

// take tries to place a hold, in one statement: it finds the desks that are free,
// the least loaded of them, and inserts the row. So it is a transaction of its own
// and holds no lock that a rival could want while it waits for one. All it knows of
// the office is of one revision, which stays until the row is there: an edit waits,
// and whoever comes after the edit waits behind it (gateLock).
// ErrNotBookable says that no desk has hours for it, or that the office was edited.
func (a *Agenda) take(ctx context.Context, k *known, p place, desks []int64, h newHold, lost []int64, cleared int64) (take, error) {
	now := a.now()
	cooling := p.audience == Public && k.office.CoolFor > 0
	rows, err := a.pool.Query(ctx, takes(cooling),
		k.office.ID, k.revision, none(desks), p.day, p.audience, p.start, p.end, p.until, p.service.Step, now, none(lost), cleared,
		h.id, h.room, p.service.ID, none(p.service.Also), p.mode, h.channel, h.expires, h.secretHash, h.codeHash, h.staff)
	if err != nil {
		return take{}, fmt.Errorf("take: %w", err)
	}
	t, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (take, error) {
		t := take{room: h.room, made: now}
		return t, row.Scan(&t.Desk, &t.Taken, &t.Stale, &t.Edited, &t.Won)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotBookable
	}
	if err != nil {
		return take{}, fmt.Errorf("take: %w", err)
	}
	return t, nil
}

// held is the appointment of a hold as it was written, which need not be read.
func (t take) held(k *known, p place, h Hold, channel Channel) Appointment {
	stored := func(at time.Time) time.Time { return at.In(k.loc).Truncate(time.Microsecond) }
	return Appointment{
		ID: h.ID, Room: t.room, Office: k.office, Service: p.service, DeskID: t.Desk, DeskName: k.name(t.Desk),
		Start: stored(p.start), End: stored(p.end), Mode: p.mode, Channel: channel, State: Held,
		HoldExpiresAt: stored(h.ExpiresAt), CreatedAt: stored(t.made),
	}
}
