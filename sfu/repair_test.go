package sfu

import (
	"bytes"
	"encoding/binary"
	"testing"

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
		"rtx": {ssrc: 77, pt: 97, seq: 0xfffe}, "plain": {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.track.rtx = rtx
			s.frame(t, true, 3)
			s.enter()
			for range 5 {
				s.frame(t, false, 3)
			}
			sent := len(s.tap.sent)
			first := s.opened(t)
			for i := range sent {
				seq := binary.BigEndian.Uint16(first[i][2:])
				for range 2 {
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
