package devstack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNoPostgres says that the machine has no PostgreSQL server binaries.
var ErrNoPostgres = errors.New(
	"devstack: no PostgreSQL found: install it (Debian: apt-get install postgresql; in this project: make setup)")

// superuser owns the databases of a private server.
const superuser = "sportello"

// startLimit is how long a server may take from its start to its first answer.
const startLimit = 60 * time.Second

// PostgresConfig says where and how a private PostgreSQL runs.
type PostgresConfig struct {
	// Dir holds the data ("pgdata"), the socket and the log.
	Dir string
	// Throwaway gives up durability for speed: for tests.
	Throwaway bool
	// BinDir holds initdb and postgres; empty finds the newest of the machine.
	BinDir string
}

// Postgres is a private server.
type Postgres struct {
	proc    *process
	socket  string // folder
	scratch string // folder outside the caller's, removed by Stop; or empty
}

// StartPostgres starts a private PostgreSQL, and sets it up at the first
// start. It returns once the server answers.
func StartPostgres(ctx context.Context, c PostgresConfig) (*Postgres, error) {
	bin := c.BinDir
	if bin == "" {
		var err error
		if bin, err = findPostgres(); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", c.Dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of PostgreSQL: %w", err)
	}
	socket, err := socketDir(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var failures []error
	for _, as := range identities() {
		p, err := startPostgresAs(ctx, c, bin, dir, socket, as)
		if err == nil {
			return p, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", as.what, err))
		// Only a refused identity is worth another one.
		if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOSPC) {
			break
		}
	}
	return nil, fmt.Errorf("private PostgreSQL in %s: %w", dir, errors.Join(failures...))
}

// identity is one way not to be root.
type identity struct {
	what string
	attr func() (*syscall.SysProcAttr, error)
	// owner is who must own the folders; empty where that is us.
	owner *syscall.Credential
}

func identities() []identity {
	if os.Geteuid() != 0 {
		return []identity{{what: "as this user", attr: func() (*syscall.SysProcAttr, error) { return plain(), nil }}}
	}
	ways := []identity{{
		what: "in a user namespace",
		attr: func() (*syscall.SysProcAttr, error) { return unprivileged(), nil },
	}}
	if attr, err := asUser("postgres"); err == nil {
		ways = append(ways, identity{
			what:  "as the user postgres",
			attr:  func() (*syscall.SysProcAttr, error) { return asUser("postgres") },
			owner: attr.Credential,
		})
	}
	return ways
}

func startPostgresAs(ctx context.Context, c PostgresConfig, bin, dir, socket string, as identity) (*Postgres, error) {
	scratch := ""
	if as.owner != nil {
		var err error
		if dir, socket, err = reachable(dir, socket); err != nil {
			return nil, err
		}
		if c.Throwaway && dir != c.Dir {
			scratch = dir
		}
	}
	data := filepath.Join(dir, "pgdata")
	if err := giveTo(as.owner, dir, socket); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); errors.Is(err, os.ErrNotExist) {
		if err := initdb(ctx, c, bin, data, as); err != nil {
			return nil, err
		}
	}
	if err := awaitPredecessor(ctx, filepath.Join(data, "postmaster.pid"), data); err != nil {
		return nil, err
	}
	args := []string{
		"-D", data, "-k", socket,
		"-c", "listen_addresses=",
		"-c", "unix_socket_permissions=0700",
		"-c", "max_connections=200",
		"-c", "jit=off",
		"-c", "timezone=UTC",
		"-c", "log_timezone=UTC",
	}
	if c.Throwaway {
		args = append(args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "autovacuum=off")
	}
	attr, err := as.attr()
	if err != nil {
		return nil, err
	}
	proc, err := startProcess(ctx, attr, filepath.Join(dir, "postgres.log"), filepath.Join(bin, "postgres"), args...)
	if err != nil {
		return nil, err
	}
	p := &Postgres{proc: proc, socket: socket, scratch: scratch}
	err = proc.awaitReady(ctx, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, p.URL("postgres"))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
	if err != nil {
		_ = p.Stop()
		return nil, err
	}
	return p, nil
}

// URL is the connection string of one of the server's databases.
func (p *Postgres) URL(database string) string {
	q := url.Values{"host": {p.socket}, "user": {superuser}, "sslmode": {"disable"}}
	return "postgres:///" + url.PathEscape(database) + "?" + q.Encode()
}

// EnsureDatabase creates a database unless it is there.
func (p *Postgres) EnsureDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is pending
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
		return fmt.Errorf("look for database %s: %w", name, err)
	}
	if there {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// PID is the server's process.
func (p *Postgres) PID() int { return p.proc.cmd.Process.Pid }

// Stop ends the server, closing its connections ("fast" shutdown).
func (p *Postgres) Stop() error {
	err := p.proc.stop(syscall.SIGINT)
	if p.scratch != "" {
		err = errors.Join(err, os.RemoveAll(p.scratch))
	}
	return err
}

// initdb sets a cluster up beside its place and moves it there when it is
// whole: one that was interrupted is never taken for one that is ready.
func initdb(ctx context.Context, c PostgresConfig, bin, data string, as identity) error {
	draft := data + ".new"
	if err := os.RemoveAll(draft); err != nil {
		return fmt.Errorf("clear an interrupted set-up: %w", err)
	}
	args := []string{
		"-D", draft, "-U", superuser, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
	}
	if c.Throwaway {
		args = append(args, "--no-sync")
	}
	attr, err := as.attr()
	if err != nil {
		return err
	}
	proc, err := startProcess(ctx, attr, data+".log", filepath.Join(bin, "initdb"), args...)
	if err != nil {
		return err
	}
	select {
	case <-proc.done:
	case <-ctx.Done():
		_ = proc.stop(syscall.SIGINT)
		return fmt.Errorf("initdb: %w", ctx.Err())
	}
	if proc.err != nil {
		return fmt.Errorf("initdb: %w:\n%s", proc.err, proc.logTail())
	}
	if err := os.Rename(draft, data); err != nil {
		return fmt.Errorf("put the new cluster in place: %w", err)
	}
	return nil
}

func giveTo(owner *syscall.Credential, dirs ...string) error {
	if owner == nil {
		return nil
	}
	for _, d := range dirs {
		if err := os.Chown(d, int(owner.Uid), int(owner.Gid)); err != nil {
			return fmt.Errorf("hand the folder over: %w", err)
		}
	}
	return nil
}

// findPostgres gives the folder of the newest server binaries: Debian keeps
// them out of PATH, one folder a version.
func findPostgres() (string, error) {
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("look for PostgreSQL: %w", err)
		}
		slices.SortFunc(found, func(a, b string) int { return versionIn(b) - versionIn(a) })
		for _, dir := range found {
			if executable(filepath.Join(dir, "initdb")) && executable(filepath.Join(dir, "postgres")) {
				return dir, nil
			}
		}
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", ErrNoPostgres
}

// versionIn reads the major version of ".../postgresql/15/bin".
func versionIn(path string) int {
	named := strings.TrimLeft(filepath.Base(filepath.Dir(path)), "abcdefghijklmnopqrstuvwxyz-@")
	major, _, _ := strings.Cut(named, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return n
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}
