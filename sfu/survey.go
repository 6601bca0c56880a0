package sfu

import "time"

// Survey is how all rooms fare at one moment. It says of nobody who it is, so
// that it can go to those who watch the machine.
type Survey struct {
	// RoomSizes counts rooms by how many peers are in them.
	RoomSizes map[int]int
	// Peers holds those whose media connection is up, in no order.
	Peers []PeerSurvey
	// Streams are the SSRCs that publishers send. Tracks are the sections of
	// slots that carry something now; Low are those of a camera on its lower
	// layer though the viewer wants the higher.
	Streams, Tracks, Low int
	// Slots are those sections, in no order.
	Slots []SlotSurvey
	// Pictures are the cameras and screens that viewers want, by how they come.
	Pictures Pictures
}

// Pictures counts cameras and screens on their way to viewers.
type Pictures struct {
	Large, Small int // with all their frames
	// LargeThinned and SmallThinned come without their upper temporal layers.
	LargeThinned, SmallThinned int
	// Paused are held back, since the viewer's path has no room for them.
	Paused int
}

func (c *Pictures) add(t *outTrack) {
	switch low, thin := t.share.level.quality() == QualityLow, t.rw.cut > 0; {
	case t.share.level == 0:
		c.Paused++
	case t.cur == nil: // it has not begun
	case (low || t.cur.layer == layerLow) && thin:
		c.SmallThinned++
	case t.cur.layer == layerLow:
		c.Small++
	case thin:
		c.LargeThinned++
	default:
		c.Large++
	}
}

// SlotSurvey is how one section of somebody's slots fares.
type SlotSurvey struct {
	Source  Source
	Bitrate int     // bits of payload a second, over the last one
	Loss    float64 // as the browser last reported, before repair
	Jitter  time.Duration
}

// PeerSurvey is how one peer's media fares, as its browser last reported.
type PeerSurvey struct {
	RTT time.Duration
	// Loss is the worst of its tracks: the fraction of packets lost on the way
	// to it, before repair (RFC 3550, section 6.4.1).
	Loss float64
	// Upstream is the worst loss of what it sends, in the last second, before repair.
	Upstream float64
	// Estimate is what its link is thought to carry, in bit/s; 0 where it gives no
	// transport-wide feedback.
	Estimate float64
	// Jitter is the worst of its tracks.
	Jitter time.Duration
	// Low are its cameras on the lower layer though the higher is wanted.
	Low int
}

// Survey asks the loops; it costs about a microsecond for each peer. A closed
// SFU gives an empty one.
func (s *SFU) Survey() Survey {
	sv := Survey{RoomSizes: map[int]int{}}
	for _, l := range s.loops {
		l.call(func() {
			for r := range l.rooms {
				sv.RoomSizes[len(r.peers)]++
			}
			for _, p := range l.peers {
				sv.add(p, l.now)
			}
		})
	}
	return sv
}

func (sv *Survey) add(p *mediaPeer, now time.Time) {
	if !p.ready() {
		return
	}
	sv.Streams += len(p.streams)
	ps, tracks := p.survey(now)
	sv.Tracks += tracks
	sv.Low += ps.Low
	for _, t := range p.tracks {
		if t.cur != nil {
			sv.Slots = append(sv.Slots, t.survey())
		}
		if t.source.kind() != "video" {
			continue
		}
		if t.climb(now); t.steps.n > 0 {
			sv.Pictures.add(t)
		}
	}
	sv.Peers = append(sv.Peers, ps)
}

// survey is how the section fares at its viewer.
func (t *outTrack) survey() SlotSurvey {
	return SlotSurvey{
		Source: t.source, Bitrate: t.health.meter.rate, Loss: float64(t.lost) / 256, Jitter: ticks(t.jitter, t.rw.clock),
	}
}

// Survey is how this peer's media fares; ok is false while it has no connection.
func (p *Peer) Survey() (ps PeerSurvey, ok bool) {
	l := p.room.loop
	l.call(func() {
		if ok = p.media.ready(); ok {
			ps, _ = p.media.survey(l.now)
		}
	})
	return ps, ok
}

func (p *mediaPeer) survey(now time.Time) (ps PeerSurvey, tracks int) {
	ps.RTT = p.rtt
	if p.path != nil && p.path.heard {
		ps.Estimate = p.path.rate
	}
	for _, s := range p.streams {
		if !s.flows(now) {
			continue // its last second is long ago
		}
		ps.Upstream = max(ps.Upstream, float64(s.log.fraction)/256)
	}
	for _, t := range p.tracks {
		if t.cur == nil {
			continue
		}
		tracks++
		fares := t.survey()
		if t.source == Camera && t.quality == QualityHigh && t.cur.layer == layerLow {
			ps.Low++
		}
		ps.Loss = max(ps.Loss, fares.Loss)
		ps.Jitter = max(ps.Jitter, fares.Jitter)
	}
	return ps, tracks
}
