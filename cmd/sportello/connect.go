package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/sethvargo/go-retry"
)

const (
	attemptTimeout = 5 * time.Second
	firstPause     = 250 * time.Millisecond
	longestPause   = 5 * time.Second
	// poolSize is PostgreSQL's connections for one process; the default of
	// four a core would starve a small machine's pages.
	poolSize = 24
)

// connectPostgres opens the pool, waiting for a server that is not there yet.
func connectPostgres(ctx context.Context, url string, wait time.Duration, log *slog.Logger) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	config.MaxConns = max(config.MaxConns, poolSize)
	config.ConnConfig.ConnectTimeout = attemptTimeout
	// Compiling the agenda's short queries costs fifty times what it saves.
	config.ConnConfig.RuntimeParams["jit"] = "off"
	config.ConnConfig.RuntimeParams["application_name"] = "sportello"
	where := fmt.Sprintf("PostgreSQL at %s:%d", config.ConnConfig.Host, config.ConnConfig.Port)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if err := await(ctx, where, wait, log, pool.Ping); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// connectRedis opens the client, waiting for a server that is not there yet.
func connectRedis(ctx context.Context, url string, wait time.Duration, log *slog.Logger) (*redis.Client, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		// The error quotes the address, which may hold a password.
		return nil, errors.New("REDIS_URL: not an address of Redis (redis://host:6379/0 or unix:///path)")
	}
	options.DialTimeout = attemptTimeout
	options.ContextTimeoutEnabled = true // a Redis that hangs must not hold up who can do without it
	options.DialerRetries = 1            // nor one that is gone: a command is tried again by itself
	client := redis.NewClient(options)
	err = await(ctx, "Redis at "+options.Addr, wait, log, func(ctx context.Context) error { return client.Ping(ctx).Err() })
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	return client, nil
}

// await asks again and again, with growing pauses, until ping succeeds.
func await(ctx context.Context, where string, wait time.Duration, log *slog.Logger, ping func(context.Context) error) error {
	backoff := retry.WithMaxDuration(wait, retry.WithCappedDuration(longestPause, retry.NewExponential(firstPause)))
	err := retry.Do(ctx, backoff, func(ctx context.Context) error {
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		defer cancel()
		err := ping(attempt)
		if err == nil || hopeless(err) {
			return err
		}
		log.WarnContext(ctx, "not there yet, trying again", "server", where, "error", err)
		return retry.RetryableError(err)
	})
	if err != nil {
		return fmt.Errorf("%s cannot be used: %w", where, err)
	}
	return nil
}

// hopeless tells errors that waiting does not mend: a wrong password (class
// 28), a database that does not exist (3D000).
func hopeless(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "28") || pg.Code == "3D000"
	}
	return redis.IsAuthError(err) || redis.IsPermissionError(err)
}
