package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// sessionSweep is how often the staff's sessions that are over are deleted.
const sessionSweep = 10 * time.Minute

// sweepSessions deletes what is over until ctx ends. The store of the library
// could do it, but its start and its stop race with each other.
func sweepSessions(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) {
	tick := time.NewTicker(sessionSweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := pool.Exec(ctx, "DELETE FROM sessions WHERE expiry < now()"); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "sessions not swept", "error", err)
		}
	}
}
