package sfu

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// A viewer without transport-wide feedback is known by what it loses: a path that
// gets narrow makes its picture small, and it comes back when nothing is lost.
func TestBlindViewer(t *testing.T) {
	s := newShow(t, 5_000_000, 1)
	s.viewer.path.blind = true
	for _, tr := range s.viewer.tracks {
		tr.twcc = 0
	}
	loss := byte(0)
	run := func(d time.Duration) {
		for end := s.now.Add(d); s.now.Before(end); {
			s.walk(time.Second)
			for _, tr := range s.viewer.tracks {
				if tr.cur != nil {
					s.hear(s.viewer, &rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: tr.ssrc, FractionLost: loss}}})
				}
			}
		}
	}
	run(10 * time.Second)
	s.want("nothing lost", "h")
	loss = 255 * 2 / 5 // two in five: a path that is full
	run(8 * time.Second)
	if got := s.carries(); got == "h" {
		t.Errorf("still large with 40 %% lost (estimate %.0f)", s.link.e.rate)
	}
	loss = 0
	run(90 * time.Second)
	s.want("nothing lost again", "h")

	// Where its browser says what it can take, that is believed at once.
	s.hear(s.viewer, &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 300_000})
	run(6 * time.Second)
	s.want("300 kbit/s by REMB", "l")
	s.hear(s.viewer, &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 5_000_000})
	run(60 * time.Second)
	s.want("5 Mbit/s by REMB", "h")

	// A browser measures what comes to it. Of one whose picture is paused that is
	// the voice alone, and it must not stay so.
	s.link.e.set(rateLeast)
	for range 90 {
		s.hear(s.viewer, &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: float32(1.3*s.viewer.sent()) + 5000})
		run(time.Second)
	}
	s.want("1.3 times what is sent, by REMB", "h")
}
