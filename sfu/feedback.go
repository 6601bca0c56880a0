package sfu

import (
	"slices"
	"time"

	"github.com/pion/rtcp"
)

// ourSSRC is the sender of the loop's receiver-side RTCP. Nothing refers to it,
// so it may be the same everywhere.
const ourSSRC = 1

const (
	speechLevel   = 127 - 50 // louder than -50 dBov is speech
	speechHold    = 500 * time.Millisecond
	rtcpMax       = 1200
	resendsMax    = 512 // per track and slowEvery
	layersDownFor = 3 * time.Second
)

// tick does what time brings: repairs every 20 ms, choices, sender reports and
// congestion feedback every 100 ms, receiver reports every second.
func (l *loop) tick() {
	slow, long := !l.now.Before(l.nextSlow), !l.now.Before(l.nextLong)
	l.nextTick = l.now.Add(tickEvery)
	if slow {
		l.nextSlow = l.now.Add(slowEvery)
	}
	if long {
		l.nextLong = l.now.Add(longEvery)
	}
	for _, p := range l.peers {
		if slow {
			for _, s := range p.streams {
				s.measure(l.now)
			}
			l.layersOf(p)
		}
		if !p.ready() {
			continue
		}
		if long {
			p.measure(l.now)
			l.guardVoice(p)
		}
		l.share(p, slow)
		var out []rtcp.Packet
		for _, s := range p.streams {
			out = l.repair(out, p, s)
			if long && s.log.received > 0 {
				out = append(out, &rtcp.ReceiverReport{
					SSRC: ourSSRC, Reports: []rtcp.ReceptionReport{s.log.report(s.ssrc, l.now)},
				})
			}
		}
		if slow {
			out = l.follow(out, p)
		}
		l.sendRTCP(p, out)
		if slow {
			l.reportArrivals(p)
		}
	}
	if slow {
		for r := range l.rooms {
			r.listen(l.now)
		}
	}
}

// follow looks at what a viewer gets: whether it should be another layer, and
// whether a sender report is due.
func (l *loop) follow(out []rtcp.Packet, p *mediaPeer) []rtcp.Packet {
	p.sought = 0
	for _, t := range p.tracks {
		t.resends = 0
		l.retarget(t, l.now)
		if r := t.senderReport(l.now); r != nil {
			out = append(out, r)
		}
	}
	return out
}

// reportArrivals is the congestion feedback to a publisher.
func (l *loop) reportArrivals(p *mediaPeer) {
	for {
		b := p.arrived.report(l.plain[:0])
		if len(b) == 0 {
			return
		}
		l.sealRTCP(p, b)
	}
}

// repair asks a publisher for what is missing of a stream, and for a keyframe
// where that is hopeless or a viewer waits for one.
func (l *loop) repair(out []rtcp.Packet, p *mediaPeer, s *inStream) []rtcp.Packet {
	if !s.video {
		s.log.expire(l.now)
		return out
	}
	due, lost := s.log.ask(l.nacks[:0], p.rtt, l.now)
	if lost > 0 {
		l.count.lost.Add(uint64(lost))
	}
	if len(due) > 0 {
		l.count.nacks.Add(uint64(len(due)))
		out = append(out, &rtcp.TransportLayerNack{
			SenderSSRC: ourSSRC, MediaSSRC: s.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(due),
		})
	}
	if s.log.gaveUp {
		s.log.gaveUp = false
		s.keyWant = s.keyWant || len(s.pub.viewers) > 0
	}
	if s.keyDue(l.now) {
		l.askKeyframe(s)
		out = append(out, &rtcp.PictureLossIndication{SenderSSRC: ourSSRC, MediaSSRC: s.ssrc})
	}
	return out
}

// wantKeyframe asks at once if it may, else at a later tick. A newcomer is a
// viewer who sees nothing of the stream yet.
func (l *loop) wantKeyframe(s *inStream, newcomer bool) {
	if !s.pub.on {
		return
	}
	s.keyWant, s.keySoon = true, s.keySoon || newcomer
	p := s.pub.peer
	if !p.ready() || !s.keyDue(l.now) {
		return
	}
	l.askKeyframe(s)
	l.sendRTCP(p, []rtcp.Packet{&rtcp.PictureLossIndication{SenderSSRC: ourSSRC, MediaSSRC: s.ssrc}})
}

// keyDue says whether a keyframe is wanted and may be asked for. Newcomers get
// the one that is on its way, and wait for the throttle only if it does not
// come: there are no more of them than viewers. Decoders in trouble could ask
// for ever.
func (s *inStream) keyDue(now time.Time) bool {
	pause := keyThrottle
	if s.keySoon && s.keyCame {
		pause = keyAgain
	}
	return s.keyWant && now.Sub(s.keyAt) >= pause && s.flows(now)
}

func (l *loop) askKeyframe(s *inStream) {
	s.keyWant, s.keySoon, s.keyCame, s.keyAt = false, false, false, l.now
	s.asks++
	l.count.plis.Add(1)
}

// senderReport continues the publisher's own clock, so that its audio and
// video stay in step at the viewer; nil while it is not due or not known.
func (t *outTrack) senderReport(now time.Time) *rtcp.SenderReport {
	if t.cur == nil || !t.cur.sr.known || now.Sub(t.srAt) < longEvery {
		return nil
	}
	t.srAt = now
	sr := t.cur.sr
	passed := now.Sub(sr.at)
	ntp := sr.ntp + uint64(passed.Seconds()*(1<<32))
	clock := t.rw.clock
	ts := sr.rtp + uint32(int64(passed)*int64(clock)/int64(time.Second)) + t.rw.segs[0].ts //nolint:gosec // modulo 2^32
	t.srs[t.srNext%len(t.srs)] = sentReport{mid: uint32(ntp >> 16), at: now}               //nolint:gosec // middle 32 bits
	t.srNext++
	return &rtcp.SenderReport{SSRC: t.ssrc, NTPTime: ntp, RTPTime: ts, PacketCount: t.packets, OctetCount: t.octets}
}

// sendRTCP packs what fits into one datagram (RFC 5506 lets each stand alone).
func (l *loop) sendRTCP(p *mediaPeer, out []rtcp.Packet) {
	if !p.ready() {
		return
	}
	var buf []byte
	for i, pkt := range out {
		b, err := pkt.Marshal()
		if err != nil {
			l.log.Warn("RTCP not sent", "error", err)
			continue
		}
		buf = append(buf, b...)
		if i+1 < len(out) && len(buf)+out[i+1].MarshalSize() <= rtcpMax {
			continue
		}
		l.sealRTCP(p, buf)
		buf = buf[:0]
	}
	if len(buf) > 0 {
		l.sealRTCP(p, buf)
	}
}

func (l *loop) sealRTCP(p *mediaPeer, b []byte) {
	d := l.next()
	enc, err := p.out.EncryptRTCP(d.buf[:0:mtu], b, &l.rtcpHdr)
	if err != nil || len(enc) > mtu {
		l.count.sendErrors.Add(1)
		return
	}
	l.queue(p, d, len(enc))
}

// layersOf tells a publisher which layers are watched: more at once, fewer
// only when it has been so for a while, since an encoder starts slowly.
func (l *loop) layersOf(p *mediaPeer) {
	n := p.layersWatched(l.now)
	if n != p.calc {
		p.calc, p.calcSince = n, l.now
	}
	if n == p.told || n < p.told && l.now.Sub(p.calcSince) < layersDownFor {
		return
	}
	p.told = n
	p.events.post(func(o Observer) { o.Layers(n.rids()) })
}

// listen tells the peers of a room who speaks, when it changes.
func (r *mediaRoom) listen(now time.Time) {
	var loud []*mediaPeer
	for _, p := range r.peers {
		if p.pubs[Microphone].on && p.level > speechLevel && now.Sub(p.levelAt) < speechHold {
			loud = append(loud, p)
		}
	}
	slices.SortStableFunc(loud, func(a, b *mediaPeer) int { return int(b.level - a.level) })
	ids := make([]string, len(loud))
	for i, p := range loud {
		ids[i] = p.id
	}
	if slices.Equal(ids, r.speaking) {
		return
	}
	r.speaking = ids
	for _, p := range r.peers {
		p.events.post(func(o Observer) { o.Speaking(slices.Clone(ids)) })
	}
}
