package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ServiceByID finds a service, retired or not, or ErrNotFound.
func (a *Agenda) ServiceByID(ctx context.Context, id int64) (Service, error) {
	s, _, err := a.serviceByID(ctx, id)
	return s, err
}

// checked gives s as it is stored, or says in a *FieldError what cannot be
// accepted.
func (s Service) checked() (Service, error) {
	var err error
	if s.Name, err = checkText("name", s.Name, true, nameLine); err != nil {
		return s, err
	}
	if s.Description, err = checkText("description", s.Description, false, checkNote); err != nil {
		return s, err
	}
	if s.Bring, err = checkText("bring", s.Bring, false, checkNote); err != nil {
		return s, err
	}
	for _, rule := range []struct {
		field       string
		value       time.Duration
		least, most time.Duration
	}{
		{"duration", s.Duration, minStep, maxDuration},
		{"buffer", s.Buffer, 0, maxBuffer},
		{"step", s.Step, minStep, maxDuration},
		{"min_notice", s.MinNotice, 0, maxLead},
		{"horizon", s.Horizon, 24 * time.Hour, maxHorizon},
		{"cancel_until", s.CancelUntil, 0, maxLead},
	} {
		if rule.value < rule.least || rule.value > rule.most || rule.value%time.Minute != 0 {
			return s, &FieldError{rule.field, CodeInvalid}
		}
	}
	if s.MinNotice >= s.Horizon { // nothing could ever be booked
		return s, &FieldError{"min_notice", CodeInvalid}
	}
	if s.Modes, err = checkModes(s.Modes); err != nil {
		return s, err
	}
	if s.Position < 0 || s.Position > maxPosition {
		return s, &FieldError{"position", CodeInvalid}
	}
	if s.Kind, err = checkOptional("kind", s.Kind, maxName); err != nil {
		return s, err
	}
	if s.Kind != "" { // "Carta d'identità" and "carta d'identita" are one kind
		s.Kind = slugOf(s.Kind)
	}
	return s, nil
}

// SaveService changes a service, or makes one of s.OfficeID where s.ID is 0.
// It lists the appointments that the new rules would not allow: in a mode that
// is no longer offered, of another length, or bound to a new limit to cancel.
// They stay as they were made. Every desk of the office that shares a mode
// with a new service offers it.
func (a *Agenda) SaveService(ctx context.Context, s Service, actor Actor, then ...Aftermath) (Service, []Appointment, error) {
	return a.saveService(ctx, s, editing{actor: actor, then: then})
}

// PreviewService lists the appointments that SaveService would list, and
// changes nothing.
func (a *Agenda) PreviewService(ctx context.Context, s Service) ([]Appointment, error) {
	_, list, err := a.saveService(ctx, s, looking)
	return list, err
}

func (a *Agenda) saveService(ctx context.Context, s Service, e editing) (Service, []Appointment, error) {
	s, err := s.checked()
	if err != nil {
		return Service{}, nil, fmt.Errorf("save service: %w", err)
	}
	list, err := a.edit(ctx, e, func(tx pgx.Tx) ([]Appointment, error) {
		if s.ID == 0 {
			if err := insertService(ctx, tx, &s); err != nil {
				return nil, err
			}
			return nil, a.note(ctx, tx, e.actor, "service.add", AboutService, s.ID)
		}
		return a.updateService(ctx, tx, s, e.actor)
	})
	if err != nil || e.preview {
		if err != nil {
			err = fmt.Errorf("save service: %w", err)
		}
		return Service{}, list, err
	}
	saved, err := a.ServiceByID(ctx, s.ID)
	return saved, list, err
}

func insertService(ctx context.Context, tx pgx.Tx, s *Service) error {
	var err error
	if s.Slug, err = freeSlug(ctx, tx, slugOf(s.Name.In("it")), `SELECT FROM service WHERE slug = $1 AND office_id = $2`, s.OfficeID); err != nil {
		return err
	}
	err = tx.QueryRow(ctx, `
		INSERT INTO service (office_id, slug, name, description, bring, duration, buffer, step, min_notice, horizon, cancel_until, modes, position, kind)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id`,
		s.OfficeID, s.Slug, s.Name, s.Description, s.Bring, s.Duration, s.Buffer, s.Step,
		s.MinNotice, s.Horizon, s.CancelUntil, s.Modes, s.Position, s.Kind).Scan(&s.ID)
	if err != nil {
		return fmt.Errorf("insert service: %w", notFoundIfForeign(err))
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO desk_service (desk_id, service_id)
		SELECT id, $2 FROM desk WHERE office_id = $1 AND retired_at IS NULL AND modes && $3 ORDER BY id`, s.OfficeID, s.ID, s.Modes)
	if err != nil {
		return fmt.Errorf("desks of service: %w", err)
	}
	return nil
}

// has is true of an appointment a in which the service $1 is done.
const has = `$1 = ANY(a.service_id || a.also)`

func (a *Agenda) updateService(ctx context.Context, tx pgx.Tx, s Service, actor Actor) ([]Appointment, error) {
	var until time.Duration // of the old limit to cancel
	rows, err := tx.Query(ctx, `SELECT cancel_until FROM service WHERE id = $1`, s.ID)
	if err != nil {
		return nil, fmt.Errorf("service: %w", err)
	}
	if until, err = one(rows, pgx.RowTo[time.Duration], "service"); err != nil {
		return nil, err
	}
	tag, err := tx.Exec(ctx, `
		UPDATE service SET name = $2, description = $3, bring = $4, duration = $5, buffer = $6, step = $7,
			min_notice = $8, horizon = $9, cancel_until = $10, modes = $11, position = $12, kind = $13
		WHERE id = $1`,
		s.ID, s.Name, s.Description, s.Bring, s.Duration, s.Buffer, s.Step,
		s.MinNotice, s.Horizon, s.CancelUntil, s.Modes, s.Position, s.Kind)
	if err := changed(tag.RowsAffected(), err, "service"); err != nil {
		return nil, err
	}
	if err := a.note(ctx, tx, actor, "service.save", AboutService, s.ID); err != nil {
		return nil, err
	}
	return a.settle(ctx, tx, has+` AND ($2
		OR a.mode <> ALL((SELECT e.modes FROM service e WHERE e.id = $1)::text[])
		OR upper(a.period) - lower(a.period) <> (SELECT sum(e.duration) FROM service e WHERE e.id = ANY(a.service_id || a.also)))`,
		s.ID, s.CancelUntil > until)
}

// RetireService hides a service from booking, or brings it back, and lists
// the appointments made for it. Those stay.
func (a *Agenda) RetireService(ctx context.Context, id int64, retire bool, actor Actor, then ...Aftermath) ([]Appointment, error) {
	return a.retireService(ctx, id, retire, editing{actor: actor, then: then})
}

// PreviewRetireService lists the appointments that RetireService would, and
// changes nothing.
func (a *Agenda) PreviewRetireService(ctx context.Context, id int64) ([]Appointment, error) {
	return a.retireService(ctx, id, true, looking)
}

func (a *Agenda) retireService(ctx context.Context, id int64, retire bool, e editing) ([]Appointment, error) {
	list, err := a.edit(ctx, e, func(tx pgx.Tx) ([]Appointment, error) {
		if err := a.retire(ctx, tx, "service", id, retire, e.actor); err != nil || !retire {
			return nil, err
		}
		if err := a.closeLines(ctx, tx, has, id); err != nil {
			return nil, err
		}
		return a.settle(ctx, tx, has, id)
	})
	if err != nil {
		return nil, fmt.Errorf("retire service: %w", err)
	}
	return list, nil
}
