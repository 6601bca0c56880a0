package booking

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"sportello/booking/token"
)

// How long before the start a host may enter, to prepare, and how long after
// the end a guest may stay out of the door and come back.
const (
	hostBefore = time.Hour
	guestAfter = 5 * time.Minute
)

// window is the SQL of a grant's window around a period, by its role. It
// takes the parameters $1 to $4 of windowArgs.
const (
	windowFrom = `(CASE role WHEN 'host' THEN lower(a.period) - $1::interval ELSE lower(a.period) - $2::interval END)`
	windowTo   = `(CASE role WHEN 'guest' THEN upper(a.period) + $3::interval ELSE upper(a.period) + $4::interval END)`
)

func (a *Agenda) windowArgs(more ...any) []any {
	return append([]any{max(hostBefore, a.opt.JoinBefore), a.opt.JoinBefore, min(guestAfter, a.opt.JoinAfter), a.opt.JoinAfter}, more...)
}

// addGrant makes a right to enter the room of a virtual appointment that is
// on: booked, arrived or called. ErrState otherwise.
func (a *Agenda) addGrant(ctx context.Context, tx queryer, appointment uuid.UUID, hash token.Hash, role token.Role,
	identity, name string, id uuid.UUID, actor Actor,
) error {
	rows, err := tx.Query(ctx, `
		INSERT INTO room_grant (id, hash, appointment_id, role, identity, display_name, not_before, not_after, created_at, created_by)
		SELECT $5, $6, a.id, role, $8, $9, `+windowFrom+`, greatest(`+windowTo+`,
			CASE WHEN a.state = 'called' THEN $11::timestamptz + (upper(a.period) - lower(a.period)) + $4::interval END), $11, nullif($12::bigint, 0)
		FROM appointment a, (VALUES ($7::text)) AS r(role)
		WHERE a.id = $10 AND a.mode = 'virtual' AND a.state IN ('booked', 'arrived', 'called')
		FOR SHARE OF a
		RETURNING id`,
		a.windowArgs(id, hash[:], role, identity, name, appointment, a.now(), actor.StaffID)...)
	if err != nil {
		return fmt.Errorf("add grant: %w", err)
	}
	_, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[uuid.UUID])
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("add grant: %w", ErrState)
	}
	if err != nil {
		return fmt.Errorf("add grant: %w", notFoundIfForeign(err))
	}
	return nil
}

// retimeGrants moves the windows of an appointment's grants to its new time.
func (a *Agenda) retimeGrants(ctx context.Context, tx pgx.Tx, appointment uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		UPDATE room_grant SET not_before = `+windowFrom+`, not_after = `+windowTo+`
		FROM appointment a WHERE a.id = appointment_id AND a.id = $5 AND revoked_at IS NULL`, a.windowArgs(appointment)...)
	if err != nil {
		return fmt.Errorf("re-time grants: %w", err)
	}
	return nil
}

// extendGrants lets those who were called late come back into the room for
// as long as the appointment takes from now.
func (a *Agenda) extendGrants(ctx context.Context, tx pgx.Tx, appointment uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		UPDATE room_grant SET not_after = greatest(not_after, $2::timestamptz + (upper(a.period) - lower(a.period)) + $3::interval)
		FROM appointment a
		WHERE a.id = appointment_id AND a.id = $1 AND revoked_at IS NULL`, appointment, a.now(), a.opt.JoinAfter)
	if err != nil {
		return fmt.Errorf("extend grants: %w", err)
	}
	return nil
}

// endGrants closes the windows of an appointment that is over: whoever comes
// now is too late, instead of waiting for nobody.
func (a *Agenda) endGrants(ctx context.Context, tx pgx.Tx, appointment uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		UPDATE room_grant SET not_before = least(not_before, $2), not_after = least(not_after, $2)
		WHERE appointment_id = $1 AND revoked_at IS NULL`, appointment, a.now())
	if err != nil {
		return fmt.Errorf("end grants: %w", err)
	}
	return nil
}

// HostGrant makes a secret with which a clerk enters the room as its host.
func (a *Agenda) HostGrant(ctx context.Context, id uuid.UUID, s Staff) (string, error) {
	secret, _, err := a.grant(ctx, id, token.RoleHost, hostSeat(s.ID), s.Name, Actor{s.ID})
	if err != nil {
		return "", fmt.Errorf("host grant: %w", err)
	}
	return secret, nil
}

// hostSeat is the identity of a clerk in every room.
func hostSeat(staff int64) string { return fmt.Sprintf("staff:%d", staff) }

// CitizenGrant makes another secret for the citizen's own seat: for who proved
// to be the one with code and surname, and has no link.
func (a *Agenda) CitizenGrant(ctx context.Context, id uuid.UUID) (string, error) {
	appointment, err := a.Get(ctx, id)
	if err != nil {
		return "", fmt.Errorf("citizen grant: %w", err)
	}
	name := appointment.Person.Name + " " + appointment.Person.Surname
	secret, _, err := a.grant(ctx, id, token.RoleCitizen, "citizen:"+id.String(), name, Actor{})
	if err != nil {
		return "", fmt.Errorf("citizen grant: %w", err)
	}
	return secret, nil
}

// interpreterSeat begins the identity of a guest who was invited to interpret.
const interpreterSeat = "interpreter:"

// anyGuest is the SQL of an identity without that: who needs an interpreter is
// forgotten with who it was.
const anyGuest = `regexp_replace(identity, '^` + interpreterSeat + `', 'guest:')`

// GuestGrant makes a secret with which a third person, such as an interpreter
// or a relative, enters the room. It can be revoked, and ends sooner. An
// interpreter's picture is kept in view, and for last where a line is narrow.
func (a *Agenda) GuestGrant(ctx context.Context, id uuid.UUID, name string, interpreter bool, actor Actor) (string, uuid.UUID, error) {
	identity := "guest:"
	if interpreter {
		identity = interpreterSeat
	}
	name, err := checkLine("name", name, maxName)
	if err != nil {
		return "", uuid.Nil, fmt.Errorf("guest grant: %w", err)
	}
	secret, grant, err := a.grant(ctx, id, token.RoleGuest, identity, name, actor)
	if err != nil {
		return "", uuid.Nil, fmt.Errorf("guest grant: %w", err)
	}
	return secret, grant, nil
}

// grant makes a secret. An identity that ends with a colon is a kind, whose
// every grant is another person's.
func (a *Agenda) grant(ctx context.Context, appointment uuid.UUID, role token.Role, identity, name string, actor Actor) (string, uuid.UUID, error) {
	id, secret := uuid.New(), token.NewSecret()
	if strings.HasSuffix(identity, ":") {
		identity += id.String()
	}
	hash, err := hashOf(secret)
	if err != nil {
		return "", uuid.Nil, err
	}
	if _, err := a.Get(ctx, appointment); err != nil {
		return "", uuid.Nil, err
	}
	err = a.noted(ctx, actor, "grant."+string(role), AboutAppointment, appointment, func(tx pgx.Tx) error {
		return a.addGrant(ctx, tx, appointment, hash, role, identity, name, id, actor)
	})
	if err != nil {
		return "", uuid.Nil, err
	}
	a.publish(ctx, appointment)
	return secret, id, nil
}

// Guests lists the guests that an appointment has, the revoked ones too.
func (a *Agenda) Guests(ctx context.Context, id uuid.UUID) ([]Guest, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT id, display_name, not_before, not_after, coalesce(revoked_at, '0001-01-01 00:00+00'), starts_with(identity, $2)
		FROM room_grant WHERE appointment_id = $1 AND role = 'guest' ORDER BY created_at, id`, id, interpreterSeat)
	if err != nil {
		return nil, fmt.Errorf("guests: %w", err)
	}
	guests, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Guest])
	if err != nil {
		return nil, fmt.Errorf("guests: %w", err)
	}
	return guests, nil
}

// RevokeGrant takes a right back. Who is in the room already is
// taken out by signalling, which hears of it from the token store.
func (a *Agenda) RevokeGrant(ctx context.Context, grantID uuid.UUID, actor Actor) error {
	var appointment uuid.UUID
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE room_grant SET revoked_at = coalesce(revoked_at, $2), revoked_by = coalesce(revoked_by, nullif($3::bigint, 0))
			WHERE id = $1 RETURNING appointment_id`, grantID, a.now(), actor.StaffID)
		if err != nil {
			return fmt.Errorf("revoke: %w", err)
		}
		if appointment, err = one(rows, pgx.RowTo[uuid.UUID], "revoke"); err != nil {
			return err
		}
		return a.note(ctx, tx, actor, "grant.revoke", AboutAppointment, appointment)
	})
	if err != nil {
		return err
	}
	a.publish(ctx, appointment)
	return nil
}

// storedGrant is a grant as PostgreSQL has it.
type storedGrant struct {
	token.Grant
	hash    token.Hash
	revoked bool
}

func (a *Agenda) storedGrants(ctx context.Context, where string, args ...any) ([]storedGrant, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT g.hash, g.revoked_at IS NOT NULL OR a.state IN ('cancelled', 'expired'), a.id::text, a.room::text,
			g.identity, g.role, g.display_name, 'desk:' || a.desk_id, coalesce(o.name->>'it', ''), s.name,
			coalesce(o.name->>'en', ''), s.name_en,
			lower(a.period), upper(a.period), g.not_before, g.not_after
		FROM room_grant g
		JOIN appointment a ON a.id = g.appointment_id
		JOIN office o ON o.id = a.office_id
		CROSS JOIN LATERAL (
			SELECT string_agg(coalesce(s.name->>'it', ''), ' + ' ORDER BY n) AS name,
				string_agg(coalesce(s.name->>'en', s.name->>'it', ''), ' + ' ORDER BY n) AS name_en
			FROM unnest(a.service_id || a.also) WITH ORDINALITY AS x(id, n) JOIN service s ON s.id = x.id
		) AS s `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("grants: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (g storedGrant, err error) {
		var hash []byte
		err = row.Scan(&hash, &g.revoked, &g.Appointment, &g.Room, &g.Identity, &g.Role, &g.DisplayName,
			&g.Queue, &g.Office, &g.Service, &g.OfficeEN, &g.ServiceEN, &g.StartsAt, &g.EndsAt, &g.NotBefore, &g.NotAfter)
		copy(g.hash[:], hash)
		g.Interpreter = strings.HasPrefix(g.Identity, interpreterSeat)
		return g, err
	})
	if err != nil {
		return nil, fmt.Errorf("grants: %w", err)
	}
	return list, nil
}

// GrantByHash implements token.Source: token.ErrUnknown for what never was,
// token.ErrCancelled for what was taken back.
func (a *Agenda) GrantByHash(ctx context.Context, h token.Hash) (token.Grant, error) {
	list, err := a.storedGrants(ctx, `WHERE g.hash = $1`, h[:])
	switch {
	case err != nil:
		return token.Grant{}, err
	case len(list) == 0:
		return token.Grant{}, fmt.Errorf("grant by hash: %w", token.ErrUnknown)
	case list[0].revoked:
		return token.Grant{}, fmt.Errorf("grant by hash: %w", token.ErrCancelled)
	}
	return list[0].Grant, nil
}
