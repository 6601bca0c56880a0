package booking_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sportello/booking"
	"sportello/booking/token"
	"sportello/internal/devstack"
)

const (
	playerVar  = "SPORTELLO_TEST_PLAYER" // the child's database, first moment and seed
	soakVar    = "SPORTELLO_SOAK"        // operations; make soak
	playerRuns = "^TestPlayer$"
)

// TestNothingIsLost plays random operations from many clients in a process that
// is killed in the midst of them, again and again, and so is the database. Then,
// whatever happened: no two appointments overlap, every one lies in the hours of
// its desk once nothing closes it, no hold outlives its time, and what a client
// was told of still stands. SPORTELLO_SOAK says how many operations to play.
func TestNothingIsLost(t *testing.T) {
	want := 4000
	if v := os.Getenv(soakVar); v != "" {
		var err error
		if want, err = strconv.Atoi(v); err != nil {
			t.Fatalf("%s: %v", soakVar, err)
		}
	}
	dir := t.TempDir()
	server := durable(t, dir)
	if err := server.EnsureDatabase(t.Context(), "crash"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	pool, err := pgxpool.New(t.Context(), server.URL("crash"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := booking.Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	w := newWorldOn(t, pool, monday)
	w.clerk(t)
	w.cooling(t, time.Minute)
	began := time.Now()
	b := &book{facts: map[uuid.UUID]*facts{}}
	rng := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // repeatable, as far as a race can be
	played, runs, crashes := 0, 0, 0
	for played < want || runs < 4 {
		runs++
		stopAfter := 300 + rng.IntN(700) // operations
		if want > 100_000 {
			stopAfter *= 20
		}
		crash := runs%4 == 2
		n := b.run(t, server.URL("crash"), began, runs, stopAfter, func() {
			if !crash {
				return
			}
			crashes++
			// Immediate shutdown: all of its processes die as they are.
			if err := syscall.Kill(server.PID(), syscall.SIGQUIT); err != nil {
				t.Errorf("crash the database: %v", err)
			}
			_ = server.Stop() // it ended with an error, which was the point
			server = durable(t, dir)
		})
		played += n
		b.check(t, w)
		if t.Failed() {
			break
		}
		if want > 100_000 {
			t.Logf("%d operations so far, %d appointments told of", played, len(b.facts)) // it takes an hour: somebody watches
		}
	}
	t.Logf("%d operations in %d lives of the program and %d of the database: %d appointments told of", played, runs, crashes+1, len(b.facts))
}

// durable starts a PostgreSQL that keeps its word, unlike other tests', when it
// crashes.
func durable(t *testing.T, dir string) *devstack.Postgres {
	t.Helper()
	server, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// facts are what clients know of one appointment.
type facts struct {
	starts    []time.Time // those it may stand at: the last it was told of, and those asked for since
	told      bool        // it is booked
	cancelled bool
	leaving   bool // somebody asked to cancel it, and may not have heard
}

// book is all that clients know.
type book struct{ facts map[uuid.UUID]*facts }

func (b *book) note(line string) error {
	var what, id string
	var at int64
	if _, err := fmt.Sscanf(line, "%s %s %d", &what, &id, &at); err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	key, err := uuid.Parse(id)
	if err != nil {
		return err
	}
	f := b.facts[key]
	if f == nil {
		f = &facts{}
		b.facts[key] = f
	}
	switch start := time.Unix(at, 0); what {
	case "booked":
		// Clients meddle with each other's: another may have moved it meanwhile.
		f.told, f.starts = true, append(f.starts, start)
	case "moving":
		f.starts = append(f.starts, start)
	case "cancelling":
		f.leaving = true
	case "cancelled":
		f.cancelled = true
	default:
		return errors.New(what)
	}
	return nil
}

// run lets a child play until it did so many operations, and kills it; halfway
// it calls between.
func (b *book) run(t *testing.T, url string, began time.Time, seed, stopAfter int, between func()) (played int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run="+playerRuns, "-test.timeout=10m") //nolint:gosec // this very program
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %s", playerVar, seed, began.UnixNano(), url))
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var complaints strings.Builder
	child.Stderr = &complaints
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines, rest := bufio.NewScanner(out), strings.Builder{}
	killed, half := false, false
	for lines.Scan() {
		line := lines.Text()
		n, isCount := strings.CutPrefix(line, "operations ")
		fact, isFact := strings.CutPrefix(line, "fact ")
		switch {
		case isFact:
			if err := b.note(fact); err != nil {
				t.Errorf("the child said %v", err)
			}
		case isCount:
			if played, err = strconv.Atoi(n); err != nil {
				t.Error(err)
			}
			if !half && played >= stopAfter/2 {
				half = true
				between()
			}
			if !killed && played >= stopAfter {
				killed = true
				if err := child.Process.Kill(); err != nil {
					t.Error(err)
				}
			}
		default:
			rest.WriteString(line + "\n")
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	err = child.Wait()
	if !killed {
		t.Errorf("the child ended by itself: %v\n%s%s", err, rest.String(), complaints.String())
	}
	return played
}

// check looks at the database with the program dead.
func (b *book) check(t *testing.T, w *world) {
	t.Helper()
	ctx := t.Context()
	// Connections of the dead may still be at work on what they were asked last.
	deadline := time.Now().Add(20 * time.Second)
	for {
		var busy int
		err := w.pool.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND application_name = 'player'`).Scan(&busy)
		if err == nil && busy == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections of the dead program: %v", busy, err)
		}
		time.Sleep(10 * time.Millisecond) // the database tells nobody when a connection ends
	}
	w.assertNoOverlap(t)
	rows, err := w.pool.Query(ctx, `SELECT id, state, lower(period) FROM appointment WHERE state <> 'expired'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	states, starts := map[uuid.UUID]booking.State{}, map[uuid.UUID]time.Time{}
	for rows.Next() {
		var id uuid.UUID
		var state booking.State
		var start time.Time
		if err := rows.Scan(&id, &state, &start); err != nil {
			t.Fatal(err)
		}
		states[id], starts[id] = state, start
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for id, f := range b.facts {
		state := states[id]
		switch {
		case f.cancelled && state != booking.Cancelled:
			t.Errorf("%s was cancelled and is %q", id, state)
		case f.told && !f.leaving && state != booking.Booked:
			t.Errorf("%s was booked and is %q", id, state)
		}
		if state != booking.Booked || !f.told {
			continue
		}
		stands := false
		for _, s := range f.starts {
			stands = stands || s.Equal(starts[id])
		}
		if !stands {
			t.Errorf("%s stands at %v, which nobody asked for", id, starts[id])
		}
	}
	// A program that comes to life again ends what is past its time.
	w.clock.set(monday.Add(24 * time.Hour))
	defer w.clock.set(monday)
	if err := w.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	var late int
	if err := w.pool.QueryRow(ctx, `SELECT count(*) FROM appointment WHERE state = 'held' AND hold_expires_at <= $1`, w.clock.now()).Scan(&late); err != nil || late != 0 {
		t.Errorf("%d holds outlive their time: %v", late, err)
	}
	// Nothing closes now: what is booked lies in the hours there were.
	p := players{world: w, conflicts: map[string]bool{}}
	if err := p.reopen(t); err != nil {
		t.Fatal(err)
	}
	var all []booking.OpeningRule
	for day := time.Monday; day <= time.Friday; day++ {
		all = append(all, booking.OpeningRule{Weekday: day, From: "09:00", To: "11:00", Audience: booking.Public})
	}
	if _, err := w.SetOpeningRules(ctx, w.desks["Due"].ID, all, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	var outside int
	err = w.pool.QueryRow(ctx, `
		SELECT count(*) FROM appointment a JOIN desk_day dd USING (desk_id, day)
		WHERE dd.audience = 'operators' AND a.state = 'booked' AND NOT a.outside_hours AND NOT dd.open @> a.period`).Scan(&outside)
	if err != nil || outside != 0 {
		t.Errorf("%d appointments lie outside all hours there ever were: %v", outside, err)
	}
}

// TestPlayer is the child of TestNothingIsLost: it plays until it is killed.
func TestPlayer(t *testing.T) {
	v := os.Getenv(playerVar)
	if v == "" {
		t.Skip("plays for TestNothingIsLost alone")
	}
	var seed uint64
	var began int64
	var url string
	if _, err := fmt.Sscanf(v, "%d %d %s", &seed, &began, &url); err != nil {
		t.Fatal(err)
	}
	const people = 8
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 2 * people
	config.ConnConfig.RuntimeParams["application_name"] = "player"
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return monday.Add(time.Since(time.Unix(0, began))) }
	w := &world{pool: pool, clock: &clock{}, tokens: &tokens{m: map[token.Hash]token.Grant{}}, desks: map[string]booking.Desk{}}
	w.Agenda = booking.New(pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: now, HoldFor: time.Second})
	w.look(t)
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := fmt.Fprintf(os.Stdout, format, args...); err != nil {
			os.Exit(1) // the parent is gone
		}
	}
	p := &players{world: w, conflicts: map[string]bool{}, say: func(what string, id uuid.UUID, start time.Time) {
		say("fact %s %s %d\n", what, id, start.Unix())
	}}
	all, err := w.AllStaff(t.Context())
	if err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	p.actor = booking.Actor{StaffID: all[0].ID}
	var wg sync.WaitGroup
	var operations int
	for i := range people {
		rng := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // repeatable on purpose
		wg.Go(func() {
			for !t.Failed() {
				err := p.step(t, rng)
				if err != nil && !away(err) {
					t.Errorf("unexpected: %v", err)
					return
				}
				mu.Lock()
				operations++
				n := operations
				mu.Unlock()
				if n%50 == 0 {
					say("operations %d\n", n)
				}
			}
		})
	}
	wg.Wait()
}

// away says whether the database was not there to answer.
func away(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "57P") // it shuts down, or starts up
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
