package tally

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sportello/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

func TestProcessesCountTogether(t *testing.T) {
	rdb := testenv.Redis(t)
	now := time.Unix(1_000_000_000, 0).Truncate(10 * time.Minute)
	clock := func() time.Time { return now }
	one, other := New(rdb), New(rdb)
	one.now, other.now = clock, clock
	take := func(who *Tally, key string) bool {
		t.Helper()
		ok, err := who.Take(t.Context(), key, 10, 10*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	var won atomic.Int64
	var all sync.WaitGroup
	for i := range 40 { // at once: no more get through than may
		all.Go(func() {
			if ok, err := []*Tally{one, other}[i%2].Take(t.Context(), "a", 10, 10*time.Minute); err != nil {
				t.Error(err)
			} else if ok {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 10 || take(one, "a") || !take(other, "b") {
		t.Errorf("%d of 40 got through, and others are counted with them or not at all", won.Load())
	}
	now = now.Add(15 * time.Minute) // half of those before still count
	for i := range 5 {
		if !take(other, "a") {
			t.Errorf("refused after %d", i)
		}
	}
	if take(one, "a") {
		t.Error("the window before is forgotten at once")
	}
	// Who was welcome is not counted; giving more than was taken gives nothing.
	for range 20 {
		if err := one.Give(t.Context(), "a", 10*time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := other.Give(t.Context(), "never taken", 10*time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		if !take(other, "a") {
			t.Errorf("refused after %d, all given back", i)
		}
	}
	if take(one, "a") {
		t.Error("more was given back than taken")
	}
	keys, err := rdb.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if left, err := rdb.PTTL(t.Context(), key).Result(); err != nil || left <= 0 || left > 20*time.Minute {
			t.Errorf("%s is kept for %v, %v", key, left, err)
		}
	}
}

func TestOnce(t *testing.T) {
	rdb := testenv.Redis(t)
	one, other := New(rdb), New(rdb)
	for i, who := range []*Tally{one, other, one} {
		first, err := who.Once(t.Context(), "proof", time.Minute)
		if err != nil || first != (i == 0) {
			t.Errorf("try %d: %v, %v", i, first, err)
		}
	}
	if left, err := rdb.PTTL(t.Context(), "once:proof").Result(); err != nil || left <= 0 || left > time.Minute {
		t.Errorf("kept for %v, %v", left, err)
	}
}

func TestWithoutRedisItSaysSo(t *testing.T) {
	rdb := testenv.Redis(t)
	if err := rdb.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := New(rdb).Take(t.Context(), "a", 1, time.Minute); err == nil {
		t.Error("no error without Redis")
	}
	if _, err := New(rdb).Once(t.Context(), "a", time.Minute); err == nil {
		t.Error("no error without Redis")
	}
}
