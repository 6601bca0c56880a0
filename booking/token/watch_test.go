package token_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sportello/booking/token"
	"sportello/internal/testenv"
)

// TestWatchBeforeRedis watches a Redis that is started later.
func TestWatchBeforeRedis(t *testing.T) {
	dir := t.TempDir()
	server := testenv.RedisServer(t, dir)
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	store := token.NewStore(rdb)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := store.Watch(ctx)
	next := func() token.Hash {
		t.Helper()
		select {
		case h := <-told:
			return h
		case <-time.After(10 * time.Second):
			t.Fatal("told of nothing")
			return token.Hash{}
		}
	}
	testenv.RedisServer(t, dir)
	if h := next(); h != (token.Hash{}) {
		t.Fatalf("told of %v before the subscription", h)
	}
	if err := rdb.Publish(ctx, "token-revoked", "not a hash").Err(); err != nil {
		t.Fatal(err)
	}
	h := token.HashOf(token.NewSecret())
	if err := store.Delete(ctx, h); err != nil {
		t.Fatal(err)
	}
	if got := next(); got != h {
		t.Errorf("told of %v, want %v", got, h)
	}
	cancel()
	for range told { // closes with its context
	}
}

func TestRevokedIsTheSourcesWord(t *testing.T) {
	store := token.NewStore(testenv.Redis(t))
	h := token.HashOf(token.NewSecret())
	if gone, err := store.Revoked(t.Context(), h); gone || err != nil {
		t.Errorf("without a source: %v, %v", gone, err)
	}
	away := errors.New("database away")
	for _, c := range []struct {
		said error
		gone bool
		err  error
	}{{nil, false, nil}, {token.ErrUnknown, false, nil}, {token.ErrCancelled, true, nil}, {away, false, away}} {
		store.SetSource(&source{grant: func(token.Hash) (token.Grant, error) { return token.Grant{}, c.said }})
		if gone, err := store.Revoked(t.Context(), h); gone != c.gone || !errors.Is(err, c.err) {
			t.Errorf("%v: %v, %v", c.said, gone, err)
		}
	}
}
