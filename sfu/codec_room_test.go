package sfu_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

func vp9() webrtc.RTPCodecCapability {
	return webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP9, ClockRate: 90000, SDPFmtpLine: "profile-id=0"}
}

func h264() webrtc.RTPCodecCapability {
	return webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}
}

func with(slots int, codecs ...webrtc.RTPCodecCapability) sfutest.Options {
	return sfutest.Options{Slots: slots, Codecs: codecs}
}

func told(codecs ...string) func(sfutest.State) bool {
	return func(st sfutest.State) bool { return slices.Equal(st.Codecs, codecs) }
}

// People are told to send the best codec that all of the room can show: it gets
// worse and better with who comes and goes, and nothing is negotiated for it.
func TestRoomAgreesOnACodec(t *testing.T) {
	s := start(t, func(c *sfu.Config) { c.Codecs = []string{"vp9", "h264"} })
	a := join(t, s, "room", "a", with(3, vp9(), h264()))
	a.until(t, "VP9 for a", told("vp9"))
	b := join(t, s, "room", "b", with(3, h264(), vp9()))
	b.until(t, "VP9 for b", told("vp9"))
	c := join(t, s, "room", "c", with(3, h264()))
	for _, m := range []*member{a, b} {
		m.until(t, "H.264 for all", told("vp9", "h264"))
	}
	c.until(t, "H.264 for c", told("h264"))
	d := join(t, s, "room", "d", with(3))
	for _, m := range []*member{a, b} {
		m.until(t, "VP8 for all", told("vp9", "h264", "vp8"))
	}
	d.peer.Close()
	c.peer.Close()
	for _, m := range []*member{a, b} {
		m.until(t, "VP9 again", func(st sfutest.State) bool { return st.Codecs[len(st.Codecs)-1] == "vp9" })
	}
	if st, _ := d.seen.State(); len(st.Codecs) > 0 {
		t.Errorf("who has VP8 alone was told %v", st.Codecs)
	}
}

// VP8 alone is the default, whatever browsers have.
func TestNoOtherCodecUnlessAllowed(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", with(1, vp9()))
	a.stream(t, 1, "l", "h")
	b.next(t, "a's camera", camera)
	if st, _ := b.seen.State(); len(st.Codecs) > 0 {
		t.Errorf("told %v", st.Codecs)
	}
}

// A picture in VP9 goes to who agreed to VP9, under its own payload type, and not
// to who did not, whatever its publisher does.
func TestViewersGetWhatTheyAgreedTo(t *testing.T) {
	s := start(t, func(c *sfu.Config) { c.Codecs = []string{"vp9"} })
	opt := with(2, vp9())
	opt.Sends = webrtc.MimeTypeVP9
	a := join(t, s, "room", "a", opt)
	b := join(t, s, "room", "b", with(2, h264(), vp9()))
	c := join(t, s, "room", "c", with(2))
	every(t, 20*time.Millisecond, func(n uint16) error {
		// Flags: picture id, begins, ends; each tenth is a keyframe.
		frame := []byte{0xcc, 0x80 | byte(n>>8)&0x7f, byte(n & 0xff), 1, 2, 3}
		if n%10 == 0 {
			frame[0] = 0x8c
		}
		return errors.Join(
			a.SendPicture("h", rtp.Header{SequenceNumber: n, Timestamp: 3000 * uint32(n), Marker: true}, frame),
			a.SendAudio(n, 960*uint32(n), []byte{1, 2, 3}),
		)
	})
	first := b.next(t, "a's camera", camera)
	if first.Packet.PayloadType != 41 || first.Packet.Payload[0] != 0x8c {
		t.Errorf("payload type %d, flags %x", first.Packet.PayloadType, first.Packet.Payload[0])
	}
	for n := 0; n < 60; {
		m := c.next(t, "media", func(sfutest.Media) bool { return true })
		if m.Source == sfu.Camera {
			t.Fatalf("a picture of payload type %d came", m.Packet.PayloadType)
		}
		n++
	}
	if s.Stats().Unshown == 0 {
		t.Error("nothing was counted")
	}
}
