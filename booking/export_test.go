package booking_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sportello/booking"
)

func TestExportGivesThemAllInOrder(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	w.booked(t, w.request(at(t, 16, 10, 0), booking.InPerson))
	w.hold(t, w.request(at(t, 16, 11, 0), booking.InPerson)) // no appointment yet
	// More than a batch, two at each start, so that an id has to tell them apart.
	_, err := w.pool.Exec(ctx, `
		INSERT INTO appointment (id, room, office_id, service_id, desk_id, day, period, occupied, mode, channel, audience, state, hold_expires_at, secret_hash, code_hash, created_at, changed_at)
		SELECT gen_random_uuid(), gen_random_uuid(), $1, $2, d.id, day::date, tstzrange(day, day + interval '15 min'), tstzrange(day, day + interval '15 min'),
			'in_person', 'web', 'public', 'served', day, sha256((d.id || ':' || day)::bytea), sha256((d.id || ':' || day)::bytea), day, day
		FROM generate_series(timestamptz '2026-03-02 08:00+01', timestamptz '2026-03-31 18:00+02', '1 hour') AS day, desk d WHERE d.name IN ('Uno', 'Due')`,
		w.office.ID, w.breve.ID)
	if err != nil {
		t.Fatal(err)
	}
	var want int
	if err := w.pool.QueryRow(ctx, `SELECT count(*) FROM appointment WHERE state <> 'held'`).Scan(&want); err != nil || want < 1100 {
		t.Fatalf("%d appointments, %v", want, err)
	}
	clerk := booking.Actor{StaffID: w.clerk(t).ID}
	whole := booking.Period{First: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Last: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)}
	var list []booking.Appointment
	seen := map[string]bool{}
	began := false
	err = w.Export(ctx, whole, clerk, func() error { began = true; return nil }, func(a booking.Appointment) error {
		if len(list) > 0 && a.Start.Before(list[len(list)-1].Start) {
			t.Fatalf("%v comes after %v", a.Start, list[len(list)-1].Start)
		}
		list, seen[a.ID.String()] = append(list, a), true
		return nil
	})
	if err != nil || !began || len(list) != want || len(seen) != want {
		t.Fatalf("exported %d, %d of them different, of %d; %v", len(list), len(seen), want, err)
	}
	person := booking.Person{Name: "Maria", Surname: "D'Àngelo Rossi", Phone: "+393331234567", Language: "it"}
	if last := list[want-1]; last.Person != person || last.State != booking.Booked {
		t.Errorf("the last is %+v", last)
	}
	// Who breaks off is noted all the same, and what went wrong is told.
	stop := errors.New("enough")
	none := booking.Period{First: monday, Last: monday, OfficeID: w.office.ID}
	if err := w.Export(ctx, none, clerk, func() error { return nil }, func(booking.Appointment) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("broken off: %v", err)
	}
	log, err := w.Audit(ctx, booking.AuditQuery{To: monday.AddDate(0, 0, 1), StaffID: clerk.StaffID, Limit: 10})
	if err != nil || len(log) != 2 || log[0].Action != "agenda.export" || log[0].Object != "1 2026-11-16/2026-11-16 (1)" {
		t.Fatalf("log %+v, %v", log, err)
	}
	if log[1].Object != fmt.Sprintf("* 2026-03-01/2026-11-30 (%d)", want) {
		t.Errorf("log %+v", log[1])
	}
	if x := log[1].About; !x.First.Equal(whole.First) || !x.Last.Equal(whole.Last) || x.Booked != want || log[0].About.Booked != 1 {
		t.Errorf("read back: %+v and %+v", x, log[0].About)
	}
	one := booking.AuditQuery{To: monday.AddDate(0, 0, 1), Kind: booking.AboutOffice, Object: fmt.Sprint(w.office.ID), Limit: 10}
	if of, err := w.Audit(ctx, one); err != nil || len(of) != 1 || of[0].ID != log[0].ID {
		t.Errorf("of the office alone: %+v, %v", of, err)
	}
}
