package sfu

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

const (
	strangersMost = 256              // streams of which nobody has yet proved to be a peer
	strangersFrom = 32               // of them from one address: people of one office share it
	proveWithin   = 10 * time.Second // from the connection to the proof
	streamIdle    = 90 * time.Second // a browser checks its paths more often
	peerStreams   = 16               // of one peer: one for each pair of addresses
	tcp4, tcp6    = "/tcp4", "/tcp6" // families, in the keys of the directories
)

// tcpPort is where media comes that cannot come over UDP: ICE-TCP (RFC 6544), of
// which this side is the passive one, in the frames of RFC 4571. It serves all
// loops: whose a stream is, its first STUN request says. A nil one is none.
type tcpPort struct {
	listener net.Listener
	loops    []*loop
	log      *slog.Logger
	net      transport.Net // that pion's connections see

	proveWithin time.Duration

	mu        sync.Mutex
	closed    bool
	streams   map[*tcpStream]struct{}
	byAddr    map[netip.AddrPort]*tcpStream // by the address that pion knows
	peers     map[*mediaPeer][]*tcpStream   // bound ones, oldest first
	strangers map[netip.Addr]int
	strange   int
	wg        sync.WaitGroup
}

// openTCP listens on the port that the settings give; nil where they give none.
func openTCP(cfg *Config, loops []*loop) (*tcpPort, error) {
	if cfg.TCPPort < 0 || cfg.Conn != nil {
		return nil, nil //nolint:nilnil // none is wanted
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", ":"+strconv.Itoa(cfg.TCPPort))
	if err != nil {
		return nil, fmt.Errorf("sfu: open the media port for TCP: %w", err)
	}
	return &tcpPort{
		net: newStandIns(cfg), listener: l, loops: loops, log: cfg.Logger, proveWithin: proveWithin, streams: map[*tcpStream]struct{}{},
		byAddr: map[netip.AddrPort]*tcpStream{}, peers: map[*mediaPeer][]*tcpStream{}, strangers: map[netip.Addr]int{},
	}, nil
}

// port is its number; 0 for none.
func (t *tcpPort) port() uint16 {
	if t == nil {
		return 0
	}
	a, _ := addrPort(t.listener.Addr())
	return a.Port()
}

// run accepts until close.
func (t *tcpPort) run() {
	for {
		conn, err := t.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no more descriptors, or a caller who hung up
			t.log.Warn("media over TCP", "error", err)
			time.Sleep(100 * time.Millisecond)
		default:
			t.accept(conn)
		}
	}
}

// accept makes a stream of a connection, if there is room for another stranger.
func (t *tcpPort) accept(conn net.Conn) {
	from, ok := addrPort(conn.RemoteAddr())
	s := newTCPStream(t, conn, from)
	t.mu.Lock()
	if !ok || t.closed || t.strange >= strangersMost || t.strangers[from.Addr()] >= strangersFrom {
		t.mu.Unlock()
		t.loops[0].count.streamsRefused.Add(1)
		_ = conn.Close()
		return
	}
	t.strange++
	t.strangers[from.Addr()]++
	t.streams[s] = struct{}{}
	t.wg.Add(2)
	t.mu.Unlock()
	go func() {
		defer t.wg.Done()
		s.read()
		t.end(s)
	}()
	go func() {
		defer t.wg.Done()
		s.write()
	}()
}

// familiar takes a stream off the list of strangers; under the lock.
func (t *tcpPort) familiar(s *tcpStream) {
	if s.known {
		return
	}
	s.known = true
	t.strange--
	if t.strangers[s.from.Addr()]--; t.strangers[s.from.Addr()] == 0 {
		delete(t.strangers, s.from.Addr())
	}
}

// owner finds the connection that a STUN request over a stream is for.
func (t *tcpPort) owner(ufrag []byte, from netip.Addr) *muxConn {
	key := string(ufrag) + tcp6
	if from.Is4() {
		key = string(ufrag) + tcp4
	}
	for _, l := range t.loops {
		l.dir.mu.RLock()
		c := l.dir.byUfrag[key]
		l.dir.mu.RUnlock()
		if c != nil {
			return c
		}
	}
	return nil
}

// bind ties a stream to the connection that its STUN requests are for. One that
// comes when the peer's other streams have ended stands in for the last of them,
// at the address by which pion knew that one: a browser that has lost its TCP
// connection makes a new one and goes on with its checks as if nothing had been.
func (t *tcpPort) bind(s *tcpStream, c *muxConn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := s.conn.Load(); old != nil {
		if old.media != c.media {
			return false
		}
		s.conn.Store(c) // an ICE restart
		return true
	}
	all := t.peers[c.media]
	if len(all) >= peerStreams {
		all[0].close()
	}
	s.as = s.from
	if lost := c.lost; lost.IsValid() && len(all) == 0 {
		s.as, c.lost = lost, netip.AddrPort{}
	}
	if old := t.byAddr[s.as]; old != nil {
		old.close() // the same address to another one of ours: pion could not tell them apart
	}
	t.byAddr[s.as] = s
	t.peers[c.media] = append(all, s)
	s.conn.Store(c)
	return true
}

// end forgets a stream that was closed.
func (t *tcpPort) end(s *tcpStream) {
	defer s.close() // last, so that who notices finds it forgotten
	t.mu.Lock()
	if !s.known {
		t.loops[0].count.streamsRefused.Add(1)
	}
	t.familiar(s)
	delete(t.streams, s)
	c := s.conn.Load()
	if c == nil {
		t.mu.Unlock()
		return
	}
	if t.byAddr[s.as] == s {
		delete(t.byAddr, s.as)
	}
	left := removed(t.peers[c.media], s)
	t.peers[c.media] = left
	if len(left) == 0 {
		delete(t.peers, c.media)
		if s.proved.Load() {
			c.lost = s.as
		}
	}
	t.mu.Unlock()
	t.changed(c, s.as)
}

// changed lets the loop look again which stream stands at an address.
func (t *tcpPort) changed(c *muxConn, as netip.AddrPort) {
	m := c.media
	c.loop.post(func() {
		if m.overTCP && m.addr == as {
			c.loop.route(m, true, t.find(as))
		}
	})
}

// find gives the stream that stands at an address, if its peer has proved to
// know the password.
func (t *tcpPort) find(a netip.AddrPort) *tcpStream {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.byAddr[a]; s != nil && s.proved.Load() {
		return s
	}
	return nil
}

// write sends pion's STUN and DTLS. A STUN success response proves that the
// other end knew the password: from then on its media counts, too.
func (t *tcpPort) write(c *muxConn, b []byte, to netip.AddrPort, proves bool) {
	t.mu.Lock()
	s := t.byAddr[to]
	if s == nil || s.conn.Load().media != c.media {
		t.mu.Unlock()
		return
	}
	first := proves && !s.proved.Swap(true)
	if first {
		t.familiar(s)
	}
	t.mu.Unlock()
	if first {
		s.patient()
		t.changed(c, to)
	}
	s.send(b, controlBytes)
}

// forget ends a peer's streams.
func (t *tcpPort) forget(m *mediaPeer) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.peers[m] {
		s.close()
	}
}

// close ends all streams and waits for them.
func (t *tcpPort) close() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	t.closed = true
	err := t.listener.Close()
	for s := range t.streams {
		s.close()
	}
	t.mu.Unlock()
	t.wg.Wait()
	return err
}

func removed(all []*tcpStream, s *tcpStream) []*tcpStream {
	out := all[:0]
	for _, o := range all {
		if o != s {
			out = append(out, o)
		}
	}
	clear(all[len(out):])
	return out
}

// standIns is the network that pion is shown: one address of each announced family.
// pion asks for a connection over TCP for each address of the machine, of which it
// knows the loopback of IPv6 not for one; the answer lists those that are announced,
// and all are the one port's. These are of nobody (RFC 5737, RFC 3849).
type standIns struct {
	*stdnet.Net
	all []*transport.Interface
}

func newStandIns(cfg *Config) *standIns {
	one := transport.NewInterface(net.Interface{Index: 1, MTU: mtu, Name: "media", Flags: net.FlagUp})
	for _, family := range []struct {
		v4 bool
		ip net.IP
	}{{true, net.IPv4(192, 0, 2, 1)}, {false, net.ParseIP("2001:db8::1")}} {
		if cfg.announces(family.v4) {
			one.AddAddress(&net.IPNet{IP: family.ip, Mask: net.CIDRMask(128, 128)})
		}
	}
	return &standIns{&stdnet.Net{}, []*transport.Interface{one}}
}

// Interfaces is part of transport.Net.
func (n *standIns) Interfaces() ([]*transport.Interface, error) { return n.all, nil }

// peerTCP is the ice.TCPMux of one PeerConnection.
type peerTCP struct {
	port  *tcpPort
	loop  *loop
	media *mediaPeer
}

// GetConnByUfrag is part of ice.TCPMux: what comes for one ufrag and family.
func (m *peerTCP) GetConnByUfrag(ufrag string, v6 bool, local net.IP) (net.PacketConn, error) {
	key := ufrag + tcp4
	if v6 {
		key = ufrag + tcp6
	}
	c := newMuxConn(m.loop, m.media, key, &net.TCPAddr{IP: local, Port: int(m.port.port())})
	c.tcp = m.port
	if !m.loop.dir.add(c) {
		return nil, net.InvalidAddrError("ufrag in use")
	}
	return c, nil
}

// RemoveConnByUfrag is part of ice.TCPMux.
func (m *peerTCP) RemoveConnByUfrag(ufrag string) {
	m.loop.dir.end(m.media, ufrag+tcp4, ufrag+tcp6)
}

// Close is part of ice.TCPMux; pion closes its connections one by one.
func (m *peerTCP) Close() error { return nil }
