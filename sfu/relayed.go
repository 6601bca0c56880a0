package sfu

import (
	"net/netip"
	"sync/atomic"
)

// Relay knows the sockets of a relay on this machine by two addresses: the one
// that they are bound to, which is where packets come from and go to, and the one
// that browsers were told. ICE compares: a check is to be answered with the
// address that the browser knows (RFC 8445, section 7.2.5.3.1), or Firefox does not
// take the path.
type Relay interface {
	// Shown is the address that browsers know, of one that a socket is bound to.
	Shown(local netip.AddrPort) (netip.AddrPort, bool)
	// Local is the other way.
	Local(shown netip.AddrPort) (netip.AddrPort, bool)
}

// Behind tells of the relay; before, and without it, all addresses are what they are.
func (s *SFU) Behind(r Relay) { s.relay.relay.Store(&r) }

// relayNames translates for pion, which alone is concerned with ICE: the loops
// know the relay's sockets as they are.
type relayNames struct{ relay atomic.Pointer[Relay] }

func (n *relayNames) shown(a netip.AddrPort) netip.AddrPort {
	if r := n.relay.Load(); r != nil && a.Addr().IsLoopback() {
		if shown, ok := (*r).Shown(a); ok {
			return shown
		}
	}
	return a
}

func (n *relayNames) local(a netip.AddrPort) netip.AddrPort {
	if r := n.relay.Load(); r != nil {
		if local, ok := (*r).Local(a); ok {
			return local
		}
	}
	return a
}
