package signaling

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"sportello/booking/token"
	"sportello/signaling/protocol"
)

// maxChat is how many lines a room remembers for who comes later.
const maxChat = 500

// room is an appointment's room and the lobby before it. It is part of the
// books: everything here is under Server.mu.
type room struct {
	id          string
	appointment string
	queue       string
	info        protocol.RoomInfo // in Italian
	officeEN    string
	serviceEN   string
	notAfter    time.Time // the latest of its grants

	seats     []*session // in the order of their coming
	admitted  map[string]bool
	seq       int64
	chat      []chatLine
	files     []file
	transfers map[string]*transfer
	shown     []protocol.LobbyEntry // to the hosts
	// By identity, what a host said; and who was last told to interpret.
	interprets       map[string]bool
	toldInterpreters []string
	elsewhere        bool           // it was given up: another process tells its presence
	told             []time.Time    // news of who joined here that are on their way to all processes
	presence         *PresenceState // as it was last published, and when
	published        time.Time
}

type chatLine struct {
	protocol.ChatLine
	identity string
}

func newRoom(g token.Grant) *room {
	return &room{
		id: g.Room, appointment: g.Appointment,
		admitted: map[string]bool{}, transfers: map[string]*transfer{}, interprets: map[string]bool{},
	}
}

// update takes the newest grant's word on what a rescheduling may have moved.
func (s *Server) update(r *room, g token.Grant) {
	s.unqueue(r)
	r.queue = g.Queue
	if s.queues[r.queue] == nil {
		s.queues[r.queue] = map[*room]struct{}{}
	}
	s.queues[r.queue][r] = struct{}{}
	r.info = protocol.RoomInfo{Office: g.Office, Service: g.Service, StartsAt: g.StartsAt, EndsAt: g.EndsAt}
	r.officeEN, r.serviceEN = g.OfficeEN, g.ServiceEN
	if g.NotAfter.After(r.notAfter) {
		r.notAfter = g.NotAfter
	}
}

// unqueue takes a room out of its counter's queue.
func (s *Server) unqueue(r *room) {
	delete(s.queues[r.queue], r)
	if len(s.queues[r.queue]) == 0 {
		delete(s.queues, r.queue)
	}
}

// infoIn is what the room is about, in a language; names that have no English
// stay Italian.
func (r *room) infoIn(lang string) protocol.RoomInfo {
	info := r.info
	if lang == "en" {
		info.Office = cmp.Or(r.officeEN, info.Office)
		info.Service = cmp.Or(r.serviceEN, info.Service)
	}
	return info
}

func (r *room) identity(id string) *session {
	for _, x := range r.seats {
		if x.grant.Identity == id {
			return x
		}
	}
	return nil
}

func (r *room) find(name string) *session {
	for _, x := range r.seats {
		if x.name == name {
			return x
		}
	}
	return nil
}

// taken counts the places in the room, not in its lobby.
func (r *room) taken() int {
	n := 0
	for _, x := range r.seats {
		if x.state != waiting {
			n++
		}
	}
	return n
}

func (r *room) has(role token.Role) bool {
	return slices.ContainsFunc(r.seats, func(x *session) bool { return x.state == inRoom && x.grant.Role == role })
}

func (r *room) inRoom() []*session {
	var in []*session
	for _, x := range r.seats {
		if x.state == inRoom {
			in = append(in, x)
		}
	}
	return in
}

// broadcast posts m to everybody in the room but one.
func (r *room) broadcast(m protocol.ServerMessage, but *session) {
	for _, x := range r.inRoom() {
		if x != but {
			x.post(func() { x.send(m) })
		}
	}
}

func (x *session) participant() protocol.Participant {
	p := protocol.Participant{
		Peer: x.name, Name: x.grant.DisplayName, Role: protocol.Role(x.grant.Role),
		State: protocol.StateConnected, Publications: slices.Clone(x.publications),
	}
	if !x.online || x.mediaDown {
		p.State = protocol.StateReconnecting
	}
	return p
}

// participantChanged tells the others in the room how x is.
func (s *Server) participantChanged(x *session) {
	if x.state == inRoom {
		x.room.broadcast(x.participant(), x)
	}
}

// entered takes x into the room, and tells it and the others.
func (s *Server) entered(x *session) {
	r := x.room
	x.state = inRoom
	s.participantChanged(x)
	joined := s.joinedFor(x, 0, false)
	others := s.connectionsFor(x)
	x.post(func() {
		x.send(joined)
		for _, c := range others {
			x.send(c)
		}
	})
	if x.interprets() {
		x.post(func() { x.setInterpreter(true) })
	}
	if signs := r.interpreters(); !s.interpretersChanged(r) && len(signs.Peers) > 0 {
		x.post(func() { x.send(signs) })
	}
	s.lobbyChanged(r)
	x.log.Info("in the room", "role", string(x.grant.Role), "participants", len(r.inRoom()))
}

// joinedFor is the room as x sees it now.
func (s *Server) joinedFor(x *session, seen int64, resumed bool) protocol.Joined {
	r := x.room
	j := protocol.Joined{
		Peer: x.name, Name: x.grant.DisplayName, Role: protocol.Role(x.grant.Role),
		Resume: s.sealer.seal(x.id), Resumed: resumed, Room: r.infoIn(x.lang),
	}
	for _, other := range r.inRoom() {
		if other != x {
			j.Participants = append(j.Participants, other.participant())
		}
	}
	if x.grant.Role == token.RoleHost {
		j.Lobby = r.lobby()
	}
	for _, l := range r.chat {
		if l.Seq > seen {
			j.Chat = append(j.Chat, l.ChatLine)
		}
	}
	for _, f := range r.files {
		j.Files = append(j.Files, f.FileOffered)
	}
	return j
}

// say adds a line to the chat, once: a client that is not sure whether a line
// arrived sends it again.
func (s *Server) say(x *session, m protocol.Chat) {
	r := x.room
	for _, l := range r.chat {
		if l.ID == m.ID && l.identity == x.grant.Identity {
			x.post(func() { x.send(l.ChatLine) })
			return
		}
	}
	r.seq++
	line := protocol.ChatLine{
		Seq: r.seq, ID: m.ID, Peer: x.name, Name: x.grant.DisplayName, Text: m.Text, At: s.cfg.Now().UTC(),
	}
	r.chat = append(r.chat, chatLine{line, x.grant.Identity})
	if len(r.chat) > maxChat {
		r.chat = slices.Clone(r.chat[len(r.chat)-maxChat:])
	}
	r.broadcast(line, nil)
}

// end takes x out of the books and tells its client why: now, or when it comes
// back with its resume secret.
func (s *Server) end(x *session, why protocol.Ended) {
	if x.state == gone {
		return
	}
	s.remove(x)
	s.remember(x.id, why)
	x.post(func() { x.finish(why) })
}

// maxOver is how many ends are remembered; who comes back to one that is not joins
// with the booking secret, and hears then how it is.
const maxOver = 1 << 14

// remember keeps the end of a session for a client that was not there to hear it.
// Where somebody joins without end, some others are forgotten early.
func (s *Server) remember(id uuid.UUID, why protocol.Ended) {
	for other := range s.over {
		if len(s.over) < maxOver {
			break
		}
		delete(s.over, other)
	}
	s.over[id] = verdict{why, s.cfg.Now()}
}

// remove takes x out of the books; it may be out already.
func (s *Server) remove(x *session) {
	if x.state == gone {
		return
	}
	was, r := x.state, x.room
	x.state = gone
	delete(s.sessions, x.id)
	r.seats = slices.DeleteFunc(r.seats, func(y *session) bool { return y == x })
	if was == inRoom {
		s.withdrawFilesOf(x)
		r.broadcast(protocol.Left{Peer: x.name}, nil)
		s.interpretersChanged(r)
	}
	if r.taken() == 0 { // nobody is left to whom it was said
		r.chat, r.files = nil, nil
		clear(r.transfers)
		clear(r.interprets)
	}
	s.lobbyChanged(r)
}

// endRoom ends it for everybody in it and before it.
func (s *Server) endRoom(r *room, why protocol.Ended) {
	clear(r.admitted)
	for _, x := range slices.Clone(r.seats) {
		s.end(x, why)
	}
}

// tend looks after time: grants that end, waits that grow shorter, presence
// that would expire.
func (s *Server) tend() {
	t := time.NewTicker(s.cfg.Tick)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
			s.mu.Lock()
			s.expire(s.cfg.Now())
			s.mu.Unlock()
		}
	}
}

func (s *Server) expire(now time.Time) {
	queues := map[string]bool{}
	for id, r := range s.rooms {
		over := now.After(r.notAfter.Add(s.cfg.Overtime))
		for _, x := range slices.Clone(r.seats) {
			// Who still waits when the window closes waits on if a clerk is
			// there: it is the clerk who is late.
			late := x.state == waiting && now.After(x.grant.NotAfter) && !r.has(token.RoleHost)
			if over || late {
				s.end(x, protocol.Ended{Reason: protocol.EndExpired})
			}
		}
		if len(r.seats) == 0 && (over || len(r.admitted) == 0) {
			delete(s.rooms, id)
			s.unqueue(r)
			continue
		}
		queues[r.queue] = true
		if len(r.seats) > 0 {
			s.publishPresence(r, true)
		}
	}
	for q := range queues {
		s.queueChanged(q)
	}
	s.forgetRevocations(now)
	s.forgetMoves(now)
	for id, v := range s.over {
		if now.Sub(v.at) > time.Hour {
			delete(s.over, id)
		}
	}
}
