package sfu

import (
	"math/rand/v2"
	"time"

	"github.com/pion/rtcp"
)

const (
	repairShare = 0.5 // of a viewer's path, at most, for repairs
	repairBurst = 200 * time.Millisecond
	resentKept  = 128
	soughtMost  = 2048 // numbers that one viewer's requests are looked for by in a slowEvery
)

// repairBudget keeps repairs from filling a path whose queue is what lost the
// packets: without it each round of requests would bring more loss than it mends.
type repairBudget struct {
	left float64 // bytes
	used int     // since the last measure
	rate float64 // bit/s
}

// refill is called at every tick.
func (b *repairBudget) refill(rate float64) {
	b.left = min(b.left+repairShare*rate/8*tickEvery.Seconds(), repairShare*rate/8*repairBurst.Seconds())
}

// measure follows what repairs take, once every slowEvery.
func (b *repairBudget) measure() {
	b.rate += (float64(b.used)*8/slowEvery.Seconds() - b.rate) * rateWeight
	b.used = 0
}

// take says whether there is room for so many bytes.
func (b *repairBudget) take(n int) bool {
	if b.left < float64(n) {
		return false
	}
	b.left -= float64(n)
	b.used += n
	return true
}

// lately remembers what was resent of one track: the same has to be asked for a
// round trip later, and only so often. It is made with the first request.
type lately [resentKept]struct {
	at    time.Time
	seq   uint16
	tries uint8
}

func (y *lately) may(seq uint16, rtt time.Duration, now time.Time) bool {
	x := &y[seq%resentKept]
	switch {
	case x.seq != seq || now.Sub(x.at) > nackLife:
		x.seq, x.tries = seq, 0
	case now.Sub(x.at) < rtt || x.tries >= nackTries:
		return false
	}
	x.at = now
	x.tries++
	return true
}

// repairStream is the RTX stream (RFC 4588) on which a viewer gets the repairs
// of one track. Its numbers are its own, so that a repair is a packet of its own
// to SRTP too. With ssrc 0 none was agreed.
type repairStream struct {
	ssrc uint32
	seq  uint16 // of the next
}

func newRepairStream(ssrc uint32, pt uint8) repairStream {
	if ssrc == 0 || pt == 0 {
		return repairStream{}
	}
	// Below 2^15, as the media's own (RFC 3711, section 3.3.1).
	return repairStream{ssrc: ssrc, seq: uint16(rand.IntN(1 << 15))} //nolint:gosec // not a secret
}

// header is that of a repair. Where RTX was not agreed the packet goes out as it
// was, to the byte: one SSRC and number never carry two contents, on which the
// nonces of SRTP depend.
func (r *repairStream) header(t *outTrack, p *packet, marker bool) outHeader {
	if r.ssrc == 0 {
		return t.header(p, marker)
	}
	r.seq++
	return outHeader{ssrc: r.ssrc, pt: t.pts[p.codec].rtx, marker: marker, repair: true, seq: r.seq}
}

// resend answers a NACK from the publisher's ring.
func (l *loop) resend(t *outTrack, pairs []rtcp.NackPair) {
	if !t.to.ready() {
		return
	}
	for _, pair := range pairs {
		for bit := -1; bit < 16; bit++ {
			if bit >= 0 && pair.LostPackets&(1<<bit) == 0 {
				continue
			}
			if t.to.sought++; t.to.sought > soughtMost {
				return // nobody misses so much of what is worth having
			}
			l.resendOne(t, pair.PacketID+uint16(bit+1))
		}
	}
}

func (l *loop) resendOne(t *outTrack, seq uint16) {
	at, p := t.rw.again(seq)
	if p == nil || t.resends >= resendsMax {
		l.count.unrepaired.Add(1)
		return
	}
	// Nobody needs what came before the keyframe with which a newer stretch began.
	if t.resent == nil {
		t.resent = &lately{}
	}
	if at.seg != &t.rw.segs[0] || !t.resent.may(seq, t.to.rtt, l.now) {
		return
	}
	if path := t.to.path; path != nil && path.heard && !t.to.repair.take(len(p.payload)+packetCost) {
		l.count.unrepaired.Add(1)
		return
	}
	t.resends++
	if l.send(t, p, &at, t.rtx.header(t, p, p.marker && !at.empty)) {
		l.count.resent.Add(1)
	}
}
