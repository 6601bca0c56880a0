//nolint:gosec // synthetic traffic
package sfu

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// frames of each codec, as an encoder gives them to pion's payloaders, which know
// nothing of the parsers here.
func packed(c codec, key bool, size int) [][]byte {
	switch c {
	case codecH264:
		body := func(kind byte, n int) []byte {
			return append([]byte{0, 0, 0, 1, kind}, bytes.Repeat([]byte{0x5a}, n)...)
		}
		frame := body(0x41, size)
		if key {
			frame = append(append(body(0x67, 12), body(0x68, 4)...), body(0x65, size)...)
		}
		return (&codecs.H264Payloader{}).Payload(1100, frame)
	case codecVP9:
		// Frame marker 2, profile 0, shown; then the keyframe's sync code, or an inter frame.
		frame := append([]byte{0x86}, bytes.Repeat([]byte{0x5a}, size)...)
		if key {
			frame = append([]byte{0x82, 0x49, 0x83, 0x42, 0, 0x77, 0xf0, 0x32, 0x34}, frame[9:]...)
		}
		return (&codecs.VP9Payloader{InitialPictureIDFn: func() uint16 { return 0x7ff0 }}).Payload(1100, frame)
	case codecAV1:
		obu := func(kind byte, n int) []byte {
			return append([]byte{kind<<3 | 2, byte(n&0x7f) | 0x80, byte(n >> 7)}, bytes.Repeat([]byte{0x5a}, n)...)
		}
		frame := obu(6, size)
		if key {
			frame = append(append(obu(2, 0), obu(1, 11)...), frame...)
		}
		return (&codecs.AV1Payloader{}).Payload(1100, frame)
	default:
		frame := append([]byte{1}, bytes.Repeat([]byte{0x5a}, size)...)
		if key {
			frame[0] = 0
		}
		return (&codecs.VP8Payloader{EnablePictureID: true}).Payload(1100, frame)
	}
}

// A keyframe begins with its first packet and with no other one, whether it fits
// into one or not; other frames begin none.
func TestKeyframesOfEachCodec(t *testing.T) {
	for c := codecVP8; c < codecCount; c++ {
		for _, size := range []int{60, 5000} {
			for _, key := range []bool{true, false} {
				sets := false
				for i, b := range packed(c, key, size) {
					d, ok := c.parse(b)
					if !ok {
						t.Fatalf("%v, %d bytes, key %v: packet %d was not read: % x", c, size, key, i, b[:8])
					}
					begins := d.key && (!d.bare || !sets)
					sets = sets || d.key && !d.bare
					if want := key && i == 0; begins != want {
						t.Errorf("%v, %d bytes, key %v: packet %d begins a keyframe: %v", c, size, key, i, begins)
					}
				}
			}
		}
	}
}

// What one packet of H.264 may hold.
func TestH264Units(t *testing.T) {
	for name, x := range map[string]struct {
		b             []byte
		key, bare, ok bool
	}{
		"nothing":                  {ok: false},
		"IDR alone":                {b: []byte{0x65, 1}, key: true, bare: true, ok: true},
		"parameter sets":           {b: []byte{0x67, 1}, key: true, ok: true},
		"sets and IDR together":    {b: []byte{0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1, 0, 2, 0x65, 1}, key: true, ok: true},
		"IDR together with SEI":    {b: []byte{0x78, 0, 2, 0x06, 1, 0, 2, 0x65, 1}, key: true, bare: true, ok: true},
		"first fragment of an IDR": {b: []byte{0x7c, 0x85, 1}, key: true, bare: true, ok: true},
		"a later fragment":         {b: []byte{0x7c, 0x05, 1}, ok: true},
		"fragment of another":      {b: []byte{0x7c, 0x81, 1}, ok: true},
		"together, cut short":      {b: []byte{0x78, 0, 9, 0x67}, ok: false},
		"together, nothing in it":  {b: []byte{0x78, 0, 0, 0x67}, ok: false},
		"half a fragment":          {b: []byte{0x7c, 0x85}, ok: false},
	} {
		d, ok := parseH264(x.b)
		if ok != x.ok || ok && (d.key != x.key || d.bare != x.bare) {
			t.Errorf("%s: %+v, %v", name, d, ok)
		}
	}
}

// FuzzCodecs reads and rewrites any payload; where pion reads VP9, too, both must
// see the same.
func FuzzCodecs(f *testing.F) {
	for c := codecVP8; c < codecCount; c++ {
		for _, key := range []bool{true, false} {
			for _, b := range packed(c, key, 1500) {
				f.Add(uint8(c), b[:min(len(b), 40)])
			}
		}
	}
	f.Add(uint8(codecVP8), []byte{0x90, 0xf0, 0x80, 0x05, 9, 0x20, 0x00})
	f.Add(uint8(codecVP9), []byte{0xb8, 0x81, 0x23, 0x42, 7, 1})
	f.Add(uint8(codecVP9), []byte{0xda, 0x81, 0x23, 0x03, 0x02, 0x38, 0, 1, 0, 1, 1, 4, 9, 1})
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		c := codec(kind % uint8(codecCount))
		d, ok := c.parse(b)
		if !ok {
			return
		}
		was := bytes.Clone(b)
		pic := d.picture(b)
		d.shift(b, 3, 5)
		if again, ok := c.parse(b); !ok || again != d || d.wide && d.picture(b) != (pic+3)&0x7fff {
			t.Errorf("%v: % x became % x", c, was, b)
		}
		d.shift(b, 0xfffd, 251)
		if d.picture(b) != pic || !bytes.Equal(b, was) && (d.pic < 0 || !d.wide && was[d.pic]&0x80 == 0) {
			t.Errorf("%v: there and back gives % x, not % x", c, b, was)
		}
		if c != codecVP9 {
			return
		}
		var p codecs.VP9Packet
		if _, err := p.Unmarshal(was); err != nil {
			return
		}
		if key := p.B && !p.P && p.SID == 0; key != d.key {
			t.Errorf("key %v, pion says %+v", d.key, p)
		}
		if p.I != (d.pic >= 0) || p.I && p.PictureID != pic {
			t.Errorf("picture %d, pion says %d", pic, p.PictureID)
		}
		if has := p.L && !p.F; has != (d.tl0 >= 0) || has && was[d.tl0] != p.TL0PICIDX {
			t.Errorf("TL0 at %d, pion says %d", d.tl0, p.TL0PICIDX)
		}
	})
}

// show sends one frame of the publisher in a codec.
func (s *stage) show(t *testing.T, c codec, key bool) {
	t.Helper()
	all := packed(c, key, 2500)
	s.ts += 3000
	for i, b := range all {
		h := rtp.Header{Version: 2, PayloadType: 96 + 2*uint8(c), SSRC: 0x1234, SequenceNumber: s.seq, Timestamp: s.ts, Marker: i == len(all)-1}
		s.seq++
		raw, err := (&rtp.Packet{Header: h, Payload: b}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		s.arrive(t, raw)
	}
}

// A publisher changes its codec in the middle, twice. Who has both sees one
// stream, under its own payload types; who has VP8 alone gets nothing that it
// cannot show, is not made to ask for keyframes, and goes on when VP8 is back.
func TestCodecChangesInTheMiddle(t *testing.T) {
	for name, both := range map[string]bool{"has both": true, "has VP8 alone": false} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			sec := s.from.sections["1"]
			sec.pts = payloads{{pt: 96}, {pt: 98}, {pt: 100}, {pt: 102}}
			s.from.sections["1"] = sec
			s.track.pts = payloads{{pt: 120}}
			if both {
				s.track.pts = payloads{{pt: 120}, {pt: 121}, {pt: 122}, {pt: 123}}
			}
			for _, p := range s.peers {
				for _, o := range p.tracks {
					o.pts = s.track.pts
				}
			}
			s.show(t, codecVP8, true)
			s.enter()
			want := ""
			for _, part := range []codec{codecVP8, codecVP9, codecH264, codecAV1, codecVP8} {
				s.show(t, part, true)
				for range 5 {
					s.show(t, part, false)
				}
				if both || part == codecVP8 {
					want += part.String() + " "
				}
			}
			got, was := "", uint8(0)
			var last rtp.Header
			for i, raw := range s.opened(t) {
				var p rtp.Packet
				if err := p.Unmarshal(raw); err != nil {
					t.Fatal(err)
				}
				if i > 0 && (p.SequenceNumber != last.SequenceNumber+1 || int32(p.Timestamp-last.Timestamp) < 0) {
					t.Errorf("packet %d: number %d after %d, time %d after %d", i, p.SequenceNumber, last.SequenceNumber, p.Timestamp, last.Timestamp)
				}
				last = p.Header
				c := codec(p.PayloadType - 120)
				if p.PayloadType != was {
					was = p.PayloadType
					got += c.String() + " "
					if d, ok := c.parse(p.Payload); !ok || !d.key {
						t.Errorf("%v begins in the middle: % x", c, p.Payload[:8])
					}
				}
			}
			if want := map[bool]string{true: want, false: "vp8 "}[both]; got != want {
				t.Errorf("the viewer got %q, not %q", got, want)
			}
			if unshown := s.count.unshown.Load() > 0; unshown == both {
				t.Errorf("unshown: %v", unshown)
			}
			if n := s.count.plis.Load(); n > 1 {
				t.Errorf("%d keyframes were asked for", n)
			}
		})
	}
}

// Repairs of a codec come under its own payload type.
func TestRepairsNameTheirCodec(t *testing.T) {
	p := payloads{{pt: 96, rtx: 97}, {}, {pt: 100, rtx: 101}}
	tr := &outTrack{pts: p, ssrc: 1}
	rtx := newRepairStream(2, p[codecVP8].rtx)
	if h := rtx.header(tr, &packet{codec: codecVP9}, false); h.pt != 101 || h.ssrc != 2 {
		t.Errorf("%+v", h)
	}
	raw := make([]byte, rtpHeader+extHeader)
	h := tr.header(&packet{codec: codecVP9}, true)
	if h.write(raw, 7, 9); raw[1] != 100|0x80 || binary.BigEndian.Uint16(raw[2:]) != 7 {
		t.Errorf("% x", raw)
	}
}

// All codecs of a section are repaired in one way.
func TestCodecsAreRepairedAlike(t *testing.T) {
	p := payloads{{pt: 96, rtx: 97}, {pt: 98}, {pt: 100, rtx: 101}}
	p.even()
	if p[codecH264].pt != 0 || p[codecVP9].pt != 100 {
		t.Errorf("%v", p)
	}
	p = payloads{{pt: 96}, {pt: 98}, {pt: 100, rtx: 101}}
	p.even()
	if p[codecH264].pt != 98 || p[codecVP9].rtx != 0 {
		t.Errorf("%v", p)
	}
}
