package booking

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Book holds, fills in and confirms at once, as an operator with a caller on
// the phone does. Nothing is held where the details cannot be accepted.
//
// Somebody who walks in (channel walk_in) stands at the reception: they come
// in person, today, have a ticket at once, and need to give no more than a
// name, or none at all.
func (a *Agenda) Book(ctx context.Context, r BookRequest) (Hold, error) {
	check := Person.checked
	if r.Channel == ByWalkIn {
		if r.Mode != InPerson || !a.isToday(ctx, r.ServiceID, r.Start) {
			return Hold{}, fmt.Errorf("book: %w", ErrNotBookable)
		}
		check = Person.checkedAtTheDoor
	}
	p, err := check(r.Person)
	if err != nil {
		return Hold{}, fmt.Errorf("book: %w", err)
	}
	note, err := checkNote("note", r.Note)
	if err != nil {
		return Hold{}, fmt.Errorf("book: %w", err)
	}
	staffNote, err := checkNote("staff_note", r.StaffNote)
	if err != nil {
		return Hold{}, fmt.Errorf("book: %w", err)
	}
	h, err := a.hold(ctx, r.HoldRequest, r.Actor)
	if r.OutsideHours && errors.Is(err, ErrNotBookable) {
		h, err = a.holdOutside(ctx, r.HoldRequest, r.Actor)
	}
	if err != nil {
		return Hold{}, fmt.Errorf("book: %w", err)
	}
	h.Appointment, err = a.fillIn(ctx, h, p, note, staffNote, r)
	if err == nil && r.Channel == ByWalkIn {
		h.Appointment, err = a.Transition(ctx, h.ID, Arrived, r.Actor)
	}
	if err != nil {
		// The slot goes back at once instead of when the hold expires.
		if errCancel := a.Cancel(context.WithoutCancel(ctx), h.ID, r.Actor); errCancel != nil {
			a.log.WarnContext(ctx, "slot not given back", "appointment", h.ID, "error", errCancel)
		}
		return Hold{}, fmt.Errorf("book: %w", err)
	}
	return h, nil
}

func (a *Agenda) fillIn(ctx context.Context, h Hold, p Person, note, staffNote string, r BookRequest) (Appointment, error) {
	if p.Surname != "" { // or it is somebody who walked in
		if err := a.setPerson(ctx, h.ID, p); err != nil {
			return Appointment{}, err
		}
	}
	if r.Once {
		if err := a.already(ctx, h, p); err != nil {
			return Appointment{}, err
		}
	}
	if note != "" || staffNote != "" {
		_, err := a.pool.Exec(ctx, `UPDATE appointment SET note = $2, staff_note = $3 WHERE id = $1`, h.ID, note, staffNote)
		if err != nil {
			return Appointment{}, fmt.Errorf("notes: %w", err)
		}
	}
	return a.confirm(ctx, h.ID, h.Secret, r.Actor, r.Quiet)
}

// isToday says whether start is on the present day of the service's office.
func (a *Agenda) isToday(ctx context.Context, serviceID int64, start time.Time) bool {
	_, loc, err := a.serviceByID(ctx, serviceID)
	return err == nil && dateOf(start.In(loc)).Equal(dateOf(a.now().In(loc)))
}

// SetStaffNote keeps what the staff write about an appointment, in place of what
// was there before. A *FieldError with CodeChanged says that it is no longer there:
// a colleague wrote meanwhile.
func (a *Agenda) SetStaffNote(ctx context.Context, id uuid.UUID, before, note string, actor Actor) error {
	note, err := checkNote("staff_note", note)
	if err == nil {
		before, err = checkNote("staff_note", before)
	}
	if err != nil {
		return fmt.Errorf("staff note: %w", err)
	}
	return a.noted(ctx, actor, "note", AboutAppointment, id, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT staff_note FROM appointment WHERE id = $1 FOR NO KEY UPDATE`, id)
		if err != nil {
			return fmt.Errorf("staff note: %w", err)
		}
		now, err := one(rows, pgx.RowTo[string], "staff note")
		if err != nil {
			return err
		}
		if now != before && now != note {
			return fmt.Errorf("staff note: %w", &FieldError{"staff_note", CodeChanged})
		}
		_, err = tx.Exec(ctx, `
			UPDATE appointment SET staff_note = $2, changed_at = $3, changed_by = nullif($4::bigint, 0) WHERE id = $1`,
			id, note, a.now(), actor.StaffID)
		if err != nil {
			return fmt.Errorf("staff note: %w", err)
		}
		return nil
	})
}

// maxList bounds what one List gives.
const maxList = 1000

// List finds appointments, by start.
func (a *Agenda) List(ctx context.Context, q AgendaQuery) ([]Appointment, error) {
	states := q.States
	if len(states) == 0 {
		states = []State{Booked, Arrived, Called, Served, NoShow}
	}
	words := searchWords(q.Text)
	first, last := dateOf(q.Day), dateOf(q.Day)
	switch {
	case !q.Day.IsZero():
	case len(words) > 0:
		first, last = a.today().AddDate(0, 0, -30), a.today().AddDate(10, 0, 0)
	default: // around today; which day that is, each office's zone says below
		first, last = a.today(), a.today().AddDate(0, 0, 2)
	}
	desks := q.DeskIDs
	if desks == nil {
		desks = []int64{}
	}
	list, err := a.records(ctx, a.pool, `
		WHERE a.day BETWEEN $1 AND $2
			AND ($3 OR a.day = ($4::timestamptz AT TIME ZONE o.tz)::date)
			AND ($5::bigint = 0 OR a.office_id = $5)
			AND (cardinality($6::bigint[]) = 0 OR a.desk_id = ANY($6))
			AND ($7 = '' OR o.building = $7)
			AND a.state = ANY($8)
			AND (cardinality($9::text[]) = 0 OR p.search LIKE ALL($9))
		ORDER BY lower(a.period), a.desk_id LIMIT $10`,
		first, last, !q.Day.IsZero() || len(words) > 0, a.now(), q.OfficeID, desks, clean(q.Building), states, words, maxList)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	return appointments(list), nil
}

// SearchPerson finds people who booked before at some offices, or at any where none is
// named, the latest first, to save an operator typing them again.
func (a *Agenda) SearchPerson(ctx context.Context, text string, offices []int64, limit int) ([]Person, error) {
	words := searchWords(text)
	if len(words) == 0 || limit <= 0 {
		return nil, nil
	}
	rows, err := a.pool.Query(ctx, `
		SELECT p.name, p.surname, p.email, p.phone, min(p.language)
		FROM appointment_person p JOIN appointment a ON a.id = p.appointment_id
		WHERE p.search LIKE ALL($1) AND a.state NOT IN ('held', 'expired')
			AND (cardinality($3::bigint[]) = 0 OR a.office_id = ANY($3))
		GROUP BY 1, 2, 3, 4 ORDER BY max(a.created_at) DESC, 2, 1 LIMIT $2`, words, limit, none(offices))
	if err != nil {
		return nil, fmt.Errorf("search person: %w", err)
	}
	people, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Person])
	if err != nil {
		return nil, fmt.Errorf("search person: %w", err)
	}
	return people, nil
}

// maxWords bounds how many words of a search count.
const maxWords = 8

// searchWords makes LIKE patterns of the words that a search must contain.
func searchWords(text string) []string {
	patterns := []string{}
	for _, w := range strings.Fields(clean(text)) {
		if strings.ContainsAny(w, "@.") {
			w = strings.ToLower(w)
			w = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(w)
		} else {
			w = fold(w)
		}
		if w != "" && len(patterns) < maxWords {
			patterns = append(patterns, "%"+w+"%")
		}
	}
	return patterns
}
