package booking

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// WaitRequest asks for a place on the waiting list of a service.
type WaitRequest struct {
	ServiceID int64
	Also      []int64 // other services, in the same appointment
	Mode      Mode
	Until     time.Time // the last day that serves, as a calendar date
	Person    Person
	Channel   Channel // empty: by the web
	Actor     Actor
}

// Waiting is a place on a waiting list.
type Waiting struct {
	Until time.Time // the last day that serves
	Place int       // counted from 1; 0 while a slot is offered
	// OfferEnds is until when the appointment's slot is offered; zero where none is.
	OfferEnds time.Time
	Left      bool // on purpose, or since the last day is over
}

// waits is true of an appointment a that is on a waiting list, with a slot on
// offer or without.
const waits = `(a.state IN ('held', 'expired') AND EXISTS (SELECT FROM waiting w WHERE w.appointment_id = a.id AND w.left_at IS NULL))`

// inLine joins waiting w to its appointment a, where no slot is on offer.
const inLine = `waiting w JOIN appointment a ON a.id = w.appointment_id AND w.left_at IS NULL AND a.state = 'expired'`

// Wait takes a place on the list. What comes back is an appointment without a
// time, whose link and code lead to it as to any other. A *FieldError says what
// cannot be accepted; one contact waits once for a service and mode.
func (a *Agenda) Wait(ctx context.Context, r WaitRequest) (Hold, error) {
	p, err := r.Person.checked()
	if err != nil {
		return Hold{}, fmt.Errorf("wait: %w", err)
	}
	if r.Channel == "" {
		r.Channel = ByWeb
	}
	s, loc, err := a.serviceWith(ctx, r.ServiceID, r.Also)
	if err != nil {
		return Hold{}, fmt.Errorf("wait: %w", err)
	}
	y, m, d := r.Until.Date()
	ends := time.Date(y, m, d+1, 0, 0, 0, 0, loc)
	now := a.now()
	switch {
	case s.Retired, !s.Allows(r.Mode):
		return Hold{}, fmt.Errorf("wait: %w", ErrNotBookable)
	case r.Until.IsZero(), !ends.After(now.Add(s.MinNotice)), ends.After(now.Add(s.Horizon + oneDay)):
		return Hold{}, fmt.Errorf("wait: %w", &FieldError{"until", CodeInvalid})
	}
	h, _, err := a.holdWith(ctx, func(n newHold) (bool, error) {
		return true, pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error { return a.join(ctx, tx, s, r, p, ends, n) })
	}, r.Channel, r.Actor)
	if err != nil {
		return Hold{}, fmt.Errorf("wait: %w", err)
	}
	a.passOn(ctx)
	if h.Appointment, err = a.Get(ctx, h.ID); err != nil {
		return Hold{}, fmt.Errorf("wait: %w", err)
	}
	return h, nil
}

// join stores a place in line. Until a slot is offered the row stands at the
// very end of the last day, where it occupies nothing.
func (a *Agenda) join(ctx context.Context, tx pgx.Tx, s Service, r WaitRequest, p Person, ends time.Time, n newHold) error {
	if err := lockContacts(ctx, tx, p); err != nil {
		return err
	}
	var waiting bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM appointment a JOIN appointment_person p ON p.appointment_id = a.id
			WHERE a.service_id = $1 AND a.mode = $2 AND `+waits+` AND (p.email <> '' AND lower(p.email) = $3 OR p.phone <> '' AND p.phone = $4))`,
		s.ID, r.Mode, strings.ToLower(p.Email), p.Phone).Scan(&waiting)
	if err != nil {
		return fmt.Errorf("waits already: %w", err)
	}
	if waiting {
		field := "email"
		if p.Email == "" {
			field = "phone"
		}
		return &FieldError{field, CodeWaits}
	}
	now := a.now()
	tag, err := tx.Exec(ctx, `
		INSERT INTO appointment (id, room, office_id, service_id, also, desk_id, day, period, occupied,
			mode, channel, audience, state, hold_expires_at, secret_hash, code_hash,
			created_at, created_by, changed_at, changed_by)
		SELECT $1, $2, $3, $4, $14, d.id, $5, tstzrange($6, $7), tstzrange($6, $7),
			$8, $9, 'public', 'expired', $7, $10, $11, $12, nullif($13::bigint, 0), $12, nullif($13::bigint, 0)
		FROM desk d JOIN desk_service ds ON ds.desk_id = d.id AND ds.service_id = $4
		WHERE $8 = ANY(d.modes) AND d.retired_at IS NULL AND `+doesAll("$14")+` ORDER BY d.id LIMIT 1`,
		n.id, n.room, s.OfficeID, s.ID, dateOf(ends.Add(-s.Duration)), ends.Add(-s.Duration), ends,
		r.Mode, n.channel, n.secretHash, n.codeHash, now, n.staff, none(s.Also))
	if err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNotBookable
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO appointment_person (appointment_id, name, surname, surname_key, email, phone, language, search)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		n.id, p.Name, p.Surname, fold(p.Surname), p.Email, p.Phone, p.Language, p.search())
	if err != nil {
		return fmt.Errorf("person: %w", err)
	}
	if _, err = tx.Exec(ctx, `INSERT INTO waiting (appointment_id, ends_at, turn_at) VALUES ($1, $2, $3)`, n.id, ends, now); err != nil {
		return fmt.Errorf("line: %w", err)
	}
	if err := a.note(ctx, tx, r.Actor, "wait", AboutAppointment, n.id); err != nil {
		return err
	}
	return a.tell(ctx, tx, Notice{Kind: NoticeWaiting, Appointment: n.id, Secret: n.secret})
}

// WaitingOf finds the place in line of an appointment; ErrNotFound where it is
// not, or no longer, one of a waiting list.
func (a *Agenda) WaitingOf(ctx context.Context, id uuid.UUID) (Waiting, error) {
	r, err := a.record(ctx, a.pool, `WHERE a.id = $1 AND a.state IN ('held', 'expired')`, id)
	if err != nil {
		return Waiting{}, fmt.Errorf("waiting: %w", err)
	}
	rows, err := a.pool.Query(ctx, `
		SELECT me.ends_at, me.left_at IS NOT NULL OR me.ends_at <= $2,
			(SELECT count(*) FROM `+inLine+` WHERE a.service_id = $3 AND a.mode = $4 AND w.ends_at > $2
				AND (w.turn_at, w.appointment_id) <= (me.turn_at, me.appointment_id))
		FROM waiting me WHERE me.appointment_id = $1`, id, a.now(), r.Service.ID, r.Mode)
	if err != nil {
		return Waiting{}, fmt.Errorf("waiting: %w", err)
	}
	w, err := one(rows, func(found pgx.CollectableRow) (w Waiting, err error) {
		return w, found.Scan(&w.Until, &w.Left, &w.Place)
	}, "waiting")
	if err != nil {
		return Waiting{}, fmt.Errorf("waiting: %w", err)
	}
	w.Until = w.Until.In(r.Start.Location()).AddDate(0, 0, -1)
	if r.State == Held && a.now().Before(r.HoldExpiresAt) {
		w.OfferEnds, w.Place = OfferEnds(r.Appointment), 0
	}
	return w, nil
}

// Offered lists the appointments whose slot the waiting list has on offer now.
func (a *Agenda) Offered(ctx context.Context) ([]Appointment, error) {
	list, err := a.records(ctx, a.pool, `
		WHERE a.state = 'held' AND a.hold_expires_at > $1 AND EXISTS (SELECT FROM waiting w WHERE w.appointment_id = a.id AND w.left_at IS NULL)
		ORDER BY a.hold_expires_at, a.id`, a.now())
	if err != nil {
		return nil, fmt.Errorf("offered: %w", err)
	}
	return appointments(list), nil
}

// InLine finds who is on a waiting list, by name, contact or the code that they
// were given, the first in line first.
func (a *Agenda) InLine(ctx context.Context, text string, limit int) ([]Appointment, error) {
	words := searchWords(text)
	if len(words) == 0 {
		return nil, nil
	}
	list, err := a.records(ctx, a.pool, `
		JOIN waiting l ON l.appointment_id = a.id AND l.ends_at > $3
		WHERE `+waits+` AND (p.search LIKE ALL($1) OR a.code_hash = $2) ORDER BY l.turn_at, a.id LIMIT $4`,
		words, a.codeHash(text), a.now(), limit)
	if err != nil {
		return nil, fmt.Errorf("in line: %w", err)
	}
	return appointments(list), nil
}

// Leave gives up a place in line, and the slot that is on offer. Who it was is
// forgotten with the next Maintain.
func (a *Agenda) Leave(ctx context.Context, id uuid.UUID, actor Actor) error {
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE appointment a SET state = 'expired', hold_expires_at = $2, version = version + 1,
				changed_at = $2, changed_by = nullif($3::bigint, 0)
			WHERE a.id = $1 AND `+waits, id, a.now(), actor.StaffID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrState
		}
		if _, err := tx.Exec(ctx, `UPDATE waiting SET left_at = $2 WHERE appointment_id = $1`, id, a.now()); err != nil {
			return err
		}
		return a.note(ctx, tx, actor, "leave", AboutAppointment, id)
	})
	if err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	a.passOn(ctx)
	return nil
}

// closeLines ends the waiting for what was retired, and tells who waited: where
// is a condition on appointment a. To them it is as if their last day were over.
func (a *Agenda) closeLines(ctx context.Context, tx pgx.Tx, where string, object int64) error {
	rows, err := tx.Query(ctx, fmt.Sprintf(`
		WITH due AS (
			SELECT a.id FROM appointment a JOIN waiting w ON w.appointment_id = a.id
			WHERE w.left_at IS NULL AND w.ends_at > $2 AND a.state IN ('held', 'expired') AND %s
			ORDER BY a.id FOR UPDATE OF a
		), closed AS (
			UPDATE waiting w SET ends_at = $2 FROM due WHERE due.id = w.appointment_id
		)
		UPDATE appointment a SET state = 'expired', hold_expires_at = $2, version = version + 1, changed_at = $2, changed_by = NULL
		FROM due WHERE due.id = a.id RETURNING a.id`, where), object, a.now())
	if err != nil {
		return fmt.Errorf("close lines: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("close lines: %w", err)
	}
	for _, id := range ids {
		if err := a.tell(ctx, tx, Notice{Kind: NoticeClosed, Appointment: id}); err != nil {
			return err
		}
	}
	return nil
}
