package booking

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxAlso bounds how many services are done beside the first.
const maxAlso = 3

// together is what several services come to in one appointment: their lengths
// add up, the strictest rule of each kind holds, and all is to be brought. It
// goes by the first one's id, step and place in lists.
func together(first Service, also []Service) Service {
	if len(also) == 0 {
		return first
	}
	s := first
	s.Also = nil
	s.Modes = slices.Clone(first.Modes)
	for _, x := range also {
		s.Also = append(s.Also, x.ID)
		s.Duration += x.Duration
		s.Buffer = max(s.Buffer, x.Buffer)
		s.MinNotice = max(s.MinNotice, x.MinNotice)
		s.Horizon = min(s.Horizon, x.Horizon)
		s.CancelUntil = max(s.CancelUntil, x.CancelUntil)
		s.Modes = slices.DeleteFunc(s.Modes, func(m Mode) bool { return !x.Allows(m) })
		s.Retired = s.Retired || x.Retired
	}
	s.Name, s.Bring = Text{}, Text{}
	for _, lang := range []string{"it", "en"} {
		var names, bring []string
		for _, x := range append([]Service{first}, also...) {
			names = append(names, x.Name.In(lang))
			for _, line := range strings.Split(x.Bring.In(lang), "\n") {
				if !slices.Contains(bring, line) {
					bring = append(bring, line)
				}
			}
		}
		s.Name[lang], s.Bring[lang] = strings.Join(names, " + "), strings.Trim(strings.Join(bring, "\n"), "\n")
	}
	return s
}

// serviceWith finds a service, taken together with others, and the time zone of
// its office. ErrNotBookable where one appointment cannot be made of them.
func (a *Agenda) serviceWith(ctx context.Context, id int64, also []int64) (Service, *time.Location, error) {
	s, loc, err := a.serviceByID(ctx, id)
	if err != nil || len(also) == 0 {
		return s, loc, err
	}
	others, err := servicesByID(ctx, a.pool, also)
	if err != nil {
		return Service{}, nil, err
	}
	if s, err = joined(s, also, others); err != nil {
		return Service{}, nil, err
	}
	return s, loc, nil
}

// joined is a service together with others, of those there are. ErrNotBookable where
// one appointment cannot be made of them.
func joined(s Service, also []int64, there map[int64]Service) (Service, error) {
	if len(also) == 0 {
		return s, nil
	}
	if len(also) > maxAlso {
		return Service{}, ErrNotBookable
	}
	var list []Service
	for i, x := range also {
		o, ok := there[x]
		if !ok || o.OfficeID != s.OfficeID || x == s.ID || slices.Contains(also[:i], x) {
			return Service{}, ErrNotBookable
		}
		list = append(list, o)
	}
	if s = together(s, list); s.Duration > maxDuration {
		return Service{}, ErrNotBookable
	}
	return s, nil
}

// servicesByID finds services, retired or not.
func servicesByID(ctx context.Context, db queryer, ids []int64) (map[int64]Service, error) {
	rows, err := db.Query(ctx, `SELECT `+serviceColumns+` FROM service s JOIN office o ON o.id = s.office_id WHERE s.id = ANY($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Service])
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	found := map[int64]Service{}
	for _, s := range list {
		found[s.ID] = s
	}
	return found, nil
}

// fillTogether puts what else is done into the services of appointments, of
// which only the ids were read.
func fillTogether(ctx context.Context, db queryer, list []record) error {
	var ids []int64
	for _, r := range list {
		ids = append(ids, r.Service.Also...)
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := servicesByID(ctx, db, ids)
	if err != nil {
		return err
	}
	for i := range list {
		var also []Service
		for _, id := range list[i].Service.Also {
			also = append(also, found[id])
		}
		list[i].Service = together(list[i].Service, also)
	}
	return nil
}

// Together finds a service as it is in one appointment with others.
// ErrNotBookable where they cannot be had in one.
func (a *Agenda) Together(ctx context.Context, id int64, also []int64) (Service, error) {
	s, _, err := a.serviceWith(ctx, id, also)
	if err == nil && len(s.Modes) == 0 {
		err = ErrNotBookable
	}
	if err != nil {
		return Service{}, fmt.Errorf("together: %w", err)
	}
	return s, nil
}

// doesAll is true of a desk d that does the services of an array as well.
func doesAll(also string) string {
	return `NOT EXISTS (SELECT FROM unnest(CAST(` + also + ` AS bigint[])) AS x(id)
		WHERE NOT EXISTS (SELECT FROM desk_service y WHERE y.desk_id = d.id AND y.service_id = x.id))`
}

// Joinable lists what the office can do in the same appointment with a service
// and what was joined to it: some desk does all of it, in one mode.
func (a *Agenda) Joinable(ctx context.Context, id int64, also []int64) ([]Service, error) {
	now, _, err := a.serviceWith(ctx, id, also)
	if err != nil {
		return nil, fmt.Errorf("joinable: %w", err)
	}
	if len(also) >= maxAlso {
		return nil, nil
	}
	rows, err := a.pool.Query(ctx, `
		SELECT `+serviceColumns+` FROM service s JOIN office o ON o.id = s.office_id
		WHERE s.office_id = $1 AND s.retired_at IS NULL AND s.id <> $2 AND s.id <> ALL($3) AND s.duration <= $4
			AND EXISTS (SELECT FROM desk d JOIN desk_service ds ON ds.desk_id = d.id AND ds.service_id = s.id
				WHERE d.retired_at IS NULL AND EXISTS (SELECT FROM unnest(d.modes) AS m WHERE m = ANY(s.modes) AND m = ANY($5)) AND `+doesAll(`$3::bigint[] || $2::bigint`)+`)
		ORDER BY s.position, s.id`, now.OfficeID, id, none(also), maxDuration-now.Duration, now.Modes)
	if err != nil {
		return nil, fmt.Errorf("joinable: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Service])
	if err != nil {
		return nil, fmt.Errorf("joinable: %w", err)
	}
	return list, nil
}

// none is ids, or an empty list: PostgreSQL would take nil for NULL.
func none(ids []int64) []int64 {
	if ids == nil {
		return []int64{}
	}
	return ids
}
