package tally

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience is how long a Redis that hangs may hold up a page, which can do without it.
const patience = 300 * time.Millisecond

// take counts in a sliding window: what came in this one, and of the one before it
// the part that still lies within a window's length. KEYS: this window, the one
// before. ARGV: the most, that part, how long to keep the count in milliseconds.
const take = `local n = tonumber(redis.call('GET', KEYS[1]) or 0) + tonumber(redis.call('GET', KEYS[2]) or 0) * tonumber(ARGV[2])
if n + 1 > tonumber(ARGV[1]) then return 0 end
redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`

// Tally counts in Redis. It is safe for concurrent use.
type Tally struct {
	rdb  redis.UniversalClient
	take *redis.Script
	now  func() time.Time
}

// New gives a tally. The client must heed deadlines (ContextTimeoutEnabled).
func New(rdb redis.UniversalClient) *Tally {
	return &Tally{rdb, redis.NewScript(take), time.Now}
}

// Take counts one more of a key within a window, or says false where there are as
// many as there may be.
func (t *Tally) Take(ctx context.Context, key string, most int, window time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now := t.now().UnixMilli()
	long := window.Milliseconds()
	n := now / long
	// One slot of a cluster for both windows.
	of := func(n int64) string { return "tally:{" + key + "}:" + strconv.FormatInt(n, 10) }
	still := 1 - float64(now%long)/float64(long)
	ok, err := t.take.Run(ctx, t.rdb, []string{of(n), of(n - 1)}, most, still, 2*long).Bool()
	if err != nil {
		return false, fmt.Errorf("tally: take: %w", err)
	}
	return ok, nil
}

// Once is true the first time that a key is used, for as long as it is kept.
func (t *Tally) Once(ctx context.Context, key string, keep time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	first, err := t.rdb.SetNX(ctx, "once:"+key, "", keep).Result()
	if err != nil {
		return false, fmt.Errorf("tally: once: %w", err)
	}
	return first, nil
}
