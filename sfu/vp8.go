package sfu

import "encoding/binary"

// vp8Descriptor says where the counters of a VP8 payload descriptor (RFC 7741,
// section 4.2) stand, so that they can be rewritten in place.
type vp8Descriptor struct {
	pic, tl0 int8 // offsets; -1 where absent
	tid      int8 // temporal layer; -1 where absent
	sync     bool // Y: the picture needs no other of its layer
	wide     bool // the picture id has 15 bits
	key      bool // the packet begins a keyframe
}

// parseVP8 reads a payload descriptor; ok is false where it is cut short.
func parseVP8(b []byte) (d vp8Descriptor, ok bool) {
	d.pic, d.tl0, d.tid = -1, -1, -1
	if len(b) == 0 {
		return d, false
	}
	i := 1
	if b[0]&0x80 != 0 { // X
		if len(b) < 2 {
			return d, false
		}
		x := b[1]
		i = 2
		if x&0x80 != 0 { // I
			if len(b) <= i {
				return d, false
			}
			d.pic, d.wide = int8(i), b[i]&0x80 != 0
			i++
			if d.wide {
				i++
			}
		}
		if x&0x40 != 0 { // L
			d.tl0 = int8(i)
			i++
		}
		if x&0x30 != 0 { // T or K
			if x&0x20 != 0 && len(b) > i {
				d.tid, d.sync = int8(b[i]>>6), b[i]&0x20 != 0 //nolint:gosec // two bits
			}
			i++
		}
	}
	if len(b) <= i { // a descriptor without a picture is no packet of a frame
		return d, false
	}
	// S set and partition 0: the first byte of the frame, whose lowest bit
	// says "not a keyframe" (RFC 6386, section 9.1).
	d.key = b[0]&0x10 != 0 && b[0]&0x07 == 0 && b[i]&1 == 0
	return d, true
}

func (d vp8Descriptor) picture(b []byte) uint16 {
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
func (d vp8Descriptor) shift(b []byte, pic uint16, tl0 uint8) {
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
