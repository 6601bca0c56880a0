package sfu

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"
)

const (
	heavyLoss   = 26 // of 256: one packet in ten
	heavyFor    = 2  // reports in a row
	lowFirst    = 10 * time.Second
	lowLongest  = 80 * time.Second
	nackPerRTCP = 64 // pairs answered of one packet
)

// rtcp hears what a peer says about the streams it sends and receives.
func (l *loop) rtcp(p *mediaPeer, b []byte) {
	ssrc := binary.BigEndian.Uint32(b[4:])
	if !p.reports.may(ssrc) {
		l.count.refused.Add(1)
		return
	}
	plain, err := p.in.DecryptRTCP(l.plain[:0], b, &l.rtcpHdr)
	if err != nil {
		l.count.refused.Add(1)
		return
	}
	p.reports.note(ssrc)
	l.heardFrom(p)
	for len(plain) > 0 {
		var pkt []byte
		if pkt, plain = nextRTCP(plain); pkt == nil {
			l.count.refused.Add(1)
			return
		}
		if pkt[1] == uint8(rtcp.TypeTransportSpecificFeedback) && pkt[0]&0x1f == rtcp.FormatTCC {
			if p.path != nil && !p.path.blind {
				p.path.feedback(pkt, p.rtt, l.now)
			}
			continue
		}
		all, err := rtcp.Unmarshal(pkt)
		if err != nil {
			l.count.refused.Add(1)
			return
		}
		for _, one := range all {
			l.hear(p, one)
		}
	}
}

// nextRTCP cuts the first packet off a compound one; nil where there is none whole.
func nextRTCP(b []byte) (pkt, rest []byte) {
	if len(b) < 4 {
		return nil, nil
	}
	n := 4 * ((int(b[2])<<8 | int(b[3])) + 1)
	if n > len(b) {
		return nil, nil
	}
	return b[:n], b[n:]
}

func (l *loop) hear(p *mediaPeer, pkt rtcp.Packet) {
	switch r := pkt.(type) {
	case *rtcp.SenderReport:
		if s := p.streams[r.SSRC]; s != nil {
			s.sr = senderReport{known: true, ntp: r.NTPTime, rtp: r.RTPTime, at: l.now}
			s.log.lastSR, s.log.lastSRAt = uint32(r.NTPTime>>16), l.now //nolint:gosec // middle 32 bits
		}
		l.reports(p, r.Reports)
	case *rtcp.ReceiverReport:
		l.reports(p, r.Reports)
	case *rtcp.PictureLossIndication:
		l.keyframe(p.tracks[r.MediaSSRC])
	case *rtcp.FullIntraRequest:
		for i := range r.FIR[:min(len(r.FIR), len(p.tracks))] {
			l.keyframe(p.tracks[r.FIR[i].SSRC])
		}
	case *rtcp.ReceiverEstimatedMaximumBitrate:
		if p.path != nil && p.path.blind {
			p.remb(r)
		}
	case *rtcp.TransportLayerNack:
		if t := p.tracks[r.MediaSSRC]; t != nil {
			l.resend(t, r.Nacks[:min(len(r.Nacks), nackPerRTCP)])
		}
	}
}

func (l *loop) keyframe(t *outTrack) {
	if t == nil || t.target == nil || !t.target.video {
		return
	}
	t.health.keyframes++
	l.count.viewerPLIs.Add(1)
	l.wantKeyframe(t.target, false)
}

// reports takes the round-trip time from a viewer's reports (RFC 3550, section
// 6.4.1), and turns to the low layer for a while where loss stays heavy.
func (l *loop) reports(p *mediaPeer, rs []rtcp.ReceptionReport) {
	for i := range rs {
		r := &rs[i]
		t := p.tracks[r.SSRC]
		if t == nil {
			continue
		}
		for _, sent := range t.srs {
			if r.LastSenderReport == 0 || sent.mid != r.LastSenderReport {
				continue
			}
			rtt := l.now.Sub(sent.at) - time.Duration(r.Delay)*time.Second/65536
			if rtt > 0 && rtt < maximumRTT {
				p.rtt += (rtt - p.rtt) / rttSmoothed
				p.rttKnown = true
			}
		}
		t.lost, t.jitter = r.FractionLost, r.Jitter
		t.missed(r.FractionLost)
		t.relieve(r.FractionLost, l.now)
	}
	if p.path != nil && p.path.blind {
		p.path.guess(p.sent(), l.now)
	}
}

func (t *outTrack) relieve(lost uint8, now time.Time) {
	if t.cur == nil || t.cur.layer != layerHigh || t.source != Camera || lost < heavyLoss {
		t.lossy = 0
		return
	}
	if t.lossy++; t.lossy < heavyFor {
		return
	}
	t.lossy = 0
	// Twice as long each time it did not help, and short again after a good time.
	if now.Sub(t.lowUntil) > lowLongest {
		t.lowFor = 0
	}
	t.lowFor = min(max(2*t.lowFor, lowFirst), lowLongest)
	t.lowUntil = now.Add(t.lowFor)
}
