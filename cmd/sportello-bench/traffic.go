package main

import (
	"encoding/binary"
	"time"
)

// The shape of what a browser sends at 720p: 30 frames and 1.5 Mbit/s, and
// speech in 50 packets a second.
const (
	frameEvery  = time.Second / 30
	audioEvery  = 20 * time.Millisecond
	framePieces = 6
	keyPieces   = 24
	videoBytes  = 1500_000 / 8 / 30 / framePieces
	lowPieces   = 1 // 150 kbit/s
	lowBytes    = 150_000 / 8 / 30
	audioBytes  = 80

	// packetRate is what one person sends in a second, but for keyframes.
	packetRate = float64(time.Second/frameEvery*framePieces + time.Second/audioEvery)
)

// vp8Stream makes the payloads of one camera layer.
type vp8Stream struct {
	picture uint16
	ts      uint32
	buf     [videoBytes]byte
}

// frame calls send for each packet of the next frame.
func (v *vp8Stream) frame(key bool, pieces, size int, send func(ts uint32, payload []byte, marker bool) error) error {
	v.picture++
	v.ts += 90000 / 30
	for i := range pieces {
		b := v.buf[:size]
		b[0], b[1] = 0x80, 0xc0 // X; I and L
		if i == 0 {
			b[0] |= 0x10 // S
		}
		binary.BigEndian.PutUint16(b[2:], v.picture|0x8000)
		b[4], b[5] = byte(v.picture&0xff), 1
		if key {
			b[5] = 0
		}
		if err := send(v.ts, b, i == pieces-1); err != nil {
			return err
		}
	}
	return nil
}

// clock is the time base of the stamps in payloads.
type clock struct{ base time.Time }

func (c clock) stamp(b []byte) {
	binary.BigEndian.PutUint64(b[len(b)-8:], uint64(time.Since(c.base))) //nolint:gosec // positive
}

func (c clock) since(b []byte) time.Duration {
	if len(b) < 8 {
		return 0
	}
	return time.Since(c.base) - time.Duration(binary.BigEndian.Uint64(b[len(b)-8:])) //nolint:gosec // as written
}

// arrivals counts what came of one stream, whatever order it came in.
type arrivals struct {
	video          bool
	started        bool
	first, highest int64
	distinct       int64
	seen           []int64
}

const seenWindow = 4096

func (a *arrivals) note(seq uint16) {
	if !a.started {
		a.started = true
		a.first = int64(seq) + 1<<16
		a.highest = a.first
		a.seen = make([]int64, seenWindow)
	}
	ext := a.highest + int64(int16(seq-uint16(a.highest))) //nolint:gosec // the wrap-around is the point
	if ext < a.first {
		return
	}
	a.highest = max(a.highest, ext)
	if at := &a.seen[ext%seenWindow]; *at != ext {
		*at = ext
		a.distinct++
	}
}

func (a *arrivals) tally() (lost, expected int64) {
	if !a.started {
		return 0, 0
	}
	expected = a.highest - a.first + 1
	return max(0, expected-a.distinct), expected
}

// losses are those of many streams.
type losses struct{ lost, expected int64 }

func (l *losses) add(a *arrivals) {
	lost, expected := a.tally()
	l.lost, l.expected = l.lost+lost, l.expected+expected
}

func (l losses) fraction() float64 {
	if l.expected == 0 {
		return 0
	}
	return float64(l.lost) / float64(l.expected)
}
