package testenv_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"sportello/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

func TestEveryTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for range 2 {
		pool := testenv.Postgres(t)
		if _, err := pool.Exec(t.Context(), "CREATE TABLE only_here (id int)"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServerIsSetUpForTheProject(t *testing.T) {
	t.Parallel()
	var jit string
	pool := testenv.Postgres(t)
	if err := pool.QueryRow(t.Context(), "SHOW jit").Scan(&jit); err != nil {
		t.Fatal(err)
	}
	if jit != "off" {
		t.Errorf("jit = %s, want off", jit)
	}
	if _, err := pool.Exec(t.Context(), "CREATE EXTENSION btree_gist"); err != nil {
		t.Errorf("the exclusion constraint needs btree_gist: %v", err)
	}
}

func TestPreparedOnceAndCopied(t *testing.T) {
	t.Parallel()
	runs := 0
	prepare := func(ctx context.Context, pool *pgxpool.Pool) error {
		runs++
		_, err := pool.Exec(ctx, "CREATE TABLE prepared AS SELECT 7 AS n")
		return err
	}
	for range 2 {
		pool := testenv.PostgresPrepared(t, "seven", prepare)
		var n int
		if err := pool.QueryRow(t.Context(), "UPDATE prepared SET n = n + 1 RETURNING n").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != 8 {
			t.Errorf("n = %d: the copies share their rows", n)
		}
	}
	if runs != 1 {
		t.Errorf("prepared %d times", runs)
	}
}

func TestEveryTestHasARedisOfItsOwn(t *testing.T) {
	t.Parallel()
	a, b := testenv.Redis(t), testenv.Redis(t)
	if err := a.Set(t.Context(), "key", "a", 0).Err(); err != nil {
		t.Fatal(err)
	}
	n, err := b.Exists(t.Context(), "key").Result()
	if err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Error("two tests share a Redis")
	}
}
