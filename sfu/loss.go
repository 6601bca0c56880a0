package sfu

import (
	"math"
	"time"

	"github.com/pion/rtcp"
)

const (
	missingMax  = 256 // holes kept of one stream
	nackTries   = 8
	nackLife    = time.Second
	nackFirst   = 5 * time.Millisecond // reordering, most likely
	nackRTTMin  = 20 * time.Millisecond
	seqJumpMax  = 256 // a bigger hole is a new start, not loss
	defaultRTT  = 100 * time.Millisecond
	maximumRTT  = time.Second
	rttSmoothed = 8
	jitterPause = 10 * time.Second
)

type hole struct {
	seq          int64
	since, asked time.Time
	tries        uint8
}

// receiveLog follows the sequence numbers of one incoming stream: what is
// missing and worth asking for, and what a receiver report has to say
// (RFC 3550, section 6.4.1 and appendix A.8).
type receiveLog struct {
	started        bool
	first, highest int64
	received       int64
	lastExpected   int64
	lastReceived   int64
	jitter         float64   // in clock units
	lastAt         time.Time // of the newest packet
	lastTS         uint32
	holes          []hole
	clock          uint32
	repairs        bool // ask for what is missing
	mends          bool // wait for what is missing, which later packets may hold
	lastSR         uint32
	lastSRAt       time.Time
	fraction       uint8 // lost of 256, between the last two reports
	gaveUp         bool  // a hole will stay: the decoder needs a keyframe
}

// note takes a packet that came in and returns its extended sequence number.
// fresh is false for one that was there already, or is no longer waited for:
// where repairs may come by another SSRC, SRTP's own replay protection cannot
// tell, and a number must never go out to a viewer with two contents.
func (l *receiveLog) note(seq uint16, ts uint32, now time.Time) (ext int64, fresh bool) {
	if !l.started {
		l.started = true
		// One cycle up, so that a packet from before the first stays positive.
		l.first = int64(seq) + 1<<16
		l.highest = l.first - 1
	}
	ext = extend(l.highest, seq)
	switch gap := ext - l.highest; {
	case gap <= 0:
		if fresh = l.fill(ext) || !l.repairs && !l.mends; fresh {
			l.received++
		}
		return ext, fresh
	case gap > seqJumpMax:
		l.holes = l.holes[:0]
		l.gaveUp = true
		l.highest = ext
	default:
		if l.repairs || l.mends {
			for s := l.highest + 1; s < ext; s++ {
				l.open(s, now)
			}
		}
		l.highest = ext
	}
	l.received++
	l.spread(ts, now)
	return ext, true
}

// spread follows the jitter (RFC 3550, section 6.4.1); a pause is none.
func (l *receiveLog) spread(ts uint32, now time.Time) {
	passed, step := now.Sub(l.lastAt), int32(ts-l.lastTS) //nolint:gosec // signed difference
	l.lastAt, l.lastTS = now, ts
	if l.received < 2 || passed > jitterPause {
		return
	}
	d := math.Abs(passed.Seconds()*float64(l.clock) - float64(step))
	if d < jitterPause.Seconds()*float64(l.clock) {
		l.jitter += (d - l.jitter) / 16
	}
}

// mend takes a packet that came as a repair: on another SSRC, or within a later one.
func (l *receiveLog) mend(seq uint16) (ext int64, fresh bool) {
	ext = extend(l.highest, seq)
	return ext, l.started && l.fill(ext)
}

func (l *receiveLog) open(seq int64, now time.Time) {
	if len(l.holes) == missingMax {
		l.holes = l.holes[:copy(l.holes, l.holes[1:])]
		l.gaveUp = true
	}
	l.holes = append(l.holes, hole{seq: seq, since: now})
}

func (l *receiveLog) fill(seq int64) bool {
	for i := range l.holes {
		if l.holes[i].seq == seq {
			l.holes = append(l.holes[:i], l.holes[i+1:]...)
			return true
		}
	}
	return false
}

// expire gives up holes that nothing can mend any more.
func (l *receiveLog) expire(now time.Time) {
	for len(l.holes) > 0 && now.Sub(l.holes[0].since) > nackLife {
		l.holes = append(l.holes[:0], l.holes[1:]...)
	}
}

// ask appends the sequence numbers to ask for now, and counts those given up.
func (l *receiveLog) ask(dst []uint16, rtt time.Duration, now time.Time) (due []uint16, lost int) {
	wait := max(rtt+rtt/4, nackRTTMin)
	kept := l.holes[:0]
	for _, h := range l.holes {
		if now.Sub(h.since) > nackLife || h.tries >= nackTries && now.Sub(h.asked) > wait {
			lost++
			continue
		}
		first := h.tries == 0 && now.Sub(h.since) >= nackFirst
		if h.tries < nackTries && (first || h.tries > 0 && now.Sub(h.asked) >= wait) {
			h.tries++
			h.asked = now
			dst = append(dst, uint16(h.seq)) //nolint:gosec // modulo 2^16
		}
		kept = append(kept, h)
	}
	l.holes = kept
	if lost > 0 {
		l.gaveUp = true
	}
	return dst, lost
}

// report fills a reception report block.
func (l *receiveLog) report(ssrc uint32, now time.Time) rtcp.ReceptionReport {
	expected := l.highest - l.first + 1
	total := max(0, expected-l.received)
	dExpected, dReceived := expected-l.lastExpected, l.received-l.lastReceived
	l.lastExpected, l.lastReceived = expected, l.received
	l.fraction = 0
	if lost := dExpected - dReceived; dExpected > 0 && lost > 0 {
		l.fraction = uint8(min(255, lost*256/dExpected)) //nolint:gosec // bounded
	}
	r := rtcp.ReceptionReport{
		SSRC: ssrc, FractionLost: l.fraction,
		TotalLost:          uint32(min(total, 0x7fffff)),
		LastSequenceNumber: uint32(l.highest - 1<<16), //nolint:gosec // modulo 2^32
		Jitter:             uint32(min(l.jitter, float64(1<<31))),
		LastSenderReport:   l.lastSR,
	}
	if l.lastSR != 0 {
		r.Delay = uint32(now.Sub(l.lastSRAt).Seconds() * 65536)
	}
	return r
}
