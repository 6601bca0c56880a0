package booking

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// known is what a process remembers of an office, lest each hold read it anew: what
// it was at a revision. Whoever books by it has the database compare the revision
// (take), and learns anew where the office was edited since. Never changed once made.
type known struct {
	office   Office
	loc      *time.Location
	revision int64
	services map[int64]Service // the retired ones too
	desks    []Desk
}

// memory holds what is known, by service. The zero value is ready to use.
type memory struct {
	mu    sync.RWMutex
	known map[int64]*known
}

// remembered bounds how many services are remembered: some kilobytes each.
const remembered = 20_000

// recall finds the office of a service as it is remembered, or learns it.
// ErrNotFound where there is no such service.
func (a *Agenda) recall(ctx context.Context, service int64) (*known, error) {
	a.memory.mu.RLock()
	k := a.memory.known[service]
	a.memory.mu.RUnlock()
	if k != nil {
		return k, nil
	}
	return a.learn(ctx, service)
}

// learn reads the office of a service, in one round trip, and remembers it. The
// revision is read first: should the office be edited meanwhile, what is remembered is
// of none.
func (a *Agenda) learn(ctx context.Context, service int64) (*known, error) {
	k := &known{services: map[int64]Service{}}
	const office = `(SELECT office_id FROM service WHERE id = $1)`
	var read pgx.Batch
	read.Queue(`SELECT `+officeColumns+`, o.revision FROM office o WHERE o.id = `+office, service).Query(func(rows pgx.Rows) error {
		_, err := one(rows, func(row pgx.CollectableRow) (struct{}, error) {
			return struct{}{}, row.Scan(append(k.office.columns(), &k.revision)...)
		}, "service")
		return err
	})
	read.Queue(`SELECT `+serviceColumns+` FROM service s JOIN office o ON o.id = s.office_id WHERE s.office_id = `+office, service).Query(func(rows pgx.Rows) error {
		services, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Service])
		for _, s := range services {
			k.services[s.ID] = s
		}
		return err
	})
	read.Queue(`SELECT `+deskColumns+` FROM desk d WHERE d.office_id = `+office+` ORDER BY d.id`, service).Query(func(rows pgx.Rows) (err error) {
		k.desks, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Desk])
		return err
	})
	err := a.pool.SendBatch(ctx, &read).Close()
	if err != nil {
		return nil, fmt.Errorf("learn: %w", err)
	}
	if k.loc, err = a.zones.load(k.office.TZ); err != nil {
		return nil, err
	}
	a.memory.mu.Lock()
	defer a.memory.mu.Unlock()
	if a.memory.known == nil || len(a.memory.known) > remembered {
		a.memory.known = map[int64]*known{}
	}
	for id := range k.services {
		a.memory.known[id] = k
	}
	return k, nil
}

// place is where a request wants to be, and the desks that do what it wants.
// ErrNotBookable as placeAt has it.
func (k *known) place(r HoldRequest, now time.Time) (place, []int64, error) {
	s, ok := k.services[r.ServiceID]
	if !ok {
		return place{}, nil, ErrNotBookable
	}
	s, err := joined(s, r.Also, k.services)
	if err != nil {
		return place{}, nil, err
	}
	p, err := placeOf(s, k.loc, r.Mode, r.Audience, r.Start, now)
	if err != nil {
		return place{}, nil, err
	}
	var desks []int64
	for _, d := range k.desks {
		does := func(id int64) bool { return slices.Contains(d.Services, id) }
		if (r.DeskID == 0 || r.DeskID == d.ID) && slices.Contains(d.Modes, r.Mode) && does(r.ServiceID) &&
			!slices.ContainsFunc(r.Also, func(id int64) bool { return !does(id) }) {
			desks = append(desks, d.ID)
		}
	}
	return p, desks, nil
}

// name is what a desk is called.
func (k *known) name(desk int64) string {
	for _, d := range k.desks {
		if d.ID == desk {
			return d.Name
		}
	}
	return ""
}
