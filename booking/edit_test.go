package booking_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sportello/booking"
)

// newService is a service as an administrator types it.
func newService(office int64) booking.Service {
	return booking.Service{
		OfficeID: office, Name: booking.Text{"it": "Carta d’identità", "en": "Identity card"},
		Duration: 20 * time.Minute, Step: 20 * time.Minute, MinNotice: time.Hour, Horizon: 30 * 24 * time.Hour,
		CancelUntil: time.Hour, Modes: []booking.Mode{booking.InPerson, booking.Virtual},
	}
}

// TestNewOfficeIsBooked: from nothing to a citizen's confirmed appointment,
// with what the administrator can do and no more.
func TestNewOfficeIsBooked(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	admin := booking.Actor{StaffID: w.clerk(t).ID}
	o, err := w.SaveOffice(ctx, booking.Office{Name: booking.Text{"it": "Ufficio Àgora & Casa"}, Building: "B"}, admin)
	if err != nil || o.Slug != "ufficio-agora-casa" || o.TZ != "Europe/Rome" {
		t.Fatalf("office %+v, %v", o, err)
	}
	again, err := w.SaveOffice(ctx, booking.Office{Name: booking.Text{"it": "Ufficio Àgora & Casa"}}, admin)
	if err != nil || again.Slug != "ufficio-agora-casa-2" {
		t.Errorf("of the same name: %q, %v", again.Slug, err)
	}
	s, _, err := w.SaveService(ctx, newService(o.ID), admin)
	if err != nil || s.Slug != "carta-d-identita" {
		t.Fatalf("service %+v, %v", s, err)
	}
	d, _, err := w.SaveDesk(ctx, booking.Desk{OfficeID: o.ID, Name: "Sportello 1", Modes: []booking.Mode{booking.InPerson}, Services: []int64{s.ID}}, admin)
	if err != nil {
		t.Fatal(err)
	}
	if free, err := w.Free(ctx, booking.Query{ServiceID: s.ID, Audience: booking.Public}); err != nil || len(free) != 0 {
		t.Errorf("free without hours: %d, %v", len(free), err)
	}
	_, err = w.SetOpeningRules(ctx, d.ID, []booking.OpeningRule{{Weekday: time.Tuesday, From: "09:00", To: "10:00", Audience: booking.Public}}, admin)
	if err != nil {
		t.Fatal(err)
	}
	free, err := w.Free(ctx, booking.Query{ServiceID: s.ID, Audience: booking.Public})
	if err != nil || starts(free[:3]) != "09:00 09:20 09:40" {
		t.Fatalf("free %q, %v", starts(free), err)
	}
	for _, f := range free {
		if day := f.Start.Format(time.DateOnly); day == "2026-12-08" {
			t.Errorf("free on a holiday: %s", day)
		}
	}
	h := w.booked(t, booking.HoldRequest{ServiceID: s.ID, Start: free[0].Start, Mode: booking.InPerson})
	if h.Appointment.State != booking.Booked || h.Appointment.Office.ID != o.ID || h.Appointment.DeskName != "Sportello 1" {
		t.Errorf("booked %+v", h.Appointment)
	}
}

// TestFirstOfficeOfATown: nothing was seeded; the first office makes the
// town, its desk the days, with the holidays in them.
func TestFirstOfficeOfATown(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	if _, err := w.pool.Exec(ctx, `TRUNCATE town, office, service, desk, desk_day, opening_rule, closure CASCADE`); err != nil {
		t.Fatal(err)
	}
	o, err := w.SaveOffice(ctx, booking.Office{Name: booking.Text{"it": "Primo"}}, booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := w.SaveService(ctx, newService(o.ID), booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := w.SaveDesk(ctx, booking.Desk{OfficeID: o.ID, Name: "Uno", Modes: []booking.Mode{booking.Virtual}, Services: []int64{s.ID}}, booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.SetOpeningRules(ctx, d.ID, []booking.OpeningRule{{Weekday: time.Tuesday, From: "09:00", To: "09:20", Audience: booking.Public}}, booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	free, err := w.Free(ctx, booking.Query{ServiceID: s.ID, Audience: booking.Public})
	if err != nil || len(free) != 4 || free[2].Start.Format(time.DateOnly) != "2026-12-01" || free[3].Start.Format(time.DateOnly) != "2026-12-15" { // the 8th is a holiday
		t.Errorf("free %v, %v", free, err)
	}
}

func TestBadRulesAreRefused(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	long := strings.Repeat("à", 10_000)
	for name, c := range map[string]struct {
		change      func(*booking.Service)
		field, code string
	}{
		"no name":               {func(s *booking.Service) { s.Name = booking.Text{"en": "Only English"} }, "name_it", booking.CodeRequired},
		"long name":             {func(s *booking.Service) { s.Name["en"] = long }, "name_en", booking.CodeTooLong},
		"name of two lines":     {func(s *booking.Service) { s.Name["it"] = "a\nb" }, "name_it", booking.CodeInvalid},
		"name that turns round": {func(s *booking.Service) { s.Name["it"] = "a\u202eb" }, "name_it", booking.CodeInvalid},
		"long text":             {func(s *booking.Service) { s.Bring = booking.Text{"it": long} }, "bring_it", booking.CodeTooLong},
		"zero duration":         {func(s *booking.Service) { s.Duration = 0 }, "duration", booking.CodeInvalid},
		"negative duration":     {func(s *booking.Service) { s.Duration = -time.Hour }, "duration", booking.CodeInvalid},
		"endless duration":      {func(s *booking.Service) { s.Duration = 1 << 62 }, "duration", booking.CodeInvalid},
		"zero step":             {func(s *booking.Service) { s.Step = 0 }, "step", booking.CodeInvalid},
		"step beyond the day":   {func(s *booking.Service) { s.Step = 25 * time.Hour }, "step", booking.CodeInvalid},
		"step of seconds":       {func(s *booking.Service) { s.Step = 10*time.Minute + time.Second }, "step", booking.CodeInvalid},
		"negative buffer":       {func(s *booking.Service) { s.Buffer = -time.Minute }, "buffer", booking.CodeInvalid},
		"notice beyond horizon": {func(s *booking.Service) { s.MinNotice = s.Horizon }, "min_notice", booking.CodeInvalid},
		"no horizon":            {func(s *booking.Service) { s.Horizon = 0 }, "horizon", booking.CodeInvalid},
		"horizon of 100 years":  {func(s *booking.Service) { s.Horizon = 100 * 365 * 24 * time.Hour }, "horizon", booking.CodeInvalid},
		"no mode":               {func(s *booking.Service) { s.Modes = nil }, "modes", booking.CodeRequired},
		"unknown mode":          {func(s *booking.Service) { s.Modes = append(s.Modes, "by_pigeon") }, "modes", booking.CodeInvalid},
		"negative order":        {func(s *booking.Service) { s.Position = -1 }, "position", booking.CodeInvalid},
	} {
		s := newService(w.office.ID)
		c.change(&s)
		_, _, err := w.SaveService(ctx, s, booking.Actor{})
		wantField(t, name, err, c.field, c.code)
		_, err = w.PreviewService(ctx, s)
		wantField(t, name+", preview", err, c.field, c.code)
	}
	_, _, err := w.SaveService(ctx, newService(1<<40), booking.Actor{})
	wantErr(t, "of no office", err, booking.ErrNotFound)
	gone := newService(w.office.ID)
	gone.ID = 1 << 40
	_, _, err = w.SaveService(ctx, gone, booking.Actor{})
	wantErr(t, "no such service", err, booking.ErrNotFound)

	_, err = w.SaveOffice(ctx, booking.Office{Name: booking.Text{"it": "A"}, Email: "a\nb@c.it"}, booking.Actor{})
	wantField(t, "e-mail with a newline", err, "email", booking.CodeInvalid)
	_, err = w.SaveOffice(ctx, booking.Office{Name: booking.Text{"it": "A"}, Address: long}, booking.Actor{})
	wantField(t, "long address", err, "address", booking.CodeTooLong)
	_, err = w.SaveOffice(ctx, booking.Office{ID: 1 << 40, Name: booking.Text{"it": "A"}}, booking.Actor{})
	wantErr(t, "no such office", err, booking.ErrNotFound)
	_, err = w.RetireOffice(ctx, 1<<40, true, booking.Actor{})
	wantErr(t, "retiring no office", err, booking.ErrNotFound)

	desk := booking.Desk{OfficeID: w.office.ID, Name: "Uno", Modes: []booking.Mode{booking.InPerson}}
	_, _, err = w.SaveDesk(ctx, desk, booking.Actor{})
	wantField(t, "a desk's name twice", err, "name", booking.CodeTaken)
	desk.ID, desk.Name = w.desks["Due"].ID, "Uno"
	_, err = w.PreviewDesk(ctx, desk)
	wantField(t, "renamed to another's", err, "name", booking.CodeTaken)
	desk.Name, desk.Services = "Due", []int64{w.breve.ID, 1 << 40}
	_, _, err = w.SaveDesk(ctx, desk, booking.Actor{})
	wantField(t, "a service that is not", err, "services", booking.CodeInvalid)
	other, err := w.SaveOffice(ctx, booking.Office{Name: booking.Text{"it": "Altro"}}, booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	foreign, _, err := w.SaveService(ctx, newService(other.ID), booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	desk.Services = []int64{foreign.ID}
	_, _, err = w.SaveDesk(ctx, desk, booking.Actor{})
	wantField(t, "another office's service", err, "services", booking.CodeInvalid)
	if d, err := w.DeskByID(ctx, desk.ID); err != nil || len(d.Services) != 2 {
		t.Errorf("a refused edit changed the desk: %+v, %v", d, err)
	}
}

// TestEditsListWhomTheyAffect: previews change nothing; what is booked stays.
func TestEditsListWhomTheyAffect(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	person := w.booked(t, w.request(at(t, 17, 9, 0), booking.InPerson))
	video := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	held := w.hold(t, w.request(at(t, 18, 9, 0), booking.Virtual))
	only := func(what string, list []booking.Appointment, err error, want ...booking.Hold) {
		t.Helper()
		if err != nil || len(list) != len(want) {
			t.Fatalf("%s: %d, %v; want %d", what, len(list), err, len(want))
		}
		for _, h := range want {
			if !slices.ContainsFunc(list, func(a booking.Appointment) bool { return a.ID == h.ID && a.End.Sub(a.Start) == 15*time.Minute }) {
				t.Errorf("%s: lacks one, or changed it", what)
			}
		}
	}
	state := func(h booking.Hold) booking.State {
		a, err := w.Get(ctx, h.ID)
		if err != nil {
			t.Fatal(err)
		}
		return a.State
	}

	s := w.breve
	s.Modes = []booking.Mode{booking.InPerson}
	list, err := w.PreviewService(ctx, s)
	only("preview of fewer modes", list, err, video)
	if state(held) != booking.Held {
		t.Error("the preview ended a hold")
	}
	_, list, err = w.SaveService(ctx, s, booking.Actor{})
	only("fewer modes", list, err, video)
	if state(held) != booking.Expired || state(video) != booking.Booked {
		t.Errorf("held is %s, booked is %s", state(held), state(video))
	}
	_, err = w.Rehold(ctx, held.ID, held.Secret, at(t, 18, 9, 0))
	wantErr(t, "holding anew in a mode that is gone", err, booking.ErrNotBookable)
	s = w.breve
	s.Duration = 30 * time.Minute
	_, list, err = w.SaveService(ctx, s, booking.Actor{})
	only("another length", list, err, person, video)
	_, list, err = w.SaveService(ctx, w.breve, booking.Actor{})
	only("the old length again", list, err)

	d := w.desks["Video"]
	d.Modes = []booking.Mode{booking.InPerson}
	list, err = w.PreviewDesk(ctx, d)
	only("a desk's modes", list, err, video)
	d = w.desks[person.Appointment.DeskName]
	d.Services = []int64{w.lungo.ID}
	_, list, err = w.SaveDesk(ctx, d, booking.Actor{})
	only("a desk's services", list, err, person)

	list, err = w.PreviewRetireDesk(ctx, w.desks["Video"].ID)
	only("preview of a desk's end", list, err, video)
	if got := starts(w.freeOn(t, at(t, 17, 0, 0), booking.Virtual, booking.Public)); got != "09:15 09:30 09:45" {
		t.Errorf("after the preview %q are free", got)
	}
	list, err = w.RetireDesk(ctx, w.desks["Video"].ID, true, booking.Actor{})
	only("a desk's end", list, err, video)
	if got := starts(w.freeOn(t, at(t, 17, 0, 0), booking.Virtual, booking.Operators)); got != "" {
		t.Errorf("free at a retired desk %q", got)
	}
	w.clock.add(24 * time.Hour)
	if err := w.Maintain(ctx); err != nil { // the days that are made meanwhile are closed too
		t.Fatal(err)
	}
	w.clock.add(-24 * time.Hour)
	if _, err := w.RetireDesk(ctx, w.desks["Video"].ID, false, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	if got := starts(w.freeOn(t, at(t, 17, 0, 0), booking.Virtual, booking.Public)); got != "09:15 09:30 09:45" {
		t.Errorf("free at a desk that is back %q", got)
	}

	list, err = w.RetireService(ctx, w.breve.ID, true, booking.Actor{})
	only("a service's end", list, err, person, video)
	_, err = w.Hold(ctx, w.request(at(t, 17, 9, 30), booking.Virtual))
	wantErr(t, "hold of a retired service", err, booking.ErrNotBookable)
	if free := w.freeOn(t, at(t, 17, 0, 0), booking.Virtual, booking.Operators); len(free) != 0 {
		t.Errorf("free of a retired service %q", starts(free))
	}
	if _, _, err := w.ServiceBySlug(ctx, "ufficio", "breve"); !errors.Is(err, booking.ErrNotFound) {
		t.Errorf("a retired service is found: %v", err)
	}
	if _, err := w.RetireService(ctx, w.breve.ID, false, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	list, err = w.RetireOffice(ctx, w.office.ID, true, booking.Actor{})
	only("an office's end", list, err, person, video)
	if all, err := w.AllServices(ctx); err != nil || len(all) != 0 {
		t.Errorf("services of a retired office: %d, %v", len(all), err)
	}
	_, err = w.Hold(ctx, w.request(at(t, 17, 9, 30), booking.Virtual))
	wantErr(t, "hold at a retired office", err, booking.ErrNotBookable)
	if got, err := w.Transition(ctx, video.ID, booking.Called, booking.Actor{}); err != nil || got.State != booking.Called {
		t.Errorf("its appointments go on: %s, %v", got.State, err)
	}
	if err := w.Cancel(ctx, person.ID, booking.Actor{}); err != nil {
		t.Errorf("cancelling: %v", err)
	}
}

// TestEditAgainstHolds: whoever holds while a service or a desk is edited
// either comes before, and the hold is ended, or after, and gets none.
func TestEditAgainstHolds(t *testing.T) {
	w := newWorld(t, monday)
	const clients = 16
	w.wide(t, clients+2)
	ctx := t.Context()
	narrow := w.desks["Uno"]
	narrow.Services = []int64{w.lungo.ID}
	longer := w.breve
	longer.Duration = 20 * time.Minute
	for name, c := range map[string]struct{ do, undo func() error }{
		"service retired": {
			func() error { _, err := w.RetireService(ctx, w.breve.ID, true, booking.Actor{}); return err },
			func() error { _, err := w.RetireService(ctx, w.breve.ID, false, booking.Actor{}); return err },
		},
		"desk without the service": {
			func() error { _, _, err := w.SaveDesk(ctx, narrow, booking.Actor{}); return err },
			func() error { _, _, err := w.SaveDesk(ctx, w.desks["Uno"], booking.Actor{}); return err },
		},
		"desk retired": {
			func() error { _, err := w.RetireDesk(ctx, narrow.ID, true, booking.Actor{}); return err },
			func() error { _, err := w.RetireDesk(ctx, narrow.ID, false, booking.Actor{}); return err },
		},
		"office retired": {
			func() error { _, err := w.RetireOffice(ctx, w.office.ID, true, booking.Actor{}); return err },
			func() error { _, err := w.RetireOffice(ctx, w.office.ID, false, booking.Actor{}); return err },
		},
		"longer": {
			func() error { _, _, err := w.SaveService(ctx, longer, booking.Actor{}); return err },
			func() error { _, _, err := w.SaveService(ctx, w.breve, booking.Actor{}); return err },
		},
	} {
		t.Run(name, func(t *testing.T) {
			finish := make(chan struct{})
			var begun, done sync.WaitGroup
			begun.Add(clients)
			for i := range clients {
				done.Go(func() {
					first := true
					for n := 0; ; n++ {
						start := at(t, 17+(i+n)%4, 10, 15*((i+n)%8)%60).Add(time.Duration((i+n)%8/4) * time.Hour)
						_, err := w.Hold(ctx, booking.HoldRequest{ServiceID: w.breve.ID, Start: start, Mode: booking.InPerson})
						if err != nil && !errors.Is(err, booking.ErrSlotTaken) && !errors.Is(err, booking.ErrNotBookable) {
							t.Errorf("hold: %v", err)
						}
						if first {
							begun.Done()
							first = false
						}
						select {
						case <-finish:
							return
						default:
						}
					}
				})
			}
			begun.Wait()
			if err := c.do(); err != nil {
				t.Errorf("edit: %v", err)
			}
			close(finish)
			done.Wait()
			var left int
			err := w.pool.QueryRow(ctx, `
				SELECT count(*) FROM appointment a JOIN service s ON s.id = a.service_id JOIN desk d ON d.id = a.desk_id JOIN office o ON o.id = a.office_id
				WHERE a.state = 'held' AND (num_nonnulls(s.retired_at, d.retired_at, o.retired_at) > 0
					OR upper(a.period) - lower(a.period) <> s.duration
					OR NOT EXISTS (SELECT FROM desk_service ds WHERE ds.desk_id = d.id AND ds.service_id = s.id))`).Scan(&left)
			if err != nil || left != 0 {
				t.Errorf("%d holds of what is no longer offered, %v", left, err)
			}
			if err := c.undo(); err != nil {
				t.Fatal(err)
			}
			if _, err := w.pool.Exec(ctx, `UPDATE appointment SET state = 'expired' WHERE state = 'held'`); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAccounts(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	anna := w.clerk(t)
	boss, err := w.AddStaff(ctx, booking.Staff{Login: "capo", Name: "Capo", Roles: []booking.StaffRole{booking.Administrator}}, "correct horse", booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	me := booking.Actor{StaffID: boss.ID}
	anna.Roles, anna.Name, anna.Desks = []booking.StaffRole{booking.Reception}, "Anna F.", nil
	if err := w.SetStaff(ctx, anna, me); err != nil {
		t.Fatal(err)
	}
	got, err := w.StaffByID(ctx, anna.ID)
	if err != nil || got.Name != "Anna F." || got.Has(booking.Clerk) || !got.Has(booking.Reception) || len(got.Desks) != 0 || len(got.Offices) != 1 {
		t.Errorf("changed %+v, %v", got, err)
	}
	if err := w.EnableStaff(ctx, anna.ID, false, me); err != nil {
		t.Fatal(err)
	}
	_, err = w.Authenticate(ctx, "anna", "correct horse")
	wantErr(t, "a closed account", err, booking.ErrBadLogin)
	if all, err := w.Accounts(ctx); err != nil || len(all) != 2 || !all[0].Disabled || all[1].Disabled {
		t.Errorf("accounts %+v, %v", all, err)
	}
	if err := w.EnableStaff(ctx, anna.ID, true, me); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Authenticate(ctx, "anna", "correct horse"); err != nil {
		t.Errorf("opened again: %v", err)
	}
	wantErr(t, "closing the last administrator's", w.EnableStaff(ctx, boss.ID, false, me), booking.ErrLastAdmin)
	clerk := boss
	clerk.Roles = []booking.StaffRole{booking.Clerk}
	wantErr(t, "no administrator left", w.SetStaff(ctx, clerk, me), booking.ErrLastAdmin)
	clerk.Roles = nil
	wantField(t, "no role", w.SetStaff(ctx, clerk, me), "role", booking.CodeRequired)
	boss.Desks = []int64{1 << 40}
	wantErr(t, "a desk that is not", w.SetStaff(ctx, boss, me), booking.ErrNotFound)
	boss.ID = 1 << 40
	wantErr(t, "nobody", w.SetStaff(ctx, boss, me), booking.ErrNotFound)
	// Two administrators who take each other's role: one remains.
	two, err := w.AddStaff(ctx, booking.Staff{Login: "due", Name: "Due", Roles: []booking.StaffRole{booking.Administrator}}, "correct horse", me)
	if err != nil {
		t.Fatal(err)
	}
	results := make(chan error, 2)
	for _, pair := range [][2]int64{{me.StaffID, two.ID}, {two.ID, me.StaffID}} {
		go func() { results <- w.EnableStaff(ctx, pair[1], false, booking.Actor{StaffID: pair[0]}) }()
	}
	first, second := <-results, <-results
	if (first == nil) == (second == nil) || !errors.Is(errors.Join(first, second), booking.ErrLastAdmin) {
		t.Errorf("both at once: %v and %v", first, second)
	}
}
