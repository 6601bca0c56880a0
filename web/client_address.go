package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/go-chi/httprate"
)

// TrustProxies puts the client's address into RemoteAddr where the connection
// comes from a proxy that we trust: the last address of X-Forwarded-For that
// is not such a proxy itself. What a client wrote before it is ignored.
// Without it all citizens behind a proxy would share one limit.
func TrustProxies(proxies []netip.Prefix, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	trusted := func(address string) bool {
		ip, err := netip.ParseAddr(address)
		if err != nil {
			return false
		}
		for _, p := range proxies {
			if p.Contains(ip.Unmap()) {
				return true
			}
		}
		return false
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, port, err := net.SplitHostPort(r.RemoteAddr)
		if err == nil && trusted(host) {
			hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
			for i := len(hops) - 1; i >= 0; i-- {
				hop := strings.TrimSpace(hops[i])
				if _, err := netip.ParseAddr(hop); err != nil {
					break
				}
				r.RemoteAddr = net.JoinHostPort(hop, port)
				if !trusted(hop) {
					break
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// PeerAddress is who a request comes from, an IPv6 network counting as one.
func PeerAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return httprate.CanonicalizeIP(host)
}
