package signaling

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"sportello/booking/token"
	"sportello/signaling/protocol"
)

// Server is the http.Handler of the WebSocket, and the books of every room and
// lobby on this node.
type Server struct {
	cfg      Config
	sealer   *sealer
	presence *publisher
	counts   counters
	node     string // of all processes on one Redis, this one

	ctx    context.Context // of every session; ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex // the books; see doc.go
	closing  bool
	rooms    map[string]*room
	queues   map[string]map[*room]struct{} // the same, by their counter's queue
	sessions map[uuid.UUID]*session
	over     map[uuid.UUID]verdict
	revoked  map[token.Hash]time.Time // of late: for the joins that are under way
	moved    map[string]time.Time     // when rooms were given up to another process
	perIP    map[string]int
}

// verdict is how a session ended, for the client that was not there to hear it.
type verdict struct {
	ended protocol.Ended
	at    time.Time
}

type counters struct {
	connections, refused, joined, resumed, replaced, overflowed atomic.Int64
}

// Stats is what a Server holds and has done.
type Stats struct {
	Rooms   int // with somebody in the room or in its lobby
	Waiting int
	InRoom  int

	Connections int64 // sockets accepted since the start
	Refused     int64 // joins that the gate refused
	Joined      int64 // sessions seated by a booking secret
	Resumed     int64 // sockets that took their seat up again
	Replaced    int64 // seats taken over by a newer join
	Overflowed  int64 // sessions ended because their mailbox was full
}

// New gives a running server; Close stops it.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, sealer: newSealer(), node: uuid.NewString(), moved: map[string]time.Time{},
		rooms: map[string]*room{}, queues: map[string]map[*room]struct{}{}, sessions: map[uuid.UUID]*session{},
		over: map[uuid.UUID]verdict{}, revoked: map[token.Hash]time.Time{}, perIP: map[string]int{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if cfg.Redis != nil {
		s.presence = newPublisher(NewPresence(cfg.Redis), cfg.Logger)
		s.wg.Go(func() { s.presence.run(s.ctx) })
		s.wg.Go(func() { s.heedJoins(s.ctx) })
	}
	s.wg.Go(s.tend)
	s.wg.Go(func() { s.heedRevocations(s.ctx) })
	return s, nil
}

// Stats takes the counters.
func (s *Server) Stats() Stats {
	st := Stats{
		Connections: s.counts.connections.Load(), Refused: s.counts.refused.Load(),
		Joined: s.counts.joined.Load(), Resumed: s.counts.resumed.Load(),
		Replaced: s.counts.replaced.Load(), Overflowed: s.counts.overflowed.Load(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		if len(r.seats) > 0 {
			st.Rooms++
		}
		for _, x := range r.seats {
			if x.state == waiting {
				st.Waiting++
			} else {
				st.InRoom++
			}
		}
	}
	return st
}

// Close tells everybody that the server stops, and waits until all sessions
// have ended or ctx has; then the rest is cut off.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	all := slices.Collect(maps.Values(s.sessions))
	for _, x := range all {
		s.end(x, protocol.Ended{Reason: protocol.EndShutdown})
	}
	s.mu.Unlock()

	gone := make(chan struct{})
	go func() {
		for _, x := range all {
			<-x.done
		}
		s.cancel()
		s.wg.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		s.cancel()
		<-gone
		return ctx.Err()
	}
}

// ServeHTTP upgrades and serves one socket until it closes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { //nolint:contextcheck // a hijacked socket outlives its request
	ip := s.cfg.ClientIP(r)
	if status := s.enter(ip); status != 0 {
		w.Header().Set("Retry-After", "5")
		http.Error(w, http.StatusText(status), status)
		return
	}
	defer s.exit(ip)
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		OriginPatterns:  s.cfg.AllowedOrigins,
		CompressionMode: websocket.CompressionNoContextTakeover,
	})
	if err != nil {
		return // Accept has answered
	}
	s.counts.connections.Add(1)
	// Not the request's context: it says nothing once the socket is hijacked.
	// It outlives s.ctx for a moment, so that the last frames go out.
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.ctx))
	defer cancel()
	c := newConn(ws, &s.cfg, cancel)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	stop := context.AfterFunc(s.ctx, func() { c.finish(websocket.StatusGoingAway, "") }) //nolint:contextcheck // the server's end, not the request's
	defer stop()
	written := make(chan struct{})
	beside.Go(func() { defer close(written); c.write(ctx) })
	beside.Go(func() { c.ping(ctx) })

	x, err := s.welcome(ctx, c) //nolint:contextcheck // as above
	if err != nil {
		var f *fault
		if errors.As(err, &f) {
			c.fail(f, false)
		}
		if f != nil || errors.Is(err, errTold) {
			s.drain(ctx, c, written) //nolint:contextcheck // as above
		}
		return
	}
	s.listen(ctx, c, x, written) //nolint:contextcheck // as above
}

// listen reads until the socket ends, and tells the session.
func (s *Server) listen(ctx context.Context, c *conn, x *session, written <-chan struct{}) {
	defer x.deliver(func() { x.detached(c) })
	for {
		m, broken, err := c.read(ctx)
		var f *fault
		switch {
		case errors.As(err, &f) && broken:
			// Said in turn, after what the session has still to say.
			x.deliver(func() {
				c.send(protocol.Error{Code: f.code, Message: textFor(f.code, c.lang), Fatal: true, Ref: f.ref})
				c.finish(websocket.StatusCode(f.code.CloseStatus()), string(f.code))
			})
			s.drain(ctx, c, written)
			return
		case errors.As(err, &f):
			x.deliver(func() { c.fail(f, true) })
		case err != nil:
			return
		default:
			x.deliver(func() { x.handle(c, m) }) //nolint:contextcheck // an SDP exchange is the session's, which outlives the socket
		}
	}
}

// drain reads on, without listening, until the writer has closed the socket:
// the close handshake needs a reader.
func (s *Server) drain(ctx context.Context, c *conn, written <-chan struct{}) {
	for range 1000 {
		_, r, err := c.ws.Reader(ctx)
		if err == nil {
			_, err = io.Copy(io.Discard, r) // it may be without end
		}
		if err != nil {
			break
		}
	}
	select {
	case <-written:
	case <-time.After(s.cfg.WriteTimeout):
	}
}

func (s *Server) enter(ip string) (status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return http.StatusServiceUnavailable
	}
	if s.perIP[ip] >= s.cfg.ConnectionsPerIP {
		return http.StatusTooManyRequests
	}
	s.perIP[ip]++
	s.wg.Add(1)
	return 0
}

func (s *Server) exit(ip string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.perIP[ip]--; s.perIP[ip] == 0 {
		delete(s.perIP, ip)
	}
	s.wg.Done()
}
