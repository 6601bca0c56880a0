package sfu

import (
	"net/netip"
	"testing"

	"github.com/pion/srtp/v3"
)

// sealing makes one side of a connection's keys, the same for all.
func sealing(tb testing.TB, opts ...srtp.ContextOption) *srtp.Context {
	tb.Helper()
	c, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// keyed is a peer whose connection is up: to the loop it has keys and an address.
func keyed(tb testing.TB, id string, at netip.AddrPort) *mediaPeer {
	tb.Helper()
	p := newMediaPeer(id, newMailbox(nil), 8)
	p.in, p.out, p.addr = sealing(tb), sealing(tb), at
	return p
}

// gives a viewer one more slot, with one track.
func (p *mediaPeer) gives(t *outTrack) *outSlot {
	slot := &outSlot{}
	slot.tracks[t.source] = t
	p.slots = append(p.slots, slot)
	p.tracks[t.ssrc] = t
	return slot
}
