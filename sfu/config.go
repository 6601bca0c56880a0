package sfu

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"
)

// maxLoops is beyond what any machine's network card feeds.
const maxLoops = 256

// Config says where media flows and how much of it one peer may ask for. The
// zero value of each field takes the default named beside it.
type Config struct {
	// UDPPort is the port of all media, and the first of as many consecutive ones
	// as there are loops; 0 takes any free ones.
	UDPPort int
	// TCPPort is the port of media for browsers without UDP (RFC 6544), one for
	// all loops; 0 takes any free one, -1 opens none.
	TCPPort int
	// Loops forward media at the same time, each on a port of its own; 1. One
	// carries what one core can.
	Loops int
	// Conn replaces the socket, for a simulated network; then UDPPort is unused,
	// there is one loop, and no TCP.
	Conn net.PacketConn
	// Announce holds the addresses given to browsers as host candidates.
	// Default: the addresses of the machine's interfaces, and loopback.
	Announce []netip.Addr

	// Codecs are those that pictures may be sent in, the preferred first: "vp8",
	// "h264", "vp9", "av1". A peer is told to send the first one that all of its
	// room can show; VP8 is always one. Default: VP8 alone.
	Codecs []string

	MaxPeers         int   // in one room; 6
	MaxSlots         int   // receive slots of one peer; 15
	MaxStreams       int   // SSRCs one peer may send; 12
	MaxOfferBytes    int   // 256 KiB
	MaxTransferBytes int64 // of one file, whatever OpenTransfer asks; 100 MiB
	MaxTransfers     int   // at once from one peer; 8
	TextRate         int   // bytes of real-time text a second from one peer; faster is slowed. 1024

	// DisconnectAfter is the silence, of media and checks alike, after which a
	// peer is reported as disconnected (5 s); FailAfter is when ICE gives up (60 s).
	DisconnectAfter, FailAfter time.Duration

	Logger *slog.Logger // slog.Default()
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// complete fills the defaults and checks what was given.
func (c *Config) complete() error {
	orDefault(&c.Loops, 1)
	orDefault(&c.MaxPeers, 6)
	orDefault(&c.MaxSlots, 15)
	orDefault(&c.MaxStreams, 12)
	orDefault(&c.MaxOfferBytes, 256<<10)
	orDefault(&c.MaxTransferBytes, 100<<20)
	orDefault(&c.MaxTransfers, 8)
	orDefault(&c.TextRate, 1<<10)
	orDefault(&c.DisconnectAfter, 5*time.Second)
	orDefault(&c.FailAfter, 60*time.Second)
	orDefault(&c.Logger, slog.Default())
	switch {
	case c.Loops < 1 || c.Loops > maxLoops:
		return fmt.Errorf("sfu: %d loops: at least 1 and at most %d are possible", c.Loops, maxLoops)
	case c.UDPPort < 0 || c.UDPPort+c.Loops-1 > 65535:
		return fmt.Errorf("sfu: UDP port %d is out of range", c.UDPPort)
	case c.TCPPort < -1 || c.TCPPort > 65535:
		return fmt.Errorf("sfu: TCP port %d is out of range", c.TCPPort)
	case c.Conn != nil && c.Loops > 1:
		return fmt.Errorf("sfu: %d loops cannot share one connection", c.Loops)
	}
	if len(c.Announce) == 0 {
		own, err := ownAddresses()
		if err != nil {
			return fmt.Errorf("sfu: list the machine's addresses: %w", err)
		}
		c.Announce = own
	}
	for i, a := range c.Announce {
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
			return fmt.Errorf("sfu: %s cannot be announced", a)
		}
		c.Announce[i] = a.Unmap().WithZone("")
	}
	return nil
}

// announces says whether an address of a family is given to browsers.
func (c *Config) announces(v4 bool) bool {
	return slices.ContainsFunc(c.Announce, func(a netip.Addr) bool { return a.Is4() == v4 })
}

// ownAddresses lists what a browser on this machine or its network can reach:
// loopback last, since Firefox leaves it out of its checks where it can.
func ownAddresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var own []netip.Addr
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		if err != nil || p.Addr().IsLinkLocalUnicast() {
			continue
		}
		own = append(own, p.Addr().Unmap())
	}
	slices.SortStableFunc(own, func(a, b netip.Addr) int {
		return rank(a) - rank(b)
	})
	return own, nil
}

func rank(a netip.Addr) int {
	r := 0
	if a.IsLoopback() {
		r += 2
	}
	if a.Is6() {
		r++
	}
	return r
}
