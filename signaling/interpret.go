package signaling

import (
	"slices"

	"sportello/signaling/protocol"
)

// An interpreter is who came by a link that was made for one, or whom a host
// says to be one; the host has the last word. It holds for the person, also when
// they come back, until the room is empty.

// interprets says whether somebody in the room interprets.
func (x *session) interprets() bool {
	if said, ok := x.room.interprets[x.grant.Identity]; ok {
		return said
	}
	return x.grant.Interpreter
}

// interpret takes a host's word on who interprets.
func (s *Server) interpret(r *room, m protocol.Interpret) error {
	y := r.find(m.Peer)
	if y == nil || y.state != inRoom {
		return faulty(protocol.CodeUnknownPeer)
	}
	if y.interprets() == m.On {
		return nil
	}
	r.interprets[y.grant.Identity] = m.On
	y.post(func() { y.setInterpreter(m.On) })
	s.interpretersChanged(r)
	return nil
}

// setInterpreter tells the media server, in the session's goroutine.
func (x *session) setInterpreter(on bool) {
	x.s.mu.Lock()
	media := x.media
	x.s.mu.Unlock()
	if media != nil {
		media.SetInterpreter(on)
	}
}

func (r *room) interpreters() protocol.Interpreters {
	var m protocol.Interpreters
	for _, x := range r.inRoom() {
		if x.interprets() {
			m.Peers = append(m.Peers, x.name)
		}
	}
	return m
}

// interpretersChanged follows every change of who is in a room, and tells all of
// it where that changes who interprets.
func (s *Server) interpretersChanged(r *room) bool {
	now := r.interpreters()
	if slices.Equal(now.Peers, r.toldInterpreters) {
		return false
	}
	r.toldInterpreters = now.Peers
	r.broadcast(now, nil)
	return true
}
