package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"sportello/internal/testenv"
	"sportello/signaling/protocol"
)

func TestHelloOffersTheRelayWhereItIsOn(t *testing.T) {
	t.Parallel()
	for port, on := range map[string]bool{"": false, "0": true} {
		t.Run("port "+port, func(t *testing.T) {
			t.Parallel()
			vars := serveVars(testenv.PostgresURL(t), testenv.RedisServer(t, shortDir(t)).URL())
			vars["SPORTELLO_PRIVATE_ADDR"] = ":0"
			if on {
				vars["SPORTELLO_TURN_PORT"] = port
			}
			c := start(t, vars, "serve")
			ws, res, err := websocket.Dial(t.Context(), "ws://"+c.Listening.String()+"/ws", nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.Body != nil {
				defer res.Body.Close() //nolint:errcheck // hijacked
			}
			defer ws.CloseNow() //nolint:errcheck // the test is over
			var hello protocol.Hello
			if err := wsjson.Read(t.Context(), ws, &hello); err != nil {
				t.Fatal(err)
			}
			_, metrics := fetch(t, "http://"+c.Private.String()+"/metrics")
			if strings.Contains(metrics, "sportello_relay_allocations 0\n") != on {
				t.Errorf("relay on: %v, its metrics: %v", on, !on)
			}
			if !on {
				if len(hello.ICEServers) != 0 {
					t.Errorf("%+v", hello.ICEServers)
				}
				return
			}
			if len(hello.ICEServers) != 1 {
				t.Fatalf("%+v", hello.ICEServers)
			}
			s := hello.ICEServers[0]
			if len(s.URLs) != 2 || !strings.HasPrefix(s.URLs[0], "turn:127.0.0.1:") || s.Username == "" || s.Credential == "" {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestRelayURLs(t *testing.T) {
	t.Parallel()
	var all []netip.AddrPort
	for _, a := range []string{"192.0.2.1:7882", "192.0.2.1:7883", "192.0.2.2:7882", "192.0.2.2:7883", "127.0.0.1:7882", "[2001:db8::1]:7882", "[::1]:7882"} {
		all = append(all, netip.MustParseAddrPort(a))
	}
	media := firstOfEachFamily(all)
	if len(media) != 3 || media[1] != all[1] { // with both ports
		t.Errorf("%v", media)
	}
	got := relayURLs(media, 3478, "https://sportello.example/", true)
	want := []string{
		"turn:192.0.2.1:3478?transport=udp", "turn:192.0.2.1:3478?transport=tcp",
		"turn:[2001:db8::1]:3478?transport=udp", "turn:[2001:db8::1]:3478?transport=tcp",
		"turns:sportello.example:3478?transport=tcp",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for given, on := range map[string]bool{"": false, "off": false, "0": true, "3478": true} {
		if _, got, err := (settings{TurnPort: given}).turnPort(); got != on || err != nil {
			t.Errorf("%q: %v %v", given, got, err)
		}
	}
}
