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

// A browser without transport-wide feedback reports each stream in a packet of its
// own, voices rarely, and in most packets nothing at all; its own estimate (REMB)
// is of the pictures alone, and stands still while none come. It must not be taken
// for what is left for voices and pictures together, or pictures never come back.
func TestBlindViewerGetsPicturesBack(t *testing.T) {
	s := newShow(t, 5_000_000, 2)
	s.viewer.path.blind = true
	for _, tr := range s.viewer.tracks {
		tr.twcc = 0
	}
	said := 5_000_000.0 // by the viewer of its pictures
	loss := byte(0)
	second := func() {
		s.walk(time.Second)
		remb := &rtcp.ReceiverEstimatedMaximumBitrate{}
		pictures := 0.0
		for _, tr := range s.viewer.tracks {
			s.hear(s.viewer, &rtcp.ReceiverReport{})
			if tr.source == Microphone && s.now.Unix()%5 != 0 {
				continue
			}
			if tr.source == Camera {
				remb.SSRCs = append(remb.SSRCs, tr.ssrc)
				pictures += float64(tr.health.meter.rate)
			}
			if tr.cur != nil {
				s.hear(s.viewer, &rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: tr.ssrc, FractionLost: loss}}})
			}
		}
		if pictures > 0 { // as libwebrtc: up by 8 % a second, but hardly more than what comes
			said = max(said, min(1.08*said, 1.5*pictures+10_000))
			remb.Bitrate = float32(said)
			s.hear(s.viewer, remb)
		} else if s.now.Unix()%2 == 0 { // it repeats itself
			remb.Bitrate = float32(said)
			s.hear(s.viewer, remb)
		}
	}
	run := func(n int) {
		for range n {
			second()
		}
	}
	run(10)
	s.want("at first", "hh")

	// Its detector is scared, as that of a browser that is late is: less than comes.
	said = 40_000
	run(4)
	if got := s.carries(); got == "hh" {
		t.Fatalf("40 kbit/s by REMB changed nothing (estimate %.0f)", s.viewer.path.rate)
	}
	run(30)
	if got := s.viewer.saidPaused[0]; len(got) != 0 {
		t.Errorf("half a minute later the pictures of %v are held back (estimate %.0f, most %.0f)", got, s.viewer.path.rate, s.viewer.path.most)
	}
	run(60)
	s.want("a minute and a half later", "hh")

	// What is lost of a voice counts though most reports are empty.
	loss = 100
	run(15)
	if got := s.carries(); got == "hh" {
		t.Errorf("still large with 40 %% lost (estimate %.0f)", s.viewer.path.rate)
	}
	loss = 0
	run(20)
	if got := s.viewer.saidPaused[0]; len(got) != 0 {
		t.Errorf("20 s after the last loss the pictures of %v are held back (estimate %.0f)", got, s.viewer.path.rate)
	}
}
