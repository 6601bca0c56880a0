package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"sportello/booking/token"
)

// queryer is a pool or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// live are the states that occupy a desk: those of the constraint no_overlap.
const live = `('held', 'booked', 'arrived', 'called', 'served')`

// selectAppointment is completed by a WHERE clause.
const selectAppointment = `
	SELECT a.id, a.room, a.desk_id, d.name, lower(a.period), upper(a.period), a.mode, a.channel, a.state,
		a.hold_expires_at, a.note, a.staff_note, a.created_at, a.arrived_at, a.called_at, a.closed_at, a.version,
		a.ticket, a.calls, a.rated, q.asked_at, a.also, a.audience, a.secret_hash, coalesce(p.name, ''), coalesce(p.surname, ''), coalesce(p.surname_key, ''),
		coalesce(p.email, ''), coalesce(p.phone, ''), coalesce(p.language, ''),
		` + officeColumns + `, ` + serviceColumns + `
	FROM appointment a
	JOIN desk d ON d.id = a.desk_id
	JOIN office o ON o.id = a.office_id
	JOIN service s ON s.id = a.service_id
	LEFT JOIN appointment_person p ON p.appointment_id = a.id
	LEFT JOIN displaced q ON q.appointment_id = a.id AND a.state = 'booked' `

// record is an appointment as it is stored, with what only the rules need.
type record struct {
	Appointment
	audience   Audience
	surnameKey string
	secretHash token.Hash
}

// scanRecord reads a row of selectAppointment, but for time zones.
func scanRecord(row pgx.CollectableRow) (record, error) {
	var r record
	var arrived, called, closed, asked *time.Time
	var secret []byte
	var also []int64
	err := row.Scan(append(append([]any{
		&r.ID, &r.Room, &r.DeskID, &r.DeskName, &r.Start, &r.End, &r.Mode, &r.Channel, &r.State,
		&r.HoldExpiresAt, &r.Note, &r.StaffNote, &r.CreatedAt, &arrived, &called, &closed, &r.Version,
		&r.Ticket, &r.Calls, &r.Rated, &asked, &also, &r.audience, &secret, &r.Person.Name, &r.Person.Surname, &r.surnameKey,
		&r.Person.Email, &r.Person.Phone, &r.Person.Language,
	}, r.Office.columns()...), r.Service.columns()...)...)
	copy(r.secretHash[:], secret)
	r.Service.Also = also
	for _, t := range []struct {
		from *time.Time
		to   *time.Time
	}{{arrived, &r.ArrivedAt}, {called, &r.CalledAt}, {closed, &r.ClosedAt}, {asked, &r.AskedAt}} {
		if t.from != nil {
			*t.to = *t.from
		}
	}
	return r, err
}

// records runs selectAppointment with the given ending.
func (a *Agenda) records(ctx context.Context, db queryer, ending string, args ...any) ([]record, error) {
	rows, err := db.Query(ctx, selectAppointment+ending, args...)
	if err != nil {
		return nil, fmt.Errorf("appointments: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanRecord)
	if err != nil {
		return nil, fmt.Errorf("appointments: %w", err)
	}
	if err := fillTogether(ctx, db, list); err != nil {
		return nil, err
	}
	for i := range list {
		loc, err := a.zones.load(list[i].Office.TZ)
		if err != nil {
			return nil, err
		}
		r := &list[i]
		for _, t := range []*time.Time{&r.Start, &r.End, &r.HoldExpiresAt, &r.CreatedAt, &r.ArrivedAt, &r.CalledAt, &r.ClosedAt, &r.AskedAt} {
			if !t.IsZero() {
				*t = t.In(loc)
			}
		}
	}
	return list, nil
}

// record finds one appointment, or ErrNotFound.
func (a *Agenda) record(ctx context.Context, db queryer, where string, args ...any) (record, error) {
	list, err := a.records(ctx, db, where, args...)
	if err != nil {
		return record{}, err
	}
	if len(list) != 1 {
		return record{}, fmt.Errorf("appointment: %w", ErrNotFound)
	}
	return list[0], nil
}

// Get finds an appointment in any state, or ErrNotFound.
func (a *Agenda) Get(ctx context.Context, id uuid.UUID) (Appointment, error) {
	r, err := a.record(ctx, a.pool, `WHERE a.id = $1`, id)
	return r.Appointment, err
}

// appointments drops what only the rules need.
func appointments(list []record) []Appointment {
	out := make([]Appointment, len(list))
	for i, r := range list {
		out[i] = r.Appointment
	}
	return out
}
