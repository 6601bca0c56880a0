package signaling_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sportello/booking/token"
	"sportello/signaling"
	"sportello/signaling/protocol"
)

func TestGateRefuses(t *testing.T) {
	k := open(t)
	k.tokens.err["damaged"] = token.ErrDamaged
	k.tokens.err["cancelled"] = token.ErrCancelled
	k.tokens.err["away"] = errAway
	k.grant("early", token.RoleCitizen, "30")
	k.grant("late", token.RoleCitizen, "-5")
	k.grant("earlyhost", token.RoleHost, "30")
	for secret, code := range map[string]protocol.Code{
		"damaged": protocol.CodeTokenDamaged, "nobody": protocol.CodeTokenUnknown, "cancelled": protocol.CodeCancelled,
		"away": protocol.CodeUnavailable, "early": protocol.CodeTooEarly, "late": protocol.CodeTooLate,
		"earlyhost": protocol.CodeTooEarly,
	} {
		t.Run(secret, func(t *testing.T) {
			c := k.join(secret)
			c.t = t
			e := c.expectError(code, true)
			if e.Ref != "join" {
				t.Errorf("ref %q", e.Ref)
			}
			if want := k.tokens.grants["early"].NotBefore; code == protocol.CodeTooEarly && (e.NotBefore == nil || !e.NotBefore.Equal(want)) {
				t.Errorf("not before %v, want %v", e.NotBefore, want)
			}
		})
	}
	if st := k.server.Stats(); st.Refused != 7 || st.Joined != 0 || st.Rooms != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestTheRoomIsNamedInTheLanguageAskedFor(t *testing.T) {
	k := open(t)
	k.grant("anna", token.RoleHost, "1")
	k.grant("bruno", token.RoleCitizen, "1")
	join := func(name, lang, resume string) *client {
		c := k.dial()
		m := protocol.Join{Version: protocol.Version, Language: lang, Resume: resume}
		if resume == "" {
			m.Token = name
		}
		c.send(m)
		return c
	}
	host := wait[protocol.Joined](join("anna", "en", ""))
	if host.Room.Office != "Registry" || host.Room.Service != "Carta d'identità" {
		t.Errorf("an English host is told %q, %q", host.Room.Office, host.Room.Service)
	}
	italian := wait[protocol.Waiting](join("bruno", "it", ""))
	if italian.Room.Office != "Anagrafe" {
		t.Errorf("an Italian citizen is told %q", italian.Room.Office)
	}
	english := wait[protocol.Waiting](join("bruno", "en", italian.Resume))
	if english.Room.Office != "Registry" {
		t.Errorf("the same citizen, come back in English, is told %q", english.Room.Office)
	}
}

func TestErrorsSpeakTheLanguageAskedFor(t *testing.T) {
	k := open(t)
	texts := map[string]string{}
	for _, lang := range []string{"it", "en"} {
		c := k.dial()
		wait[protocol.Hello](c)
		c.send(protocol.Join{Version: protocol.Version, Token: "nobody", Language: lang})
		texts[lang] = wait[protocol.Error](c).Message
	}
	if !strings.Contains(texts["it"], "appuntamento") || !strings.Contains(texts["en"], "appointment") {
		t.Errorf("texts %q", texts)
	}
}

func TestFirstMessageMustBeAJoin(t *testing.T) {
	k := open(t)
	for name, first := range map[string]struct {
		kind websocket.MessageType
		data string
		code protocol.Code
	}{
		"not JSON":     {websocket.MessageText, "hello", protocol.CodeBadMessage},
		"unknown type": {websocket.MessageText, `{"type":"sudo"}`, protocol.CodeBadMessage},
		"other type":   {websocket.MessageText, `{"type":"chat","id":"1","text":"x"}`, protocol.CodeBadMessage},
		"binary":       {websocket.MessageBinary, `{"type":"ping","id":1}`, protocol.CodeBadMessage},
		"version":      {websocket.MessageText, `{"type":"join","version":99,"token":"mario"}`, protocol.CodeVersion},
		"two secrets":  {websocket.MessageText, `{"type":"join","version":1,"token":"a","resume":"b"}`, protocol.CodeBadMessage},
		"oversized":    {websocket.MessageText, strings.Repeat("x", protocol.MaxMessageBytes+1), protocol.CodeTooLarge},
		"bad resume":   {websocket.MessageText, `{"type":"join","version":1,"resume":"AAAA"}`, protocol.CodeResumeLost},
	} {
		t.Run(name, func(t *testing.T) {
			c := k.dial()
			c.t = t
			wait[protocol.Hello](c)
			c.write(first.kind, []byte(first.data))
			c.expectError(first.code, true)
		})
	}
}

func TestHelloSaysTheLimits(t *testing.T) {
	k := open(t, func(c *signaling.Config) {
		c.ICEServers = []protocol.ICEServer{{URLs: []string{"stun:192.0.2.1"}}}
	})
	h := next[protocol.Hello](k.dial())
	if h.Version != protocol.Version || h.Limits.FileBytes != 100<<20 || h.Limits.Participants != 6 ||
		h.Limits.ChatChars != protocol.MaxChatChars || h.Limits.MessageBytes != protocol.MaxMessageBytes || len(h.ICEServers) != 1 {
		t.Errorf("hello %+v", h)
	}
}

func TestJoinMustComeInTime(t *testing.T) {
	k := open(t, func(c *signaling.Config) { c.JoinTimeout = 30 * time.Millisecond })
	c := k.dial()
	wait[protocol.Hello](c)
	c.expectError(protocol.CodeJoinTimeout, true)
}

// knock asks for an upgrade and gives the answer's status.
func (k *counter) knock(h http.Header) int {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), patience)
	defer cancel()
	ws, res, err := websocket.Dial(ctx, k.http.URL, &websocket.DialOptions{HTTPHeader: h})
	if ws != nil {
		defer func() { _ = ws.CloseNow() }()
	}
	if res == nil {
		k.t.Fatal(err)
	}
	if res.Body != nil {
		_ = res.Body.Close()
	}
	return res.StatusCode
}

func TestOrigin(t *testing.T) {
	k := open(t)
	for origin, want := range map[string]int{
		"https://evil.example":      http.StatusForbidden,
		"null":                      http.StatusForbidden,
		"https://sportello.example": http.StatusSwitchingProtocols,
		k.http.URL:                  http.StatusSwitchingProtocols,
	} {
		if got := k.knock(http.Header{"Origin": {origin}}); got != want {
			t.Errorf("origin %s: %d, want %d", origin, got, want)
		}
	}
}

func TestConnectionsPerAddress(t *testing.T) {
	k := open(t, func(c *signaling.Config) { c.ConnectionsPerIP = 2 })
	k.dial()
	second := k.dial()
	if got := k.knock(nil); got != http.StatusTooManyRequests {
		t.Fatalf("the third connection: %d", got)
	}
	// A place that is given back can be had.
	_ = second.ws.Close(websocket.StatusNormalClosure, "")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for k.knock(nil) != http.StatusSwitchingProtocols {
		if ctx.Err() != nil {
			t.Fatal("the place was not given back")
		}
	}
}

func TestRateLimit(t *testing.T) {
	k := open(t, func(c *signaling.Config) { c.MessageBurst, c.MessagesPerSecond = 10, 0.001 })
	c, _ := k.host()
	for i := range 10 { // the join was one
		c.send(protocol.Ping{ID: int64(i)})
	}
	for i := range 9 {
		if p := wait[protocol.Pong](c); p.ID != int64(i) {
			t.Fatalf("pong %d, want %d", p.ID, i)
		}
	}
	c.expectError(protocol.CodeRateLimited, true)
}

func TestBadMessagesInTheRoom(t *testing.T) {
	k := open(t)
	c, _ := k.host()
	for data, ref := range map[string]string{
		`{"type":"chat","id":"1"}`: "chat", `{"type":"sudo"}`: "sudo", `{]`: "", `{"type":"view","slot":9,"quality":"low"}`: "view",
	} {
		c.write(websocket.MessageText, []byte(data))
		if e := c.expectError(protocol.CodeBadMessage, false); e.Ref != ref {
			t.Errorf("%s: ref %q, want %q", data, e.Ref, ref)
		}
	}
	c.send(protocol.Join{Version: protocol.Version, Token: "anna"})
	c.expectError(protocol.CodeBadMessage, false)
	c.send(protocol.Ping{ID: 5})
	wait[protocol.Pong](c)
	c.write(websocket.MessageBinary, []byte{1})
	c.expectError(protocol.CodeBadMessage, true)
}

func TestOversizedInTheRoom(t *testing.T) {
	k := open(t)
	c, _ := k.host()
	c.write(websocket.MessageText, []byte(`{"type":"chat","id":"1","text":"`+strings.Repeat("x", protocol.MaxMessageBytes)+`"}`))
	c.expectError(protocol.CodeTooLarge, true)
}
