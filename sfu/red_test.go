package sfu

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

type earlier struct {
	back uint32
	data string
}

// redOf packs redundant audio, all of one payload type.
func redOf(pt byte, now string, before ...earlier) []byte {
	var head, body []byte
	for _, e := range before {
		head = append(head, 0x80|pt, byte(e.back>>6), byte(e.back<<2)|byte(len(e.data)>>8), byte(len(e.data))) //nolint:gosec // 14 and 10 bits
		body = append(body, e.data...)
	}
	return slices.Concat(head, []byte{pt}, body, []byte(now))
}

func TestParseRED(t *testing.T) {
	whole := redOf(109, "now", earlier{1920, "first"}, earlier{960, "second"})
	r, ok := parseRED(whole, 109)
	if !ok || r.n != 2 || string(r.primary) != "now" || string(r.older[0].data) != "first" || string(r.older[1].data) != "second" ||
		r.older[0].back != 1920 || r.older[1].back != 960 {
		t.Errorf("%v %+v", ok, r)
	}
	if r, ok := parseRED(redOf(109, "alone"), 109); !ok || r.n != 0 || string(r.primary) != "alone" {
		t.Errorf("%v %+v", ok, r)
	}
	long := make([]earlier, redBlocks)
	for name, b := range map[string][]byte{
		"nothing":            nil,
		"another codec":      redOf(8, "x"),
		"another codec once": slices.Concat([]byte{0x80 | 8, 0, 0, 1}, redOf(109, "ax")),
		"too many blocks":    redOf(109, "", long...),
		"cut header":         whole[:3],
		"no last header":     whole[:8],
		"cut block":          whole[:13],
	} {
		if r, ok := parseRED(b, 109); ok {
			t.Errorf("%s: taken as %+v", name, r)
		}
	}
}

// Whatever comes, what is taken of it lies within it, in order.
func FuzzRED(f *testing.F) {
	f.Add(redOf(109, "now", earlier{960, "before"}))
	f.Add([]byte{0xed, 0, 3, 0xff, 109})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := parseRED(b, 109)
		if !ok {
			return
		}
		var got []byte
		for i := range r.n {
			got = append(got, r.older[i].data...)
		}
		got = append(got, r.primary...)
		if want := b[4*r.n+1:]; !bytes.Equal(got, want) {
			t.Errorf("%x came to %x", want, got)
		}
	})
}

// A voice that is lost for two seconds is sent with redundancy, until next to
// nothing was lost for half a minute.
func TestVoiceGuard(t *testing.T) {
	var g voiceGuard
	now := time.Unix(0, 0)
	var changes []int
	for s := range 200 {
		loss := 0.0
		switch {
		case s == 10: // one bad second
			loss = 0.5
		case s >= 20 && s < 40, s == 60:
			loss = 0.05
		case s >= 80 && s < 90:
			loss = 0.02
		}
		if g.judge(loss, now.Add(time.Duration(s)*time.Second)) {
			changes = append(changes, s)
		}
	}
	if want := []int{21, 119}; !slices.Equal(changes, want) {
		t.Errorf("changed in seconds %v, want %v", changes, want)
	}
}
