package sfu

import (
	"time"
)

const (
	probeTicks   = 5   // a tenth of a second
	probeStep    = 2.0 // never more than twice what is known
	probePadding = 255 // bytes, the most of one packet (RFC 3550, section 5.1)
	probeMost    = 48  // packets in one tick
	probeFirst   = time.Second
	probeAgain   = 500 * time.Millisecond // where the last one showed more
	probeAfter   = 2 * time.Second        // something was added
	probeRarest  = 30 * time.Second
	probeLeast   = 8 * time.Second // rarest, where a picture is not shown at all
)

// probe finds out whether a path that is not filled would carry more. RTX makes
// it harmless: padding there takes no number of a picture.
func (l *loop) probe(p *mediaPeer, missing float64) {
	e := p.path
	if e.probe.on || missing <= e.rate || e.trend.state != normal || e.loss > 0.05 || l.now.Before(p.probeAt) {
		return
	}
	if p.padding() == nil {
		return
	}
	if p.probed { // and what came of it
		if e.probe.found {
			p.probePause = probeAgain
		} else {
			rarest := probeRarest
			if len(p.saidPaused[0])+len(p.saidPaused[1]) > 0 {
				rarest = probeLeast
			}
			p.probePause = min(max(2*p.probePause, 2*probeFirst), rarest)
		}
		p.probed = false
		p.probeAt = later(p.probeAt, e.probe.from.Add(p.probePause))
		if l.now.Before(p.probeAt) {
			return
		}
	}
	p.probed = true
	e.beginProbe(min(missing*1.05, probeStep*max(e.rate, e.acked)), l.now)
}

// pad sends one tick's part of a probe.
func (l *loop) pad(p *mediaPeer) {
	e := p.path
	if e == nil || e.probe.ticks == 0 {
		return
	}
	t := p.padding()
	if t == nil {
		e.probe.ticks = 0
		return
	}
	size := rtpHeader + extHeader + probePadding
	bytes := (e.probe.rate - e.acked) * tickEvery.Seconds() / 8
	for n := 0; n < probeMost && bytes > 0; n++ {
		t.rtx.seq++
		h := outHeader{ssrc: t.rtx.ssrc, pt: t.pts[codecVP8].rtx, repair: true, seq: t.rtx.seq}
		t.count(&h, probePadding, l.now)
		d := l.next()
		at := h.write(d.buf[:mtu], 0, t.rw.lastTS)
		d.buf[0] |= 0x20
		clear(d.buf[at : at+probePadding])
		d.buf[at+probePadding-1] = probePadding
		l.seal(p, d, at+probePadding)
		l.count.padded.Add(1)
		bytes -= float64(size + packetCost - rtpHeader - extHeader)
	}
	e.probe.ticks--
}

// padding is a track on whose RTX stream padding may go.
func (p *mediaPeer) padding() *outTrack {
	var best *outTrack
	for _, t := range p.tracks {
		if t.rtx.ssrc != 0 && t.twcc != 0 && t.rw.started && (best == nil || t.ssrc < best.ssrc) {
			best = t
		}
	}
	return best
}
