package booking

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// maxHistory bounds how far back a clerk sees.
const maxHistory = 20

// sameContact is true of a person p with the e-mail $1 or the phone $2.
const sameContact = `(p.email <> '' AND lower(p.email) = $1 OR p.phone <> '' AND p.phone = $2)`

// History lists the other appointments of an appointment's person at the same
// office, the latest first: by e-mail or phone, for as long as these are kept.
// It is ErrForbidden where the office does not allow it, and noted where it does.
func (a *Agenda) History(ctx context.Context, id uuid.UUID, actor Actor) ([]Appointment, error) {
	r, err := a.record(ctx, a.pool, `WHERE a.id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	if !r.Office.History {
		return nil, fmt.Errorf("history: %w", ErrForbidden)
	}
	list, err := a.records(ctx, a.pool, `
		WHERE a.office_id = $3 AND a.id <> $4 AND a.state NOT IN ('held', 'expired') AND `+sameContact+`
		ORDER BY lower(a.period) DESC, a.id LIMIT $5`, strings.ToLower(r.Person.Email), r.Person.Phone, r.Office.ID, id, maxHistory)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error { return a.note(ctx, tx, actor, "history", AboutAppointment, id) })
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return appointments(list), nil
}

// AlreadyError says that the person has appointments to come for the same
// service, or one of them: another operator may have booked them a moment ago.
type AlreadyError struct {
	Coming []Appointment
}

// Error implements error.
func (*AlreadyError) Error() string { return "booking: the person has an appointment for this already" }

// already fails with an *AlreadyError where the person of a hold has another
// appointment for one of its services. Of two operators with one caller at least the
// second is told, since each has said who it is for before asking.
func (a *Agenda) already(ctx context.Context, h Hold, p Person) error {
	s := h.Appointment.Service
	list, err := a.records(ctx, a.pool, `
		WHERE (a.service_id = ANY($3) OR a.also && $3) AND a.id <> $4 AND upper(a.period) > $5 AND `+sameContact+`
			AND (a.state IN ('booked', 'arrived', 'called') OR a.state = 'held' AND a.hold_expires_at > $5)
		ORDER BY lower(a.period), a.id`, strings.ToLower(p.Email), p.Phone, append([]int64{s.ID}, s.Also...), h.ID, a.now())
	if err != nil {
		return err
	}
	if len(list) > 0 {
		return &AlreadyError{appointments(list)}
	}
	return nil
}
