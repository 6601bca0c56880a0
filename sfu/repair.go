package sfu

import (
	"math/rand/v2"

	"github.com/pion/rtcp"
)

// repairStream is the RTX stream (RFC 4588) on which a viewer gets the repairs
// of one track. Its numbers are its own, so that a repair is a packet of its own
// to SRTP too. With ssrc 0 none was agreed.
type repairStream struct {
	ssrc uint32
	pt   uint8
	seq  uint16 // of the next
}

func newRepairStream(ssrc uint32, pt uint8) repairStream {
	if ssrc == 0 || pt == 0 {
		return repairStream{}
	}
	// Below 2^15, as the media's own (RFC 3711, section 3.3.1).
	return repairStream{ssrc: ssrc, pt: pt, seq: uint16(rand.IntN(1 << 15))} //nolint:gosec // not a secret
}

// header is that of a repair. Where RTX was not agreed the packet goes out as it
// was, to the byte: one SSRC and number never carry two contents, on which the
// nonces of SRTP depend.
func (r *repairStream) header(t *outTrack, marker bool) outHeader {
	if r.ssrc == 0 {
		return outHeader{ssrc: t.ssrc, pt: t.pt, marker: marker}
	}
	r.seq++
	return outHeader{ssrc: r.ssrc, pt: r.pt, marker: marker, repair: true, seq: r.seq}
}

// resend answers a NACK from the publisher's ring.
func (l *loop) resend(t *outTrack, pairs []rtcp.NackPair) {
	if !t.to.ready() {
		return
	}
	for _, pair := range pairs {
		for bit := -1; bit < 16; bit++ {
			if bit >= 0 && pair.LostPackets&(1<<bit) == 0 {
				continue
			}
			l.resendOne(t, pair.PacketID+uint16(bit+1))
		}
	}
}

func (l *loop) resendOne(t *outTrack, seq uint16) {
	at, p := t.rw.again(seq)
	if p == nil || t.resends >= resendsMax {
		l.count.unrepaired.Add(1)
		return
	}
	t.resends++
	if l.send(t, p, &at, t.rtx.header(t, p.marker && !at.empty)) {
		l.count.resent.Add(1)
	}
}
