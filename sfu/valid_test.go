//nolint:gosec // what wraps around is the subject
package sfu

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// trial is a room in virtual time whose publisher is reached over a bad path,
// and whose viewer keeps changing its mind.
type trial struct {
	*show
	r    *rand.Rand
	born time.Time
	late []flight
	sent map[uint64][]byte // by SSRC and extended number
	high map[uint32]int64
	last map[uint32]shown // newest of a track
	all  map[int64]shown  // of the camera
	srs  int

	calm bool                         // the path loses and delays nothing
	hurt map[byte]map[uint32]struct{} // frames that did not come whole and in time
	away int                          // packets that the path lost or held back
}

type flight struct {
	at  time.Time
	x   *layerSource
	seq uint16
	h   rtp.Header
	b   []byte
	rtx bool
}

// shown is a packet as the viewer has it.
type shown struct {
	ts       uint32
	captured uint32 // ms since the trial began
	pic      uint16
	tl0      byte
	tid      int8
	source   byte
	index    uint32
	needs    []uint32
	begins   bool
	key      bool
	marker   bool
	seq      int64
}

func (s *trial) ms() uint32 { return uint32(s.now.Sub(s.born).Milliseconds()) }

// shoot sends one frame over the path: packets are lost, late, doubled.
func (s *trial) shoot(x *layerSource) {
	every := 33 * time.Millisecond
	if !x.in.video {
		every = 20 * time.Millisecond
	}
	x.next = s.now.Add(every)
	key := x.first || x.in.keyAt != x.keyAt || s.r.IntN(60) == 0
	x.first, x.keyAt = false, x.in.keyAt
	head, _, needs := x.picture(key)
	pieces := 1
	if x.in.video {
		pieces += s.r.IntN(4)
	}
	for i := range pieces {
		b := make([]byte, len(head), 64)
		copy(b, head)
		if x.in.video && i == 0 {
			b[0] |= 0x10
			if key {
				b[len(b)-1] = 0
			}
		}
		b = append(b, byte(x.in.ssrc))
		b = binary.BigEndian.AppendUint32(b, s.ms())
		b = binary.BigEndian.AppendUint32(b, x.index)
		for _, n := range needs {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		x.seq++
		f := flight{at: s.now, x: x, seq: uint16(x.seq), b: b}
		f.h.Timestamp = x.ts + s.ms()*(x.in.log.clock/1000)
		f.h.Marker = i == pieces-1
		n := s.r.IntN(100)
		if n < 14 && !s.calm {
			s.away++
			if s.hurt[byte(x.in.ssrc)] == nil {
				s.hurt[byte(x.in.ssrc)] = map[uint32]struct{}{}
			}
			s.hurt[byte(x.in.ssrc)][x.index] = struct{}{}
		}
		switch {
		case s.calm:
		case n < 3:
			continue // lost for good
		case n < 8:
			f.at, f.rtx = f.at.Add(time.Duration(20+s.r.IntN(200))*time.Millisecond), x.in.video
		case n < 14:
			f.at = f.at.Add(time.Duration(s.r.IntN(50)) * time.Millisecond)
		case n < 16 && x.in.video: // of a voice SRTP itself refuses a second
			g := f
			g.at = g.at.Add(time.Duration(s.r.IntN(100)) * time.Millisecond)
			s.late = append(s.late, g)
		}
		s.late = append(s.late, f)
	}
}

func (s *trial) land() {
	var later []flight
	for _, f := range s.late {
		if f.at.After(s.now) {
			later = append(later, f)
			continue
		}
		var seq int64
		var fresh bool
		if f.rtx {
			seq, fresh = f.x.in.log.mend(f.seq)
		} else {
			seq, fresh = f.x.in.log.note(f.seq, f.h.Timestamp, s.now)
		}
		if fresh {
			s.take(f.x.in, &f.h, &packet{codec: codecVP8, seq: seq, payload: f.b})
		}
	}
	s.late = later
}

// whim is one of the things that happen to a viewer.
func (s *trial) whim() {
	track := s.tracks[0]
	switch s.r.IntN(8) {
	case 0, 1:
		track.quality = Quality(s.r.IntN(3))
		s.retarget(track, s.now)
	case 2:
		s.viewer.slots[0].assign(nil)
	case 3:
		s.viewer.slots[0].assign(s.peers[1+s.r.IntN(2)])
		for _, t := range s.viewer.slots[0].tracks {
			if t != nil {
				s.retarget(t, s.now)
			}
		}
	case 4, 6, 7:
		if track.share.level = 0; s.r.IntN(3) > 0 {
			track.share.level = rungOf(QualityLow+Quality(s.r.IntN(2)), uint8(s.r.IntN(topAll+1)))
		}
		s.retarget(track, s.now)
	case 5:
		pub := s.peers[1].pubs[Camera]
		pub.gate(!pub.on)
		s.retarget(track, s.now)
	}
	if track.rw.started {
		for range 8 {
			s.resend(track, []rtcp.NackPair{{PacketID: uint16(track.rw.lastSeq - int64(s.r.IntN(40)))}})
		}
	}
}

// view takes in what came to the viewer.
func (s *trial) view() {
	s.flush()
	for _, raw := range s.tap.sent {
		if raw[1] >= 192 && raw[1] <= 223 {
			s.heed(raw)
			continue
		}
		h := &rtp.Header{}
		plain, err := s.viewer.in.DecryptRTP(nil, raw, h)
		if err != nil {
			s.t.Fatal(err)
		}
		last, ok := s.high[h.SSRC]
		if !ok {
			last = int64(h.SequenceNumber) + 1<<16
		}
		seq := extend(last, h.SequenceNumber)
		s.high[h.SSRC] = max(last, seq)
		id := uint64(h.SSRC)<<40 | uint64(seq)
		if old := s.sent[id]; old != nil && !slices.Equal(old, raw) {
			s.t.Fatalf("SSRC %d, number %d went out with two contents", h.SSRC, seq)
		}
		s.sent[id] = raw
		body, _ := payloadOf(plain, h)
		t := s.viewer.tracks[h.SSRC]
		if t == nil || len(body) == 0 {
			continue
		}
		d, ok := parseVP8(body) // the voices have such a header here too
		if !ok {
			s.t.Fatal("no VP8")
		}
		mark := body[d.size(body)+1:]
		p := shown{ts: h.Timestamp, captured: binary.BigEndian.Uint32(mark[1:]), source: mark[0], marker: h.Marker, seq: seq}
		if t == s.tracks[0] {
			p.pic, p.tl0, p.tid, p.begins, p.key = d.picture(body), body[d.tl0], d.tid, body[0]&0x10 != 0, d.key
			p.index = binary.BigEndian.Uint32(mark[5:])
			for mark = mark[9:]; len(mark) >= 4; mark = mark[4:] {
				p.needs = append(p.needs, binary.BigEndian.Uint32(mark))
			}
			s.all[seq] = p
		}
		if seq >= s.last[h.SSRC].seq {
			s.last[h.SSRC] = p
		}
	}
	s.tap.sent = s.tap.sent[:0]
}

// heed checks a sender report: the clock it tells of is that of the pictures and
// of the voice, or lips and words would part.
func (s *trial) heed(raw []byte) {
	plain, err := s.viewer.in.DecryptRTCP(nil, raw, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	pkts, err := rtcp.Unmarshal(plain)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range pkts {
		sr, ok := p.(*rtcp.SenderReport)
		if !ok || s.viewer.tracks[sr.SSRC] == nil {
			continue
		}
		t, last := s.viewer.tracks[sr.SSRC], s.last[sr.SSRC]
		told := float64(sr.NTPTime)/(1<<32)*1000 - float64(last.captured) // ms since the last packet
		want := last.ts + uint32(int64(told*float64(t.rw.clock)/1000))
		if off := int32(sr.RTPTime - want); off < -100 || off > 100 {
			s.t.Errorf("source %d: the report is %d ticks off its packets", t.source, off)
		}
		s.srs++
	}
}

// check looks at the whole stream of the camera in order.
func (s *trial) check() (switches int) {
	order := make([]int64, 0, len(s.all))
	for seq := range s.all {
		order = append(order, seq)
	}
	slices.Sort(order)
	came := map[byte]map[uint32]bool{}
	for _, p := range s.all {
		if came[p.source] == nil {
			came[p.source] = map[uint32]bool{}
		}
		came[p.source][p.index] = true
	}
	for _, p := range s.all {
		for _, n := range p.needs {
			if _, hurt := s.hurt[p.source][n]; !hurt && !came[p.source][n] {
				s.t.Errorf("source %d: frame %d of layer %d needs frame %d, which was left out", p.source, p.index, p.tid, n)
				return 0
			}
		}
	}
	holes := 0
	for seq := order[0]; seq < order[len(order)-1]; seq++ {
		if s.sent[uint64(s.tracks[0].ssrc)<<40|uint64(seq)] == nil {
			holes++
		}
	}
	if holes > s.away {
		s.t.Errorf("%d numbers are missing, though only %d packets were", holes, s.away)
	}
	for i, seq := range order {
		p := s.all[seq]
		if i == 0 {
			if !p.key {
				s.t.Error("the stream does not begin with a keyframe")
			}
			continue
		}
		q, gap := s.all[order[i-1]], seq-order[i-1]
		pics, step := int64((p.pic-q.pic)&0x7fff), int32(p.ts-q.ts)
		switch {
		case pics > gap || step < 0:
			s.t.Errorf("number %d: picture %d→%d over %d packets, time steps by %d: %+v %+v", seq, q.pic, p.pic, gap, step, q, p)
		case p.tid < 0 && q.tid < 0 && int64(p.tl0-q.tl0) != pics&0xff,
			int64(p.tl0-q.tl0) > pics,
			gap == 1 && p.tid >= 0 && int64(p.tl0-q.tl0) != pics && p.tid == 0,
			gap == 1 && p.tid > 0 && p.tl0 != q.tl0:
			s.t.Errorf("number %d: tl0 %d→%d with picture %d→%d", seq, q.tl0, p.tl0, q.pic, p.pic)
		case (pics == 0) != (step == 0):
			s.t.Errorf("number %d: %d pictures on, %d ticks on", seq, pics, step)
		case gap == 1 && q.marker && pics != 1:
			s.t.Errorf("number %d: the frame ended, and goes on", seq)
		case gap == 1 && p.source != q.source && !p.key:
			s.t.Errorf("number %d: another source begins without a keyframe", seq)
		}
		if p.source != q.source {
			switches++
		}
		if s.t.Failed() {
			return switches
		}
	}
	return switches
}

// Whatever a viewer and the publisher's path do, what comes out is one valid
// VP8 stream with monotone numbers, pictures and times, sealed with each number
// once, and reports that keep lips and words together.
func TestAnyStreamIsValid(t *testing.T) {
	switches, reports, thinned := 0, 0, uint64(0)
	for seed := range uint64(24) {
		s := &trial{
			show: newShow(t, 1e9, 2), r: rand.New(rand.NewPCG(seed, 7)),
			sent: map[uint64][]byte{}, high: map[uint32]int64{}, last: map[uint32]shown{}, all: map[int64]shown{},
			calm: seed%4 == 3, hurt: map[byte]map[uint32]struct{}{},
		}
		s.born = s.now
		for i, x := range s.layers {
			x.ts = s.r.Uint32()
			x.seq = 1<<16 + 65000
			x.pic = uint16(0x7fff - 100*i)
			x.temporal = [4]int{0, 2, 3, 3}[seed%4]
		}
		report := s.now
		for end := s.now.Add(40 * time.Second); s.now.Before(end); {
			s.now = s.now.Add(time.Millisecond)
			if !s.now.Before(s.ticked) {
				s.ticked = s.now.Add(tickEvery)
				s.tick()
				s.view()
			}
			if !s.now.Before(report) {
				report = s.now.Add(time.Duration(300+s.r.IntN(1000)) * time.Millisecond)
				for _, x := range s.layers {
					s.hear(x.in.pub.peer, &rtcp.SenderReport{
						SSRC: x.in.ssrc, NTPTime: uint64(s.ms()) << 32 / 1000, RTPTime: x.ts + s.ms()*(x.in.log.clock/1000),
					})
				}
			}
			for _, x := range s.layers {
				if !s.now.Before(x.next) {
					s.shoot(x)
				}
			}
			s.land()
			if s.r.IntN(150) == 0 {
				s.whim()
			}
			s.view()
		}
		switches += s.check()
		reports += s.srs
		thinned += s.count.thinned.Load()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if switches < 100 || reports < 100 || thinned < 1000 {
		t.Errorf("only %d switches, %d reports and %d packets left out were tried", switches, reports, thinned)
	}
}
