package booking

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/singleflight"

	"sportello/booking/token"
)

// Options are the settings of an Agenda. Zero values take the defaults.
type Options struct {
	// Pepper keys the short codes. Whoever has the database but not the
	// pepper cannot try codes offline.
	Pepper []byte
	// HoldFor is how long a slot stays held while its details are typed (10 minutes).
	HoldFor time.Duration
	// JoinBefore and JoinAfter widen the window of a citizen's grant around
	// the appointment (10 and 15 minutes).
	JoinBefore, JoinAfter time.Duration
	// Notifier queues what the citizens are told. Nil tells them nothing.
	Notifier Notifier
	// RetentionDays is how long after an appointment it is kept whose it was
	// (30); AuditDays, how long what the staff did (365).
	RetentionDays, AuditDays int
	// Now is the clock, for tests.
	Now    func() time.Time
	Logger *slog.Logger
}

// Tokens is where grants are published for signalling to find: *token.Store.
type Tokens interface {
	Put(ctx context.Context, h token.Hash, g token.Grant) error
	Delete(ctx context.Context, h token.Hash) error
}

// Agenda is the town's agenda. It is safe for use by many goroutines.
type Agenda struct {
	pool   *pgxpool.Pool
	tokens Tokens
	opt    Options
	log    *slog.Logger
	hub    *hub
	zones  zones
	guard  *passwordGuard
	memory memory
	rivals rivals
	losers singleflight.Group // of what taken tells
}

// New makes an agenda over a migrated database. Close it to stop what Watch
// started.
func New(pool *pgxpool.Pool, tokens Tokens, o Options) *Agenda {
	if o.HoldFor <= 0 {
		o.HoldFor = 10 * time.Minute
	}
	if o.JoinBefore <= 0 {
		o.JoinBefore = 10 * time.Minute
	}
	if o.JoinAfter <= 0 {
		o.JoinAfter = 15 * time.Minute
	}
	if o.RetentionDays <= 0 {
		o.RetentionDays = 30
	}
	if o.AuditDays <= 0 {
		o.AuditDays = 365
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Agenda{
		pool: pool, tokens: tokens, opt: o, log: o.Logger,
		hub: newHub(pool, o.Logger), guard: newPasswordGuard(),
	}
}

// Close ends what Watch started and waits for it.
func (a *Agenda) Close() { a.hub.close() }

// now is the agenda's clock, at PostgreSQL's resolution, so that what was
// written compares equal to what is read back.
func (a *Agenda) now() time.Time { return a.opt.Now().Truncate(time.Microsecond) }

// Query asks for free starts.
type Query struct {
	ServiceID int64
	Also      []int64 // other services, in the same appointment
	Mode      Mode    // empty: whichever the service and the desks offer
	Audience  Audience
	From, To  time.Time // starts in [From, To); a zero From is now, a zero To the horizon
	Limit     int       // 0: all
}

// HoldRequest asks for one start.
type HoldRequest struct {
	ServiceID int64
	Also      []int64 // other services of the office, done in the same appointment
	Start     time.Time
	Mode      Mode
	Channel   Channel
	Audience  Audience
	DeskID    int64 // the one desk that will do; 0: any
}

// Hold is what came of a HoldRequest or a BookRequest. The secret is nowhere
// stored; the caller must hand it to the citizen.
type Hold struct {
	ID          uuid.UUID
	Secret      string
	ExpiresAt   time.Time
	Appointment Appointment
}

// Actor is who does something: a member of the staff, or the citizen.
type Actor struct {
	StaffID int64 // 0: the citizen
}

// BookRequest is a whole booking at once, as an operator enters it.
type BookRequest struct {
	HoldRequest
	Person    Person
	Note      string
	StaffNote string
	Actor     Actor
	// Once refuses, with an *AlreadyError, whoever has an appointment to come for
	// one of the services.
	Once bool
	// OutsideHours takes a desk outside its hours where none has any then.
	OutsideHours bool
	// Quiet tells the citizen nothing of it.
	Quiet bool
}

// AgendaQuery asks for appointments, ordered by start.
type AgendaQuery struct {
	// Day is the date wanted, as its calendar date in its own location. Zero
	// is today, or every day from 30 days ago where Text is given.
	Day      time.Time
	OfficeID int64   // 0: all
	DeskIDs  []int64 // empty: all
	Building string  // empty: all
	// States wanted; empty is booked, arrived, called, served and no-show.
	States []State
	Text   string // part of name, surname, e-mail or phone
}

// Guest is a guest's right to enter a room.
type Guest struct {
	GrantID   uuid.UUID
	Name      string
	NotBefore time.Time
	NotAfter  time.Time
	RevokedAt time.Time // zero while it is good
	// Interpreter says that the link was made for an interpreter.
	Interpreter bool
}

// Change says that an appointment was made or changed. The zero Change means
// that changes may have been missed: read everything again.
type Change struct {
	Appointment uuid.UUID
	OfficeID    int64
	Day         string // "2026-11-23", in the office's time zone
}
