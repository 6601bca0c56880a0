package booking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const officeColumns = `o.id, o.slug, o.name, o.intro, o.address, o.building, o.phone, o.email, o.tz, o.position, o.max_open, o.offer_for, o.cool_for, o.letter, o.history, o.retention_days, o.retired_at IS NOT NULL`

// columns are where a row of officeColumns is read into.
func (o *Office) columns() []any {
	return []any{
		&o.ID, &o.Slug, &o.Name, &o.Intro, &o.Address, &o.Building, &o.Phone, &o.Email, &o.TZ, &o.Position, &o.MaxOpen,
		&o.OfferFor, &o.CoolFor, &o.Letter, &o.History, &o.RetentionDays, &o.Retired,
	}
}

// Offices lists the offices that can be booked, in their order.
func (a *Agenda) Offices(ctx context.Context) ([]Office, error) { return a.offices(ctx, false) }

// EveryOffice lists the offices in their order, the retired ones too: they
// may have appointments still.
func (a *Agenda) EveryOffice(ctx context.Context) ([]Office, error) { return a.offices(ctx, true) }

func (a *Agenda) offices(ctx context.Context, retired bool) ([]Office, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT `+officeColumns+` FROM office o
		WHERE $1 OR o.retired_at IS NULL ORDER BY o.position, o.id`, retired)
	if err != nil {
		return nil, fmt.Errorf("offices: %w", err)
	}
	offices, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Office])
	if err != nil {
		return nil, fmt.Errorf("offices: %w", err)
	}
	return offices, nil
}

// OfficeBySlug finds an office that can be booked, or ErrNotFound.
func (a *Agenda) OfficeBySlug(ctx context.Context, slug string) (Office, error) {
	rows, err := a.pool.Query(ctx, `SELECT `+officeColumns+` FROM office o WHERE o.slug = $1 AND o.retired_at IS NULL`, clean(slug))
	if err != nil {
		return Office{}, fmt.Errorf("office: %w", err)
	}
	return one(rows, pgx.RowToStructByPos[Office], "office")
}

const serviceColumns = `s.id, s.office_id, o.slug, s.slug, s.name, s.description, s.bring,
	s.duration, s.buffer, s.step, s.min_notice, s.horizon, s.cancel_until, s.modes, s.position, s.kind, s.retired_at IS NOT NULL`

// columns are where a row of serviceColumns is read into.
func (s *Service) columns() []any {
	return []any{
		&s.ID, &s.OfficeID, &s.OfficeSlug, &s.Slug, &s.Name, &s.Description, &s.Bring, &s.Duration, &s.Buffer, &s.Step,
		&s.MinNotice, &s.Horizon, &s.CancelUntil, &s.Modes, &s.Position, &s.Kind, &s.Retired,
	}
}

// Services lists the services of an office that can be booked, in their order.
func (a *Agenda) Services(ctx context.Context, officeID int64) ([]Service, error) {
	return a.services(ctx, officeID, false)
}

// EveryService lists the services of an office in their order, the retired ones too.
func (a *Agenda) EveryService(ctx context.Context, officeID int64) ([]Service, error) {
	return a.services(ctx, officeID, true)
}

func (a *Agenda) services(ctx context.Context, officeID int64, retired bool) ([]Service, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT `+serviceColumns+` FROM service s JOIN office o ON o.id = s.office_id
		WHERE s.office_id = $1 AND ($2 OR s.retired_at IS NULL) ORDER BY s.position, s.id`, officeID, retired)
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	services, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Service])
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	return services, nil
}

// AllServices lists the services of all offices that can be booked, in the
// order of the offices.
func (a *Agenda) AllServices(ctx context.Context) ([]Service, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT `+serviceColumns+` FROM service s JOIN office o ON o.id = s.office_id
		WHERE s.retired_at IS NULL AND o.retired_at IS NULL
		ORDER BY o.position, o.id, s.position, s.id`)
	if err != nil {
		return nil, fmt.Errorf("all services: %w", err)
	}
	services, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Service])
	if err != nil {
		return nil, fmt.Errorf("all services: %w", err)
	}
	return services, nil
}

// ServiceBySlug finds a service that can be booked, and its office, or ErrNotFound.
func (a *Agenda) ServiceBySlug(ctx context.Context, officeSlug, serviceSlug string) (Office, Service, error) {
	office, err := a.OfficeBySlug(ctx, officeSlug)
	if err != nil {
		return Office{}, Service{}, err
	}
	rows, err := a.pool.Query(ctx, `
		SELECT `+serviceColumns+` FROM service s JOIN office o ON o.id = s.office_id
		WHERE s.office_id = $1 AND s.slug = $2 AND s.retired_at IS NULL`, office.ID, clean(serviceSlug))
	if err != nil {
		return Office{}, Service{}, fmt.Errorf("service: %w", err)
	}
	service, err := one(rows, pgx.RowToStructByPos[Service], "service")
	return office, service, err
}

// serviceByID finds a service and the time zone of its office, or ErrNotFound.
func (a *Agenda) serviceByID(ctx context.Context, id int64) (Service, *time.Location, error) {
	type row struct {
		Service
		TZ string
	}
	rows, err := a.pool.Query(ctx, `
		SELECT `+serviceColumns+`, o.tz FROM service s JOIN office o ON o.id = s.office_id
		WHERE s.id = $1`, id)
	if err != nil {
		return Service{}, nil, fmt.Errorf("service: %w", err)
	}
	r, err := one(rows, pgx.RowToStructByPos[row], "service")
	if err != nil {
		return Service{}, nil, err
	}
	loc, err := a.zones.load(r.TZ)
	return r.Service, loc, err
}

const deskColumns = `d.id, d.office_id, d.name, d.modes,
	ARRAY(SELECT service_id FROM desk_service ds WHERE ds.desk_id = d.id ORDER BY 1), d.retired_at IS NOT NULL`

// Desks lists the desks of an office (0: of all), the retired ones too.
func (a *Agenda) Desks(ctx context.Context, officeID int64) ([]Desk, error) {
	of := `d.office_id = $1`
	if officeID == 0 { // not in one statement, whose plan would read all desks for one office too
		of = `$1::bigint = 0`
	}
	rows, err := a.pool.Query(ctx, `
		SELECT `+deskColumns+` FROM desk d WHERE `+of+` ORDER BY d.office_id, d.id`, officeID)
	if err != nil {
		return nil, fmt.Errorf("desks: %w", err)
	}
	desks, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Desk])
	if err != nil {
		return nil, fmt.Errorf("desks: %w", err)
	}
	return desks, nil
}

// one takes the only row of a look-up, or ErrNotFound.
func one[T any](rows pgx.Rows, scan pgx.RowToFunc[T], what string) (T, error) {
	v, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	if err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}
