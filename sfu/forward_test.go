package sfu

import (
	"encoding/binary"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// nowhere is a network that takes everything.
type nowhere struct{ sent int }

func (n *nowhere) readBatch([]datagram) (int, error)     { return 0, nil }
func (n *nowhere) writeBatch(ds []datagram) (int, error) { n.sent += len(ds); return 0, nil }
func (n *nowhere) writer() batchWriter                   { return n }
func (n *nowhere) writeTo([]byte, netip.AddrPort) error  { n.sent++; return nil }
func (n *nowhere) setReadDeadline(time.Time) error       { return nil }
func (n *nowhere) localAddr() netip.AddrPort             { return netip.AddrPort{} }
func (n *nowhere) close() error                          { return nil }

type bench struct {
	*loop
	net   *nowhere
	from  *mediaPeer
	seal  *srtp.Context
	plain []byte
	wire  []byte
	addr  netip.AddrPort
	seq   uint16
}

// newBench is a loop with one publisher and some viewers of its camera.
func newBench(tb testing.TB, viewers int) *bench {
	tb.Helper()
	b := &bench{net: &nowhere{}, addr: netip.MustParseAddrPort("192.0.2.1:5000")}
	b.loop = newLoop(b.net, slog.New(slog.DiscardHandler), &relayNames{})
	b.now = time.Now()
	b.seal = sealing(tb)
	room := &mediaRoom{}
	b.from = keyed(tb, "from", b.addr)
	b.from.in, b.from.maxSSRC = sealing(tb, srtp.SRTPReplayProtection(1024)), 4
	b.from.sections = map[string]section{"1": {source: Camera, pts: payloads{{pt: 96}}, video: true, exts: extensions{mid: 4, twcc: 5}}}
	b.from.declared = map[uint32]string{0x1234: "1"}
	b.from.pubs[Camera].on, b.from.twccID = true, 5
	b.add(room, b.from)
	owner := &muxConn{loop: b.loop, media: b.from}
	b.dir.byAddr[b.addr] = &claim{conn: owner}
	for i := range viewers {
		v := keyed(tb, "to", b.addr)
		t := &outTrack{to: v, source: Camera, ssrc: uint32(100 + i), pts: payloads{{pt: 120, rtx: 121}}, quality: QualityHigh, rw: rewriter{clock: 90000}}
		t.twcc, t.rtx, v.path = 5, newRepairStream(uint32(500+i), 121), newEstimator(b.now)
		b.add(room, v)
		v.gives(t).assign(b.from)
	}
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 0x1234, Extension: true, ExtensionProfile: 0xBEDE}, Payload: make([]byte, 1100)}
	copy(p.Payload, []byte{0x90, 0xc0, 0x80, 1, 1, 0})
	if err := p.SetExtension(5, []byte{0, 1}); err != nil {
		tb.Fatal(err)
	}
	raw, err := p.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	b.plain, b.wire = raw, make([]byte, 0, 2*mtu)
	return b
}

// one lets the next packet of the publisher arrive.
func (b *bench) one(tb testing.TB) {
	tb.Helper()
	b.seq++
	binary.BigEndian.PutUint16(b.plain[2:], b.seq)
	binary.BigEndian.PutUint32(b.plain[4:], uint32(b.seq)*3000)
	b.arrive(tb, b.plain)
}

// arrive lets any packet of the publisher arrive.
func (b *bench) arrive(tb testing.TB, plain []byte) {
	tb.Helper()
	enc, err := b.seal.EncryptRTP(b.wire, plain, &b.outHdr)
	if err != nil {
		tb.Fatal(err)
	}
	b.now = b.now.Add(time.Millisecond)
	d := &b.in[0]
	d.n, d.addr = copy(d.buf[:], enc), b.addr
	b.receive(d)
	b.flush()
}

func TestForwardingDoesNotAllocate(t *testing.T) {
	b := newBench(t, 5)
	for range 2 * ringHigh { // the ring fills its buffers once
		b.one(t)
	}
	before := b.net.sent
	if n := testing.AllocsPerRun(1000, func() { b.one(t) }); n > 0 {
		t.Errorf("%v allocations for a packet", n)
	}
	if got := b.net.sent - before; got < 5*1000 {
		t.Errorf("only %d packets went out", got)
	}
}

// A viewer's first packet of a source begins a keyframe: before it nothing goes out.
func TestVideoWaitsForAKeyframe(t *testing.T) {
	b := newBench(t, 1)
	first := rtpHeader + 8 + 5 // the frame's first byte
	b.plain[first] = 1
	for range 5 {
		b.one(t)
	}
	if n := b.count.forwarded.Load(); n != 0 {
		t.Errorf("%d packets went out before a keyframe", n)
	}
	b.plain[first] = 0
	b.one(t)
	b.plain[first] = 1
	b.one(t)
	if n := b.count.forwarded.Load(); n != 2 {
		t.Errorf("%d packets went out from the keyframe on", n)
	}
}

// What pion would send with the loop's keys is dropped and counted; STUN and
// DTLS pass.
func TestPionSendsNoSRTP(t *testing.T) {
	net0 := &nowhere{}
	l := newLoop(net0, slog.New(slog.DiscardHandler), &relayNames{})
	c := &muxConn{loop: l, media: &mediaPeer{}, done: make(chan struct{})}
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:5000"))
	for first, want := range map[byte]int{0: 1, 22: 1, 128: 0, 191: 0} {
		net0.sent = 0
		l.dtls = newDTLSQueue(net0, l.count)
		go l.dtls.run()
		if _, err := c.WriteTo([]byte{first, 0, 0, 0}, to); err != nil {
			t.Fatal(err)
		}
		l.dtls.close() // what waits is sent
		if net0.sent != want {
			t.Errorf("first byte %d: %d packets went out", first, net0.sent)
		}
	}
	if n := l.count.blocked.Load(); n != 2 {
		t.Errorf("%d packets were counted", n)
	}
}

// A repair on an RTX stream fills a hole once, and the original that comes
// after it goes nowhere: one number never carries two contents.
func TestRepairByRTX(t *testing.T) {
	b := newBench(t, 1)
	sec := b.from.sections["1"]
	sec.pts[codecVP8].rtx = 97
	b.from.sections["1"] = sec
	b.from.declared[0x99] = "1"
	for range 3 {
		b.one(t)
	}
	b.seq++ // number 4 is lost
	b.one(t)
	before := b.net.sent
	rtx := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 97, SSRC: 0x99, SequenceNumber: 1}}
	for i, c := range []struct {
		osn  byte
		sent int
	}{{4, 1}, {4, 1}, {3, 1}, {9, 1}} {
		rtx.SequenceNumber++
		rtx.Payload = append([]byte{0, c.osn}, b.plain[rtpHeader+8:]...)
		raw, err := rtx.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		b.arrive(t, raw)
		if got := b.net.sent - before; got != c.sent {
			t.Errorf("repair %d of %d: %d packets went out", i, c.osn, got)
		}
	}
	b.seq = 3
	b.one(t) // the original of number 4, late
	if got := b.net.sent - before; got != 1 {
		t.Errorf("the late original went out too: %d packets", got)
	}
	if p := b.from.pubs[Camera].layers[layerHigh].ring.get(1<<16 + 4); p == nil || len(p.payload) != 1100 {
		t.Errorf("the ring holds %+v", p)
	}
}

// BenchmarkForward is one packet from the wire to five viewers, sealing of the
// test's own packet included.
func BenchmarkForward(b *testing.B) {
	x := newBench(b, 5)
	b.ReportAllocs()
	for b.Loop() {
		x.one(b)
	}
}

// FuzzReceive feeds whatever a peer with valid keys could make of RTP: nothing
// may panic, and nothing malformed may become a stream.
func FuzzReceive(f *testing.F) {
	b := newBench(f, 2)
	f.Add(append([]byte(nil), b.plain...), false)
	f.Add([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0x12, 0x34}, false)
	f.Add([]byte{0xb0, 96, 0, 2, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0xbe, 0xde, 0, 1, 0x51, 0, 1, 0, 0x90, 0x80, 9}, false)
	f.Add([]byte{0xa0, 96, 0, 3, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 1, 2, 3, 255}, false)
	f.Add([]byte{0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 100, 255, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, true)
	f.Add([]byte{0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 100, 0, 1, 255, 255}, true)
	f.Add([]byte{0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 100}, true)
	f.Add([]byte{0x80, 200, 0, 6, 0, 0, 0x12, 0x34, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, true)
	f.Fuzz(func(t *testing.T, plain []byte, isRTCP bool) {
		if len(plain) > mtu-64 {
			return
		}
		var enc []byte
		var err error
		if isRTCP {
			enc, err = b.seal.EncryptRTCP(nil, plain, nil)
		} else {
			enc, err = b.seal.EncryptRTP(nil, plain, nil)
		}
		if err != nil {
			return // no such packet can be sealed
		}
		d := &b.in[0]
		d.n, d.addr = copy(d.buf[:], enc), b.addr
		b.receive(d)
		copy(d.buf[:], plain) // and without the keys
		d.n = len(plain)
		b.receive(d)
		b.now = b.now.Add(slowEvery)
		b.tick()
		b.flush()
		if n := len(b.from.streams); n > b.from.maxSSRC {
			t.Errorf("%d streams", n)
		}
	})
}
