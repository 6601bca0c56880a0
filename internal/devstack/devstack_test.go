package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFolderHasOneHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second holder: %v", err)
	}
	release()
	again, err := Lock(dir)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	again()
}

func TestSocketsOfDeepFolders(t *testing.T) {
	t.Parallel()
	deep := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	run, err := socketDir(deep)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(run) })
	if len(run) > longestSocketDir {
		t.Errorf("%d bytes: %s", len(run), run)
	}
	other, err := socketDir(deep + "er")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(other) })
	if run == other {
		t.Error("two folders share their sockets")
	}
}

func TestStalePidFileIsCleared(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	// A number that is somebody else's by now: our own, without the marker.
	if err := os.WriteFile(file, []byte(fmt.Sprintln(os.Getpid())), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := awaitPredecessor(t.Context(), file, "no such marker"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stale file stays: %v", err)
	}
}

func TestNewestPostgresFirst(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{
		"/usr/lib/postgresql/9.6/bin": 9, "/usr/lib/postgresql/17/bin": 17, "/usr/pgsql-16/bin": 16,
	} {
		if got := versionIn(path); got != want {
			t.Errorf("%s is version %d, want %d", path, got, want)
		}
	}
}

func TestFailureShowsTheServersWords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "pgdata")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	// A cluster of a version that never was.
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := StartPostgres(t.Context(), PostgresConfig{Dir: dir, Throwaway: true})
	if err == nil || !strings.Contains(err.Error(), "PG") && !strings.Contains(err.Error(), "postgresql.conf") {
		t.Errorf("%v does not tell what PostgreSQL said", err)
	}
}

// TestSlowAnswerIsWaitedFor: who needs some seconds to answer is not asked anew.
func TestSlowAnswerIsWaitedFor(t *testing.T) {
	t.Parallel()
	p, err := startProcess(t.Context(), plain(), filepath.Join(t.TempDir(), "log"), "/bin/sleep", "600")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	err = p.awaitReady(t.Context(), func(ctx context.Context) error {
		asked++
		if until, limited := ctx.Deadline(); !limited || time.Until(until) < answerLimit/2 {
			t.Errorf("given up at %v", until)
		}
		if asked < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil || asked != 3 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	if err := p.stop(os.Kill); err != nil {
		t.Error(err)
	}
}
