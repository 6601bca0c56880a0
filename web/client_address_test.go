package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOnlyTrustedProxiesSayWhoAsks(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, x := range []struct{ name, peer, forwarded, want string }{
		{"no proxy", "192.0.2.1:5", "203.0.113.9", "192.0.2.1"},
		{"one proxy", "10.1.1.1:5", "203.0.113.9", "203.0.113.9"},
		{"two proxies", "10.1.1.1:5", "203.0.113.9, 10.2.2.2", "203.0.113.9"},
		{"a client that lies", "10.1.1.1:5", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{"rubbish", "10.1.1.1:5", "nobody", "10.1.1.1"},
		{"no header", "10.1.1.1:5", "", "10.1.1.1"},
		{"IPv4 as a proxy that listens on both names it", "10.1.1.1:5", "::ffff:203.0.113.9", "203.0.113.9"},
		{"IPv4 on a socket for both", "[::ffff:192.0.2.1]:5", "", "192.0.2.1"},
		{"IPv6 network", "[::1]:5", "2001:db8:1:2:3::4", "2001:db8:1:2::"},
	} {
		t.Run(x.name, func(t *testing.T) {
			got := ""
			h := TrustProxies(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = PeerAddress(r) }))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = x.peer
			if x.forwarded != "" {
				r.Header.Set("X-Forwarded-For", x.forwarded)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != x.want {
				t.Errorf("asked by %s, want %s", got, x.want)
			}
		})
	}
}
