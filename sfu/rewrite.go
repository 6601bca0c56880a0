package sfu

import (
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// segment is a stretch of one outgoing stream that came from one incoming
// stream by fixed offsets (but see stamp for the timestamps of a replay).
// A packet of it is the same payload whenever it is resent.
type segment struct {
	from        *inStream
	first, last int64 // outgoing sequence numbers, extended
	seq         int64 // outgoing = incoming + seq
	ts          uint32
	pic         uint16
	tl0         uint8
	hasteTo     int64  // outgoing: up to here timestamps run faster; 0: nowhere
	hasteTS     uint32 // incoming, of the packet there
}

// keptSegments bounds how far back NACKs are answered across switches.
const keptSegments = 4

// rewriter makes one continuous RTP stream out of the packets of changing
// sources (RFC 7667, section 3.7: a media-switching mixer). It does no I/O.
type rewriter struct {
	clock   uint32
	started bool
	segs    [keptSegments]segment // newest first
	lastSeq int64                 // highest outgoing, extended
	lastTS  uint32
	lastPic uint16
	lastTL0 uint8
	lastAt  time.Time
}

// begin starts a new segment with p, which for video opens a keyframe.
func (r *rewriter) begin(from *inStream, p *packet, now time.Time) {
	if !r.started {
		r.started = true
		// Below 2^15, so that an early reordering cannot confuse the receiver's
		// rollover counter (RFC 3711, section 3.3.1).
		r.lastSeq = int64(rand.IntN(1 << 15))                //nolint:gosec // not a secret
		r.lastTS = rand.Uint32()                             //nolint:gosec // not a secret
		r.lastPic = uint16(rand.IntN(1 << 15))               //nolint:gosec // not a secret
		r.lastAt = now.Add(-time.Second / 50)                // as if one frame ago
		r.lastSeq, r.lastTL0 = r.lastSeq+1, byte(rand.Int()) //nolint:gosec // not a secret
	}
	s := segment{from: from, seq: r.lastSeq + 1 - p.seq}
	s.first, s.last = r.lastSeq+1, r.lastSeq
	s.ts = r.timestampOffset(from, p, now)
	if p.vp8.pic >= 0 {
		s.pic = r.lastPic + 1 - p.vp8.picture(p.payload)
	}
	if p.vp8.tl0 >= 0 {
		s.tl0 = r.lastTL0 + 1 - p.payload[p.vp8.tl0]
	}
	copy(r.segs[1:], r.segs[:keptSegments-1])
	r.segs[0] = s
}

// timestampOffset aligns the new source with what the viewer has seen: by the
// sender reports where both sources are layers of one camera, else by the time
// that passed.
func (r *rewriter) timestampOffset(from *inStream, p *packet, now time.Time) uint32 {
	passed := uint32(max(1, int64(now.Sub(r.lastAt))*int64(r.clock)/int64(time.Second))) //nolint:gosec // modulo 2^32
	byTime := r.lastTS + passed - p.ts
	old := &r.segs[0]
	if old.from == nil || old.from.pub != from.pub || !old.from.sr.known || !from.sr.known {
		return byTime
	}
	ahead := int64(from.sr.ntp-old.from.sr.ntp) >> 16 * int64(r.clock) >> 16 //nolint:gosec // signed difference
	aligned := old.from.sr.rtp + uint32(ahead) + old.ts - from.sr.rtp        //nolint:gosec // modulo 2^32
	// Only where it moves forward, and not far from the clock on the wall.
	step := int32(p.ts + aligned - r.lastTS)                               //nolint:gosec // signed difference
	off := int32(aligned - byTime)                                         //nolint:gosec // signed difference
	if limit := int32(r.clock); step <= 0 || off > limit || off < -limit { //nolint:gosec // 90000
		return byTime
	}
	return aligned
}

// place gives the outgoing sequence number of a packet of the current segment;
// ok is false for one from before its start, whose number is taken.
func (r *rewriter) place(p *packet, now time.Time) (out int64, ok bool) {
	s := &r.segs[0]
	out = p.seq + s.seq
	if out < s.first {
		return 0, false
	}
	if out > r.lastSeq {
		r.lastSeq, s.last = out, out
		r.lastTS, r.lastAt = s.stamp(p, out), now
		if p.vp8.pic >= 0 {
			r.lastPic = p.vp8.picture(p.payload) + s.pic
		}
		if p.vp8.tl0 >= 0 {
			r.lastTL0 = p.payload[p.vp8.tl0] + s.tl0
		}
	}
	return out, true
}

// find says which packet of which source went out under a sequence number.
func (r *rewriter) find(seq uint16) (s *segment, in int64) {
	out := extend(r.lastSeq, seq)
	for i := range r.segs {
		s := &r.segs[i]
		if s.from != nil && out >= s.first && out <= s.last {
			return s, out - s.seq
		}
	}
	return nil, 0
}

// forget lets the sources go, when the slot is given to another.
func (r *rewriter) forget() { clear(r.segs[:]) }

// outHeader is what of a packet's header does not come from its segment.
type outHeader struct {
	ssrc    uint32
	pt      uint8
	marker  bool
	repair  bool   // as RTX (RFC 4588): the number it had goes before the payload
	seq     uint16 // of the repair
	twcc    uint8  // id of the transport-wide number's extension; 0: without
	counted uint16 // the transport-wide number
}

// compose writes a whole RTP packet of a segment and returns its length.
func (s *segment) compose(dst []byte, p *packet, out int64, h *outHeader) int {
	seq := uint16(out) //nolint:gosec // modulo 2^16
	n := h.write(dst, seq, s.stamp(p, out))
	if h.repair {
		binary.BigEndian.PutUint16(dst[n:], seq)
		n += 2
	}
	end := n + copy(dst[n:], p.payload)
	p.vp8.shift(dst[n:end], s.pic, s.tl0)
	return end
}

// write puts the header before whatever follows, and returns its length.
func (h *outHeader) write(dst []byte, seq uint16, ts uint32) int {
	dst[0], dst[1] = 0x80, h.pt
	if h.marker {
		dst[1] |= 0x80
	}
	if h.repair {
		seq = h.seq
	}
	binary.BigEndian.PutUint16(dst[2:], seq)
	binary.BigEndian.PutUint32(dst[4:], ts)
	binary.BigEndian.PutUint32(dst[8:], h.ssrc)
	if h.twcc == 0 {
		return rtpHeader
	}
	dst[0] |= 0x10 // RFC 8285, section 4.2: one element of two bytes, and padding
	binary.BigEndian.PutUint32(dst[12:], 0xBEDE0001)
	dst[16] = h.twcc<<4 | 1
	binary.BigEndian.PutUint16(dst[17:], h.counted)
	dst[19] = 0
	return rtpHeader + extHeader
}

const (
	rtpHeader = 12
	extHeader = 8
)
