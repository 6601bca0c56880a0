//nolint:gosec // what wraps around is the subject
package sfu

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// wiretap keeps what goes to one address.
type wiretap struct {
	nowhere
	to   netip.AddrPort
	sent [][]byte
}

func (w *wiretap) writeBatch(ds []datagram) (int, error) {
	for i := range ds {
		if ds[i].addr == w.to {
			w.sent = append(w.sent, bytes.Clone(ds[i].buf[:ds[i].n]))
		}
	}
	return 0, nil
}

// stage is a publisher whose camera flows, and a viewer who is not there yet.
type stage struct {
	*bench
	tap    *wiretap
	viewer *mediaPeer
	track  *outTrack
	pic    uint16
	ts     uint32
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{bench: newBench(t, 1), pic: 0x7ff8, ts: 0xfffff000}
	s.seq = 0xffe0
	s.tap = &wiretap{to: netip.MustParseAddrPort("192.0.2.9:5000")}
	s.conn, s.log = s.tap, slog.New(slog.DiscardHandler)
	s.viewer = keyed(t, "late", s.tap.to)
	s.track = &outTrack{to: s.viewer, source: Camera, ssrc: 999, pts: payloads{{pt: 120}}, quality: QualityHigh, rw: rewriter{clock: 90000}}
	s.viewer.gives(s.track)
	s.add(s.from.room, s.viewer)
	return s
}

// piece lets one packet of a frame arrive, or be lost on its way.
func (s *stage) piece(t *testing.T, key, first, last, lost bool) {
	t.Helper()
	s.seq++
	binary.BigEndian.PutUint16(s.plain[2:], s.seq)
	binary.BigEndian.PutUint32(s.plain[4:], s.ts)
	s.plain[1] = 96
	if last {
		s.plain[1] |= 0x80
	}
	pay := s.plain[rtpHeader+8:]
	copy(pay, []byte{0x80, 0xc0, 0x80 | byte(s.pic>>8)&0x7f, byte(s.pic), byte(s.pic), 1})
	if first {
		pay[0] |= 0x10
		if key {
			pay[5] = 0
		}
	}
	if !lost {
		s.arrive(t, s.plain)
	}
}

func (s *stage) frame(t *testing.T, key bool, pieces int) {
	t.Helper()
	for i := range pieces {
		s.piece(t, key, i == 0, i == pieces-1, false)
	}
	s.end()
}

func (s *stage) end() {
	s.pic, s.ts = (s.pic+1)&0x7fff, s.ts+3000
	s.now = s.now.Add(33 * time.Millisecond)
}

// enter gives the viewer the slot.
func (s *stage) enter() {
	s.viewer.slots[0].assign(s.from)
	s.retarget(s.track, s.now)
	s.flush()
}

// whole checks that what the viewer got is one valid, monotone stream.
func (s *stage) whole(t *testing.T) []*rtp.Packet {
	t.Helper()
	var got []*rtp.Packet
	var last uint16
	for i, raw := range s.tap.sent {
		plain, err := s.viewer.in.DecryptRTP(nil, raw, nil)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		p := &rtp.Packet{}
		if err := p.Unmarshal(plain); err != nil {
			t.Fatal(err)
		}
		d, ok := parseVP8(p.Payload)
		if !ok {
			t.Fatalf("packet %d is no VP8", i)
		}
		pic := d.picture(p.Payload)
		if i == 0 {
			if !d.key {
				t.Fatal("the stream does not begin with a keyframe")
			}
		} else {
			old := got[i-1]
			step := int32(p.Timestamp - old.Timestamp)
			if p.SequenceNumber != old.SequenceNumber+1 {
				t.Fatalf("packet %d: number %d after %d", i, p.SequenceNumber, old.SequenceNumber)
			}
			if old.Marker != (pic != last) || old.Marker != (step != 0) || old.Marker && (pic != (last+1)&0x7fff || step < 0 || step > 9000) {
				t.Fatalf("packet %d: picture %d after %d, time step %d, frame ended %v", i, pic, last, step, old.Marker)
			}
		}
		last = pic
		got = append(got, p)
	}
	return got
}

// Who comes soon after a keyframe, even in the midst of a frame, begins with it
// at once, and nobody is asked for another. The frames of the replay are due
// quickly, those after it in their own time, and a repair is the same bytes.
func TestNewcomerBeginsWithTheKeptKeyframe(t *testing.T) {
	s := newStage(t)
	s.frame(t, false, 2)
	s.frame(t, true, 5)
	for range 9 {
		s.frame(t, false, 3)
	}
	s.piece(t, false, true, false, false)
	asked := s.count.plis.Load()
	s.enter()
	replayed := len(s.tap.sent)
	if replayed != 5+9*3+1 {
		t.Fatalf("%d packets at once", replayed)
	}
	s.piece(t, false, false, true, false)
	s.end()
	for range 20 {
		s.frame(t, false, 3)
	}
	got := s.whole(t)
	if n := len(got); n != replayed+1+20*3 {
		t.Errorf("%d packets in all", n)
	}
	if span := got[replayed-1].Timestamp - got[0].Timestamp; span != 10*3000/replayPace {
		t.Errorf("the replay spans %d ticks", span)
	}
	if span := got[len(got)-1].Timestamp - got[replayed].Timestamp; span != 20*3000 {
		t.Errorf("what follows spans %d ticks", span)
	}
	if n := s.count.plis.Load(); n != asked {
		t.Errorf("%d keyframes were asked for", n-asked)
	}
	for _, i := range []int{0, 7, replayed - 1, replayed, len(got) - 1} {
		first := s.tap.sent[i]
		s.resend(s.track, []rtcp.NackPair{{PacketID: got[i].SequenceNumber}})
		s.flush()
		if again := s.tap.sent[len(s.tap.sent)-1]; !bytes.Equal(first, again) {
			t.Errorf("the repair of packet %d has other bytes", i)
		}
	}
}

// A keyframe is asked for anew where the kept one is old, followed by a hole,
// too far back, or from before the camera was switched off.
func TestWhatIsNotReplayed(t *testing.T) {
	for name, between := range map[string]func(*testing.T, *stage){
		"old": func(t *testing.T, s *stage) {
			t.Helper()
			for range 20 {
				s.frame(t, false, 1)
			}
		},
		"hole": func(t *testing.T, s *stage) {
			t.Helper()
			s.piece(t, false, true, false, true)
			s.piece(t, false, false, true, false)
			s.end()
		},
		"far": func(t *testing.T, s *stage) {
			t.Helper()
			s.frame(t, false, replayMost)
		},
		"off and on": func(t *testing.T, s *stage) {
			t.Helper()
			s.from.pubs[Camera].gate(false)
			s.frame(t, false, 1)
			s.from.pubs[Camera].gate(true)
			s.frame(t, false, 1)
		},
		"while off": func(t *testing.T, s *stage) {
			t.Helper()
			s.from.pubs[Camera].gate(false)
			s.frame(t, true, 1)
			s.from.pubs[Camera].gate(true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.frame(t, true, 3)
			between(t, s)
			s.enter()
			if n := len(s.tap.sent); n != 0 {
				t.Errorf("%d packets went out", n)
			}
			if want := s.from.pubs[Camera].layers[layerHigh]; !want.keyWant && want.keyAt.IsZero() {
				t.Error("no keyframe was asked for")
			}
			s.frame(t, true, 3)
			s.frame(t, false, 3)
			if n := len(s.whole(t)); n != 6 {
				t.Errorf("%d packets followed", n)
			}
		})
	}
}

// Coming and going at any moment leaves the viewer with one valid stream.
func TestReplayAtAnyMoment(t *testing.T) {
	replays := uint64(0)
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := newStage(t)
		there := false
		for i := range 200 {
			key := i == 0 || r.IntN(25) == 0
			pieces := 1 + r.IntN(6)
			for n := range pieces {
				// Only between frames may one go: a frame cut short is none.
				if !there && r.IntN(20) == 0 || there && n == 0 && r.IntN(30) == 0 {
					if there = !there; there {
						s.enter()
					} else {
						s.viewer.slots[0].assign(nil)
					}
				}
				s.piece(t, key, n == 0, n == pieces-1, false)
			}
			s.end()
		}
		replays += s.count.replayed.Load()
		last := uint16(0)
		var lastTS uint32
		for i, raw := range s.tap.sent {
			plain, err := s.viewer.in.DecryptRTP(nil, raw, nil)
			if err != nil {
				t.Fatal(err)
			}
			seq, ts := binary.BigEndian.Uint16(plain[2:]), binary.BigEndian.Uint32(plain[4:])
			if i > 0 && (seq != last+1 || int32(ts-lastTS) < 0) {
				t.Fatalf("seed %d, packet %d: number %d after %d, time steps by %d", seed, i, seq, last, int32(ts-lastTS))
			}
			last, lastTS = seq, ts
		}
	}
	if replays < 50 {
		t.Errorf("only %d replays were tried", replays)
	}
}
