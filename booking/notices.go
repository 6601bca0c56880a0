package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// NoticeKind is what a citizen is told about an appointment.
type NoticeKind string

// The kinds of notices. Reminders come of the others, by the clock.
const (
	NoticeConfirmed NoticeKind = "confirmed"
	NoticeMoved     NoticeKind = "moved"
	NoticeCancelled NoticeKind = "cancelled"
	NoticeReminder  NoticeKind = "reminder"
	NoticeWaiting   NoticeKind = "waiting"   // they are on the waiting list
	NoticeOffered   NoticeKind = "offered"   // a slot is held for them
	NoticeDisplaced NoticeKind = "displaced" // the office cannot keep the time; they are asked for another
	NoticeClosed    NoticeKind = "closed"    // what they wait for is no longer to be had
)

// Notice is a change that the citizen is told of.
type Notice struct {
	Kind        NoticeKind
	Appointment uuid.UUID
	// Secret is the appointment's, which is known when it is confirmed, or put
	// on the waiting list, and never again.
	Secret string
	// NotBefore is when it may go out; zero is at once.
	NotBefore time.Time
	// Quiet sends nothing; the secret is kept for notices that follow.
	Quiet bool
}

// Notifier queues notices: *notify.Queue. It writes into the transaction of
// the change, so that there is neither a change without its notice nor a
// notice without its change.
type Notifier interface {
	Notify(ctx context.Context, tx pgx.Tx, n Notice) error
}

// tell queues a notice in the transaction of the change.
func (a *Agenda) tell(ctx context.Context, tx pgx.Tx, n Notice) error {
	if a.opt.Notifier == nil {
		return nil
	}
	if err := a.opt.Notifier.Notify(ctx, tx, n); err != nil {
		return fmt.Errorf("tell the citizen: %w", err)
	}
	return nil
}

// forgetLinks wipes the sealed links of appointments that no notice will be
// about any more.
func (a *Agenda) forgetLinks(ctx context.Context) error {
	_, err := a.pool.Exec(ctx, `
		DELETE FROM appointment_link l USING appointment a
		WHERE a.id = l.appointment_id AND (upper(a.period) <= $1 OR a.state NOT IN ('booked', 'arrived', 'called') AND NOT `+waits+`)`, a.now())
	if err != nil {
		return fmt.Errorf("forget links: %w", err)
	}
	return nil
}
