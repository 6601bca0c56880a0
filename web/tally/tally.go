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

// give takes one from a window's count, where there still is one.
const give = `if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then redis.call('DECR', KEYS[1]) end
return 0`

// Tally counts in Redis. It is safe for concurrent use.
type Tally struct {
	rdb        redis.UniversalClient
	take, give *redis.Script
	now        func() time.Time
}

// New gives a tally. The client must heed deadlines (ContextTimeoutEnabled).
func New(rdb redis.UniversalClient) *Tally {
	return &Tally{rdb, redis.NewScript(take), redis.NewScript(give), time.Now}
}

// Take counts one more of a key within a window, or says false where there are as
// many as there may be.
func (t *Tally) Take(ctx context.Context, key string, most int, window time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now, long := t.now().UnixMilli(), window.Milliseconds()
	n := now / long
	still := 1 - float64(now%long)/float64(long)
	ok, err := t.take.Run(ctx, t.rdb, []string{nth(key, n), nth(key, n-1)}, most, still, 2*long).Bool()
	if err != nil {
		return false, fmt.Errorf("tally: take: %w", err)
	}
	return ok, nil
}

// Give takes back what Take has counted, for who turned out to be welcome.
func (t *Tally) Give(ctx context.Context, key string, window time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := t.give.Run(ctx, t.rdb, []string{nth(key, t.now().UnixMilli()/window.Milliseconds())}).Err(); err != nil {
		return fmt.Errorf("tally: give: %w", err)
	}
	return nil
}

// nth names a key's count in the nth window: all of them in one slot of a cluster.
func nth(key string, n int64) string { return "tally:{" + key + "}:" + strconv.FormatInt(n, 10) }

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
