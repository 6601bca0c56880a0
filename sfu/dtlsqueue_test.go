package sfu

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
)

// gate is a writer that lets its batches through one by one.
type gate struct {
	entered, open chan struct{}
	batches       [][]datagram
}

func (g *gate) writeBatch(ds []datagram) (int, error) {
	g.entered <- struct{}{}
	<-g.open
	g.batches = append(g.batches, append([]datagram(nil), ds...))
	return 0, nil
}

func numbered(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) } //nolint:gosec // small

// What comes while a packet is being sent leaves as one batch after it, in the
// order in which it came, and what waits at the end is sent before close returns.
func TestDTLSPacketsGather(t *testing.T) {
	g := &gate{entered: make(chan struct{}), open: make(chan struct{})}
	q := newDTLSQueue(g, &counters{})
	go q.run()
	to := netip.MustParseAddrPort("192.0.2.1:5000")
	q.post(numbered(0), to)
	<-g.entered // the first one leaves alone
	for i := 1; i <= dtlsMax; i++ {
		q.post(numbered(i), to)
	}
	g.open <- struct{}{}
	<-g.entered
	q.post(numbered(dtlsMax+1), to)
	ended := make(chan struct{})
	go func() { defer close(ended); q.close() }()
	g.open <- struct{}{}
	<-g.entered
	select {
	case <-ended:
		t.Error("closed with a packet unsent")
	default:
	}
	g.open <- struct{}{}
	<-ended
	next := 0
	for i, want := range []int{1, dtlsMax, 1} {
		if i >= len(g.batches) || len(g.batches[i]) != want {
			t.Fatalf("batch %d of %d: not %d packets", i, len(g.batches), want)
		}
		for _, d := range g.batches[i] {
			if got := binary.BigEndian.Uint32(d.buf[:d.n]); got != uint32(next) || d.addr != to {
				t.Fatalf("packet %d where %d was due", got, next)
			}
			next++
		}
	}
	q.post(numbered(0), to) // after the end: lost, and no wait
}

// Where the queue is full its writers wait, and none of their packets is lost or overtaken.
func TestDTLSWritersWaitForRoom(t *testing.T) {
	const writers, each = 3, 20 * dtlsMax
	g := &gate{entered: make(chan struct{}, writers*each), open: make(chan struct{})}
	close(g.open)
	q := newDTLSQueue(g, &counters{})
	var writing sync.WaitGroup
	for w := range writers {
		to := netip.AddrPortFrom(netip.IPv6Loopback(), uint16(w))
		writing.Go(func() {
			for i := range each {
				q.post(numbered(i), to)
			}
		})
	}
	go q.run()
	writing.Wait()
	q.close()
	next := map[netip.AddrPort]uint32{}
	for _, b := range g.batches {
		for _, d := range b {
			if got := binary.BigEndian.Uint32(d.buf[:d.n]); got != next[d.addr] {
				t.Fatalf("%v: packet %d where %d was due", d.addr, got, next[d.addr])
			}
			next[d.addr]++
		}
	}
	for w := range writers {
		if got := next[netip.AddrPortFrom(netip.IPv6Loopback(), uint16(w))]; got != each {
			t.Errorf("%d packets of writer %d", got, w)
		}
	}
}

func TestDTLSQueueDoesNotAllocate(t *testing.T) {
	q := newDTLSQueue(&nowhere{}, &counters{})
	to, b := netip.MustParseAddrPort("192.0.2.1:5000"), make([]byte, 1200)
	n := testing.AllocsPerRun(100, func() {
		q.post(b, to)
		q.post(b, to)
		if got := len(q.take()); got != 2 {
			t.Fatalf("%d packets", got)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
