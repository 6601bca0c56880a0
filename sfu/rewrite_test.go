//nolint:gosec // what wraps around is the subject
package sfu

import (
	"testing"
	"time"
)

func TestExtend(t *testing.T) {
	for _, c := range []struct {
		last int64
		seq  uint16
		want int64
	}{
		{65535, 0, 65536},
		{65536, 65535, 65535},
		{65536 + 10, 65530, 65530},
		{3*65536 - 1, 5, 3*65536 + 5},
		{100, 100, 100},
		{70000, uint16(70000 % 65536), 70000},
	} {
		if got := extend(c.last, c.seq); got != c.want {
			t.Errorf("extend(%d, %d) = %d, want %d", c.last, c.seq, got, c.want)
		}
	}
}

func TestParseVP8(t *testing.T) {
	for name, c := range map[string]struct {
		in  []byte
		ok  bool
		key bool
		pic uint16
	}{
		"empty":              {nil, false, false, 0},
		"only first byte":    {[]byte{0x10}, false, false, 0},
		"plain keyframe":     {[]byte{0x10, 0x00}, true, true, 0},
		"plain delta":        {[]byte{0x10, 0x01}, true, false, 0},
		"second packet":      {[]byte{0x00, 0x00}, true, false, 0},
		"second partition":   {[]byte{0x11, 0x00}, true, false, 0},
		"cut after X":        {[]byte{0x90}, false, false, 0},
		"cut in picture id":  {[]byte{0x90, 0x80, 0x81}, false, false, 0},
		"narrow picture id":  {[]byte{0x90, 0x80, 0x11, 0x00}, true, true, 0x11},
		"wide picture id":    {[]byte{0x90, 0x80, 0xff, 0xff, 0x00}, true, true, 0x7fff},
		"all fields":         {[]byte{0x90, 0xf0, 0x80, 0x05, 9, 0x20, 0x00}, true, true, 5},
		"all fields, no end": {[]byte{0x90, 0xf0, 0x80, 0x05, 9, 0x20}, false, false, 0},
	} {
		d, ok := parseVP8(c.in)
		if ok != c.ok {
			t.Errorf("%s: ok = %v", name, ok)
			continue
		}
		if ok && (d.key != c.key || d.picture(c.in) != c.pic) {
			t.Errorf("%s: key %v, picture %d", name, d.key, d.picture(c.in))
		}
	}
}

func TestShiftWraps(t *testing.T) {
	wide := []byte{0x90, 0xc0, 0xff, 0xff, 0xff, 0x01}
	d, _ := parseVP8(wide)
	d.shift(wide, 2, 3)
	if d.picture(wide) != 1 || wide[2]&0x80 == 0 || wide[4] != 2 {
		t.Errorf("wide: % x", wide)
	}
	narrow := []byte{0x90, 0x80, 0x7f, 0x01}
	d, _ = parseVP8(narrow)
	d.shift(narrow, 2, 0)
	if narrow[2] != 1 {
		t.Errorf("narrow: % x", narrow)
	}
}

func videoPacket(seq int64, ts uint32, pic uint16, key bool) *packet {
	b := []byte{0x90, 0xc0, 0x80 | byte(pic>>8)&0x7f, byte(pic), byte(pic), 1, 0xaa}
	if key {
		b[5] = 0
	}
	p := &packet{seq: seq, ts: ts, payload: b}
	p.desc, _ = parseVP8(b)
	return p
}

// A viewer of changing sources sees numbers that only ever step by one, across
// switches and every counter's wrap-around.
func TestRewriterIsContinuous(t *testing.T) {
	now := time.Unix(1000, 0)
	r := rewriter{clock: 90000}
	buf := make([]byte, mtu)
	var lastSeq, lastPic uint16
	var lastTL0 byte
	var lastTS uint32
	sent := 0
	for source := range 6 {
		s := &inStream{video: true, pub: &publication{}}
		seq, ts, pic := int64(65536+65530+source*7919), uint32(0xffffff00)-uint32(source*1234567), uint16(0x7ff0+source*31)
		for i := range 40 {
			p := videoPacket(seq+int64(i), ts+uint32(i)*3600, pic+uint16(i), i == 0)
			if i == 0 {
				r.begin(s, p, now)
			}
			at, ok := r.place(p, now)
			if !ok {
				t.Fatal("packet refused")
			}
			n := at.compose(buf, p, &outHeader{ssrc: 7, pt: 96, marker: true})
			d, ok := parseVP8(buf[rtpHeader:n])
			if !ok {
				t.Fatal("the rewritten payload cannot be read")
			}
			gotSeq := uint16(buf[2])<<8 | uint16(buf[3])
			gotTS := uint32(buf[4])<<24 | uint32(buf[5])<<16 | uint32(buf[6])<<8 | uint32(buf[7])
			gotPic, gotTL0 := d.picture(buf[rtpHeader:n]), buf[rtpHeader+int(d.tl0)]
			if sent > 0 {
				if gotSeq != lastSeq+1 || gotPic != (lastPic+1)&0x7fff || gotTL0 != lastTL0+1 {
					t.Fatalf("source %d packet %d: seq %d→%d, picture %d→%d, tl0 %d→%d", source, i, lastSeq, gotSeq, lastPic, gotPic, lastTL0, gotTL0)
				}
				if step := int32(gotTS - lastTS); step <= 0 || step > 90000 {
					t.Fatalf("source %d packet %d: timestamp steps by %d", source, i, step)
				}
			}
			lastSeq, lastPic, lastTL0, lastTS = gotSeq, gotPic, gotTL0, gotTS
			sent++
			now = now.Add(40 * time.Millisecond)
		}
	}
}

// A number goes out with one packet only: what comes late from before a switch,
// or from before the keyframe, is not sent under a number that is taken.
func TestRewriterNeverReusesANumber(t *testing.T) {
	now := time.Unix(1000, 0)
	r := rewriter{clock: 90000}
	a, b := &inStream{pub: &publication{}}, &inStream{pub: &publication{}}
	first := videoPacket(70000, 0, 0, true)
	r.begin(a, first, now)
	if _, ok := r.place(first, now); !ok {
		t.Fatal("first packet refused")
	}
	if _, ok := r.place(videoPacket(69999, 0, 0, false), now); ok {
		t.Error("a packet from before the keyframe was placed")
	}
	out, _ := r.place(videoPacket(70002, 7200, 2, false), now)
	second := videoPacket(90000, 5, 100, true)
	r.begin(b, second, now)
	next, _ := r.place(second, now)
	if next.out != out.out+1 {
		t.Errorf("the switch steps from %d to %d", out.out, next.out)
	}
	if _, ok := r.place(videoPacket(89999, 5, 99, false), now); ok {
		t.Error("a packet from before the switch was placed")
	}
	if s, in := r.find(uint16(out.out - 1)); s.seg == nil || s.seg.from != a || in != 70001 {
		t.Errorf("the hole before the switch leads to %+v, %d", s, in)
	}
	if s, in := r.find(uint16(next.out)); s.seg == nil || s.seg.from != b || in != 90000 {
		t.Errorf("the packet after the switch leads to %+v, %d", s, in)
	}
	if s, _ := r.find(uint16(next.out + 1)); s.seg != nil {
		t.Error("a number not yet sent was found")
	}
	r.forget()
	if s, _ := r.find(uint16(next.out)); s.seg != nil {
		t.Error("a forgotten number was found")
	}
}

// Two layers of one camera share a clock: their sender reports align them to
// the tick, whatever their random offsets.
func TestLayersAlignBySenderReports(t *testing.T) {
	now := time.Unix(1000, 0)
	pub := &publication{}
	low := &inStream{pub: pub, sr: senderReport{known: true, ntp: 100 << 32, rtp: 5000}}
	high := &inStream{pub: pub, sr: senderReport{known: true, ntp: 101 << 32, rtp: 777000}}
	r := rewriter{clock: 90000}
	p := videoPacket(70000, 5000, 0, true)
	r.begin(low, p, now)
	r.place(p, now)
	at := r.lastTS // shows the instant 100 s
	q := videoPacket(80000, 777000+9000, 0, true)
	r.begin(high, q, now.Add(1050*time.Millisecond))
	r.place(q, now.Add(1050*time.Millisecond))
	if got, want := r.lastTS-at, uint32(90000+9000); got != want {
		t.Errorf("1.1 s of video became %d ticks, want %d", got, want)
	}
}
