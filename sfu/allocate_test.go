//nolint:gosec // synthetic traffic
package sfu

import (
	"encoding/binary"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// show is a room in virtual time: publishers with cameras of two layers, and a
// viewer behind a link, whose feedback closes the circle.
type show struct {
	*loop
	t      *testing.T
	tap    *wiretap
	viewer *mediaPeer
	link   *link
	tracks []*outTrack
	layers []*layerSource
	ticked time.Time
	got    map[uint32]int // bytes by SSRC
}

// layerSource makes the frames of one layer.
type layerSource struct {
	in     *inStream
	rate   float64
	seq    int64
	pic    uint16
	ts     uint32
	next   time.Time
	keyAt  time.Time
	first  bool
	packet rtp.Header

	temporal int // layers; 0: the browser sends none
	turn     int
	tl0      byte
	index    uint32 // of the frame
	last     [3]uint32
}

// picture makes the payload descriptor of the next frame, in the pattern that
// libwebrtc has for so many temporal layers, and says which frames it needs.
func (x *layerSource) picture(key bool) (b []byte, tid int, needs []uint32) {
	x.pic++
	x.index++
	if x.temporal == 0 {
		x.tl0++
		b = []byte{0x80, 0xc0, 0x80 | byte(x.pic>>8)&0x7f, byte(x.pic), x.tl0, 1}
	} else {
		if key {
			x.turn = 0
		}
		tid = [...][8]int{2: {0, 1, 0, 1, 0, 1, 0, 1}, 3: {0, 2, 1, 2, 0, 2, 1, 2}}[x.temporal][x.turn]
		sync := tid > 0 && x.turn < x.temporal
		if x.turn = (x.turn + 1) % 8; tid == 0 {
			x.tl0++
		}
		tk := byte(tid) << 6
		if needs = x.last[:tid+1]; sync {
			tk |= 0x20
			needs = x.last[:1]
		}
		needs = slices.Clone(needs)
		b = []byte{0x80, 0xe0, 0x80 | byte(x.pic>>8)&0x7f, byte(x.pic), x.tl0, tk, 1}
	}
	if key {
		needs, x.last = nil, [3]uint32{x.index, x.index, x.index}
	}
	x.last[tid] = x.index
	return b, tid, needs
}

func newShow(t *testing.T, width float64, publishers int) *show {
	t.Helper()
	s := &show{t: t, tap: &wiretap{to: netip.MustParseAddrPort("192.0.2.9:5000")}, got: map[uint32]int{}}
	s.loop = newLoop(s.tap, slog.New(slog.DiscardHandler), &relayNames{})
	s.link = newLink(width)
	s.now = s.link.now
	room := &mediaRoom{}
	s.viewer = keyed(t, "viewer", s.tap.to)
	s.viewer.path = s.link.e
	s.add(room, s.viewer)
	for i := range publishers {
		p := keyed(t, string(rune('a'+i)), netip.MustParseAddrPort("192.0.2.1:5000"))
		s.add(room, p)
		slot := &outSlot{}
		for src, video := range map[Source]bool{Microphone: false, Camera: true, Screen: true} {
			tr := &outTrack{
				to: s.viewer, source: src, ssrc: uint32(100*(i+1)) + uint32(src), pts: payloads{{pt: 120, rtx: 121}}, twcc: 3,
				quality: QualityHigh, rw: rewriter{clock: 48000},
			}
			if video {
				tr.rw.clock, tr.rtx = 90000, newRepairStream(tr.ssrc+50, 121)
			}
			slot.tracks[src] = tr
			s.viewer.tracks[tr.ssrc] = tr
		}
		s.viewer.slots = append(s.viewer.slots, slot)
		s.tracks = append(s.tracks, slot.tracks[Camera])
		slot.assign(p)
		s.source(p, Microphone, layerHigh, 40_000)
		s.source(p, Camera, layerLow, 150_000)
		s.source(p, Camera, layerHigh, 1_200_000)
	}
	return s
}

func (s *show) source(p *mediaPeer, src Source, layer int, rate float64) {
	sec := section{source: src, pts: payloads{{pt: 96}}, video: src != Microphone, simulcast: src == Camera}
	ssrc := uint32(1000 + len(s.layers))
	p.pubs[src].on = true
	in := s.open(p, ssrc, &sec, layer)
	s.layers = append(s.layers, &layerSource{in: in, rate: rate, seq: 1<<16 + 65500, pic: 32700, first: true})
}

// frame sends one layer's next frame, if its publisher was told to send it.
func (s *show) frame(x *layerSource) {
	every := 33 * time.Millisecond
	if !x.in.video {
		every = 20 * time.Millisecond
	}
	x.next = s.now.Add(every)
	x.ts += uint32(every.Milliseconds()) * x.in.log.clock / 1000
	if p := x.in.pub; p.source == Camera && int(p.peer.told) <= x.in.layer {
		return
	}
	size := int(x.rate * every.Seconds() / 8)
	key := x.first || x.in.keyAt != x.keyAt
	x.first, x.keyAt = false, x.in.keyAt
	head, tid, _ := x.picture(key)
	if x.temporal == 3 { // as libwebrtc divides the rate: 40, 60 and 100 % of it in three layers
		size = size * [3]int{16, 8, 8}[tid] / 10
	}
	for first := true; size > 0; first = false {
		n := min(size, 1100)
		size -= n
		b := make([]byte, max(n, 8))
		if x.in.video {
			copy(b, head)
			if first {
				b[0] |= 0x10
			}
			if first && key {
				b[len(head)-1] = 0
			}
		}
		x.seq++
		x.packet.Timestamp, x.packet.Marker = x.ts, size <= 0
		seq, _ := x.in.log.note(uint16(x.seq), x.ts, s.now)
		s.take(x.in, &x.packet, &packet{codec: codecVP8, seq: seq, payload: b})
	}
}

// drain carries what the loop sent to the viewer over the link.
func (s *show) drain() {
	s.flush()
	for _, raw := range s.tap.sent {
		if raw[1] >= 192 && raw[1] <= 223 {
			continue
		}
		h := &rtp.Header{}
		if _, err := s.viewer.in.DecryptRTP(nil, raw, h); err != nil {
			s.t.Fatal(err)
		}
		s.got[h.SSRC] += len(raw)
		ext := h.GetExtension(3)
		if len(ext) != 2 {
			s.t.Fatalf("SSRC %d without a transport-wide number", h.SSRC)
		}
		s.link.carry(extend(s.link.e.next-1, binary.BigEndian.Uint16(ext)), len(raw)+28)
	}
	s.tap.sent = s.tap.sent[:0]
}

// step is a millisecond: what is due is ticked and sent.
func (s *show) step() {
	s.now = s.now.Add(time.Millisecond)
	if !s.now.Before(s.ticked) {
		s.ticked = s.now.Add(tickEvery)
		s.tick()
	}
	for _, x := range s.layers {
		if !s.now.Before(x.next) {
			s.frame(x)
		}
	}
}

// walk lets time pass at a viewer who reports nothing.
func (s *show) walk(d time.Duration) {
	for end := s.now.Add(d); s.now.Before(end); {
		s.step()
		s.flush()
		s.tap.sent = s.tap.sent[:0]
	}
}

func (s *show) run(d time.Duration) {
	for end := s.now.Add(d); s.now.Before(end); {
		s.step()
		s.link.now = s.now
		s.drain()
		if !s.now.Before(s.link.reportAt) {
			s.link.reportAt = s.now.Add(100 * time.Millisecond)
			s.link.report()
		}
	}
}

// carries says which layer each of the viewer's tracks carries: h, l or -.
func (s *show) carries() string {
	out := ""
	for _, t := range s.tracks {
		switch {
		case t.cur == nil:
			out += "-"
		case t.cur.layer == layerHigh:
			out += "h"
		default:
			out += "l"
		}
	}
	return out
}

func (s *show) want(what, carries string) {
	s.t.Helper()
	if got := s.carries(); got != carries {
		s.t.Errorf("%s: the viewer gets %s, not %s (estimate %.0f, acked %.0f)", what, got, carries, s.link.e.rate, s.link.e.acked)
	}
}

// A step down and up again: the picture gets small, then large again, and the
// probes that find that out do not fill the path.
func TestPictureFollowsThePath(t *testing.T) {
	s := newShow(t, 3_000_000, 1)
	s.run(10 * time.Second)
	s.want("3 Mbit/s", "h")
	s.link.width = 400_000
	s.run(6 * time.Second)
	s.want("400 kbit/s", "l")
	drops, padded := s.link.dropped, s.count.padded.Load()
	s.run(60 * time.Second)
	s.want("a minute later", "l")
	if n := s.link.dropped - drops; n > 5 {
		t.Errorf("%d packets were dropped by a path that is known", n)
	}
	if s.count.padded.Load() == padded {
		t.Error("nobody tried whether more fits")
	}
	s.link.width = 3_000_000
	s.run(45 * time.Second)
	s.want("3 Mbit/s again", "h")
}

// One short scare cuts the estimate, but not the picture.
func TestOneScareChangesNothing(t *testing.T) {
	s := newShow(t, 1_900_000, 1)
	s.run(15 * time.Second)
	s.want("1.9 Mbit/s", "h")
	switches, lowest := s.count.switches.Load(), s.link.e.rate
	s.link.width = 1_200_000
	s.run(500 * time.Millisecond)
	s.link.width = 1_900_000
	for range 100 {
		s.run(100 * time.Millisecond)
		lowest = min(lowest, s.link.e.rate)
	}
	if need := s.tracks[0].pub.layers[layerHigh].need[topAll]; lowest > need {
		t.Errorf("the estimate stayed at %.0f, above %.0f: nothing was tried", lowest, need)
	}
	if n := s.count.switches.Load() - switches; n > 0 {
		t.Errorf("%d switches, the estimate fell to %.0f", n, lowest)
	}
}

// Where nothing but voices fits, they alone go on, and the page hears it.
func TestVoicesAloneAndBack(t *testing.T) {
	s := newShow(t, 5_000_000, 2)
	s.run(5 * time.Second)
	s.want("5 Mbit/s", "hh")
	s.link.width = 110_000
	s.run(20 * time.Second)
	s.want("110 kbit/s", "--")
	if got := s.viewer.saidPaused[0]; len(got) != 2 {
		t.Errorf("paused: %v", got)
	}
	before := s.got[100]
	s.run(time.Second)
	if n := s.got[100] - before; n < 4_000 {
		t.Errorf("%d bytes of voice in a second", n)
	}
	s.link.width = 5_000_000
	s.run(60 * time.Second)
	s.want("5 Mbit/s again", "hh")
	if got := s.viewer.saidPaused[0]; len(got) != 0 {
		t.Errorf("still paused: %v", got)
	}
}

// Who speaks is large, and a shared screen comes before any face.
func TestImportance(t *testing.T) {
	s := newShow(t, 2_400_000, 3)
	s.viewer.room.speaking = []string{"b"}
	for _, x := range s.layers {
		if x.in.pub.source == Microphone && x.in.pub.peer.id == "b" {
			x.in.pub.peer.level, x.in.pub.peer.levelAt = 127, s.now.Add(time.Hour)
		}
	}
	s.run(30 * time.Second)
	s.want("2.4 Mbit/s", "lhl")
	s.tracks[0].pub.peer.interprets = true
	s.run(30 * time.Second)
	s.want("with an interpreter", "hll")
	s.source(s.tracks[2].pub.peer, Screen, layerHigh, 1_000_000)
	s.run(30 * time.Second)
	s.want("with a screen", "lll")
	if tr := s.viewer.slots[2].tracks[Screen]; tr.cur == nil {
		t.Error("the screen is not shown")
	}
	s.link.width = 420_000  // voices and one small picture
	s.run(16 * time.Second) // later a probe may add one for a moment
	s.want("420 kbit/s", "l--")
	if got := s.viewer.saidPaused; !slices.Equal(got[0], []int{1, 2}) || !slices.Equal(got[1], []int{2}) {
		t.Errorf("paused: cameras %v, screens %v", got[0], got[1])
	}
}

// What is reduced again and again is tried more rarely each time, but where
// nothing at all is shown never more rarely than upLeast.
func TestRarestTrials(t *testing.T) {
	for want, down := range map[time.Duration]rung{upLeast: 0, upLongest: rungOf(QualityLow, topAll)} {
		s, now := share{level: rungAll}, time.Unix(0, 0)
		to := func(r rung) {
			s.asks = r
			for range 10_000 {
				if now = now.Add(slowEvery); s.settle(now, false) {
					return
				}
			}
			t.Fatalf("%d was not settled", r)
		}
		for range 10 {
			to(down)
			if s.again.Sub(now) > want {
				t.Errorf("the next trial waits for %v, at most %v", s.again.Sub(now), want)
			}
			to(rungAll)
		}
		if s.pause != want {
			t.Errorf("the pause grew to %v, want %v", s.pause, want)
		}
	}
}
