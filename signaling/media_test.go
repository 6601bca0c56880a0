package signaling_test

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"sportello/booking/token"
	"sportello/sfu"
	"sportello/sfu/sfutest"
	"sportello/signaling"
	"sportello/signaling/protocol"
)

// sfuMedia makes the media server a Media, as cmd does.
type sfuMedia struct{ sfu *sfu.SFU }

func (m sfuMedia) Join(room, peer string, o sfu.Observer) (signaling.MediaPeer, error) {
	p, err := m.sfu.Join(room, peer, o)
	if err != nil {
		return nil, err // not p: a nil *sfu.Peer in an interface is not nil
	}
	return p, nil
}

// withSFU makes a counter with the real media server on loopback.
func withSFU(t *testing.T) *counter {
	t.Helper()
	m, err := sfu.New(sfu.Config{
		Announce: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close the media server: %v", err)
		}
		if n := m.Stats().Blocked; n != 0 {
			t.Errorf("pion sent %d SRTP packets with the loop's keys", n)
		}
	})
	return open(t, func(c *signaling.Config) { c.Media = sfuMedia{m} })
}

// browser is a client with a real media connection.
type browser struct {
	*client
	joined protocol.Joined
	rtc    *sfutest.Client
}

// connect negotiates over signalling, and waits until media flows.
func connect(t *testing.T, c *client, j protocol.Joined) *browser {
	t.Helper()
	rtc, err := sfutest.NewClient(sfutest.Options{Slots: 3, Setting: func(s *webrtc.SettingEngine) { s.SetIncludeLoopbackCandidate(true) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rtc.Close() })
	up := make(chan struct{}, 8)
	rtc.PC.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			up <- struct{}{}
		}
	})
	b := &browser{c, j, rtc}
	b.negotiate(t, false)
	select {
	case <-up:
	case <-time.After(patience):
		t.Fatal("no media connection")
	}
	return b
}

func (b *browser) negotiate(t *testing.T, restart bool) {
	t.Helper()
	o, err := b.rtc.Offer(restart)
	if err != nil {
		t.Fatal(err)
	}
	offer := protocol.Offer{SDP: o.SDP, Send: protocol.SendSections(o.Send)}
	for _, r := range o.Receive {
		offer.Receive = append(offer.Receive, protocol.SlotSections(r))
	}
	b.send(offer)
	if err := b.rtc.Answer(wait[protocol.Answer](b.client).SDP); err != nil {
		t.Fatal(err)
	}
}

func TestThreePeopleHearAndSeeEachOther(t *testing.T) {
	k := withSFU(t)
	anna, mario, a, m := k.call()
	luca := k.join("luca")
	w := wait[protocol.Waiting](luca)
	anna.send(protocol.Admit{Session: w.Session})
	l := wait[protocol.Joined](luca)

	people := []*browser{connect(t, anna, a), connect(t, mario, m), connect(t, luca, l)}
	for i, b := range people {
		b.send(protocol.Publish{Source: protocol.SourceMicrophone, On: true})
		b.send(protocol.Publish{Source: protocol.SourceCamera, On: true})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = b.rtc.Stream(ctx, byte(100+i), "l", "h") }() //nolint:gosec // 100 to 102
		t.Cleanup(func() { stop(); <-done })
	}
	for i, b := range people {
		// Which slot carries whom is what signalling says.
		slots := b.slots
		for len(slots) < 2 {
			wait[protocol.Assign](b.client)
		}
		heard, limit := map[string]int{}, time.After(patience)
		last := map[string]uint16{}
		enough := func() bool {
			n := 0
			for _, count := range heard {
				if count >= 20 {
					n++
				}
			}
			return n == 4 // two others, audio and camera
		}
		for !enough() {
			select {
			case x := <-b.rtc.Media:
				from := slots[x.Slot]
				at := 0
				if x.Source == sfu.Camera {
					at = 6 // behind the VP8 header and the frame tag
				}
				if len(x.Packet.Payload) <= at || from == "" {
					continue
				}
				mark := x.Packet.Payload[at]
				if int(mark) < 100 || int(mark) > 102 || int(mark) == 100+i || people[mark-100].joined.Peer != from {
					t.Fatalf("%s got packet %d in the slot of %s", b.joined.Name, mark, from)
				}
				key := from + []string{"/mic", "/cam", "/screen", "/sound"}[x.Source]
				if heard[key] > 0 && int16(x.Packet.SequenceNumber-last[key]) <= 0 { //nolint:gosec // serial number arithmetic
					t.Fatalf("%s: packet %d after %d", key, x.Packet.SequenceNumber, last[key])
				}
				last[key] = x.Packet.SequenceNumber
				heard[key]++
			case <-limit:
				t.Fatalf("%s heard only %v", b.joined.Name, heard)
			}
		}
	}
}

func TestResumeKeepsTheMedia(t *testing.T) {
	k := withSFU(t)
	anna, mario, a, m := k.call()
	people := []*browser{connect(t, anna, a), connect(t, mario, m)}
	people[1].send(protocol.Publish{Source: protocol.SourceMicrophone, On: true})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = people[1].rtc.Stream(ctx, 101) }()
	t.Cleanup(func() { stop(); <-done })
	hear := func() {
		t.Helper()
		for range 20 {
			select {
			case <-people[0].rtc.Media:
			case <-time.After(patience):
				t.Fatal("nothing is heard")
			}
		}
	}
	hear()
	_ = mario.ws.CloseNow()
	until(anna, func(p protocol.Participant) bool { return p.State == protocol.StateReconnecting })
	hear() // while the socket is down
	people[1].client = k.resume(m.Resume, 0)
	if j := next[protocol.Joined](people[1].client); !j.Resumed {
		t.Errorf("joined %+v", j)
	}
	people[1].negotiate(t, true) // an ICE restart over the new socket
	hear()
}

func TestFileThroughTheRealRelay(t *testing.T) {
	k := withSFU(t)
	anna, mario, a, m := k.call()
	sender, receiver := connect(t, anna, a), connect(t, mario, m)
	type message struct {
		data string
		text bool
		err  error
	}
	got := make(chan message, 64)
	receiver.rtc.PC.OnDataChannel(func(d *webrtc.DataChannel) {
		d.OnOpen(func() {
			raw, err := d.Detach()
			for buf := make([]byte, 64<<10); err == nil; {
				var n int
				var text bool
				n, text, err = raw.ReadDataChannel(buf)
				got <- message{string(buf[:n]), text, err}
			}
		})
	})
	content := strings.Repeat("0123456789", 10_000)
	anna.send(protocol.OfferFile{ID: "f", Name: "a.txt", Size: int64(len(content))})
	wait[protocol.FileOffered](mario)
	mario.send(protocol.AcceptFile{ID: "f"})
	x := wait[protocol.Transfer](anna)
	d, err := sender.rtc.PC.CreateDataChannel("file/"+x.Transfer, nil)
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	d.OnOpen(func() {
		raw, err := d.Detach()
		for rest := []byte(content); err == nil && len(rest) > 0; {
			n := min(len(rest), 32<<10)
			_, err = raw.WriteDataChannel(rest[:n], false)
			rest = rest[n:]
		}
		if err == nil {
			_, err = raw.WriteDataChannel([]byte(sum), true)
		}
		sent <- err
	})
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for over := false; !over; {
		select {
		case msg := <-got:
			if over = msg.text; over {
				if msg.data != sum {
					t.Errorf("the hash came as %q", msg.data)
				}
				break
			}
			b.WriteString(msg.data)
			if msg.err != nil {
				t.Fatalf("after %d bytes: %v", b.Len(), msg.err)
			}
		case <-time.After(patience):
			t.Fatalf("only %d bytes came", b.Len())
		}
	}
	if b.String() != content {
		t.Errorf("%d bytes came, not those that were sent", b.Len())
	}
	mario.send(protocol.FileReceived{Transfer: x.Transfer, SHA256: sum})
	if r := wait[protocol.FileDelivered](anna); r.SHA256 != sum {
		t.Errorf("delivered %+v", r)
	}
}

func TestRubbishAsSDP(t *testing.T) {
	k := withSFU(t)
	_, mario, _, m := k.call()
	for _, sdp := range []string{"rubbish", "v=0\r\n", strings.Repeat("a=x\r\n", 20_000), "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"} {
		mario.send(protocol.Offer{SDP: sdp, Send: protocol.SendSections{Microphone: "0"}})
		mario.expectError(protocol.CodeBadOffer, false)
	}
	connect(t, mario, m) // a good one is still answered
}

func TestRoomLimitOfTheRealMediaServer(t *testing.T) {
	k := withSFU(t)
	anna, _ := k.host()
	for i, name := range []string{"u", "v", "w", "x", "y"} {
		k.grant(name, token.RoleGuest, "1")
		c := k.join(name)
		w := wait[protocol.Waiting](c)
		anna.send(protocol.Admit{Session: w.Session})
		if j := wait[protocol.Joined](c); len(j.Participants) != i+1 {
			t.Fatalf("participants %+v", j.Participants)
		}
	}
	// A full room lets one of its own come back on another device.
	if j := wait[protocol.Joined](k.join("u")); len(j.Participants) != 5 {
		t.Errorf("participants %+v", j.Participants)
	}
}
