package booking

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	defaultOffer, maxOffer = 3 * time.Hour, 7 * 24 * time.Hour
	maxCooling             = 4 * time.Hour
	maxRetention           = 3650
)

// ticketLetter is what a ticket may begin with: it ends in no digit, lest two
// offices give out one ticket. Empty leaves the choice to the database.
var ticketLetter = regexp.MustCompile(`^([A-Z]{0,2}|[0-9]{1,9}-)$`)

// letterTaken tells that another office of the town has the letter.
func letterTaken(err error) error {
	if s, name := sqlState(err); s == stateUnique && name == "office_letter" {
		return &FieldError{"letter", CodeTaken}
	}
	return nil
}

// OfficeByID finds an office, retired or not, or ErrNotFound.
func (a *Agenda) OfficeByID(ctx context.Context, id int64) (Office, error) {
	rows, err := a.pool.Query(ctx, `SELECT `+officeColumns+` FROM office o WHERE o.id = $1`, id)
	if err != nil {
		return Office{}, fmt.Errorf("office: %w", err)
	}
	return one(rows, pgx.RowToStructByPos[Office], "office")
}

// checked gives o as it is stored, or says in a *FieldError what cannot be
// accepted.
func (o Office) checked() (Office, error) {
	var err error
	if o.Name, err = checkText("name", o.Name, true, nameLine); err != nil {
		return o, err
	}
	if o.Intro, err = checkText("intro", o.Intro, false, checkNote); err != nil {
		return o, err
	}
	if o.Address, err = checkOptional("address", o.Address, 2*maxName); err != nil {
		return o, err
	}
	if o.Building, err = checkOptional("building", o.Building, maxName); err != nil {
		return o, err
	}
	if o.Phone, err = checkOptional("phone", o.Phone, maxPhone); err != nil {
		return o, err
	}
	if o.Email, err = checkEmail(o.Email); err != nil {
		return o, err
	}
	if o.Position < 0 || o.Position > maxPosition {
		return o, &FieldError{"position", CodeInvalid}
	}
	if o.MaxOpen < 0 || o.MaxOpen > maxOpenLimit {
		return o, &FieldError{"max_open", CodeInvalid}
	}
	if o.OfferFor == 0 {
		o.OfferFor = defaultOffer
	}
	if o.OfferFor < leastOffer || o.OfferFor > maxOffer {
		return o, &FieldError{"offer_for", CodeInvalid}
	}
	if o.CoolFor < 0 || o.CoolFor > maxCooling {
		return o, &FieldError{"cool_for", CodeInvalid}
	}
	o.Letter = strings.ToUpper(clean(o.Letter))
	if !ticketLetter.MatchString(o.Letter) {
		return o, &FieldError{"letter", CodeInvalid}
	}
	if o.RetentionDays < 0 || o.RetentionDays > maxRetention {
		return o, &FieldError{"retention_days", CodeInvalid}
	}
	return o, nil
}

// SaveOffice changes an office, or makes one where o.ID is 0. Nobody's
// appointment suffers from it. Its slug and its time zone stay as they are; a
// new one's slug is made of its name, and it is in the town's time zone.
func (a *Agenda) SaveOffice(ctx context.Context, o Office, actor Actor) (Office, error) {
	o, err := o.checked()
	if err != nil {
		return Office{}, fmt.Errorf("save office: %w", err)
	}
	_, err = a.edit(ctx, editing{actor: actor}, func(tx pgx.Tx) ([]Appointment, error) {
		if o.ID == 0 {
			if err := insertOffice(ctx, tx, &o); err != nil {
				return nil, err
			}
			return nil, a.note(ctx, tx, actor, "office.add", AboutOffice, o.ID)
		}
		if err := closeGate(ctx, tx, o.ID); err != nil {
			return nil, err
		}
		tag, err := tx.Exec(ctx, `
			UPDATE office SET name = $2, intro = $3, address = $4, building = $5, phone = $6, email = $7, position = $8, max_open = $9,
				offer_for = $10, letter = coalesce(nullif($11, ''), letter), history = $12, retention_days = $13, cool_for = $14
			WHERE id = $1`, o.ID, o.Name, o.Intro, o.Address, o.Building, o.Phone, o.Email, o.Position, o.MaxOpen,
			o.OfferFor, o.Letter, o.History, o.RetentionDays, o.CoolFor)
		if err := letterTaken(err); err != nil {
			return nil, err
		}
		if err := changed(tag.RowsAffected(), err, "office"); err != nil {
			return nil, err
		}
		// What cools already cools no longer than is said now.
		if _, err := tx.Exec(ctx, `
			DELETE FROM cooling c USING desk d WHERE d.id = c.desk_id AND d.office_id = $1 AND c.until > $2`, o.ID, a.now().Add(o.CoolFor)); err != nil {
			return nil, fmt.Errorf("cooling: %w", err)
		}
		return nil, a.note(ctx, tx, actor, "office.save", AboutOffice, o.ID)
	})
	if err != nil {
		return Office{}, fmt.Errorf("save office: %w", err)
	}
	return a.OfficeByID(ctx, o.ID)
}

func insertOffice(ctx context.Context, tx pgx.Tx, o *Office) error {
	var town int64
	err := tx.QueryRow(ctx, `SELECT id FROM town ORDER BY id LIMIT 1`).Scan(&town)
	if errors.Is(err, pgx.ErrNoRows) { // the first office of a town that nothing was seeded for
		err = tx.QueryRow(ctx, `INSERT INTO town (slug, name) VALUES ('comune', 'Comune') RETURNING id`).Scan(&town)
	}
	if err != nil {
		return fmt.Errorf("town: %w", err)
	}
	if o.Slug, err = freeSlug(ctx, tx, slugOf(o.Name.In("it")), `SELECT FROM office WHERE slug = $1`); err != nil {
		return err
	}
	err = tx.QueryRow(ctx, `
		INSERT INTO office (town_id, slug, name, intro, address, building, phone, email, position, max_open,
			offer_for, letter, history, retention_days, cool_for, tz)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, nullif($12, ''), $13, $14, $15, coalesce((SELECT tz FROM office WHERE town_id = $1 ORDER BY id LIMIT 1), 'Europe/Rome'))
		RETURNING id`, town, o.Slug, o.Name, o.Intro, o.Address, o.Building, o.Phone, o.Email, o.Position, o.MaxOpen,
		o.OfferFor, o.Letter, o.History, o.RetentionDays, o.CoolFor).Scan(&o.ID)
	if err := letterTaken(err); err != nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("insert office: %w", err)
	}
	return nil
}

// RetireOffice hides an office from booking, or brings it back, and lists the
// appointments it still has. Those stay: a person must speak to the citizens.
func (a *Agenda) RetireOffice(ctx context.Context, id int64, retire bool, actor Actor, then ...Aftermath) ([]Appointment, error) {
	return a.retireOffice(ctx, id, retire, editing{actor: actor, then: then})
}

// PreviewRetireOffice lists the appointments that RetireOffice would leave
// without an office, and changes nothing.
func (a *Agenda) PreviewRetireOffice(ctx context.Context, id int64) ([]Appointment, error) {
	return a.retireOffice(ctx, id, true, looking)
}

func (a *Agenda) retireOffice(ctx context.Context, id int64, retire bool, e editing) ([]Appointment, error) {
	list, err := a.edit(ctx, e, func(tx pgx.Tx) ([]Appointment, error) {
		if err := a.lockDays(ctx, tx, scope{Office: id}); err != nil {
			return nil, err
		}
		if err := a.retire(ctx, tx, "office", id, retire, e.actor); err != nil {
			return nil, err
		}
		// Without hours there is nothing to book.
		last, err := a.horizonDay(ctx, tx)
		if err != nil {
			return nil, err
		}
		if _, err := a.rebuild(ctx, tx, scope{Office: id}, a.today(), last); err != nil || !retire {
			return nil, err
		}
		if err := a.closeLines(ctx, tx, `a.office_id = $1`, id); err != nil {
			return nil, err
		}
		return a.settle(ctx, tx, `a.office_id = $1`, id)
	})
	if err != nil {
		return nil, fmt.Errorf("retire office: %w", err)
	}
	return list, nil
}

// retire marks a row of office, service or desk, and notes it.
func (a *Agenda) retire(ctx context.Context, tx pgx.Tx, table string, id int64, retire bool, actor Actor) error {
	action := table + ".reopen"
	if retire {
		action = table + ".retire"
	}
	tag, err := tx.Exec(ctx, `UPDATE `+table+` SET retired_at = CASE WHEN $3 THEN coalesce(retired_at, $2) END WHERE id = $1`, id, a.now(), retire)
	if err := changed(tag.RowsAffected(), err, table); err != nil {
		return err
	}
	return a.note(ctx, tx, actor, action, table, id)
}
