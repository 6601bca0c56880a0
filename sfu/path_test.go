package sfu_test

import (
	"testing"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

// A viewer who agreed to RTX and to transport-wide numbers is estimated from
// what it reports; one who agreed to one of them alone is not.
func TestViewersFeedbackIsHeard(t *testing.T) {
	for name, c := range map[string]struct {
		rtx, feedback, heard bool
	}{
		"both": {true, true, true}, "no RTX": {false, true, false}, "no feedback": {true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
			b := join(t, s, "room", "b", sfutest.Options{Slots: 1, RTX: c.rtx, Feedback: c.feedback})
			a.stream(t, 7, "l", "h")
			heard := false
			for n := 0; n < 400 && !heard; n++ { // packets, eight seconds' worth
				p := b.next(t, "media", func(sfutest.Media) bool { return true })
				if c.rtx && c.feedback != p.Packet.Extension {
					t.Fatalf("source %d: extension %v", p.Source, p.Packet.Extension)
				}
				if n < 50 || n%50 != 0 {
					continue
				}
				for _, v := range s.Survey().Peers {
					heard = heard || v.Estimate > 0
				}
				if !c.heard && n > 150 {
					break
				}
			}
			if heard != c.heard {
				t.Errorf("estimated: %v", heard)
			}
			if got := b.peer.Report().Estimate > 0; got != heard {
				t.Errorf("the peer's own report has an estimate: %v", got)
			}
			b.next(t, "camera", func(p sfutest.Media) bool { return p.Source == sfu.Camera })
		})
	}
}
