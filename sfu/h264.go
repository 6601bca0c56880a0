package sfu

import "encoding/binary"

// NAL unit types of H.264 (RFC 6184, section 5.2).
const (
	nalIDR   = 5
	nalSPS   = 7
	nalSTAPA = 24
	nalFUA   = 28
)

// parseH264 looks for the beginning of a keyframe in the NAL units of a packet
// (RFC 6184); ok is false where it is cut short. It has no counters.
func parseH264(b []byte) (d descriptor, ok bool) {
	d.pic, d.tl0, d.tid = -1, -1, -1
	if len(b) == 0 {
		return d, false
	}
	switch kind := b[0] & 0x1f; kind {
	case nalSTAPA:
		rest := b[1:]
		for len(rest) > 0 {
			if len(rest) < 3 {
				return d, false
			}
			n := int(binary.BigEndian.Uint16(rest))
			if n == 0 || len(rest) < 2+n {
				return d, false
			}
			d.unit(rest[2] & 0x1f)
			rest = rest[2+n:]
		}
	case nalFUA:
		if len(b) < 3 {
			return d, false
		}
		if b[1]&0x80 != 0 { // S: the first fragment
			d.unit(b[1] & 0x1f)
		}
	default:
		d.unit(kind)
	}
	return d, true
}

// unit takes the type of one NAL unit. A keyframe begins with its parameter sets.
// A picture of its own without them is called bare: whether it begins one depends
// on whether this encoder sends sets at all.
func (d *descriptor) unit(kind byte) {
	switch kind {
	case nalSPS:
		d.key, d.bare = true, false
	case nalIDR:
		d.bare = !d.key
		d.key = true
	}
}
