package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"sportello/internal/devstack"
	"sportello/internal/testenv"
)

// devVars are the settings of a counter that no other one is in the way of.
func devVars(more map[string]string) map[string]string {
	vars := map[string]string{
		"SPORTELLO_ADDR": "127.0.0.1:0", "SPORTELLO_MEDIA_PORT": "0", "SPORTELLO_MEDIA_ADDRESSES": "127.0.0.1",
	}
	maps.Copy(vars, more)
	return vars
}

// connectTo is a connection to the PostgreSQL of a counter in development.
func connectTo(t *testing.T, dir string) (*pgx.Conn, error) {
	t.Helper()
	q := url.Values{"host": {filepath.Join(dir, "postgres", "run")}, "user": {"sportello"}}
	return pgx.Connect(t.Context(), "postgres:///sportello?"+q.Encode())
}

func count(t *testing.T, dir, query string) (n int) {
	t.Helper()
	conn, err := connectTo(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // nothing is pending
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDevelopmentBringsItsOwnAndKeepsIt(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	first := start(t, devVars(nil), "dev", "-dir", dir)
	for _, want := range []string{first.URL + "/it/staff/", first.URL + "/it/staff/posta", demoPassword, "cimiteri", "the citizen " + first.URL + "/it/stanza#", "the clerk   " + first.URL + "/it/stanza#"} {
		if !strings.Contains(first.out.String(), want) {
			t.Errorf("%q is not printed:\n%s", want, first.out)
		}
	}
	if status, body := first.get(t, http.DefaultClient, "http", "/readyz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("/readyz: %d %q", status, body)
	}
	if status, body := first.get(t, http.DefaultClient, "http", "/it/"); status != http.StatusOK || !strings.Contains(body, "Cimiter") && !strings.Contains(body, "cimiter") {
		t.Errorf("/it/: %d, without the demonstration's offices", status)
	}
	if err := dispatch(t.Context(), &environment{vars: devVars(nil), out: t.Output(), errOut: t.Output()}, []string{"dev", "-dir", dir}); !errors.Is(err, devstack.ErrInUse) {
		t.Errorf("a second counter on one folder: %v", err)
	}
	before := count(t, dir, "SELECT count(*) FROM appointment")
	if err := first.end(t); err != nil {
		t.Fatal(err)
	}

	second := start(t, devVars(nil), "dev", "-dir", dir)
	if after := count(t, dir, "SELECT count(*) FROM appointment"); after != before+1 { // the new demonstration
		t.Errorf("%d appointments became %d", before, after)
	}
	if offices := count(t, dir, "SELECT count(*) FROM office"); offices != 6 {
		t.Errorf("%d offices after two seeds, want 6", offices)
	}
	if err := second.end(t); err != nil {
		t.Fatal(err)
	}
}

// TestStoppedWhileItFills: who stops a counter that is still being filled in hears of no error.
func TestStoppedWhileItFills(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	c := begin(t, devVars(nil), "dev", "-dir", dir)
	const tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'desk_day'"
	limit := time.Now().Add(patience)
	for n := 0; n == 0; {
		conn, err := connectTo(t, dir)
		if err != nil {
			if time.Now().After(limit) {
				t.Fatal(err)
			}
			continue // not up yet
		}
		if err := conn.QueryRow(t.Context(), tables).Scan(&n); err != nil {
			t.Error(err)
		}
		_ = conn.Close(t.Context())
	}
	if err := c.end(t); err != nil {
		t.Error(err)
	}
}

func TestKilledDevelopmentLeavesNoOrphan(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "dev", "-dir", dir) //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), asCommand+"=1")
	for k, v := range devVars(nil) {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "the clerk") {
	}
	var servers []int // file descriptors that tell of the servers' end
	for _, file := range []string{"postgres/pgdata/postmaster.pid", "redis/redis.pid"} {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(data), "\n")
		pid, err := strconv.Atoi(strings.TrimSpace(first))
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		servers = append(servers, fd)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for _, fd := range servers {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds())) //nolint:gosec // a descriptor fits
		if err != nil || n != 1 {
			t.Errorf("a server outlives its killed counter: %v", err)
		}
	}
	// What they left can be taken up again.
	start(t, devVars(nil), "dev", "-dir", dir)
}

func TestSelfMadeCertificate(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	c := start(t, devVars(map[string]string{"SPORTELLO_TLS": "self"}), "dev", "-dir", dir)
	pem, err := os.ReadFile(filepath.Join(dir, "tls-cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	if status, _ := c.get(t, &http.Client{Transport: transport}, "https", "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz over HTTPS: %d", status)
	}
	if !strings.HasPrefix(c.URL, "https://") {
		t.Errorf("the printed address is %s", c.URL)
	}
	// Kept while it is good, made anew when it is about to end.
	for _, step := range []struct {
		after time.Duration
		same  bool
	}{{time.Hour, true}, {selfMadeLife - 24*time.Hour, false}} {
		if _, err := (certificateSource{self: true}).load(dir, time.Now().Add(step.after)); err != nil {
			t.Fatal(err)
		}
		now, err := os.ReadFile(filepath.Join(dir, "tls-cert.pem"))
		if err != nil {
			t.Fatal(err)
		}
		if same := string(now) == string(pem); same != step.same {
			t.Errorf("after %v the certificate is the same: %v, want %v", step.after, same, step.same)
		}
	}
}

// TestMailLeavesByTheServerThatWasSet: the demonstration's citizen is written
// to, and no page shows the mail.
func TestMailLeavesByTheServerThatWasSet(t *testing.T) {
	t.Parallel()
	server := testenv.Mail(t)
	c := start(t, devVars(map[string]string{
		"SPORTELLO_SMTP_URL": server.URL(), "SPORTELLO_MAIL_FROM": "Comune <sportello@comune.example>", "SPORTELLO_SMS_URL": "http://127.0.0.1:9/",
	}), "dev", "-dir", shortDir(t))
	m := server.Next()
	if m.From != "sportello@comune.example" || m.To != "maria.rossi@example.org" {
		t.Errorf("from %s to %s", m.From, m.To)
	}
	if strings.Contains(c.out.String(), "/staff/posta") {
		t.Errorf("a mailbox is announced:\n%s", c.out)
	}
	if err := c.end(t); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(c.out.String(), "rossi") {
		t.Errorf("the log names the citizen:\n%s", c.out)
	}
}

// TestDevelopmentLivesOnAnotherDay: what depends on the date can be seen on that date.
func TestDevelopmentLivesOnAnotherDay(t *testing.T) {
	t.Parallel()
	clock, err := clockFrom("2031-12-24T10:00:00+01:00")
	if err != nil {
		t.Fatal(err)
	}
	first := clock()
	if late := first.Sub(time.Date(2031, time.December, 24, 9, 0, 0, 0, time.UTC)); late < 0 || late > time.Minute || !clock().After(first) {
		t.Errorf("it is %v, and goes on to %v", first, clock())
	}
	if _, err := clockFrom("domani"); err == nil {
		t.Error("a moment that is none")
	}
}
