package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sportello/booking/token"
)

// feedBack and feedAhead bound what a feed shows: enough to look up last week,
// and as far as anybody books.
const (
	feedBack  = 14 * 24 * time.Hour
	feedAhead = 366 * 24 * time.Hour
)

// Feed is a calendar program's right to read a desk's agenda.
type Feed struct {
	ID        int64
	DeskID    int64
	CreatedAt time.Time
}

// AddFeed makes the secret of a feed's link. It is nowhere stored.
func (a *Agenda) AddFeed(ctx context.Context, deskID int64, actor Actor) (string, error) {
	secret := token.NewSecret()
	hash, err := hashOf(secret)
	if err != nil {
		return "", err
	}
	err = a.noted(ctx, actor, "feed.add", AboutDesk, deskID, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO desk_feed (desk_id, hash, created_at, created_by) VALUES ($1, $2, $3, nullif($4::bigint, 0))`,
			deskID, hash[:], a.now(), actor.StaffID)
		return notFoundIfForeign(err)
	})
	if err != nil {
		return "", fmt.Errorf("add feed: %w", err)
	}
	return secret, nil
}

// Feeds lists the feeds of a desk that can be read, the latest first.
func (a *Agenda) Feeds(ctx context.Context, deskID int64) ([]Feed, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT id, desk_id, created_at FROM desk_feed WHERE desk_id = $1 AND revoked_at IS NULL ORDER BY id DESC`, deskID)
	if err != nil {
		return nil, fmt.Errorf("feeds: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Feed])
	if err != nil {
		return nil, fmt.Errorf("feeds: %w", err)
	}
	return list, nil
}

// RevokeFeed takes the right of a feed of this desk back. Done twice it is
// done once.
func (a *Agenda) RevokeFeed(ctx context.Context, deskID, id int64, actor Actor) error {
	err := a.noted(ctx, actor, "feed.revoke", AboutDesk, deskID, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE desk_feed SET revoked_at = coalesce(revoked_at, $3), revoked_by = coalesce(revoked_by, nullif($4::bigint, 0))
			WHERE id = $1 AND desk_id = $2`, id, deskID, a.now(), actor.StaffID)
		return changed(tag.RowsAffected(), err, "feed")
	})
	if err != nil {
		return fmt.Errorf("revoke feed: %w", err)
	}
	return nil
}

// FeedBySecret finds the feed of a link, or ErrNotFound.
func (a *Agenda) FeedBySecret(ctx context.Context, secret string) (Feed, error) {
	hash, err := hashOf(secret)
	if err != nil {
		return Feed{}, fmt.Errorf("feed: %w", err)
	}
	rows, err := a.pool.Query(ctx, `SELECT id, desk_id, created_at FROM desk_feed WHERE hash = $1 AND revoked_at IS NULL`, hash[:])
	if err != nil {
		return Feed{}, fmt.Errorf("feed: %w", err)
	}
	return one(rows, pgx.RowToStructByPos[Feed], "feed")
}

// FeedAgenda lists a feed's appointments, without whose they are: a fortnight
// back and all to come. Cancelled ones are there too, so that calendars which
// have them take them out.
func (a *Agenda) FeedAgenda(ctx context.Context, f Feed) ([]Appointment, error) {
	now := a.now()
	list, err := a.records(ctx, a.pool, `
		WHERE a.desk_id = $1 AND a.period && tstzrange($2, $3) AND a.state NOT IN ('held', 'expired')
		ORDER BY lower(a.period), a.id`, f.DeskID, now.Add(-feedBack), now.Add(feedAhead))
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	out := appointments(list)
	for i := range out {
		out[i].Person, out[i].Note, out[i].StaffNote = Person{}, "", ""
	}
	return out, nil
}
