package booking

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sportello/booking/token"
)

// Hall is where people wait to be called: a building, or one office of it.
type Hall struct {
	Slug     string
	Name     Text // of the office; of a building, the same in every language
	Building string
	Office   int64 // 0: the whole building
	Offices  []int64
}

// Call is one line of a hall's screen. It names nobody.
type Call struct {
	Ticket string
	Number int // the how many-th call of this ticket
	Desk   string
	Office Text
	At     time.Time
}

// Display is a screen's right to show a hall.
type Display struct {
	ID        int64
	Hall      Hall
	CreatedAt time.Time
}

// Halls lists the buildings and then the offices, in the offices' order.
func (a *Agenda) Halls(ctx context.Context) ([]Hall, error) {
	offices, err := a.EveryOffice(ctx) // the retired still call whom they have
	if err != nil {
		return nil, err
	}
	var buildings, single []Hall
	taken := map[string]bool{}
	for _, o := range offices {
		taken[o.Slug] = true
		single = append(single, Hall{Slug: o.Slug, Name: o.Name, Building: o.Building, Office: o.ID, Offices: []int64{o.ID}})
	}
	for _, o := range offices {
		i := slices.IndexFunc(buildings, func(h Hall) bool { return h.Building == o.Building })
		switch {
		case o.Building == "":
		case i >= 0:
			buildings[i].Offices = append(buildings[i].Offices, o.ID)
		default:
			h := Hall{Slug: slug(o.Building), Name: Text{"it": o.Building}, Building: o.Building, Offices: []int64{o.ID}}
			for n := 2; taken[h.Slug]; n++ { // the name of an office, or of a building that differs in signs only
				h.Slug = slug(o.Building) + "-" + strconv.Itoa(n)
			}
			taken[h.Slug] = true
			buildings = append(buildings, h)
		}
	}
	return append(buildings, single...), nil
}

// slug makes a name fit for an address.
func slug(name string) string {
	var words []string
	for _, w := range strings.Fields(strings.NewReplacer("'", " ", "’", " ", "-", " ").Replace(name)) {
		if w = fold(w); w != "" {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return "sala"
	}
	return strings.Join(words, "-")
}

// HallBySlug finds a hall, or ErrNotFound.
func (a *Agenda) HallBySlug(ctx context.Context, slug string) (Hall, error) {
	halls, err := a.Halls(ctx)
	if err != nil {
		return Hall{}, err
	}
	for _, h := range halls {
		if h.Slug == slug {
			return h, nil
		}
	}
	return Hall{}, fmt.Errorf("hall: %w", ErrNotFound)
}

// Calls lists who is called in a hall today, the latest call first.
func (a *Agenda) Calls(ctx context.Context, h Hall, limit int) ([]Call, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT a.ticket, a.calls, d.name, o.name, a.last_called_at
		FROM appointment a JOIN desk d ON d.id = a.desk_id JOIN office o ON o.id = a.office_id
		WHERE a.office_id = ANY($1) AND a.day BETWEEN $2::date AND $2::date + 2
			AND a.day = ($3::timestamptz AT TIME ZONE o.tz)::date
			AND a.state = 'called' AND a.mode = 'in_person' AND a.ticket <> '' AND a.last_called_at IS NOT NULL
		ORDER BY a.last_called_at DESC, a.id LIMIT $4`, h.Offices, a.today(), a.now(), limit)
	if err != nil {
		return nil, fmt.Errorf("calls: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Call])
	if err != nil {
		return nil, fmt.Errorf("calls: %w", err)
	}
	return list, nil
}

// AddDisplay makes the secret of a screen's link. It is nowhere stored.
func (a *Agenda) AddDisplay(ctx context.Context, h Hall, actor Actor) (string, error) {
	secret := token.NewSecret()
	hash, err := hashOf(secret)
	if err != nil {
		return "", err
	}
	var building *string
	if h.Office == 0 {
		building = &h.Building
	}
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		var id int64
		if err := tx.QueryRow(ctx, `
			INSERT INTO hall_display (building, office_id, hash, created_at, created_by)
			VALUES ($1, nullif($2::bigint, 0), $3, $4, nullif($5::bigint, 0)) RETURNING id`,
			building, h.Office, hash[:], a.now(), actor.StaffID).Scan(&id); err != nil {
			return notFoundIfForeign(err)
		}
		return a.note(ctx, tx, actor, "display.add", AboutDisplay, id)
	})
	if err != nil {
		return "", fmt.Errorf("add display: %w", err)
	}
	return secret, nil
}

// Displays lists the screens that may show something, the latest first.
func (a *Agenda) Displays(ctx context.Context) ([]Display, error) {
	return a.displays(ctx, `WHERE revoked_at IS NULL ORDER BY id DESC`)
}

// DisplayBySecret finds what a screen may show, or ErrNotFound.
func (a *Agenda) DisplayBySecret(ctx context.Context, secret string) (Display, error) {
	hash, err := hashOf(secret)
	if err != nil {
		return Display{}, fmt.Errorf("display: %w", err)
	}
	list, err := a.displays(ctx, `WHERE hash = $1 AND revoked_at IS NULL`, hash[:])
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("display: %w", ErrNotFound)
	}
	if err != nil {
		return Display{}, err
	}
	return list[0], nil
}

// displays leaves out screens of buildings that no office is in any more.
func (a *Agenda) displays(ctx context.Context, ending string, args ...any) ([]Display, error) {
	rows, err := a.pool.Query(ctx, `SELECT id, coalesce(building, ''), coalesce(office_id, 0), created_at FROM hall_display `+ending, args...)
	if err != nil {
		return nil, fmt.Errorf("displays: %w", err)
	}
	type row struct {
		ID       int64
		Building string
		Office   int64
		Created  time.Time
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return nil, fmt.Errorf("displays: %w", err)
	}
	halls, err := a.Halls(ctx)
	if err != nil {
		return nil, err
	}
	var out []Display
	for _, r := range list {
		for _, h := range halls {
			if h.Office == r.Office && (r.Office != 0 || h.Building == r.Building) {
				out = append(out, Display{ID: r.ID, Hall: h, CreatedAt: r.Created})
			}
		}
	}
	return out, nil
}

// RevokeDisplay takes a screen's right back. Done twice it is done once.
func (a *Agenda) RevokeDisplay(ctx context.Context, id int64, actor Actor) error {
	err := a.noted(ctx, actor, "display.revoke", AboutDisplay, id, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE hall_display SET revoked_at = coalesce(revoked_at, $2), revoked_by = coalesce(revoked_by, nullif($3::bigint, 0))
			WHERE id = $1`, id, a.now(), actor.StaffID)
		return changed(tag.RowsAffected(), err, "display")
	})
	if err != nil {
		return fmt.Errorf("revoke display: %w", err)
	}
	return nil
}
