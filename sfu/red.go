package sfu

import (
	"time"

	"github.com/pion/rtp"
)

const (
	redBlocks = 4 // of one packet; browsers send two

	redOnAt, redOffAt = 0.04, 0.01 // of a voice's packets, lost
	redOnFor          = 2          // seconds in a row
	redOffFor         = 30 * time.Second
)

// redPacket is redundant audio (RFC 2198) taken apart: the voice of now, and
// again what the packets before it carried, the newest last.
type redPacket struct {
	primary []byte
	older   [redBlocks - 1]struct {
		back uint32 // of the timestamp, in clock units
		data []byte
	}
	n int // of older
}

// parseRED takes a packet apart; ok is false where it is cut short, has too many
// blocks or something else than Opus.
func parseRED(b []byte, opus uint8) (r redPacket, ok bool) {
	var sizes [redBlocks - 1]int
	for {
		switch {
		case len(b) == 0 || b[0]&0x7f != opus:
			return redPacket{}, false
		case b[0]&0x80 == 0:
			b = b[1:]
			for i := range r.n {
				if len(b) < sizes[i] {
					return redPacket{}, false
				}
				r.older[i].data, b = b[:sizes[i]], b[sizes[i]:]
			}
			r.primary = b
			return r, true
		case len(b) < 4 || r.n == len(sizes):
			return redPacket{}, false
		}
		r.older[r.n].back = uint32(b[1])<<6 | uint32(b[2])>>2
		sizes[r.n] = int(b[2]&3)<<8 | int(b[3])
		r.n, b = r.n+1, b[4:]
	}
}

// takeRED is take for redundant audio. What was lost of the packets before is
// taken from this one, each as if it had come by itself: so a voice is whole for
// everybody, also for those who are not sent the redundancy.
func (l *loop) takeRED(s *inStream, h *rtp.Header, seq int64, payload []byte) {
	s.log.mends = true
	r, ok := parseRED(payload, s.pts[codecVP8].pt)
	if !ok {
		l.count.refused.Add(1)
		return
	}
	for i := range r.n {
		old := &r.older[i]
		if len(old.data) == 0 {
			continue
		}
		if at, fresh := s.log.mend(uint16(seq - int64(r.n-i))); fresh { //nolint:gosec // modulo 2^16
			l.count.mended.Add(1)
			l.redHdr = rtp.Header{SSRC: h.SSRC, SequenceNumber: uint16(at), Timestamp: h.Timestamp - old.back} //nolint:gosec // modulo 2^16
			l.take(s, &l.redHdr, &packet{codec: codecVP8, seq: at, payload: old.data})
		}
	}
	l.take(s, h, &packet{codec: codecRED, seq: seq, payload: payload, opus: r.primary})
}

// plain is what viewers get who have not agreed to redundancy.
func (p *packet) plain() packet {
	one := *p
	one.codec, one.payload = codecVP8, p.opus
	return one
}

// takesRED says whether a viewer's section understands a publisher's redundancy:
// the packet names Opus by the publisher's payload type.
func (t *outTrack) takesRED(s *inStream) bool {
	return t.pts[codecRED].pt != 0 && t.pts[codecVP8].pt == s.pts[codecVP8].pt
}

// voiceGuard decides whether a voice should be sent with redundancy: while it is
// lost, on its way here or from here to somebody. It costs as much again as the
// voice, which is little beside a picture but not nothing.
type voiceGuard struct {
	on    bool
	lossy int       // seconds in a row
	calm  time.Time // since when nothing of account was lost
}

// judge takes the loss of the last second.
func (g *voiceGuard) judge(loss float64, now time.Time) (changed bool) {
	if loss >= redOnAt {
		g.lossy++
	} else {
		g.lossy = 0
	}
	if loss > redOffAt || g.calm.IsZero() {
		g.calm = now
	}
	want := g.on && now.Sub(g.calm) < redOffFor || g.lossy >= redOnFor
	changed = want != g.on
	g.on = want
	return changed
}

// guardVoice has a peer told how to send its voice; once a second.
func (l *loop) guardVoice(p *mediaPeer) {
	pub := p.pubs[Microphone]
	s := pub.layers[layerHigh]
	if s == nil || s.pts[codecRED].pt == 0 || !s.flows(l.now) {
		return
	}
	loss := float64(s.log.fraction) / 256
	for _, t := range pub.viewers {
		if t.cur == s && t.takesRED(s) {
			loss = max(loss, float64(t.lost)/256)
		}
	}
	if p.guard.judge(loss, l.now) {
		on := p.guard.on
		p.events.post(func(o Observer) { o.Voice(on) })
	}
}
