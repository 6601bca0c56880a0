package signaling

import (
	"time"

	"sportello/sfu"
	"sportello/signaling/protocol"
)

// From where on a connection is weak or bad: speech repaired from redundancy
// bears about 5 % of loss, and half a second there and back makes people
// interrupt each other (ITU-T G.114).
const (
	weakLoss = 0.05
	badLoss  = 0.15
	weakRTT  = 500 * time.Millisecond
	badRTT   = time.Second
)

// gauge follows one session's connection, in its goroutine.
type gauge struct {
	told, seen protocol.Connection
}

// grade says how a connection fares: both ways, and what is sent on it.
func grade(peer string, ps sfu.PeerSurvey) protocol.Connection {
	return protocol.Connection{
		Peer: peer, Level: level(max(ps.Loss, ps.Upstream), ps.RTT), Sending: level(ps.Upstream, 0), Reduced: ps.Low > 0,
	}
}

func level(loss float64, rtt time.Duration) protocol.ConnectionLevel {
	switch {
	case loss > badLoss || rtt > badRTT:
		return protocol.ConnectionBad
	case loss > weakLoss || rtt > weakRTT:
		return protocol.ConnectionWeak
	}
	return protocol.ConnectionGood
}

// look takes in what was seen now; it is news once it was seen twice in a
// row, so that one burst makes nothing flicker.
func (g *gauge) look(now protocol.Connection) (news bool) {
	news = now == g.seen && now != g.told
	g.seen = now
	if news {
		g.told = now
	}
	return news
}

// measure looks at the connection, and tells the room of news.
func (x *session) measure() {
	x.s.mu.Lock()
	media, in := x.media, x.state == inRoom
	x.s.mu.Unlock()
	if !in || media == nil {
		return
	}
	ps, up := media.Survey()
	if !up {
		return
	}
	x.tellStatistics(media.Report())
	if x.gauge.told.Peer == "" {
		x.gauge.told = grade(x.name, sfu.PeerSurvey{})
	}
	if !x.gauge.look(grade(x.name, ps)) {
		return
	}
	news := x.gauge.told
	x.send(news)
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.connection = news
	for _, y := range x.room.inRoom() {
		if y != x {
			y.post(func() { y.send(news) })
		}
	}
}

// connectionsFor are those that a page which begins or resumes must know of. All
// else is good.
func (s *Server) connectionsFor(x *session) []protocol.Connection {
	var all []protocol.Connection
	for _, y := range x.room.inRoom() {
		if y.connection.Peer != "" {
			all = append(all, y.connection)
		}
	}
	return all
}

// tellStatistics says to the person alone how their own media fares, slot by slot.
func (x *session) tellStatistics(r sfu.Report) {
	if len(r.Sends)+len(r.Slots) > 0 {
		x.send(statisticsOf(r))
	}
}

func statisticsOf(r sfu.Report) protocol.Statistics {
	m := protocol.Statistics{
		RTT: r.RTT.Milliseconds(), Estimate: r.Estimate,
		Sends: make([]protocol.SendStatistics, 0, len(r.Sends)), Slots: make([]protocol.SlotStatistics, 0, len(r.Slots)),
	}
	sources, layers := sourceNames(), qualityNames()
	for _, s := range r.Sends {
		m.Sends = append(m.Sends, protocol.SendStatistics{
			Source: sources[s.Source], Layer: layers[s.Layer], Bitrate: s.Bitrate, Loss: s.Loss,
			Jitter: s.Jitter.Milliseconds(), Keyframes: s.Keyframes,
		})
	}
	for _, s := range r.Slots {
		m.Slots = append(m.Slots, protocol.SlotStatistics{
			Slot: s.Slot, Source: sources[s.Source], Layer: layers[s.Layer], Wanted: layers[s.Wanted],
			Bitrate: s.Bitrate, Loss: s.Loss, Jitter: s.Jitter.Milliseconds(), Keyframes: s.Keyframes, Freezes: s.Freezes,
		})
	}
	return m
}
