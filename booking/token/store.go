package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// grace is how long after its window a grant stays, so that somebody late
	// hears "too late" without a question to PostgreSQL.
	grace = time.Hour
	// tombstone is how long a deleted grant cannot be re-issued from an answer
	// that the source gave before the deletion.
	tombstone = time.Minute
	// patience is how long a Redis that hangs may hold up a booking or a join,
	// which both can do without it.
	patience = 1500 * time.Millisecond
)

// reissue writes a grant that was read from the source, unless one has been
// put, or deleted, since. KEYS: the grant, its tombstone. ARGV: the grant, its
// expiry in Unix milliseconds.
const reissue = `if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
return 1`

// Store keeps grants in Redis under the hash of their secret. It is safe for
// concurrent use.
type Store struct {
	rdb     redis.UniversalClient
	source  atomic.Pointer[Source]
	reissue *redis.Script
}

// NewStore gives a store without a source: a miss is ErrUnknown until
// SetSource is called. The client must heed deadlines (ContextTimeoutEnabled),
// or a Redis that hangs holds up joins.
func NewStore(rdb redis.UniversalClient) *Store {
	return &Store{rdb: rdb, reissue: redis.NewScript(reissue)}
}

// SetSource says where grants come from that Redis does not have. The agenda
// needs the store to be made, and is its source: hence not in NewStore.
func (s *Store) SetSource(src Source) { s.source.Store(&src) }

// Put makes a grant known, or re-times one. One whose window is over is
// forgotten instead.
func (s *Store) Put(ctx context.Context, h Hash, g Grant) error {
	data, err := json.Marshal(g)
	if err != nil {
		return fmt.Errorf("token: put: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err = s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, gone(h))
		p.Set(ctx, key(h), data, 0)
		p.ExpireAt(ctx, key(h), g.NotAfter.Add(grace))
		return nil
	})
	if err != nil {
		return fmt.Errorf("token: put: %w", err)
	}
	return nil
}

// Delete takes a grant back, and tells those who Watch. The source then says
// whether it was cancelled.
func (s *Store) Delete(ctx context.Context, h Hash) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, key(h))
		p.Set(ctx, gone(h), "", tombstone)
		p.Publish(ctx, revocations, h.String())
		return nil
	})
	if err != nil {
		return fmt.Errorf("token: delete: %w", err)
	}
	return nil
}

// Lookup gives the grant that a secret stands for, at the time now. It
// returns ErrDamaged, ErrUnknown or ErrCancelled without a grant; ErrTooEarly
// and ErrTooLate with it, so that the answer can name the window; or a
// transport error when neither Redis nor the source can be asked.
//
// A miss asks the source once. Only a grant that exists is written back: an
// "unknown" is never remembered, so that a grant given a moment later works.
func (s *Store) Lookup(ctx context.Context, secret string, now time.Time) (Grant, error) {
	h, err := Check(secret)
	if err != nil {
		return Grant{}, err
	}
	g, err := s.cached(ctx, h)
	if err != nil {
		if g, err = s.fetch(ctx, h, now, err); err != nil {
			return Grant{}, err
		}
	}
	switch {
	case now.Before(g.NotBefore):
		return g, ErrTooEarly
	case now.After(g.NotAfter):
		return g, ErrTooLate
	}
	return g, nil
}

// cached returns redis.Nil for a miss.
func (s *Store) cached(ctx context.Context, h Hash) (Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	data, err := s.rdb.Get(ctx, key(h)).Bytes()
	if err != nil {
		return Grant{}, err
	}
	var g Grant
	if err := json.Unmarshal(data, &g); err != nil {
		return Grant{}, fmt.Errorf("grant in redis: %w", err)
	}
	return g, nil
}

func (s *Store) fetch(ctx context.Context, h Hash, now time.Time, why error) (Grant, error) {
	missed := errors.Is(why, redis.Nil)
	src := s.source.Load()
	if src == nil {
		if missed {
			return Grant{}, ErrUnknown
		}
		return Grant{}, fmt.Errorf("token: lookup: %w", why)
	}
	g, err := (*src).GrantByHash(ctx, h)
	switch {
	case errors.Is(err, ErrUnknown), errors.Is(err, ErrCancelled):
		return Grant{}, err
	case err != nil && missed:
		return Grant{}, fmt.Errorf("token: lookup: %w", err)
	case err != nil:
		return Grant{}, fmt.Errorf("token: lookup: %w", errors.Join(why, err))
	}
	if until := g.NotAfter.Add(grace); missed && until.After(now) {
		if data, err := json.Marshal(g); err == nil {
			// Redis may have gone away meanwhile; the answer is good all the
			// same, and the next miss will write it.
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			_ = s.reissue.Run(ctx, s.rdb, []string{key(h), gone(h)}, data, until.UnixMilli()).Err()
		}
	}
	return g, nil
}

func key(h Hash) string { return "token:" + h.String() }

func gone(h Hash) string { return "token-gone:" + h.String() }
