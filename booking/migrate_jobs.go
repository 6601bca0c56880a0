package booking

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// unlockWait bounds giving the lock back.
const unlockWait = 5 * time.Second

// migrateJobs makes the tables in which river keeps its jobs. Some of its
// steps cannot share a transaction, so the lock belongs to a connection.
func migrateJobs(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(jobsLock)); err != nil {
		return fmt.Errorf("migrations: lock: %w", err)
	}
	defer func() {
		unlock, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockWait)
		defer cancel()
		if _, err := conn.Exec(unlock, `SELECT pg_advisory_unlock($1)`, int64(jobsLock)); err != nil {
			_ = conn.Conn().Close(unlock) // the lock ends with its connection
		}
	}()
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("migrations: jobs: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrations: jobs: %w", err)
	}
	return nil
}
