package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Overdue is for how long the notice that waits longest has been due, 0 where none
// waits: minutes mean that nothing can be sent, or that nobody works the queue. What is
// due at a later hour, as reminders are, does not count before it.
func Overdue(ctx context.Context, pool *pgxpool.Pool) (time.Duration, error) {
	var seconds float64
	// A retry is due again later; it has been overdue since it first failed.
	err := pool.QueryRow(ctx, `
		SELECT coalesce(extract(epoch FROM max(now() - since)), 0)::float8
		FROM (SELECT coalesce((errors[1]->>'at')::timestamptz, scheduled_at) AS since FROM river_job
			WHERE kind = $1 AND state IN ('available', 'retryable', 'scheduled', 'running')) j
		WHERE since < now()`, noticeArgs{}.Kind()).Scan(&seconds)
	if err != nil {
		return 0, fmt.Errorf("notify: overdue: %w", err)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}
