package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// ErrNoRedis says that the machine has no Redis server.
var ErrNoRedis = errors.New(
	"devstack: no redis-server found: install it (Debian: apt-get install redis-server; in this project: make setup)")

// RedisConfig says where and how a private Redis runs.
type RedisConfig struct {
	// Dir holds the data, the socket and the log.
	Dir string
	// Throwaway keeps nothing on disk: for tests.
	Throwaway bool
}

// Redis is a private server.
type Redis struct {
	proc   *process
	socket string // file
}

// StartRedis starts a private Redis. It returns once the server answers.
func StartRedis(ctx context.Context, c RedisConfig) (*Redis, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNoRedis
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", c.Dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of Redis: %w", err)
	}
	run, err := socketDir(dir)
	if err != nil {
		return nil, err
	}
	r := &Redis{socket: filepath.Join(run, "redis.sock")}
	// Saved at shutdown and once a minute: what is lost can be had from
	// PostgreSQL again.
	save := "60 1"
	if c.Throwaway {
		save = ""
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	pidFile := filepath.Join(dir, "redis.pid")
	if err := awaitPredecessor(ctx, pidFile, r.socket); err != nil {
		return nil, err
	}
	r.proc, err = startProcess(ctx, plain(), filepath.Join(dir, "redis.log"), bin,
		"--port", "0", "--unixsocket", r.socket, "--unixsocketperm", "700",
		"--dir", dir, "--dbfilename", "redis.rdb", "--save", save, "--pidfile", pidFile, "--databases", "16")
	if err != nil {
		return nil, err
	}
	options, err := redis.ParseURL(r.URL())
	if err != nil {
		return nil, fmt.Errorf("address of the private Redis: %w", err)
	}
	// The waiting is awaitReady's; its own retries only add noise.
	options.MaxRetries = -1
	client := redis.NewClient(options)
	defer client.Close() //nolint:errcheck // nothing is pending
	err = r.proc.awaitReady(ctx, func(ctx context.Context) error { return client.Ping(ctx).Err() })
	if err != nil {
		_ = r.Stop()
		return nil, fmt.Errorf("private Redis in %s: %w", dir, err)
	}
	return r, nil
}

// URL is the connection string.
func (r *Redis) URL() string { return "unix://" + r.socket }

// PID is the server's process.
func (r *Redis) PID() int { return r.proc.cmd.Process.Pid }

// Stop ends the server.
func (r *Redis) Stop() error { return r.proc.stop(syscall.SIGINT) }
