package booking

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Aftermath is what a change of hours, or of what is offered, does for the appointments it is in the
// way of. They stay in any case, until somebody moves or cancels them.
type Aftermath string

// AskAnother asks the citizens to take another time; without it a person must
// speak to them.
const AskAnother Aftermath = "ask"

// unfit is true of an appointment to come that its desk cannot keep: hours,
// closures or its being retired are in the way, or it does another mode or other
// services now. It takes the parameter $1: now.
const unfit = `(` + toCome + ` AND NOT a.outside_hours
	AND (NOT EXISTS (SELECT FROM desk_day dd WHERE dd.desk_id = a.desk_id AND dd.day = a.day AND dd.audience = 'operators' AND dd.open @> a.period)
		OR EXISTS (SELECT FROM desk d WHERE d.id = a.desk_id AND ` + undone + `)))`

const toCome = `a.state IN ('booked', 'arrived', 'called') AND upper(a.period) > $1`

// undone is true of an appointment a that a desk d does not do.
const undone = `(a.mode <> ALL(d.modes) OR EXISTS (SELECT FROM unnest(a.service_id || a.also) AS x(id)
	WHERE NOT EXISTS (SELECT FROM desk_service y WHERE y.desk_id = d.id AND y.service_id = x.id)))`

// outgrown is true of an appointment to come that could not be booked any more,
// though its desk can keep it as it was made: a service is retired, or is not
// offered in this mode, or takes longer now.
const outgrown = `(` + toCome + ` AND NOT a.outside_hours
	AND (EXISTS (SELECT FROM service e WHERE e.id = ANY(a.service_id || a.also) AND (e.retired_at IS NOT NULL OR a.mode <> ALL(e.modes)))
		OR upper(a.period) - lower(a.period) < (SELECT sum(e.duration) FROM service e WHERE e.id = ANY(a.service_id || a.also))))`

// Unsettled lists the appointments that their desks cannot keep, of the given
// desks, or of all, and those whose citizens were asked for another time, which
// have AskedAt: until each is moved or cancelled, or fits again.
func (a *Agenda) Unsettled(ctx context.Context, desks []int64) ([]Appointment, error) {
	list, err := a.records(ctx, a.pool, `
		WHERE (`+unfit+` OR `+toCome+` AND EXISTS (SELECT FROM displaced q WHERE q.appointment_id = a.id)) AND ($2::bigint[] IS NULL OR a.desk_id = ANY($2)) ORDER BY lower(a.period), a.id`, a.now(), desks)
	if err != nil {
		return nil, fmt.Errorf("unsettled: %w", err)
	}
	return appointments(list), nil
}

// AskToMove asks the citizens of appointments that their desks cannot keep, or
// that are not offered like this any more, to take another time, each once. It says how many were asked now.
func (a *Agenda) AskToMove(ctx context.Context, ids []uuid.UUID, actor Actor) (asked int, err error) {
	err = a.rebuilding(ctx, func(tx pgx.Tx) error {
		asked, err = a.ask(ctx, tx, ids, actor)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("ask to move: %w", err)
	}
	return asked, nil
}

// after does what is wished for those whom a change affects, in its
// transaction.
func (a *Agenda) after(ctx context.Context, tx pgx.Tx, list []Appointment, wish []Aftermath, actor Actor) error {
	if !slices.Contains(wish, AskAnother) {
		return nil
	}
	ids := make([]uuid.UUID, len(list))
	for i, x := range list {
		ids[i] = x.ID
	}
	_, err := a.ask(ctx, tx, ids, actor)
	return err
}

// ask is AskToMove within a transaction that alone may change hours. Who has
// arrived already is spoken to at the counter. The version rises, so that the
// question is a notice of its own however often it comes to that.
func (a *Agenda) ask(ctx context.Context, tx pgx.Tx, ids []uuid.UUID, actor Actor) (int, error) {
	rows, err := tx.Query(ctx, `
		WITH asked AS (
			INSERT INTO displaced (appointment_id, asked_at, asked_by)
			SELECT a.id, $1, nullif($3::bigint, 0) FROM appointment a
			WHERE a.id = ANY($2) AND a.state = 'booked' AND lower(a.period) > $1 AND (`+unfit+` OR `+outgrown+`) FOR NO KEY UPDATE
			ON CONFLICT DO NOTHING RETURNING appointment_id)
		UPDATE appointment a SET version = version + 1, changed_at = $1, changed_by = nullif($3::bigint, 0)
		FROM asked WHERE a.id = asked.appointment_id RETURNING a.id`, a.now(), ids, actor.StaffID)
	if err != nil {
		return 0, fmt.Errorf("displaced: %w", err)
	}
	asked, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, fmt.Errorf("displaced: %w", notFoundIfForeign(err))
	}
	for _, id := range asked {
		if err := a.note(ctx, tx, actor, "ask", AboutAppointment, id); err != nil {
			return 0, err
		}
		if err := a.tell(ctx, tx, Notice{Kind: NoticeDisplaced, Appointment: id}); err != nil {
			return 0, err
		}
	}
	return len(asked), nil
}

// unask ends the question where the time can be kept after all, and confirms
// it again.
func (a *Agenda) unask(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `
		WITH kept AS (
			DELETE FROM displaced q USING appointment a
			WHERE a.id = q.appointment_id AND a.state = 'booked' AND lower(a.period) > $1 AND NOT `+unfit+` AND NOT `+outgrown+` RETURNING a.id)
		UPDATE appointment a SET version = version + 1, changed_at = $1, changed_by = NULL
		FROM kept WHERE a.id = kept.id RETURNING a.id`, a.now())
	if err != nil {
		return fmt.Errorf("kept after all: %w", err)
	}
	kept, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("kept after all: %w", err)
	}
	for _, id := range kept {
		if err := a.tell(ctx, tx, Notice{Kind: NoticeConfirmed, Appointment: id}); err != nil {
			return err
		}
	}
	return nil
}

// answered forgets that somebody was asked: they have another time.
func answered(ctx context.Context, tx execer, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `DELETE FROM displaced WHERE appointment_id = $1`, id); err != nil {
		return fmt.Errorf("displaced: %w", err)
	}
	return nil
}
