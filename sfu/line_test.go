package sfu_test

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// faults are what a bad line does to each packet, each way.
type faults struct {
	loss, twice, held float64       // shares of the packets: lost, doubled, overtaken by the next one
	delay, jitter     time.Duration // outwards: so much, and up to so much more, which reorders too
}

// line is the server's end of a simulated network, with faults drawn from a
// seed once it is bad.
type line struct {
	net.PacketConn
	faults
	bad atomic.Bool

	mu      sync.Mutex
	dice    *rand.Rand
	waiting []arrival // inwards: what is read next
	pending sync.WaitGroup
}

type arrival struct {
	data []byte
	from net.Addr
}

func newLine(c net.PacketConn, f faults, seed uint64) *line {
	return &line{PacketConn: c, faults: f, dice: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // chance, not secrecy
}

func (l *line) hit(share float64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dice.Float64() < share
}

func (l *line) ReadFrom(b []byte) (int, net.Addr, error) {
	if len(l.waiting) > 0 { // only the loop reads
		r := l.waiting[0]
		l.waiting = l.waiting[1:]
		return copy(b, r.data), r.from, nil
	}
	var late []arrival
	for {
		n, from, err := l.PacketConn.ReadFrom(b)
		if err != nil || !l.bad.Load() {
			l.waiting = late
			if err != nil && len(late) > 0 {
				return l.ReadFrom(b)
			}
			return n, from, err
		}
		switch {
		case l.hit(l.loss):
			continue
		case late == nil && l.hit(l.held):
			late = []arrival{{append([]byte(nil), b[:n]...), from}}
			continue
		case l.hit(l.twice):
			late = append(late, arrival{append([]byte(nil), b[:n]...), from})
		}
		l.waiting = late
		return n, from, nil
	}
}

func (l *line) WriteTo(b []byte, to net.Addr) (int, error) {
	if !l.bad.Load() {
		return l.PacketConn.WriteTo(b, to)
	}
	if l.hit(l.loss) {
		return len(b), nil
	}
	copies := 1
	if l.hit(l.twice) {
		copies = 2
	}
	for range copies {
		l.mu.Lock()
		after := l.delay + time.Duration(l.dice.Float64()*float64(l.jitter))
		l.mu.Unlock()
		if after == 0 {
			if _, err := l.PacketConn.WriteTo(b, to); err != nil {
				return 0, err
			}
			continue
		}
		data := append([]byte(nil), b...)
		l.pending.Add(1)
		time.AfterFunc(after, func() {
			defer l.pending.Done()
			_, _ = l.PacketConn.WriteTo(data, to) // the network may be gone by then
		})
	}
	return len(b), nil
}

func (l *line) Close() error {
	l.pending.Wait()
	return l.PacketConn.Close()
}
