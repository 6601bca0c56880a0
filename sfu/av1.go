package sfu

const obuSequenceHeader, obuTemporalDelimiter = 1, 2 // AV1 specification, section 6.2.2

// parseAV1 looks for the beginning of a coded video sequence (RTP Payload Format
// for AV1, section 4.4: N is set, and it begins with a sequence header); ok is
// false where it is cut short. It has no counters.
func parseAV1(b []byte) (d descriptor, ok bool) {
	d.pic, d.tl0, d.tid = -1, -1, -1
	if len(b) < 2 {
		return d, false
	}
	const continues, isNew = 0x80, 0x08
	if b[0]&continues != 0 || b[0]&isNew == 0 {
		return d, true
	}
	elements, rest := int(b[0]>>4&3), b[1:]
	for n := 1; len(rest) > 0; n++ {
		element := rest
		if elements == 0 || n < elements { // the last of a known number has no length
			size, used := leb128(rest)
			if used == 0 || size == 0 || size > len(rest)-used {
				return d, false
			}
			element, rest = rest[used:used+size], rest[used+size:]
		} else {
			rest = nil
		}
		kind := element[0] >> 3 & 0xf
		if kind != obuTemporalDelimiter {
			d.key = kind == obuSequenceHeader
			break
		}
	}
	return d, true
}

// leb128 reads a length; used is 0 where it is cut short or too long.
func leb128(b []byte) (n, used int) {
	for i := 0; i < len(b) && i < 4; i++ {
		n |= int(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return n, i + 1
		}
	}
	return 0, 0
}
