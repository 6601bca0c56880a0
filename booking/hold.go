package booking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"sportello/booking/token"
)

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

func (a *Agenda) newHold(channel Channel, actor Actor) (newHold, error) {
	secret := token.NewSecret()
	hash, err := hashOf(secret)
	return newHold{uuid.New(), uuid.New(), channel, a.now().Add(a.opt.HoldFor), hash[:], a.codeHash(a.Code(secret)), actor.StaffID, secret}, err
}

func (n newHold) hold() Hold { return Hold{ID: n.id, Secret: n.secret, ExpiresAt: n.expires} }

// withCodes runs insert, which makes new holds and stores them. In the rare case
// that a short code of theirs is in use, it makes others.
func (a *Agenda) withCodes(ctx context.Context, insert func() error) error {
	const tries = 3
	var err error
	for range tries {
		err = a.retry(ctx, insert)
		if s, name := sqlState(err); s != stateUnique || name != "appointment_code" {
			break
		}
	}
	return err
}

// holdWith makes a secret and what belongs to it for insert to store.
func (a *Agenda) holdWith(ctx context.Context, insert func(newHold) (bool, error), channel Channel, actor Actor) (Hold, bool, error) {
	var n newHold
	var won bool
	err := a.withCodes(ctx, func() (err error) {
		if n, err = a.newHold(channel, actor); err != nil {
			return err
		}
		won, err = insert(n)
		return err
	})
	return n.hold(), won, err
}

// bySecret finds the appointment of a hold whose secret is known, or ErrNotFound.
func (a *Agenda) bySecret(ctx context.Context, id uuid.UUID, secret string) (record, error) {
	hash, err := hashOf(secret)
	if err != nil {
		return record{}, err
	}
	return a.record(ctx, a.pool, `WHERE a.id = $1 AND a.secret_hash = $2`, id, hash[:])
}

// HoldBySecret finds what became of a hold, in any state. ErrNotFound where
// the secret is not this hold's.
func (a *Agenda) HoldBySecret(ctx context.Context, id uuid.UUID, secret string) (Appointment, error) {
	r, err := a.bySecret(ctx, id, secret)
	if err != nil {
		return Appointment{}, fmt.Errorf("hold by secret: %w", err)
	}
	return r.Appointment, nil
}

// SetNote keeps what the citizen writes, also after the hold expired.
func (a *Agenda) SetNote(ctx context.Context, id uuid.UUID, secret, note string) error {
	note, err := checkNote("note", note)
	if err != nil {
		return fmt.Errorf("set note: %w", err)
	}
	r, err := a.bySecret(ctx, id, secret)
	if err != nil {
		return fmt.Errorf("set note: %w", err)
	}
	tag, err := a.pool.Exec(ctx, `UPDATE appointment SET note = $2 WHERE id = $1 AND state IN ('held', 'expired')`, r.ID, note)
	if err != nil {
		return fmt.Errorf("set note: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("set note: %w", ErrState)
	}
	return nil
}

// SetPerson keeps who comes, also after the hold expired. A *FieldError says
// what cannot be accepted.
func (a *Agenda) SetPerson(ctx context.Context, id uuid.UUID, secret string, p Person) error {
	p, err := p.checked()
	if err != nil {
		return fmt.Errorf("set person: %w", err)
	}
	r, err := a.bySecret(ctx, id, secret)
	if err != nil {
		return fmt.Errorf("set person: %w", err)
	}
	return a.setPerson(ctx, r.ID, p)
}

// setPerson stores a checked person. The row is locked against a Confirm that
// happens meanwhile: what was confirmed is what was shown.
func (a *Agenda) setPerson(ctx context.Context, id uuid.UUID, p Person) error {
	tag, err := a.pool.Exec(ctx, `
		INSERT INTO appointment_person (appointment_id, name, surname, surname_key, email, phone, language, search)
		SELECT id, $2, $3, $4, $5, $6, $7, $8 FROM appointment
		WHERE id = $1 AND state IN ('held', 'expired') FOR SHARE
		ON CONFLICT (appointment_id) DO UPDATE SET name = excluded.name, surname = excluded.surname,
			surname_key = excluded.surname_key, email = excluded.email, phone = excluded.phone,
			language = excluded.language, search = excluded.search`,
		id, p.Name, p.Surname, fold(p.Surname), p.Email, p.Phone, p.Language, p.search())
	if err != nil {
		return fmt.Errorf("set person: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("set person: %w", ErrState)
	}
	return nil
}

// Rehold takes another start, or holds anew after the hold expired; details
// already given are kept. Where the start is taken, a hold still good stays.
func (a *Agenda) Rehold(ctx context.Context, id uuid.UUID, secret string, start time.Time) (Appointment, error) {
	again, err := a.rehold(ctx, id, secret, start)
	if errors.Is(err, ErrState) {
		// It may have been ended by the clock between reading and moving it.
		again, err = a.rehold(ctx, id, secret, start)
	}
	return again, err
}

func (a *Agenda) rehold(ctx context.Context, id uuid.UUID, secret string, start time.Time) (Appointment, error) {
	r, err := a.bySecret(ctx, id, secret)
	if err != nil {
		return Appointment{}, fmt.Errorf("rehold: %w", err)
	}
	if r.State != Held && r.State != Expired {
		return Appointment{}, fmt.Errorf("rehold: %w", ErrState)
	}
	p, err := a.placeAt(ctx, r.Service.ID, r.Service.Also, r.Mode, r.audience, start)
	if err != nil {
		return Appointment{}, fmt.Errorf("rehold: %w", err)
	}
	err = a.move(ctx, r, p, []State{Held, Expired}, Held, a.now().Add(a.opt.HoldFor), Actor{}, nil)
	if err != nil {
		return Appointment{}, fmt.Errorf("rehold: %w", err)
	}
	return a.Get(ctx, id)
}

// Confirm books what is held. It can be repeated: whatever is booked, or has
// gone on from there, is given back as it is. ErrHoldExpired where the hold
// ended before, ErrIncomplete where the person is missing, ErrTooMany where they
// have enough appointments at this office, ErrState where it was cancelled.
func (a *Agenda) Confirm(ctx context.Context, id uuid.UUID, secret string) (Appointment, error) {
	return a.confirm(ctx, id, secret, Actor{}, false)
}

func (a *Agenda) confirm(ctx context.Context, id uuid.UUID, secret string, actor Actor, quiet bool) (Appointment, error) {
	hash, err := hashOf(secret)
	if err != nil {
		return Appointment{}, fmt.Errorf("confirm: %w", err)
	}
	r, err := a.record(ctx, a.pool, `WHERE a.id = $1 AND a.secret_hash = $2`, id, hash[:])
	if err != nil {
		return Appointment{}, fmt.Errorf("confirm: %w", err)
	}
	return a.book(ctx, r, secret, actor, quiet)
}

// book is confirm of what was found. Without its secret, the link that was
// given before stays good. Of a quiet one the citizen hears nothing.
func (a *Agenda) book(ctx context.Context, r record, secret string, actor Actor, quiet bool) (Appointment, error) {
	id := r.ID
	if r.State == Held && r.Person.Surname == "" && r.Channel != ByWalkIn {
		return Appointment{}, fmt.Errorf("confirm: %w", ErrIncomplete)
	}
	now := a.now()
	var won bool
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE appointment a SET state = 'booked', version = version + 1, changed_at = $2, changed_by = nullif($3::bigint, 0)
			WHERE id = $1 AND state = 'held' AND hold_expires_at > $2
				AND (channel = 'walk_in' OR EXISTS (SELECT FROM appointment_person p WHERE p.appointment_id = a.id))`, id, now, actor.StaffID)
		if err != nil {
			return fmt.Errorf("book: %w", err)
		}
		if won = tag.RowsAffected() == 1; !won {
			return nil
		}
		if err := a.checkOpen(ctx, tx, r); err != nil {
			return err
		}
		if err := a.note(ctx, tx, actor, "book", AboutAppointment, id); err != nil {
			return err
		}
		if err := a.tell(ctx, tx, Notice{Kind: NoticeConfirmed, Appointment: id, Secret: secret, Quiet: quiet}); err != nil || r.Mode != Virtual {
			return err
		}
		return a.addGrant(ctx, tx, id, r.secretHash, token.RoleCitizen, "citizen:"+id.String(), r.Person.Name+" "+r.Person.Surname, uuid.New(), actor)
	})
	if err != nil {
		return Appointment{}, fmt.Errorf("confirm: %w", err)
	}
	if won {
		a.publish(ctx, id)
	}
	after, err := a.Get(ctx, id)
	if err != nil {
		return Appointment{}, fmt.Errorf("confirm: %w", err)
	}
	switch after.State {
	case Held, Expired:
		return after, fmt.Errorf("confirm: %w", ErrHoldExpired)
	case Cancelled:
		return after, fmt.Errorf("confirm: %w", ErrState)
	case Booked, Arrived, Called, Served, NoShow:
	}
	return after, nil
}

// KeptUntil is until when what was typed into a hold is kept, should it not be
// confirmed: whoever comes back by then finds it.
func KeptUntil(a Appointment) time.Time { return a.HoldExpiresAt.Add(identityKept) }
