package sfu

import "math"

// usage is what the delay says of a path.
type usage int8

const (
	underused usage = iota - 1 // queues drain
	normal
	overused // queues grow
)

const (
	groupSpan   = 5_000 // µs; packets sent together are one sample
	groupLong   = 100_000
	trendWindow = 20
	trendGain   = 4.0
	overuseTime = 10.0 // ms

	queueStands = 25_000     // µs
	queueSpan   = 100_000    // µs
	baseSpan    = 10_000_000 // µs, in which clocks hardly drift

	thresholdStart, thresholdLeast, thresholdMost = 12.5, 6.0, 600.0
)

// burst is a group of packets that were sent together.
type burst struct {
	firstSent, lastSent       int64 // µs
	firstArrived, lastArrived int64
}

// delayTrend tells by the one-way delay's slope whether a queue grows on the
// path (draft-ietf-rmcat-gcc-02, section 5, with the line fitted by least
// squares in place of the Kalman filter, as browsers do). It knows no clock but
// that of the packets.
type delayTrend struct {
	cur, prev    burst
	have         int // bursts seen, up to two
	deltas       float64
	origin       float64 // ms, of the first arrival
	sum, smooth  float64
	xs, ys       [trendWindow]float64
	n            int
	slope        float64
	threshold    float64
	thresholdAt  float64
	overFor      float64
	overCount    int
	state        usage
	lastModified float64
	low, base    lowest // µs, of the one-way delay, between clocks that differ: lately, and at its best
}

// lowest is the least of what was seen in the last one to two spans.
type lowest struct {
	cur, prev int64
	from      int64 // µs, of cur
	seen      bool
}

func (m *lowest) see(v, at, span int64) {
	switch {
	case !m.seen:
		*m = lowest{cur: v, prev: v, from: at, seen: true}
	case at-m.from >= span:
		m.prev, m.cur, m.from = m.cur, v, at
	default:
		m.cur = min(m.cur, v)
	}
}

func (m *lowest) is() int64 { return min(m.cur, m.prev) }

// queues says whether a queue stands on the path: whether all that came lately came
// late. A browser whose processor is busy gets to its packets late too, but then
// to all at once, the last of them in time; of a path that is full none is in time
// (as RFC 8289, section 3, tells good queues from bad).
func (d *delayTrend) queues() bool { return d.low.is()-d.base.is() > queueStands }

// see takes one packet's times, in µs of either clock, in the order of sending.
func (d *delayTrend) see(sent, arrived int64) {
	d.low.see(arrived-sent, arrived, queueSpan)
	d.base.see(arrived-sent, arrived, baseSpan)
	switch {
	case d.have == 0:
	case sent < d.cur.firstSent:
		return // reordered: it belongs to a burst that is done
	case d.together(sent, arrived):
		d.cur.lastSent = max(d.cur.lastSent, sent)
		d.cur.lastArrived = max(d.cur.lastArrived, arrived)
		return
	case d.have > 1:
		d.sample(float64(d.cur.lastSent-d.prev.lastSent)/1e3, float64(d.cur.lastArrived-d.prev.lastArrived)/1e3,
			float64(d.cur.lastArrived)/1e3)
	}
	d.prev, d.cur = d.cur, burst{sent, sent, arrived, arrived}
	d.have = min(d.have+1, 2)
}

func (d *delayTrend) together(sent, arrived int64) bool {
	if sent-d.cur.firstSent <= groupSpan {
		return true
	}
	// What a link held back and then let go at once is one burst too.
	gap := arrived - d.cur.lastArrived
	return gap-(sent-d.cur.lastSent) < 0 && gap <= groupSpan && arrived-d.cur.firstArrived < groupLong
}

func (d *delayTrend) sample(sent, arrived, at float64) {
	if math.Abs(arrived-sent) > 3_000 || arrived < -100 {
		*d = delayTrend{} // the path or a clock jumped
		return
	}
	if d.deltas == 0 {
		d.origin, d.threshold, d.thresholdAt = at, thresholdStart, at
	}
	d.deltas++
	d.sum += arrived - sent
	d.smooth = 0.9*d.smooth + 0.1*d.sum
	i := d.n % trendWindow
	d.xs[i], d.ys[i] = at-d.origin, d.smooth
	d.n++
	slope := d.slope
	if d.n >= trendWindow {
		slope = d.fit()
	}
	d.detect(slope, sent, at)
}

// fit is the slope of the line through the window.
func (d *delayTrend) fit() float64 {
	var mx, my float64
	for i := range d.xs {
		mx += d.xs[i] / trendWindow
		my += d.ys[i] / trendWindow
	}
	var num, den float64
	for i := range d.xs {
		num += (d.xs[i] - mx) * (d.ys[i] - my)
		den += (d.xs[i] - mx) * (d.xs[i] - mx)
	}
	if den == 0 {
		return d.slope
	}
	return num / den
}

func (d *delayTrend) detect(slope, sent, at float64) {
	m := min(d.deltas, 60) * slope * trendGain
	switch {
	case m > d.threshold:
		d.overFor += sent
		d.overCount++
		if d.overFor > overuseTime && d.overCount > 1 && slope >= d.slope {
			d.state, d.overFor, d.overCount = overused, 0, 0
		}
	case m < -d.threshold:
		d.state, d.overFor, d.overCount = underused, 0, 0
	default:
		d.state, d.overFor, d.overCount = normal, 0, 0
	}
	d.slope, d.lastModified = slope, m
	// The threshold follows slowly, so that a rival's TCP does not starve us.
	if dt := min(at-d.thresholdAt, 100); math.Abs(m) <= d.threshold+15 {
		k := 0.0087
		if math.Abs(m) < d.threshold {
			k = 0.039
		}
		d.threshold = min(max(d.threshold+k*(math.Abs(m)-d.threshold)*dt, thresholdLeast), thresholdMost)
	}
	d.thresholdAt = at
}
