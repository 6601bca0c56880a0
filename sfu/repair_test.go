package sfu

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// opened decrypts what the viewer got, and fails where one SSRC and number came
// with two contents: SRTP would have used one nonce twice.
func (s *stage) opened(t *testing.T) [][]byte {
	t.Helper()
	seen := map[uint64][]byte{}
	var all [][]byte
	for i, raw := range s.tap.sent {
		plain, err := s.viewer.in.DecryptRTP(nil, raw, nil)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		id := uint64(binary.BigEndian.Uint32(plain[8:]))<<16 | uint64(binary.BigEndian.Uint16(plain[2:]))
		if old := seen[id]; old != nil && !bytes.Equal(old, raw) {
			t.Fatalf("SSRC %d, number %d went out with two contents", id>>16, id&0xffff)
		}
		seen[id] = raw
		all = append(all, plain)
	}
	return all
}

// A repair goes out as RTX under a number of its own each time, and holds what
// went out first; without RTX it is the same packet.
func TestRepairsOfAViewer(t *testing.T) {
	for name, rtx := range map[string]repairStream{
		"rtx": {ssrc: 77, seq: 0xfffe}, "plain": {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.track.rtx = rtx
			s.track.pts[codecVP8].rtx = 97
			s.frame(t, true, 3)
			s.enter()
			for range 5 {
				s.frame(t, false, 3)
			}
			sent := len(s.tap.sent)
			first := s.opened(t)
			for i := range sent {
				seq := binary.BigEndian.Uint16(first[i][2:])
				for _, after := range []time.Duration{0, s.viewer.rtt - 1, 1} { // the second time too soon
					s.now = s.now.Add(after)
					s.resend(s.track, []rtcp.NackPair{{PacketID: seq}})
				}
			}
			s.flush()
			all := s.opened(t)
			if len(all) != 3*sent || s.count.resent.Load() != uint64(2*sent) {
				t.Fatalf("%d packets for %d", len(all), sent)
			}
			for i, got := range all[sent:] {
				was := first[i/2]
				if rtx.ssrc == 0 {
					if !bytes.Equal(got, was) {
						t.Errorf("repair %d is another packet", i)
					}
					continue
				}
				if ssrc, seq := binary.BigEndian.Uint32(got[8:]), binary.BigEndian.Uint16(got[2:]); ssrc != 77 || seq != 0xffff+uint16(i) {
					t.Errorf("repair %d: SSRC %d, number %d", i, ssrc, seq)
				}
				if got[1] != 97|was[1]&0x80 || !bytes.Equal(got[4:8], was[4:8]) || !bytes.Equal(got[12:14], was[2:4]) || !bytes.Equal(got[14:], was[12:]) {
					t.Errorf("repair %d holds something else", i)
				}
			}
		})
	}
}

// A viewer whose path is full asks for all that the queue dropped, again and
// again: repairs get half of the path and no more, and of what came before the
// newest keyframe there are none.
func TestRepairsDoNotFillThePath(t *testing.T) {
	s := newStage(t)
	s.track.rtx, s.track.pts[codecVP8].rtx = repairStream{ssrc: 77}, 97
	s.viewer.path = newEstimator(s.now)
	s.frame(t, true, 3)
	s.enter()
	for range 100 {
		s.frame(t, false, 3)
	}
	s.viewer.path.heard, s.viewer.path.rate = true, 400_000
	before := s.count.resent.Load()
	last := s.track.rw.lastSeq
	const seconds = 10
	for range seconds * int(time.Second/tickEvery) {
		s.now = s.now.Add(tickEvery)
		s.track.resends, s.viewer.sought = 0, 0
		s.viewer.repair.refill(s.viewer.path.rate)
		for i := range int64(200) {
			s.resend(s.track, []rtcp.NackPair{{PacketID: uint16(last - i)}}) //nolint:gosec // modulo 2^16
		}
	}
	bytes := float64(s.count.resent.Load()-before) * (1100 + packetCost)
	if most := repairShare * 400_000 / 8 * (seconds + repairBurst.Seconds()); bytes > most || bytes < most/2 {
		t.Errorf("%.0f bytes of repairs in %d s, at most %.0f may be", bytes, seconds, most)
	}
	s.viewer.path.heard = false
	s.frame(t, true, 3)
	s.track.rw.begin(s.track.cur, s.track.cur.ring.get(s.track.cur.log.highest), s.now)
	before = s.count.resent.Load()
	s.resend(s.track, []rtcp.NackPair{{PacketID: uint16(last)}}) //nolint:gosec // modulo 2^16
	if s.count.resent.Load() != before {
		t.Error("what came before the newest keyframe was resent")
	}
}
