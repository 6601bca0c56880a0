package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/pion/turn/v5"
)

var (
	errQuota   = errors.New("relay: too many allocations")
	errNoRoute = errors.New("relay: the media server has no address of this family")
	errNoTCP   = errors.New("relay: only UDP is relayed")
)

// route is the one way of a family: browsers name the media server by media;
// the relay reaches it on loopback, whatever stands in front of the machine.
type route struct {
	media, local netip.Addr
	ports        []uint16
}

// family is an address's, as TURN names it.
func family(a netip.Addr) string {
	if a.Is6() {
		return "udp6"
	}
	return "udp4"
}

// routesTo gives a route for each family.
func routesTo(media []netip.AddrPort) (map[string]route, error) {
	routes := map[string]route{}
	for _, m := range media {
		addr := m.Addr().Unmap()
		network, loopback := family(addr), netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if addr.Is6() {
			loopback = netip.IPv6Loopback()
		}
		r, again := routes[network]
		if again && r.media != addr || !m.IsValid() || m.Port() == 0 {
			return nil, fmt.Errorf("relay: %s cannot be relayed to", m)
		}
		routes[network] = route{addr, loopback, append(r.ports, m.Port())}
	}
	if len(routes) == 0 {
		return nil, errors.New("relay: no media address")
	}
	return routes, nil
}

// sockets makes the relay sockets: a turn.RelayAddressGenerator.
type sockets struct {
	routes map[string]route
	books  *books

	mu   sync.RWMutex
	open map[netip.AddrPort]netip.AddrPort // by what is bound, what browsers are told
}

// shown is what the browser was told of the socket that is bound to local.
func (s *sockets) shown(local netip.AddrPort) (netip.AddrPort, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	shown, ok := s.open[local]
	return shown, ok
}

// local is what the socket is bound to that the browser was told of as shown.
func (s *sockets) local(shown netip.AddrPort) (netip.AddrPort, bool) {
	r := s.routes[family(shown.Addr())]
	if r.media != shown.Addr() {
		return netip.AddrPort{}, false
	}
	local := netip.AddrPortFrom(r.local, shown.Port())
	_, ok := s.shown(local)
	return local, ok
}

// Validate is part of turn.RelayAddressGenerator.
func (*sockets) Validate() error { return nil }

// permits lets packets go to the media server's addresses alone.
func (s *sockets) permits(_ net.Addr, peer net.IP) bool {
	a, ok := netip.AddrFromSlice(peer)
	for _, r := range s.routes {
		if ok && r.media == a.Unmap() {
			return true
		}
	}
	s.books.refuse()
	return false
}

// AllocatePacketConn is part of turn.RelayAddressGenerator.
func (s *sockets) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	r, ok := s.routes[c.Network]
	if !ok {
		return nil, nil, errNoRoute
	}
	if !s.books.take(c.UserID) {
		return nil, nil, errQuota
	}
	var lc net.ListenConfig
	conn, err := lc.ListenPacket(context.Background(), c.Network, netip.AddrPortFrom(r.local, 0).String())
	if err != nil {
		s.books.give(c.UserID)
		return nil, nil, err
	}
	if u, ok := conn.(*net.UDPConn); ok {
		_ = errors.Join(u.SetReadBuffer(bufferSize), u.SetWriteBuffer(bufferSize)) // the kernel's own limit will do
	}
	bound, _ := conn.LocalAddr().(*net.UDPAddr)
	local := netip.AddrPortFrom(r.local, bound.AddrPort().Port())
	shown := netip.AddrPortFrom(r.media, local.Port())
	s.mu.Lock()
	s.open[local] = shown
	s.mu.Unlock()
	gone := func() {
		s.mu.Lock()
		delete(s.open, local)
		s.mu.Unlock()
		s.books.give(c.UserID)
	}
	return &socket{PacketConn: conn, route: r, books: s.books, gone: gone}, net.UDPAddrFromAddrPort(shown), nil
}

// AllocateListener is part of turn.RelayAddressGenerator; RFC 6062 is not served.
func (*sockets) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoTCP
}

// AllocateConn is part of turn.RelayAddressGenerator; RFC 6062 is not served.
func (*sockets) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errNoTCP }

// socket is one relay socket. A TURN permission is for all ports of an address;
// here only the media ports pass, both ways.
type socket struct {
	net.PacketConn
	route route
	books *books
	gone  func()
	once  sync.Once
}

// WriteTo is part of net.PacketConn.
func (s *socket) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	a := u.AddrPort()
	if a.Addr().Unmap() != s.route.media || !slices.Contains(s.route.ports, a.Port()) {
		s.books.strayed()
		return len(b), nil
	}
	return s.PacketConn.WriteTo(b, net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.route.local, a.Port())))
}

// ReadFrom is part of net.PacketConn.
func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := s.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		if u, ok := from.(*net.UDPAddr); ok {
			if a := u.AddrPort(); a.Addr().Unmap() == s.route.local && slices.Contains(s.route.ports, a.Port()) {
				return n, net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.route.media, a.Port())), nil
			}
		}
		s.books.strayed()
	}
}

// Close gives the allocation back.
func (s *socket) Close() error {
	s.once.Do(s.gone)
	return s.PacketConn.Close()
}
