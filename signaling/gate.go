package signaling

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/coder/websocket"

	"sportello/booking/token"
	"sportello/signaling/protocol"
)

// errTold is a join that was answered already: there is no session.
var errTold = errors.New("signaling: answered")

// welcome says hello and turns the first message into a seat.
func (s *Server) welcome(ctx context.Context, c *conn) (*session, error) {
	c.send(protocol.Hello{Version: protocol.Version, Limits: s.cfg.Limits, ICEServers: s.iceServers(ctx, c), VideoCodecs: s.cfg.VideoCodecs})
	// Not a context for the read: its end would cut the socket before the
	// error is told.
	late := time.AfterFunc(s.cfg.JoinTimeout, func() { c.fail(&fault{code: protocol.CodeJoinTimeout}, false) })
	m, _, err := c.read(ctx)
	if !late.Stop() {
		return nil, errTold
	}
	if err != nil {
		return nil, err
	}
	join, ok := m.(protocol.Join)
	if !ok {
		return nil, &fault{code: protocol.CodeBadMessage, ref: protocol.TypeOf(m)}
	}
	c.lang = or(join.Language, "it")
	join.Device.Camera = or(join.Device.Camera, protocol.DeviceUnknown)
	join.Device.Microphone = or(join.Device.Microphone, protocol.DeviceUnknown)
	if join.Version != protocol.Version {
		return nil, &fault{code: protocol.CodeVersion, ref: "join"}
	}
	var x *session
	if join.Resume != "" {
		x, err = s.resume(c, join)
	} else {
		x, err = s.admitToken(ctx, c, join)
	}
	var f *fault
	if errors.As(err, &f) {
		f.ref = "join"
		s.counts.refused.Add(1)
		s.cfg.Logger.InfoContext(ctx, "join refused", "code", string(f.code))
	}
	return x, err
}

// admitToken is the gate: nobody gets past it without a grant whose window is
// open.
func (s *Server) admitToken(ctx context.Context, c *conn, join protocol.Join) (*session, error) {
	tctx, cancel := context.WithTimeout(ctx, s.cfg.TokenTimeout)
	defer cancel()
	asked := s.cfg.Now()
	g, err := s.cfg.Tokens.Lookup(tctx, join.Token, asked)
	switch {
	case err == nil:
	case errors.Is(err, token.ErrDamaged):
		return nil, faulty(protocol.CodeTokenDamaged)
	case errors.Is(err, token.ErrUnknown):
		return nil, faulty(protocol.CodeTokenUnknown)
	case errors.Is(err, token.ErrCancelled):
		return nil, faulty(protocol.CodeCancelled)
	case errors.Is(err, token.ErrTooLate):
		return nil, faulty(protocol.CodeTooLate)
	case errors.Is(err, token.ErrTooEarly):
		return nil, &fault{code: protocol.CodeTooEarly, notBefore: &g.NotBefore}
	default:
		s.cfg.Logger.ErrorContext(ctx, "look a token up", "err", err)
		return nil, faulty(protocol.CodeUnavailable)
	}
	s.admitToRelay(c, &g)
	return s.seat(c, g, join, asked) //nolint:contextcheck // others are told in the server's time, not the socket's
}

// iceServers are those of everybody and the socket's own. A relay that fails
// is no reason to keep somebody out.
func (s *Server) iceServers(ctx context.Context, c *conn) []protocol.ICEServer {
	all := slices.Clone(s.cfg.ICEServers)
	if s.cfg.Relay == nil {
		return all
	}
	id, own, err := s.cfg.Relay.Issue()
	if err != nil {
		s.cfg.Logger.ErrorContext(ctx, "issue relay credentials", "err", err)
		return all
	}
	c.relay = id
	return append(all, own...)
}

// admitToRelay makes the socket's credentials good for as long as the call may
// last, before anything tells the client to use them.
func (s *Server) admitToRelay(c *conn, g *token.Grant) {
	if c.relay != "" {
		s.cfg.Relay.Admit(c.relay, g.Room+" "+g.Identity, g.NotAfter.Add(s.cfg.Overtime))
	}
}

// seat gives the bearer of a grant a new session: in the room for hosts and
// for who was admitted before, else in the lobby. A session of the same
// identity is replaced. The grant is as it was when it was asked after.
func (s *Server) seat(c *conn, g token.Grant, join protocol.Join, asked time.Time) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, faulty(protocol.CodeUnavailable)
	}
	if at, ok := s.revoked[token.HashOf(join.Token)]; ok && !at.Before(asked) {
		return nil, faulty(protocol.CodeCancelled)
	}
	r := s.rooms[g.Room]
	if r == nil {
		r = newRoom(g)
		s.rooms[g.Room] = r
	}
	s.update(r, g)
	r.elsewhere = false
	old := r.identity(g.Identity)
	direct := g.Role == token.RoleHost || r.admitted[g.Identity]
	if direct && (old == nil || old.state == waiting) && r.taken() >= s.cfg.Limits.Participants {
		return nil, faulty(protocol.CodeRoomFull)
	}
	x := s.newSession(r, g, c, join)
	x.lang = c.lang
	s.sessions[x.id] = x
	// The new seat first: the room is never empty between the two, which would
	// forget its chat.
	r.seats = append(r.seats, x)
	if direct {
		r.admitted[g.Identity] = true
		x.state = entering
		x.post(x.enter)
	}
	if old != nil {
		s.counts.replaced.Add(1)
		if old.state == waiting {
			x.since, x.away = old.since, old.away
		}
		x.after = old.done
		s.end(old, protocol.Ended{Reason: protocol.EndReplaced})
	}
	s.counts.joined.Add(1)
	s.tellJoin(r)
	s.wg.Go(x.run)
	s.lobbyChanged(r) // tells x, too, if it waits
	return x, nil
}

// resume gives a session a new socket.
func (s *Server) resume(c *conn, join protocol.Join) (*session, error) {
	id, ok := s.sealer.open(join.Resume)
	if !ok {
		return nil, faulty(protocol.CodeResumeLost)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.sessions[id]
	if x == nil {
		if v, ok := s.over[id]; ok {
			c.send(v.ended)
			c.finish(websocket.StatusNormalClosure, string(v.ended.Reason))
			return nil, errTold
		}
		return nil, faulty(protocol.CodeResumeLost)
	}
	s.counts.resumed.Add(1)
	s.admitToRelay(c, &x.grant)
	x.lang = c.lang
	x.post(func() { x.attach(c, join) })
	return x, nil
}
