package sfu

import "time"

// Report is how one peer's media fares. It is for that peer: it names others
// by slot only.
type Report struct {
	// RTT is the way there and back; 0 while no report of the browser told it.
	RTT time.Duration
	// Estimate is what the way to the peer is thought to carry, in bit/s; 0 where
	// nothing is known of it.
	Estimate int
	// Sends are the streams that come from the peer now, Slots what goes to it
	// now, both in the order of sources; an idle section is left out.
	Sends []SendReport
	Slots []SlotReport
}

// SendReport is one stream on its way from the peer.
type SendReport struct {
	Source Source
	// Layer is QualityLow for a camera's lower layer, else QualityHigh.
	Layer   Quality
	Bitrate int     // bits of payload a second, over the last one
	Loss    float64 // the fraction lost in the last second, before repair
	Jitter  time.Duration
	// Keyframes were asked of the browser since the stream began.
	Keyframes int
}

// SlotReport is one section of a receive slot on its way to the peer.
type SlotReport struct {
	Slot   int
	Source Source
	// Layer flows now, Wanted should: less is shown where the path or the
	// publisher has no more.
	Layer, Wanted Quality
	Bitrate       int     // bits of payload a second, over the last one
	Loss          float64 // as the browser last reported, before repair
	Jitter        time.Duration
	// Keyframes the browser asked for because it could not go on, and Freezes,
	// gaps of a camera that was on, count since the slot got its publisher. What
	// a browser freezes on though packets came, it alone knows.
	Keyframes, Freezes int
}

// meter measures the rate of a counter that may wrap.
type meter struct {
	was  uint32
	at   time.Time
	rate int // bits a second
}

func (m *meter) sample(octets uint32, now time.Time) {
	if passed := now.Sub(m.at); !m.at.IsZero() && passed > 0 {
		m.rate = int(float64(octets-m.was) * 8 / passed.Seconds())
	}
	m.was, m.at = octets, now
}

// health is what a track's viewer has had to bear.
type health struct {
	meter              meter
	sentAt             time.Time // zero where a pause is meant
	keyframes, freezes int
}

// sent notes a packet on its way, and a freeze where a camera's came late.
func (h *health) sent(video bool, now time.Time) (froze bool) {
	froze = video && !h.sentAt.IsZero() && now.Sub(h.sentAt) >= layerQuiet
	if froze {
		h.freezes++
	}
	h.sentAt = now
	return froze
}

// measure samples the rates of one peer, once a second.
func (p *mediaPeer) measure(now time.Time) {
	for _, s := range p.streams {
		s.meter.sample(s.octets, now)
	}
	for _, t := range p.tracks {
		t.health.meter.sample(t.octets, now)
	}
}

// Report asks the loop how the peer's media fares; it costs some microseconds.
// It is empty before the connection is up and after Close.
func (p *Peer) Report() Report {
	var r Report
	l := p.room.loop
	l.call(func() { r = p.media.report(time.Now()) })
	return r
}

func (p *mediaPeer) report(now time.Time) Report {
	var r Report
	if !p.ready() {
		return r
	}
	if p.rttKnown {
		r.RTT = p.rtt
	}
	if p.path != nil && p.path.heard {
		r.Estimate = int(p.path.rate)
	}
	for _, pub := range p.pubs {
		for _, s := range pub.layers {
			if s.flows(now) {
				r.Sends = append(r.Sends, SendReport{
					Source: pub.source, Layer: s.quality(), Bitrate: s.meter.rate, Loss: float64(s.log.fraction) / 256,
					Jitter: ticks(uint32(s.log.jitter), s.log.clock), Keyframes: s.asks,
				})
			}
		}
	}
	for i, slot := range p.slots {
		for _, t := range slot.tracks {
			if t == nil || t.cur == nil {
				continue
			}
			wanted := QualityHigh
			if t.source == Camera {
				wanted = t.quality
			}
			fares := t.survey()
			r.Slots = append(r.Slots, SlotReport{
				Slot: i, Source: t.source, Layer: t.cur.quality(), Wanted: wanted,
				Bitrate: fares.Bitrate, Loss: fares.Loss, Jitter: fares.Jitter,
				Keyframes: t.health.keyframes, Freezes: t.health.freezes,
			})
		}
	}
	return r
}

func (s *inStream) quality() Quality {
	if s.layer == layerLow {
		return QualityLow
	}
	return QualityHigh
}

// ticks turns RTP clock units into time.
func ticks(n, clock uint32) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(clock)
}
