package sfu

// parseVP9 reads a payload descriptor (RFC 9628, section 4.2); ok is false where
// it is cut short. Pictures are not left out by temporal layer: others may refer
// to them by the difference of the ids.
func parseVP9(b []byte) (d descriptor, ok bool) {
	d.pic, d.tl0, d.tid = -1, -1, -1
	if len(b) == 0 {
		return d, false
	}
	f := b[0]
	const picture, predicted, layered, flexible, begins, structure = 0x80, 0x40, 0x20, 0x10, 0x08, 0x02
	i, spatial := 1, byte(0)
	if f&picture != 0 {
		if len(b) <= i {
			return d, false
		}
		d.pic, d.wide = 1, b[i]&0x80 != 0
		i++
		if d.wide {
			i++
		}
	}
	if f&layered != 0 {
		if len(b) <= i {
			return d, false
		}
		spatial = b[i] >> 1 & 7
		i++
		if f&flexible == 0 {
			d.tl0 = int8(i)
			i++
		}
	}
	if f&flexible != 0 && f&predicted != 0 {
		for n := 0; ; n++ { // up to three references, of which each says whether another follows
			if len(b) <= i || n == 3 {
				return d, false
			}
			i++
			if b[i-1]&1 == 0 {
				break
			}
		}
	}
	if f&structure != 0 {
		if i = skipVP9Structure(b, i); i < 0 {
			return d, false
		}
	}
	if len(b) <= i {
		return d, false
	}
	d.key = f&begins != 0 && f&predicted == 0 && spatial == 0
	return d, true
}

// skipVP9Structure gives the index behind a scalability structure; -1 where it is
// cut short.
func skipVP9Structure(b []byte, i int) int {
	if len(b) <= i {
		return -1
	}
	f := b[i]
	i++
	if f&0x10 != 0 { // Y: width and height of each layer
		i += 4 * (int(f>>5) + 1)
	}
	if f&0x08 == 0 { // G
		return i
	}
	if len(b) <= i {
		return -1
	}
	n := int(b[i])
	i++
	for range n { // pictures of a group, and what they refer to
		if len(b) <= i {
			return -1
		}
		i += 1 + int(b[i]>>2&3)
	}
	return i
}
