package sfu

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/iotest"
	"time"
)

// FuzzFrames lets a stranger's bytes come in any pieces: what comes out are the
// frames that a plain reading of RFC 4571 finds, up to the first bad length.
func FuzzFrames(f *testing.F) {
	frame := func(n int) []byte {
		return append(binary.BigEndian.AppendUint16(nil, uint16(n)), bytes.Repeat([]byte{byte(n)}, n)...) //nolint:gosec // small
	}
	f.Add(slices.Concat(frame(20), frame(1500), frame(8)), uint8(1))
	f.Add(slices.Concat(frame(8), frame(7), frame(8)), uint8(3))
	f.Add(slices.Concat(frame(100), frame(1501)), uint8(0))
	f.Add([]byte{0}, uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		var src io.Reader = bytes.NewReader(b)
		switch piece % 3 {
		case 1:
			src = iotest.OneByteReader(src)
		case 2:
			src = iotest.HalfReader(src)
		}
		r := bufio.NewReaderSize(src, readAhead)
		rest := b
		for {
			got, err := nextFrame(r)
			bad, n := false, 0
			if len(rest) >= 2 {
				n = int(rest[0])<<8 | int(rest[1])
				bad = n < rtcpHeader || n > mtu
			}
			switch {
			case bad && !errors.Is(err, errFrame):
				t.Fatalf("a length of %d gave %v", n, err)
			case bad:
				return
			case len(rest) < 2+n || len(rest) < 2:
				if err == nil {
					t.Fatalf("%d bytes came out of %d", len(got), len(rest))
				}
				return
			case err != nil || !bytes.Equal(got, rest[2:2+n]):
				t.Fatalf("%v, % x", err, got)
			}
			if _, err := r.Discard(n); err != nil {
				t.Fatal(err)
			}
			rest = rest[2+n:]
		}
	})
}

func localPort(t *testing.T, within time.Duration) *tcpPort {
	t.Helper()
	l := newLoop(&nowhere{}, slog.New(slog.DiscardHandler), &relayNames{})
	p, err := openTCP(&Config{Logger: slog.New(slog.DiscardHandler)}, []*loop{l})
	if err != nil {
		t.Fatal(err)
	}
	p.proveWithin = within
	p.wg.Go(p.run)
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func dial(t *testing.T, p *tcpPort) net.Conn {
	t.Helper()
	a := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), p.port()))
	c, err := net.DialTCP("tcp", nil, a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Who sends nothing, or a byte now and then, is hung up on in time.
func TestSlowLoris(t *testing.T) {
	p := localPort(t, 200*time.Millisecond)
	for name, every := range map[string]time.Duration{"silent": time.Hour, "slow": 20 * time.Millisecond} {
		c := dial(t, p)
		done := make(chan struct{})
		go func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				select {
				case <-done:
					return
				case <-tick.C:
					_, _ = c.Write([]byte{1})
				}
			}
		}()
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		var ne net.Error
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.As(err, &ne) && ne.Timeout() {
			t.Errorf("%s: %v", name, err)
		}
		close(done)
	}
	if n := p.loops[0].count.streamsRefused.Load(); n != 2 {
		t.Errorf("%d were refused", n)
	}
}

// A browser that does not read holds nobody up: media is dropped in whole
// packets, control has some room left, and what arrives is still in frames.
func TestSlowReaderOverTCP(t *testing.T) {
	p := localPort(t, proveWithin)
	c := dial(t, p)
	var s *tcpStream
	for s == nil {
		p.mu.Lock()
		for o := range p.streams {
			s = o
		}
		p.mu.Unlock()
	}
	s.conn.Store(&muxConn{loop: p.loops[0], media: &mediaPeer{}})
	pkt := bytes.Repeat([]byte{0x80}, 1200)
	const sent = uint64(20_000)
	for range sent {
		s.send(pkt, mediaQueue)
	}
	dropped := p.loops[0].count.streamDropped.Load()
	if dropped == 0 || dropped == sent {
		t.Fatalf("%d of %d packets were dropped", dropped, sent)
	}
	s.send(pkt[:20], controlBytes)
	if n := p.loops[0].count.streamDropped.Load(); n != dropped {
		t.Error("control has no room of its own")
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for i := range sent - dropped + 1 {
		b, err := nextFrame(r)
		if err != nil || len(b) != 1200 && i < sent-dropped {
			t.Fatalf("frame %d: %d bytes, %v", i, len(b), err)
		}
		if _, err := r.Discard(len(b)); err != nil {
			t.Fatal(err)
		}
	}
}

// What looks like SRTP does not get out by pion over TCP either: it holds the
// keys of the loop, whose nonces would be used twice.
func TestPionSendsNoSRTPOverTCP(t *testing.T) {
	p := localPort(t, proveWithin)
	near, far := net.Pipe()
	defer near.Close() //nolint:errcheck // a pipe
	defer far.Close()  //nolint:errcheck // a pipe
	from := netip.MustParseAddrPort("192.0.2.1:5000")
	s := newTCPStream(p, near, from)
	c := newMuxConn(p.loops[0], &mediaPeer{}, "u"+tcp4, nil)
	c.tcp = p
	p.loops[0].dir.add(c)
	if !p.bind(s, c) {
		t.Fatal("not bound")
	}
	for _, first := range []byte{srtpFirst, 0x90, srtpLast} {
		if n, err := c.WriteTo([]byte{first, 96, 0, 1}, net.TCPAddrFromAddrPort(from)); n != 4 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if n := p.loops[0].count.blocked.Load(); n != 3 || len(s.queue) > 0 {
		t.Errorf("%d blocked, %d bytes got out", n, len(s.queue))
	}
	if _, err := c.WriteTo([]byte{22, 0xfe, 0xfd}, net.TCPAddrFromAddrPort(from)); err != nil || len(s.queue) != frameHeader+3 {
		t.Errorf("DTLS: %d bytes, %v", len(s.queue), err)
	}
}

// The way of a packet over TCP has no allocations either.
func TestStreamsDoNotAllocate(t *testing.T) {
	b := newBench(t, 1)
	p := localPort(t, proveWithin)
	near, far := net.Pipe()
	defer near.Close() //nolint:errcheck // a pipe
	defer far.Close()  //nolint:errcheck // a pipe
	s := newTCPStream(p, near, b.addr)
	s.conn.Store(&muxConn{loop: b.loop, media: b.from})
	pkt := bytes.Repeat([]byte{0x80}, 1200)
	round := func() {
		s.send(pkt, mediaQueue)
		s.mu.Lock()
		s.queue = s.queue[:0]
		s.mu.Unlock()
		b.seq++
		binary.BigEndian.PutUint16(b.plain[2:], b.seq)
		enc, err := b.seal.EncryptRTP(b.wire, b.plain, &b.outHdr)
		if err != nil || !b.frames.put(b.from, enc) {
			t.Fatal("no frame", err)
		}
		b.frames.some.Store(true)
		b.takeFrames()
		b.flush()
	}
	for range 2 * ringHigh { // the ring fills its buffers once
		round()
	}
	if n := testing.AllocsPerRun(1000, round); n != 0 {
		t.Errorf("%.1f allocations for a packet in and one out", n)
	}
	if n := b.count.received.Load(); n < 2000 {
		t.Errorf("%d packets came through", n)
	}
}
