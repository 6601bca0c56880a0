package sfu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/rtp"
)

// A capture is what arrived, for developers to run through the loop again: the
// times, the numbers and the VP8 payload descriptors of all publishers' packets
// (those of other codecs are left out),
// and never a byte of picture or sound.
//
// It begins with captureMagic. Blocks follow: the number of a loop and the length
// of what it noted (uvarints), then that. A loop's blocks make one sequence of
// records, with numbers of its own for streams, rooms and peers. A record is:
// microseconds since the record before, or since the capture began (uvarint);
// stream, counted from 0 as streams appear (uvarint);
// flags (1 byte); sequence number (2 bytes, big-endian); timestamp (4);
// length of the payload (uvarint); and, where the flags say so, first the new
// stream's room and peer, counted likewise (uvarints), and a byte with its
// source and, in bit 7, the lower layer; last the descriptor, after its length
// (1 byte).
const captureMagic = "SVCAP2\n"

const (
	captureMarker     = 1 << iota // the RTP marker bit
	captureKey                    // the packet begins a keyframe
	captureDescriptor             // a payload descriptor follows
	captureStream                 // a new stream: what it is follows
)

const (
	captureEvery = 100 * time.Millisecond
	captureMost  = 8 << 20 // bytes that may wait for a slow writer
	captureLow   = 0x80
)

// ErrCaptureSlow says that the writer of a capture did not keep up.
var ErrCaptureSlow = errors.New("sfu: capture: the writer is too slow")

// recorder takes notes in the loop.
type recorder struct {
	buf     []byte
	last    time.Time
	streams map[*inStream]uint64
	peers   map[*mediaPeer]uint64
	rooms   map[*mediaRoom]uint64
	full    bool
}

// note takes a packet that is new.
func (r *recorder) note(s *inStream, h *rtp.Header, p *packet, now time.Time) {
	if r.full = r.full || len(r.buf) > captureMost; r.full {
		return
	}
	if p.codec != codecVP8 {
		return // where its picture begins, only the codec knows
	}
	passed := max(0, now.Sub(r.last).Microseconds())
	r.last = now
	id, known := r.streams[s]
	if !known {
		id = uint64(len(r.streams))
		r.streams[s] = id
	}
	var flags byte
	if p.marker {
		flags |= captureMarker
	}
	if p.desc.key {
		flags |= captureKey
	}
	n := 0
	if s.video && len(p.payload) > 0 {
		flags |= captureDescriptor
		n = p.desc.size(p.payload)
	}
	if !known {
		flags |= captureStream
	}
	b := binary.AppendUvarint(r.buf, uint64(passed))
	b = append(binary.AppendUvarint(b, id), flags)
	b = binary.BigEndian.AppendUint16(b, uint16(p.seq)) //nolint:gosec // modulo 2^16
	b = binary.BigEndian.AppendUint32(b, h.Timestamp)
	b = binary.AppendUvarint(b, uint64(len(p.payload)))
	if !known {
		b = binary.AppendUvarint(b, number(r.rooms, s.pub.peer.room))
		b = binary.AppendUvarint(b, number(r.peers, s.pub.peer))
		what := byte(s.pub.source)
		if s.layer == layerLow {
			what |= captureLow
		}
		b = append(b, what)
	}
	if flags&captureDescriptor != 0 {
		b = append(append(b, byte(n)), p.payload[:n]...)
	}
	r.buf = b
}

// number counts things as they appear.
func number[T comparable](m map[T]uint64, k T) uint64 {
	n, ok := m[k]
	if !ok {
		n = uint64(len(m))
		m[k] = n
	}
	return n
}

// size is the length of the descriptor that parseVP8 has read from b.
func (d descriptor) size(b []byte) int {
	n := 1
	if b[0]&0x80 == 0 {
		return n
	}
	n++
	if d.pic >= 0 {
		n++
		if d.wide {
			n++
		}
	}
	if d.tl0 >= 0 {
		n++
	}
	if b[1]&0x30 != 0 {
		n++
	}
	return n
}

// newRecorder begins to take notes of one loop.
func newRecorder(now time.Time) *recorder {
	return &recorder{
		last: now, streams: map[*inStream]uint64{}, peers: map[*mediaPeer]uint64{}, rooms: map[*mediaRoom]uint64{},
	}
}

// Capture writes what arrives in all rooms to w until ctx ends, which is no
// error; who is who it does not tell. One at a time: another gets ErrClosed.
func (s *SFU) Capture(ctx context.Context, w io.Writer) error {
	if !s.capturing.CompareAndSwap(false, true) {
		return ErrClosed
	}
	defer s.capturing.Store(false)
	notes := make([]*recorder, len(s.loops))
	now := time.Now()
	defer func() {
		for _, l := range s.loops {
			l.call(func() { l.capture = nil })
		}
	}()
	for i, l := range s.loops {
		notes[i] = newRecorder(now)
		if !l.call(func() { l.capture = notes[i] }) {
			return ErrClosed
		}
	}
	if _, err := io.WriteString(w, captureMagic); err != nil {
		return fmt.Errorf("sfu: capture: %w", err)
	}
	tick := time.NewTicker(captureEvery)
	defer tick.Stop()
	var head, spare []byte
	for {
		over := false
		select {
		case <-ctx.Done():
			over = true
		case <-tick.C:
		}
		for i, l := range s.loops {
			r := notes[i]
			var noted []byte
			slow := false
			if !l.call(func() { noted, slow, r.buf = r.buf, r.full, spare[:0] }) {
				return ErrClosed
			}
			spare = noted
			if slow {
				return ErrCaptureSlow
			}
			if len(noted) == 0 {
				continue
			}
			head = binary.AppendUvarint(head[:0], uint64(i))
			head = binary.AppendUvarint(head, uint64(len(noted)))
			for _, b := range [][]byte{head, noted} {
				if _, err := w.Write(b); err != nil {
					return fmt.Errorf("sfu: capture: %w", err)
				}
			}
		}
		if over {
			return nil
		}
	}
}
