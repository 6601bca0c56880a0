package booking

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed seed/*.json
var seedFiles embed.FS

// SeedFiles are the data files of the demonstration town.
func SeedFiles() fs.FS {
	sub, err := fs.Sub(seedFiles, "seed")
	if err != nil {
		return seedFiles // cannot be: the folder is embedded above
	}
	return sub
}

// seedFile is a data file: a town and some of its offices. Offices of one
// town may come in several files.
type seedFile struct {
	Town struct {
		Slug   string  `json:"slug"`
		Name   string  `json:"name"`
		Patron *Patron `json:"patron"`
	} `json:"town"`
	Offices []seedOffice `json:"offices"`
}

type seedOffice struct {
	Slug     string        `json:"slug"`
	Name     Text          `json:"name"`
	Intro    Text          `json:"intro"`
	Address  string        `json:"address"`
	Building string        `json:"building"`
	Phone    string        `json:"phone"`
	Email    string        `json:"email"`
	TZ       string        `json:"tz"`
	Position int           `json:"position"`
	MaxOpen  int           `json:"maxOpen"`
	Services []seedService `json:"services"`
	Desks    []seedDesk    `json:"desks"`
}

type seedService struct {
	Slug        string   `json:"slug"`
	Name        Text     `json:"name"`
	Description Text     `json:"description"`
	Bring       Text     `json:"bring"`
	Duration    duration `json:"duration"`
	Buffer      duration `json:"buffer"`
	Step        duration `json:"step"`
	MinNotice   duration `json:"minNotice"`
	Horizon     duration `json:"horizon"`
	CancelUntil duration `json:"cancelUntil"`
	Modes       []Mode   `json:"modes"`
	Kind        string   `json:"kind"`
}

type seedDesk struct {
	Name     string     `json:"name"`
	Modes    []Mode     `json:"modes"`
	Services []string   `json:"services"` // slugs; none: all of the office that share a mode
	Hours    []seedHour `json:"hours"`
}

type seedHour struct {
	Days     []time.Weekday `json:"days"` // 0 is Sunday
	From     string         `json:"from"`
	To       string         `json:"to"`
	Audience Audience       `json:"audience"` // public unless given
}

// duration is a time.Duration written as Go writes it: "15m", "1440h".
type duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = duration(v)
	return err
}

// Seed adds what the .json files of fsys describe and the database lacks.
// What is there is left alone, however it was edited since: it can be run at
// every start.
func (a *Agenda) Seed(ctx context.Context, fsys fs.FS) error {
	names, err := fs.Glob(fsys, "*.json")
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	files := make([]seedFile, len(names))
	for i, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return fmt.Errorf("seed: %w", err)
		}
		if err := json.Unmarshal(data, &files[i]); err != nil {
			return fmt.Errorf("seed %s: %w", path.Base(name), err)
		}
	}
	err = a.rebuilding(ctx, func(tx pgx.Tx) error {
		for i, f := range files {
			if err := a.seedTown(ctx, tx, f); err != nil {
				return fmt.Errorf("%s: %w", path.Base(names[i]), err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	// New desks have no days yet; the others have all of theirs.
	if err := a.RollForward(ctx); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	return nil
}

func (a *Agenda) seedTown(ctx context.Context, tx pgx.Tx, f seedFile) error {
	if f.Town.Slug == "" {
		return errors.New("town has no slug")
	}
	// Several files may name the town; one of them tells of its patron.
	var town int64
	err := tx.QueryRow(ctx, `
		INSERT INTO town AS t (slug, name, patron) VALUES ($1, $2, $3)
		ON CONFLICT (slug) DO UPDATE SET patron = coalesce(t.patron, excluded.patron) RETURNING id`,
		f.Town.Slug, f.Town.Name, f.Town.Patron).Scan(&town)
	if err != nil {
		return fmt.Errorf("town: %w", err)
	}
	for _, o := range f.Offices {
		if err := a.seedOffice(ctx, tx, town, o); err != nil {
			return fmt.Errorf("office %s: %w", o.Slug, err)
		}
	}
	return nil
}

func (a *Agenda) seedOffice(ctx context.Context, tx pgx.Tx, town int64, o seedOffice) error {
	if o.TZ == "" {
		o.TZ = "Europe/Rome"
	}
	if _, err := a.zones.load(o.TZ); err != nil {
		return err
	}
	office, _, err := addOrFind(ctx, tx, `
		INSERT INTO office (slug, town_id, name, intro, address, building, phone, email, tz, position, max_open)
		VALUES ($1, $2, $3, coalesce($4::jsonb, '{}'), $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING id`,
		`SELECT id FROM office WHERE slug = $1`, 1,
		o.Slug, town, o.Name, o.Intro, o.Address, o.Building, o.Phone, o.Email, o.TZ, o.Position, o.MaxOpen)
	if err != nil {
		return err
	}
	services := map[string]int64{}
	for i, s := range o.Services {
		id, _, err := addOrFind(ctx, tx, `
			INSERT INTO service (office_id, slug, name, description, bring, duration, buffer, step,
				min_notice, horizon, cancel_until, modes, position, kind)
			VALUES ($1, $2, $3, coalesce($4::jsonb, '{}'), coalesce($5::jsonb, '{}'), $6, $7, $8, $9, $10, $11, $12, $13, $14)
			ON CONFLICT DO NOTHING RETURNING id`,
			`SELECT id FROM service WHERE office_id = $1 AND slug = $2`, 2,
			office, s.Slug, s.Name, s.Description, s.Bring, time.Duration(s.Duration), time.Duration(s.Buffer), time.Duration(s.Step),
			time.Duration(s.MinNotice), time.Duration(s.Horizon), time.Duration(s.CancelUntil), s.Modes, i+1, s.Kind)
		if err != nil {
			return fmt.Errorf("service %s: %w", s.Slug, err)
		}
		services[s.Slug] = id
	}
	for _, d := range o.Desks {
		if err := seedDeskOf(ctx, tx, office, services, d); err != nil {
			return fmt.Errorf("desk %s: %w", d.Name, err)
		}
	}
	return nil
}

func seedDeskOf(ctx context.Context, tx pgx.Tx, office int64, services map[string]int64, d seedDesk) error {
	desk, added, err := addOrFind(ctx, tx, `
		INSERT INTO desk (office_id, name, modes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id`,
		`SELECT id FROM desk WHERE office_id = $1 AND name = $2`, 2, office, d.Name, d.Modes)
	if err != nil {
		return err
	}
	does := []int64{}
	for _, slug := range d.Services {
		id, ok := services[slug]
		if !ok {
			return fmt.Errorf("service %s: %w", slug, ErrNotFound)
		}
		does = append(does, id)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO desk_service (desk_id, service_id)
		SELECT d.id, s.id FROM desk d JOIN service s ON s.office_id = d.office_id
		WHERE d.id = $1 AND s.modes && d.modes AND (cardinality($2::bigint[]) = 0 OR s.id = ANY($2))
		ON CONFLICT DO NOTHING`, desk, does)
	if err != nil {
		return err
	}
	if !added {
		return nil // its hours may have been edited
	}
	for _, h := range d.Hours {
		for _, day := range h.Days {
			r := OpeningRule{DeskID: desk, Weekday: day, From: h.From, To: h.To, Audience: h.Audience}
			if r.Audience == "" {
				r.Audience = Public
			}
			if err := r.check(); err != nil {
				return err
			}
			if err := insertRule(ctx, tx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// addOrFind runs insert, which returns the id of a new row or no row, and
// then find, with the first keys arguments.
func addOrFind(ctx context.Context, tx pgx.Tx, insert, find string, keys int, args ...any) (id int64, added bool, err error) {
	err = tx.QueryRow(ctx, insert, args...).Scan(&id)
	if !errors.Is(err, pgx.ErrNoRows) {
		return id, err == nil, err
	}
	err = tx.QueryRow(ctx, find, args[:keys]...).Scan(&id)
	return id, false, err
}
