package sfu

import (
	"encoding/binary"
	"maps"
	"time"

	"github.com/pion/rtp"
)

// rtp takes one packet from the wire to every viewer.
func (l *loop) rtp(p *mediaPeer, b []byte) {
	if len(b) < rtpHeader {
		l.count.refused.Add(1)
		return
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	s, repair := p.streams[ssrc], false
	if s == nil {
		s, repair = p.repairs[ssrc], true
	}
	if s == nil && !p.heard.may(ssrc) {
		l.count.refused.Add(1)
		return
	}
	plain, err := p.in.DecryptRTP(l.plain[:0], b, &l.hdr)
	if err != nil {
		l.count.refused.Add(1)
		return
	}
	h := &l.hdr
	payload, ok := payloadOf(plain, h)
	if !ok {
		l.count.refused.Add(1)
		return
	}
	l.count.received.Add(1)
	l.heardFrom(p)
	p.record(h, l.micros())
	if s == nil {
		p.heard.note(ssrc)
		if s, repair = l.admit(p, h); s == nil {
			l.count.refused.Add(1)
			return
		}
	}
	c, rtx, ok := s.pts.find(h.PayloadType)
	switch {
	case !ok || rtx != repair:
	case repair && len(payload) > 2:
		// RFC 4588, section 4: the number of the lost packet comes first.
		// Without a hole to fill it is padding in disguise, to probe the path.
		if seq, fresh := s.log.mend(uint16(payload[0])<<8 | uint16(payload[1])); fresh {
			l.take(s, h, &packet{codec: c, seq: seq, payload: payload[2:]})
		}
	case !repair && !s.affords(len(payload), l.now):
		l.count.refused.Add(1)
	case !repair:
		if seq, fresh := s.log.note(h.SequenceNumber, h.Timestamp, l.now); fresh {
			if c == codecRED {
				l.takeRED(s, h, seq, payload)
				return
			}
			l.take(s, h, &packet{codec: c, seq: seq, payload: payload})
		}
	}
}

// affords says whether a packet is within what a voice may take. Pictures are held
// to each viewer's path, but voices go to everybody.
func (s *inStream) affords(n int, now time.Time) bool {
	if s.video {
		return true
	}
	s.credit = min(s.credit+voiceMost/8*now.Sub(s.creditAt).Seconds(), voiceBurst)
	s.creditAt = now
	if s.credit < float64(n) {
		return false
	}
	s.credit -= float64(n)
	return true
}

// take stores and forwards a packet of a known stream: its codec, its number and
// what it carries are given.
func (l *loop) take(s *inStream, h *rtp.Header, pkt *packet) {
	quiet := !s.flows(l.now)
	s.lastAt = l.now
	size, c := len(pkt.payload), pkt.codec
	s.octets += uint32(size) //nolint:gosec // modulo 2^32
	pkt.ts, pkt.marker = h.Timestamp, h.Marker
	pkt.desc.pic, pkt.desc.tl0, pkt.desc.tid = -1, -1, -1
	if s.video && size > 0 {
		d, ok := c.parse(pkt.payload)
		if !ok {
			// Keep the number, drop the rest: a hole would be asked for for ever.
			pkt.payload = nil
		}
		pkt.desc = d
		if d.bare && s.sets {
			pkt.desc.key = false // what it belongs to began with its parameter sets
		}
		s.sets = s.sets || d.key && !d.bare
		if pkt.desc.key {
			s.keyWant, s.keySoon, s.keyCame, s.log.gaveUp = false, false, true, false
		}
	}
	s.taken[max(0, pkt.desc.tid)] += size + packetCost
	if s.ring != nil {
		s.ring.put(pkt)
	}
	if l.capture != nil {
		l.capture.note(s, h, pkt, l.now)
	}
	if s.pub.source == Microphone && s.exts.level != 0 {
		s.pub.peer.loud(h.GetExtension(s.exts.level), l.now)
	}
	if s.video && c != s.codec && pkt.seq == s.log.highest {
		l.changeCodec(s, c)
	}
	if !s.pub.on {
		return
	}
	for _, t := range s.pub.viewers {
		if quiet { // a layer came to life: it may be the better one
			l.retarget(t, l.now)
		}
		if c == codecRED && !t.takesRED(s) {
			one := pkt.plain()
			l.forward(t, s, &one)
			continue
		}
		l.forward(t, s, pkt)
	}
	if pkt.desc.key {
		s.key.keep(pkt.seq, l.now)
	}
}

// forward gives a packet to one viewer, if it carries that stream now.
func (l *loop) forward(t *outTrack, s *inStream, p *packet) {
	if !t.to.ready() {
		return
	}
	if t.pts[p.codec].pt == 0 { // until its publisher heeds what it was told
		l.count.unshown.Add(1)
		return
	}
	marker := p.marker
	if t.cur != s {
		if t.target != s || s.video && !p.desc.key || len(p.payload) == 0 {
			return
		}
		l.begin(t, s, p)
		marker = marker || !s.video           // RFC 3551, section 4.1: a new talkspurt
		if s.video && s.log.highest > p.seq { // what came before its keyframe
			l.deliverKept(t, s, p.seq)
			return
		}
	}
	at, ok := t.rw.place(p, l.now)
	if at.empty {
		l.count.thinned.Add(1)
	}
	if !ok {
		return // it came too late, or is left out
	}
	l.deliver(t, p, &at, marker && !at.empty)
}

// begin lets a track carry a stream from a packet on.
func (l *loop) begin(t *outTrack, s *inStream, p *packet) {
	t.rw.cut = t.cut(s)
	t.rw.begin(s, p, l.now)
	t.cur, t.codec = s, p.codec
	t.srAt = time.Time{} // a sender report soon, for lip-sync
	l.count.switches.Add(1)
}

// changeCodec notes that a publisher packs its pictures in another way from now
// on. Viewers go on with the next keyframe, if they can show it.
func (l *loop) changeCodec(s *inStream, c codec) {
	s.codec, s.sets, s.key = c, false, lastKey{}
	for _, t := range s.pub.viewers {
		if t.cur == s {
			t.cur = nil
		}
		t.target = t.choose(l.now) // no keyframe is asked for: the codec begins with one
	}
}

// deliver sends a packet for the first time.
func (l *loop) deliver(t *outTrack, p *packet, at *spot, marker bool) {
	if l.send(t, p, at, t.header(p, marker)) {
		l.count.forwarded.Add(1)
		t.packets++
		t.octets += uint32(len(p.payload)) //nolint:gosec // modulo 2^32
		if t.health.sent(t.source == Camera, l.now) {
			l.count.freezes.Add(1)
		}
	}
}

// send composes, encrypts in place and queues one packet.
func (l *loop) send(t *outTrack, p *packet, at *spot, h outHeader) bool {
	t.count(&h, len(p.payload), l.now)
	d := l.next()
	return l.seal(t.to, d, at.compose(d.buf[:mtu], p, &h))
}

// seal encrypts the n bytes written into a datagram and queues it.
func (l *loop) seal(to *mediaPeer, d *datagram, n int) bool {
	enc, err := to.out.EncryptRTP(d.buf[:0], d.buf[:n], &l.outHdr)
	if err != nil {
		l.count.sendErrors.Add(1)
		return false
	}
	l.queue(to, d, len(enc))
	return true
}

// count gives a packet its transport-wide number, where these were agreed.
func (t *outTrack) count(h *outHeader, size int, now time.Time) {
	if t.twcc != 0 && t.to.path != nil && !t.to.path.blind {
		h.twcc, h.counted = t.twcc, t.to.path.number(size+packetCost, now)
	}
}

// header is that of a packet sent for the first time.
func (t *outTrack) header(p *packet, marker bool) outHeader {
	return outHeader{ssrc: t.ssrc, pt: t.pts[p.codec].pt, marker: marker}
}

// payloadOf cuts header and padding off; pion has checked the header's lengths.
func payloadOf(b []byte, h *rtp.Header) ([]byte, bool) {
	n := rtpHeader + 4*int(b[0]&0x0f)
	if h.Extension {
		if len(b) < n+4 {
			return nil, false
		}
		n += 4 + 4*(int(b[n+2])<<8|int(b[n+3]))
	}
	end := len(b)
	if n > end {
		return nil, false
	}
	if h.Padding {
		if n == end {
			return nil, false
		}
		pad := int(b[end-1])
		if pad == 0 || pad > end-n {
			return nil, false
		}
		end -= pad
	}
	return b[n:end], true
}

// admit finds out what an unknown SSRC is: by the mid and rid it carries
// (RFC 8843, section 9.2; RFC 8852), else by what the offer declared.
func (l *loop) admit(p *mediaPeer, h *rtp.Header) (s *inStream, repair bool) {
	if len(p.streams)+len(p.repairs) >= p.maxSSRC {
		return nil, false
	}
	mid, rid, repaired := "", "", ""
	for m, sec := range p.sections { // ids are the same in one bundle
		if got := h.GetExtension(sec.exts.mid); sec.exts.mid != 0 && string(got) == m {
			mid, rid, repaired = m, string(h.GetExtension(sec.exts.rid)), string(h.GetExtension(sec.exts.repaired))
			break
		}
	}
	if mid == "" {
		mid = p.declared[h.SSRC]
	}
	sec, ok := p.sections[mid]
	_, rtx, known := sec.pts.find(h.PayloadType)
	switch {
	case !ok:
		return nil, false
	case known && !rtx:
		if layer, ok := sec.layer(rid); ok {
			return l.open(p, h.SSRC, &sec, layer), false
		}
	case known:
		if layer, ok := sec.layer(repaired); ok {
			if s := p.pubs[sec.source].layers[layer]; s != nil {
				p.repairs[h.SSRC] = s
				return s, true
			}
		}
	}
	return nil, false
}

// layer says which layer a rid names.
func (s *section) layer(rid string) (layer int, ok bool) {
	switch {
	case !s.simulcast:
		return layerHigh, rid == ""
	case rid == "l":
		return layerLow, true
	default:
		return layerHigh, rid == "h"
	}
}

// open begins a stream of a publication.
func (l *loop) open(p *mediaPeer, ssrc uint32, sec *section, layer int) *inStream {
	pub := p.pubs[sec.source]
	if old := pub.layers[layer]; old != nil {
		// The browser began the layer anew; the old SSRCs will not come back.
		delete(p.streams, old.ssrc)
		p.heard.end(old.ssrc)
		maps.DeleteFunc(p.repairs, func(_ uint32, s *inStream) bool { return s == old })
	}
	s := &inStream{pub: pub, ssrc: ssrc, layer: layer, pts: sec.pts, exts: sec.exts, video: sec.video}
	s.log.clock = 48000
	if s.video {
		size := ringHigh
		if layer == layerLow {
			size = ringLow
		}
		s.ring, s.log.clock, s.log.repairs = newRing(size), 90000, true
	}
	pub.layers[layer] = s
	p.streams[ssrc] = s
	for _, t := range pub.viewers {
		l.retarget(t, l.now)
	}
	return s
}

// record notes the arrival for transport-wide congestion control, whatever the
// packet is: browsers probe the path with RTX of streams that have not begun,
// and a probe not reported counts as lost. The time is in µs.
func (p *mediaPeer) record(h *rtp.Header, now int64) {
	if p.twccID == 0 {
		return
	}
	b := h.GetExtension(p.twccID)
	if len(b) != 2 {
		return
	}
	p.arrived.note(h.SSRC, uint16(b[0])<<8|uint16(b[1]), now)
}

// loud follows the audio level of RFC 6464: 0 is loudest, 127 is silence.
func (p *mediaPeer) loud(ext []byte, now time.Time) {
	if len(ext) < 1 {
		return
	}
	// Quick to rise and slow to fall, so that pauses between words do not count.
	pace := 16.0
	loudness := float64(127 - ext[0]&0x7f)
	if loudness > p.level {
		pace = 2
	}
	p.level += (loudness - p.level) / pace
	p.levelAt = now
}
