package sfu

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
)

const (
	controlQueue  = 1024             // STUN and DTLS packets waiting for one connection: a file's window
	maxPeerAddrs  = 16               // addresses one connection may have proved
	consentFor    = 30 * time.Second // RFC 7675: so long an address stays whose it was shown to be
	srtpFirst     = 128              // RFC 7983: the first byte tells what a packet is
	srtpLast      = 191
	stunLast      = 3
	dtlsFirst     = 20
	dtlsLast      = 63
	bindingOK     = 0x0101
	bindingOKSize = 20
)

// directory says whose a packet is: by the ICE user name of a STUN request,
// else by an address that pion has answered with a STUN success response and
// that therefore knew the password.
type directory struct {
	mu      sync.RWMutex
	byUfrag map[string]*muxConn
	byAddr  map[netip.AddrPort]*claim
	version atomic.Uint64                   // of byAddr; counts its changes
	proved  map[*mediaPeer][]netip.AddrPort // oldest first
}

// claim is an address that a connection has proved.
type claim struct {
	conn  *muxConn
	again atomic.Int64 // when it last did, in microseconds
}

func newDirectory() *directory {
	return &directory{
		byUfrag: map[string]*muxConn{}, byAddr: map[netip.AddrPort]*claim{},
		proved: map[*mediaPeer][]netip.AddrPort{},
	}
}

func (d *directory) owner(a netip.AddrPort) *muxConn {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if c := d.byAddr[a]; c != nil {
		return c.conn
	}
	return nil
}

// forSTUN finds the connection a STUN packet belongs to: a request's by the
// ufrag it names; responses come from known addresses.
func (d *directory) forSTUN(b []byte, a netip.AddrPort) *muxConn {
	ufrag, ok := readSTUN(b)
	if !ok {
		return nil
	}
	if len(ufrag) == 0 {
		return d.owner(a)
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.byUfrag[string(ufrag)+family(a)]
}

// readSTUN takes our ufrag, which comes first, from a STUN packet's user name;
// it is empty where the packet has none, as in responses.
func readSTUN(b []byte) (ufrag []byte, ok bool) {
	if !stun.IsMessage(b) {
		return nil, false
	}
	m := stun.Message{Raw: b}
	if m.Decode() != nil {
		return nil, false
	}
	name, err := m.Get(stun.AttrUsername)
	if err != nil {
		return nil, true
	}
	ufrag, _, _ = bytes.Cut(name, []byte(":"))
	return ufrag, len(ufrag) > 0
}

func family(a netip.AddrPort) string {
	if a.Addr().Is4() {
		return "/4"
	}
	return "/6"
}

// learn takes in that a connection has proved an address. Whoever is in some room knows
// a password, and may put another's address on its requests: an address that its owner
// has shown to be its own lately is not given away.
func (d *directory) learn(a netip.AddrPort, c *muxConn, now int64) {
	d.mu.RLock()
	old := d.byAddr[a]
	d.mu.RUnlock()
	if old != nil && old.conn == c {
		old.again.Store(now)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byUfrag[c.key] != c {
		return // closed meanwhile
	}
	if old = d.byAddr[a]; old != nil && old.conn.media != c.media && now-old.again.Load() < consentFor.Microseconds() {
		return
	}
	all := slices.DeleteFunc(d.proved[c.media], func(o netip.AddrPort) bool { return o == a })
	if len(all) == maxPeerAddrs {
		d.drop(c.media, all[:1])
		all = slices.Delete(all, 0, 1)
	}
	d.proved[c.media] = append(all, a)
	mine := &claim{conn: c}
	mine.again.Store(now)
	d.byAddr[a] = mine
	d.version.Add(1)
}

func (d *directory) drop(m *mediaPeer, addrs []netip.AddrPort) {
	for _, a := range addrs {
		if c := d.byAddr[a]; c != nil && c.conn.media == m {
			delete(d.byAddr, a)
			d.version.Add(1)
		}
	}
}

// add takes a connection in; false where its key is taken.
func (d *directory) add(c *muxConn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byUfrag[c.key] != nil {
		return false
	}
	d.byUfrag[c.key] = c
	return true
}

// end closes those of a peer's connections that have one of the keys.
func (d *directory) end(m *mediaPeer, keys ...string) {
	for _, k := range keys {
		d.mu.RLock()
		c := d.byUfrag[k]
		d.mu.RUnlock()
		if c != nil && c.media == m {
			_ = c.Close()
		}
	}
}

// remove takes a connection out. Its addresses stay: across an ICE restart
// media goes on coming from them, and its keys prove whose it is.
func (d *directory) remove(c *muxConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byUfrag[c.key] == c {
		delete(d.byUfrag, c.key)
	}
}

// forget takes a peer out for good.
func (d *directory) forget(m *mediaPeer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(m, d.proved[m])
	delete(d.proved, m)
}

// peerMux is the ice.UDPMux of one PeerConnection over its loop's socket. It
// shows pion one address per family; the answer lists all the announced ones.
type peerMux struct {
	loop   *loop
	media  *mediaPeer
	listen []net.Addr
}

// GetListenAddresses is part of ice.UDPMux.
func (m *peerMux) GetListenAddresses() []net.Addr { return m.listen }

// GetConn is part of ice.UDPMux: the packets of one ufrag and family.
func (m *peerMux) GetConn(ufrag string, a net.Addr) (net.PacketConn, error) {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return nil, net.InvalidAddrError("not a UDP address")
	}
	c := newMuxConn(m.loop, m.media, ufrag+family(unmapped(u.AddrPort())), a)
	if !m.loop.dir.add(c) {
		return nil, net.InvalidAddrError("ufrag in use")
	}
	return c, nil
}

// RemoveConnByUfrag is part of ice.UDPMux.
func (m *peerMux) RemoveConnByUfrag(ufrag string) {
	m.loop.dir.end(m.media, ufrag+"/4", ufrag+"/6")
}

// Close is part of ice.UDPMux; pion closes its connections one by one.
func (m *peerMux) Close() error { return nil }

// controlPacket is one packet on its way to pion. They are used again: a file
// is ten thousand of them in a second.
type controlPacket struct {
	b []byte
	a netip.AddrPort
}

// pionAddr is an address as pion wants it.
type pionAddr struct {
	netip.AddrPort
	net.Addr
}

// muxConn is what pion takes for a socket of its own. It sees STUN and DTLS,
// and may send nothing else.
type muxConn struct {
	loop  *loop
	media *mediaPeer
	key   string
	local net.Addr
	tcp   *tcpPort            // nil: over UDP
	lost  netip.AddrPort      // of its last stream, when all have ended; under tcp.mu
	in    chan *controlPacket // pointers: the queue is long, and empty most of the time
	done  chan struct{}
	once  sync.Once
	from  atomic.Pointer[pionAddr] // of the last packet that pion took
}

func newMuxConn(l *loop, m *mediaPeer, key string, local net.Addr) *muxConn {
	return &muxConn{
		loop: l, media: m, key: key, local: local,
		in: make(chan *controlPacket, controlQueue), done: make(chan struct{}),
	}
}

// put hands a packet to pion without ever waiting for it.
func (c *muxConn) put(b []byte, a netip.AddrPort) bool {
	p, ok := c.loop.spare.Get().(*controlPacket)
	if !ok {
		p = &controlPacket{}
	}
	p.b, p.a = append(p.b[:0], b...), a
	select {
	case c.in <- p:
		return true
	default:
		c.loop.spare.Put(p)
		return false
	}
}

func (c *muxConn) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-c.in:
		defer c.loop.spare.Put(p)
		if len(p.b) > len(b) {
			return 0, nil, io.ErrShortBuffer
		}
		return copy(b, p.b), c.pionAddr(p.a), nil
	case <-c.done:
		return 0, nil, net.ErrClosed
	}
}

func (c *muxConn) pionAddr(a netip.AddrPort) net.Addr {
	if last := c.from.Load(); last != nil && last.AddrPort == a {
		return last.Addr
	}
	now := &pionAddr{AddrPort: a, Addr: net.UDPAddrFromAddrPort(a)}
	if c.tcp != nil {
		now.Addr = net.TCPAddrFromAddrPort(a)
	}
	c.from.Store(now)
	return now.Addr
}

func (c *muxConn) WriteTo(b []byte, a net.Addr) (int, error) {
	to, ok := addrPort(a)
	if !ok || len(b) == 0 {
		return 0, net.InvalidAddrError("neither a UDP nor a TCP address")
	}
	select {
	case <-c.done:
		return 0, net.ErrClosed
	default:
	}
	if b[0] >= srtpFirst && b[0] <= srtpLast {
		// pion holds an SRTP session with the loop's keys: a packet of its own
		// would use a nonce twice.
		c.loop.count.blocked.Add(1)
		return len(b), nil
	}
	proves := len(b) >= bindingOKSize && int(b[0])<<8|int(b[1]) == bindingOK
	if c.tcp != nil {
		c.tcp.write(c, b, to, proves)
		return len(b), nil
	}
	to = c.loop.relay.local(to)
	if b[0] >= dtlsFirst && b[0] <= dtlsLast && len(b) <= mtu {
		c.loop.dtls.post(b, to)
		return len(b), nil
	}
	if proves {
		c.loop.dir.learn(to, c, time.Since(c.loop.began).Microseconds())
	}
	if err := c.loop.conn.writeTo(b, to); err != nil {
		return 0, err
	}
	return len(b), nil
}

func addrPort(a net.Addr) (netip.AddrPort, bool) {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmapped(a.AddrPort()), true
	case *net.TCPAddr:
		return unmapped(a.AddrPort()), true
	default:
		return netip.AddrPort{}, false
	}
}

func (c *muxConn) Close() error {
	c.once.Do(func() {
		close(c.done)
		c.loop.dir.remove(c)
	})
	return nil
}

func (c *muxConn) LocalAddr() net.Addr              { return c.local }
func (c *muxConn) SetDeadline(time.Time) error      { return nil }
func (c *muxConn) SetReadDeadline(time.Time) error  { return nil }
func (c *muxConn) SetWriteDeadline(time.Time) error { return nil }
