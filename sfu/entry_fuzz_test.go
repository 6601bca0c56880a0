package sfu

import (
	"net/netip"
	"testing"

	"github.com/pion/stun/v4"
)

// FuzzEntry lets a stranger send what they like to the media port: it is thrown
// away, but for STUN that names a connection which is there, and no address of
// theirs is believed.
func FuzzEntry(f *testing.F) {
	b := newBench(f, 1)
	known := &muxConn{loop: b.loop, media: b.from, key: "ours/4", done: make(chan struct{})}
	b.dir.byUfrag[known.key] = known
	request := func(name string) []byte {
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(name), stun.Fingerprint)
		if err != nil {
			f.Fatal(err)
		}
		return m.Raw
	}
	f.Add(request("ours:theirs"))
	f.Add(request("other:theirs"))
	f.Add(request(":"))
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1})
	f.Add([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0x12, 0x34})
	stranger := netip.MustParseAddrPort("198.51.100.7:4000")
	f.Fuzz(func(t *testing.T, plain []byte) {
		if len(plain) > mtu {
			return
		}
		d := &b.in[0]
		d.n, d.addr = copy(d.buf[:], plain), stranger
		streams := len(b.from.streams)
		b.receive(d)
		b.flush()
		if b.dir.owner(stranger) != nil || len(b.from.streams) != streams {
			t.Error("a stranger was taken for somebody")
		}
	})
}
