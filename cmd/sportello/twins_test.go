package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sportello/internal/testenv"
)

const twinPassword = "una password abbastanza lunga"

// twins are two whole processes on one PostgreSQL and one Redis, behind one address
// that gives each its turn.
type twins struct {
	t         *testing.T
	url       string
	transport *http.Transport // of its own: each httptest.Server closes connections of the default one

	mu     sync.Mutex
	served map[string]int // by method and path: who answered last
	turn   map[string]int
}

// behind starts a proxy with nobody behind it yet.
func behind(t *testing.T) (w *twins, serve func(addresses []string)) {
	t.Helper()
	w = &twins{t: t, transport: &http.Transport{}, served: map[string]int{}, turn: map[string]int{}}
	var addresses []string
	proxy := httptest.NewServer(&httputil.ReverseProxy{FlushInterval: -1, Transport: w.transport, Rewrite: func(r *httputil.ProxyRequest) {
		w.mu.Lock()
		defer w.mu.Unlock()
		// Each method has turns of its own: a form is sent to one, the page after it
		// comes from the other, and the next form goes there.
		method := r.In.Method
		who := w.turn[method] % len(addresses)
		w.turn[method]++
		w.served[method+" "+r.In.URL.Path] = who
		r.SetURL(&url.URL{Scheme: "http", Host: addresses[who]})
		r.Out.Host = r.In.Host
		r.Out.Header.Set("X-Forwarded-For", "192.0.2.7")
		// A body read to its end before it is sent: this proxy cuts an answer short that
		// comes while it still looks for that end (golang/go#40747).
		if body, err := io.ReadAll(r.In.Body); err != nil {
			t.Error(err)
		} else if len(body) > 0 {
			r.Out.Body = io.NopCloser(bytes.NewReader(body))
		}
	}})
	t.Cleanup(proxy.Close)
	t.Cleanup(w.transport.CloseIdleConnections)
	w.url = proxy.URL
	return w, func(list []string) { addresses = list }
}

// process runs this program's serve as a process of its own, and gives the address
// on which it answers.
func process(t *testing.T, vars map[string]string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, os.Args[0], "serve") //nolint:gosec // this very program
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(os.Environ(), asCommand+"=1")
	for k, v := range vars {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	logs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(logs); lines.Scan(); {
			if m := regexp.MustCompile(`msg=listening address=(\S+)`).FindStringSubmatch(lines.Text()); m != nil {
				listening <- m[1]
			}
			if strings.Contains(lines.Text(), "level=ERROR") {
				t.Error(lines.Text())
			}
		}
		close(listening)
	}()
	t.Cleanup(func() {
		stop()
		<-read
		_ = cmd.Wait() // an interrupt is how it ends
	})
	address := <-listening
	if address == "" {
		t.Fatal("a process ended before it listened")
	}
	return address
}

// visitor is a browser without JavaScript at the one address.
type visitor struct {
	*twins
	client *http.Client
	page   string
	at     *url.URL
	status int
}

func (w *twins) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &visitor{twins: w, client: &http.Client{Jar: jar, Transport: w.transport}}
}

func (v *visitor) does(method, path string, form url.Values) *visitor {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", v.url)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing was written
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.page, v.at, v.status = html.UnescapeString(string(body)), res.Request.URL, res.StatusCode
	return v
}

func (v *visitor) gets(path string) *visitor { v.t.Helper(); return v.does(http.MethodGet, path, nil) }

func (v *visitor) posts(path string, pairs ...string) *visitor {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.does(http.MethodPost, path, form)
}

func (v *visitor) wants(status int, text string) *visitor {
	v.t.Helper()
	if v.status != status || !strings.Contains(v.page, text) {
		_, main, _ := strings.Cut(v.page, "<main")
		main, _, _ = strings.Cut(main, "</main>")
		v.t.Fatalf("%s: %d, want %d and %q:\n%s", v.at, v.status, status, text, main)
	}
	return v
}

// lands fails unless the page is the step that ends so.
func (v *visitor) lands(step string) *visitor {
	v.t.Helper()
	if v.status != http.StatusOK || !strings.HasSuffix(v.at.Path, step) {
		v.t.Fatalf("%s: %d, want the step %s", v.at, v.status, step)
	}
	return v
}

// by fails unless two requests were answered by different processes.
func (w *twins) by(first, second string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	a, ok1 := w.served[first]
	b, ok2 := w.served[second]
	if !ok1 || !ok2 || a == b {
		w.t.Errorf("%s by %d (%v), %s by %d (%v)", first, a, ok1, second, b, ok2)
	}
}

func (v *visitor) starts() []string {
	v.t.Helper()
	var out []string
	for _, m := range regexp.MustCompile(`name="inizio"(?: id="o\d+")? value="([^"]+)"`).FindAllStringSubmatch(v.page, -1) {
		out = append(out, m[1])
	}
	if len(out) == 0 {
		v.t.Fatalf("%s offers no start", v.at)
	}
	return out
}

// last is what the last place on the page has that looks so.
func (v *visitor) last(pattern string) string {
	v.t.Helper()
	all := regexp.MustCompile(pattern).FindAllStringSubmatch(v.page, -1)
	if len(all) == 0 {
		v.t.Fatalf("%s has no %s", v.at, pattern)
	}
	return all[len(all)-1][1]
}

// later turns from the first free day to the last one of the next month, which it
// gives: only what is far ahead may still be changed, whatever the day and hour.
func (v *visitor) later() string {
	v.t.Helper()
	day := v.gets(v.last(`class="sv-month-link" href="([^"#]+)[^"]*" rel="next`)).last(`class="sv-day[^"]*" href="([^"#]+)`)
	v.gets(day)
	return day
}

// chooses takes a start of the page.
func (v *visitor) chooses(n int) *visitor {
	v.t.Helper()
	return v.posts("/it/prenota/orario", "ufficio", "anagrafe", "servizio", "cambio-residenza", "modo", "presenza", "inizio", v.starts()[n])
}

// furnish gives a counter its demonstration town and a clerk, anna, who may be more.
func furnish(t *testing.T, vars map[string]string, more ...string) {
	t.Helper()
	anna := []string{"staff", "add", "-login", "anna", "-name", "Anna", "-role", "clerk", "-office", "anagrafe", "-password-stdin"}
	for _, args := range [][]string{{"migrate"}, {"seed", "../../booking/seed/pinerolo.json"}, append(anna, more...)} {
		if err := dispatch(t.Context(), &environment{vars: vars, in: strings.NewReader(twinPassword + "\n"), out: t.Output(), errOut: t.Output()}, args); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
	}
}

// confirms takes what is held through the steps that follow, and gives the link's secret.
func (v *visitor) confirms(hold, note string) string {
	v.t.Helper()
	v.posts(hold+"/dettagli", "note", note).lands("/richiedente")
	v.posts(hold+"/richiedente", "name", "Maria", "surname", "Rossi", "email", "maria@example.it", "privacy", "1").lands("/riepilogo")
	v.posts(hold+"/riepilogo").wants(http.StatusOK, "Appuntamento confermato")
	m := regexp.MustCompile(`/it/appuntamento#([\w-]{48})`).FindStringSubmatch(v.page)
	if m == nil {
		v.t.Fatal("the confirmation has no link")
	}
	return m[1]
}

// TestTwoProcessesAreOneCounter: a booking whose steps are answered in turn, its
// change, its end; who signs in at one is known to the other; a board at one hears
// what is done at the other; who comes too often is counted by both together.
func TestTwoProcessesAreOneCounter(t *testing.T) {
	t.Parallel()
	w, serve := behind(t)
	vars := serveVars(testenv.PostgresURL(t), testenv.RedisServer(t, shortDir(t)).URL())
	vars["SPORTELLO_PUBLIC_URL"], vars["SPORTELLO_PROXIES"], vars["SPORTELLO_HOLD_RATE"] = w.url, "127.0.0.1/32", "4"
	furnish(t, vars)
	serve([]string{process(t, vars), process(t, vars)})

	const times = "/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=presenza"
	c := w.visitor()
	day := c.gets(times).later()
	c.chooses(0).lands("/dettagli")
	hold := strings.TrimSuffix(c.at.Path, "/dettagli")
	secret := c.confirms(hold, "Due processi")
	w.by("POST /it/prenota/orario", "POST "+hold+"/riepilogo")

	// A session in the staff's pages, and a stream of news, at one and the other.
	clerk := w.visitor()
	clerk.posts("/it/staff/accesso", "login", "anna", "password", twinPassword).wants(http.StatusOK, "Anna")
	for range 2 {
		clerk.gets("/it/staff/sportello").wants(http.StatusOK, "Anna")
	}
	news := []chan string{clerk.listens(), clerk.listens()}

	d := w.visitor() // another device
	d.posts("/it/appuntamento", "secret", secret).wants(http.StatusOK, "Confermato")
	page := d.at.Path
	d.gets(page+"/sposta").wants(http.StatusOK, "quello attuale resta tuo").later()
	starts := d.starts()
	d.posts(page+"/sposta", "inizio", starts[len(starts)-1]).wants(http.StatusOK, "è stato spostato")
	for i, heard := range news {
		select {
		case _, ok := <-heard:
			if !ok {
				t.Errorf("stream %d ended", i)
			}
		case <-time.After(patience):
			t.Errorf("stream %d heard nothing", i)
		}
	}
	w.by("POST /it/appuntamento", "POST "+page+"/sposta")
	d.posts(page+"/disdici").wants(http.StatusOK, "è stato disdetto")
	w.by("POST "+page+"/sposta", "POST "+page+"/disdici")

	// Five holds of an address are one more than four, whoever answered them.
	e := w.visitor()
	for i := range 3 { // one was Maria's
		e.gets(day)
		e.chooses(i).lands("/dettagli")
	}
	e.gets(day)
	e.chooses(3)
	if e.status != http.StatusTooManyRequests {
		t.Errorf("the fifth hold: %d at %s", e.status, e.at)
	}
	// So are guesses of a code: ten in a minute.
	refused := 0
	for range 11 {
		if d.posts("/it/appuntamento", "code", "AAAA-AAAA", "surname", "Rossi"); d.status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 2 { // the link was opened before
		t.Errorf("%d of 12 tries were refused", refused)
	}
}

// listens opens a stream of news and tells of each change of the agenda from then on.
func (v *visitor) listens() chan string {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.url+"/it/staff/eventi", http.NoBody)
	if err != nil {
		v.t.Fatal(err)
	}
	res, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && lines.Text() != "event: resync" { // nothing is missed from here on
	}
	heard := make(chan string, 8)
	go func() {
		for lines.Scan() {
			if line := lines.Text(); line == "event: agenda" {
				heard <- line
			}
		}
		close(heard)
	}()
	if res.StatusCode != http.StatusOK {
		v.t.Fatal(fmt.Sprint("stream: ", res.StatusCode))
	}
	return heard
}
