package main

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
)

// tape is the socket of a participant whose media was encrypted beforehand, so
// that one core can feed more calls than it could encrypt: pion writes its RTP
// into memory, from where it is played once, and what comes back is counted and
// not decrypted. All else, such as ICE, passes.
type tape struct {
	*net.UDPConn
	batch  *ipv4.PacketConn
	taping atomic.Bool
	to     net.Addr
	bursts []burst
	last   [][]byte // the burst that is being taped
	came   atomic.Uint64

	in      []ipv4.Message
	next, n int // of those read, for the one goroutine that reads
}

// burst is what is sent at one moment.
type burst struct {
	at       time.Duration
	messages []ipv4.Message
	packets  int
}

// newBurst makes packets of one size, as a picture's are, one message, which the
// kernel cuts up: the server gets them one by one, and they cost their sender less.
func newBurst(at time.Duration, packets [][]byte, to net.Addr) burst {
	b := burst{at: at, packets: len(packets)}
	for len(packets) > 0 {
		size, n := len(packets[0]), 1
		for n < min(len(packets), bundleMost) && len(packets[n]) == size {
			n++
		}
		m := ipv4.Message{Buffers: packets[:n:n], Addr: to}
		if n > 1 {
			m.OOB = cutInto(size)
		}
		b.messages, packets = append(b.messages, m), packets[n:]
	}
	return b
}

const (
	tapeBatch   = 32
	tapeNap     = 500 * time.Microsecond // the player's clock
	tapePartMax = 1500
)

func newTape() (*tape, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	t := &tape{UDPConn: c, batch: ipv4.NewPacketConn(c), in: make([]ipv4.Message, tapeBatch)}
	for i := range t.in {
		t.in[i].Buffers = [][]byte{make([]byte, tapePartMax)}
	}
	return t, errors.Join(c.SetReadBuffer(1<<20), c.SetWriteBuffer(1<<20))
}

// ReadFrom is part of net.PacketConn.
func (t *tape) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		for ; t.next < t.n; t.next++ {
			m := &t.in[t.next]
			p := m.Buffers[0][:m.N]
			if !isMedia(p) {
				t.next++
				return copy(b, p), m.Addr, nil
			}
			t.came.Add(1)
		}
		var err error
		if t.n, err = t.batch.ReadBatch(t.in, 0); err != nil {
			return 0, nil, err
		}
		t.next = 0
	}
}

// WriteTo is part of net.PacketConn.
func (t *tape) WriteTo(b []byte, a net.Addr) (int, error) {
	if isMedia(b) && t.taping.Load() {
		t.to = a
		t.last = append(t.last, slices.Clone(b))
		return len(b), nil
	}
	return t.UDPConn.WriteTo(b, a)
}

// record tapes what a participant sends in a time, from a phase on.
func (t *tape) record(c *client, phase, length time.Duration) error {
	s := c.newSender()
	nextAudio, nextFrame := phase, phase
	t.taping.Store(true)
	defer t.taping.Store(false)
	for nextAudio < length {
		at, send := nextAudio, s.speak
		if nextFrame < nextAudio {
			at, send = nextFrame, s.show
			nextFrame += frameEvery
		} else {
			nextAudio += audioEvery
		}
		t.last = nil
		if err := send(); err != nil {
			return err
		}
		t.bursts = append(t.bursts, newBurst(at, t.last, t.to))
	}
	return nil
}

// player plays many tapes at once.
type player struct {
	tapes []*tape
	sent  uint64
}

// play sends each burst when it is due, until all are sent.
func (p *player) play(ctx context.Context) error {
	type due struct {
		*burst
		by *tape
	}
	var all []due
	for _, t := range p.tapes {
		for i := range t.bursts {
			all = append(all, due{&t.bursts[i], t})
		}
	}
	slices.SortStableFunc(all, func(a, b due) int { return int(a.at - b.at) })
	began := time.Now()
	for _, d := range all {
		for time.Since(began) < d.at {
			if err := pause(ctx, tapeNap); err != nil {
				return err
			}
		}
		for left := d.messages; len(left) > 0; {
			n, err := d.by.batch.WriteBatch(left, 0)
			if err != nil {
				return err
			}
			left = left[n:]
		}
		p.sent += uint64(d.packets) //nolint:gosec // not negative
	}
	return nil
}

// lost is the part of what was sent that reached nobody, or not all.
func (p *player) lost(viewers int) float64 {
	var came uint64
	for _, t := range p.tapes {
		came += t.came.Load()
	}
	due := p.sent * uint64(viewers) //nolint:gosec // a few
	if due == 0 || came >= due {
		return 0
	}
	return 1 - float64(came)/float64(due)
}

// tapedTurn brings everybody in, and then measures while the tapes are played.
func (p *plan) tapedTurn(ctx context.Context, sc scenario, srv *server) (r result, err error) {
	idle, err := srv.usage(true)
	if err != nil {
		return r, err
	}
	var all crowd
	defer func() { err = errors.Join(err, all.close()) }()
	if err := all.gather(ctx, sc, srv, nil); err != nil {
		return r, err
	}
	var play player
	for _, c := range all.clients {
		play.tapes = append(play.tapes, c.tape)
	}
	for i, c := range all.clients {
		// One after the other: keyframes of all at once are more than any core takes,
		// and who misses one sees nothing, as a tape hears no request.
		phase := p.warm * time.Duration(i) / time.Duration(len(all.clients))
		if err := c.tape.record(c, phase, p.warm+p.measure+time.Second); err != nil {
			return r, err
		}
	}
	played := make(chan error, 1)
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { played <- play.play(run) }()
	if err := p.window(ctx, sc, srv, idle, &all.measuring, &r); err != nil {
		return r, errors.Join(err, <-played)
	}
	if err := errors.Join(<-played, pause(ctx, settleTime)); err != nil {
		return r, err
	}
	r.video = play.lost(sc.people - 1)
	return r, nil
}
