package sfu_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

// twice packs a voice and the one of 20 ms before (RFC 2198).
func twice(before, now []byte) []byte {
	return slices.Concat([]byte{0x80 | 109, 960 >> 6, 960 << 2 & 0xff, byte(len(before)), 109}, before, now) //nolint:gosec // a word
}

// A voice with redundancy, of which one packet in four is lost on its way to the
// server, is whole for who agreed to redundancy and for who did not: each under
// the payload types that they know. Its publisher was asked for it.
func TestVoiceWithRedundancy(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 2, Redundancy: true})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 2})
	c := join(t, s, "room", "c", sfutest.Options{Slots: 2, Redundancy: true})
	word := func(n uint16) []byte { return binary.BigEndian.AppendUint16([]byte("word"), n) }
	every(t, 5*time.Millisecond, func(n uint16) error {
		if n%4 == 0 {
			return nil
		}
		return a.SendAudio(n, 960*uint32(n), twice(word(n-1), word(n)))
	})
	voice := func(m sfutest.Media) bool { return m.Source == sfu.Microphone }
	const length = 200
	said := func(m *member, read func(pt uint8, payload []byte) []byte) {
		t.Helper()
		seqs, words := map[uint16]bool{}, map[uint32]uint16{}
		var first uint16
		for len(seqs) < length {
			p := m.next(t, "a's voice", voice).Packet
			if len(seqs) == 0 {
				first = p.SequenceNumber
			}
			if seqs[p.SequenceNumber] {
				t.Errorf("%d came twice", p.SequenceNumber)
			}
			seqs[p.SequenceNumber] = true
			w := binary.BigEndian.Uint16(read(p.PayloadType, p.Payload)[len("word"):])
			words[p.Timestamp/960] = w
			if w != words[p.Timestamp/960-1]+1 && len(words) > 1 {
				t.Errorf("at %d is word %d, before it %d", p.Timestamp/960, w, words[p.Timestamp/960-1])
			}
		}
		for n := range uint16(length) {
			if !seqs[first+n] {
				t.Errorf("%d of %d is missing", n, length)
			}
		}
	}
	said(b, func(pt uint8, payload []byte) []byte {
		if pt != 109 || len(payload) != 6 {
			t.Fatalf("payload type %d, %x", pt, payload)
		}
		return payload
	})
	redundant := 0
	said(c, func(pt uint8, payload []byte) []byte {
		if pt == 63 {
			redundant++
			return payload[len(payload)-6:]
		}
		if pt != 109 || len(payload) != 6 {
			t.Fatalf("payload type %d, %x", pt, payload)
		}
		return payload
	})
	if redundant < length/2 {
		t.Errorf("%d of %d with redundancy", redundant, length)
	}
	if s.Stats().Mended < length/8 {
		t.Errorf("%d mended", s.Stats().Mended)
	}
	a.until(t, "redundancy is asked for", func(st sfutest.State) bool { return st.Redundant })
	if st, _ := c.seen.State(); st.Redundant {
		t.Error("c, who sends nothing, was asked too")
	}
}
