package web

import (
	"bytes"
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sportello/booking"
	"sportello/booking/notify"
	"sportello/booking/token"
	"sportello/internal/testenv"
)

// town is the demonstration town with a clock that tests turn. It starts on a
// Monday without holidays around, at 08:00 in Rome; years from now, since
// Redis drops by its own clock what is over.
type town struct {
	t      *testing.T
	pool   *pgxpool.Pool
	tokens *token.Store
	agenda *booking.Agenda
	http   *httptest.Server
	logs   *logbook
	// How citizens are told; by default not at all.
	channels notify.Channels
	notifier booking.Notifier
	server   *Server

	mu  sync.Mutex
	now time.Time
}

func (w *town) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *town) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{t: t, now: townStart, logs: &logbook{}, tokens: token.NewStore(testenv.Redis(t))}
	w.pool = testenv.PostgresPrepared(t, "web_public", fillTown)
	w.open()
	return w
}

var townStart = time.Date(2031, time.November, 17, 7, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant in all but name

// fillTown gives a database the tables and the demonstration's data.
func fillTown(ctx context.Context, pool *pgxpool.Pool) error {
	if err := booking.Migrate(ctx, pool); err != nil {
		return err
	}
	a := booking.New(pool, nowhere{}, booking.Options{Now: func() time.Time { return townStart }})
	defer a.Close()
	return a.Seed(ctx, booking.SeedFiles())
}

// open starts the pages over the town's database.
func (w *town) open() {
	t := w.t
	t.Helper()
	w.agenda = booking.New(w.pool, w.tokens, booking.Options{Pepper: []byte("pepper of the tests"), Now: w.clock, Notifier: w.notifier})
	t.Cleanup(w.agenda.Close)
	s, err := New(Config{
		Agenda: w.agenda, Secret: []byte("secret of the tests"), PublicURL: "http://sportello.test", Now: w.clock, Channels: w.channels,
		Logger: newLog(t, w.logs),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.server = s
	w.http = httptest.NewServer(s)
	t.Cleanup(w.http.Close)
}

// logbook lets many requests write one log, and a test read it meanwhile.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// citizen is a browser without JavaScript that follows redirects.
type citizen struct {
	*town
	client *http.Client
	at     *url.URL
	status int
	header http.Header
	body   string
}

func (w *town) citizen() *citizen {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &citizen{town: w, client: &http.Client{Jar: jar}}
}

func (c *citizen) do(method, address string, form url.Values, header ...string) {
	c.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	if !strings.HasPrefix(address, "http") {
		address = c.http.URL + address
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, address, body)
	if err != nil {
		c.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	c.at, c.status, c.header, c.body = res.Request.URL, res.StatusCode, res.Header, string(text)
}

func (c *citizen) get(path string) *citizen { c.t.Helper(); c.do(http.MethodGet, path, nil); return c }

func (c *citizen) post(path string, form url.Values) *citizen {
	c.t.Helper()
	c.do(http.MethodPost, path, form)
	return c
}

// shows checks the page's status and texts, as a reader sees them.
func (c *citizen) shows(status int, texts ...string) *citizen {
	c.t.Helper()
	page := html.UnescapeString(c.body)
	if c.status != status {
		c.t.Fatalf("%s: status %d, want %d\n%s", c.at.Path, c.status, status, page)
	}
	for _, text := range texts {
		if !strings.Contains(page, text) {
			c.t.Errorf("%s does not show %q\n%s", c.at.Path, text, page)
		}
	}
	return c
}

// hasNot checks that a text stands nowhere in the page's source.
func (c *citizen) hasNot(texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		if strings.Contains(c.body, text) {
			c.t.Errorf("%s has %q", c.at.Path, text)
		}
	}
}

// onStep checks which page the reader is on.
func (c *citizen) onStep(name string) *citizen {
	c.t.Helper()
	if !strings.HasSuffix(c.at.Path, name) {
		c.t.Fatalf("on %s, want %s\n%s", c.at.Path, name, c.body)
	}
	return c
}

// find gives the first group of a pattern in the page.
func (c *citizen) find(pattern string) string {
	c.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(c.body)
	if m == nil {
		c.t.Fatalf("%s: nothing matches %s\n%s", c.at.Path, pattern, c.body)
	}
	return html.UnescapeString(m[1])
}

// starts are the times that the page offers.
func (c *citizen) starts() []string {
	c.t.Helper()
	var out []string
	for _, m := range regexp.MustCompile(`name="inizio"(?: id="o\d+")? value="([^"]+)"`).FindAllStringSubmatch(c.body, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	if len(out) == 0 {
		c.t.Fatalf("%s offers no time\n%s", c.at.Path, c.body)
	}
	return out
}

const (
	testOffice = "anagrafe"
)

// choice is the form of the page of the times.
func (c *citizen) choice(mode, start string) url.Values {
	return url.Values{"ufficio": {testOffice}, "servizio": {c.service()}, "modo": {mode}, "inizio": {start}}
}

// service is a service of the test office that has both modes.
func (c *citizen) service() string {
	c.t.Helper()
	o, err := c.agenda.OfficeBySlug(c.t.Context(), testOffice)
	if err != nil {
		c.t.Fatal(err)
	}
	list, err := c.agenda.Services(c.t.Context(), o.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, s := range list {
		if s.Allows(booking.Virtual) && s.Allows(booking.InPerson) {
			return s.Slug
		}
	}
	c.t.Fatal("no service with both modes")
	return ""
}

func maria() url.Values {
	return url.Values{"name": {"Maria"}, "surname": {"D'Angelo Rossi"}, "email": {"maria@example.it"}, "phone": {""}, "privacy": {"1"}}
}

// holds plays the steps up to a held slot and gives the address of the hold.
func (c *citizen) holds(mode string) string {
	c.t.Helper()
	c.get("/it/prenota?ufficio="+testOffice+"&servizio="+c.service()).shows(http.StatusOK, "Come vuoi incontrarci?").onStep("/prenota/orario")
	c.get(c.at.Path + "?" + c.at.RawQuery + "&modo=" + mode + "&giorno=2031-11-20")
	c.post("/it/prenota/orario", c.choice(mode, c.starts()[0])).shows(http.StatusOK).onStep("/dettagli")
	return strings.TrimSuffix(c.at.Path, "/dettagli")
}

// books plays all of it and gives the address of the hold.
func (c *citizen) books(mode string) string {
	c.t.Helper()
	hold := c.holds(mode)
	c.post(hold+"/dettagli", url.Values{"note": {"Ho una domanda."}}).onStep("/richiedente")
	c.post(hold+"/richiedente", maria()).shows(http.StatusOK).onStep("/riepilogo")
	c.post(hold+"/riepilogo", url.Values{}).shows(http.StatusOK, "Appuntamento confermato").onStep("/conferma")
	return hold
}

// secret is the one in the page's personal link.
func (c *citizen) secret() string {
	c.t.Helper()
	return c.find(`id="link-value">[^<]*#([\w-]{48})<`)
}
