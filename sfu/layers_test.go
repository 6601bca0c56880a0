package sfu_test

import (
	"slices"
	"testing"

	"github.com/pion/transport/v5/vnet"
	"github.com/pion/webrtc/v4"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

func camera(p sfutest.Media) bool { return p.Source == sfu.Camera }

// The test's publisher numbers the pictures of its layers apart, so the layer
// shows in the low byte only by chance; what tells is the stream's own order.
func TestLayerSwitchKeepsTheStreamWhole(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	a.stream(t, 7, "l", "h")

	var last *sfutest.Media
	follow := func(n int) (keys int) {
		for range n {
			p := b.next(t, "camera", camera)
			pay := p.Packet.Payload
			if last == nil {
				if pay[5]&1 != 0 {
					t.Fatal("the first picture is no keyframe")
				}
			} else {
				old := last.Packet.Payload
				pic, was := uint16(pay[2]&0x7f)<<8|uint16(pay[3]), uint16(old[2]&0x7f)<<8|uint16(old[3])
				if p.Packet.SequenceNumber != last.Packet.SequenceNumber+1 || pic != (was+1)&0x7fff || pay[4] != old[4]+1 {
					t.Fatalf("seq %d→%d, picture %d→%d", last.Packet.SequenceNumber, p.Packet.SequenceNumber, was, pic)
				}
				if step := int32(p.Packet.Timestamp - last.Packet.Timestamp); step <= 0 || step > 90000 { //nolint:gosec // signed difference
					t.Fatalf("timestamp steps by %d", step)
				}
			}
			if pay[5]&1 == 0 {
				keys++
			}
			last = &p
		}
		return keys
	}
	follow(15)
	for i, q := range []sfu.Quality{sfu.QualityLow, sfu.QualityHigh, sfu.QualityLow} {
		before := s.Stats().Switches
		if err := b.peer.SetQuality(0, q); err != nil {
			t.Fatal(err)
		}
		keys := 0
		for s.Stats().Switches == before {
			keys += follow(1)
		}
		keys += follow(10)
		if keys == 0 {
			t.Errorf("switch %d came without a keyframe", i)
		}
	}
	a.until(t, "word that only the low layer is watched", func(st sfutest.State) bool {
		return len(st.Layers) > 0 && slices.Equal(st.Layers[len(st.Layers)-1], []string{"l"})
	})
	if err := b.peer.SetQuality(0, sfu.QualityHigh); err != nil {
		t.Fatal(err)
	}
	a.until(t, "word that the high layer is watched", func(st sfutest.State) bool {
		return slices.Equal(st.Layers[len(st.Layers)-1], []string{"l", "h"})
	})
}

func TestLateViewerBeginsWithAKeyframe(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 2})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 2})
	a.stream(t, 7, "l", "h", "screen")
	for range 20 {
		b.next(t, "camera", camera)
	}
	c := join(t, s, "room", "c", sfutest.Options{Slots: 2})
	begun := map[sfu.Source]bool{}
	for len(begun) < 2 {
		p := c.next(t, "picture", func(p sfutest.Media) bool { return p.Source != sfu.Microphone && !begun[p.Source] })
		begun[p.Source] = true
		if p.Packet.Payload[5]&1 != 0 {
			t.Errorf("source %d begins without a keyframe", p.Source)
		}
	}
}

// What is switched off goes to nobody though it still arrives; switched on
// again it goes on with a keyframe and without a hole in the numbers.
func TestGateShutsAtOnce(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	a.stream(t, 7, "l", "h")
	last := b.next(t, "camera", camera)
	a.peer.SetPublishing(sfu.Camera, false)
	// Fifty packets of audio later, no picture has come for forty of them.
	quiet := 0
	for quiet < 40 {
		p := b.next(t, "media", func(sfutest.Media) bool { return true })
		if p.Source == sfu.Camera {
			last, quiet = p, 0
			continue
		}
		quiet++
	}
	a.peer.SetPublishing(sfu.Camera, true)
	p := b.next(t, "camera again", camera)
	if p.Packet.Payload[5]&1 != 0 || p.Packet.SequenceNumber != last.Packet.SequenceNumber+1 {
		t.Errorf("goes on with seq %d after %d, payload % x", p.Packet.SequenceNumber, last.Packet.SequenceNumber, p.Packet.Payload[:6])
	}
}

func TestMoreSlotsAndICERestart(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 2})
	c := join(t, s, "room", "c", sfutest.Options{Slots: 2})
	b.stream(t, 2, "l", "h")
	c.stream(t, 3, "l", "h")
	a.until(t, "the wish for two slots", func(st sfutest.State) bool { return st.SlotsShort == 2 })
	a.next(t, "b's camera", camera)
	if err := a.AddSlots(1); err != nil {
		t.Fatal(err)
	}
	a.negotiate(t, false)
	a.next(t, "c's camera in the new slot", func(p sfutest.Media) bool {
		return p.Slot == 1 && camera(p) && p.Packet.Payload[6] == 3
	})
	a.negotiate(t, true)
	a.until(t, "the connection after the restart", func(st sfutest.State) bool { return st.Connected >= 2 })
	for len(a.Media) > 0 {
		<-a.Media
	}
	a.next(t, "b's camera after the restart", func(p sfutest.Media) bool { return p.Slot == 0 && camera(p) })
	if st, _ := a.seen.State(); st.Assigned[0] != "b" || st.Assigned[1] != "c" {
		t.Errorf("assigned: %v", st.Assigned)
	}
}

// One in ten packets is lost each way, on a simulated network that drives the
// loop through a plain net.PacketConn. Every picture still arrives, whether
// repairs come as RTX or as they first were.
func TestLossIsRepaired(t *testing.T) {
	for name, rtx := range map[string]bool{"rtx": true, "plain": false} {
		t.Run(name, func(t *testing.T) { lossIsRepaired(t, rtx) })
	}
}

func lossIsRepaired(t *testing.T, rtx bool) {
	t.Helper()
	wan, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "10.0.0.0/24", LoggerFactory: sfutest.NoLogs()})
	if err != nil {
		t.Fatal(err)
	}
	hosts := map[string]*vnet.Net{}
	for _, ip := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"} {
		n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
		if err != nil {
			t.Fatal(err)
		}
		if err := wan.AddNet(n); err != nil {
			t.Fatal(err)
		}
		hosts[ip] = n
	}
	media, repairs := 0, 0
	wan.AddChunkFilter(func(c vnet.Chunk) bool {
		b := c.UserData()
		if len(b) < 2 || b[0]>>6 != 2 || b[1] >= 192 && b[1] <= 223 {
			return true
		}
		media++ // the router calls this from one goroutine
		if b[1]&0x7f == 121 && c.SourceAddr().String() == "10.0.0.1:7882" {
			repairs++
		}
		return media < 50 || media%10 != 0
	})
	if err := wan.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := hosts["10.0.0.1"].ListenPacket("udp4", "10.0.0.1:7882")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *sfu.Config) {
		c.Conn, c.Announce = conn, sfutest.Addrs("10.0.0.1")
	})
	on := func(ip string) sfutest.Options {
		return sfutest.Options{Slots: 1, Repairs: true, RTX: rtx, Setting: func(e *webrtc.SettingEngine) { e.SetNet(hosts[ip]) }}
	}
	a := join(t, s, "room", "a", on("10.0.0.2"))
	b := join(t, s, "room", "b", on("10.0.0.3"))
	a.stream(t, 7, "screen")
	first := b.next(t, "screen", func(p sfutest.Media) bool { return p.Source == sfu.Screen })
	missing := map[uint16]bool{}
	for i := range uint16(100) {
		missing[first.Packet.SequenceNumber+1+i] = true
	}
	for len(missing) > 0 {
		p := b.next(t, "the lost packets", func(p sfutest.Media) bool { return p.Source == sfu.Screen })
		delete(missing, p.Packet.SequenceNumber)
	}
	if st := s.Stats(); st.NACKsSent == 0 || st.Resent == 0 {
		t.Errorf("repaired by magic: %+v", st)
	}
	if err := wan.Stop(); err != nil { // and nobody counts any more
		t.Fatal(err)
	}
	if rtx != (repairs > 0) {
		t.Errorf("%d repairs came as RTX", repairs)
	}
}
