package signaling_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

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

// A stranger whose join was refused may go on sending until the socket is closed:
// nothing of it is kept.
func TestWhatFollowsARefusalIsNotKept(t *testing.T) {
	const whole, chunk = 64 << 20, 64 << 10
	k := open(t)
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(k.http.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // the test is over
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("GET /ws HTTP/1.1\r\nHost: sportello.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%+v, %v", res, err)
	}
	_ = res.Body.Close()
	// frame is the header of a masked one (RFC 6455, section 5.2); the key is zero.
	frame := func(opcode byte, size int) []byte {
		head := []byte{0x80 | opcode, 0x80 | byte(size)} //nolint:gosec // where it is small
		if size > 125 {
			head = binary.BigEndian.AppendUint64([]byte{0x80 | opcode, 0x80 | 127}, uint64(size))
		}
		return append(head, 0, 0, 0, 0)
	}
	join, err := protocol.Encode(protocol.Join{Version: protocol.Version, Token: "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(append(frame(1, len(join)), join...)); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := c.Write(frame(2, whole)); err != nil {
		t.Fatal(err)
	}
	sent, zeros := 0, make([]byte, chunk)
	for sent < whole {
		n, err := c.Write(zeros)
		if sent += n; err != nil {
			break // the socket was closed
		}
	}
	runtime.ReadMemStats(&after)
	if sent < whole/8 {
		t.Fatalf("only %d bytes were taken", sent)
	}
	if took := int(after.TotalAlloc - before.TotalAlloc); took > sent/4 { //nolint:gosec // some megabytes
		t.Errorf("%d bytes of memory for %d that nobody reads", took, sent)
	}
}
