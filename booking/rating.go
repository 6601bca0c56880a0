package booking

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// maxRemark is in runes.
const maxRemark = 200

// Rate keeps how easy somebody found it, from 1 to 5, with a remark or none: one
// opinion of the whole appointment, however many services it was for.
// What is kept does not lead back to the appointment. ErrState where it was
// rated before, or was never booked.
func (a *Agenda) Rate(ctx context.Context, id uuid.UUID, stars int, remark string) error {
	if stars < 1 || stars > 5 {
		return fmt.Errorf("rate: %w", &FieldError{"stars", CodeRequired})
	}
	remark, err := checkNote("remark", remark)
	if err != nil {
		return fmt.Errorf("rate: %w", err)
	}
	if utf8.RuneCountInString(remark) > maxRemark {
		return fmt.Errorf("rate: %w", &FieldError{"remark", CodeTooLong})
	}
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			WITH once AS (
				UPDATE appointment SET rated = true
				WHERE id = $1 AND NOT rated AND state NOT IN ('held', 'expired', 'cancelled')
				RETURNING office_id, service_id, also, mode
			)
			INSERT INTO rating (id, office_id, service_id, also, mode, day, stars, remark)
			SELECT $2, office_id, service_id, also, mode, ($3::timestamptz AT TIME ZONE o.tz)::date, $4, $5
			FROM once JOIN office o ON o.id = office_id`, id, uuid.New(), a.now(), stars, remark)
		if err == nil && tag.RowsAffected() == 0 {
			err = ErrState
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("rate: %w", err)
	}
	return nil
}

// maxRemarks bounds how many remarks are read at once.
const maxRemarks = 100

// Remark is what somebody wrote with their stars.
type Remark struct {
	Day     time.Time // as a calendar date
	Stars   int
	Service Text // all of them, where the appointment was for several
	Mode    Mode
	Text    string
}

// Ratings are the opinions of a period.
type Ratings struct {
	Stars   [5]int   // how many gave one star, two, … five
	Remarks []Remark // the latest first
}

// Count is how many rated.
func (r Ratings) Count() (n int) {
	for _, x := range r.Stars {
		n += x
	}
	return n
}

// Average is the mean of the stars; 0 where nobody rated.
func (r Ratings) Average() float64 {
	sum := 0
	for i, x := range r.Stars {
		sum += (i + 1) * x
	}
	if sum == 0 {
		return 0
	}
	return float64(sum) / float64(r.Count())
}

// Ratings reads what people found in a period.
func (a *Agenda) Ratings(ctx context.Context, p Period) (r Ratings, err error) {
	const within = `r.day BETWEEN $1 AND $2 AND ($3::bigint = 0 OR r.office_id = $3)`
	args := []any{dateOf(p.First), dateOf(p.Last), p.OfficeID}
	err = a.pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE stars = 1), count(*) FILTER (WHERE stars = 2), count(*) FILTER (WHERE stars = 3),
			count(*) FILTER (WHERE stars = 4), count(*) FILTER (WHERE stars = 5)
		FROM rating r WHERE `+within, args...).Scan(&r.Stars[0], &r.Stars[1], &r.Stars[2], &r.Stars[3], &r.Stars[4])
	if err != nil {
		return r, fmt.Errorf("ratings: %w", err)
	}
	rows, err := a.pool.Query(ctx, `
		SELECT r.day, r.stars, r.mode, r.remark, r.service_id, r.also FROM rating r
		WHERE `+within+` AND r.remark <> '' ORDER BY r.day DESC, r.id LIMIT $4`, append(args, maxRemarks)...)
	if err != nil {
		return r, fmt.Errorf("ratings: %w", err)
	}
	var services []int64 // the first of each, and what was done beside it
	also := map[int][]int64{}
	r.Remarks, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (x Remark, err error) {
		var first int64
		var others []int64
		err = row.Scan(&x.Day, &x.Stars, &x.Mode, &x.Text, &first, &others)
		also[len(also)] = append([]int64{first}, others...)
		services = append(append(services, first), others...)
		return x, err
	})
	if err != nil {
		return r, fmt.Errorf("ratings: %w", err)
	}
	found, err := servicesByID(ctx, a.pool, services)
	if err != nil {
		return r, fmt.Errorf("ratings: %w", err)
	}
	for i, ids := range also {
		var others []Service
		for _, id := range ids[1:] {
			others = append(others, found[id])
		}
		r.Remarks[i].Service = together(found[ids[0]], others).Name
	}
	return r, nil
}
