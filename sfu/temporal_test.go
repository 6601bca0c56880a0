//nolint:gosec // what wraps around is the subject
package sfu

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// layered makes the packets of a stream of three temporal layers and numbers
// them from just below the wrap-arounds.
type layered struct {
	x   layerSource
	seq int64
}

func newLayered() *layered {
	return &layered{x: layerSource{temporal: 3, pic: 0x7ff0, tl0: 250}, seq: 1<<16 + 65520}
}

// frame makes the next picture of so many packets.
func (y *layered) frame(key bool, pieces int) []*packet {
	head, _, _ := y.x.picture(key)
	var all []*packet
	for i := range pieces {
		b := append([]byte(nil), head...)
		if i == 0 {
			b[0] |= 0x10
			if key {
				b[len(b)-1] = 0
			}
		}
		p := &packet{seq: y.seq, ts: y.x.index * 3000, marker: i == pieces-1, payload: append(b, byte(y.x.index))}
		p.desc, _ = parseVP8(p.payload)
		y.seq++
		all = append(all, p)
	}
	return all
}

// What is left out leaves no hole: numbers and picture ids step by one, and tl0
// follows the base layer.
func TestThinnedStreamHasNoHoles(t *testing.T) {
	for cut, want := range map[uint8]int{1: 2 * 40 / 4, 2: 2 * 40 / 2, 3: 2 * 40, 0: 2 * 40} {
		y, now := newLayered(), time.Unix(1000, 0)
		r := rewriter{clock: 90000, cut: cut}
		s := &inStream{video: true, pub: &publication{}, ring: newRing(ringHigh)}
		buf := make([]byte, mtu)
		var seq, pic uint16
		var tl0 byte
		sent := map[uint16]byte{}
		for i := range 40 {
			for j, p := range y.frame(i == 0, 2) {
				s.ring.put(p)
				if i == 0 && j == 0 {
					r.begin(s, p, now)
				}
				at, ok := r.place(p, now)
				if !ok {
					continue
				}
				n := at.compose(buf, p, &outHeader{})
				body := buf[rtpHeader:n]
				d, _ := parseVP8(body)
				gotSeq, gotPic, gotTL0 := binary.BigEndian.Uint16(buf[2:]), d.picture(body), body[d.tl0]
				newPic, newTL0 := uint16(0), byte(0)
				if j == 0 {
					newPic = 1
					if d.tid == 0 {
						newTL0 = 1
					}
				}
				if len(sent) > 0 && (gotSeq != seq+1 || gotPic != (pic+newPic)&0x7fff || gotTL0 != tl0+newTL0) {
					t.Fatalf("cut %d, frame %d: number %d→%d, picture %d→%d, tl0 %d→%d", cut, i, seq, gotSeq, pic, gotPic, tl0, gotTL0)
				}
				seq, pic, tl0 = gotSeq, gotPic, gotTL0
				sent[seq] = p.payload[len(p.payload)-1]
			}
		}
		if len(sent) != want {
			t.Errorf("cut %d: %d packets went out, not %d", cut, len(sent), want)
		}
		for seq, index := range sent { // and each is found again
			if at, p := r.again(seq); p == nil || uint16(at.out) != seq || p.payload[len(p.payload)-1] != index || at.empty {
				t.Errorf("cut %d: number %d leads to %+v", cut, seq, p)
			}
		}
	}
}

// Layers go at any picture and come back only with one that needs no other of
// its layer, or with a keyframe.
func TestLayersComeBackAtSync(t *testing.T) {
	y, now := newLayered(), time.Unix(1000, 0)
	r := rewriter{clock: 90000, cut: 1}
	s := &inStream{video: true, pub: &publication{}}
	got := ""
	send := func(key bool) {
		p := y.frame(key, 1)[0]
		if key {
			got += "K"
		}
		if r.segs[0].from == nil {
			r.begin(s, p, now)
		}
		if _, ok := r.place(p, now); ok {
			got += string(rune('0' + p.desc.tid))
		} else {
			got += "-"
		}
	}
	for i := range 32 {
		switch i {
		case 3: // amid the pattern: 3 is no sync, 9 is one of the top layer, 10 of the middle one, 17 of the top
			r.cut = 0
		case 24:
			r.cut = 2
		}
		send(i == 0)
	}
	r.cut = 0
	send(true)
	send(false)
	if want := "K0---0---" + "0-1-0-1-" + "02120212" + "0-1-0-1-" + "K02"; got != want {
		t.Errorf("went out: %s, want %s", got, want)
	}
}

// A packet of a picture that is left out comes after its number was taken: the
// number goes out alone, once and again, and the picture stays whole otherwise.
func TestLatePacketOfWhatIsLeftOut(t *testing.T) {
	y, now := newLayered(), time.Unix(1000, 0)
	r := rewriter{clock: 90000, cut: 1}
	s := &inStream{video: true, pub: &publication{}, ring: newRing(ringHigh)}
	first := y.frame(true, 1)[0]
	r.begin(s, first, now)
	place := func(p *packet) (spot, bool) {
		s.ring.put(p)
		return r.place(p, now)
	}
	base, _ := place(first)
	upper := y.frame(false, 2)
	_ = y.frame(false, 1)
	_ = y.frame(false, 1)
	next := y.frame(false, 1)[0] // of the base layer, before anything of the three
	after, ok := place(next)
	if !ok || after.out != base.out+5 {
		t.Fatalf("the next picture has number %d after %d", after.out, base.out)
	}
	for range 2 { // once, and once more as a duplicate that nobody stopped
		at, ok := place(upper[1])
		if !ok || !at.empty || at.out != base.out+2 {
			t.Errorf("the late packet goes to %+v, %v", at, ok)
		}
	}
	at, p := r.again(uint16(base.out + 2))
	if p != upper[1] && (p == nil || p.seq != upper[1].seq) || !at.empty {
		t.Errorf("asked for again: %+v, %+v", at, p)
	}
	buf := make([]byte, mtu)
	if n := at.compose(buf, p, &outHeader{}); n != rtpHeader {
		t.Errorf("%d bytes went out of it", n)
	}
}

// Where a viewer's path gets narrower, frames go before the picture gets small,
// and come back with the path.
func TestFramesGoBeforeThePicture(t *testing.T) {
	s := newShow(t, 3_000_000, 1)
	for _, x := range s.layers {
		if x.in.video {
			x.temporal = 3
		}
	}
	s.run(10 * time.Second)
	s.want("3 Mbit/s", "h")
	switches := s.count.switches.Load()
	s.link.width = 1_000_000
	s.run(10 * time.Second)
	s.want("1 Mbit/s", "h")
	level := s.tracks[0].share.level
	if level != rungOf(QualityHigh, 1) || s.count.thinned.Load() == 0 {
		t.Errorf("1 Mbit/s: level %d, %d packets left out", level, s.count.thinned.Load())
	}
	if n := s.count.switches.Load() - switches; n != 0 {
		t.Errorf("%d switches, though only frames had to go", n)
	}
	s.link.width = 350_000
	s.run(10 * time.Second)
	s.want("350 kbit/s", "l")
	s.link.width = 190_000
	s.run(20 * time.Second)
	s.want("190 kbit/s", "l")
	if level := s.tracks[0].share.level; level.quality() != QualityLow || level.top() == topAll {
		t.Errorf("190 kbit/s: level %d", level)
	}
	s.link.width = 3_000_000
	s.run(60 * time.Second)
	s.want("3 Mbit/s again", "h")
	if s.tracks[0].share.level != rungAll {
		t.Errorf("3 Mbit/s again: level %d", s.tracks[0].share.level)
	}
}

// Leaving out allocates nothing either, nor does answering for it.
func TestThinningDoesNotAllocate(t *testing.T) {
	y, now := newLayered(), time.Unix(1000, 0)
	b := newBench(t, 1)
	in := b.open(b.from, 77, &section{source: Camera, pts: payloads{{pt: 96}}, video: true}, layerHigh)
	var track *outTrack
	for _, t := range b.peers[1].tracks {
		track = t
	}
	track.share.level = rungOf(QualityHigh, 0)
	frames := make([][]*packet, 4096)
	for i := range frames {
		frames[i] = y.frame(i == 0, 1)
	}
	i := 0
	step := func() {
		p := frames[i][0]
		b.now = now.Add(time.Duration(i) * 33 * time.Millisecond)
		b.hdr.SequenceNumber, b.hdr.Timestamp, b.hdr.Marker = uint16(p.seq), p.ts, true
		seq, _ := in.log.note(uint16(p.seq), p.ts, b.now)
		b.take(in, &b.hdr, &packet{codec: codecVP8, seq: seq, payload: p.payload})
		b.resend(track, []rtcp.NackPair{{PacketID: uint16(track.rw.lastSeq)}})
		track.resends = 0
		b.flush()
		i++
	}
	for range 1024 {
		step()
	}
	if n := testing.AllocsPerRun(2000, step); n > 0 {
		t.Errorf("%v allocations for a packet", n)
	}
	if n := b.count.thinned.Load(); n < 2000 {
		t.Errorf("%d packets were left out", n)
	}
}
