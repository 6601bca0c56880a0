package sfu

import (
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// segment is a stretch of one outgoing stream that came from one incoming
// stream by fixed offsets, less what was left out (thinning; see also stamp for
// the timestamps of a replay). A packet of it is the same payload whenever it is
// resent.
type segment struct {
	from        *inStream
	gen         uint32 // what it is called in thinning
	first, last int64  // outgoing sequence numbers, extended
	seq         int64  // outgoing = incoming + seq
	ts          uint32
	pic         uint16
	tl0         uint8
	hasteTo     int64  // incoming: up to here timestamps run faster; 0: nowhere
	hasteTS     uint32 // of the packet there
}

// spot is where a packet stands in the outgoing stream.
type spot struct {
	seg   *segment
	out   int64  // its number, extended
	pic   uint16 // what its picture id is shifted by
	empty bool   // the picture was left out; if its number was taken already, only that goes out
}

// keptSegments bounds how far back NACKs are answered across switches.
const keptSegments = 4

// rewriter makes one continuous RTP stream out of the packets of changing
// sources (RFC 7667, section 3.7: a media-switching mixer). It does no I/O.
type rewriter struct {
	clock   uint32
	started bool
	cut     uint8                 // temporal layers from this one up are left out; 0: none
	thin    *thinning             // nil where no picture has layers
	segs    [keptSegments]segment // newest first
	high    int64                 // highest incoming of the newest segment
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
	if p.desc.pic >= 0 {
		s.pic = r.lastPic + 1 - p.desc.picture(p.payload)
	}
	if p.desc.tl0 >= 0 {
		s.tl0 = r.lastTL0 + 1 - p.payload[p.desc.tl0]
	}
	if r.thin != nil {
		r.thin.anew(r.top())
		s.gen = r.thin.gen
	}
	copy(r.segs[1:], r.segs[:keptSegments-1])
	r.segs[0], r.high = s, p.seq-1
}

// top is the highest temporal layer that should go out.
func (r *rewriter) top() uint8 {
	if r.cut == 0 {
		return topAll
	}
	return r.cut - 1
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

// place finds the spot of a packet of the current segment; ok is false for one
// from before its start, whose number is taken, and for one that is left out.
func (r *rewriter) place(p *packet, now time.Time) (at spot, ok bool) {
	s := &r.segs[0]
	at = spot{seg: s, out: p.seq + s.seq, pic: s.pic}
	if at.out < s.first {
		return at, false
	}
	if r.thin == nil && p.desc.tid > 0 {
		r.thin = &thinning{}
		r.thin.anew(r.top())
		s.gen = r.thin.gen
	}
	if r.thin != nil && !r.thinned(&at, p) {
		return at, false
	}
	r.high = max(r.high, p.seq)
	if at.out <= r.lastSeq {
		return at, true
	}
	r.lastSeq, s.last = at.out, at.out
	r.lastTS, r.lastAt = s.stamp(p), now
	if p.desc.pic >= 0 && !at.empty {
		r.lastPic = p.desc.picture(p.payload) + at.pic
	}
	if p.desc.tl0 >= 0 {
		r.lastTL0 = p.payload[p.desc.tl0] + s.tl0
	}
	return at, true
}

// thinned leaves a packet out, or moves it up to where others were left out.
func (r *rewriter) thinned(at *spot, p *packet) bool {
	th := r.thin
	packets, pics := th.packets, th.pics
	late := p.seq <= r.high
	if late {
		var ok bool
		if packets, pics, ok = th.at(at.seg.gen, p.seq); !ok {
			return false
		}
	}
	at.empty = !th.keeps(p, r.top(), late)
	if at.empty && !late {
		th.leave(p, r.high)
		r.high = p.seq
		return false
	}
	at.out -= packets
	at.pic -= pics
	return true
}

// find says where the packet is that went out under a sequence number, and its
// own number; seg is nil where it is not known.
func (r *rewriter) find(seq uint16) (at spot, in int64) {
	out := extend(r.lastSeq, seq)
	for i := range r.segs {
		s := &r.segs[i]
		if s.from == nil || out < s.first || out > s.last {
			continue
		}
		at, in = spot{seg: s, out: out, pic: s.pic}, out-s.seq
		if s.gen > 0 {
			packets, pics, ok := r.thin.from(s.gen, in)
			if !ok {
				return spot{}, 0
			}
			in, at.pic = in+packets, at.pic-pics
		}
		return at, in
	}
	return spot{}, 0
}

// again is find and the packet itself, from the publisher's ring.
func (r *rewriter) again(seq uint16) (at spot, p *packet) {
	at, in := r.find(seq)
	if at.seg == nil || at.seg.from.ring == nil {
		return at, nil
	}
	if p = at.seg.from.ring.get(in); p == nil || at.seg.gen == 0 {
		return at, p
	}
	empty, ok := r.thin.emptied(at.seg.gen, p)
	if !ok {
		return at, nil
	}
	at.empty = empty
	return at, p
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

// compose writes the whole RTP packet that stands there and returns its length.
func (at *spot) compose(dst []byte, p *packet, h *outHeader) int {
	seq := uint16(at.out) //nolint:gosec // modulo 2^16
	n := h.write(dst, seq, at.seg.stamp(p))
	if h.repair {
		binary.BigEndian.PutUint16(dst[n:], seq)
		n += 2
	}
	if at.empty || len(p.payload) == 0 {
		return n
	}
	end := n + copy(dst[n:], p.payload)
	p.desc.shift(dst[n:end], at.pic, at.seg.tl0)
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
