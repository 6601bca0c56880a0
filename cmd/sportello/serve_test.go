package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sportello/internal/testenv"
)

// TestSocketsOfOneIPv6NetworkCountTogether: who has a network of 2^64 addresses has no
// more sockets than who has one.
func TestSocketsOfOneIPv6NetworkCountTogether(t *testing.T) {
	t.Parallel()
	vars := serveVars(testenv.PostgresURL(t), testenv.RedisServer(t, shortDir(t)).URL())
	vars["SPORTELLO_PROXIES"] = "127.0.0.0/8"
	c := start(t, vars, "serve")
	dial := func(from string) int {
		t.Helper()
		ws, res, err := websocket.Dial(t.Context(), "ws://"+c.Listening.String()+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Forwarded-For": {from}}})
		if res == nil {
			t.Fatal(err)
		}
		if res.Body != nil {
			defer res.Body.Close() //nolint:errcheck // nothing was written
		}
		if ws != nil {
			t.Cleanup(func() { _ = ws.CloseNow() })
		}
		return res.StatusCode
	}
	for i := range 64 {
		if got := dial(fmt.Sprintf("2001:db8:1:2::%x", i+1)); got != http.StatusSwitchingProtocols {
			t.Fatalf("socket %d: %d", i, got)
		}
	}
	if got := dial("2001:db8:1:2:ffff::1"); got != http.StatusTooManyRequests {
		t.Errorf("one more: %d", got)
	}
	if got := dial("2001:db8:1:3::1"); got != http.StatusSwitchingProtocols {
		t.Errorf("from another network: %d", got)
	}
}

func serveVars(postgres, redis string) map[string]string {
	return devVars(map[string]string{
		"DATABASE_URL": postgres, "REDIS_URL": redis, "SPORTELLO_PUBLIC_URL": "http://localhost:8080",
		"SPORTELLO_SECRET": strings.Repeat("s", minSecret), "SPORTELLO_LOG": "text",
	})
}

func TestServerThatComesLate(t *testing.T) {
	t.Parallel()
	pgDir, redisDir := shortDir(t), shortDir(t)
	pg, rdb := testenv.PostgresServer(t, pgDir), testenv.RedisServer(t, redisDir)
	if err := pg.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.Stop(); err != nil {
		t.Fatal(err)
	}
	c := begin(t, serveVars(pg.URL("postgres"), rdb.URL()), "serve")
	c.out.waitFor(t, "PostgreSQL at")
	pg = testenv.PostgresServer(t, pgDir)
	c.out.waitFor(t, "Redis at")
	rdb = testenv.RedisServer(t, redisDir)
	c.await(t)
	ready := func(want int, text string) {
		t.Helper()
		if status, body := c.get(t, http.DefaultClient, "http", "/readyz"); status != want || !strings.Contains(body, text) {
			t.Errorf("/readyz: %d %q, want %d and %q", status, body, want, text)
		}
	}
	ready(http.StatusOK, "ok\n")

	// One after the other goes away and comes back.
	if err := rdb.Stop(); err != nil {
		t.Fatal(err)
	}
	ready(http.StatusOK, "Redis does not answer")
	testenv.RedisServer(t, redisDir)
	ready(http.StatusOK, "ok\n")
	if err := pg.Stop(); err != nil {
		t.Fatal(err)
	}
	ready(http.StatusServiceUnavailable, "PostgreSQL does not answer")
	if status, body := c.get(t, http.DefaultClient, "http", "/it/"); status < 500 || !strings.Contains(body, "<html") {
		t.Errorf("a page without PostgreSQL: %d %.80q", status, body)
	}
	if status, _ := c.get(t, http.DefaultClient, "http", "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz without PostgreSQL: %d", status)
	}
	testenv.PostgresServer(t, pgDir)
	ready(http.StatusOK, "ok\n")
	if status, _ := c.get(t, http.DefaultClient, "http", "/it/"); status != http.StatusOK {
		t.Errorf("a page after PostgreSQL came back: %d", status)
	}
	if err := c.end(t); err != nil {
		t.Error(err)
	}
}

// TestCounterThatWasOff: a counter that was off until its agenda's days were all over
// has new ones before its first page is asked for.
func TestCounterThatWasOff(t *testing.T) {
	t.Parallel()
	postgres := testenv.PostgresURL(t)
	vars := serveVars(postgres, testenv.RedisServer(t, shortDir(t)).URL())
	furnish(t, vars)
	if alters(t, postgres, `DELETE FROM desk_day`) == 0 {
		t.Fatal("there were no days")
	}
	c := start(t, vars, "serve")
	status, body := c.get(t, http.DefaultClient, "http", "/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=video")
	if status != http.StatusOK || !strings.Contains(body, `rel="next nofollow"`) {
		t.Errorf("no month to turn to: %d %s", status, body)
	}
}

func TestServerThatNeverComes(t *testing.T) {
	t.Parallel()
	vars := serveVars("postgres:///x?host="+t.TempDir(), "redis://127.0.0.1:1/0")
	vars["SPORTELLO_START_WAIT"] = "300ms"
	began := time.Now()
	err := dispatch(t.Context(), &environment{vars: vars, out: t.Output(), errOut: t.Output()}, []string{"serve"})
	if err == nil || !strings.Contains(err.Error(), "PostgreSQL at") {
		t.Errorf("%v does not say what is missing", err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("gave up after %v", took)
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // the test is over
	vars := serveVars("postgres:///x", "redis://127.0.0.1:1/0")
	vars["SPORTELLO_ADDR"] = l.Addr().String()
	err = dispatch(t.Context(), &environment{vars: vars, out: t.Output(), errOut: t.Output()}, []string{"serve"})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "SPORTELLO_ADDR") {
		t.Errorf("%v does not say what to do", err)
	}
}

func TestStaffAndSeedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"DATABASE_URL": testenv.PostgresURL(t)}
	out := newText()
	run := func(in string, args ...string) error {
		return dispatch(t.Context(), &environment{vars: vars, in: strings.NewReader(in), out: out, errOut: t.Output()}, args)
	}
	for _, args := range [][]string{
		{"migrate"},
		{"seed", "../../booking/seed/pinerolo.json"},
		{"staff", "add", "-login", "ada", "-name", "Ada Rossi", "-role", "clerk", "-office", "anagrafe"},
	} {
		if err := run("", args...); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
	}
	if !strings.Contains(out.String(), "Password: ") {
		t.Errorf("no password was made up:\n%s", out)
	}
	if err := run("a long enough password\n", "staff", "add", "-login", "bea", "-name", "Bea", "-role", "reception", "-password-stdin"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "long enough") {
		t.Error("a given password is printed")
	}
	if err := run("another long password\n", "staff", "password", "-login", "Ada", "-password-stdin"); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][]string{
		{"staff", "password", "-login", "nobody"},
		{"staff", "password"},
		{"staff", "remove"},
		{"staff", "add", "-login", "ada", "-name", "Again", "-role", "clerk"},
		{"staff", "add", "-login", "carl", "-name", "Carl", "-role", "king"},
		{"staff", "add", "-login", "carl", "-name", "Carl", "-role", "clerk", "-office", "nowhere"},
		{"staff", "add"},
		{"staff"},
		{"unheard-of"},
		{"seed", "missing.json"},
	} {
		if run("", wrong...) == nil {
			t.Errorf("%v was accepted", wrong)
		}
	}
}
