package booking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const oneDay = 24 * time.Hour

// RetentionDays is how long after an appointment it is kept whose it was, where
// its office has no setting of its own.
func (a *Agenda) RetentionDays() int { return a.opt.RetentionDays }

// purge forgets who had the appointments that ended before a time: name,
// contacts, what was written, and the names on the door of the room. Times,
// service, desk and states stay, for the statistics.
func (a *Agenda) purge(ctx context.Context) error {
	// Of an office with a setting of its own, that counts.
	const over = `upper(a.period) < $1::timestamptz - make_interval(days => coalesce(nullif((SELECT o.retention_days FROM office o WHERE o.id = a.office_id), 0), $2::int))`
	// Other nodes do the same: in the same order, and again where they met.
	forget := []struct{ what, sql string }{
		{"notes", `UPDATE appointment a SET note = '', staff_note = ''
			WHERE (a.note <> '' OR a.staff_note <> '') AND ` + over},
		{"persons", `DELETE FROM appointment_person p USING appointment a WHERE a.id = p.appointment_id AND ` + over},
		{"names", `UPDATE room_grant g SET display_name = '', identity = ` + anyGuest + ` FROM appointment a
			WHERE a.id = g.appointment_id AND g.display_name <> '' AND ` + over},
		// Anonymous, but people write names.
		{"remarks", `UPDATE rating r SET remark = '' FROM office o WHERE o.id = r.office_id AND r.remark <> ''
			AND r.day < ($1::timestamptz - make_interval(days => coalesce(nullif(o.retention_days, 0), $2::int)))::date`},
	}
	err := a.retry(ctx, func() error {
		return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
			for _, x := range forget {
				if _, err := tx.Exec(ctx, x.sql, a.now(), a.opt.RetentionDays); err != nil {
					return fmt.Errorf("%s: %w", x.what, err)
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	_, err = a.pool.Exec(ctx, `DELETE FROM audit WHERE at < $1`, a.now().Add(-time.Duration(a.opt.AuditDays)*oneDay))
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// maxSubject bounds how many appointments of one person are given at once.
const maxSubject = 500

// OfPerson finds the appointments that are kept of one person, in every state:
// by the whole e-mail, the whole phone number, or an appointment's code.
// A *FieldError on "who" says that the text is none of these.
func (a *Agenda) OfPerson(ctx context.Context, who string) ([]Appointment, error) {
	email, errEmail := checkEmail(who)
	phone, errPhone := checkPhone(who)
	code := []byte{} // nobody's
	if len(plainCode(who)) == codeLength {
		code = a.codeHash(who)
	}
	if (errEmail != nil || email == "") && (errPhone != nil || phone == "") && len(code) == 0 {
		return nil, fmt.Errorf("of person: %w", &FieldError{"who", CodeInvalid})
	}
	list, err := a.records(ctx, a.pool, `
		WHERE a.code_hash = $1 OR $2 <> '' AND lower(p.email) = lower($2) OR $3 <> '' AND p.phone = $3
		ORDER BY lower(a.period), a.id LIMIT $4`, code, email, phone, maxSubject)
	if err != nil {
		return nil, fmt.Errorf("of person: %w", err)
	}
	return appointments(list), nil
}

// NoteExport notes that somebody was given a person's data. The log says of
// whom by the appointments alone.
func (a *Agenda) NoteExport(ctx context.Context, list []Appointment, actor Actor) error {
	return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		for _, x := range list {
			if err := a.note(ctx, tx, actor, "person.export", AboutAppointment, x.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// Erase forgets a person, on their request: it cancels what is still to come,
// and removes name, contacts and notes from all that OfPerson finds. An
// appointment that is being served is left, and counted: it can be erased
// when it is over.
func (a *Agenda) Erase(ctx context.Context, who string, actor Actor) (erased, left int, err error) {
	list, err := a.OfPerson(ctx, who)
	if err != nil {
		return 0, 0, fmt.Errorf("erase: %w", err)
	}
	for _, x := range list {
		err := a.eraseOne(ctx, x, actor)
		if errors.Is(err, ErrState) {
			left++
			continue
		}
		if err != nil {
			return erased, left, fmt.Errorf("erase: %w", err)
		}
		erased++
	}
	return erased, left, nil
}

func (a *Agenda) eraseOne(ctx context.Context, x Appointment, actor Actor) error {
	if x.State == Held || x.State == Booked || x.State == Arrived {
		if err := a.Cancel(ctx, x.ID, actor); err != nil {
			return err
		}
	}
	err := a.noted(ctx, actor, "person.erase", AboutAppointment, x.ID, func(tx pgx.Tx) error { return erase(ctx, tx, x.ID) })
	if err != nil {
		return err
	}
	a.publish(ctx, x.ID)
	return nil
}

// erase forgets the person of an appointment that is over in one way or
// another; ErrState where it is not.
func erase(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	tag, err := tx.Exec(ctx, `
		UPDATE appointment SET note = '', staff_note = ''
		WHERE id = $1 AND state IN ('served', 'no_show', 'cancelled', 'expired')`, id)
	if err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrState
	}
	if _, err := tx.Exec(ctx, `DELETE FROM waiting WHERE appointment_id = $1`, id); err != nil {
		return fmt.Errorf("line: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM appointment_person WHERE appointment_id = $1`, id); err != nil {
		return fmt.Errorf("person: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE room_grant SET display_name = '', identity = `+anyGuest+` WHERE appointment_id = $1`, id); err != nil {
		return fmt.Errorf("names: %w", err)
	}
	return nil
}
