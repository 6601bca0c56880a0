package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"sportello/internal/devstack"
)

// folderPattern names the temporary folders; a crashed run's are found by it.
const folderPattern = "sportello-test-"

// environment is what the tests of one process share.
type environment struct {
	mu        sync.Mutex
	dir       string
	release   func()
	postgres  *devstack.Postgres
	failed    error // of PostgreSQL's start: not tried again by every test
	templates map[string]*template
	databases atomic.Int64
}

// template is a prepared database that others are copied from.
type template struct {
	once sync.Once
	name string
	err  error
}

// shared is the process's environment: a test gets at it without a handle.
var shared = &environment{templates: map[string]*template{}} //nolint:gochecknoglobals // one server per test process is the point

// Main runs a package's tests and ends their servers.
func Main(m *testing.M) int {
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
		return max(code, 1)
	}
	return code
}

// Postgres gives the test an empty database of its own.
func Postgres(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return open(t, PostgresURL(t))
}

// PostgresURL gives the test an empty database of its own, by its address.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server := shared.server(t)
	return shared.create(t, server, "")
}

// PostgresPrepared gives the test a copy of a database that prepare has
// filled (migrations, seed). It runs once per process and name.
func PostgresPrepared(t testing.TB, name string, prepare func(context.Context, *pgxpool.Pool) error) *pgxpool.Pool {
	t.Helper()
	server := shared.server(t)
	shared.mu.Lock()
	tpl := shared.templates[name]
	if tpl == nil {
		tpl = &template{name: "template_" + name}
		shared.templates[name] = tpl
	}
	shared.mu.Unlock()
	tpl.once.Do(func() { tpl.err = tpl.fill(t.Context(), server, prepare) })
	if tpl.err != nil {
		t.Fatalf("prepare the database %s: %v", name, tpl.err)
	}
	return open(t, shared.create(t, server, tpl.name))
}

// PostgresServer gives the test a PostgreSQL of its own, to stop or to start
// again on the same folder. It is stopped when the test ends.
func PostgresServer(t testing.TB, dir string) *devstack.Postgres {
	t.Helper()
	server, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{Dir: dir, Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// Redis gives the test a client of a Redis of its own: publish and subscribe
// know no databases, so only a server apart keeps tests apart.
func Redis(t testing.TB) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(RedisServer(t, t.TempDir()).URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// RedisServer gives the test a Redis of its own, to stop or to start again on
// the same folder. It is stopped when the test ends.
func RedisServer(t testing.TB, dir string) *devstack.Redis {
	t.Helper()
	server, err := devstack.StartRedis(t.Context(), devstack.RedisConfig{Dir: dir, Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// server gives the process's PostgreSQL, starting it for the first who asks.
func (e *environment) server(t testing.TB) *devstack.Postgres {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.postgres == nil && e.failed == nil {
		// The server outlives the test that happens to be first.
		e.failed = e.start(context.WithoutCancel(t.Context()))
	}
	if e.failed != nil {
		t.Fatalf("no PostgreSQL to test with: %v", e.failed)
	}
	return e.postgres
}

func (e *environment) start(ctx context.Context) error {
	sweep()
	dir, err := os.MkdirTemp("", folderPattern)
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	e.dir = dir
	if e.release, err = devstack.Lock(dir); err != nil {
		return err
	}
	e.postgres, err = devstack.StartPostgres(ctx, devstack.PostgresConfig{Dir: filepath.Join(dir, "pg"), Throwaway: true})
	return err
}

// create makes a database, a copy of template unless that is empty, and drops
// it when the test ends.
func (e *environment) create(t testing.TB, server *devstack.Postgres, template string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", e.databases.Add(1))
	statement := "CREATE DATABASE " + name
	if template != "" {
		statement += " TEMPLATE " + pgx.Identifier{template}.Sanitize()
	}
	if err := administer(t.Context(), server, statement); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := administer(context.WithoutCancel(t.Context()), server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return server.URL(name)
}

func (tpl *template) fill(ctx context.Context, server *devstack.Postgres, prepare func(context.Context, *pgxpool.Pool) error) error {
	if err := server.EnsureDatabase(ctx, tpl.name); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, server.URL(tpl.name))
	if err != nil {
		return fmt.Errorf("open %s: %w", tpl.name, err)
	}
	// A template with a connection open cannot be copied.
	defer pool.Close()
	return prepare(ctx, pool)
}

func administer(ctx context.Context, server *devstack.Postgres, statement string) error {
	conn, err := pgx.Connect(ctx, server.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is pending
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func (e *environment) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var stop error
	if e.postgres != nil {
		stop = e.postgres.Stop()
		e.postgres = nil
	}
	if e.dir == "" {
		return stop
	}
	removed := os.RemoveAll(e.dir)
	if e.release != nil {
		e.release()
	}
	return errors.Join(stop, removed)
}

// sweep removes the folders of runs that were killed: their locks are free.
func sweep() {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), folderPattern+"*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		// A folder without a lock file is one that is just being made.
		if _, err := os.Stat(filepath.Join(dir, "lock")); err != nil {
			continue
		}
		release, err := devstack.Lock(dir)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(dir)
		release()
	}
}
