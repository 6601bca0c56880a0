package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"sportello/sfu"
	"sportello/sfu/relay"
	"sportello/signaling/protocol"
)

// portOff is the value of a port's setting that opens none.
const portOff = "off"

// turnPort tells where the relay should listen; on is false where it should not.
func (s settings) turnPort() (port int, on bool, err error) {
	if s.TurnPort == portOff || s.TurnPort == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(s.TurnPort, 10, 16)
	if err != nil {
		return 0, false, fmt.Errorf("%q is neither off nor a port", s.TurnPort)
	}
	return int(n), true, nil
}

// turn is the relay as signalling needs it.
type turn struct {
	*relay.Server
	urls []string
}

// openRelay opens the way in for networks that let no UDP out; nil where it is
// off. Browsers reach it at the media server's own addresses.
func openRelay(s settings, media *sfu.SFU, tlsConfig *tls.Config, log *slog.Logger) (*turn, error) {
	port, on, err := s.turnPort()
	if err != nil || !on {
		return nil, err
	}
	to := firstOfEachFamily(media.Addresses())
	r, err := relay.New(relay.Config{Port: port, TLS: tlsConfig, Media: to, Logger: log.With("part", "relay")})
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("the relay's port (UDP and TCP %d) is taken: choose another with SPORTELLO_TURN_PORT: %w", port, err)
	}
	if err != nil {
		return nil, err
	}
	media.Behind(r)
	return &turn{r, relayURLs(to, r.Port(), s.PublicURL, tlsConfig != nil)}, nil
}

// firstOfEachFamily takes the best announced address of IPv4 and of IPv6, with
// all its ports.
func firstOfEachFamily(all []netip.AddrPort) (few []netip.AddrPort) {
	for _, v4 := range []bool{true, false} {
		best := netip.Addr{}
		for _, a := range all {
			if a.Addr().Is4() == v4 && (!best.IsValid() || a.Addr() == best) {
				best = a.Addr()
				few = append(few, a)
			}
		}
	}
	return few
}

// relayURLs are the RFC 7065 addresses of the relay. With TLS the name must be
// the certificate's: that of the pages.
func relayURLs(media []netip.AddrPort, port int, public string, secure bool) (urls []string) {
	for i, a := range media {
		if i > 0 && media[i-1].Addr() == a.Addr() {
			continue // another port of the same
		}
		for _, transport := range []string{"udp", "tcp"} {
			urls = append(urls, fmt.Sprintf("turn:%s?transport=%s", netip.AddrPortFrom(a.Addr(), uint16(port)), transport)) //nolint:gosec // a port
		}
	}
	if u, err := url.Parse(public); err == nil && secure && u.Hostname() != "" {
		urls = append(urls, fmt.Sprintf("turns:%s?transport=tcp", net.JoinHostPort(u.Hostname(), strconv.Itoa(port))))
	}
	return urls
}

// Issue implements signaling.Relay.
func (t *turn) Issue() (id string, servers []protocol.ICEServer, err error) {
	c, err := t.Server.Issue()
	if err != nil {
		return "", nil, err
	}
	return c.ID, []protocol.ICEServer{{URLs: t.urls, Username: c.Username, Credential: c.Password}}, nil
}

// Admit implements signaling.Relay.
func (t *turn) Admit(id, identity string, until time.Time) { t.Server.Admit(id, identity, until) }
