package sfu

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// Somebody who sends under ever new SSRCs, all authentic, is not remembered for
// ever, and those who were there go on.
func TestManySSRCs(t *testing.T) {
	b := newBench(t, 1)
	b.one(t)
	media, reports := 0, 0
	for ssrc := uint32(0x10000); ssrc < 0x10000+2*ssrcsMost; ssrc++ {
		binary.BigEndian.PutUint32(b.plain[8:], ssrc)
		b.one(t)
		if _, kept := b.from.in.ROC(ssrc); kept {
			media++
		}
		plain, err := (&rtcp.ReceiverReport{SSRC: ssrc}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := b.seal.EncryptRTCP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.media(b.from, raw)
		if _, kept := b.from.in.Index(ssrc); kept {
			reports++
		}
	}
	if media > ssrcsMost || reports > ssrcsMost {
		t.Errorf("%d SSRCs of RTP are kept, and %d of RTCP", media, reports)
	}
	before := b.count.forwarded.Load()
	binary.BigEndian.PutUint32(b.plain[8:], 0x1234)
	b.one(t)
	if b.count.forwarded.Load() != before+1 {
		t.Error("a stream that was there does not go on")
	}
}

// Requests for what nobody has cost little: what a viewer asks for beyond all
// reason is not looked for, and a moment later it is heard again.
func TestRequestsWithoutEnd(t *testing.T) {
	s := newStage(t)
	s.frame(t, true, 3)
	s.enter()
	s.frame(t, false, 3)
	first := s.track.rw.segs[0].first
	flood := make([]rtcp.NackPair, nackPerRTCP)
	for i := range flood {
		flood[i] = rtcp.NackPair{PacketID: uint16(first + 1000 + int64(17*i)), LostPackets: 0xffff} //nolint:gosec // modulo 2^16
	}
	for range 100 {
		s.hear(s.viewer, &rtcp.TransportLayerNack{MediaSSRC: s.track.ssrc, Nacks: flood})
	}
	if n := s.count.unrepaired.Load(); n > soughtMost {
		t.Errorf("%d were looked for", n)
	}
	s.follow(nil, s.viewer)                                                                                                // a tenth of a second later
	s.hear(s.viewer, &rtcp.TransportLayerNack{MediaSSRC: s.track.ssrc, Nacks: []rtcp.NackPair{{PacketID: uint16(first)}}}) //nolint:gosec // modulo 2^16
	if s.count.resent.Load() != 1 {
		t.Error("what is there was not resent")
	}
}

// A report of some bytes can say of 65,535 packets that they did not come. Only
// those that are remembered are gone through, and all of them.
func TestReportOfManyPackets(t *testing.T) {
	e := newEstimator(time.Unix(0, 0))
	for range 5000 {
		e.number(1000, time.Unix(0, 0))
	}
	for range 10_000 {
		seq, n := e.next-1-rand.Int64N(1<<16), rand.IntN(1<<13) //nolint:gosec // a test's chance
		from, to := e.known(seq, n)
		if to-from > sentKept {
			t.Fatalf("%d of %d", to-from, n)
		}
		for _, at := range []int64{from - 1, to, seq, seq + int64(n) - 1} {
			if in := at >= seq && at < seq+int64(n); in && e.of(at) != nil && (at < from || at >= to) {
				t.Fatalf("%d of [%d, %d) is remembered, but not in [%d, %d)", at, seq, seq+int64(n), from, to)
			}
		}
	}
	report := make([]byte, tccHeader, tccHeader+4)
	report[0], report[1] = 0x8f, 205
	binary.BigEndian.PutUint16(report[12:], uint16(e.next-4000)) //nolint:gosec // modulo 2^16
	binary.BigEndian.PutUint16(report[14:], 4000)
	e.read(binary.BigEndian.AppendUint16(report, 4000)) // one run
	if e.missing != sentKept {
		t.Errorf("%d are missing, want the %d that are remembered", e.missing, sentKept)
	}
}

// wallClock is a moment whose reading of the wall clock was moved, as when the
// machine's time is set while it runs.
func wallClock(t *testing.T, at time.Time, by time.Duration) time.Time {
	t.Helper()
	moved := at
	*(*uint64)(unsafe.Pointer(&moved)) += uint64(by/time.Second) << 30 //nolint:gosec // its seconds stand there, see time.Time
	if moved.Sub(at) != 0 || moved.Round(0).Sub(at.Round(0)) != by {
		t.Fatal("time.Time looks otherwise now")
	}
	return moved
}

// Setting the machine's clock moves nothing in a call: not the times that a
// publisher hears of its packets, nor what is told of jitter and of life.
func TestClockIsSet(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, 3 * time.Second, -time.Hour} {
		b := newBench(t, 1)
		b.one(t)
		b.now = wallClock(t, b.now, by)
		b.plain[rtpHeader+6] = 2 // the transport-wide number
		b.one(t)
		got := &b.from.arrived
		if passed := *got.of(got.end - 1) - *got.of(got.end - 2); got.end-got.begin != 2 || passed != time.Millisecond.Microseconds() {
			t.Errorf("moved by %v: %d packets, %d µs apart", by, got.end-got.begin, passed)
		}
		if j := b.from.streams[0x1234].log.jitter; j > 1000 {
			t.Errorf("moved by %v: a jitter of %v", by, j)
		}
		if !b.lives(b.from) {
			t.Errorf("moved by %v: not alive", by)
		}
	}
}

// What comes as a voice, but is more than any voice, goes to nobody.
func TestVoiceWithoutEnd(t *testing.T) {
	const seconds, size = 20, 1000
	b := newBench(t, 0)
	b.from.sections["2"] = section{source: Microphone, pts: payloads{{pt: 111}}}
	b.from.declared[0x99] = "2"
	b.from.pubs[Microphone].on = true
	v := keyed(t, "v", b.addr)
	v.gives(&outTrack{to: v, source: Microphone, ssrc: 7, pts: payloads{{pt: 109}}, rw: rewriter{clock: 48000}}).assign(b.from)
	b.add(b.from.room, v)
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SSRC: 0x99}, Payload: make([]byte, size)}
	for n := range seconds * 1000 { // 8 Mbit/s
		p.SequenceNumber, p.Timestamp = uint16(n), uint32(48*n)
		raw, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		b.arrive(t, raw)
	}
	most := (voiceMost/8*seconds + voiceBurst) / size
	if got := int(b.count.forwarded.Load()); got > most || got < most*9/10 { //nolint:gosec // some thousands
		t.Errorf("%d packets went out, want up to %d", got, most)
	}
}
