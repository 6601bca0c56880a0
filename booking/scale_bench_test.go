package booking_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sportello/booking"
	"sportello/internal/devstack"
)

// townsVar lists the sizes to try: "1,100" unless set; make bench-booking adds
// 8000, all the municipalities of Italy, which takes some minutes to fill.
const townsVar = "SPORTELLO_BENCH_TOWNS"

// BenchmarkScale measures the agenda at a number of municipalities, each an
// office of four desks and a service: 90 days of hours, eight of ten starts
// taken in the next days, and one of seven later on. It prints p50 and p95 of
// each answer, and holds a second beside those of one bare INSERT.
func BenchmarkScale(b *testing.B) {
	sizes := os.Getenv(townsVar)
	if sizes == "" {
		sizes = "1,100"
	}
	for size := range strings.SplitSeq(sizes, ",") {
		towns, err := strconv.Atoi(size)
		if err != nil {
			b.Fatalf("%s: %v", townsVar, err)
		}
		w := newWorldOn(b, lasting(b), monday)
		w.wide(b, 16)
		services := w.populate(b, towns)
		b.Run(fmt.Sprintf("towns=%d", towns), func(b *testing.B) { w.measure(b, services) })
	}
}

// lasting is a database on a server that keeps what it commits: holds a second
// mean little on one that does not.
func lasting(b *testing.B) *pgxpool.Pool {
	b.Helper()
	server, err := devstack.StartPostgres(b.Context(), devstack.PostgresConfig{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Stop(); err != nil {
			b.Error(err)
		}
	})
	if err := server.EnsureDatabase(b.Context(), "scale"); err != nil {
		b.Fatal(err)
	}
	pool, err := pgxpool.New(b.Context(), server.URL("scale"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	if err := booking.Migrate(b.Context(), pool); err != nil {
		b.Fatal(err)
	}
	return pool
}

// populate makes the municipalities with SQL, and returns their services.
func (w *world) populate(b *testing.B, towns int) []int64 {
	b.Helper()
	ctx := b.Context()
	for _, statement := range []string{
		`ALTER SYSTEM SET fsync = off`, // while it is filled
		`SELECT pg_reload_conf()`,
		`INSERT INTO town (slug, name) SELECT 't' || n, 'T' FROM generate_series(1, $1::int) AS n`,
		`INSERT INTO office (town_id, slug, name, position) SELECT id, 'o' || id, '{"it": "U"}', 9 FROM town WHERE slug LIKE 't%' AND $1::int > 0`,
		`INSERT INTO service (office_id, slug, name, duration, buffer, step, horizon, modes)
			SELECT id, 's', '{"it": "S"}', '15 min', '5 min', '20 min', '90 days', '{virtual}' FROM office WHERE slug LIKE 'o%' AND $1::int > 0`,
		`INSERT INTO desk (office_id, name, modes) SELECT id, 'D' || n, '{virtual}' FROM office, generate_series(1, 4) AS n WHERE slug LIKE 'o%' AND $1::int > 0`,
		`INSERT INTO desk_service (desk_id, service_id) SELECT d.id, s.id FROM desk d JOIN service s USING (office_id) WHERE s.slug = 's' AND $1::int > 0`,
		`INSERT INTO desk_day (desk_id, day, audience, open)
			SELECT d.id, g.day, who, CASE WHEN extract(dow FROM g.day) IN (0, 6) THEN '{}' ELSE
				tstzmultirange(tstzrange((g.day + time '08:30') AT TIME ZONE 'Europe/Rome', (g.day + time '12:30') AT TIME ZONE 'Europe/Rome')) END
			FROM desk d JOIN office o ON o.id = d.office_id,
				LATERAL (SELECT day::date FROM generate_series(timestamp '2026-11-16', timestamp '2027-02-13', '1 day') AS day) AS g,
				unnest('{public,operators}'::text[]) AS who
			WHERE o.slug LIKE 'o%' AND $1::int > 0`,
		`ALTER TABLE appointment DROP CONSTRAINT no_overlap`,
		`ALTER TABLE appointment DISABLE TRIGGER USER`,
		`INSERT INTO appointment (id, room, office_id, service_id, desk_id, day, period, occupied, mode, channel, audience, state,
				hold_expires_at, secret_hash, code_hash, created_at, changed_at)
			SELECT gen_random_uuid(), gen_random_uuid(), d.office_id, s.id, d.id, dd.day, tstzrange(t, t + '15 min'), tstzrange(t, t + '20 min'),
				'virtual', 'web', 'public', 'booked', t, sha256(convert_to(d.id || 's' || t, 'UTF8')), sha256(convert_to(d.id || 'c' || t, 'UTF8')), t, t
			FROM desk_day dd JOIN desk d ON d.id = dd.desk_id JOIN service s ON s.office_id = d.office_id AND s.slug = 's',
				unnest(dd.open) AS o, generate_series(lower(o), upper(o) - interval '20 min', '20 min') AS t
			WHERE dd.audience = 'public' AND $1::int > 0 AND
				(extract(epoch FROM t)::bigint / 1200 + d.id) % 100 < CASE WHEN dd.day < date '2026-11-26' THEN 80 ELSE 15 END`,
		`ALTER TABLE appointment ENABLE TRIGGER USER`,
		`ALTER TABLE appointment ADD CONSTRAINT no_overlap EXCLUDE USING gist (desk_id WITH =, occupied WITH &&)
			WHERE (state IN ('held', 'booked', 'arrived', 'called', 'served'))`,
		`CREATE TABLE bare (desk_id bigint NOT NULL, occupied tstzrange NOT NULL, state text NOT NULL,
			CONSTRAINT bare_no_overlap EXCLUDE USING gist (desk_id WITH =, occupied WITH &&) WHERE (state IN ('held', 'booked', 'arrived', 'called', 'served')))`,
		`INSERT INTO bare SELECT desk_id, occupied, state FROM appointment`,
		`VACUUM ANALYZE`,
		`ALTER SYSTEM RESET fsync`,
		`SELECT pg_reload_conf()`,
		`CHECKPOINT`,
	} {
		var args []any
		if strings.Contains(statement, "$1") {
			args = append(args, towns)
		}
		if _, err := w.pool.Exec(ctx, statement, args...); err != nil {
			b.Fatalf("%.60s: %v", statement, err)
		}
	}
	rows, err := w.pool.Query(ctx, `SELECT id FROM service WHERE slug = 's' ORDER BY id`)
	if err != nil {
		b.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		b.Fatal(err)
	}
	var days, appointments int
	if err := w.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM desk_day), (SELECT count(*) FROM appointment)`).Scan(&days, &appointments); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d municipalities: %d desk-days, %d appointments", towns, days, appointments)
	return ids
}

// percentiles times f at random services.
func percentiles(b *testing.B, f func(*rand.Rand) error) {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable on purpose
	var took []time.Duration
	for b.Loop() {
		from := time.Now()
		if err := f(rng); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(from))
	}
	slices.Sort(took)
	for name, p := range map[string]int{"p50-ms": 50, "p95-ms": 95} {
		b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds())/1000, name)
	}
}

func (w *world) measure(b *testing.B, services []int64) {
	b.Helper()
	b.Run("free 30 days", func(b *testing.B) {
		percentiles(b, func(rng *rand.Rand) error {
			list, err := w.Free(b.Context(), booking.Query{
				ServiceID: services[rng.IntN(len(services))], Mode: booking.Virtual, Audience: booking.Public, To: monday.AddDate(0, 0, 30),
			})
			if err == nil && len(list) == 0 {
				err = errors.New("nothing is free")
			}
			return err
		})
	})
	b.Run("earliest of 50", func(b *testing.B) {
		percentiles(b, func(rng *rand.Rand) error {
			some := make([]int64, 0, 50)
			for i := range min(50, len(services)) {
				some = append(some, services[(rng.IntN(len(services))+i)%len(services)])
			}
			slices.Sort(some)
			_, err := w.Earliest(b.Context(), slices.Compact(some), booking.Public)
			return err
		})
	})
	// The same random starts, in some of which somebody is already. Twenty
	// minutes apart on the far days, where most is free.
	starts := func(rng *rand.Rand) time.Time {
		day := at(b, 30, 8, 30).AddDate(0, 0, 7*rng.IntN(10)+rng.IntN(5))
		return day.Add(time.Duration(20*rng.IntN(12)) * time.Minute)
	}
	var lane atomic.Uint64
	parallel := func(b *testing.B, try func(*rand.Rand) (bool, error)) {
		b.Helper()
		var won atomic.Int64
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			rng := rand.New(rand.NewPCG(3, lane.Add(1))) //nolint:gosec // repeatable on purpose
			for pb.Next() {
				ok, err := try(rng)
				if err != nil {
					b.Error(err)
				}
				if ok {
					won.Add(1)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tries/s")
		b.ReportMetric(float64(won.Load())/float64(b.N)*100, "%won")
	}
	hold := func(service int64, start time.Time) (bool, error) {
		_, err := w.Hold(b.Context(), booking.HoldRequest{ServiceID: service, Start: start, Mode: booking.Virtual, Channel: booking.ByWeb, Audience: booking.Public})
		if errors.Is(err, booking.ErrSlotTaken) || errors.Is(err, booking.ErrNotBookable) { // a holiday
			return false, nil
		}
		return err == nil, err
	}
	desks := w.desksOf(b, services)
	bare := func(ctx context.Context, desk int64, start time.Time) (bool, error) {
		tag, err := w.pool.Exec(ctx, `INSERT INTO bare VALUES ($1, tstzrange($2, $3), 'held') ON CONFLICT ON CONSTRAINT bare_no_overlap DO NOTHING`,
			desk, start, start.Add(20*time.Minute))
		if err != nil {
			return false, err
		}
		return tag.RowsAffected() == 1, nil
	}
	b.Run("bare insert", func(b *testing.B) {
		parallel(b, func(rng *rand.Rand) (bool, error) {
			return bare(b.Context(), desks[rng.IntN(len(desks))], starts(rng))
		})
	})
	b.Run("hold", func(b *testing.B) {
		parallel(b, func(rng *rand.Rand) (bool, error) { return hold(services[rng.IntN(len(services))], starts(rng)) })
	})
	b.Run("bare insert contended", func(b *testing.B) {
		parallel(b, func(*rand.Rand) (bool, error) { return bare(b.Context(), desks[0], at(b, 18, 9, 10)) })
	})
	b.Run("hold contended", func(b *testing.B) {
		parallel(b, func(*rand.Rand) (bool, error) { return hold(services[0], at(b, 18, 9, 10)) })
	})
}

func (w *world) desksOf(b *testing.B, services []int64) []int64 {
	b.Helper()
	rows, err := w.pool.Query(b.Context(), `SELECT desk_id FROM desk_service WHERE service_id = ANY($1) ORDER BY 1`, services)
	if err != nil {
		b.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		b.Fatal(err)
	}
	return ids
}
