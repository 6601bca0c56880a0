package booking_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"sportello/booking"
)

// TestWhatIsRememberedIsNeverOld: one process edits an office, and another, which
// remembers how it was, holds by how it is.
func TestWhatIsRememberedIsNeverOld(t *testing.T) {
	w := newWorld(t, monday)
	elsewhere := booking.New(w.pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now})
	ctx, nobody := t.Context(), booking.Actor{}
	w.hold(t, w.request(at(t, 18, 9, 0), booking.Virtual)) // now it is remembered

	s := w.breve
	s.Duration, s.Step = 20*time.Minute, 20*time.Minute
	if _, _, err := elsewhere.SaveService(ctx, s, nobody); err != nil {
		t.Fatal(err)
	}
	if h := w.hold(t, w.request(at(t, 17, 9, 20), booking.Virtual)); h.Appointment.End.Sub(h.Appointment.Start) != s.Duration {
		t.Errorf("held for %v", h.Appointment.End.Sub(h.Appointment.Start))
	}

	// Not bookable as it is remembered, and bookable now.
	far := monday.AddDate(0, 0, 60).Truncate(24 * time.Hour).Add(8 * time.Hour) // 09:00 in winter
	_, err := w.Hold(ctx, w.request(far, booking.Virtual))
	wantErr(t, "beyond the horizon", err, booking.ErrNotBookable)
	s.Horizon = 90 * 24 * time.Hour
	if _, _, err := elsewhere.SaveService(ctx, s, nobody); err != nil {
		t.Fatal(err)
	}
	w.hold(t, w.request(far, booking.Virtual))

	// A desk that is not remembered.
	_, err = w.Hold(ctx, w.request(at(t, 17, 9, 20), booking.Virtual))
	wantErr(t, "the only desk", err, booking.ErrSlotTaken)
	d, _, err := elsewhere.SaveDesk(ctx, booking.Desk{OfficeID: w.office.ID, Name: "Video 2", Modes: []booking.Mode{booking.Virtual}, Services: []int64{s.ID}}, nobody)
	if err != nil {
		t.Fatal(err)
	}
	hours := []booking.OpeningRule{{Weekday: time.Tuesday, From: "09:00", To: "10:00", Audience: booking.Public}}
	if _, err := elsewhere.SetOpeningRules(ctx, d.ID, hours, nobody); err != nil {
		t.Fatal(err)
	}
	if h := w.hold(t, w.request(at(t, 17, 9, 20), booking.Virtual)); h.Appointment.DeskName != d.Name {
		t.Errorf("held at %q", h.Appointment.DeskName)
	}

	office := w.office
	office.Address = "Via Nuova 1"
	if _, err := elsewhere.SaveOffice(ctx, office, nobody); err != nil {
		t.Fatal(err)
	}
	if h := w.hold(t, w.request(at(t, 17, 9, 0), booking.Virtual)); h.Appointment.Office.Address != office.Address {
		t.Errorf("the office is at %q", h.Appointment.Office.Address)
	}

	if _, err := elsewhere.SetOpeningRules(ctx, d.ID, nil, nobody); err != nil {
		t.Fatal(err)
	}
	_, err = w.Hold(ctx, w.request(at(t, 17, 9, 0), booking.Virtual))
	if err == nil {
		t.Error("held at a desk without hours")
	}
	d.Services = nil
	video := w.desks["Video"]
	video.Services = nil
	for _, d := range []booking.Desk{d, video} {
		if _, _, err := elsewhere.SaveDesk(ctx, d, nobody); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.Hold(ctx, w.request(at(t, 18, 9, 0), booking.Virtual))
	wantErr(t, "what no desk does", err, booking.ErrNotBookable)
}

// TestDeskRenamedBeneathHolds: a hold shares its office and then asks for its desk;
// who renames the desk asks for both as well, and in that order.
func TestDeskRenamedBeneathHolds(t *testing.T) {
	w := newWorld(t, monday)
	w.wide(t, 8)
	var log strings.Builder
	w.Agenda = booking.New(w.pool, w.tokens, booking.Options{
		Pepper: []byte("pepper"), Now: w.clock.now, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	ctx, done := context.WithCancel(t.Context())
	var holders sync.WaitGroup
	for i := range 4 {
		holders.Go(func() {
			for n := i; ctx.Err() == nil; n += 4 {
				h, err := w.Hold(ctx, w.request(at(t, 17+n/4%4, 9, 15*i), booking.Virtual))
				if err == nil {
					_, err = w.pool.Exec(ctx, `DELETE FROM appointment WHERE id = $1`, h.ID)
				}
				if err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	d := w.desks["Video"]
	for n := range 40 {
		d.Name = fmt.Sprint("Video ", n)
		if _, _, err := w.SaveDesk(ctx, d, booking.Actor{}); err != nil {
			t.Error(err)
		}
	}
	done()
	holders.Wait()
	if log.Len() > 0 {
		t.Error(log.String())
	}
}
