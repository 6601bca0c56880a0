package signaling

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"sportello/booking/token"
	"sportello/signaling/protocol"
)

// state is where a session stands.
type state uint8

const (
	waiting  state = iota // in the lobby
	entering              // admitted; the media server is being told
	inRoom
	gone
)

// maxOwed is how many messages that cannot be read off a later state are kept
// for a client that is away.
const maxOwed = 64

// session is one person's seat, in the lobby and then in the room. It outlives
// its socket.
type session struct {
	s     *Server
	id    uuid.UUID
	name  string // id as text: the protocol's session and peer
	grant token.Grant
	hash  token.Hash // of the grant's secret
	log   *slog.Logger
	after <-chan struct{} // the replaced session's end; nil if there was none

	ctx     context.Context
	cancel  context.CancelFunc
	mailbox chan func()
	done    chan struct{}
	beside  sync.WaitGroup // SDP exchanges

	// In the books, under Server.mu.
	room         *room
	state        state
	since        time.Time
	away         bool
	online       bool // has a socket
	mediaDown    bool
	device       protocol.DeviceCheck
	lang         string
	publications []protocol.Source
	media        MediaPeer // nil before inRoom
	connection   protocol.Connection
	told         protocol.Waiting

	// Of the session's goroutine alone.
	conn     *conn // nil while the socket is down
	pending  *conn // a new socket, until its snapshot is said
	over     bool
	seat     *time.Timer
	epoch    int // of the media connection; tells late callbacks of an older one
	failed   bool
	slots    map[int]string
	layers   *protocol.Layers
	codec    protocol.Codec
	speaking protocol.Speaking
	gauge    gauge
	paused   protocol.Paused
	offering bool
	next     func() // the offer that came while one was being answered
	owed     []protocol.ServerMessage
}

func (s *Server) newSession(r *room, g token.Grant, c *conn, join protocol.Join) *session {
	id := uuid.New()
	x := &session{
		s: s, id: id, name: id.String(), grant: g, hash: token.HashOf(join.Token), room: r,
		log:     s.cfg.Logger.With("room", r.id, "session", id.String()),
		mailbox: make(chan func(), s.cfg.Mailbox), done: make(chan struct{}),
		since: s.cfg.Now(), online: true, device: join.Device,
		conn: c, slots: map[int]string{},
	}
	x.ctx, x.cancel = context.WithCancel(s.ctx)
	x.seat = time.NewTimer(s.cfg.Seat)
	x.seat.Stop()
	return x
}

// post puts an event into the mailbox, and never blocks. A full mailbox ends
// the session: its goroutine is stuck, and dropping the event would leave the
// client with a state that is not the room's.
func (x *session) post(event func()) {
	select {
	case x.mailbox <- event:
	default:
		if x.ctx.Err() == nil {
			x.s.counts.overflowed.Add(1)
			x.log.Error("mailbox full: the session ends")
		}
		x.cancel()
	}
}

// deliver is post for the session's own socket: it waits, so that a client
// that sends fast is slowed down and not ended.
func (x *session) deliver(event func()) {
	select {
	case x.mailbox <- event:
	case <-x.done:
	}
}

func (x *session) run() {
	defer close(x.done)
	defer x.leave()
	look := time.NewTicker(x.s.cfg.Tick)
	defer look.Stop()
	for !x.over {
		select {
		case event := <-x.mailbox:
			event()
		case <-look.C:
			x.measure()
		case <-x.seat.C:
			x.log.Info("seat given up", "after", x.s.cfg.Seat)
			return
		case <-x.ctx.Done():
			return
		}
	}
}

// leave is the session's end, whatever led to it.
func (x *session) leave() {
	x.cancel()
	x.s.mu.Lock()
	x.s.remove(x)
	media := x.media
	x.media = nil
	x.s.mu.Unlock()
	if media != nil {
		media.Close()
	}
	x.beside.Wait()
	if x.conn != nil {
		x.conn.finish(websocket.StatusTryAgainLater, "") // after an end of its own: not read any more
	}
}

// send writes to the client, or keeps in mind what a later snapshot would not
// say.
func (x *session) send(m protocol.ServerMessage) {
	if x.conn != nil {
		x.conn.send(m)
		return
	}
	switch m.(type) {
	case protocol.Transfer, protocol.TransferEnded, protocol.FileDelivered, protocol.LobbyNotice:
		if len(x.owed) == maxOwed {
			x.log.Warn("too much missed: the seat is given up")
			x.over = true
			return
		}
		x.owed = append(x.owed, m)
	}
}

// attach takes a new socket up. The old one, if it still stands, belongs to
// the same page: it is closed without a word. The new one comes into use with
// the snapshot, so that what was posted before it is not said twice.
func (x *session) attach(c *conn, join protocol.Join) {
	if x.conn != nil {
		x.conn.finish(websocket.StatusNormalClosure, "resumed")
	}
	x.conn, x.pending = nil, c
	x.seat.Stop()
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.online, x.device = true, join.Device
	switch x.state {
	case waiting:
		m := x.s.waitingFor(x)
		x.post(func() { x.use(c, m) })
	case inRoom:
		m := x.s.joinedFor(x, join.Seen, true)
		x.post(func() { x.use(c, m) })
	case entering: // joined follows
		x.post(func() { x.use(c, nil) })
	case gone: // the end is in the mailbox, for this socket
		x.conn, x.pending = c, nil
		return
	}
	x.s.participantChanged(x)
	x.s.lobbyChanged(x.room)
}

func (x *session) use(c *conn, first protocol.ServerMessage) {
	if x.pending != c {
		return // closed, or replaced, meanwhile
	}
	x.conn, x.pending = c, nil
	if first != nil {
		x.send(first)
	}
	x.replay()
	owed := x.owed
	x.owed = nil
	for _, m := range owed {
		x.send(m)
	}
}

// detached hears that a socket has ended.
func (x *session) detached(c *conn) {
	if x.over || c != x.conn && c != x.pending {
		return
	}
	x.conn, x.pending = nil, nil
	x.seat.Reset(x.s.cfg.Seat)
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.state == gone {
		return
	}
	x.online = false
	x.s.participantChanged(x)
	x.s.lobbyChanged(x.room)
}

// finish tells the client that the session is over.
func (x *session) finish(m protocol.Ended) {
	if x.conn == nil {
		x.conn = x.pending
	}
	if x.conn != nil {
		x.conn.send(m)
		status := websocket.StatusNormalClosure
		if m.Reason == protocol.EndShutdown {
			status = websocket.StatusGoingAway
		}
		x.conn.finish(status, string(m.Reason))
	}
	x.over = true
}

// enter opens the media side and comes into the room.
func (x *session) enter() {
	if x.after != nil {
		// The media server must have let go of the replaced peer first.
		select {
		case <-x.after:
		case <-x.ctx.Done():
			return
		}
	}
	peer, err := x.s.cfg.Media.Join(x.room.id, x.name, &observer{x: x, epoch: x.epoch})
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if err != nil {
		x.log.Error("join the media room", "err", err)
		x.refusedByMedia()
		return
	}
	x.media = peer
	if x.state == gone {
		return // leave closes it
	}
	x.s.entered(x)
}

// refusedByMedia puts an admitted person back into the lobby; a host cannot
// wait there, and is told to try again.
func (x *session) refusedByMedia() {
	if x.state == gone {
		return
	}
	f := &fault{code: protocol.CodeUnavailable}
	if x.grant.Role == token.RoleHost {
		if x.conn != nil {
			x.conn.fail(f, false)
		}
		x.over = true
		return
	}
	if x.conn != nil {
		x.conn.fail(f, true)
	}
	delete(x.room.admitted, x.grant.Identity)
	x.state, x.told = waiting, protocol.Waiting{}
	x.s.lobbyChanged(x.room)
}

// replay says again what only this session's client was told.
func (x *session) replay() {
	for slot, peer := range x.slots {
		x.send(protocol.Assign{Slot: slot, Peer: peer})
	}
	if x.layers != nil {
		x.send(*x.layers)
	}
	if x.codec.Video != "" {
		x.send(x.codec)
	}
	if len(x.paused.Cameras)+len(x.paused.Screens) > 0 {
		x.send(x.paused)
	}
	if len(x.speaking.Peers) > 0 {
		x.send(x.speaking)
	}
	x.s.mu.Lock()
	all, signs := x.s.connectionsFor(x), x.room.interpreters()
	x.s.mu.Unlock()
	if len(signs.Peers) > 0 {
		x.send(signs)
	}
	for _, c := range all {
		x.send(c)
	}
}
