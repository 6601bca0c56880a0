package token

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// revocations is the channel on which the hashes of deleted grants are told.
const revocations = "token-revoked"

// Watch gives the hashes of the grants that are deleted, until ctx ends; then
// the channel closes. The zero Hash says that the connection to Redis was made
// (first, or anew): any grant may have been deleted unheard, see Revoked.
// Redis need not be there: the subscription comes about when it is.
func (s *Store) Watch(ctx context.Context) <-chan Hash {
	sub := s.rdb.Subscribe(ctx, revocations)
	out := make(chan Hash)
	go func() {
		defer close(out)
		defer func() { _ = sub.Close() }()
		in := sub.ChannelWithSubscriptions()
		for {
			var h Hash
			select {
			case <-ctx.Done():
				return
			case m, ok := <-in:
				if !ok {
					return
				}
				if m, ok := m.(*redis.Message); ok {
					if h, ok = parseHash(m.Payload); !ok {
						continue
					}
				}
			}
			select {
			case <-ctx.Done():
				return
			case out <- h:
			}
		}
	}()
	return out
}

// Revoked asks the source, and not Redis, whether a grant was taken back. One
// that the source does not know, or a store without a source, says no.
func (s *Store) Revoked(ctx context.Context, h Hash) (bool, error) {
	src := s.source.Load()
	if src == nil {
		return false, nil
	}
	_, err := (*src).GrantByHash(ctx, h)
	switch {
	case errors.Is(err, ErrCancelled):
		return true, nil
	case err != nil && !errors.Is(err, ErrUnknown):
		return false, fmt.Errorf("token: revoked: %w", err)
	}
	return false, nil
}

func parseHash(text string) (h Hash, ok bool) {
	b, err := hex.DecodeString(text)
	return h, err == nil && copy(h[:], b) == len(h) && len(b) == len(h)
}
