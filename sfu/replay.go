package sfu

import "time"

const (
	replayFor  = keyThrottle // an older keyframe is asked for anew
	replayMost = 128         // packets sent at once to one viewer
	// replayPace divides the time that a replay shows: half a second of frames
	// is due within 31 ms, so that the viewer does not play it out at leisure.
	replayPace = 16
)

// lastKey is where a stream's last keyframe begins in the ring.
type lastKey struct {
	seq  int64
	at   time.Time
	kept bool
}

// keep remembers a keyframe that viewers may begin with.
func (k *lastKey) keep(seq int64, now time.Time) {
	if !k.kept || seq > k.seq {
		*k = lastKey{seq: seq, at: now, kept: true}
	}
}

// gate opens or shuts a publication. What was sent before a switch is for
// nobody who comes after it.
func (pub *publication) gate(on bool) {
	pub.on = on
	for _, s := range pub.layers {
		if s != nil {
			s.key = lastKey{}
		}
	}
}

// replayable says whether a viewer may begin with the last keyframe: it is
// young, and nothing that came since is missing. It returns the newest packet.
func (s *inStream) replayable(now time.Time) *packet {
	if !s.key.kept || s.ring == nil || now.Sub(s.key.at) > replayFor || s.log.highest-s.key.seq >= replayMost {
		return nil
	}
	var newest *packet
	for seq := s.key.seq; seq <= s.log.highest; seq++ {
		if newest = s.ring.get(seq); newest == nil {
			return nil
		}
	}
	return newest
}

// replay gives a viewer who sees nothing yet what the ring holds from the last
// keyframe on. The publisher is not asked, which would cost every viewer a
// keyframe, and which browsers ignore so soon after the last one.
func (l *loop) replay(t *outTrack, s *inStream) bool {
	newest := s.replayable(l.now)
	if newest == nil {
		return false
	}
	first := s.ring.get(s.key.seq)
	l.begin(t, s, first)
	for newest.desc.tid > int8(t.rw.top()) { //nolint:gosec // at most 3
		newest = s.ring.get(newest.seq - 1)
	}
	t.rw.hasten(first, newest)
	l.deliverKept(t, s, s.key.seq)
	l.count.replayed.Add(1)
	return true
}

// deliverKept sends what the ring has of a stream from a number on.
func (l *loop) deliverKept(t *outTrack, s *inStream, from int64) {
	for seq := from; seq <= s.log.highest; seq++ {
		if p := s.ring.get(seq); p != nil {
			if at, ok := t.rw.place(p, l.now); ok {
				l.deliver(t, p, &at, p.marker && !at.empty)
			}
		}
	}
}

// hasten makes the segment that begins with first catch up: the packets up to
// newest are shown in a fraction of their time, those after it in their own.
func (r *rewriter) hasten(first, newest *packet) {
	s := &r.segs[0]
	span := newest.ts - first.ts
	if int32(span) <= 0 { //nolint:gosec // signed difference
		return
	}
	s.hasteTo, s.hasteTS = newest.seq, newest.ts
	s.ts -= span - span/replayPace // the first packet keeps the time that begin gave it
}

// stamp is the outgoing timestamp of a packet: a function of the packet alone,
// so that a repair is the same bytes again.
func (s *segment) stamp(p *packet) uint32 {
	if p.seq <= s.hasteTo {
		if back := int32(s.hasteTS - p.ts); back > 0 { //nolint:gosec // signed difference
			return s.hasteTS + s.ts - uint32(back)/replayPace
		}
	}
	return p.ts + s.ts
}
