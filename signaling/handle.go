package signaling

import (
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/coder/websocket"

	"sportello/booking/token"
	"sportello/sfu"
	"sportello/signaling/protocol"
)

// handle serves one message of the client, in the session's goroutine.
func (x *session) handle(c *conn, m protocol.ClientMessage) {
	if x.conn != c || x.over {
		return // from a socket that another has replaced
	}
	err := x.serve(c, m)
	var f *fault
	if errors.As(err, &f) {
		c.fail(&fault{code: f.code, ref: protocol.TypeOf(m)}, true)
	}
}

func (x *session) serve(c *conn, m protocol.ClientMessage) error {
	switch m := m.(type) {
	case protocol.Ping:
		x.send(protocol.Pong(m))
	case protocol.Join:
		return faulty(protocol.CodeBadMessage)
	case protocol.Leave:
		c.finish(websocket.StatusNormalClosure, "left")
		x.over = true
	case protocol.Away:
		x.stepAway(m.Away)
	case protocol.Interpret, protocol.Admit, protocol.Refuse, protocol.LobbyMessage, protocol.Remove, protocol.End:
		return x.serveHost(m)
	default:
		return x.serveRoom(c, m)
	}
	return nil
}

func (x *session) stepAway(away bool) {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.state == waiting && x.away != away {
		x.away = away
		x.s.lobbyChanged(x.room)
	}
}

// serveHost serves what only a clerk may ask for.
func (x *session) serveHost(m protocol.ClientMessage) error {
	s, r := x.s, x.room
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.grant.Role != token.RoleHost {
		return faulty(protocol.CodeForbidden)
	}
	if x.state != inRoom {
		return faulty(protocol.CodeNotInRoom)
	}
	switch m := m.(type) {
	case protocol.Admit:
		return s.admit(r, m.Session)
	case protocol.Refuse:
		y := r.find(m.Session)
		if y == nil || y.state != waiting {
			return faulty(protocol.CodeUnknownPeer)
		}
		s.end(y, protocol.Ended{Reason: protocol.EndRefused, Text: m.Text})
	case protocol.LobbyMessage:
		y := r.find(m.Session)
		if y == nil || y.state != waiting {
			return faulty(protocol.CodeUnknownPeer)
		}
		note := protocol.LobbyNotice{From: x.grant.DisplayName, Text: m.Text, At: s.cfg.Now().UTC()}
		y.post(func() { y.send(note) })
	case protocol.Interpret:
		return s.interpret(r, m)
	case protocol.Remove:
		y := r.find(m.Peer)
		if y == nil || y.state == waiting || y == x {
			return faulty(protocol.CodeUnknownPeer)
		}
		delete(r.admitted, y.grant.Identity) // comes back through the lobby, if at all
		s.end(y, protocol.Ended{Reason: protocol.EndRemoved})
	case protocol.End:
		x.log.Info("ended by the host")
		s.endRoom(r, protocol.Ended{Reason: protocol.EndByHost})
	}
	return nil
}

// serveRoom serves what everybody in the room may ask for.
func (x *session) serveRoom(c *conn, m protocol.ClientMessage) error {
	s := x.s
	s.mu.Lock()
	in, media := x.state == inRoom, x.media
	s.mu.Unlock()
	if !in {
		return faulty(protocol.CodeNotInRoom)
	}
	switch m := m.(type) {
	case protocol.Offer:
		x.offer(c, m)
	case protocol.Publish:
		setPublishing(media, m.Source, m.On)
		x.publish(m)
	case protocol.View:
		//nolint:gosec // one of three, since it was decoded
		if err := media.SetQuality(m.Slot, sfu.Quality(slices.Index(qualityNames(), m.Quality))); err != nil {
			return faulty(protocol.CodeBadMessage)
		}
	case protocol.AcceptFile:
		return x.acceptFile(m)
	case protocol.CancelTransfer:
		x.cancelTransfer(m.Transfer)
	case protocol.WithdrawFile:
		s.mu.Lock()
		ended, err := s.withdrawFile(x, m.ID)
		s.mu.Unlock()
		x.cancelMedia(ended)
		return err
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		return x.serveBooks(m)
	}
	return nil
}

// serveBooks serves what touches the books alone, under their mutex.
func (x *session) serveBooks(m protocol.ClientMessage) error {
	switch m := m.(type) {
	case protocol.Chat:
		if utf8.RuneCountInString(m.Text) > x.s.cfg.Limits.ChatChars {
			return faulty(protocol.CodeTooLarge)
		}
		x.s.say(x, m)
	case protocol.OfferFile:
		return x.s.offerFile(x, m)
	case protocol.FileReceived:
		return x.s.fileReceived(x, m)
	}
	return nil
}

func (x *session) publish(m protocol.Publish) {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if slices.Contains(x.publications, m.Source) == m.On {
		return
	}
	if m.On {
		x.publications = append(x.publications, m.Source)
	} else {
		x.publications = slices.DeleteFunc(x.publications, func(p protocol.Source) bool { return p == m.Source })
	}
	x.s.participantChanged(x)
}

// setPublishing opens or shuts a source on the media side. Text has no gate
// there: its channel is open while it is on.
func setPublishing(media MediaPeer, s protocol.Source, on bool) {
	if of := slices.Index(sourceNames(), s); of >= 0 {
		media.SetPublishing(sfu.Source(of), on) //nolint:gosec // one of four
	}
}

// sourceNames are the protocol's names of the media server's sources, in their order.
func sourceNames() []protocol.Source {
	return []protocol.Source{
		sfu.Microphone: protocol.SourceMicrophone, sfu.Camera: protocol.SourceCamera,
		sfu.Screen: protocol.SourceScreen, sfu.ScreenAudio: protocol.SourceScreenAudio,
	}
}

// qualityNames are those of its qualities.
func qualityNames() []protocol.Quality {
	return []protocol.Quality{
		sfu.QualityNone: protocol.QualityNone, sfu.QualityLow: protocol.QualityLow, sfu.QualityHigh: protocol.QualityHigh,
	}
}

func offerOf(o protocol.Offer) sfu.Offer {
	out := sfu.Offer{SDP: o.SDP, Send: sfu.SendSections(o.Send)}
	for _, r := range o.Receive {
		out.Receive = append(out.Receive, sfu.SlotSections(r))
	}
	return out
}

func isBadOffer(err error) bool { return errors.Is(err, sfu.ErrBadOffer) }
