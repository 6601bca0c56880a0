package booking_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sportello/booking"
	"sportello/booking/token"
	"sportello/internal/testenv"
)

// pinerolo is the demonstration town.
func pinerolo(t testing.TB, at time.Time) *world {
	t.Helper()
	w := &world{
		pool: testenv.PostgresPrepared(t, "schema", booking.Migrate), clock: &clock{t: at},
		tokens: &tokens{m: map[token.Hash]token.Grant{}},
	}
	w.Agenda = booking.New(w.pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now})
	t.Cleanup(w.Close)
	if err := w.Seed(t.Context(), booking.SeedFiles()); err != nil {
		t.Fatal(err)
	}
	return w
}

// counts says how many rows there are of what Seed makes.
func (w *world) counts(t testing.TB) [7]int {
	t.Helper()
	var n [7]int
	err := w.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM town), (SELECT count(*) FROM office), (SELECT count(*) FROM service),
		(SELECT count(*) FROM desk), (SELECT count(*) FROM desk_service), (SELECT count(*) FROM opening_rule), (SELECT count(*) FROM desk_day)`).
		Scan(&n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSeed(t *testing.T) {
	w := pinerolo(t, monday)
	ctx := t.Context()
	before := w.counts(t)
	if before[1] != 6 {
		t.Errorf("counts %v, want 6 offices", before)
	}
	offices, err := w.Offices(ctx)
	if err != nil {
		t.Fatal(err)
	}
	services, err := w.AllServices(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range offices {
		for what, text := range map[string]booking.Text{"name": o.Name, "intro": o.Intro} {
			if text["it"] == "" || text["en"] == "" {
				t.Errorf("%s: %s is not in both languages", o.Slug, what)
			}
		}
	}
	for _, s := range services {
		for what, text := range map[string]booking.Text{"name": s.Name, "description": s.Description, "bring": s.Bring} {
			if text["it"] == "" || text["en"] == "" || strings.Count(text["it"], "\n") != strings.Count(text["en"], "\n") {
				t.Errorf("%s/%s: %s is not in both languages, line by line", s.OfficeSlug, s.Slug, what)
			}
		}
		for _, m := range s.Modes { // every mode that is offered can be had within the week
			free, err := w.Free(ctx, booking.Query{ServiceID: s.ID, Mode: m, Audience: booking.Public, To: monday.AddDate(0, 0, 7), Limit: 1})
			if err != nil || len(free) != 1 {
				t.Errorf("%s/%s has no free start %s: %v", s.OfficeSlug, s.Slug, m, err)
			}
		}
	}
	// Edits outlive the next start.
	desks, err := w.Desks(ctx, offices[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	rule := []booking.OpeningRule{{Weekday: time.Monday, From: "10:00", To: "11:00", Audience: booking.Public}}
	if _, err := w.SetOpeningRules(ctx, desks[0].ID, rule, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	edited := w.counts(t)
	if err := w.Seed(ctx, booking.SeedFiles()); err != nil {
		t.Fatal(err)
	}
	if after := w.counts(t); after != edited {
		t.Errorf("seeded twice: %v, then %v", edited, after)
	}
}

func TestPatronOfPinerolo(t *testing.T) {
	w := pinerolo(t, time.Date(2027, 8, 1, 7, 0, 0, 0, time.UTC))
	list, err := w.Closures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if strings.HasPrefix(c.Reason.In("it"), "San Donato") {
			if got := c.From.Format("Mon 2006-01-02"); got != "Mon 2027-08-30" {
				t.Errorf("patron on %s", got)
			}
			return
		}
	}
	t.Error("no patron among the holidays")
}

func TestSeedSaysWhatIsWrong(t *testing.T) {
	w := newWorld(t, monday)
	for want, file := range map[string]string{
		"bad.json":       `{`,
		"no slug":        `{"offices": []}`,
		"time zone":      `{"town": {"slug": "x"}, "offices": [{"slug": "y", "tz": "Mars/Base"}]}`,
		"desk Z":         `{"town": {"slug": "x"}, "offices": [{"slug": "y", "name": {"it": "Y"}, "desks": [{"name": "Z", "modes": ["virtual"], "services": ["none"]}]}]}`,
		"from":           `{"town": {"slug": "x"}, "offices": [{"slug": "y", "name": {"it": "Y"}, "desks": [{"name": "Z", "modes": ["virtual"], "hours": [{"days": [1], "from": "9"}]}]}]}`,
		"no_such_field?": ``,
	} {
		err := w.Seed(t.Context(), fstest.MapFS{"bad.json": {Data: []byte(file)}})
		if err == nil || want != "no_such_field?" && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
	if offices, err := w.Offices(t.Context()); err != nil || len(offices) != 1 {
		t.Errorf("%d offices, %v: something half seeded was kept", len(offices), err)
	}
}

func TestDemo(t *testing.T) {
	w := pinerolo(t, time.Date(2026, 11, 22, 2, 30, 17, 0, time.UTC)) // in a Sunday's night
	ctx := t.Context()
	for range 2 { // at every start
		if err := w.SeedStaff(ctx, "sportello-demo"); err != nil {
			t.Fatal(err)
		}
	}
	staff, err := w.AllStaff(ctx)
	if err != nil || len(staff) != 7 {
		t.Errorf("%d accounts, %v", len(staff), err)
	}
	first, err := w.DemoAppointment(ctx)
	if err != nil {
		t.Fatal(err)
	}
	a := first.Appointment
	if a.State != booking.Booked || a.Mode != booking.Virtual || a.Start.After(w.clock.now()) || a.End.Before(w.clock.now().Add(30*time.Minute)) ||
		a.Office.Slug != "anagrafe" || first.Clerk.Login != "anagrafe" {
		t.Errorf("demo %+v for %q", a, first.Clerk.Login)
	}
	w.clock.add(20 * time.Second)
	second, err := w.DemoAppointment(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if old, err := w.BySecret(ctx, first.Secret); err != nil || old.State != booking.Cancelled {
		t.Errorf("the first demo is %v, %v", old.State, err)
	}
	hash, err := token.Check(second.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if g, ok := w.tokens.get(hash); !ok || g.NotBefore.After(w.clock.now()) || g.NotAfter.Before(w.clock.now()) {
		t.Errorf("the demo's grant: %v, %+v", ok, g)
	}
	// However the calls before ended, the desk is there again.
	clerk := booking.Actor{StaffID: second.Clerk.ID}
	for _, states := range [][]booking.State{{booking.Called}, {booking.Called, booking.Served}, {booking.NoShow}, {booking.Arrived}} {
		for _, s := range states {
			if _, err := w.Transition(ctx, second.Appointment.ID, s, clerk); err != nil {
				t.Fatal(err)
			}
		}
		w.clock.add(2 * time.Minute)
		if second, err = w.DemoAppointment(ctx); err != nil || second.Appointment.DeskID != a.DeskID {
			t.Fatalf("after %v the demo is at desk %d, %v; want %d", states, second.Appointment.DeskID, err, a.DeskID)
		}
	}
	// Outside its hours on purpose, it is in nobody's way.
	conflicts, err := w.AddClosure(ctx, booking.Closure{From: w.clock.now(), To: w.clock.now(), Reason: booking.Text{"it": "Chiuso"}}, booking.Actor{})
	if err != nil || len(conflicts) != 0 {
		t.Errorf("conflicts %v, %v", conflicts, err)
	}
	// Where all virtual desks with a clerk are busy it says so.
	w.fillDesks(t, second)
	if _, err := w.DemoAppointment(ctx); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("with all desks busy: %v", err)
	}
}

// fillDesks occupies all desks now, past every rule.
func (w *world) fillDesks(t testing.TB, d booking.Demo) {
	t.Helper()
	_, err := w.pool.Exec(t.Context(), `
		INSERT INTO appointment (id, room, office_id, service_id, desk_id, day, period, occupied, mode, channel, audience, state,
			hold_expires_at, secret_hash, code_hash, created_at, changed_at)
		SELECT gen_random_uuid(), gen_random_uuid(), d.office_id, $2, d.id, $1::timestamptz::date,
			tstzrange($1::timestamptz + '2 minutes', $1::timestamptz + '3 minutes'), tstzrange($1::timestamptz + '2 minutes', $1::timestamptz + '3 minutes'),
			'virtual', 'web', 'public', 'booked', $1, decode(md5('s' || d.id), 'hex'), decode(md5('c' || d.id), 'hex'), $1, $1
		FROM desk d WHERE d.id <> $3 ON CONFLICT ON CONSTRAINT no_overlap DO NOTHING`, w.clock.now(), d.Appointment.Service.ID, d.Appointment.DeskID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.pool.Exec(t.Context(), `UPDATE appointment SET staff_note = 'someone else''s' WHERE id = $1`, d.Appointment.ID)
	if err != nil {
		t.Fatal(err)
	}
}
