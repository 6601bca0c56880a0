package booking_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sportello/booking"
	"sportello/internal/devstack"
)

// townsVar lists the sizes to try: "1,100" unless set; make bench-booking adds
// 8000, all the municipalities of Italy, which takes some minutes to fill.
const townsVar = "SPORTELLO_BENCH_TOWNS"

// keepVar names a folder where the filled databases are kept, to measure again
// without filling.
const keepVar = "SPORTELLO_BENCH_KEEP"

// BenchmarkScale measures the agenda at a number of municipalities, each an
// office of four desks and a service: 90 days of hours, eight of ten starts
// taken in the next days, and one of seven later on. It prints p50 and p95 of
// each answer, and holds a second beside those of plain inserts.
func BenchmarkScale(b *testing.B) {
	for _, towns := range sizes(b) {
		dir := b.TempDir()
		if keep := os.Getenv(keepVar); keep != "" {
			dir = filepath.Join(keep, strconv.Itoa(towns))
		}
		w := newWorldOn(b, lasting(b, dir), monday)
		w.wide(b, 16)
		services := w.populate(b, towns)
		b.Run(fmt.Sprintf("towns=%d", towns), func(b *testing.B) { w.measure(b, services) })
	}
}

// BenchmarkRollForward measures what a start of the counter waits for: the days
// made by one that was off for a night, a weekend and four weeks, at a number of
// municipalities open on five days of the week.
func BenchmarkRollForward(b *testing.B) {
	for _, towns := range sizes(b) {
		b.Run(fmt.Sprintf("towns=%d", towns), func(b *testing.B) {
			w := newWorldOn(b, lasting(b, b.TempDir()), monday)
			w.municipalities(b, towns)
			w.run(b, `INSERT INTO opening_rule (desk_id, weekday, from_local, to_local, audience)
				SELECT d.id, day, '08:30', '12:30', 'public' FROM desk d JOIN office o ON o.id = d.office_id, generate_series(1, 5) AS day
				WHERE o.slug ~ '^o[0-9]'`)
			w.run(b, `ANALYZE`)
			off := func() time.Duration {
				from := time.Now()
				if err := w.RollForward(b.Context()); err != nil {
					b.Fatal(err)
				}
				return time.Since(from)
			}
			b.Logf("all days: %v", off().Round(time.Millisecond))
			var nights, weekends, months time.Duration
			for b.Loop() {
				w.clock.add(24 * time.Hour)
				nights += off()
				w.clock.add(3 * 24 * time.Hour)
				weekends += off()
				w.clock.add(28 * 24 * time.Hour)
				months += off()
			}
			for unit, took := range map[string]time.Duration{"night-s": nights, "weekend-s": weekends, "4weeks-s": months} {
				b.ReportMetric(took.Seconds()/float64(b.N), unit)
			}
		})
	}
}

// sizes are the numbers of municipalities to try.
func sizes(b *testing.B) []int {
	b.Helper()
	list := os.Getenv(townsVar)
	if list == "" {
		list = "1,100"
	}
	var out []int
	for size := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			b.Fatalf("%s: %v", townsVar, err)
		}
		out = append(out, n)
	}
	return out
}

// lasting is a database on a server that keeps what it commits: holds a second
// mean little on one that does not.
func lasting(b *testing.B, dir string) *pgxpool.Pool {
	b.Helper()
	server, err := devstack.StartPostgres(b.Context(), devstack.PostgresConfig{Dir: dir})
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

// run executes a statement.
func (w *world) run(b *testing.B, statement string, args ...any) {
	b.Helper()
	if _, err := w.pool.Exec(b.Context(), statement, args...); err != nil {
		b.Fatalf("%.60s: %v", statement, err)
	}
}

// municipalities makes so many towns, each with an office of four desks and a service.
func (w *world) municipalities(b *testing.B, towns int) {
	b.Helper()
	w.run(b, `INSERT INTO town (slug, name) SELECT 't' || n, 'T' FROM generate_series(1, $1::int) AS n`, towns)
	// Letters of its own, lest the trigger look for a free one 8,000 times.
	for _, statement := range []string{
		`INSERT INTO office (town_id, slug, name, position, letter) SELECT id, 'o' || id, '{"it": "U"}', 9, 'A' FROM town WHERE slug ~ '^t[0-9]'`,
		`INSERT INTO service (office_id, slug, name, duration, buffer, step, horizon, modes)
			SELECT id, 's', '{"it": "S"}', '15 min', '5 min', '20 min', '90 days', '{virtual}' FROM office WHERE slug ~ '^o[0-9]'`,
		`INSERT INTO desk (office_id, name, modes) SELECT id, 'D' || n, '{virtual}' FROM office, generate_series(1, 4) AS n WHERE slug ~ '^o[0-9]'`,
		`INSERT INTO desk_service (desk_id, service_id) SELECT d.id, s.id FROM desk d JOIN service s USING (office_id) WHERE s.slug = 's'`,
	} {
		w.run(b, statement)
	}
}

// filled are the tables that populate fills; without indexes and constraints, which it
// puts back as they were when all is there.
const filled = `('appointment'::regclass, 'desk_day'::regclass)`

// populate makes the municipalities with SQL, and returns their services.
func (w *world) populate(b *testing.B, towns int) []int64 {
	b.Helper()
	ctx := b.Context()
	from := time.Now()
	if services := w.servicesOf(b, towns); len(services) == towns {
		return services // kept from before
	}
	list := func(query string) []string {
		rows, err := w.pool.Query(ctx, query)
		if err != nil {
			b.Fatal(err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			b.Fatal(err)
		}
		return found
	}
	for setting, value := range map[string]string{ // while it is filled
		"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_wal_size": "8GB", "maintenance_work_mem": "512MB",
	} {
		w.run(b, fmt.Sprintf(`ALTER SYSTEM SET %s = '%s'`, setting, value))
	}
	w.run(b, `SELECT pg_reload_conf()`)
	again := list(`SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
		FROM pg_constraint WHERE conrelid IN ` + filled + ` AND contype IN ('p', 'u', 'x', 'f') OR confrelid IN ` + filled + `
		ORDER BY contype = 'f', oid`)
	again = append(again, list(`SELECT pg_get_indexdef(indexrelid) FROM pg_index i WHERE indrelid IN `+filled+`
		AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype <> 'f')`)...)
	for _, drop := range list(`SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
		FROM pg_constraint WHERE conrelid IN ` + filled + ` AND contype IN ('p', 'u', 'x', 'f') OR confrelid IN ` + filled + `
		ORDER BY contype <> 'f', oid`) {
		w.run(b, drop)
	}
	for _, drop := range list(`SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index WHERE indrelid IN ` + filled) {
		w.run(b, drop)
	}
	w.municipalities(b, towns)
	for _, statement := range []string{
		// The days and starts of all are the same, and so are reckoned once.
		`CREATE UNLOGGED TABLE hours AS
			SELECT day::date, CASE WHEN extract(dow FROM day) IN (0, 6) THEN '{}' ELSE
				tstzmultirange(tstzrange((day + time '08:30') AT TIME ZONE 'Europe/Rome', (day + time '12:30') AT TIME ZONE 'Europe/Rome')) END AS open
			FROM generate_series(timestamp '2026-11-16', timestamp '2027-02-13', '1 day') AS day`,
		`CREATE UNLOGGED TABLE start AS
			SELECT day, t, tstzrange(t, t + '15 min') AS period, tstzrange(t, t + '20 min') AS occupied,
				extract(epoch FROM t)::bigint / 1200 % 100 AS n, CASE WHEN day < date '2026-11-26' THEN 80 ELSE 15 END AS taken
			FROM hours, unnest(open) AS o, generate_series(lower(o), upper(o) - interval '20 min', '20 min') AS t`,
		`ANALYZE hours, start, office, service, desk, desk_service`,
		`INSERT INTO desk_day (desk_id, day, audience, open)
			SELECT d.id, h.day, who, h.open FROM desk d JOIN office o ON o.id = d.office_id AND o.slug ~ '^o[0-9]'
			CROSS JOIN hours h CROSS JOIN unnest('{operators,public}'::text[]) AS who ORDER BY 1, 2, 3`,
		`ALTER TABLE appointment DISABLE TRIGGER USER`,
		`INSERT INTO appointment (id, room, office_id, service_id, desk_id, day, period, occupied, mode, channel, audience, state,
				hold_expires_at, secret_hash, code_hash, created_at, changed_at)
			SELECT gen_random_uuid(), gen_random_uuid(), d.office_id, s.id, d.id, x.day, x.period, x.occupied,
				'virtual', 'web', 'public', 'booked', x.t, sha256(int8send(d.id) || timestamptz_send(x.t)), sha256(timestamptz_send(x.t) || int8send(d.id)), x.t, x.t
			FROM desk d JOIN service s ON s.office_id = d.office_id AND s.slug = 's' CROSS JOIN start x
			WHERE (x.n + d.id) % 100 < x.taken ORDER BY d.id, x.t`,
		`ALTER TABLE appointment ENABLE TRIGGER USER`,
		`CREATE TABLE bare (desk_id bigint NOT NULL, occupied tstzrange NOT NULL, state text NOT NULL)`,
		`INSERT INTO bare SELECT desk_id, occupied, state FROM appointment`,
	} {
		w.run(b, statement)
	}
	// The constraints are most of the work: one core each.
	bare := make(chan error, 1)
	go func() {
		_, err := w.pool.Exec(ctx, `ALTER TABLE bare ADD CONSTRAINT bare_no_overlap EXCLUDE USING gist (desk_id WITH =, occupied WITH &&)
			WHERE (state IN ('held', 'booked', 'arrived', 'called', 'served'))`)
		bare <- err
	}()
	for _, statement := range again {
		w.run(b, statement)
	}
	if err := <-bare; err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{`DROP TABLE hours, start`, `VACUUM ANALYZE`, `ALTER SYSTEM RESET ALL`, `SELECT pg_reload_conf()`, `CHECKPOINT`} {
		w.run(b, statement)
	}
	var days, appointments int
	if err := w.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM desk_day), (SELECT count(*) FROM appointment)`).Scan(&days, &appointments); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d municipalities: %d desk-days, %d appointments, filled in %v", towns, days, appointments, time.Since(from).Round(time.Second))
	return w.servicesOf(b, towns)
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
	w.measureHolds(b, services, w.desksOf(b, services))
}

// wish is a start that a client wants: at a service, or at one of the four desks
// that it has. Others are the other three.
type wish struct {
	service, desk int64
	others        []int64
	start         time.Time
}

// What clients may meet with when they want a start; or all of them want one long taken.
const (
	alone     = "alone"
	contended = "contended"
)

// measureHolds compares holds with floors, from the same clients, over as many
// connections, flushed alike: one INSERT of the same row into the same table, and
// one into a table with nothing but the constraint. Either goes blindly for one desk,
// and gives up where it is taken; a hold finds another. So there is one more floor,
// which goes from desk to desk until it wins one, as a hold must. The process knows
// the offices, as it does once it was asked for each; a cold hold learns its office first.
func (w *world) measureHolds(b *testing.B, services, desks []int64) {
	b.Helper()
	insert := func(ctx context.Context, x wish) (bool, error) {
		tag, err := w.pool.Exec(ctx, `INSERT INTO appointment (id, room, office_id, service_id, desk_id, day, period, occupied, mode, channel, audience, state,
				hold_expires_at, secret_hash, code_hash, created_at, changed_at)
			SELECT $5, $6, office_id, $1, id, $3::timestamptz::date, tstzrange($3, $4), tstzrange($3, $4 + interval '5 min'), 'virtual', 'web', 'public', 'held',
				$3, uuid_send($5), uuid_send($6), $3, $3 FROM desk WHERE id = $2
			ON CONFLICT ON CONSTRAINT no_overlap DO NOTHING`, x.service, x.desk, x.start, x.start.Add(15*time.Minute), uuid.New(), uuid.New())
		return tag.RowsAffected() == 1, err
	}
	hold := func(a *booking.Agenda) func(context.Context, wish) (bool, error) {
		return func(ctx context.Context, x wish) (bool, error) {
			_, err := a.Hold(ctx, booking.HoldRequest{ServiceID: x.service, Start: x.start, Mode: booking.Virtual, Channel: booking.ByWeb, Audience: booking.Public})
			if errors.Is(err, booking.ErrSlotTaken) {
				return false, nil
			}
			return err == nil, err
		}
	}
	another := func() *booking.Agenda { // as in a process of its own
		return booking.New(w.pool, w.tokens, booking.Options{Pepper: []byte("pepper"), Now: w.clock.now})
	}
	elsewhere := another()
	for _, service := range services {
		for _, a := range []*booking.Agenda{w.Agenda, elsewhere} {
			if _, err := hold(a)(b.Context(), wish{service: service}); !errors.Is(err, booking.ErrNotBookable) {
				b.Fatalf("a hold in the year 1: %v", err)
			}
		}
	}
	var process atomic.Int64
	ways := []struct {
		name string
		only string // the case that it is tried in; empty: all
		try  func(context.Context, wish) (bool, error)
	}{
		{"bare insert", "", func(ctx context.Context, x wish) (bool, error) {
			tag, err := w.pool.Exec(ctx, `INSERT INTO bare VALUES ($1, tstzrange($2, $3), 'held') ON CONFLICT ON CONSTRAINT bare_no_overlap DO NOTHING`,
				x.desk, x.start, x.start.Add(20*time.Minute))
			return tag.RowsAffected() == 1, err
		}},
		{"row insert", "", insert},
		{"row inserts", "", func(ctx context.Context, x wish) (won bool, err error) {
			for _, x.desk = range append([]int64{x.desk}, x.others...) {
				if won, err = insert(ctx, x); won || err != nil {
					return won, err
				}
			}
			return false, nil
		}},
		{"hold", "", hold(w.Agenda)},
		{"cold hold", alone, func(ctx context.Context, x wish) (bool, error) { return hold(another())(ctx, x) }},
		{"hold from two processes", contended, func(ctx context.Context, x wish) (bool, error) {
			return hold([]*booking.Agenda{w.Agenda, elsewhere}[process.Add(1)%2])(ctx, x)
		}},
	}
	// Twenty minutes apart, on the far days, where most is free.
	days := w.openDays(b, desks[0])
	start := func(n int) time.Time { return days[n/12%len(days)].Add(time.Duration(20*(n%12)) * time.Minute) }
	const rivals = 8
	var turn atomic.Int64
	var lane atomic.Uint64
	for _, c := range []struct {
		name string
		next func(*rand.Rand) wish
	}{
		{alone, func(rng *rand.Rand) wish {
			n := rng.IntN(len(services))
			return wishAt(rng, services[n], desks[4*n:4*n+4], start(rng.IntN(1<<20)))
		}},
		// All go through the same starts, so that twice as many as there are desks want each at once.
		{contended, func(rng *rand.Rand) wish {
			n := int(turn.Add(1)) / rivals
			town := n % len(services)
			return wishAt(rng, services[town], desks[4*town:4*town+4], start(n/len(services)))
		}},
		// Long taken: an insert fails, a hold is told what is free next.
		{"refused", func(rng *rand.Rand) wish { return wishAt(rng, services[0], desks[:4], at(b, 18, 9, 10)) }},
	} {
		for _, way := range ways {
			if way.only != "" && way.only != c.name {
				continue
			}
			b.Run(way.name+" "+c.name, func(b *testing.B) {
				w.clear(b)
				turn.Store(0)
				var won atomic.Int64
				b.ResetTimer()
				b.SetParallelism(rivals / runtime.GOMAXPROCS(0))
				b.RunParallel(func(pb *testing.PB) {
					rng := rand.New(rand.NewPCG(3, lane.Add(1))) //nolint:gosec // repeatable on purpose
					for pb.Next() {
						ok, err := way.try(b.Context(), c.next(rng))
						if err != nil {
							b.Error(err)
						}
						if ok {
							won.Add(1)
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tries/s")
				b.ReportMetric(float64(won.Load())/b.Elapsed().Seconds(), "won/s")
			})
		}
	}
}

func wishAt(rng *rand.Rand, service int64, desks []int64, start time.Time) wish {
	desks = slices.Clone(desks)
	rng.Shuffle(len(desks), func(i, j int) { desks[i], desks[j] = desks[j], desks[i] })
	return wish{service, desks[0], desks[1:], start}
}

// clear takes back what was measured before.
func (w *world) clear(b *testing.B) {
	b.Helper()
	for _, statement := range []string{`DELETE FROM appointment WHERE state = 'held'`, `DELETE FROM bare WHERE state = 'held'`} {
		if _, err := w.pool.Exec(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
}

// openDays lists when a desk opens from the day on where most is free.
func (w *world) openDays(b *testing.B, desk int64) []time.Time {
	b.Helper()
	rows, err := w.pool.Query(b.Context(), `SELECT lower(open) FROM desk_day WHERE desk_id = $1 AND audience = 'public' AND day >= '2026-11-30' AND NOT isempty(open) ORDER BY day`, desk)
	if err != nil {
		b.Fatal(err)
	}
	days, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	if err != nil {
		b.Fatal(err)
	}
	return days
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
