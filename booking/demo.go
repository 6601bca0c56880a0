package booking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// SeedStaff adds the accounts of the demonstration town that are missing, all
// with one password. It is for development: a real town adds its own.
func (a *Agenda) SeedStaff(ctx context.Context, password string) error {
	accounts := []struct {
		Staff
		office string
	}{
		{Staff{Login: "amministratore", Name: "Ada Amministratrice", Roles: []StaffRole{Administrator}}, ""},
		{Staff{Login: "operatore", Name: "Olga Operatrice", Roles: []StaffRole{Operator}}, ""},
		{Staff{Login: "reception", Name: "Rita Reception", Roles: []StaffRole{Reception}}, ""},
		{Staff{Login: "anagrafe", Name: "Anna Ferrero", Roles: []StaffRole{Clerk}}, "anagrafe"},
		{Staff{Login: "statocivile", Name: "Stefano Bianco", Roles: []StaffRole{Clerk}}, "stato-civile"},
		{Staff{Login: "cimiteri", Name: "Carla Rostan", Roles: []StaffRole{Clerk}}, "servizi-cimiteriali"},
		{Staff{Login: "tributi", Name: "Tommaso Giraud", Roles: []StaffRole{Clerk}}, "tributi"},
	}
	for _, acc := range accounts {
		var there bool
		if err := a.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM staff WHERE login = $1)`, acc.Login).Scan(&there); err != nil {
			return fmt.Errorf("seed staff: %w", err)
		}
		if there {
			continue
		}
		if acc.office != "" {
			office, err := a.OfficeBySlug(ctx, acc.office)
			if err != nil {
				return fmt.Errorf("seed staff: %w", err)
			}
			desks, err := a.Desks(ctx, office.ID)
			if err != nil {
				return fmt.Errorf("seed staff: %w", err)
			}
			acc.Offices = []int64{office.ID}
			for _, d := range desks {
				acc.Desks = append(acc.Desks, d.ID)
			}
		}
		if _, err := a.AddStaff(ctx, acc.Staff, password, Actor{}); err != nil && !errors.Is(err, ErrLoginTaken) {
			return fmt.Errorf("seed staff: %w", err)
		}
	}
	return nil
}

// demoLength is how long a demonstration's appointment lasts.
const demoLength = time.Hour

// demoNote marks the appointments that DemoAppointment made.
const demoNote = "Appuntamento dimostrativo"

// DemoAppointment makes a virtual appointment that starts now, at a virtual
// desk that a clerk works at, outside its hours if need be. The demonstration
// before it is cancelled: its link cannot be shown again, as no secret is
// stored. ErrSlotTaken says that all such desks are busy.
func (a *Agenda) DemoAppointment(ctx context.Context) (Demo, error) {
	if err := a.cancelDemos(ctx); err != nil {
		return Demo{}, fmt.Errorf("demo: %w", err)
	}
	rows, err := a.pool.Query(ctx, `
		SELECT d.id, s.id, (SELECT min(sd.staff_id) FROM staff_desk sd
			JOIN staff st ON st.id = sd.staff_id AND st.disabled_at IS NULL
			JOIN staff_role r ON r.staff_id = sd.staff_id AND r.role = 'clerk' WHERE sd.desk_id = d.id) AS clerk
		FROM desk d JOIN office o ON o.id = d.office_id JOIN desk_service ds ON ds.desk_id = d.id
		JOIN service s ON s.id = ds.service_id AND 'virtual' = ANY(s.modes)
		WHERE 'virtual' = ANY(d.modes) AND d.retired_at IS NULL AND s.retired_at IS NULL AND o.retired_at IS NULL
			AND EXISTS (SELECT FROM staff_desk sd JOIN staff_role r USING (staff_id)
			WHERE sd.desk_id = d.id AND r.role = 'clerk')
		ORDER BY o.position, cardinality(d.modes), d.id, s.position`)
	if err != nil {
		return Demo{}, fmt.Errorf("demo: %w", err)
	}
	type candidate struct {
		Desk, Service int64
		Clerk         *int64
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
	if err != nil {
		return Demo{}, fmt.Errorf("demo: %w", err)
	}
	for _, c := range list {
		if c.Clerk == nil {
			continue
		}
		d, err := a.demoAt(ctx, c.Desk, c.Service, *c.Clerk)
		if errors.Is(err, errLost) {
			continue
		}
		if err != nil {
			return Demo{}, fmt.Errorf("demo: %w", err)
		}
		return d, nil
	}
	return Demo{}, fmt.Errorf("demo: %w", ErrSlotTaken)
}

func (a *Agenda) cancelDemos(ctx context.Context) error {
	rows, err := a.pool.Query(ctx, `
		SELECT id FROM appointment WHERE outside_hours AND staff_note = $1 AND state IN `+live, demoNote)
	if err != nil {
		return fmt.Errorf("old demos: %w", err)
	}
	old, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("old demos: %w", err)
	}
	for _, id := range old {
		r, err := a.Get(ctx, id)
		if err != nil {
			return err
		}
		actor, err := a.anyClerk(ctx, r.DeskID)
		if err != nil {
			return err
		}
		switch r.State {
		case Called: // nobody ended the call
			_, err = a.Transition(ctx, id, NoShow, actor)
		case Served: // the rest of its hour is free
			_, err = a.pool.Exec(ctx, `
				UPDATE appointment SET period = tstzrange(lower(period), $2), occupied = tstzrange(lower(period), $2)
				WHERE id = $1 AND lower(period) < $2 AND $2 < upper(period)`, id, a.now().Truncate(time.Minute))
		case Held, Booked, Arrived, NoShow, Cancelled, Expired:
			err = a.Cancel(ctx, id, actor)
		}
		if err != nil && !errors.Is(err, ErrState) {
			return err
		}
	}
	return nil
}

// anyClerk acts for the desk, so that the limits for citizens do not hold.
func (a *Agenda) anyClerk(ctx context.Context, desk int64) (Actor, error) {
	var actor Actor
	err := a.pool.QueryRow(ctx, `SELECT coalesce(min(staff_id), 0) FROM staff_desk WHERE desk_id = $1`, desk).Scan(&actor.StaffID)
	if err != nil {
		return actor, fmt.Errorf("clerk: %w", err)
	}
	return actor, nil
}

func (a *Agenda) demoAt(ctx context.Context, desk, service, clerk int64) (Demo, error) {
	s, loc, err := a.serviceByID(ctx, service)
	if err != nil {
		return Demo{}, err
	}
	start := a.now().Truncate(time.Minute).In(loc)
	p := place{service: s, mode: Virtual, audience: Operators, start: start, end: start.Add(demoLength), until: start.Add(demoLength), day: dateOf(start)}
	if err := a.expireStale(ctx, desk, p, uuid.Nil); err != nil {
		return Demo{}, err
	}
	h, won, err := a.holdWith(ctx, func(h newHold) (bool, error) { return a.insertAnyhow(ctx, p, desk, h) }, ByOperator, Actor{clerk})
	if err != nil {
		return Demo{}, err
	}
	if !won {
		return Demo{}, errLost
	}
	person := Person{Name: "Maria", Surname: "Rossi", Email: "maria.rossi@example.org", Language: "it"}
	d := Demo{Secret: h.Secret}
	if d.Appointment, err = a.fillIn(ctx, h, person, "", demoNote, BookRequest{Actor: Actor{clerk}}); err != nil {
		return Demo{}, err
	}
	d.Clerk, err = a.StaffByID(ctx, clerk)
	return d, err
}

// insertAnyhow places a hold at a desk whatever its hours. The constraint
// holds all the same.
func (a *Agenda) insertAnyhow(ctx context.Context, p place, desk int64, h newHold) (bool, error) {
	tag, err := a.pool.Exec(ctx, `
		WITH offered AS (
			SELECT FROM desk d JOIN desk_service ds ON ds.desk_id = d.id AND ds.service_id = $4 JOIN service s ON s.id = ds.service_id
			WHERE d.id = $5 AND d.retired_at IS NULL AND s.retired_at IS NULL AND $10 = ANY(d.modes)
			FOR SHARE OF d, ds, s
		)
		INSERT INTO appointment (id, room, office_id, service_id, also, desk_id, day, period, occupied, outside_hours,
			mode, channel, audience, state, hold_expires_at, secret_hash, code_hash, created_at, created_by, changed_at, changed_by)
		SELECT $1, $2, $3, $4, $18, $5, $6, tstzrange($7, $8), tstzrange($7, $9), true,
			$10, $11, $12, 'held', $13, $14, $15, $16, nullif($17::bigint, 0), $16, nullif($17::bigint, 0)
		FROM offered
		ON CONFLICT ON CONSTRAINT no_overlap DO NOTHING`,
		h.id, h.room, p.service.OfficeID, p.service.ID, desk, p.day, p.start, p.end, p.until,
		p.mode, h.channel, p.audience, h.expires, h.secretHash, h.codeHash, a.now(), h.staff, none(p.service.Also))
	if err != nil {
		return false, fmt.Errorf("insert: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}
