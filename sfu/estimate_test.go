//nolint:gosec // synthetic traffic
package sfu

import (
	"math/rand/v2"
	"testing"
	"time"
)

// link is a path of a fixed width with a queue, and the viewer behind it, who
// reports every 100 ms as browsers do.
type link struct {
	e          *estimator
	r          *rand.Rand
	now        time.Time
	width      float64 // bit/s
	queue      time.Duration
	busy       time.Time
	delay      time.Duration
	jitter     time.Duration
	loss       float64
	arrivals   []arrival
	reportAt   time.Time
	viewer     arrivals
	dropped    int
	busyViewer *busy // nil: the viewer has a processor to itself
}

type arrival struct {
	seq int64
	at  time.Time
}

func newLink(width float64) *link {
	now := time.Unix(1000, 0)
	return &link{
		e: newEstimator(now), now: now, busy: now, width: width, queue: 300 * time.Millisecond,
		delay: 20 * time.Millisecond, r: rand.New(rand.NewPCG(1, 2)), reportAt: now,
	}
}

func (l *link) send(size int) {
	seq := l.e.next
	l.e.number(size, l.now)
	l.carry(seq, size)
}

// carry lets a packet that has its number go on its way.
func (l *link) carry(seq int64, size int) {
	if l.busy.Before(l.now) {
		l.busy = l.now
	}
	if l.r.Float64() < l.loss || l.busy.Sub(l.now) > l.queue {
		l.dropped++
		return
	}
	l.busy = l.busy.Add(time.Duration(float64(size) * 8 / l.width * 1e9))
	at := l.busy.Add(l.delay + time.Duration(l.r.Float64()*float64(l.jitter)))
	if l.busyViewer != nil {
		at = l.busyViewer.takes(at)
	}
	l.arrivals = append(l.arrivals, arrival{seq, at})
}

// report builds what a browser would say of the packets that came so far.
func (l *link) report() {
	if l.busyViewer != nil && l.busyViewer.runs(l.now).After(l.now) {
		return
	}
	var got []arrival
	var later []arrival
	for _, a := range l.arrivals {
		if a.at.After(l.now) {
			later = append(later, a)
		} else {
			got = append(got, a)
		}
	}
	l.arrivals = later
	if len(got) == 0 {
		return
	}
	for _, a := range got {
		l.viewer.note(1, uint16(a.seq), a.at.UnixMicro())
	}
	for {
		b := l.viewer.report(nil)
		if b == nil {
			return
		}
		l.e.feedback(b, 2*l.delay, l.now)
	}
}

// run offers traffic for a while: frames every 33 ms, as rate says.
func (l *link) run(d time.Duration, rate func() float64) {
	end := l.now.Add(d)
	owed, next, tick := 0.0, l.now, l.now
	for ; l.now.Before(end); l.now = l.now.Add(time.Millisecond) {
		if !l.now.Before(next) {
			next = next.Add(33 * time.Millisecond)
			for owed += rate() * 0.033 / 8; owed >= 200; {
				n := min(owed, 1200)
				l.send(int(n))
				owed -= n
			}
		}
		if !l.now.Before(tick) {
			tick = tick.Add(tickEvery)
			if p := &l.e.probe; p.ticks > 0 {
				for b := (p.rate - l.e.acked) * tickEvery.Seconds() / 8; b > 0; b -= 300 {
					l.send(300)
				}
				p.ticks--
			}
		}
		if !l.now.Before(l.reportAt) {
			l.reportAt = l.reportAt.Add(100 * time.Millisecond)
			l.report()
		}
	}
}

func fixed(rate float64) func() float64 { return func() float64 { return rate } }

func (l *link) follow() float64 { return min(l.e.rate, 2_500_000) }

// A path that is narrower than what is sent is found out, and one that widens
// again is used again.
func TestEstimateFollowsThePath(t *testing.T) {
	l := newLink(3_000_000)
	l.run(5*time.Second, l.follow)
	if l.e.rate < 1_500_000 {
		t.Errorf("%.0f bit/s on a path of 3 Mbit/s", l.e.rate)
	}
	l.width = 300_000
	l.run(5*time.Second, l.follow)
	if l.e.rate > 330_000 || l.e.rate < 100_000 {
		t.Errorf("%.0f bit/s on a path of 300 kbit/s", l.e.rate)
	}
	drops := l.dropped
	l.run(20*time.Second, l.follow)
	if l.e.rate > 360_000 || l.e.rate < 120_000 {
		t.Errorf("%.0f bit/s at length on a path of 300 kbit/s", l.e.rate)
	}
	if n := l.dropped - drops; n > 40 {
		t.Errorf("%d packets were dropped by a path that is known", n)
	}
	l.width = 3_000_000
	l.run(30*time.Second, l.follow)
	if l.e.rate < 1_000_000 {
		t.Errorf("%.0f bit/s on a path that is wide again", l.e.rate)
	}
}

// What is not used is not known: the estimate of a quiet sender does not rise,
// until a probe has tried.
func TestOnlyAProbeFindsWhatIsNotUsed(t *testing.T) {
	for _, c := range []struct {
		width       float64
		least, most float64
	}{{5_000_000, 550_000, 630_000}, {400_000, 0, 400_000}} {
		l := newLink(c.width)
		l.e.rate = 280_000
		l.run(5*time.Second, fixed(180_000))
		if l.e.rate > 300_000 {
			t.Fatalf("%.0f bit/s of 180 kbit/s sent", l.e.rate)
		}
		l.e.beginProbe(600_000, l.now)
		l.run(2*time.Second, fixed(180_000))
		if l.e.probe.on {
			t.Error("the probe was not judged")
		}
		if l.e.rate < c.least || l.e.rate > c.most || l.dropped > 0 {
			t.Errorf("path of %.0f: %.0f bit/s after a probe of 600 kbit/s, %d packets dropped", c.width, l.e.rate, l.dropped)
		}
	}
}

// Jitter and some loss are no reason to send less; heavy loss is.
func TestEstimateUnderLossAndJitter(t *testing.T) {
	l := newLink(10_000_000)
	l.jitter, l.loss = 8*time.Millisecond, 0.01
	l.run(20*time.Second, fixed(1_200_000))
	if l.e.rate < 1_200_000 {
		t.Errorf("%.0f bit/s with 1 %% loss", l.e.rate)
	}
	l.loss = 0.2
	l.run(20*time.Second, fixed(1_200_000))
	if l.e.rate > 600_000 || l.e.rate < lossFloor*0.9 {
		t.Errorf("%.0f bit/s with 20 %% loss", l.e.rate)
	}
}

// Numbers and times wrap around without a jump.
func TestEstimateWraps(t *testing.T) {
	l := newLink(400_000)
	l.e.next = 1<<32 - 50
	// The reference time of a report wraps in 64 ms.
	l.now = time.Unix(0, 0).Add((1<<24 - 16) * 64 * time.Millisecond)
	l.e.epoch, l.e.rateAt, l.e.lossAt, l.busy, l.reportAt = l.now, l.now, l.now, l.now, l.now
	l.run(10*time.Second, l.follow)
	if l.e.rate > 450_000 || l.e.rate < 150_000 {
		t.Errorf("%.0f bit/s on a path of 400 kbit/s", l.e.rate)
	}
}

// Whatever a report claims, the estimator stays whole.
func FuzzTransportFeedback(f *testing.F) {
	f.Add([]byte{0, 0, 0, 4, 0, 0, 1, 0, 0x20, 4, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		e := newEstimator(time.Unix(0, 0))
		now := time.Unix(0, 0)
		for range 50 {
			now = now.Add(5 * time.Millisecond)
			e.number(1000, now)
		}
		raw := append([]byte{0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2}, b...)
		for len(raw)%4 != 0 {
			raw = append(raw, 0)
		}
		raw[2], raw[3] = byte((len(raw)/4-1)>>8), byte(len(raw)/4-1)
		e.feedback(raw, defaultRTT, now)
		if !(e.rate >= rateLeast && e.rate <= rateMost) {
			t.Errorf("rate %v", e.rate)
		}
	})
}
