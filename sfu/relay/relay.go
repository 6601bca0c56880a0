package relay

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
)

const (
	realm = "sportello"
	// credentialLife bounds what no grant has shortened yet.
	credentialLife = 12 * time.Hour
	// closeTime bounds the wait for allocations to end.
	closeTime = 5 * time.Second
	// bufferSize of the sockets: bursts of keyframes must fit.
	bufferSize = 1 << 20
)

// Config says where the relay listens and whom it serves.
type Config struct {
	// Host and Port are where it listens, UDP and TCP; port 0 takes any free one.
	Host string
	Port int
	// TLS serves TLS on the TCP port too; nil does not.
	TLS *tls.Config
	// Media is the media server as browsers know it: at most one address of each
	// family, with all its ports. Nothing else is relayed to.
	Media []netip.AddrPort
	// PerUser and Total limit allocations; 4 and 2000.
	PerUser, Total int
	Now            func() time.Time // time.Now
	Logger         *slog.Logger
}

// Stats is what the relay holds and has done.
type Stats struct {
	Allocations int
	// Refused are allocations over a limit and permissions for other addresses;
	// Stray are packets to or from other ports, which went nowhere.
	Refused, Stray uint64
}

// Credentials let one browser ask for a relay, once they are admitted.
type Credentials struct{ ID, Username, Password string }

// Server is a running relay.
type Server struct {
	cfg     Config
	secret  string
	turn    *turn.Server
	port    int
	books   books
	sockets *sockets
}

// New opens the port and serves until Close.
func New(cfg Config) (*Server, error) {
	if cfg.PerUser == 0 {
		cfg.PerUser = 4
	}
	if cfg.Total == 0 {
		cfg.Total = 2000
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	// The secret is of this start alone: the browsers' sockets, over which they
	// get their credentials, do not outlive it either.
	s := &Server{cfg: cfg, secret: rand.Text()}
	s.books = books{perUser: cfg.PerUser, total: cfg.Total, users: map[string]int{}, admitted: map[string]admission{}}
	routes, err := routesTo(cfg.Media)
	if err != nil {
		return nil, err
	}
	udp, tcp, err := listenBoth(cfg.Host, cfg.Port)
	if err != nil {
		return nil, err
	}
	if a, ok := tcp.Addr().(*net.TCPAddr); ok {
		s.port = a.Port
	}
	s.sockets = &sockets{routes: routes, books: &s.books, open: map[netip.AddrPort]netip.AddrPort{}}
	quiet := logging.NewDefaultLoggerFactory() // its texts hold addresses
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	s.turn, err = turn.NewServer(turn.ServerConfig{
		Realm: realm, AuthHandler: s.authenticate(quiet.NewLogger("turn")), LoggerFactory: quiet,
		QuotaHandler: func(user, _ string, _ net.Addr) bool { return s.books.mayAllocate(user) },
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn: udp, RelayAddressGenerator: s.sockets, PermissionHandler: s.sockets.permits,
		}},
		ListenerConfigs: []turn.ListenerConfig{{
			Listener:              &listener{Listener: tcp, tls: cfg.TLS, most: 2 * cfg.Total, open: map[*conn]struct{}{}},
			RelayAddressGenerator: s.sockets, PermissionHandler: s.sockets.permits,
		}},
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("relay: %w", err), udp.Close(), tcp.Close())
	}
	return s, nil
}

// listenBoth opens one number for UDP and TCP.
func listenBoth(host string, port int) (net.PacketConn, net.Listener, error) {
	var lc net.ListenConfig
	ctx := context.Background() // opening a port waits for nothing
	var err error
	for range 10 { // where any port will do, the first may be taken on the other side
		var udp net.PacketConn
		if udp, err = lc.ListenPacket(ctx, "udp", net.JoinHostPort(host, strconv.Itoa(port))); err != nil {
			return nil, nil, fmt.Errorf("relay: open the port: %w", err)
		}
		c, ok := udp.(*net.UDPConn)
		if !ok {
			return nil, nil, errors.Join(fmt.Errorf("relay: %T is no UDP socket", udp), udp.Close())
		}
		if err := errors.Join(c.SetReadBuffer(bufferSize), c.SetWriteBuffer(bufferSize)); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("relay: buffers: %w", err), udp.Close())
		}
		a, _ := udp.LocalAddr().(*net.UDPAddr)
		var tcp net.Listener
		if tcp, err = lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(a.Port))); err == nil {
			return udp, tcp, nil
		}
		err = errors.Join(fmt.Errorf("relay: open the port: %w", err), udp.Close())
		if port != 0 {
			break
		}
	}
	return nil, nil, err
}

// Port is the one that browsers ask on.
func (s *Server) Port() int { return s.port }

// Issue makes credentials for one socket of the signalling. They open nothing
// before Admit.
func (s *Server) Issue() (Credentials, error) {
	c := Credentials{ID: rand.Text()}
	var err error
	c.Username, c.Password, err = turn.GenerateLongTermTURNRESTCredentials(s.secret, c.ID, credentialLife)
	if err != nil {
		return c, fmt.Errorf("relay: credentials: %w", err)
	}
	return c, nil
}

// Admit makes credentials good until a time, for one person: the limit of
// allocations is on the person, however many credentials they got.
func (s *Server) Admit(id, user string, until time.Time) {
	s.books.admit(id, user, until, s.cfg.Now())
}

// authenticate checks the credential's own time and hash, and that its bearer
// was let in; allocations are kept under the person's name.
func (s *Server) authenticate(log logging.LeveledLogger) turn.AuthHandler {
	inner := turn.LongTermTURNRESTAuthHandler(s.secret, log)
	return func(ra *turn.RequestAttributes) (string, []byte, bool) {
		id, key, ok := inner(ra)
		if !ok || strings.Count(ra.Username, ":") != 1 {
			return "", nil, false
		}
		user, ok := s.books.user(id, s.cfg.Now())
		return user, key, ok
	}
}

// Shown is what a browser was told of the relay socket that is bound to local,
// and Local the other way. The media server answers under the names that browsers
// know: Firefox takes no relayed path on which it is seen under another.
func (s *Server) Shown(local netip.AddrPort) (netip.AddrPort, bool) { return s.sockets.shown(local) }

// Local is the other way of Shown.
func (s *Server) Local(shown netip.AddrPort) (netip.AddrPort, bool) { return s.sockets.local(shown) }

// Stats counts since New, but for Allocations, which are of now.
func (s *Server) Stats() Stats { return s.books.stats() }

// Close ends all allocations and waits for them.
func (s *Server) Close() error {
	err := s.turn.Close()
	select {
	case <-s.books.empty():
	case <-time.After(closeTime):
		err = errors.Join(err, errors.New("allocations do not end"))
	}
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	return nil
}

// admission is for whom, and until when, credentials are good.
type admission struct {
	user  string
	until time.Time
}

// books keep who is let in and what each holds.
type books struct {
	perUser, total int

	mu             sync.Mutex
	users          map[string]int // allocations
	all            int
	refused, stray uint64
	admitted       map[string]admission
	swept          time.Time
	drained        chan struct{} // from empty on
}

// sweepEvery is how often expired admissions are looked for.
const sweepEvery = time.Minute

func (b *books) admit(id, user string, until, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.admitted[id] = admission{user, until}
	if now.Sub(b.swept) < sweepEvery {
		return
	}
	b.swept = now
	for id, a := range b.admitted {
		if now.After(a.until) {
			delete(b.admitted, id)
		}
	}
}

func (b *books) user(id string, now time.Time) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.admitted[id]
	return a.user, ok && !now.After(a.until)
}

func (b *books) mayAllocate(user string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	ok := b.users[user] < b.perUser && b.all < b.total
	if !ok {
		b.refused++
	}
	return ok
}

// take books an allocation; give returns it.
func (b *books) take(user string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if user == "" || b.users[user] >= b.perUser || b.all >= b.total {
		b.refused++
		return false
	}
	b.users[user]++
	b.all++
	return true
}

func (b *books) give(user string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all--
	if b.users[user]--; b.users[user] == 0 {
		delete(b.users, user)
	}
	if b.all == 0 && b.drained != nil {
		close(b.drained)
	}
}

// empty is closed once nothing is allocated; from now on nothing may be.
func (b *books) empty() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drained == nil {
		b.total, b.drained = 0, make(chan struct{})
		if b.all == 0 {
			close(b.drained)
		}
	}
	return b.drained
}

func (b *books) refuse() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused++
}

func (b *books) strayed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stray++
}

func (b *books) stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{Allocations: b.all, Refused: b.refused, Stray: b.stray}
}
