package sfu_test

import (
	"fmt"
	"strings"
	"testing"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

// Rooms are spread over the loops, each with a port of its own; calls work on
// all of them, and the figures add up.
func TestRoomsAreSpreadOverLoops(t *testing.T) {
	const loops = 3
	s := start(t, func(c *sfu.Config) { c.Loops = loops })
	if n := len(s.Addresses()); n != loops {
		t.Errorf("%d addresses", n)
	}
	ports := map[string]int{}
	for i := range 2 * loops {
		room := fmt.Sprint("room", i)
		a := join(t, s, room, "a", sfutest.Options{Slots: 1})
		b := join(t, s, room, "b", sfutest.Options{Slots: 1})
		var of [2]string
		for j, m := range []*member{a, b} {
			of[j] = mediaPort(t, m)
			ports[of[j]]++
		}
		if of[0] != of[1] {
			t.Errorf("%s is on the ports %s and %s", room, of[0], of[1])
		}
		a.stream(t, byte(i), "l", "h")
		b.next(t, "a's voice", func(m sfutest.Media) bool { return m.Source == sfu.Microphone })
		b.next(t, "a's camera", camera)
	}
	for _, p := range s.Ports() {
		if n := ports[fmt.Sprint(p)]; n != 4 {
			t.Errorf("%d of %d people are on port %d", n, 4*loops, p)
		}
	}
	if st := s.Stats(); st.Rooms != 2*loops || st.Peers != 4*loops || st.Switches < 4*loops || st.Forwarded < 4*loops {
		t.Errorf("%+v", st)
	}
	if sv := s.Survey(); sv.RoomSizes[2] != 2*loops || len(sv.Peers) != 4*loops {
		t.Errorf("%+v", sv)
	}
}

// Rooms that end make room on their loop.
func TestTheIdlestLoopIsTaken(t *testing.T) {
	s := start(t, func(c *sfu.Config) { c.Loops = 2 })
	a := join(t, s, "one", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "two", "b", sfutest.Options{Slots: 1})
	was := mediaPort(t, a)
	if was == mediaPort(t, b) {
		t.Fatal("two rooms are on one loop")
	}
	join(t, s, "two", "c", sfutest.Options{Slots: 1})
	a.peer.Close()
	for i := range 2 { // the third would find two people on each
		m := join(t, s, fmt.Sprint("new", i), "a", sfutest.Options{Slots: 1})
		if p := mediaPort(t, m); p != was {
			t.Errorf("room %d is on port %s, idle was %s", i, p, was)
		}
	}
}

// mediaPort is the one that the answer named.
func mediaPort(t *testing.T, m *member) string {
	t.Helper()
	port := ""
	for line := range strings.Lines(m.PC.RemoteDescription().SDP) {
		if !strings.HasPrefix(line, "a=candidate:") || !strings.Contains(line, " udp ") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 6 || port != "" && f[5] != port {
			t.Fatalf("candidates: %s", line)
		}
		port = f[5]
	}
	return port
}
