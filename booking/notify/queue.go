package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"sportello/booking"
)

// maxAttempts, with the pauses of retryAfter, is three days of trying. An
// appointment that is over ends it earlier.
const maxAttempts = 300

// QueueConfig is what a Queue is made from.
type QueueConfig struct {
	// Key seals the secrets: 32 bytes that are not in the database.
	Key []byte
	// Channels are those set up; for who has none of them nothing is queued.
	Channels Channels
	// ReminderHour is when, on the day before, a reminder is due (0 to 23).
	ReminderHour int
	Now          func() time.Time
}

// Queue queues notices. It implements booking.Notifier.
type Queue struct {
	client   *river.Client[pgx.Tx]
	sealer   sealer
	channels Channels
	hour     int
	now      func() time.Time
}

// NewQueue makes a queue. It works no jobs: see Start.
func NewQueue(c QueueConfig) (*Queue, error) {
	s, err := newSealer(c.Key)
	if err != nil {
		return nil, err
	}
	if c.ReminderHour < 0 || c.ReminderHour > 23 {
		return nil, fmt.Errorf("notify: %d is no hour of a day", c.ReminderHour)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	// Without a pool it inserts into other people's transactions only.
	client, err := river.NewClient(riverpgxv5.New(nil), &river.Config{})
	if err != nil {
		return nil, fmt.Errorf("notify: queue: %w", err)
	}
	return &Queue{client, s, c.Channels, c.ReminderHour, c.Now}, nil
}

// noticeArgs are a job's arguments: nothing that says who it is about.
type noticeArgs struct {
	Notice      booking.NoticeKind `json:"notice" river:"unique"`
	Appointment string             `json:"appointment" river:"unique"`
	// Version is the appointment's after the change. A reminder has none: an
	// appointment moved away and back is reminded of once.
	Version int `json:"version" river:"unique"`
	// Start is what was agreed, in seconds since 1970.
	Start int64 `json:"start" river:"unique"`
}

// Kind implements river.JobArgs.
func (noticeArgs) Kind() string { return "notice" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (noticeArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: maxAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

// Notify implements booking.Notifier.
func (q *Queue) Notify(ctx context.Context, tx pgx.Tx, n booking.Notice) error {
	var (
		version int
		start   time.Time
		tz      string
		p       booking.Person
	)
	err := tx.QueryRow(ctx, `
		SELECT a.version, lower(a.period), o.tz, p.email, p.phone FROM appointment a
		JOIN office o ON o.id = a.office_id
		JOIN appointment_person p ON p.appointment_id = a.id
		WHERE a.id = $1`, n.Appointment).Scan(&version, &start, &tz, &p.Email, &p.Phone)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // who it was is not known any more
	}
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	if n.Kind == booking.NoticeCancelled || n.Kind == booking.NoticeClosed {
		if _, err := tx.Exec(ctx, `DELETE FROM appointment_link WHERE appointment_id = $1`, n.Appointment); err != nil {
			return fmt.Errorf("notify: forget the link: %w", err)
		}
	}
	if q.channels.For(p) == NoChannel {
		return nil
	}
	if n.Secret != "" {
		_, err := tx.Exec(ctx, `
			INSERT INTO appointment_link (appointment_id, sealed) VALUES ($1, $2)
			ON CONFLICT (appointment_id) DO UPDATE SET sealed = excluded.sealed`, n.Appointment, q.sealer.seal(n.Appointment, n.Secret))
		if err != nil {
			return fmt.Errorf("notify: keep the link: %w", err)
		}
	}
	if n.Quiet {
		return nil
	}
	args := noticeArgs{n.Kind, n.Appointment.String(), version, start.Unix()}
	if _, err := q.client.InsertTx(ctx, tx, args, &river.InsertOpts{ScheduledAt: n.NotBefore}); err != nil {
		return fmt.Errorf("notify: queue: %w", err)
	}
	if n.Kind != booking.NoticeConfirmed && n.Kind != booking.NoticeMoved {
		return nil
	}
	return q.remind(ctx, tx, args, start, tz)
}

// remind queues the reminder of the day before, unless that is past: who has
// just booked for tomorrow needs none.
func (q *Queue) remind(ctx context.Context, tx pgx.Tx, args noticeArgs, start time.Time, tz string) error {
	zone, err := time.LoadLocation(tz)
	if err != nil {
		return fmt.Errorf("notify: time zone: %w", err)
	}
	due := reminderDue(start.In(zone), q.hour)
	if !due.After(q.now()) {
		return nil
	}
	args.Notice, args.Version = booking.NoticeReminder, 0
	if _, err := q.client.InsertTx(ctx, tx, args, &river.InsertOpts{ScheduledAt: due}); err != nil {
		return fmt.Errorf("notify: queue the reminder: %w", err)
	}
	return nil
}

// reminderDue is the hour of the day before a start, by the clock on the wall.
func reminderDue(start time.Time, hour int) time.Time {
	y, m, d := start.Date()
	return time.Date(y, m, d-1, hour, 0, 0, 0, start.Location())
}

// secret gives the secret kept of an appointment, or "".
func (q *Queue) secret(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, id uuid.UUID,
) (string, error) {
	var sealed []byte
	err := db.QueryRow(ctx, `SELECT sealed FROM appointment_link WHERE appointment_id = $1`, id).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("notify: link: %w", err)
	}
	return q.sealer.open(id, sealed)
}
