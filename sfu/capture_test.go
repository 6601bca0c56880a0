//nolint:gosec // numbers of a file that the test itself may refuse
package sfu

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// captured is one record. Streams, rooms and peers are numbered with their loop
// in the upper half.
type captured struct {
	at         time.Duration
	stream     uint64
	flags      byte
	seq        uint16
	ts         uint32
	size       uint64
	room, peer uint64 // of a new stream
	what       byte
	descriptor []byte
}

// readCapture reads all records of all loops, in the order of their times.
func readCapture(r io.Reader) (all []captured, err error) {
	b := bufio.NewReader(r)
	magic := make([]byte, len(captureMagic))
	if _, err := io.ReadFull(b, magic); err != nil || string(magic) != captureMagic {
		return nil, errors.Join(errors.New("no capture"), err)
	}
	ats := map[uint64]time.Duration{}
	for {
		if _, err := b.Peek(1); errors.Is(err, io.EOF) {
			slices.SortStableFunc(all, func(a, b captured) int { return int(a.at - b.at) })
			return all, nil
		}
		loop, err := binary.ReadUvarint(b)
		if err != nil {
			return nil, err
		}
		n, err := binary.ReadUvarint(b)
		if err != nil {
			return nil, err
		}
		block := bufio.NewReader(io.LimitReader(b, int64(n)))
		records, at, err := readBlock(block, loop, ats[loop])
		if err != nil {
			return nil, err
		}
		ats[loop] = at
		all = append(all, records...)
	}
}

func readBlock(b *bufio.Reader, loop uint64, at time.Duration) (all []captured, end time.Duration, err error) {
	number := func() (n uint64) {
		if err == nil {
			n, err = binary.ReadUvarint(b)
		}
		return n
	}
	take := func(n int) []byte {
		p := make([]byte, n)
		if err == nil {
			_, err = io.ReadFull(b, p)
		}
		return p
	}
	for {
		if _, err := b.Peek(1); errors.Is(err, io.EOF) {
			return all, at, nil
		}
		at += time.Duration(number()) * time.Microsecond
		c := captured{at: at, stream: loop<<32 | number(), flags: take(1)[0]}
		c.seq, c.ts, c.size = binary.BigEndian.Uint16(take(2)), binary.BigEndian.Uint32(take(4)), number()
		if c.flags&captureStream != 0 {
			c.room, c.peer, c.what = loop<<32|number(), loop<<32|number(), take(1)[0]
		}
		if c.flags&captureDescriptor != 0 {
			c.descriptor = take(int(take(1)[0]))
		}
		if err != nil {
			return nil, 0, err
		}
		all = append(all, c)
	}
}

// play runs the first peer's camera of a capture through the loop, to a viewer
// who wants the quality that want says for each record.
func (s *stage) play(t *testing.T, all []captured, want func(int) Quality) {
	t.Helper()
	start := s.now
	streams := map[uint64]*inStream{}
	s.viewer.slots[0].assign(s.from)
	for i := range all {
		c := &all[i]
		s.now = start.Add(c.at)
		if c.flags&captureStream != 0 && Source(c.what&^captureLow) == Camera && c.peer == 0 {
			layer := layerHigh
			if c.what&captureLow != 0 {
				layer = layerLow
			}
			streams[c.stream] = s.open(s.from, uint32(1000+c.stream), &section{source: Camera, pts: payloads{{pt: 96}}, video: true}, layer)
		}
		in := streams[c.stream]
		if in == nil {
			continue
		}
		if q := want(i); q != s.track.quality {
			s.track.quality = q
			s.retarget(s.track, s.now)
		}
		payload := make([]byte, max(int(c.size), len(c.descriptor)))
		if n := copy(payload, c.descriptor); n < len(payload) && c.flags&captureKey == 0 {
			payload[n] = 1 // RFC 6386, section 9.1: not a keyframe
		}
		if seq, fresh := in.log.note(c.seq, c.ts, s.now); fresh {
			s.take(in, &rtp.Header{SequenceNumber: c.seq, Timestamp: c.ts, Marker: c.flags&captureMarker != 0}, &packet{codec: codecVP8, seq: seq, payload: payload})
		}
		s.flush()
	}
}

func TestCaptureReplays(t *testing.T) {
	s := newStage(t)
	s.capture = newRecorder(s.now)
	copy(s.plain[len(s.plain)-6:], "secret")
	for i := range 60 {
		s.frame(t, i%20 == 0, 3)
	}
	file := binary.AppendUvarint([]byte(captureMagic+"\x00"), uint64(len(s.capture.buf)))
	file = append(file, s.capture.buf...)
	if bytes.Contains(file, []byte("secret")) {
		t.Fatal("payload got into the capture")
	}
	all, err := readCapture(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 180 || all[0].flags&captureKey == 0 || all[1].flags&captureKey != 0 || all[179].at-all[0].at != (59*33+179)*time.Millisecond {
		t.Fatalf("%d records, the first %+v, the last %+v", len(all), all[0], all[len(all)-1])
	}
	again := newStage(t)
	again.play(t, all, func(int) Quality { return QualityHigh })
	if got := again.whole(t); len(got) != len(all) {
		t.Errorf("%d packets of %d came out", len(got), len(all))
	}
}

// Every capture in testdata makes a valid, monotone stream, whatever layer is
// wanted when.
func TestKeptCaptures(t *testing.T) {
	for _, name := range []string{"testdata/camera.cap"} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		all, err := readCapture(f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		for every := 3; every < 300; every *= 3 {
			s := newStage(t)
			s.play(t, all, func(i int) Quality { return QualityLow + Quality(i/every%2) })
			if len(s.whole(t)) == 0 {
				t.Errorf("%s: nothing came out", name)
			}
		}
	}
}

func TestCaptureEndsWithItsContext(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is under way
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b bytes.Buffer
	if err := s.Capture(ctx, &b); err != nil || b.String() != captureMagic {
		t.Errorf("%v, %q", err, b.String())
	}
	if err := s.Capture(ctx, &b); err != nil { // the first one is over
		t.Error(err)
	}
}

// All loops are captured into one file, each with its own rooms, and what comes
// of it plays through the loop again.
func TestCaptureOfAllLoops(t *testing.T) {
	s, err := New(Config{Loops: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is under way
	ctx, cancel := context.WithCancel(t.Context())
	noted := make(chan struct{})
	var b bytes.Buffer
	file := writerFunc(func(p []byte) (int, error) {
		if b.Len() == 0 { // the magic: all loops take notes by now
			close(noted)
		}
		return b.Write(p)
	})
	done := make(chan error, 1)
	go func() { done <- s.Capture(ctx, file) }()
	<-noted
	if err := s.Capture(ctx, io.Discard); !errors.Is(err, ErrClosed) {
		t.Errorf("a second capture: %v", err)
	}
	for i, l := range s.loops {
		l.call(func() {
			p := newMediaPeer("p", newMailbox(nil), 4)
			p.pubs[Camera].on = true
			l.add(&mediaRoom{}, p)
			in := l.open(p, 7, &section{source: Camera, pts: payloads{{pt: 96}}, video: true}, layerHigh)
			y := newLayered()
			for n := range 10 * (i + 1) {
				for _, pkt := range y.frame(n == 0, 1) {
					seq, _ := in.log.note(uint16(pkt.seq), pkt.ts, l.now)
					l.take(in, &rtp.Header{Timestamp: pkt.ts, Marker: true}, &packet{codec: codecVP8, seq: seq, payload: pkt.payload})
				}
			}
			l.remove(p)
		})
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	all, err := readCapture(&b)
	if err != nil {
		t.Fatal(err)
	}
	of := map[uint64]int{}
	for _, c := range all {
		of[c.stream>>32]++
	}
	if len(all) != 60 || of[0] != 10 || of[1] != 20 || of[2] != 30 {
		t.Errorf("%d records, by loop: %v", len(all), of)
	}
	again := newStage(t)
	again.play(t, all, func(int) Quality { return QualityHigh })
	if got := again.whole(t); len(got) != 10 {
		t.Errorf("%d packets of the first loop came out", len(got))
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
