package sfu_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

// report asks until it is as wanted.
func (m *member) report(t *testing.T, what string, ok func(sfu.Report) bool) sfu.Report {
	t.Helper()
	ctx := deadline(t)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		r := m.peer.Report()
		if ok(r) {
			return r
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("%s did not come: %+v", what, r)
		}
	}
}

func slotOf(r sfu.Report, src sfu.Source) sfu.SlotReport {
	for _, s := range r.Slots {
		if s.Source == src {
			return s
		}
	}
	return sfu.SlotReport{}
}

func TestReportTellsAPeerHowItFares(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	if r := b.peer.Report(); len(r.Slots) != 0 || len(r.Sends) != 0 {
		t.Errorf("nobody sends, yet %+v", r)
	}
	a.stream(t, 1, "l", "h")
	first := b.next(t, "camera", camera)
	r := b.report(t, "rates", func(r sfu.Report) bool {
		return slotOf(r, sfu.Camera).Bitrate > 0 && slotOf(r, sfu.Microphone).Bitrate > 0
	})
	// 25 frames of 10 octets and 50 packets of 4, as Stream sends them, or what a busy machine leaves of it.
	cam, mic := slotOf(r, sfu.Camera), slotOf(r, sfu.Microphone)
	if cam.Layer != sfu.QualityHigh || cam.Wanted != sfu.QualityHigh || cam.Bitrate > 4*2000 || mic.Bitrate > 4*1600 || cam.Loss != 0 || cam.Freezes != 0 {
		t.Errorf("camera %+v, microphone %+v", cam, mic)
	}
	sent := a.report(t, "what a sends", func(r sfu.Report) bool { return len(r.Sends) == 3 && r.Sends[2].Bitrate > 0 })
	for i, want := range []sfu.SendReport{
		{Source: sfu.Microphone, Layer: sfu.QualityHigh}, {Source: sfu.Camera, Layer: sfu.QualityLow}, {Source: sfu.Camera, Layer: sfu.QualityHigh},
	} {
		if got := sent.Sends[i]; got.Source != want.Source || got.Layer != want.Layer {
			t.Errorf("stream %d: %+v", i, got)
		}
	}

	for n, request := range []rtcp.Packet{
		&rtcp.PictureLossIndication{MediaSSRC: first.Packet.SSRC},
		&rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: first.Packet.SSRC, SequenceNumber: 1}}},
	} {
		if err := b.PC.WriteRTCP([]rtcp.Packet{request}); err != nil {
			t.Fatal(err)
		}
		b.report(t, fmt.Sprintf("the viewer's %T", request), func(r sfu.Report) bool { return slotOf(r, sfu.Camera).Keyframes == n+1 })
	}
	if n := s.Stats().KeyframesWanted; n != 2 {
		t.Errorf("%d requests of viewers counted", n)
	}

	if err := b.peer.SetQuality(0, sfu.QualityLow); err != nil {
		t.Fatal(err)
	}
	b.report(t, "the low layer", func(r sfu.Report) bool {
		cam := slotOf(r, sfu.Camera)
		return cam.Layer == sfu.QualityLow && cam.Wanted == sfu.QualityLow
	})
	a.peer.SetPublishing(sfu.Camera, false)
	b.report(t, "a slot without its camera", func(r sfu.Report) bool { return slotOf(r, sfu.Camera) == sfu.SlotReport{} })
	b.peer.Close()
	if r := b.peer.Report(); len(r.Slots) != 0 {
		t.Errorf("gone, yet %+v", r)
	}
}

// A camera whose packets stay out is a freeze; one that was switched off is not.
func TestReportCountsFreezes(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	seq := uint16(100)
	frame := func() {
		t.Helper()
		if err := a.SendVideo("h", seq, seq, uint32(seq)*3600, true, 1); err != nil {
			t.Fatal(err)
		}
		seq++
	}
	shown := func() {
		t.Helper()
		for ctx := deadline(t); ; {
			frame()
			select {
			case p := <-b.Media:
				if p.Source == sfu.Camera {
					return
				}
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				t.Fatal("no picture")
			}
		}
	}
	silence := func(p *member) {
		t.Helper()
		p.report(t, "silence", func(r sfu.Report) bool { return len(r.Sends) == 0 })
	}
	shown()
	silence(a)
	shown()
	b.report(t, "a freeze", func(r sfu.Report) bool { return slotOf(r, sfu.Camera).Freezes == 1 })

	a.peer.SetPublishing(sfu.Camera, false)
	silence(a)
	a.peer.SetPublishing(sfu.Camera, true)
	shown()
	if n := slotOf(b.peer.Report(), sfu.Camera).Freezes; n != 1 {
		t.Errorf("%d freezes after a pause that was meant", n)
	}
	if n := s.Stats().Freezes; n != 1 {
		t.Errorf("%d freezes counted", n)
	}
}
