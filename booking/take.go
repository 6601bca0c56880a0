package booking

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	v := a.rivals.hold(ctx, &rival{request: r, actor: actor, told: make(chan verdict, 1)}, a.holdTogether)
	if v.lost != nil {
		v.err = a.taken(ctx, *v.lost)
	}
	if v.err != nil {
		return Hold{}, fmt.Errorf("hold: %w", v.err)
	}
	return v.hold, nil
}

// holdTogether holds a start for as many of those who want it as there are desks, in the
// order in which they came, and tells each what became of them.
func (a *Agenda) holdTogether(ctx context.Context, all []*rival, tell func(*rival, verdict)) {
	rest, lost, err := a.tryHold(ctx, all, tell)
	for _, r := range rest {
		tell(r, verdict{lost: lost, err: err})
	}
}

// tryHold tells those who won, and gives back the others with what became of them: the
// place that is all taken, or why nobody can have it.
func (a *Agenda) tryHold(ctx context.Context, all []*rival, tell func(*rival, verdict)) (rest []*rival, gone *place, _ error) {
	wanted := all[0].request // as all want it, but for the channel
	var f found
	var err error
	if f.known, err = a.recall(ctx, wanted.ServiceID); err != nil {
		return all, nil, err
	}
	for len(all) > 0 {
		p, desks, err := f.known.place(wanted, a.now())
		var tries []take
		if err == nil {
			tries, err = a.take(ctx, f, p, desks, all[:min(len(all), max(len(desks), 1))])
		}
		switch {
		case errors.Is(err, ErrNotBookable):
			again, err := a.learn(ctx, wanted.ServiceID)
			if err != nil {
				return all, nil, err
			}
			if again.revision == f.known.revision {
				if f.place != nil {
					return all, f.place, nil
				}
				return all, nil, ErrNotBookable
			}
			f.known = again // it was refused by what is no longer so
			continue
		case err != nil:
			return all, nil, err
		}
		f.place = &p
		var left []*rival
		for i, t := range tries {
			if t.Won {
				tell(all[i], verdict{hold: t.held(f.known, p)})
			} else {
				left = append(left, all[i])
			}
		}
		all = append(left, all[len(tries):]...)
		if !slices.ContainsFunc(tries, func(t take) bool { return !t.Won && !t.Taken }) {
			return all, &p, nil // no desk is left that somebody may yet have
		}
		if err := a.heed(ctx, &f, tries); err != nil {
			return all, nil, err
		}
	}
	return nil, nil, nil
}

// found is what those who go together for a start have found out so far.
type found struct {
	known   *known
	place   *place  // where, until a moment ago, a desk could be had
	lost    []int64 // desks that somebody else was faster at
	cleared []int64 // those whose stale holds were ended
}

// heed learns from what nobody won.
func (a *Agenda) heed(ctx context.Context, f *found, tries []take) error {
	edited := false
	for _, t := range tries {
		switch {
		case t.Won, t.Taken:
		case t.Stale && !slices.Contains(f.cleared, t.Desk):
			if err := a.expireStale(ctx, t.Desk, *f.place, uuid.Nil); err != nil {
				return err
			}
			f.cleared = append(f.cleared, t.Desk)
		case t.Edited:
			edited = true
		default:
			f.lost = append(f.lost, t.Desk)
		}
	}
	if !edited {
		return nil
	}
	k, err := a.learn(ctx, f.place.service.ID)
	if err == nil {
		f.known = k
	}
	return err
}

// take is what came of one rival's try.
type take struct {
	Desk   int64 // the least loaded that is free, after those of the rivals before
	Taken  bool  // none is
	Stale  bool  // a hold past its time is still written there
	Edited bool  // the office is no longer as it is known
	Won    bool
	made   newHold
	at     time.Time
}

// takes is the statement of take: as little as can be, since setting a plan up costs
// as much as running it. What cools is looked up only where an office's starts cool.
// The LIMIT says what the array's length says already, but has PostgreSQL reckon with
// one desk where it does not know the array: so it keeps one plan for all holds, which
// else it took for dear, and made a plan for each (TestHoldsAreNotPlannedAnew).
func takes(cooling bool) string {
	cool := `false`
	if cooling {
		cool = cools("dd.desk_id", "tstzrange($6, $8)", "$10", "true", "ALL($13::uuid[])")
	}
	return `
	WITH pick AS MATERIALIZED (
		SELECT row_number() OVER () AS n, desk.* FROM (
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
			ORDER BY taken, there.load, CASE WHEN cardinality($11) > 0 THEN random() END, dd.desk_id LIMIT cardinality($13::uuid[])
		) AS desk
	), sure AS MATERIALIZED (
		SELECT pick.n, pick.desk_id FROM pick JOIN office o ON o.id = $1 AND o.revision = $2
		WHERE NOT pick.taken AND (NOT pick.stale OR pick.desk_id = ANY($12)) AND pg_advisory_xact_lock_shared(` + strconv.Itoa(gateLock) + `, edit_gate($1)) IS NOT NULL
		FOR SHARE OF o
	), made AS (
		INSERT INTO appointment (id, room, office_id, service_id, also, desk_id, day, period, occupied,
			mode, channel, audience, state, hold_expires_at, secret_hash, code_hash, created_at, created_by, changed_at, changed_by)
		SELECT ($13::uuid[])[n], ($14::uuid[])[n], $1, $15, $16, desk_id, $4, tstzrange($6, $7), tstzrange($6, $8),
			$17, ($18::text[])[n], $5, 'held', ($19::timestamptz[])[n], ($20::bytea[])[n], ($21::bytea[])[n], $10, nullif(($22::bigint[])[n], 0), $10, nullif(($22::bigint[])[n], 0)
		FROM sure ORDER BY desk_id
		ON CONFLICT ON CONSTRAINT no_overlap DO NOTHING RETURNING desk_id
	)
	SELECT desk_id, taken, stale, NOT EXISTS (SELECT FROM sure), EXISTS (SELECT FROM made WHERE made.desk_id = pick.desk_id) FROM pick ORDER BY n`
}

// take tries to place a hold for each of some rivals, in one statement: it finds the
// desks that are free, the least loaded of them, and inserts the rows, in the order of
// desks, lest two who insert several wait for each other. So it is a transaction of its
// own. All it knows of the office is of one revision, which stays until the rows are
// there: an edit waits, and whoever comes after the edit waits behind it (gateLock).
// What it gives back is fewer than the rivals where there are fewer desks.
// ErrNotBookable says that no desk has hours for it, or that the office was edited.
func (a *Agenda) take(ctx context.Context, f found, p place, desks []int64, some []*rival) ([]take, error) {
	k := f.known
	cooling := p.audience == Public && k.office.CoolFor > 0
	var tries []take
	err := a.withCodes(ctx, func() error {
		now := a.now()
		made := make([]newHold, len(some))
		for i, r := range some {
			var err error
			if made[i], err = a.newHold(r.request.Channel, r.actor); err != nil {
				return err
			}
		}
		got, err := a.pool.Query(ctx, takes(cooling),
			k.office.ID, k.revision, none(desks), p.day, p.audience, p.start, p.end, p.until, p.service.Step, now, none(f.lost), none(f.cleared),
			column(made, func(n newHold) uuid.UUID { return n.id }), column(made, func(n newHold) uuid.UUID { return n.room }),
			p.service.ID, none(p.service.Also), p.mode, column(made, func(n newHold) string { return string(n.channel) }),
			column(made, func(n newHold) time.Time { return n.expires }), column(made, func(n newHold) []byte { return n.secretHash }),
			column(made, func(n newHold) []byte { return n.codeHash }), column(made, func(n newHold) int64 { return n.staff }))
		if err != nil {
			return fmt.Errorf("take: %w", err)
		}
		tries, err = pgx.CollectRows(got, func(row pgx.CollectableRow) (take, error) {
			t := take{at: now}
			return t, row.Scan(&t.Desk, &t.Taken, &t.Stale, &t.Edited, &t.Won)
		})
		for i := range tries {
			tries[i].made = made[i]
		}
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("take: %w", err)
	case len(tries) == 0:
		return nil, ErrNotBookable
	}
	return tries, nil
}

// column is one thing of each of some rows to be.
func column[T any](rows []newHold, of func(newHold) T) []T {
	all := make([]T, len(rows))
	for i, n := range rows {
		all[i] = of(n)
	}
	return all
}

// held is a hold as it was written, which need not be read.
func (t take) held(k *known, p place) Hold {
	stored := func(at time.Time) time.Time { return at.In(k.loc).Truncate(time.Microsecond) }
	h := t.made.hold()
	h.Appointment = Appointment{
		ID: h.ID, Room: t.made.room, Office: k.office, Service: p.service, DeskID: t.Desk, DeskName: k.name(t.Desk),
		Start: stored(p.start), End: stored(p.end), Mode: p.mode, Channel: t.made.channel, State: Held,
		HoldExpiresAt: stored(h.ExpiresAt), CreatedAt: stored(t.at),
	}
	return h
}
