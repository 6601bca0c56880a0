package signaling

import (
	"cmp"
	"slices"
	"time"

	"sportello/booking/token"
	"sportello/signaling/protocol"
)

// lobby lists who waits before the room, longest first.
func (r *room) lobby() []protocol.LobbyEntry {
	var list []protocol.LobbyEntry
	for _, x := range r.seats {
		if x.state == waiting {
			list = append(list, protocol.LobbyEntry{
				Session: x.name, Name: x.grant.DisplayName, Role: protocol.Role(x.grant.Role),
				Since: x.since.UTC(), Away: x.away, Online: x.online, Device: x.device,
			})
		}
	}
	slices.SortStableFunc(list, func(a, b protocol.LobbyEntry) int { return a.Since.Compare(b.Since) })
	return list
}

// lobbyChanged follows every change of who is in a room or before it: the
// hosts get the new list, the counter's queue its positions, the consoles the
// presence.
func (s *Server) lobbyChanged(r *room) {
	list := r.lobby()
	if !slices.Equal(list, r.shown) {
		r.shown = list
		for _, x := range r.inRoom() {
			if x.grant.Role == token.RoleHost {
				x.post(func() { x.send(protocol.Lobby{Waiting: list}) })
			}
		}
	}
	s.queueChanged(r.queue)
	s.publishPresence(r, false)
}

// queueChanged tells who waits in a counter's line what has changed for them.
func (s *Server) queueChanged(queue string) {
	for r := range s.queues[queue] {
		for _, x := range r.seats {
			if x.state == waiting {
				s.tellWaiting(x)
			}
		}
	}
}

// tellWaiting sends a waiting person their place, if it changed.
func (s *Server) tellWaiting(x *session) {
	if m := s.waitingFor(x); m != x.told {
		x.told = m
		x.post(func() { x.send(m) })
	}
}

func (s *Server) waitingFor(x *session) protocol.Waiting {
	position, wait := s.line(x.room)
	return protocol.Waiting{
		Session: x.name, Name: x.grant.DisplayName, Role: protocol.Role(x.grant.Role),
		Position: position, ExpectedWait: int(wait / time.Second), HostPresent: x.room.has(token.RoleHost),
		Resume: s.sealer.seal(x.id), Room: x.room.infoIn(x.lang),
	}
}

// line gives a room's place in its counter's queue and how long it may take.
// The line is one of appointments, not of people: who comes early does not
// overtake, and a citizen's interpreter takes no place. A call in progress
// counts with what is left of its time; the wait is in whole minutes, so that
// it does not change with every look.
func (s *Server) line(mine *room) (position int, wait time.Duration) {
	now := s.cfg.Now()
	position = 1
	for r := range s.queues[mine.queue] {
		switch {
		case r == mine:
		case r.busy():
			wait += max(r.info.EndsAt.Sub(now), 0)
		case r.waits() && r.before(mine):
			position++
			wait += r.info.EndsAt.Sub(r.info.StartsAt)
		}
	}
	wait = max(wait, mine.info.StartsAt.Sub(now))
	return position, (wait + time.Minute - 1).Truncate(time.Minute)
}

// busy says that a citizen is being served.
func (r *room) busy() bool { return r.has(token.RoleCitizen) && r.has(token.RoleHost) }

func (r *room) waits() bool {
	return slices.ContainsFunc(r.seats, func(x *session) bool { return x.state == waiting })
}

func (r *room) before(other *room) bool {
	return cmp.Or(r.info.StartsAt.Compare(other.info.StartsAt), cmp.Compare(r.id, other.id)) < 0
}

// admit lets a waiting person in.
func (s *Server) admit(r *room, name string) error {
	x := r.find(name)
	if x == nil || x.state != waiting {
		return faulty(protocol.CodeUnknownPeer)
	}
	if r.taken() >= s.cfg.Limits.Participants {
		return faulty(protocol.CodeRoomFull)
	}
	r.admitted[x.grant.Identity] = true
	x.state = entering
	x.post(x.enter)
	s.lobbyChanged(r)
	return nil
}
