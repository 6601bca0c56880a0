package sfu

import "sync/atomic"

// Stats counts since New, but for Rooms, Peers and OverTCP, which are of now.
type Stats struct {
	Rooms, Peers int
	// OverTCP are peers whose media goes over TCP.
	OverTCP int
	// Received and Forwarded are RTP packets in and out.
	Received, Forwarded uint64
	// Resent answered a viewer's NACK; Unrepaired could not.
	Resent, Unrepaired uint64
	// NACKsSent are packets asked of publishers, Lost those given up.
	NACKsSent, Lost uint64
	// KeyframesAsked are PLIs sent to publishers.
	KeyframesAsked uint64
	// KeyframesWanted are viewers' own requests for one; Freezes are gaps of a
	// camera that was on, at a viewer.
	KeyframesWanted, Freezes uint64
	// Switches are changes of layer or source inside a slot.
	Switches uint64
	// Thinned are packets of upper temporal layers that a viewer's path had no
	// room for.
	Thinned uint64
	// Unshown were in a codec that their viewer does not have.
	Unshown uint64
	// Mended were lost packets of voices that later ones held again (RFC 2198).
	Mended uint64
	// Padded are packets of padding, sent to find out what a viewer's path carries.
	Padded uint64
	// Replayed are viewers who began with a keyframe that was kept.
	Replayed uint64
	// Unknown came from addresses that no peer has proved to be its own;
	// Refused failed authentication, were seen before, made no sense, or
	// belong to no stream, as the probes of an idle section.
	Unknown, Refused uint64
	// ControlDropped are STUN and DTLS packets for which a queue had no room.
	ControlDropped uint64
	// SendErrors are packets the socket did not take.
	SendErrors uint64
	// StreamsRefused are TCP connections that nobody proved to be a peer's, or
	// for which there was no room; StreamDropped are whole packets that a TCP
	// connection was too slow for.
	StreamsRefused, StreamDropped uint64
	// Blocked are SRTP packets that pion tried to send with the keys of the
	// loop. It must stay 0: anything else would reuse a nonce.
	Blocked uint64
	// TransferBytes were relayed from file to file.
	TransferBytes uint64
	// TextBytes are real-time text taken from those who type.
	TextBytes uint64
}

// counters are those of one loop.
type counters struct {
	received, forwarded, resent, unrepaired, nacks, lost, plis, viewerPLIs, freezes, switches, thinned, replayed, padded, unshown, mended,
	unknown, refused, controlDropped, sendErrors, blocked, transferBytes, textBytes,
	streamsRefused, streamDropped atomic.Uint64
	overTCP atomic.Int64
}

// addTo adds what was counted to a sum over loops.
func (c *counters) addTo(s *Stats) {
	s.Received += c.received.Load()
	s.Forwarded += c.forwarded.Load()
	s.Resent += c.resent.Load()
	s.Unrepaired += c.unrepaired.Load()
	s.NACKsSent += c.nacks.Load()
	s.Lost += c.lost.Load()
	s.KeyframesAsked += c.plis.Load()
	s.KeyframesWanted += c.viewerPLIs.Load()
	s.Freezes += c.freezes.Load()
	s.Switches += c.switches.Load()
	s.Thinned += c.thinned.Load()
	s.Replayed += c.replayed.Load()
	s.Padded += c.padded.Load()
	s.Unshown += c.unshown.Load()
	s.Mended += c.mended.Load()
	s.Unknown += c.unknown.Load()
	s.Refused += c.refused.Load()
	s.ControlDropped += c.controlDropped.Load()
	s.SendErrors += c.sendErrors.Load()
	s.Blocked += c.blocked.Load()
	s.OverTCP += int(c.overTCP.Load())
	s.StreamsRefused += c.streamsRefused.Load()
	s.StreamDropped += c.streamDropped.Load()
	s.TransferBytes += c.transferBytes.Load()
	s.TextBytes += c.textBytes.Load()
}
