package main

import (
	"bytes"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"sportello/booking"
	"sportello/internal/testenv"
)

// postgresTool runs one of PostgreSQL's programs.
func postgresTool(t *testing.T, in []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = bytes.NewReader(in)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, complaints.String())
	}
	return out.Bytes()
}

// TestBackupComesBack: what docs/operating.md says of a backup. What was booked, who
// may sign in and the citizen's link are there again on another database and another
// Redis, with the same secret.
func TestBackupComesBack(t *testing.T) {
	t.Parallel()
	from := testenv.PostgresURL(t)
	vars := serveVars(from, testenv.RedisServer(t, shortDir(t)).URL())
	furnish(t, vars)
	before, serve := behind(t)
	vars["SPORTELLO_PUBLIC_URL"], vars["SPORTELLO_PROXIES"] = before.url, "127.0.0.1/32"
	serve([]string{process(t, vars)})
	c := before.visitor()
	c.gets("/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=presenza")
	c.chooses(0)
	hold := strings.TrimSuffix(c.at.Path, "/dettagli")
	secret := c.confirms(hold, "")

	backup := postgresTool(t, nil, "pg_dump", "--format=custom", "--dbname="+from)
	to := testenv.PostgresURL(t)
	postgresTool(t, backup, "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+to)

	after, serve := behind(t)
	vars["DATABASE_URL"], vars["REDIS_URL"], vars["SPORTELLO_PUBLIC_URL"] = to, testenv.RedisServer(t, shortDir(t)).URL(), after.url
	serve([]string{process(t, vars)})
	c = after.visitor()
	c.posts("/it/appuntamento", "secret", secret).wants(http.StatusOK, "Cambio")
	clerk := after.visitor()
	clerk.posts("/it/staff/accesso", "login", "anna", "password", twinPassword).wants(http.StatusOK, "Anna")
	c.gets("/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=presenza")
	c.chooses(1).lands("/dettagli")
}

// TestOlderReleaseRefuses: who goes back to a release from before a migration is told
// so at the start, and nothing is changed.
func TestOlderReleaseRefuses(t *testing.T) {
	t.Parallel()
	vars := serveVars(testenv.PostgresURL(t), "redis://127.0.0.1:1")
	run := func() error {
		return dispatch(t.Context(), &environment{vars: vars, out: t.Output(), errOut: t.Output()}, []string{"migrate"})
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	alters(t, vars["DATABASE_URL"], "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	if err := run(); !errors.Is(err, booking.ErrSchemaNewer) || !strings.Contains(err.Error(), "99999") {
		t.Errorf("a newer schema: %v", err)
	}
}
