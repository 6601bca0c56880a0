package sfu

import "encoding/binary"

// descriptor is what the loop wants to know of a packet of video, and where the
// counters stand that it rewrites in place.
type descriptor struct {
	pic, tl0 int8 // offsets; -1 where absent
	tid      int8 // temporal layer; -1 where absent
	sync     bool // Y: the picture needs no other of its layer
	wide     bool // the picture id has 15 bits
	key      bool // the packet begins a keyframe
	bare     bool // H.264: one without its parameter sets
}

func (d descriptor) picture(b []byte) uint16 {
	switch {
	case d.pic < 0:
		return 0
	case d.wide:
		return uint16(b[d.pic]&0x7f)<<8 | uint16(b[d.pic+1])
	default:
		return uint16(b[d.pic] & 0x7f)
	}
}

// shift adds to the picture id and to the TL0 index, each in its own width.
func (d descriptor) shift(b []byte, pic uint16, tl0 uint8) {
	if d.pic >= 0 {
		n := d.picture(b) + pic
		if d.wide {
			binary.BigEndian.PutUint16(b[d.pic:], n|0x8000)
		} else {
			b[d.pic] = byte(n & 0x7f)
		}
	}
	if d.tl0 >= 0 {
		b[d.tl0] += tl0
	}
}

// extend widens a 16-bit sequence number to the 64-bit one nearest to last, so
// that everything behind it can count without wrap-around.
func extend(last int64, seq uint16) int64 {
	return last + int64(int16(seq-uint16(last))) //nolint:gosec // the wrap-around is the point
}
