//nolint:gosec // synthetic traffic
package sfu

import (
	"math/rand/v2"
	"testing"
	"time"
)

// busy is a processor that lets a browser run for a moment now and then only:
// it gets to what came late, and then to all of it at once.
type busy struct {
	r      *rand.Rand
	moment time.Duration
	pause  time.Duration // at most
	starts []time.Time   // of the moments
	last   time.Time
}

// runs is when the browser next runs at a time or after it.
func (b *busy) runs(now time.Time) time.Time {
	for !now.Before(b.starts[len(b.starts)-1].Add(b.moment)) {
		b.starts = append(b.starts, b.starts[len(b.starts)-1].Add(b.moment+time.Duration(b.r.Float64()*float64(b.pause))))
	}
	i := len(b.starts) - 1
	for i > 0 && now.Before(b.starts[i-1].Add(b.moment)) {
		i--
	}
	if now.Before(b.starts[i]) {
		return b.starts[i]
	}
	return now
}

// takes is when it takes what comes at a time.
func (b *busy) takes(came time.Time) time.Time {
	at := b.runs(came)
	if !at.After(b.last) {
		at = b.last.Add(40 * time.Microsecond)
	}
	b.last = at
	return at
}

// A viewer whose processor is busy is not one on a narrow line: its pictures stay,
// however late it is. That the line behind it gets narrow is noticed all the same.
func TestStarvedViewer(t *testing.T) {
	for _, pause := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond} {
		t.Run(pause.String(), func(t *testing.T) {
			s := newShow(t, 20_000_000, 3)
			s.run(10 * time.Second)
			s.want("at first", "hhh")
			switches := s.count.switches.Load()
			s.link.busyViewer = &busy{
				r: rand.New(rand.NewPCG(1, 3)), moment: 5 * time.Millisecond, pause: pause, starts: []time.Time{s.now},
			}
			s.run(30 * time.Second)
			s.want("starved", "hhh")
			s.link.busyViewer = nil
			s.run(20 * time.Second)
			s.want("no longer starved", "hhh")
			if n := s.count.switches.Load() - switches; n > 0 {
				t.Errorf("%d switches (estimate %.0f, acked %.0f)", n, s.link.e.rate, s.link.e.acked)
			}
		})
	}

	s := newShow(t, 3_000_000, 1)
	s.run(10 * time.Second)
	s.link.busyViewer = &busy{
		r: rand.New(rand.NewPCG(1, 3)), moment: 5 * time.Millisecond, pause: 100 * time.Millisecond, starts: []time.Time{s.now},
	}
	s.run(5 * time.Second)
	s.want("starved, 3 Mbit/s", "h")
	s.link.width = 400_000
	s.run(6 * time.Second)
	s.want("starved, 400 kbit/s", "l")
}
