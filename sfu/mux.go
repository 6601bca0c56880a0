package sfu

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

const (
	controlQueue  = 1024 // STUN and DTLS packets waiting for one connection: a file's window
	maxPeerAddrs  = 16   // addresses one connection may have proved
	srtpFirst     = 128  // RFC 7983: the first byte tells what a packet is
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
	byAddr  map[netip.AddrPort]*muxConn
	proved  map[*mediaPeer][]netip.AddrPort // oldest first
}

func newDirectory() *directory {
	return &directory{
		byUfrag: map[string]*muxConn{}, byAddr: map[netip.AddrPort]*muxConn{},
		proved: map[*mediaPeer][]netip.AddrPort{},
	}
}

func (d *directory) owner(a netip.AddrPort) *muxConn {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.byAddr[a]
}

// forSTUN finds the connection a STUN packet belongs to. Requests carry the
// local ufrag first in their user name; responses come from known addresses.
func (d *directory) forSTUN(b []byte, a netip.AddrPort) *muxConn {
	if !stun.IsMessage(b) {
		return nil
	}
	m := stun.Message{Raw: b}
	if m.Decode() != nil {
		return nil
	}
	name, err := m.Get(stun.AttrUsername)
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err != nil {
		return d.byAddr[a]
	}
	for i, c := range name {
		if c == ':' {
			name = name[:i]
			break
		}
	}
	return d.byUfrag[string(name)+family(a)]
}

func family(a netip.AddrPort) string {
	if a.Addr().Is4() {
		return "/4"
	}
	return "/6"
}

func (d *directory) learn(a netip.AddrPort, c *muxConn) {
	if d.owner(a) == c {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byUfrag[c.key] != c {
		return // closed meanwhile
	}
	all := slices.DeleteFunc(d.proved[c.media], func(o netip.AddrPort) bool { return o == a })
	if len(all) == maxPeerAddrs {
		d.drop(c.media, all[:1])
		all = slices.Delete(all, 0, 1)
	}
	d.proved[c.media] = append(all, a)
	d.byAddr[a] = c
}

func (d *directory) drop(m *mediaPeer, addrs []netip.AddrPort) {
	for _, a := range addrs {
		if c := d.byAddr[a]; c != nil && c.media == m {
			delete(d.byAddr, a)
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
	d := m.loop.dir
	key := ufrag + family(unmapped(u.AddrPort()))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byUfrag[key] != nil {
		return nil, net.InvalidAddrError("ufrag in use")
	}
	c := &muxConn{
		loop: m.loop, media: m.media, key: key, local: u,
		in: make(chan *controlPacket, controlQueue), done: make(chan struct{}),
	}
	d.byUfrag[key] = c
	return c, nil
}

// RemoveConnByUfrag is part of ice.UDPMux.
func (m *peerMux) RemoveConnByUfrag(ufrag string) {
	d := m.loop.dir
	for _, f := range []string{"/4", "/6"} {
		d.mu.RLock()
		c := d.byUfrag[ufrag+f]
		d.mu.RUnlock()
		if c != nil && c.media == m.media {
			_ = c.Close()
		}
	}
}

// Close is part of ice.UDPMux; pion closes its connections one by one.
func (m *peerMux) Close() error { return nil }

type controlPacket struct {
	b []byte
	a netip.AddrPort
}

// muxConn is what pion takes for a socket of its own. It sees STUN and DTLS,
// and may send nothing else.
type muxConn struct {
	loop  *loop
	media *mediaPeer
	key   string
	local *net.UDPAddr
	in    chan *controlPacket // pointers: the queue is long, and empty most of the time
	done  chan struct{}
	once  sync.Once
}

// put hands a packet to pion without ever waiting for it.
func (c *muxConn) put(b []byte, a netip.AddrPort) bool {
	select {
	case c.in <- &controlPacket{append([]byte(nil), b...), a}:
		return true
	default:
		return false
	}
}

func (c *muxConn) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-c.in:
		if len(p.b) > len(b) {
			return 0, nil, io.ErrShortBuffer
		}
		return copy(b, p.b), net.UDPAddrFromAddrPort(p.a), nil
	case <-c.done:
		return 0, nil, net.ErrClosed
	}
}

func (c *muxConn) WriteTo(b []byte, a net.Addr) (int, error) {
	u, ok := a.(*net.UDPAddr)
	if !ok || len(b) == 0 {
		return 0, net.InvalidAddrError("not a UDP address")
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
	to := unmapped(u.AddrPort())
	if len(b) >= bindingOKSize && int(b[0])<<8|int(b[1]) == bindingOK {
		c.loop.dir.learn(to, c)
	}
	if err := c.loop.conn.writeTo(b, to); err != nil {
		return 0, err
	}
	return len(b), nil
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
