package sfu

// parseVP8 reads a payload descriptor (RFC 7741, section 4.2); ok is false where
// it is cut short.
func parseVP8(b []byte) (d descriptor, ok bool) {
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
				d.tid, d.sync = int8(b[i]>>6), b[i]&0x20 != 0
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
