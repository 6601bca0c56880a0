package sfu_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

func TestRoomLimits(t *testing.T) {
	s := start(t, func(c *sfu.Config) { c.MaxPeers = 2 })
	o := sfutest.NewObserver()
	var peers []*sfu.Peer
	for _, n := range []string{"a", "b"} {
		p, err := s.Join("room", n, o)
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, p)
	}
	if _, err := s.Join("room", "a", o); !errors.Is(err, sfu.ErrPeerExists) {
		t.Errorf("twice: %v", err)
	}
	if _, err := s.Join("room", "c", o); !errors.Is(err, sfu.ErrRoomFull) {
		t.Errorf("third of two: %v", err)
	}
	if _, err := s.Join("other", "a", o); err != nil {
		t.Errorf("same name, other room: %v", err)
	}
	if err := peers[0].SetQuality(0, sfu.QualityLow); !errors.Is(err, sfu.ErrUnknownSlot) {
		t.Errorf("slot not offered: %v", err)
	}
	peers[0].Close()
	peers[0].Close()
	if _, err := s.Join("room", "a", o); err != nil {
		t.Errorf("after leaving: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Join("room", "z", o); !errors.Is(err, sfu.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := peers[1].Negotiate(deadline(t), sfu.Offer{}); err == nil {
		t.Error("a closed peer negotiates")
	}
}

func TestBadOffers(t *testing.T) {
	s := start(t, func(c *sfu.Config) { c.MaxSlots = 2 })
	client, err := sfutest.NewClient(sfutest.Options{Slots: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}()
	good, err := client.Offer(false)
	if err != nil {
		t.Fatal(err)
	}
	audio, video := good.Send.Microphone, good.Send.Camera
	for name, spoil := range map[string]func(o *sfu.Offer){
		"empty":            func(o *sfu.Offer) { o.SDP = "" },
		"rubbish":          func(o *sfu.Offer) { o.SDP = "hello\x00world\r\n" },
		"huge":             func(o *sfu.Offer) { o.SDP += strings.Repeat("a=x\r\n", 100_000) },
		"cut":              func(o *sfu.Offer) { o.SDP = o.SDP[:len(o.SDP)/3] },
		"no fingerprint":   func(o *sfu.Offer) { o.SDP = strings.ReplaceAll(o.SDP, "a=fingerprint", "a=nothing") },
		"no ufrag":         func(o *sfu.Offer) { o.SDP = strings.ReplaceAll(o.SDP, "a=ice-ufrag", "a=nothing") },
		"unknown mid":      func(o *sfu.Offer) { o.Send.Camera = "nope" },
		"wrong kind":       func(o *sfu.Offer) { o.Send.Camera, o.Send.Microphone = audio, video },
		"one mid twice":    func(o *sfu.Offer) { o.Send.Screen = video },
		"sends on a slot":  func(o *sfu.Offer) { o.Receive[0].Camera = video; o.Send.Camera = "" },
		"too many slots":   func(o *sfu.Offer) { o.Receive = append(o.Receive, sfu.SlotSections{}) },
		"doubled sections": func(o *sfu.Offer) { o.SDP += o.SDP[strings.Index(o.SDP, "m="):] },
		"many formats":     func(o *sfu.Offer) { o.SDP = strings.Replace(o.SDP, " 120\r\n", strings.Repeat(" 120", 200)+"\r\n", 1) },
		"many attributes": func(o *sfu.Offer) {
			o.SDP = strings.Replace(o.SDP, "a=rtpmap:120", strings.Repeat("a=rtcp-fb:120 x\r\n", 2000)+"a=rtpmap:120", 1)
		},
		"many sections": func(o *sfu.Offer) {
			for i := range 50 {
				o.SDP += fmt.Sprintf("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:x%d\r\n", i)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := s.Join("room "+name, "a", sfutest.NewObserver())
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			o := good
			o.Receive = append([]sfu.SlotSections(nil), good.Receive...)
			spoil(&o)
			if _, err := p.Negotiate(deadline(t), o); !errors.Is(err, sfu.ErrBadOffer) {
				t.Errorf("%v", err)
			}
		})
	}
	p, err := s.Join("room", "a", sfutest.NewObserver())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Negotiate(deadline(t), good); err != nil {
		t.Errorf("the good one: %v", err)
	}
	fewer := good
	fewer.Receive = good.Receive[:1]
	if _, err := p.Negotiate(deadline(t), fewer); !errors.Is(err, sfu.ErrBadOffer) {
		t.Errorf("fewer slots: %v", err)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Negotiate(stopped, good); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// There may be rooms by thousands, and each goes with its last person.
func TestThousandsOfRooms(t *testing.T) {
	const rooms = 3000
	s := start(t, func(c *sfu.Config) { c.Loops = 2 })
	peers := make([]*sfu.Peer, 0, 2*rooms)
	for i := range 2 * rooms {
		p, err := s.Join(strconv.Itoa(i%rooms), strconv.Itoa(i), sfutest.NewObserver())
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, p)
	}
	if st := s.Stats(); st.Rooms != rooms || st.Peers != 2*rooms {
		t.Errorf("%d rooms, %d peers", st.Rooms, st.Peers)
	}
	if sv := s.Survey(); sv.RoomSizes[2] != rooms {
		t.Errorf("the loops have %v", sv.RoomSizes)
	}
	for _, p := range peers {
		p.Close()
	}
	if st := s.Stats(); st.Rooms != 0 || st.Peers != 0 || len(s.Survey().RoomSizes) != 0 {
		t.Errorf("%d rooms, %d peers are left", st.Rooms, st.Peers)
	}
}

// An offer that names addresses makes the server send nothing there.
func TestOffersNameNoAddresses(t *testing.T) {
	other, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // the test is over
	_, port, err := net.SplitHostPort(other.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Offer: func(sdp string) string {
		return strings.ReplaceAll(sdp, "a=ice-ufrag:", "a=candidate:1 1 udp 2130706431 127.0.0.1 "+port+" typ host\r\na=ice-ufrag:")
	}})
	a.until(t, "the connection", func(st sfutest.State) bool { return st.Connected > 0 })
	// Checks go to all addresses at once; that of the connection has been answered.
	if err := other.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, from, err := other.ReadFrom(make([]byte, 1500)); err == nil {
		t.Errorf("%d bytes came from %v", n, from)
	}
}

// Media by IPv6, on the same port.
func TestIPv6(t *testing.T) {
	probe, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here:", err)
	}
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *sfu.Config) { c.Announce = sfutest.Addrs("127.0.0.1", "::1") })
	six := func(e *webrtc.SettingEngine) {
		e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP6})
	}
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1, Setting: six})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	a.stream(t, 1, "l", "h")
	b.stream(t, 2, "l", "h")
	a.next(t, "b's camera", camera)
	b.next(t, "a's camera", camera)
}

func TestConfigIsChecked(t *testing.T) {
	for name, c := range map[string]sfu.Config{
		"port":        {UDPPort: 70000},
		"ports":       {UDPPort: 65535, Loops: 2},
		"loops":       {Loops: -1},
		"unspecified": {Announce: sfutest.Addrs("0.0.0.0")},
		"multicast":   {Announce: sfutest.Addrs("224.0.0.1")},
	} {
		if s, err := sfu.New(c); err == nil {
			t.Errorf("%s was taken", name)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A peer that closes amid the media of others leaves them undisturbed, and in
// the end no goroutine of the SFU is left.
func TestCloseLeavesNothing(t *testing.T) {
	before := goroutines()
	t.Run("room", func(t *testing.T) {
		s := start(t, func(c *sfu.Config) { c.Loops = 3 })
		a := join(t, s, "room", "a", sfutest.Options{Slots: 2})
		b := join(t, s, "room", "b", sfutest.Options{Slots: 2})
		c := join(t, s, "room", "c", sfutest.Options{Slots: 2})
		for i, m := range []*member{a, b, c} {
			m.stream(t, byte(i), "l", "h", "screen")
		}
		c.next(t, "a's camera", camera)
		b.peer.Close()
		c.until(t, "the freed slot", func(st sfutest.State) bool { return st.Assigned[0] == "a" && st.Assigned[1] == "" })
		for range 30 {
			c.next(t, "a's camera", func(p sfutest.Media) bool { return p.Slot == 0 && camera(p) })
		}
		d := join(t, s, "room", "d", sfutest.Options{Slots: 2})
		c.until(t, "the newcomer in the freed slot", func(st sfutest.State) bool { return st.Assigned[1] == "d" })
		d.stream(t, 9, "l", "h")
		c.next(t, "d's camera", func(p sfutest.Media) bool { return p.Slot == 1 && camera(p) && p.Packet.Payload[6] == 9 })
		if st := s.Stats(); st.Peers != 3 {
			t.Errorf("peers: %d", st.Peers)
		}
	})
	leftNothing(t, before)
}

// Whoever vanishes in whatever phase, nothing of them is left.
func TestPeersThatVanish(t *testing.T) {
	before := goroutines()
	// Both ends wait for the other to begin the handshake.
	noHandshake := func(answer string) string { return strings.ReplaceAll(answer, "a=setup:passive", "a=setup:active") }
	for name, opt := range map[string]sfutest.Options{
		"before an offer": {}, "after the answer": {}, "before the handshake": {Answer: noHandshake}, "amid a call": {},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			o := sfutest.NewObserver()
			p, err := s.Join("room", "a", o)
			if err != nil {
				t.Fatal(err)
			}
			c, err := sfutest.NewClient(opt)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close() //nolint:errcheck // it may be broken
			switch name {
			case "before an offer":
			case "amid a call":
				err = c.Connect(deadline(t), p)
			default:
				var offer sfu.Offer
				if offer, err = c.Offer(false); err != nil {
					break
				}
				var answer string
				if answer, err = p.Negotiate(deadline(t), offer); err != nil || name == "after the answer" {
					break
				}
				reached := make(chan struct{})
				once := sync.OnceFunc(func() { close(reached) })
				c.PC.OnICEConnectionStateChange(func(st webrtc.ICEConnectionState) {
					if st == webrtc.ICEConnectionStateConnected {
						once()
					}
				})
				if err = c.Answer(answer); err == nil {
					<-reached
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
			if st := s.Stats(); st.Rooms != 0 || st.Peers != 0 {
				t.Errorf("%d rooms, %d peers are left", st.Rooms, st.Peers)
			}
		})
	}
	leftNothing(t, before)
}

// Each ICE restart takes the place of the one before it: their sockets do not pile up.
func TestManyICERestarts(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{})
	for range 30 {
		a.negotiate(t, true)
	}
	reading := func() (n int) {
		for _, stack := range goroutines() {
			n += strings.Count(stack, ".(*muxConn).ReadFrom(")
		}
		return n
	}
	deadline := time.Now().Add(10 * time.Second)
	for reading() > 2 { // UDP and TCP
		if time.Now().After(deadline) {
			t.Fatalf("%d sockets are read", reading())
		}
		time.Sleep(20 * time.Millisecond) // a goroutine's end tells nobody
	}
}

// leftNothing waits until there are no goroutines but those from before.
func leftNothing(t *testing.T, before map[string]string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		left := goroutines()
		maps.DeleteFunc(left, func(id, stack string) bool { return before[id] != "" || strings.Contains(stack, clientsOwn) })
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			for _, stack := range left {
				t.Errorf("still there: %s", stack)
			}
			return
		}
		time.Sleep(20 * time.Millisecond) // a goroutine's end tells nobody
	}
}

// clientsOwn is where pion, in the tests' clients alone, can go on reading a
// stream that it met in the moment of its close: the SFU's own sees no SRTP.
const clientsOwn = "undeclaredRTPMediaProcessor"

// goroutines gives the stack of each by its number.
func goroutines() map[string]string {
	buf := make([]byte, 4<<20)
	all := map[string]string{}
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		all[id] = stack
	}
	return all
}
