package booking_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sportello/booking"
	"sportello/booking/token"
	"sportello/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// monday is when the tests' clock starts, unless they set another: 08:00 in
// Rome on a Monday without holidays around.
var monday = time.Date(2026, 11, 16, 7, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant in all but name

func rome(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// clock is a clock that tests turn.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

func (c *clock) add(d time.Duration) { c.set(c.now().Add(d)) }

// tokens keeps what was published, in place of Redis.
type tokens struct {
	mu  sync.Mutex
	m   map[token.Hash]token.Grant
	on  func() // runs before each Put
	err error  // what Put and Delete answer
}

func (s *tokens) Put(_ context.Context, h token.Hash, g token.Grant) error {
	if s.on != nil {
		s.on()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.m[h] = g
	}
	return s.err
}

func (s *tokens) Delete(_ context.Context, h token.Hash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, h)
	return s.err
}

func (s *tokens) get(h token.Hash) (token.Grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.m[h]
	return g, ok
}

// small is a town of one office with two counters and a virtual one.
const small = `{
  "town": {"slug": "prova", "name": "Prova", "patron": {"name": {"it": "Patrono"}, "month": 12, "day": 1}},
  "offices": [{"slug": "ufficio", "name": {"it": "Ufficio", "en": "Office"}, "building": "A", "position": 1,
    "services": [
      {"slug": "breve", "name": {"it": "Breve"}, "duration": "15m", "step": "15m", "minNotice": "1h", "horizon": "1440h", "cancelUntil": "2h", "modes": ["in_person", "virtual"]},
      {"slug": "lungo", "name": {"it": "Lungo"}, "duration": "40m", "buffer": "10m", "step": "20m", "minNotice": "0s", "horizon": "1440h", "cancelUntil": "0s", "modes": ["in_person"]}],
    "desks": [
      {"name": "Uno", "modes": ["in_person"], "hours": [{"days": [1,2,3,4,5], "from": "09:00", "to": "12:00"}, {"days": [1], "from": "12:00", "to": "13:00", "audience": "operators"}]},
      {"name": "Due", "modes": ["in_person"], "hours": [{"days": [1,2,3,4,5], "from": "09:00", "to": "10:00"}]},
      {"name": "Video", "modes": ["virtual"], "hours": [{"days": [0,1,2,3,4,5,6], "from": "09:00", "to": "10:00"}]}]}]}`

// world is an agenda with its surroundings.
type world struct {
	*booking.Agenda
	pool   *pgxpool.Pool
	clock  *clock
	tokens *tokens
	office booking.Office
	breve  booking.Service
	lungo  booking.Service
	desks  map[string]booking.Desk
}

// newWorld makes the small town at a time.
func newWorld(t testing.TB, at time.Time) *world {
	t.Helper()
	return newWorldOn(t, testenv.PostgresPrepared(t, "schema", booking.Migrate), at)
}

// newWorldOn makes it in a database that is migrated.
func newWorldOn(t testing.TB, pool *pgxpool.Pool, at time.Time) *world {
	t.Helper()
	w := &world{pool: pool, clock: &clock{t: at}, tokens: &tokens{m: map[token.Hash]token.Grant{}}, desks: map[string]booking.Desk{}}
	w.Agenda = booking.New(pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now})
	t.Cleanup(w.Close)
	if err := w.Seed(t.Context(), fstest.MapFS{"small.json": {Data: []byte(small)}}); err != nil {
		t.Fatal(err)
	}
	w.look(t)
	return w
}

// look finds the small town's things in the database.
func (w *world) look(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	var err error
	if w.office, w.breve, err = w.ServiceBySlug(ctx, "ufficio", "breve"); err != nil {
		t.Fatal(err)
	}
	if _, w.lungo, err = w.ServiceBySlug(ctx, "ufficio", "lungo"); err != nil {
		t.Fatal(err)
	}
	desks, err := w.Desks(ctx, w.office.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range desks {
		w.desks[d.Name] = d
	}
}

// wide opens a connection for each of n clients: with fewer, they would queue
// before the database instead of in it.
func (w *world) wide(t testing.TB, n int32) {
	t.Helper()
	config := w.pool.Config()
	config.MaxConns = n
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	w.pool = pool
	w.Agenda = booking.New(pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now})
	t.Cleanup(w.Close)
}

// clerk adds a member of the staff.
func (w *world) clerk(t testing.TB) booking.Staff {
	t.Helper()
	s, err := w.AddStaff(t.Context(), booking.Staff{
		Login: "Anna", Name: "Anna Ferrero", Roles: []booking.StaffRole{booking.Clerk, booking.Operator},
		Offices: []int64{w.office.ID}, Desks: []int64{w.desks["Uno"].ID, w.desks["Video"].ID},
	}, "correct horse", booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) request(start time.Time, mode booking.Mode) booking.HoldRequest {
	return booking.HoldRequest{ServiceID: w.breve.ID, Start: start, Mode: mode, Channel: booking.ByWeb, Audience: booking.Public}
}

func (w *world) hold(t testing.TB, r booking.HoldRequest) booking.Hold {
	t.Helper()
	h, err := w.Hold(t.Context(), r)
	if err != nil {
		t.Fatalf("hold %v: %v", r.Start, err)
	}
	return h
}

var maria = booking.Person{Name: "Maria", Surname: "D'Àngelo Rossi", Phone: "333 123 45 67", Language: "it"} //nolint:gochecknoglobals // test data

// booked holds and confirms.
func (w *world) booked(t testing.TB, r booking.HoldRequest) booking.Hold {
	t.Helper()
	h := w.hold(t, r)
	if err := w.SetPerson(t.Context(), h.ID, h.Secret, maria); err != nil {
		t.Fatal(err)
	}
	a, err := w.Confirm(t.Context(), h.ID, h.Secret)
	if err != nil {
		t.Fatal(err)
	}
	h.Appointment = a
	return h
}

// at is a local time on a day of November 2026.
func at(t testing.TB, day, hour, minute int) time.Time {
	t.Helper()
	return time.Date(2026, 11, day, hour, minute, 0, 0, rome(t))
}

// starts writes slots as local times.
func starts(slots []booking.Slot) string {
	var b strings.Builder
	for i, s := range slots {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s.Start.Format("15:04"))
	}
	return b.String()
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func wantField(t testing.TB, what string, err error, field, code string) {
	t.Helper()
	var f *booking.FieldError
	if !errors.As(err, &f) || f.Field != field || f.Code != code {
		t.Errorf("%s: error %v, want field %s: %s", what, err, field, code)
	}
}
