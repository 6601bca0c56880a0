package token_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sportello/booking/token"
	"sportello/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

func TestSecret(t *testing.T) {
	s := token.NewSecret()
	if len(s) != 48 {
		t.Fatalf("%d characters, want 48", len(s))
	}
	if s == token.NewSecret() {
		t.Fatal("the same secret twice")
	}
	h, err := token.Check(s)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := token.Check(s); err != nil || again != h {
		t.Error("the hash of a secret is not stable")
	}
	flip := func(i int) string {
		c := byte('A')
		if s[i] == c {
			c = 'B'
		}
		return s[:i] + string(c) + s[i+1:]
	}
	damaged := []string{"", s[:47], s + "A", s[1:] + s[:1], s[:20] + "\n" + s[21:], s[:20] + "+" + s[21:], strings.ToLower(s), strings.Repeat("A", 48), s[:46] + "=="}
	for i := range len(s) {
		damaged = append(damaged, flip(i))
	}
	for _, d := range damaged {
		if _, err := token.Check(d); !errors.Is(err, token.ErrDamaged) {
			t.Errorf("a damaged secret was taken: %v", err)
		}
	}
}

// source is a Source with function fields.
type source struct {
	grant func(token.Hash) (token.Grant, error)
	asked int
}

func (s *source) GrantByHash(_ context.Context, h token.Hash) (token.Grant, error) {
	s.asked++
	return s.grant(h)
}

func grantAt(now time.Time) token.Grant {
	return token.Grant{
		Appointment: "a", Room: "r", Identity: "citizen:a", Role: token.RoleCitizen, DisplayName: "Mario Rossi",
		Queue: "desk:1", StartsAt: now, EndsAt: now.Add(20 * time.Minute),
		NotBefore: now.Add(-10 * time.Minute), NotAfter: now.Add(35 * time.Minute),
	}
}

func TestStore(t *testing.T) {
	rdb := testenv.Redis(t)
	ctx := t.Context()
	now := time.Now().Truncate(time.Second).UTC()
	store := token.NewStore(rdb)
	secret := token.NewSecret()
	h, err := token.Check(secret)
	if err != nil {
		t.Fatal(err)
	}
	want := grantAt(now)

	if _, err := store.Lookup(ctx, secret, now); !errors.Is(err, token.ErrUnknown) {
		t.Fatalf("before the grant: %v", err)
	}
	if err := store.Put(ctx, h, want); err != nil {
		t.Fatal(err)
	}
	got, err := store.Lookup(ctx, secret, now)
	if err != nil || got != want {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, c := range []struct {
		at  time.Time
		err error
	}{
		{want.NotBefore.Add(-time.Second), token.ErrTooEarly},
		{want.NotBefore, nil},
		{want.NotAfter, nil},
		{want.NotAfter.Add(time.Second), token.ErrTooLate},
	} {
		g, err := store.Lookup(ctx, secret, c.at)
		if !errors.Is(err, c.err) {
			t.Errorf("at %v: %v, want %v", c.at, err, c.err)
		}
		if g.NotBefore.IsZero() {
			t.Errorf("at %v: the grant's window is not told", c.at)
		}
	}
	until, err := rdb.PExpireTime(ctx, "token:"+h.String()).Result()
	if err != nil || until.Milliseconds() != want.NotAfter.Add(time.Hour).UnixMilli() {
		t.Errorf("expires at %v (%v), want an hour after the window", until, err)
	}
	for _, name := range rdb.Keys(ctx, "*").Val() {
		if strings.Contains(name, secret) || strings.Contains(rdb.Get(ctx, name).Val(), secret) {
			t.Error("the secret itself is in Redis")
		}
	}
	if err := store.Delete(ctx, h); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Lookup(ctx, secret, now); !errors.Is(err, token.ErrUnknown) {
		t.Errorf("after deletion without a source: %v", err)
	}
}

func TestLookupAsksTheSourceOnce(t *testing.T) {
	rdb := testenv.Redis(t)
	now := time.Now().Truncate(time.Second).UTC()
	want := grantAt(now)
	src := &source{grant: func(token.Hash) (token.Grant, error) { return token.Grant{}, token.ErrUnknown }}
	store := token.NewStore(rdb)
	store.SetSource(src)
	secret := token.NewSecret()

	if _, err := store.Lookup(t.Context(), secret, now); !errors.Is(err, token.ErrUnknown) {
		t.Fatalf("unknown: %v", err)
	}
	src.grant = func(token.Hash) (token.Grant, error) { return want, nil }
	for range 3 {
		if got, err := store.Lookup(t.Context(), secret, now); err != nil || got != want {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if src.asked != 2 { // the unknown one, and the miss
		t.Errorf("the source was asked %d times, want 2", src.asked)
	}
	src.grant = func(token.Hash) (token.Grant, error) { return token.Grant{}, token.ErrCancelled }
	h, _ := token.Check(secret)
	if err := store.Delete(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Lookup(t.Context(), secret, now); !errors.Is(err, token.ErrCancelled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestReissueLosesAgainstACancellation(t *testing.T) {
	rdb := testenv.Redis(t)
	now := time.Now()
	store := token.NewStore(rdb)
	secret := token.NewSecret()
	h, _ := token.Check(secret)
	// The source answers with the grant, and before the store writes it back
	// the appointment is cancelled.
	src := &source{}
	src.grant = func(token.Hash) (token.Grant, error) { return grantAt(now), store.Delete(t.Context(), h) }
	store.SetSource(src)
	if _, err := store.Lookup(t.Context(), secret, now); err != nil {
		t.Fatal(err)
	}
	src.grant = func(token.Hash) (token.Grant, error) { return token.Grant{}, token.ErrCancelled }
	if _, err := store.Lookup(t.Context(), secret, now); !errors.Is(err, token.ErrCancelled) {
		t.Errorf("the stale grant was written back: %v", err)
	}
	// A grant given anew takes effect at once.
	if err := store.Put(t.Context(), h, grantAt(now)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Lookup(t.Context(), secret, now); err != nil {
		t.Errorf("after a new grant: %v", err)
	}
}

func TestReissueLosesAgainstAReschedule(t *testing.T) {
	rdb := testenv.Redis(t)
	now := time.Now().Truncate(time.Second).UTC()
	store := token.NewStore(rdb)
	secret := token.NewSecret()
	h, _ := token.Check(secret)
	later := grantAt(now.Add(5 * time.Minute))
	store.SetSource(&source{grant: func(token.Hash) (token.Grant, error) {
		return grantAt(now), store.Put(t.Context(), h, later)
	}})
	if _, err := store.Lookup(t.Context(), secret, now); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Lookup(t.Context(), secret, now); err != nil || got != later {
		t.Errorf("got %+v (%v), want the new time", got, err)
	}
}

func TestRedisAway(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{
		Network: "unix", Addr: filepath.Join(t.TempDir(), "none.sock"), MaxRetries: -1,
	})
	t.Cleanup(func() { _ = rdb.Close() })
	now := time.Now()
	store := token.NewStore(rdb)
	away := errors.New("database away")
	src := &source{grant: func(token.Hash) (token.Grant, error) { return grantAt(now), nil }}
	store.SetSource(src)
	secret := token.NewSecret()

	if _, err := store.Lookup(t.Context(), secret, now); err != nil {
		t.Errorf("with the source there: %v", err)
	}
	src.grant = func(token.Hash) (token.Grant, error) { return token.Grant{}, away }
	_, err := store.Lookup(t.Context(), secret, now)
	if !errors.Is(err, away) || errors.Is(err, token.ErrUnknown) {
		t.Errorf("with both away: %v", err)
	}
	h, _ := token.Check(secret)
	if store.Put(t.Context(), h, grantAt(now)) == nil || store.Delete(t.Context(), h) == nil {
		t.Error("a write to nowhere went well")
	}
}

// TestRedisHangs asks a Redis that takes connections and never answers.
func TestRedisHangs(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(t.TempDir(), "hung.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: l.Addr().String(), ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = rdb.Close() })
	now := time.Now()
	store := token.NewStore(rdb)
	store.SetSource(&source{grant: func(token.Hash) (token.Grant, error) { return grantAt(now), nil }})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if _, err := store.Lookup(ctx, token.NewSecret(), now); err != nil || ctx.Err() != nil {
		t.Errorf("lookup: %v (%v)", err, ctx.Err())
	}
}
