package sfu

import (
	"encoding/binary"
	"math"
)

const (
	arrivalsKept = 512 // packets remembered; a tenth of a second at 50 Mbit/s
	arrivalsMost = 400 // in one report, which then is below an MTU

	tccHeader  = 20
	tccTick    = 250    // µs
	tccRefTick = 64_000 // µs

	// what the report says of a packet
	tccMissing, tccSmall, tccLarge = 0, 1, 2
)

// arrivals remembers when a publisher's packets came, by their transport-wide
// numbers, and writes the feedback about them
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). Ten reports a second for
// each publisher are worth doing without garbage: pion/interceptor's recorder
// makes one object for each packet.
type arrivals struct {
	started    bool
	begin, end int64               // what the next report is about: [begin, end)
	at         [arrivalsKept]int64 // µs; 0: not there
	ssrc       uint32              // of the last
	reports    uint8
}

func (a *arrivals) of(seq int64) *int64 { return &a.at[seq%arrivalsKept] }

// note takes a packet. A late one is reported, and what came after it once more.
func (a *arrivals) note(ssrc uint32, seq uint16, now int64) {
	a.ssrc = ssrc
	if !a.started {
		a.started = true
		a.begin = int64(seq) + 1<<16 // one from before stays positive
		a.end = a.begin
	}
	n := extend(a.end-1, seq)
	switch {
	case n >= a.end+arrivalsKept: // no gap, a new start
		clear(a.at[:])
		a.begin, a.end = n, n+1
	case n >= a.end:
		for ; a.end <= n; a.end++ {
			*a.of(a.end) = 0
		}
		a.begin = max(a.begin, a.end-arrivalsKept)
	case n < a.end-arrivalsKept || *a.of(n) != 0:
		return
	default:
		a.begin = min(a.begin, n)
	}
	*a.of(n) = now
}

// report appends the next RTCP packet to dst; nothing where all is told.
func (a *arrivals) report(dst []byte) []byte {
	first := a.begin
	for first < a.end && *a.of(first) == 0 {
		first++
	}
	if first >= a.end {
		return dst
	}
	var symbols [arrivalsMost]uint8
	var deltas [2 * arrivalsMost]byte
	n, size := 0, 0
	last := *a.of(first) / tccRefTick
	ref := last
	last *= tccRefTick
	for ; n < arrivalsMost && a.begin+int64(n) < a.end; n++ {
		at := *a.of(a.begin + int64(n))
		if at == 0 {
			symbols[n] = tccMissing
			continue
		}
		d := math.Round(float64(at-last) / tccTick)
		switch {
		case d >= 0 && d <= math.MaxUint8:
			symbols[n] = tccSmall
			deltas[size] = uint8(d)
			size++
		case d >= math.MinInt16 && d <= math.MaxInt16:
			symbols[n] = tccLarge
			binary.BigEndian.PutUint16(deltas[size:], uint16(int16(d))) //nolint:gosec // as two's complement
			size += 2
		default: // eight seconds apart: another report
			return a.write(dst, ref, symbols[:n], deltas[:size])
		}
		last += int64(d) * tccTick
	}
	return a.write(dst, ref, symbols[:n], deltas[:size])
}

func (a *arrivals) write(dst []byte, ref int64, symbols []uint8, deltas []byte) []byte {
	start := len(dst)
	dst = append(dst, 0x80|15, 205, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, ourSSRC)
	dst = binary.BigEndian.AppendUint32(dst, a.ssrc)
	dst = binary.BigEndian.AppendUint16(dst, uint16(a.begin))                  //nolint:gosec // modulo 2^16
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(symbols)))             //nolint:gosec // arrivalsMost
	dst = binary.BigEndian.AppendUint32(dst, uint32(ref)<<8|uint32(a.reports)) //nolint:gosec // modulo 2^24
	a.begin += int64(len(symbols))
	a.reports++
	for len(symbols) > 0 {
		var chunk uint16
		var n int
		chunk, n = statusChunk(symbols)
		dst = binary.BigEndian.AppendUint16(dst, chunk)
		symbols = symbols[n:]
	}
	dst = append(dst, deltas...)
	if pad := -(len(dst) - start) & 3; pad > 0 { // RFC 3550, section 6.4.1
		dst = append(dst, 0, 0, 0)[:len(dst)+pad]
		dst[len(dst)-1] = uint8(pad)
		dst[start] |= 0x20
	}
	binary.BigEndian.PutUint16(dst[start+2:], uint16((len(dst)-start)/4-1)) //nolint:gosec // below an MTU
	return dst
}

// statusChunk says as much as 16 bits can: a run of one symbol, or the next 14
// where none is large, or the next 7. Only the last chunk may say less.
func statusChunk(symbols []uint8) (chunk uint16, n int) {
	run, small := 1, 0
	for run < len(symbols) && symbols[run] == symbols[0] {
		run++
	}
	for small < min(14, len(symbols)) && symbols[small] != tccLarge {
		small++
	}
	n = min(7, len(symbols))
	ofOne := small == 14 || small == len(symbols)
	if ofOne {
		n = small
	}
	switch {
	case run >= n:
		return uint16(symbols[0])<<13 | uint16(run), run
	case ofOne:
		chunk = 1 << 15
		for i, s := range symbols[:n] {
			chunk |= uint16(s) << (13 - i)
		}
	default:
		chunk = 3 << 14
		for i, s := range symbols[:n] {
			chunk |= uint16(s) << (12 - 2*i)
		}
	}
	return chunk, n
}

// packetStatus is such a chunk, read.
type packetStatus struct {
	bits uint16
	n    int // symbols
}

func statusOf(b []byte) packetStatus {
	c := packetStatus{bits: binary.BigEndian.Uint16(b)}
	switch c.bits >> 14 {
	case 3:
		c.n = 7
	case 2:
		c.n = 14
	default:
		c.n = int(c.bits & 0x1fff)
	}
	return c
}

// missing says that it is one run of packets that did not come.
func (c packetStatus) missing() bool { return c.bits < 1<<13 }

func (c packetStatus) symbol(i int) uint16 {
	switch c.bits >> 14 {
	case 3:
		return c.bits >> (12 - 2*i) & 3
	case 2:
		return c.bits >> (13 - i) & 1
	default:
		return c.bits >> 13 & 3
	}
}

// statusChunks counts the chunks that tell of so many packets.
func statusChunks(b []byte, packets int) (n int) {
	for ; packets > 0 && len(b) >= 2; b = b[2:] {
		packets -= statusOf(b).n
		n++
	}
	return n
}
