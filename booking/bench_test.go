package booking_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sportello/booking"
)

// crowded is a province: many offices of four desks each, most of their
// starts taken.
func crowded(b *testing.B, offices int) *world {
	b.Helper()
	w := newWorld(b, monday)
	var list []string
	for i := range offices {
		list = append(list, fmt.Sprintf(`{"slug": "o%d", "name": {"it": "O"}, "position": 9,
			"services": [{"slug": "s", "name": {"it": "S"}, "duration": "15m", "buffer": "5m", "step": "20m", "horizon": "2160h", "modes": ["virtual"]}],
			"desks": [%s]}`, i, strings.TrimSuffix(strings.Repeat(
			`{"name": "D-", "modes": ["virtual"], "hours": [{"days": [1,2,3,4,5], "from": "08:30", "to": "12:30"}, {"days": [2,4], "from": "14:00", "to": "17:00"}]},`, 4), ",")))
		for d := range 4 {
			list[i] = strings.Replace(list[i], `"D-"`, fmt.Sprintf(`"D%d"`, d), 1)
		}
	}
	file := `{"town": {"slug": "provincia", "name": "Provincia"}, "offices": [` + strings.Join(list, ",") + `]}`
	if err := w.Seed(b.Context(), fstest.MapFS{"crowd.json": {Data: []byte(file)}}); err != nil {
		b.Fatal(err)
	}
	_, err := w.pool.Exec(b.Context(), `
		INSERT INTO appointment (id, room, office_id, service_id, desk_id, day, period, occupied, mode, channel, audience, state,
			hold_expires_at, secret_hash, code_hash, created_at, changed_at)
		SELECT gen_random_uuid(), gen_random_uuid(), d.office_id, s.id, d.id, dd.day, tstzrange(t, t + '15 min'), tstzrange(t, t + '20 min'),
			'virtual', 'web', 'public', 'booked', t, sha256(convert_to(d.id || 's' || t, 'UTF8')), sha256(convert_to(d.id || 'c' || t, 'UTF8')), t, t
		FROM desk_day dd JOIN desk d ON d.id = dd.desk_id JOIN service s ON s.office_id = d.office_id AND s.slug = 's',
			unnest(dd.open) AS o, generate_series(lower(o), upper(o) - interval '20 min', '20 min') AS t
		WHERE dd.audience = 'public' AND extract(epoch FROM t)::bigint / 1200 % 10 < 8`)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.pool.Exec(b.Context(), `ANALYZE`); err != nil {
		b.Fatal(err)
	}
	return w
}

func (w *world) servicesOf(b *testing.B, n int) []int64 {
	b.Helper()
	all, err := w.AllServices(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var ids []int64
	for _, s := range all {
		if s.Slug == "s" && len(ids) < n {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func BenchmarkFree30Days(b *testing.B) {
	w := crowded(b, 50)
	id := w.servicesOf(b, 1)[0]
	q := booking.Query{ServiceID: id, Mode: booking.Virtual, Audience: booking.Public, To: monday.AddDate(0, 0, 30)}
	n := 0
	for b.Loop() {
		slots, err := w.Free(b.Context(), q)
		if err != nil {
			b.Fatal(err)
		}
		n = len(slots)
	}
	b.ReportMetric(float64(n), "slots")
}

func BenchmarkFirstFree(b *testing.B) {
	w := crowded(b, 50)
	for _, n := range []int{1, 50} {
		ids := w.servicesOf(b, n)
		b.Run(fmt.Sprintf("services=%d", n), func(b *testing.B) {
			for b.Loop() {
				slots, err := w.FirstFree(b.Context(), ids, booking.Virtual, booking.Public, 5)
				if err != nil || len(slots) != 5 {
					b.Fatal(len(slots), err)
				}
			}
		})
	}
}

func BenchmarkEarliest(b *testing.B) {
	w := crowded(b, 50)
	ids := w.servicesOf(b, 50)
	for b.Loop() {
		list, err := w.Earliest(b.Context(), ids, booking.Public)
		if err != nil || len(list) != 50 || list[49].Start.IsZero() {
			b.Fatal(len(list), err)
		}
	}
}

func BenchmarkHold(b *testing.B) {
	b.Run("uncontended", func(b *testing.B) {
		w := newWorld(b, monday)
		for i := 0; b.Loop(); i++ {
			w.hold(b, w.request(at(b, 17, 9, 0), booking.Virtual))
			w.clock.add(10 * time.Minute) // the next one expires it
			if i%100 == 99 {
				b.StopTimer()
				w.clock.set(monday)
				if _, err := w.pool.Exec(b.Context(), `TRUNCATE appointment CASCADE`); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		}
	})
	b.Run("contended", func(b *testing.B) {
		w := newWorld(b, monday)
		w.wide(b, 50)
		b.SetParallelism(25)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() { // everybody wants the same start
				_, err := w.Hold(b.Context(), w.request(at(b, 17, 9, 0), booking.Virtual))
				if err != nil && !errors.Is(err, booking.ErrSlotTaken) {
					b.Error(err)
				}
			}
		})
	})
}
