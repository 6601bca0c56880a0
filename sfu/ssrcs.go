package sfu

// ssrcsMost bounds the SSRCs that one peer may ever use, each for RTP and RTCP: an
// SRTP context keeps a replay window for each of them until it ends. A browser has
// some four for each section it sends on, and one for reports in each section.
const ssrcsMost = 1024

// ssrcs are those under which a peer has sent something authentic. The value is
// true for one whose stream has ended: it does not come back.
type ssrcs map[uint32]bool

// may says whether a packet is worth decrypting.
func (s ssrcs) may(ssrc uint32) bool {
	over, known := s[ssrc]
	return !over && (known || len(s) < ssrcsMost)
}

// note takes one that has proved to be the peer's.
func (s ssrcs) note(ssrc uint32) {
	if _, known := s[ssrc]; !known {
		s[ssrc] = false
	}
}

// end says that the browser has begun its stream anew under another one. What
// still comes under this one was late.
func (s ssrcs) end(ssrc uint32) { s[ssrc] = true }
