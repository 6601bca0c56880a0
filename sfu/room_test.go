package sfu_test

import (
	"testing"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

// Three peers: each receives the other two, each in the slot that was told,
// and in order.
func TestThreePeersHearEachOther(t *testing.T) {
	s := start(t)
	names := []string{"anna", "bruno", "carla"}
	members := map[string]*member{}
	for i, n := range names {
		m := join(t, s, "room", n, sfutest.Options{Slots: 3})
		members[n] = m
		m.stream(t, byte(i+1), "l", "h", "screen")
	}
	for i, n := range names {
		m := members[n]
		m.until(t, "two assignments", func(st sfutest.State) bool {
			got := 0
			for _, p := range st.Assigned {
				if p != "" {
					got++
				}
			}
			return got == 2
		})
		st, _ := m.seen.State()
		type key struct {
			slot int
			src  sfu.Source
		}
		count := map[key]int{}
		last := map[key]uint16{}
		enough := func() bool {
			full := 0
			for _, c := range count {
				if c >= 20 {
					full++
				}
			}
			return full == 6
		}
		for !enough() {
			p := m.next(t, "media of two peers", func(sfutest.Media) bool { return true })
			k := key{p.Slot, p.Source}
			mark := p.Packet.Payload[0]
			if p.Source != sfu.Microphone {
				mark = p.Packet.Payload[6]
			}
			who := st.Assigned[p.Slot]
			if int(mark) < 1 || int(mark) > 3 || names[mark-1] != who || int(mark) == i+1 {
				t.Fatalf("%s: slot %d carries %d, assigned to %q", n, p.Slot, mark, who)
			}
			if count[k] > 0 && p.Packet.SequenceNumber != last[k]+1 {
				t.Fatalf("%s: slot %d source %d jumps after %d from %d to %d (%+v)", n, p.Slot, p.Source, count[k], last[k], p.Packet.SequenceNumber, s.Stats())
			}
			if count[k] == 0 && p.Source != sfu.Microphone && p.Packet.Payload[5]&1 != 0 {
				t.Fatalf("%s: slot %d source %d does not begin with a keyframe", n, p.Slot, p.Source)
			}
			if p.Packet.Extension {
				t.Fatal("a header extension was passed on")
			}
			last[k] = p.Packet.SequenceNumber
			count[k]++
		}
	}
	if st := s.Stats(); st.Forwarded == 0 || st.Rooms != 1 || st.Peers != 3 {
		t.Errorf("statistics: %+v", st)
	}
}
