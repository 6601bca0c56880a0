package sfu

import (
	"encoding/binary"
	"math"
	"time"
)

const (
	sentKept  = 1024      // packets whose fate is remembered
	rateStart = 6_000_000 // a full room; a path that carries less says so within a second
	rateLeast = 30_000
	rateMost  = 50_000_000
	// lossFloor is enough for voices and a small picture: loss alone, unless it
	// is very heavy, is a bad radio and not a full one, and is repaired.
	lossFloor   = 300_000
	ackedWindow = 200_000 // µs
	lossWindow  = 300 * time.Millisecond
	probeWait   = time.Second
)

// sentPacket is what is remembered of a packet that carried a transport-wide
// number.
type sentPacket struct {
	seq   int64
	at    int64 // µs
	size  int32
	probe bool
	lost  bool // reported so; reordering may prove it wrong
	acked bool
}

// estimator guesses how much the path to one viewer carries, from the
// transport-wide feedback it sends (draft-holmer-rmcat-transport-wide-cc-extensions-01):
// by the trend of the delay and by loss, and up at once where a probe shows more.
// It has no clock and no goroutine: times are given.
type estimator struct {
	sent  [sentKept]sentPacket
	next  int64 // number of the next packet
	epoch time.Time

	refTime int64 // extended, in units of 64 ms
	heard   bool
	blind   bool // there is no such feedback: see guess
	hearsay
	trend delayTrend

	rate      float64 // bit/s
	rateAt    time.Time
	cutAt     time.Time
	link      float64 // where the path filled up before; 0: not known
	acked     float64 // bit/s that arrives; 0: not known
	ackedFrom int64
	ackedSize int64

	expected, missing int
	lossAt            time.Time
	loss              float64

	probe probe
}

// probe is a short burst above the estimate.
type probe struct {
	on                  bool
	ticks               int // that it is still sent for
	rate                float64
	from                time.Time
	found               bool // it showed more than was known
	packets, done       int
	size                int64
	firstSent, lastSent int64
	arrived             int64
	first, last         int64 // arrivals
	firstSize           int64 // bytes, of the first to arrive
	lastBurst           int64 // bytes sent at lastSent
}

func newEstimator(now time.Time) *estimator {
	e := &estimator{epoch: now, rate: rateStart, rateAt: now, lossAt: now}
	e.next = 1 << 16
	return e
}

// number gives the next packet its transport-wide number. While a probe is
// sent, everything that goes out is part of it.
func (e *estimator) number(size int, now time.Time) uint16 {
	seq, at := e.next, now.Sub(e.epoch).Microseconds()
	e.next++
	p := &e.probe
	e.sent[seq%sentKept] = sentPacket{seq: seq, at: at, size: int32(size), probe: p.ticks > 0} //nolint:gosec // an MTU
	if p.ticks > 0 {
		if p.packets == 0 {
			p.firstSent, p.lastSent = at, at
		}
		if at != p.lastSent {
			p.lastSent, p.lastBurst = at, 0
		}
		p.packets++
		p.size += int64(size)
		p.lastBurst += int64(size)
	}
	return uint16(seq) //nolint:gosec // modulo 2^16
}

// feedback takes one report of the viewer.
func (e *estimator) feedback(b []byte, rtt time.Duration, now time.Time) {
	e.read(b)
	e.adapt(rtt, now)
	e.judgeLoss(rtt, now)
	e.concludeProbe(now)
}

// read takes the fate of each packet from a report, an RTCP packet with its
// header (the same draft, section 3.1), where it lies: a viewer sends ten a
// second. Of one that contradicts itself the beginning counts.
func (e *estimator) read(b []byte) {
	if len(b) < tccHeader {
		return
	}
	seq, count := extend(e.next-1, binary.BigEndian.Uint16(b[12:])), int(binary.BigEndian.Uint16(b[14:]))
	at := e.reference(binary.BigEndian.Uint32(b[16:]) >> 8)
	chunks := b[tccHeader:]
	times := chunks[min(len(chunks), 2*statusChunks(chunks, count)):]
	for ; count > 0 && len(chunks) >= 2; chunks = chunks[2:] {
		c := statusOf(chunks)
		if c.missing() { // it may name thousands
			for from, to := e.known(seq, min(c.n, count)); from < to; from++ {
				e.missed(from)
			}
			seq += int64(c.n)
			count -= c.n
			continue
		}
		for i := range min(c.n, count) {
			size := 0
			switch symbol := c.symbol(i); {
			case symbol == tccMissing:
				e.missed(seq)
			case symbol == tccSmall && len(times) >= 1:
				at += int64(times[0]) * tccTick
				size = 1
			case symbol == tccLarge && len(times) >= 2:
				at += int64(int16(binary.BigEndian.Uint16(times))) * tccTick //nolint:gosec // two's complement
				size = 2
			default:
				return
			}
			if size > 0 {
				times = times[size:]
				e.arrived(seq, at)
			}
			seq++
		}
		count -= c.n
	}
}

// reference extends the 24 bits of a report's time to µs.
func (e *estimator) reference(ref uint32) int64 {
	if !e.heard {
		e.heard, e.refTime = true, int64(ref)
	}
	step := int32((ref-uint32(e.refTime))<<8) >> 8 //nolint:gosec // signed difference of 24 bits
	e.refTime += int64(step)
	return e.refTime * 64_000
}

// known cuts a run of numbers down to those of which something may be remembered.
func (e *estimator) known(seq int64, n int) (from, to int64) {
	return max(seq, e.next-sentKept, 0), min(seq+int64(n), e.next)
}

// of finds what is remembered of a number; nil where it is nothing.
func (e *estimator) of(seq int64) *sentPacket {
	if seq < 0 {
		return nil
	}
	if p := &e.sent[seq%sentKept]; p.seq == seq && seq < e.next && !p.acked {
		return p
	}
	return nil
}

func (e *estimator) arrived(seq, at int64) {
	p := e.of(seq)
	if p == nil {
		return
	}
	p.acked = true
	if p.lost {
		e.missing = max(0, e.missing-1)
	} else {
		e.expected++
	}
	if p.probe && e.probe.on {
		b := &e.probe
		if b.arrived == 0 {
			b.first, b.firstSize = at, int64(p.size)
		}
		b.last = max(b.last, at)
		b.arrived += int64(p.size)
		b.done++
	}
	e.trend.see(p.at, at)
	if e.ackedFrom == 0 || at < e.ackedFrom || at-e.ackedFrom > 5*ackedWindow {
		e.ackedFrom, e.ackedSize = at, 0
	}
	e.ackedSize += int64(p.size)
	if span := at - e.ackedFrom; span >= ackedWindow {
		sample := float64(e.ackedSize) * 8e6 / float64(span)
		if e.acked == 0 {
			e.acked = sample
		}
		e.acked += (sample - e.acked) / 2
		e.ackedFrom, e.ackedSize = at, 0
	}
}

func (e *estimator) missed(seq int64) {
	p := e.of(seq)
	if p == nil || p.lost {
		return
	}
	p.lost = true
	e.expected++
	e.missing++
	if p.probe && e.probe.on {
		e.probe.done++
	}
}

// adapt is the rate control of draft-ietf-rmcat-gcc-02, section 5.5.
func (e *estimator) adapt(rtt time.Duration, now time.Time) {
	passed := min(now.Sub(e.rateAt), time.Second).Seconds()
	e.rateAt = now
	switch e.trend.state {
	case overused:
		if !e.trend.queues() {
			return
		}
		if now.Sub(e.cutAt) < min(max(rtt, 10*time.Millisecond), 200*time.Millisecond)+100*time.Millisecond {
			return
		}
		e.cutAt = now
		base := e.rate
		if e.acked > 0 {
			base = e.acked
			if e.link == 0 {
				e.link = e.acked
			}
			e.link += (e.acked - e.link) / 4
		}
		e.set(min(e.rate, 0.85*base))
	case underused: // let the queue drain
	case normal:
		if e.loss > 0.02 || e.acked == 0 || now.Sub(e.cutAt) < rtt {
			return
		}
		// Nothing is known of what is not used: further up only a probe leads.
		most := 1.5*e.acked + 10_000
		if e.rate >= most {
			return
		}
		if e.link > 0 && e.acked > 1.2*e.link {
			e.link = 0
		}
		up := e.rate * (math.Pow(1.08, passed) - 1)
		if e.link > 0 && e.acked > 0.8*e.link {
			up = 9_600 / (rtt + 100*time.Millisecond).Seconds() * passed // a packet a round trip
		}
		e.set(min(e.rate+max(up, 1000*passed), most))
	}
}

// judgeLoss is section 6 of the same draft, but for the floor.
func (e *estimator) judgeLoss(rtt time.Duration, now time.Time) {
	if e.expected < 20 || now.Sub(e.lossAt) < lossWindow+rtt {
		return
	}
	e.loss += (float64(e.missing)/float64(e.expected) - e.loss) / 3 // few packets: chance is large
	e.expected, e.missing, e.lossAt = 0, 0, now
	if e.loss <= 0.10 {
		return
	}
	floor := 0.0
	if e.loss < 0.3 {
		floor = min(lossFloor, e.rate)
	}
	base := e.rate
	if e.acked > 0 {
		base = min(base, 1.5*e.acked)
	}
	e.set(max(base*(1-0.5*e.loss), floor))
}

func (e *estimator) set(rate float64) { e.rate = min(max(rate, rateLeast), rateMost) }

// beginProbe opens a probe of the path at a rate; the caller pads what goes out
// for probeTicks ticks.
func (e *estimator) beginProbe(rate float64, now time.Time) {
	e.probe = probe{on: true, ticks: probeTicks, rate: rate, from: now}
}

// concludeProbe takes a probe's result once all is heard of it, or too long
// after it.
func (e *estimator) concludeProbe(now time.Time) {
	p := &e.probe
	if !p.on || p.ticks > 0 || p.done < p.packets && now.Sub(p.from) < probeWait {
		return
	}
	p.on = false
	if p.done < p.packets*4/5 || p.last <= p.first || p.lastSent <= p.firstSent {
		return
	}
	out := float64(p.size-p.lastBurst) * 8e6 / float64(p.lastSent-p.firstSent)
	in := float64(p.arrived-p.firstSize) * 8e6 / float64(p.last-p.first)
	found := min(out, in, p.rate) // a burst may come faster than it was meant
	if in < 0.9*out {
		found = min(found, 0.95*in)
	}
	if e.trend.state == overused { // it filled the path, and so measured it
		found = min(found, 0.85*in)
		e.link = in
	} else if found > e.link {
		e.link = 0
	}
	p.found = found >= 0.9*p.rate
	e.set(max(e.rate, found))
}
