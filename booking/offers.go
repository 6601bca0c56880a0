package booking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// offerGrace is how much longer than it was said an offered slot is held:
	// enough for Maintain to pass it on before the public sees it, and kind to
	// who is a minute late.
	offerGrace = 3 * tick
	// The hours between which the time to answer runs, and messages go out.
	offersFrom, offersTo = 8, 20
	// An offer that leaves less time than leastOffer is not made, nor one that
	// ends later than lastAnswer before the start.
	leastOffer, lastAnswer = 30 * time.Minute, 30 * time.Minute
	// freedAtOnce bounds how many free starts of one service are looked at.
	freedAtOnce = 500
)

// OfferEnds is until when a held appointment of a waiting list is offered, as
// its citizen was told.
func OfferEnds(a Appointment) time.Time { return a.HoldExpiresAt.Add(-offerGrace) }

// awake is when the first moment of the day's hours is, from t on.
func awake(t time.Time) time.Time {
	y, m, d := t.Date()
	switch {
	case t.Hour() < offersFrom:
		return time.Date(y, m, d, offersFrom, 0, 0, 0, t.Location())
	case t.Hour() >= offersTo:
		return time.Date(y, m, d+1, offersFrom, 0, 0, 0, t.Location())
	}
	return t
}

// offerTime is when an offer made now is told, and when it ends: the nights do
// not count. ok is false where the slot starts too soon for anybody to answer.
func offerTime(now time.Time, long time.Duration, start time.Time) (told, end time.Time, ok bool) {
	told = awake(now)
	at, last := told, start.Add(-lastAnswer)
	for {
		y, m, d := at.Date()
		night := time.Date(y, m, d, offersTo, 0, 0, 0, at.Location())
		if end = at.Add(long); !end.After(night) {
			break
		}
		long -= night.Sub(at)
		at = awake(night)
	}
	if end.After(last) {
		end = last
	}
	return told, end, end.Sub(told) >= leastOffer
}

// passOn offers what has become free, as a sequel to what is done already:
// where it fails, Maintain does it a tick later.
func (a *Agenda) passOn(ctx context.Context) {
	if err := a.offerFreed(ctx); err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "freed slots not offered", "error", err)
	}
}

// line is those who wait for one service, and what else they want done with it,
// in one mode.
type line struct {
	Service int64
	Also    []int64
	Mode    Mode
	Ends    time.Time // of the one who waits longest
	Offer   time.Duration
	TZ      string
}

// offerFreed ends the offers past their time and offers what is free to those
// who wait, first in, first offered. It may run any number of times at once:
// of two that offer one slot, or to one person, the loser goes on to the next.
func (a *Agenda) offerFreed(ctx context.Context) error {
	if err := a.takeBack(ctx, a.pool, uuid.Nil); err != nil {
		return err
	}
	rows, err := a.pool.Query(ctx, `
		SELECT a.service_id, a.also, a.mode, max(w.ends_at), min(o.offer_for), min(o.tz) FROM `+inLine+`
		JOIN office o ON o.id = a.office_id
		WHERE w.ends_at > $1 GROUP BY a.service_id, a.also, a.mode ORDER BY min(w.turn_at), a.service_id, a.mode`, a.now())
	if err != nil {
		return fmt.Errorf("lines: %w", err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowToStructByPos[line])
	if err != nil {
		return fmt.Errorf("lines: %w", err)
	}
	for _, l := range lines {
		if err := a.offerLine(ctx, l); err != nil {
			return fmt.Errorf("offer: %w", err)
		}
	}
	return nil
}

func (a *Agenda) offerLine(ctx context.Context, l line) error {
	slots, err := a.freeTo(ctx, false, []int64{l.Service}, l.Also, l.Mode, Public, a.now(), l.Ends, freedAtOnce)
	if err != nil || len(slots) == 0 {
		return err
	}
	rows, err := a.pool.Query(ctx, `
		SELECT a.id, w.ends_at, w.passed FROM `+inLine+` JOIN appointment_person p ON p.appointment_id = a.id
		WHERE a.service_id = $1 AND a.mode = $2 AND w.ends_at > $3 AND a.also = $4 ORDER BY w.turn_at, a.id`, l.Service, l.Mode, a.now(), l.Also)
	if err != nil {
		return fmt.Errorf("line: %w", err)
	}
	type waiter struct {
		ID     uuid.UUID
		Ends   time.Time
		Passed []time.Time
	}
	queue, err := pgx.CollectRows(rows, pgx.RowToStructByPos[waiter])
	if err != nil {
		return fmt.Errorf("line: %w", err)
	}
	for _, w := range queue {
		r, err := a.record(ctx, a.pool, `WHERE a.id = $1`, w.ID)
		if err != nil {
			return err
		}
		for i := range slots {
			s := &slots[i]
			// What overlaps a slot that was refused is the same slot to a person.
			passed := slices.ContainsFunc(w.Passed, func(p time.Time) bool { return s.Start.Sub(p).Abs() < s.End.Sub(s.Start) })
			if s.Desks == 0 || passed || s.End.After(w.Ends) {
				continue
			}
			err := a.offer(ctx, r, *s, l.Offer)
			if err == nil {
				s.Desks--
				break
			}
			if errors.Is(err, ErrState) { // somebody else's offer, or gone: the next in line
				break
			}
			if errors.Is(err, ErrSlotTaken) {
				// Should it come free again, it is for the first in line, not for those behind.
				s.Desks = 0
				continue
			}
			if errors.Is(err, ErrNotBookable) {
				continue
			}
			return err
		}
	}
	return nil
}

// offer holds a slot for somebody who waits, and tells them. ErrNotBookable
// where it starts too soon, ErrState where they have another offer.
func (a *Agenda) offer(ctx context.Context, r record, s Slot, long time.Duration) error {
	told, end, ok := offerTime(a.now().In(s.Start.Location()), long, s.Start)
	if !ok {
		return ErrNotBookable
	}
	if !told.After(a.now()) {
		told = time.Time{} // at once
	}
	p, err := a.placeAt(ctx, r.Service.ID, r.Service.Also, r.Mode, r.audience, s.Start)
	if err != nil {
		return err
	}
	p.first = true
	return a.move(ctx, r, p, []State{Expired}, Held, end.Add(offerGrace), Actor{}, func(ctx context.Context, tx pgx.Tx) error {
		if err := lockContacts(ctx, tx, r.Person); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			UPDATE waiting SET passed = array_append(passed, $2) WHERE appointment_id = $1 AND left_at IS NULL
				AND NOT EXISTS (SELECT FROM waiting w JOIN appointment a ON a.id = w.appointment_id AND a.state = 'held' AND a.id <> $1
					JOIN appointment_person p ON p.appointment_id = a.id
					WHERE w.left_at IS NULL AND (p.email <> '' AND lower(p.email) = lower($3) OR p.phone <> '' AND p.phone = $4))`,
			r.ID, s.Start, r.Person.Email, r.Person.Phone)
		if err != nil {
			return fmt.Errorf("note the offer: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return ErrState
		}
		return a.tell(ctx, tx, Notice{Kind: NoticeOffered, Appointment: r.ID, NotBefore: told})
	})
}

// takeBack ends the offers past their time, or the one of an appointment that
// refuses it, and puts who had them at the end of the line. Who lost an offer
// through no fault of theirs, since the hours changed, keeps their place.
func (a *Agenda) takeBack(ctx context.Context, db execer, refused uuid.UUID) error {
	_, err := db.Exec(ctx, `
		WITH due AS (
			SELECT a.id, a.state = 'held' OR a.hold_expires_at <= $2 AS had, w.ends_at, w.ends_at - (upper(a.period) - lower(a.period)) AS from_at, o.tz
			FROM waiting w JOIN appointment a ON a.id = w.appointment_id
			JOIN office o ON o.id = a.office_id
			WHERE w.left_at IS NULL AND (a.state = 'held' AND (a.hold_expires_at <= $2 OR a.id = $3)
				OR a.state = 'expired' AND a.hold_expires_at <> w.ends_at)
			ORDER BY a.id FOR UPDATE OF a SKIP LOCKED
		), back AS (
			UPDATE appointment a SET state = 'expired', hold_expires_at = due.ends_at, version = version + 1, changed_at = $1,
				changed_by = NULL, day = (due.from_at AT TIME ZONE due.tz)::date,
				period = tstzrange(due.from_at, due.ends_at), occupied = tstzrange(due.from_at, due.ends_at)
			FROM due WHERE due.id = a.id
		)
		UPDATE waiting w SET turn_at = $1 FROM due WHERE w.appointment_id = due.id AND due.had`,
		a.now(), a.now().Add(offerGrace), refused)
	if err != nil {
		return fmt.Errorf("end offers: %w", err)
	}
	return nil
}

// TakeOffer books the slot that is offered. It can be repeated; ErrHoldExpired
// where the offer is over.
func (a *Agenda) TakeOffer(ctx context.Context, id uuid.UUID, actor Actor) (Appointment, error) {
	r, err := a.record(ctx, a.pool, `WHERE a.id = $1 AND EXISTS (SELECT FROM waiting w WHERE w.appointment_id = a.id)`, id)
	if err != nil {
		return Appointment{}, fmt.Errorf("take offer: %w", err)
	}
	return a.book(ctx, r, "", actor, false)
}

// RefuseOffer gives the offered slot to the next, and stays on the list. ErrState
// where none is offered any more.
func (a *Agenda) RefuseOffer(ctx context.Context, id uuid.UUID, actor Actor) error {
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		var offered bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM appointment a WHERE a.id = $1 AND a.state = 'held' AND `+waits+`)`, id).Scan(&offered)
		if err != nil {
			return fmt.Errorf("offer: %w", err)
		}
		if !offered {
			return ErrState
		}
		if err := a.takeBack(ctx, tx, id); err != nil {
			return err
		}
		return a.note(ctx, tx, actor, "refuse", AboutAppointment, id)
	})
	if err != nil {
		return fmt.Errorf("refuse offer: %w", err)
	}
	a.passOn(ctx)
	return nil
}
