//nolint:gosec // what wraps around is the subject
package sfu

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// leave takes the slot away again.
func (s *stage) leave() {
	s.viewer.slots[0].assign(nil)
	s.flush()
}

// A slot that stands idle while its source counts through all 2^16 numbers, and
// more than once, goes on with the next number of its own: the viewer's rollover
// counter (RFC 3711, section 3.3.1) never falls behind.
func TestSlotIdleForAWholeRound(t *testing.T) {
	s := newStage(t)
	for round := range 3 {
		s.frame(t, true, 2)
		s.enter()
		for range 20_000 { // with the rounds, the viewer's numbers wrap too
			s.frame(t, false, 2)
		}
		s.leave()
		idle := len(s.tap.sent)
		for range 70_000 {
			s.frame(t, false, 1)
		}
		if n := len(s.tap.sent); n != idle {
			t.Fatalf("round %d: %d packets went to an idle slot", round, n-idle)
		}
	}
	if n := len(s.tap.sent); n != 3*(2+2*20_000) {
		t.Errorf("%d packets in all", n)
	}
	var last rtp.Header
	for i, raw := range s.tap.sent { // decrypting fails where the counters part
		var h rtp.Header
		if _, err := s.viewer.in.DecryptRTP(nil, raw, &h); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if i > 0 && (h.SequenceNumber != last.SequenceNumber+1 || int32(h.Timestamp-last.Timestamp) < 0) {
			t.Fatalf("packet %d: number %d after %d, time %d after %d", i, h.SequenceNumber, last.SequenceNumber, h.Timestamp, last.Timestamp)
		}
		last = h
	}
}

// A browser that begins its camera anew, as after replaceTrack in some of them,
// sends on another SSRC with numbers of its own. The viewer sees one stream.
func TestPublisherBeginsAnewOnAnotherSSRC(t *testing.T) {
	s := newStage(t)
	s.frame(t, true, 3)
	s.enter()
	for range 10 {
		s.frame(t, false, 3)
	}
	old := s.from.pubs[Camera].layers[layerHigh]
	ssrc := uint32(0x77777777)
	s.from.declared[ssrc] = "1"
	binary.BigEndian.PutUint32(s.plain[8:], ssrc)
	s.seq, s.pic, s.ts = 17, 3, 99
	s.frame(t, false, 3) // nothing can be made of it before a keyframe
	before := len(s.tap.sent)
	s.frame(t, true, 3)
	for range 10 {
		s.frame(t, false, 3)
	}
	if n := len(s.tap.sent) - before; n != 3+10*3 {
		t.Errorf("%d packets came of the new stream", n)
	}
	s.whole(t)
	if s.from.pubs[Camera].layers[layerHigh] == old || s.from.streams[0x1234] != nil {
		t.Error("the old stream is still there")
	}
	binary.BigEndian.PutUint32(s.plain[8:], 0x1234)
	s.arrive(t, s.plain) // what was late
	if now := s.from.pubs[Camera].layers[layerHigh]; now == nil || now.ssrc != ssrc {
		t.Error("the old stream came back")
	}
}

// A publisher who vanishes in the midst of a frame leaves half a frame. The slot's
// next source begins with a keyframe, under the next number, and in a new picture.
func TestPublisherVanishesMidFrame(t *testing.T) {
	s := newStage(t)
	s.frame(t, true, 3)
	s.enter()
	s.frame(t, false, 3)
	s.piece(t, false, true, false, false)
	half := len(s.tap.sent)
	s.remove(s.from)
	s.piece(t, false, false, true, false)
	if n := len(s.tap.sent); n != half || s.track.cur != nil {
		t.Fatalf("%d packets of somebody who is gone", n-half)
	}
	// Somebody else at the same address, with fresh keys as after a new handshake.
	other := newStage(t)
	other.tap, other.viewer, other.track = s.tap, s.viewer, s.track
	other.conn = s.tap
	other.add(other.from.room, s.viewer)
	other.frame(t, true, 3)
	other.enter()
	other.frame(t, false, 2)
	var last rtp.Packet
	for i, raw := range s.tap.sent {
		plain, err := s.viewer.in.DecryptRTP(nil, raw, nil)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		var p rtp.Packet
		if err := p.Unmarshal(plain); err != nil {
			t.Fatal(err)
		}
		d, _ := parseVP8(p.Payload)
		if i > 0 && p.SequenceNumber != last.SequenceNumber+1 {
			t.Fatalf("packet %d: number %d after %d", i, p.SequenceNumber, last.SequenceNumber)
		}
		if i == half {
			was, _ := parseVP8(last.Payload)
			if !d.key || d.picture(p.Payload) == was.picture(last.Payload) || p.Timestamp == last.Timestamp {
				t.Errorf("the new source begins with %+v", d)
			}
		}
		last = p
	}
	if n := len(s.tap.sent) - half; n != 5 {
		t.Errorf("%d packets of the new source", n)
	}
}

// Packets that come twice go out once; packets that come late go out under the
// number that was kept for them; padding alone keeps its number and carries nothing.
func TestDuplicatesLateAndPadding(t *testing.T) {
	s := newStage(t)
	s.frame(t, true, 3)
	s.enter()
	s.frame(t, false, 3)
	twice := append([]byte(nil), s.plain...)
	before := len(s.tap.sent)
	for range 3 {
		s.arrive(t, twice)
	}
	if n := len(s.tap.sent) - before; n != 0 {
		t.Errorf("a packet that came again went out %d times", n)
	}
	s.piece(t, false, true, false, true) // comes after the next
	late := append([]byte(nil), s.plain...)
	s.piece(t, false, false, true, false)
	s.arrive(t, late)
	s.end()
	if n := len(s.tap.sent) - before; n != 2 {
		t.Fatalf("%d packets went out of two that came the other way round", n)
	}
	numbers := make([]uint16, 0, 2)
	for _, raw := range s.tap.sent {
		plain, err := s.viewer.in.DecryptRTP(nil, raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, binary.BigEndian.Uint16(plain[2:]))
	}
	if n := len(numbers); numbers[n-2] != numbers[n-1]+1 {
		t.Errorf("numbers %v at the end", numbers[n-3:])
	}
	s.seq++
	padding := rtp.Packet{
		Header:      rtp.Header{Version: 2, Padding: true, PayloadType: 96, SequenceNumber: s.seq, Timestamp: s.ts, SSRC: 0x1234},
		PaddingSize: 200,
	}
	raw, err := padding.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s.arrive(t, raw)
	s.now = s.now.Add(time.Millisecond)
	s.frame(t, false, 1)
	tail := numbers[len(numbers)-2]
	for _, raw := range s.tap.sent[len(numbers):] {
		plain, err := s.viewer.in.DecryptRTP(nil, raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tail++; binary.BigEndian.Uint16(plain[2:]) != tail {
			t.Errorf("number %d, want %d", binary.BigEndian.Uint16(plain[2:]), tail)
		}
		if len(plain) > rtpHeader && plain[0]&0x20 != 0 {
			t.Error("padding went out")
		}
	}
}

// After 2^16 rounds of 2^16 numbers the index that SRTP counts (RFC 3711, section
// 3.3.1) needs more than 32 bits, on the way in and on the way out; what is kept
// and asked for again is found across that.
func TestKeysAfterFourBillionPackets(t *testing.T) {
	s := newStage(t)
	s.frame(t, true, 3)
	s.enter()
	const before = 1<<16 - 1 // rounds
	// Both ends of either way have counted so far.
	in := s.from.pubs[Camera].layers[layerHigh]
	jump := before<<16 - (in.log.highest - int64(s.seq)) + 1<<16
	in.log.first += jump
	in.log.highest += jump
	s.seal.SetROC(0x1234, before)
	s.from.in.SetROC(0x1234, before)
	track := &s.track.rw
	rounds := before - (track.lastSeq >> 16)
	track.lastSeq += rounds << 16
	s.viewer.out.SetROC(999, before)
	s.viewer.in.SetROC(999, before)
	s.tap.sent, track.segs[0].last = nil, track.lastSeq
	s.leave()
	s.frame(t, true, 3)
	s.enter()
	for range 30_000 { // 60,000 packets: either way passes the last number of its round, or nearly all of it
		s.frame(t, false, 2)
	}
	for range 5_000 {
		s.frame(t, false, 2)
	}
	if got := in.log.highest - 1<<16; got < 1<<32 {
		t.Fatalf("the way in stands at %d, below 2^32", got)
	}
	if track.lastSeq < 1<<32 {
		t.Fatalf("the way out stands at %d, below 2^32", track.lastSeq)
	}
	s.whole(t) // decrypts all of it
	n := len(s.tap.sent)
	s.track.rtx, s.track.pts[codecVP8].rtx = repairStream{ssrc: 77}, 97
	s.resend(s.track, []rtcp.NackPair{{PacketID: uint16(track.lastSeq - 100)}})
	s.flush()
	if len(s.tap.sent) != n+1 {
		t.Error("nothing was resent")
	}
	if r := in.log.report(1, s.now); r.LastSequenceNumber != uint32(in.log.highest-1<<16) || r.FractionLost != 0 {
		t.Errorf("reported: %+v", r)
	}
}

// A keyframe whose first packet comes after what follows it begins with all of it.
func TestKeyframeThatComesLate(t *testing.T) {
	s := newStage(t)
	s.frame(t, true, 1)
	s.now = s.now.Add(2 * replayFor) // too old to begin with
	s.enter()
	s.piece(t, true, true, false, true)
	first := append([]byte(nil), s.plain...)
	s.piece(t, true, false, true, false)
	s.end()
	s.frame(t, false, 2)
	if len(s.tap.sent) != 0 {
		t.Fatalf("%d packets went out before the keyframe began", len(s.tap.sent))
	}
	s.arrive(t, first)
	if n := len(s.whole(t)); n != 4 {
		t.Errorf("%d packets went out", n)
	}
	s.frame(t, false, 2)
	if n := len(s.whole(t)); n != 6 {
		t.Errorf("%d packets went out", n)
	}
}

// Silence that is not sent (DTX) stays silence: numbers go on by one, and the time
// that passed is in the timestamps.
func TestSilenceThatIsNotSent(t *testing.T) {
	now := time.Unix(1000, 0)
	r := rewriter{clock: 48000}
	s := &inStream{pub: &publication{}}
	var last spot
	var in, out uint32 // timestamps of the last
	for i, ts := range []uint32{0, 960, 1920, 1920 + 19200, 1920 + 38400, 1920 + 39360} {
		p := &packet{seq: 1<<16 + int64(i), ts: ts, payload: []byte{0xf8, 0xff, 0xfe}}
		p.desc.pic, p.desc.tl0, p.desc.tid = -1, -1, -1
		if i == 0 {
			r.begin(s, p, now)
		}
		at, ok := r.place(p, now)
		if !ok || i > 0 && (at.out != last.out+1 || at.seg.stamp(p)-out != ts-in) {
			t.Errorf("packet %d goes to %+v, %v", i, at, ok)
		}
		last, in, out = at, ts, at.seg.stamp(p)
	}
}
