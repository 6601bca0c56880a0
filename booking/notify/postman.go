package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"sportello/booking"
)

const (
	// sendTime bounds one attempt. Whoever dies meanwhile leaves the job to
	// others after lostAfter.
	sendTime  = time.Minute
	lostAfter = 5 * time.Minute
	// atOnce is how many notices one process sends side by side.
	atOnce = 4

	firstPause   = 5 * time.Second
	longestPause = 15 * time.Minute
)

// Appointments finds an appointment as it stands: *booking.Agenda.
type Appointments interface {
	Get(ctx context.Context, id uuid.UUID) (booking.Appointment, error)
}

// Config is what a Postman is made from.
type Config struct {
	Pool         *pgxpool.Pool
	Queue        *Queue
	Appointments Appointments
	Writer       Writer
	// Mailer and Texter must be there for the channels of the queue.
	Mailer Mailer
	Texter Texter
	Now    func() time.Time
	Logger *slog.Logger
	// RetryAfter is the pause after an attempt that failed, counted from one.
	RetryAfter func(attempt int) time.Duration
}

// Postman sends what is queued.
type Postman struct {
	client *river.Client[pgx.Tx]
}

// Start begins to send. Several processes may: each job is worked by one.
func Start(ctx context.Context, c Config) (*Postman, error) {
	if c.Queue.channels.Mail && c.Mailer == nil || c.Queue.channels.Text && c.Texter == nil {
		return nil, errors.New("notify: a channel lacks what sends")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.RetryAfter == nil {
		c.RetryAfter = retryAfter
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{c: c})
	client, err := river.NewClient(riverpgxv5.New(c.Pool), &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: atOnce}},
		Workers:              workers,
		JobTimeout:           sendTime,
		RescueStuckJobsAfter: lostAfter,
		Logger:               slog.New(warnings{c.Logger.Handler()}),
	})
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	return &Postman{client}, nil
}

// Stop lets what is being sent end. When ctx ends first, it is broken off, to
// be sent by whoever comes next.
func (p *Postman) Stop(ctx context.Context) error {
	err := p.client.Stop(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	const rest = 2 * time.Second
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), rest)
	defer cancel()
	if err := p.client.StopAndCancel(last); err != nil {
		return fmt.Errorf("notify: stop: %w", err)
	}
	return nil
}

// warnings leaves out what river says of its daily work.
type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h warnings) WithGroup(name string) slog.Handler { return warnings{h.Handler.WithGroup(name)} }

// retryAfter doubles the pause up to a quarter of an hour, with some chance in
// it, so that those who failed together do not come back together.
func retryAfter(attempt int) time.Duration {
	pause := min(float64(longestPause), float64(firstPause)*math.Pow(2, float64(attempt-1)))
	return time.Duration(pause * (0.8 + 0.4*rand.Float64())) //nolint:gosec // no secret
}

// worker works one notice.
type worker struct {
	river.WorkerDefaults[noticeArgs]

	c Config
}

// NextRetry implements river.Worker.
func (w *worker) NextRetry(job *river.Job[noticeArgs]) time.Time {
	return time.Now().Add(w.c.RetryAfter(job.Attempt))
}

// Work implements river.Worker. What it returns is stored with the job and
// logged, so it names no person.
func (w *worker) Work(ctx context.Context, job *river.Job[noticeArgs]) error {
	log := w.c.Logger.With(slog.String("appointment", job.Args.Appointment), slog.String("notice", string(job.Args.Notice)))
	id, err := uuid.Parse(job.Args.Appointment)
	if err != nil {
		return river.JobCancel(fmt.Errorf("appointment: %w", err))
	}
	a, err := w.c.Appointments.Get(ctx, id)
	if errors.Is(err, booking.ErrNotFound) {
		return river.JobCancel(err)
	}
	if err != nil {
		return fmt.Errorf("notice: %w", err)
	}
	channel := w.c.Queue.channels.For(a.Person)
	if !w.stands(a, job.Args) || channel == NoChannel {
		log.InfoContext(ctx, "notice has been overtaken")
		return nil
	}
	err = w.send(ctx, a, channel, job.Args)
	switch {
	case errors.Is(err, ErrRefused):
		log.WarnContext(ctx, "notice refused for good", slog.String("channel", string(channel)), slog.String("error", err.Error()))
		return river.JobCancel(err)
	case err != nil && job.Attempt >= job.MaxAttempts:
		log.ErrorContext(ctx, "notice given up", slog.String("channel", string(channel)), slog.String("error", err.Error()))
		return err
	case err != nil:
		log.WarnContext(ctx, "notice not sent, trying again", slog.Int("attempt", job.Attempt), slog.String("error", err.Error()))
		return err
	}
	log.InfoContext(ctx, "notice sent", slog.String("channel", string(channel)), slog.Int("attempt", job.Attempt))
	return w.done(ctx, job)
}

// stands says whether the notice still is what there is to tell.
func (w *worker) stands(a booking.Appointment, args noticeArgs) bool {
	if !w.c.Now().Before(a.End) {
		return false
	}
	same := a.Start.Unix() == args.Start
	switch args.Notice {
	case booking.NoticeCancelled:
		return a.State == booking.Cancelled
	case booking.NoticeWaiting, booking.NoticeClosed:
		return a.State == booking.Expired
	case booking.NoticeOffered:
		return same && a.State == booking.Held && w.c.Now().Before(booking.OfferEnds(a))
	case booking.NoticeReminder:
		return same && a.State == booking.Booked && a.AskedAt.IsZero() && w.c.Now().Before(a.Start)
	case booking.NoticeDisplaced:
		return same && !a.AskedAt.IsZero() && w.c.Now().Before(a.Start)
	case booking.NoticeConfirmed, booking.NoticeMoved:
		return same && (a.State == booking.Booked || a.State == booking.Arrived || a.State == booking.Called)
	}
	return false
}

func (w *worker) send(ctx context.Context, a booking.Appointment, channel Channel, args noticeArgs) error {
	secret, err := w.c.Queue.secret(ctx, w.c.Pool, a.ID)
	if err != nil {
		// A link sealed under an old key is gone; the rest is worth telling.
		w.c.Logger.WarnContext(ctx, "link cannot be opened", slog.String("appointment", args.Appointment), slog.String("error", err.Error()))
		if ctx.Err() != nil {
			return err
		}
	}
	m, err := w.c.Writer.Write(Letter{args.Notice, a, secret})
	if err != nil {
		return fmt.Errorf("notice: write: %w", err)
	}
	// Hashed, it is short enough for a header line and says nothing.
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %s", args.Notice, args.Version, args.Start, args.Appointment))
	key := hex.EncodeToString(sum[:16])
	if channel == ByText {
		return w.c.Texter.Text(ctx, Text{ID: key, To: a.Person.Phone, Body: m.Short})
	}
	return w.c.Mailer.Mail(ctx, Mail{ID: key, To: a.Person.Email, ReplyTo: a.Office.Email, Message: m})
}

// done completes the job at once, instead of with river's next batch: the
// time in which a crash sends again is one statement long. It must not fail
// because the sending used up the time, nor lead to another sending.
func (w *worker) done(ctx context.Context, job *river.Job[noticeArgs]) error {
	const wait = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer cancel()
	err := pgx.BeginFunc(ctx, w.c.Pool, func(tx pgx.Tx) error {
		_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
	if err != nil {
		w.c.Logger.WarnContext(ctx, "notice sent, but not yet noted", slog.Int64("job", job.ID), slog.String("error", err.Error()))
	}
	return nil // river notes it again by its own means
}

var _ river.Worker[noticeArgs] = (*worker)(nil)

var _ rivertype.JobArgs = noticeArgs{}
