package booking_test

import (
	"testing"
	"time"

	"sportello/booking"
)

// freeOn lists the free public starts of a day.
func (w *world) freeOn(t testing.TB, day time.Time, mode booking.Mode, aud booking.Audience) []booking.Slot {
	t.Helper()
	y, m, d := day.Date()
	from := time.Date(y, m, d, 0, 0, 0, 0, rome(t))
	slots, err := w.Free(t.Context(), booking.Query{ServiceID: w.breve.ID, Mode: mode, Audience: aud, From: from, To: from.AddDate(0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return slots
}

// workOn takes out the holidays of a day.
func (w *world) workOn(t testing.TB, day time.Time) {
	t.Helper()
	list, err := w.Closures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.From.Format(time.DateOnly) == day.Format(time.DateOnly) {
			if err := w.RemoveClosure(t.Context(), c.ID, booking.Actor{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestClockChanges: nine o'clock stays nine o'clock on both changes of the
// clocks, and hours across the change have the length that the day gives them.
func TestClockChanges(t *testing.T) {
	for _, c := range []struct {
		day   string
		nine  string // in UTC
		night string // free starts of 01:00 to 04:00, an hour apart, in UTC
	}{
		{"2026-03-28", "08:00", "00:00 01:00 02:00"},
		{"2026-03-29", "07:00", "00:00 01:00"}, // 02:00 to 03:00 does not exist
		{"2026-10-24", "07:00", "23:00 00:00 01:00"},
		{"2026-10-25", "08:00", "23:00 00:00 01:00 02:00"}, // 02:00 to 03:00 comes twice
		{"2027-03-28", "07:00", "00:00 01:00"},
		{"2027-10-31", "08:00", "23:00 00:00 01:00 02:00"},
	} {
		t.Run(c.day, func(t *testing.T) {
			day, err := time.ParseInLocation(time.DateOnly, c.day, rome(t))
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, day.AddDate(0, 0, -7))
			w.workOn(t, day) // the clocks of 2027 change on Easter Sunday
			slots := w.freeOn(t, day, booking.Virtual, booking.Public)
			if got := starts(slots); got != "09:00 09:15 09:30 09:45" || slots[0].Start.UTC().Format("15:04") != c.nine {
				t.Errorf("local starts %q, the first at %v; want %s UTC", got, slots[0].Start.UTC(), c.nine)
			}
			_, err = w.SetOpeningRules(t.Context(), w.desks["Video"].ID, []booking.OpeningRule{
				{Weekday: day.Weekday(), From: "01:00", To: "04:00", Audience: booking.Public},
			}, booking.Actor{})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for i, s := range w.freeOn(t, day, booking.Virtual, booking.Public) {
				if i%4 == 0 {
					got += " " + s.Start.UTC().Format("15:04")
				}
			}
			if got != " "+c.night {
				t.Errorf("night %q, want %q", got, c.night)
			}
			// What the change swallows, whole or in part, must not break the day.
			_, err = w.SetOpeningRules(t.Context(), w.desks["Video"].ID, []booking.OpeningRule{
				{Weekday: day.Weekday(), From: "02:30", To: "03:00", Audience: booking.Public},
				{Weekday: day.Weekday(), From: "23:00", To: "24:00", Audience: booking.Public},
			}, booking.Actor{})
			if err != nil {
				t.Fatal(err)
			}
			late := w.freeOn(t, day, booking.Virtual, booking.Public)
			if got := starts(late[max(0, len(late)-4):]); got != "23:00 23:15 23:30 23:45" {
				t.Errorf("until midnight %q", got)
			}
		})
	}
}

func TestHolidays(t *testing.T) {
	for _, c := range []struct {
		day  string
		open bool
	}{
		{"2026-04-03", true},  // Good Friday is a working day
		{"2026-04-05", false}, // Easter
		{"2026-04-06", false}, // Easter Monday
		{"2026-04-07", true},
		{"2025-10-04", true},  // Saint Francis, not yet a holiday
		{"2026-10-04", false}, // and now
		{"2027-10-04", false},
		{"2026-12-01", false}, // the small town's patron
		{"2026-12-08", false},
		{"2026-12-24", true},
		{"2026-12-25", false},
		{"2026-12-26", false},
		{"2026-12-31", true},
		{"2027-01-01", false},
		{"2027-01-02", true},
		{"2027-01-06", false},
		{"2027-03-29", false}, // Easter Monday
	} {
		t.Run(c.day, func(t *testing.T) {
			day, err := time.ParseInLocation(time.DateOnly, c.day, rome(t))
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, day.AddDate(0, 0, -20))
			slots := w.freeOn(t, day, booking.Virtual, booking.Public) // open every day of the week
			if open := len(slots) > 0; open != c.open {
				t.Errorf("open %v, want %v", open, c.open)
			}
		})
	}
}

func TestHolidayTakenOut(t *testing.T) {
	w := newWorld(t, time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC))
	ctx := t.Context()
	list, err := w.Closures(ctx)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 12, 8, 0, 0, 0, 0, time.UTC)
	for _, c := range list {
		if c.From.Equal(day) {
			if !c.Holiday || !c.To.Equal(day) || c.Reason.In("en") != "Immaculate Conception" {
				t.Errorf("holiday %+v", c)
			}
			if err := w.RemoveClosure(ctx, c.ID, booking.Actor{}); err != nil {
				t.Fatal(err)
			}
			wantErr(t, "removed twice", w.RemoveClosure(ctx, c.ID, booking.Actor{}), booking.ErrNotFound)
		}
	}
	w.clock.add(24 * time.Hour)
	if err := w.Maintain(ctx); err != nil { // a new day is made; the holiday must not come back
		t.Fatal(err)
	}
	if got := starts(w.freeOn(t, day, booking.Virtual, booking.Public)); got != "09:00 09:15 09:30 09:45" {
		t.Errorf("on the day taken out %q", got)
	}
}

func TestAvailability(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	if got := starts(w.freeOn(t, at(t, 16, 9, 0), booking.InPerson, booking.Public)); got != "09:00 09:15 09:30 09:45 10:00 10:15 10:30 10:45 11:00 11:15 11:30 11:45" {
		t.Errorf("public %q", got)
	}
	if got := w.freeOn(t, at(t, 16, 9, 0), booking.InPerson, booking.Operators); len(got) != 16 || got[0].Desks != 2 || got[4].Desks != 1 {
		t.Errorf("operators %q, %+v", starts(got), got)
	}
	w.clock.set(at(t, 16, 8, 50)) // notice of an hour for the public, none for operators
	if got := starts(w.freeOn(t, at(t, 16, 9, 0), booking.Virtual, booking.Public)); got != "" {
		t.Errorf("public at short notice %q", got)
	}
	if got := starts(w.freeOn(t, at(t, 16, 9, 0), booking.Virtual, booking.Operators)); got != "09:00 09:15 09:30 09:45" {
		t.Errorf("operators at short notice %q", got)
	}
	// A long service with a buffer: 40 minutes and 10, in steps of 20.
	h, err := w.Hold(ctx, booking.HoldRequest{ServiceID: w.lungo.ID, Start: at(t, 17, 10, 0), Mode: booking.InPerson, Channel: booking.ByWeb, Audience: booking.Public})
	if err != nil || h.Appointment.DeskName != "Uno" {
		t.Fatalf("hold: %v at %q", err, h.Appointment.DeskName)
	}
	long, err := w.Free(ctx, booking.Query{ServiceID: w.lungo.ID, Mode: booking.InPerson, Audience: booking.Public, From: at(t, 17, 0, 0), To: at(t, 18, 0, 0)})
	if err != nil || starts(long) != "09:00 09:20 11:00 11:20" { // 09:20 at Due; 11:20 ends at closing time
		t.Errorf("long %q, %v", starts(long), err)
	}
	if got := starts(w.freeOn(t, at(t, 17, 9, 0), booking.InPerson, booking.Public)); got != "09:00 09:15 09:30 09:45 11:00 11:15 11:30 11:45" {
		t.Errorf("around the long one %q", got) // the buffer takes 10:45 too
	}
	days, err := w.Month(ctx, w.breve.ID, booking.Virtual, booking.Public, 2026, time.December)
	if err != nil || len(days) != 31 || days[0].Free != 0 || days[1].Free != 4 || days[7].Free != 0 || days[30].Free != 4 || days[30].Date.Format(time.DateOnly) != "2026-12-31" {
		t.Errorf("December %+v, %v", days, err)
	}
	_, err = w.Month(ctx, w.breve.ID, booking.Virtual, booking.Public, 2026, 13)
	wantErr(t, "month 13", err, booking.ErrNotFound)
	first, err := w.FirstFree(ctx, []int64{w.lungo.ID, w.breve.ID}, "", booking.Public, 3)
	if err != nil || starts(first) != "09:00 09:20 09:40" || first[0].ServiceID != w.lungo.ID {
		t.Errorf("first free %q, %v", starts(first), err)
	}
}

func TestFirstFreeLooksFar(t *testing.T) {
	w := newWorld(t, monday)
	day := at(t, 16, 0, 0)
	if _, err := w.AddClosure(t.Context(), booking.Closure{From: day, To: day.AddDate(0, 0, 50), Reason: booking.Text{"it": "Lavori"}}, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	got, err := w.FirstFree(t.Context(), []int64{w.breve.ID}, booking.Virtual, booking.Public, 1)
	if err != nil || len(got) != 1 || got[0].Start.Format("2006-01-02 15:04") != "2027-01-07 09:00" { // the 6th is Epiphany
		t.Errorf("first free %v, %v", got, err)
	}
}

// TestEditingHours: what is booked stays and is listed; a hold ends.
func TestEditingHours(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	early := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	late := w.booked(t, w.request(at(t, 17, 9, 45), booking.Virtual))
	held := w.hold(t, w.request(at(t, 17, 9, 30), booking.Virtual))
	shorter := []booking.OpeningRule{{Weekday: time.Tuesday, From: "09:00", To: "09:30", Audience: booking.Public}}
	list, err := w.PreviewOpeningRules(ctx, w.desks["Video"].ID, shorter)
	if err != nil || len(list) != 1 || list[0].ID != late.ID {
		t.Errorf("preview: %d, %v; want the late one", len(list), err)
	}
	if a, err := w.Get(ctx, held.ID); err != nil || a.State != booking.Held {
		t.Errorf("after a preview the hold is %v, %v", a.State, err)
	}
	list, err = w.SetOpeningRules(ctx, w.desks["Video"].ID, shorter, booking.Actor{})
	if err != nil || len(list) != 1 || list[0].ID != late.ID {
		t.Errorf("conflicts: %d, %v; want the late one", len(list), err)
	}
	if err := w.SetPerson(ctx, held.ID, held.Secret, maria); err != nil {
		t.Fatal(err)
	}
	_, err = w.Confirm(ctx, held.ID, held.Secret)
	wantErr(t, "confirm of a hold that lost its hours", err, booking.ErrHoldExpired)
	list, err = w.AddClosure(ctx, booking.Closure{OfficeID: w.office.ID, From: at(t, 17, 0, 0), To: at(t, 17, 0, 0), Reason: booking.Text{"it": "Sciopero"}}, booking.Actor{})
	if err != nil || len(list) != 2 || list[0].ID != early.ID {
		t.Errorf("conflicts of a closure: %d, %v; want both", len(list), err)
	}
	if got := starts(w.freeOn(t, at(t, 17, 0, 0), booking.InPerson, booking.Public)); got != "" {
		t.Errorf("free on a closed day %q", got)
	}
	rules, err := w.OpeningRules(ctx, w.desks["Video"].ID)
	if err != nil || len(rules) != 1 || rules[0].From != "09:00" || rules[0].To != "09:30" || rules[0].Weekday != time.Tuesday || !rules[0].ValidFrom.IsZero() {
		t.Errorf("rules %+v, %v", rules, err)
	}
	for field, r := range map[string]booking.OpeningRule{
		"from":     {From: "9:00", To: "10:00", Audience: booking.Public},
		"to":       {From: "10:00", To: "10:00", Audience: booking.Public},
		"audience": {From: "10:00", To: "11:00"},
		"weekday":  {Weekday: 7, From: "10:00", To: "11:00", Audience: booking.Public},
		"valid":    {From: "10:00", To: "11:00", Audience: booking.Public, ValidFrom: monday, ValidUntil: monday.AddDate(0, 0, -1)},
	} {
		_, err := w.SetOpeningRules(ctx, w.desks["Video"].ID, []booking.OpeningRule{r}, booking.Actor{})
		wantField(t, field, err, field, booking.CodeInvalid)
	}
	_, err = w.SetOpeningRules(ctx, -1, nil, booking.Actor{})
	wantErr(t, "no such desk", err, booking.ErrNotFound)
	_, err = w.AddClosure(ctx, booking.Closure{DeskID: 1 << 40, From: monday, To: monday}, booking.Actor{})
	wantErr(t, "closure of no desk", err, booking.ErrNotFound)
	_, err = w.AddClosure(ctx, booking.Closure{From: monday, To: monday.AddDate(0, 0, -1)}, booking.Actor{})
	wantField(t, "closure without days", err, "days", booking.CodeInvalid)
}

// TestRulesHaveValidity: a rule counts only in its days, the last one too.
func TestRulesHaveValidity(t *testing.T) {
	w := newWorld(t, monday)
	_, err := w.SetOpeningRules(t.Context(), w.desks["Video"].ID, []booking.OpeningRule{
		{Weekday: time.Tuesday, From: "09:00", To: "09:30", Audience: booking.Public, ValidUntil: at(t, 17, 0, 0)},
		{Weekday: time.Tuesday, From: "15:00", To: "15:30", Audience: booking.Public, ValidFrom: at(t, 18, 0, 0)},
	}, booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	if got := starts(w.freeOn(t, at(t, 17, 0, 0), booking.Virtual, booking.Public)); got != "09:00 09:15" {
		t.Errorf("on the last day %q", got)
	}
	if got := starts(w.freeOn(t, at(t, 24, 0, 0), booking.Virtual, booking.Public)); got != "15:00 15:15" {
		t.Errorf("afterwards %q", got)
	}
	rules, err := w.OpeningRules(t.Context(), w.desks["Video"].ID)
	if err != nil || len(rules) != 2 || rules[0].ValidUntil.Format(time.DateOnly) != "2026-11-17" || rules[1].ValidFrom.Format(time.DateOnly) != "2026-11-18" {
		t.Errorf("rules %+v, %v", rules, err)
	}
}
