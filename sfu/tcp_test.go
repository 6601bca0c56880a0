package sfu_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

// tcpOnly is a participant without UDP.
func tcpOnly(slots int) sfutest.Options {
	return sfutest.Options{Slots: slots, Setting: func(e *webrtc.SettingEngine) {
		e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
		e.SetIPFilter(net.IP.IsLoopback)
	}}
}

// protocol says over what a participant's pair goes.
func (m *member) protocol(t *testing.T) webrtc.ICEProtocol {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		pair, err := m.PC.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
		switch {
		case err == nil && pair != nil:
			return pair.Remote.Protocol
		case time.Now().After(end):
			t.Fatalf("no pair: %v", err)
		}
		time.Sleep(time.Millisecond) // there is no event to wait for
	}
}

func heard(m sfutest.Media) bool { return m.Source == sfu.Microphone }

// overTCP waits until so many peers' media goes over TCP.
func overTCP(t *testing.T, s *sfu.SFU, n int) {
	t.Helper()
	for end := time.Now().Add(patience); s.Stats().OverTCP != n; {
		if time.Now().After(end) {
			t.Fatalf("%d peers are over TCP, not %d", s.Stats().OverTCP, n)
		}
		time.Sleep(time.Millisecond) // there is no event to wait for
	}
}

// Without UDP, people see and hear each other over TCP, and who has UDP.
func TestCallOverTCP(t *testing.T) {
	s := start(t, func(c *sfu.Config) { c.Loops = 2 })
	a := join(t, s, "room", "a", tcpOnly(2))
	b := join(t, s, "room", "b", tcpOnly(2))
	c := join(t, s, "room", "c", sfutest.Options{Slots: 2})
	for _, m := range []*member{a, b} {
		if p := m.protocol(t); p != webrtc.ICEProtocolTCP {
			t.Errorf("a pair over %v", p)
		}
	}
	if p := c.protocol(t); p != webrtc.ICEProtocolUDP {
		t.Errorf("a pair over %v, though there is UDP", p)
	}
	a.stream(t, 1, "l", "h")
	b.stream(t, 2, "l", "h")
	for _, m := range []*member{a, b, c} {
		m.next(t, "a voice", heard)
		for range 50 {
			m.next(t, "a picture", camera)
		}
	}
	overTCP(t, s, 2)
	if n := s.Stats().StreamDropped; n != 0 {
		t.Errorf("%d packets were dropped", n)
	}
	a.peer.Close()
	overTCP(t, s, 1)
}

// without leaves candidates out that have a word in them.
func without(word *string) func(string) string {
	return func(sdp string) string {
		out := ""
		for line := range strings.Lines(sdp) {
			if !strings.HasPrefix(line, "a=candidate:") || !strings.Contains(line, *word) {
				out += line
			}
		}
		return out
	}
}

// Over an ICE restart, the path may change: from TCP to TCP again, to UDP and
// back. Slots, streams and keys go on.
func TestPathChangesBetweenTCPAndUDP(t *testing.T) {
	s := start(t)
	blocked := " udp "
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1, Answer: without(&blocked), Setting: func(e *webrtc.SettingEngine) {
		e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
		e.SetIPFilter(net.IP.IsLoopback)
	}})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	a.stream(t, 1, "l", "h")
	b.stream(t, 2, "l", "h")
	first := a.next(t, "b's camera", camera)
	b.next(t, "a's camera", camera)
	overTCP(t, s, 1)
	for i, change := range []struct {
		blocked string
		want    webrtc.ICEProtocol
	}{{" udp ", webrtc.ICEProtocolTCP}, {" tcp ", webrtc.ICEProtocolUDP}, {" udp ", webrtc.ICEProtocolTCP}} {
		blocked = change.blocked
		o, err := a.Offer(true)
		if err != nil {
			t.Fatal(err)
		}
		all := " "
		o.SDP = without(&all)(o.SDP) // as the page does: else the server would check them, over UDP
		answer, err := a.peer.Negotiate(deadline(t), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Answer(answer); err != nil {
			t.Fatal(err)
		}
		a.until(t, "the connection after the restart", func(st sfutest.State) bool { return st.Connected >= i+2 })
		if p := a.protocol(t); p != change.want {
			t.Errorf("restart %d: over %v", i, p)
		}
		overTCP(t, s, map[webrtc.ICEProtocol]int{webrtc.ICEProtocolTCP: 1}[change.want])
		drain(a)
		if again := a.next(t, "b's camera after the restart", camera); again.Packet.SSRC != first.Packet.SSRC {
			t.Error("the slot has another SSRC")
		}
		drain(b)
		b.next(t, "a's camera after the restart", camera)
	}
}

// cable stands between a participant and the media port, and can be cut: then it
// connects anew, as a browser does that has lost its connection.
type cable struct {
	net.Listener
	to string
	mu sync.Mutex
	up net.Conn
}

func (c *cable) run(t *testing.T) {
	client, err := c.Accept()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	dial := func() {
		var d net.Dialer
		up, err := d.DialContext(t.Context(), "tcp", c.to)
		if err != nil {
			return
		}
		c.mu.Lock()
		c.up = up
		c.mu.Unlock()
		go carry(client, up)
	}
	dial()
	for {
		b, err := whole(client)
		if err != nil {
			return
		}
		c.mu.Lock()
		up := c.up
		c.mu.Unlock()
		if _, err := up.Write(b); err != nil {
			dial()
		}
	}
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.up.Close()
}

// whole reads a frame.
func whole(from io.Reader) ([]byte, error) {
	b := make([]byte, 2)
	if _, err := io.ReadFull(from, b); err != nil {
		return nil, err
	}
	b = append(b, make([]byte, binary.BigEndian.Uint16(b))...)
	_, err := io.ReadFull(from, b[2:])
	return b, err
}

func carry(to io.Writer, from io.Reader) {
	for {
		b, err := whole(from)
		if err != nil {
			return
		}
		if _, err := to.Write(b); err != nil {
			return
		}
	}
}

// A browser whose TCP connection breaks makes another and goes on, without a
// word in the signalling: so does its media.
func TestConnectionBreaksOverTCP(t *testing.T) {
	s := start(t)
	port := strconv.Itoa(s.TCPPort())
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{Listener: l, to: "127.0.0.1:" + port}
	var wg sync.WaitGroup
	wg.Go(func() { c.run(t) })
	opt := tcpOnly(1)
	_, own, _ := net.SplitHostPort(l.Addr().String())
	opt.Answer = func(answer string) string {
		return strings.ReplaceAll(answer, " "+port+" typ host tcptype", " "+own+" typ host tcptype")
	}
	a := join(t, s, "room", "a", opt)
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	t.Cleanup(func() {
		_ = a.Close()
		_ = l.Close()
		c.cut()
		wg.Wait()
	})
	a.stream(t, 1, "l", "h")
	b.stream(t, 2, "l", "h")
	for range 3 {
		a.next(t, "b's camera", camera)
		b.next(t, "a's camera", camera)
		c.cut()
		drain(a)
		drain(b)
	}
	a.next(t, "b's camera", camera)
	b.next(t, "a's camera", camera)
	if st, _ := a.seen.State(); st.Disconnected > 0 || st.Connected != 1 {
		t.Errorf("%+v", st)
	}
}

// drain throws away what has come so far.
func drain(m *member) {
	for {
		select {
		case <-m.Media:
		default:
			return
		}
	}
}

// knock opens a TCP connection to the media port and sends bytes.
func knock(t *testing.T, s *sfu.SFU, b ...[]byte) net.Conn {
	t.Helper()
	return knockAt(t, s, "127.0.0.1", b...)
}

func knockAt(t *testing.T, s *sfu.SFU, host string, b ...[]byte) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(deadline(t), "tcp", net.JoinHostPort(host, strconv.Itoa(s.TCPPort())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	for _, p := range b {
		if _, err := conn.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}

func frame(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) //nolint:gosec // short
}

func shut(t *testing.T, what string, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, conn)
	if ne := net.Error(nil); n > 0 || errors.As(err, &ne) && ne.Timeout() {
		t.Errorf("%s: %d bytes came back, %v", what, n, err)
	}
}

// Whoever does not begin with the STUN of somebody who is there is hung up on;
// who says nothing, too, and they are not many; calls go on.
func TestStrangersOverTCP(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", tcpOnly(1))
	b := join(t, s, "room", "b", tcpOnly(1))
	a.stream(t, 1, "l", "h")
	request := func(name string) []byte {
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(name), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		return frame(m.Raw)
	}
	rtp, dtls := frame([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0}), frame([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1})
	for name, first := range map[string][]byte{
		"HTTP":                []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"nothing in it":       {0, 0},
		"a short one":         frame([]byte{0, 1, 2}),
		"a huge one":          {0xff, 0xff, 0, 1},
		"nobody's STUN":       request("nobody:x"),
		"STUN without a name": frame([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
		"media":               bytes.Repeat(rtp, 300),
		"DTLS without proof":  append(request(ufragOf(t, a)+":x"), bytes.Repeat(dtls, 300)...),
	} {
		shut(t, name, knock(t, s, first))
	}
	for range 200 { // more than one address may have; they say nothing
		knock(t, s)
	}
	shut(t, "one stranger too many", knock(t, s))
	if n := s.Stats().StreamsRefused; n < 8+200-32 {
		t.Errorf("%d were refused", n)
	}
	drain(b)
	b.next(t, "a's camera", camera)
}

// Checks are answered over IPv4 and IPv6 alike, whatever addresses pion finds on the
// machine: of IPv6 there may be loopback alone.
func TestChecksOverTCP(t *testing.T) {
	probe, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	_ = probe.Close()
	s := start(t, func(c *sfu.Config) { c.Announce = sfutest.Addrs("127.0.0.1", "::1") })
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	for _, host := range []string{"127.0.0.1", "::1"} {
		check, err := a.Check()
		if err != nil {
			t.Fatal(err)
		}
		conn := knockAt(t, s, host, frame(check.Raw))
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		var answer stun.Message
		for answer.TransactionID != check.TransactionID { // this end is checked, too
			if answer.Raw, err = whole(conn); err != nil {
				t.Fatalf("%s: %v", host, err)
			}
			answer.Raw = answer.Raw[2:]
			if err := answer.Decode(); err != nil {
				t.Fatal(err)
			}
		}
		var seen stun.XORMappedAddress
		if err := seen.GetFrom(&answer); err != nil || seen.String() != conn.LocalAddr().String() {
			t.Errorf("%s: seen at %v, not %v: %v", host, seen, conn.LocalAddr(), err)
		}
	}
}

// ufragOf is the one that the answer named.
func ufragOf(t *testing.T, m *member) string {
	t.Helper()
	for line := range strings.Lines(m.PC.RemoteDescription().SDP) {
		if u, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			return strings.TrimSpace(u)
		}
	}
	t.Fatal("no ufrag in the answer")
	return ""
}
