package sfu

import (
	"net/netip"
	"testing"
)

// TestAddressStaysWhoseItIs: whoever puts another's address on their own requests gets
// nothing of what comes from there, as long as its owner shows now and then that it is
// theirs; one given up can be another's, and a peer's next connection takes it over.
func TestAddressStaysWhoseItIs(t *testing.T) {
	d, a := newDirectory(), netip.MustParseAddrPort("192.0.2.1:5000")
	here := &mediaPeer{}
	owner, restarted, other := &muxConn{media: here, key: "owner/4"}, &muxConn{media: here, key: "again/4"}, &muxConn{media: &mediaPeer{}, key: "other/4"}
	for _, c := range []*muxConn{owner, restarted, other} {
		if !d.add(c) {
			t.Fatal("not taken in")
		}
	}
	const second = 1e6
	for _, step := range []struct {
		at   int64
		by   *muxConn
		want *muxConn
	}{
		{0, owner, owner},
		{1 * second, other, owner},
		{20 * second, owner, owner},
		{45 * second, other, owner},
		{46 * second, restarted, restarted},
		{75 * second, other, restarted},
		{76 * second, other, other},
		{77 * second, restarted, other},
	} {
		if d.learn(a, step.by, step.at); d.owner(a) != step.want {
			t.Fatalf("after %v it belongs to %s", step, d.owner(a).key)
		}
	}
	d.forget(other.media)
	if d.learn(a, owner, 78*second); d.owner(a) != owner {
		t.Error("who left keeps the address")
	}
}
