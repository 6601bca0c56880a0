package sfu_test

import (
	"strings"
	"testing"

	"sportello/sfu/sfutest"
)

// Opus comes with its own means against loss: inband FEC is agreed to, and
// redundancy (RFC 2198) where a browser offers it, in the order of the offer, by
// which the browser chooses what it sends.
func TestWhatIsAgreedOfAudio(t *testing.T) {
	s := start(t)
	m := &member{seen: sfutest.NewObserver()}
	var err error
	if m.peer, err = s.Join("room", "a", m.seen); err != nil {
		t.Fatal(err)
	}
	if m.Client, err = sfutest.NewClient(sfutest.Options{Slots: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.peer.Close()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	o, err := m.Offer(false)
	if err != nil {
		t.Fatal(err)
	}
	const opus = "m=audio 9 UDP/TLS/RTP/SAVPF 109\r\n"
	if !strings.Contains(o.SDP, opus) {
		t.Fatalf("the offer has no such line:\n%s", o.SDP)
	}
	o.SDP = strings.ReplaceAll(o.SDP, opus, "m=audio 9 UDP/TLS/RTP/SAVPF 63 109\r\n")
	o.SDP = strings.ReplaceAll(o.SDP, "a=rtpmap:109 ", "a=rtpmap:63 red/48000/2\r\na=fmtp:63 109/109\r\na=rtpmap:109 ")
	answer, err := m.peer.Negotiate(deadline(t), o)
	if err != nil {
		t.Fatal(err)
	}
	audio := 0
	for _, section := range strings.Split(answer, "\r\nm=")[1:] {
		if !strings.HasPrefix(section, "audio ") {
			continue
		}
		audio++
		if !strings.HasPrefix(section, "audio 9 UDP/TLS/RTP/SAVPF 63 109\r\n") || !strings.Contains(section, "a=rtpmap:63 red/48000/2") || !strings.Contains(section, "useinbandfec=1") {
			t.Errorf("agreed: %s", section)
		}
	}
	if audio < 2 {
		t.Errorf("%d audio sections", audio)
	}
}
