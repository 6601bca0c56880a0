package booking_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sportello/booking"
	"sportello/booking/token"
)

// TestWhoIsNoClerkAnyMoreIsNoHost: a room's link, made while somebody was the desk's
// clerk, is worth nothing once the account is closed, the role is gone, or the desk
// is another one's. What others may do stays.
func TestWhoIsNoClerkAnyMoreIsNoHost(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world, booking.Staff, booking.Actor) error{
		"closed": func(w *world, s booking.Staff, by booking.Actor) error {
			return w.EnableStaff(t.Context(), s.ID, false, by)
		},
		"operator": func(w *world, s booking.Staff, by booking.Actor) error {
			s.Roles = []booking.StaffRole{booking.Operator}
			return w.SetStaff(t.Context(), s, by)
		},
		"elsewhere": func(w *world, s booking.Staff, by booking.Actor) error {
			s.Desks = []int64{w.desks["Uno"].ID}
			return w.SetStaff(t.Context(), s, by)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, monday)
			ctx := t.Context()
			anna := w.clerk(t)
			boss, err := w.AddStaff(ctx, booking.Staff{
				Login: "boss", Name: "Ada", Roles: []booking.StaffRole{booking.Clerk, booking.Administrator}, Desks: []int64{w.desks["Video"].ID},
			}, "correct horse", booking.Actor{})
			if err != nil {
				t.Fatal(err)
			}
			h := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
			cancelled := w.booked(t, w.request(at(t, 17, 9, 15), booking.Virtual))
			var hers []token.Hash
			for _, x := range []booking.Hold{h, cancelled} {
				secret, err := w.HostGrant(ctx, x.ID, anna)
				if err != nil {
					t.Fatal(err)
				}
				hers = append(hers, token.HashOf(secret))
			}
			others, err := w.HostGrant(ctx, h.ID, boss)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Cancel(ctx, cancelled.ID, booking.Actor{}); err != nil {
				t.Fatal(err)
			}
			anna.Name = "Anna Bo" // keeps what she may
			if err := w.SetStaff(ctx, anna, booking.Actor{StaffID: boss.ID}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.GrantByHash(ctx, hers[0]); err != nil {
				t.Errorf("a new name took the link away: %v", err)
			}
			w.clock.add(time.Minute)
			if err := change(w, anna, booking.Actor{StaffID: boss.ID}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.TakeBack(ctx, cancelled.ID, cancelled.Secret); err != nil {
				t.Fatal(err)
			}
			for i, hash := range hers {
				if _, err := w.GrantByHash(ctx, hash); !errors.Is(err, token.ErrCancelled) {
					t.Errorf("link %d still opens the room: %v", i, err)
				}
				if _, ok := w.tokens.get(hash); ok {
					t.Errorf("link %d is still published", i)
				}
			}
			for _, secret := range []string{others, h.Secret, cancelled.Secret} {
				if _, err := w.GrantByHash(ctx, token.HashOf(secret)); err != nil {
					t.Errorf("another's link: %v", err)
				}
			}
		})
	}
}

// meanwhile is a Notifier that does something else while somebody is told.
type meanwhile func() error

func (m meanwhile) Notify(context.Context, pgx.Tx, booking.Notice) error { return m() }

// TestAccountsChangeWhileAFileIsBooked: the two have locks of their own.
func TestAccountsChangeWhileAFileIsBooked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, monday)
	anna := w.clerk(t)
	boss, err := w.AddStaff(t.Context(), booking.Staff{Login: "boss", Name: "Ada", Roles: []booking.StaffRole{booking.Administrator}}, "correct horse", booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	w.Agenda = booking.New(w.pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now, Notifier: meanwhile(func() error {
		told++
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // or it would wait for the import, which waits for it
		defer cancel()
		return w.EnableStaff(ctx, anna.ID, false, booking.Actor{StaffID: boss.ID})
	})})
	t.Cleanup(w.Close)
	im := w.imported(t, []booking.ImportLine{w.line(2, at(t, 17, 9, 0), 0, "Rossi")}, false, booking.Actor{StaffID: boss.ID})
	if im.Booked != 1 || told != 1 {
		t.Errorf("%+v, told %d times", im, told)
	}
}
