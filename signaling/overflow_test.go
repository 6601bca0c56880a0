package signaling_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"sportello/booking/token"
	"sportello/sfu"
	"sportello/signaling"
	"sportello/signaling/protocol"
)

func TestFullMailboxEndsTheSession(t *testing.T) {
	k := open(t, func(c *signaling.Config) { c.Mailbox = 8 })
	stuck, inside := make(chan struct{}), make(chan struct{})
	anna, mario, _, m := k.call()
	k.media.publish = func(p *peer, _ sfu.Source, _ bool) {
		if p.name == m.Peer {
			close(inside)
			<-stuck
		}
	}
	mario.send(protocol.Publish{Source: protocol.SourceCamera, On: true})
	<-inside
	for i := range 9 {
		anna.send(protocol.Chat{ID: fmt.Sprint(i), Text: "x"})
		wait[protocol.ChatLine](anna)
	}
	close(stuck)
	if l := wait[protocol.Left](anna); l.Peer != m.Peer {
		t.Errorf("left %+v", l)
	}
	mario.closeStatus()
	if st := k.server.Stats(); st.Overflowed != 1 {
		t.Errorf("stats %+v", st)
	}
}

// thin is a listener whose connections hold hardly anything in the kernel.
type thin struct{ net.Listener }

func (l thin) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if t, ok := c.(*net.TCPConn); ok {
		err = t.SetWriteBuffer(1)
	}
	return c, err
}

func TestFullOutboxClosesTheSocketAndKeepsTheSeat(t *testing.T) {
	k := open(t, func(c *signaling.Config) { c.Outbox = 8 })
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: k.server, ReadHeaderTimeout: patience}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(thin{l}) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })

	anna, _ := k.host()
	k.grant("lento", token.RoleHost, "1")
	dialer := &net.Dialer{}
	ws, res, err := websocket.Dial(t.Context(), "ws://"+l.Addr().String(), &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, n, a string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, n, a)
			if err == nil {
				err = c.(*net.TCPConn).SetReadBuffer(1)
			}
			return c, err
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	if res.Body != nil {
		_ = res.Body.Close()
	}
	ws.SetReadLimit(-1)
	if err := ws.Write(t.Context(), websocket.MessageText, []byte(`{"type":"join","version":1,"token":"lento"}`)); err != nil {
		t.Fatal(err)
	}
	var slow protocol.Joined
	for slow.Peer == "" {
		_, data, err := ws.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m, err := protocol.DecodeServer(data); err == nil {
			slow, _ = m.(protocol.Joined)
		}
	}
	wait[protocol.Participant](anna)
	// From here on the slow client reads nothing.
	closed := false
	for n := 0; !closed && n < 800; n++ {
		id := fmt.Sprint(n)
		anna.send(protocol.Chat{ID: id, Text: strings.Repeat(id+" é", 200)})
		for said := false; !said; {
			switch m := (<-anna.in).(type) {
			case protocol.ChatLine:
				said = m.ID == id
			case protocol.Participant:
				closed = closed || m.Peer == slow.Peer && m.State == protocol.StateReconnecting
			case nil:
				t.Fatal("the socket of the fast one closed")
			}
		}
	}
	if !closed {
		t.Fatal("the slow socket was not closed")
	}
	if st := k.server.Stats(); st.Overflowed != 0 || st.InRoom != 2 {
		t.Fatalf("stats %+v", st)
	}
	anna.send(protocol.Chat{ID: "last", Text: "fine"})
	until(anna, func(l protocol.ChatLine) bool { return l.ID == "last" })
	// Nothing was lost on the way.
	j := next[protocol.Joined](k.resume(slow.Resume, 0))
	for i, line := range j.Chat {
		if line.Seq != j.Chat[0].Seq+int64(i) {
			t.Fatalf("line %d has seq %d", i, line.Seq)
		}
	}
	if last := j.Chat[len(j.Chat)-1]; last.ID != "last" || !j.Resumed {
		t.Errorf("the last line is %+v", last)
	}
}
