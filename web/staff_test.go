package web

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/pgxstore"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"sportello/booking"
	"sportello/booking/token"
	"sportello/internal/testenv"
)

const staffPassword = "parola d'ordine"

// staffNow is when the staff's tests play: a Monday without holidays, 08:45
// in Rome, with the counters open.
var staffNow = time.Date(2026, time.November, 16, 7, 45, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant in all but name

// nowhere takes the grants that nobody asks for.
type nowhere struct{}

func (nowhere) Put(context.Context, token.Hash, token.Grant) error { return nil }
func (nowhere) Delete(context.Context, token.Hash) error           { return nil }

// lobby is a presence that the test sets.
type lobby struct {
	mu      sync.Mutex
	states  map[uuid.UUID]PresenceState
	changed chan uuid.UUID
	hangs   bool
	patient time.Duration // how long whoever asked would have waited
}

func (l *lobby) Get(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]PresenceState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hangs {
		if until, ok := ctx.Deadline(); ok {
			l.patient = time.Until(until)
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	out := map[uuid.UUID]PresenceState{}
	for _, id := range ids {
		if p, ok := l.states[id]; ok {
			out[id] = p
		}
	}
	return out, nil
}

func (l *lobby) Watch(context.Context) (<-chan uuid.UUID, error) { return l.changed, nil }

func (l *lobby) set(id uuid.UUID, p PresenceState) {
	l.mu.Lock()
	l.states[id] = p
	l.mu.Unlock()
	l.changed <- id
}

// counter is a town with its staff side running.
type counter struct {
	t      *testing.T
	agenda *booking.Agenda
	server *Server
	http   *httptest.Server
	lobby  *lobby
	pool   *pgxpool.Pool
}

func newCounter(t *testing.T, change func(*Config)) *counter {
	t.Helper()
	options := booking.Options{Pepper: []byte("pepper of the tests"), Now: func() time.Time { return staffNow }}
	pool := testenv.PostgresPrepared(t, "web_staff", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := booking.Migrate(ctx, pool); err != nil {
			return err
		}
		a := booking.New(pool, nowhere{}, options)
		defer a.Close()
		if err := a.Seed(ctx, booking.SeedFiles()); err != nil {
			return err
		}
		return a.SeedStaff(ctx, staffPassword)
	})
	c := &counter{t: t, pool: pool, agenda: booking.New(pool, nowhere{}, options)}
	t.Cleanup(c.agenda.Close)
	c.lobby = &lobby{states: map[uuid.UUID]PresenceState{}, changed: make(chan uuid.UUID, 8)}
	config := Config{
		Agenda: c.agenda, Secret: []byte("secret of the tests"), PublicURL: "http://sportello.test",
		Now: func() time.Time { return staffNow }, Logger: newLog(t, t.Output()),
		Staff: StaffConfig{Sessions: pgxstore.NewWithCleanupInterval(pool, 0), Presence: c.lobby, LoginsPerAddress: 100},
	}
	if change != nil {
		change(&config)
	}
	var err error
	if c.server, err = New(config); err != nil {
		t.Fatal(err)
	}
	c.http = httptest.NewServer(c.server)
	t.Cleanup(c.http.Close)
	t.Cleanup(c.server.EndStreams)
	return c
}

// browser is somebody's browser: it keeps cookies and follows no redirect.
type browser struct {
	*counter
	client *http.Client
}

func (c *counter) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return &browser{c, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as is the browser of somebody who is signed in.
func (c *counter) as(login string) *browser {
	c.t.Helper()
	b := c.browser()
	if p := b.post("/it/staff/accesso", "login", login, "password", staffPassword); p.status != http.StatusSeeOther {
		c.t.Fatalf("sign in as %s: status %d", login, p.status)
	}
	return b
}

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   string
	cookie []*http.Cookie
}

func (a answer) location() string { return a.header.Get("Location") }

func (b *browser) do(method, path string, header map[string]string, form url.Values) answer {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.http.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	return b.read(r)
}

// read sends a request and reads its answer.
func (b *browser) read(r *http.Request) answer {
	b.t.Helper()
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text), resp.Cookies()}
}

func (b *browser) get(path string) answer { b.t.Helper(); return b.do(http.MethodGet, path, nil, nil) }

func (b *browser) post(path string, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, nil, form)
}

// want fails unless the answer has the status and contains the texts, or where
// one of its texts was not given its values.
func (b *browser) want(a answer, status int, texts ...string) answer {
	b.t.Helper()
	if a.status != status {
		b.t.Fatalf("status %d, want %d; location %q", a.status, status, a.location())
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			b.t.Fatalf("the page lacks %q:\n%s", text, mainOf(a.body))
		}
	}
	if strings.Contains(a.body, "&lt;no value&gt;") {
		b.t.Fatalf("a text of the page lacks a value:\n%s", mainOf(a.body))
	}
	return a
}

func mainOf(page string) string {
	_, rest, _ := strings.Cut(page, "<main")
	text, _, _ := strings.Cut(rest, "</main>")
	return text
}

// service finds a service of the demonstration town.
func (c *counter) service(office, slug string) booking.Service {
	c.t.Helper()
	_, s, err := c.agenda.ServiceBySlug(c.t.Context(), office, slug)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// free gives the first free starts of a service today.
func (c *counter) free(s booking.Service, mode booking.Mode, n int) []booking.Slot {
	c.t.Helper()
	slots, err := c.agenda.Free(c.t.Context(), booking.Query{ServiceID: s.ID, Mode: mode, Audience: booking.Operators, Limit: n})
	if err != nil || len(slots) < n {
		c.t.Fatalf("free slots: %d, %v", len(slots), err)
	}
	return slots
}

// booked books the nth free start for somebody.
func (c *counter) booked(office, slug string, mode booking.Mode, name, surname string) booking.Hold {
	c.t.Helper()
	s := c.service(office, slug)
	h, err := c.agenda.Book(c.t.Context(), booking.BookRequest{
		HoldRequest: booking.HoldRequest{
			ServiceID: s.ID, Start: c.free(s, mode, 1)[0].Start, Mode: mode, Channel: booking.ByOperator, Audience: booking.Operators,
		},
		Person: booking.Person{Name: name, Surname: surname, Phone: "0121 321654", Language: "it"},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return h
}
