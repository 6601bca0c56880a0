package sfu

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

const (
	tickEvery = 20 * time.Millisecond
	// Packets mostly bring the loop round in time, and a timer that never fires
	// wakes nobody: so it waits for this much longer.
	tickLate  = 10 * time.Millisecond
	slowEvery = 100 * time.Millisecond
	longEvery = time.Second
)

// loop is the one goroutine through which every RTP and RTCP packet of some
// rooms goes, and the one owner of all their media state: so no packet takes a
// lock. It has a socket and a directory of its own; loops share nothing. What
// the control plane wants of it, it posts.
type loop struct {
	conn  batchConn
	dtls  *dtlsQueue
	dir   *directory
	relay *relayNames
	count *counters
	log   *slog.Logger

	seats  int     // peers of its rooms; under SFU.mu
	prefer []codec // the settings' codecs of pictures, the best first

	mu     sync.Mutex
	posted []func()
	closed bool
	some   atomic.Bool
	done   chan struct{}

	peers []*mediaPeer
	met   [256]met  // whose an address is, by its port
	spare sync.Pool // of *controlPacket
	rooms map[*mediaRoom]struct{}

	capture *recorder // nil but while a developer captures

	began              time.Time // what its clock counts from
	now                time.Time
	nextTick, nextSlow time.Time
	nextLong           time.Time
	hdr, outHdr        rtp.Header
	redHdr             rtp.Header // of a packet that a later one held
	rtcpHdr            rtcp.Header
	plain              []byte
	in                 []datagram
	out                []datagram
	nout               int
	nacks              []uint16
	frames             inbox // what came over TCP
	framesNow          []*tcpFrame
	pictures           []*outTrack
}

func newLoop(conn batchConn, log *slog.Logger, relay *relayNames) *loop {
	count := &counters{}
	return &loop{
		began: time.Now(),
		conn:  conn, dtls: newDTLSQueue(conn.writer(), count), dir: newDirectory(), relay: relay, count: count, log: log,
		done: make(chan struct{}), rooms: map[*mediaRoom]struct{}{},
		plain: make([]byte, 0, 2*mtu), in: make([]datagram, readMax), out: make([]datagram, writeMax),
		nacks: make([]uint16, 0, missingMax),
	}
}

// port is the UDP port on which its rooms' media comes.
func (l *loop) port() uint16 { return l.conn.localAddr().Port() }

// post runs f in the loop, soon, and returns at once; false when it is closed.
func (l *loop) post(f func()) bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	l.posted = append(l.posted, f)
	l.mu.Unlock()
	l.wake(&l.some)
	return true
}

// wake ends a waiting read, so that the loop looks at what there is for it.
func (l *loop) wake(some *atomic.Bool) {
	if !some.Swap(true) {
		_ = l.conn.setReadDeadline(time.Unix(1, 0))
	}
}

// call runs f in the loop and waits for it.
func (l *loop) call(f func()) bool {
	ran := make(chan struct{})
	if !l.post(func() { f(); close(ran) }) {
		return false
	}
	select {
	case <-ran:
		return true
	case <-l.done:
		return false
	}
}

func (l *loop) runPosted() {
	if !l.some.Swap(false) {
		return
	}
	l.mu.Lock()
	fs := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range fs {
		f()
	}
}

// run reads until the socket is closed.
func (l *loop) run() {
	defer close(l.done)
	defer l.shut()
	l.now = time.Now()
	for arm := true; ; {
		due := !l.now.Before(l.nextTick)
		if due {
			l.tick()
		}
		if arm || due {
			arm = false
			if err := l.conn.setReadDeadline(l.nextTick.Add(tickLate)); err != nil {
				l.end(err)
				return
			}
		}
		l.runPosted()
		l.takeFrames()
		l.flush()
		n, err := l.conn.readBatch(l.in)
		l.now = time.Now()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			arm = true
		case err != nil:
			l.end(err)
			return
		}
		for i := range n {
			l.receive(&l.in[i])
		}
		l.flush()
		if n == len(l.in) {
			// Probably there is more, and the runtime does not hear of the system
			// calls: let those who join have a turn, where there is but one core.
			runtime.Gosched()
		}
	}
}

func (l *loop) end(err error) {
	if !errors.Is(err, net.ErrClosed) {
		l.log.Error("media loop stopped", "error", err)
	}
}

// shut refuses what is posted from now on.
func (l *loop) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed, l.posted = true, nil
}

// receive tells apart what RFC 7983 lets one port carry.
func (l *loop) receive(d *datagram) {
	if d.n < rtcpHeader || d.n > mtu {
		l.count.refused.Add(1)
		return
	}
	b := d.buf[:d.n]
	switch c := b[0]; {
	case c <= stunLast:
		l.control(l.dir.forSTUN(b, d.addr), b, d.addr)
	case c >= dtlsFirst && c <= dtlsLast:
		l.control(l.owner(d.addr), b, d.addr)
	case c >= srtpFirst && c <= srtpLast:
		if owner := l.owner(d.addr); owner != nil {
			l.media(owner.media, b)
		} else {
			l.count.unknown.Add(1)
		}
	default:
		l.count.refused.Add(1)
	}
}

// media takes an SRTP or SRTCP packet of a peer.
func (l *loop) media(p *mediaPeer, b []byte) {
	switch {
	case p.in == nil:
		l.count.unknown.Add(1)
	case b[1] >= 192 && b[1] <= 223: // RFC 5761, section 4
		l.rtcp(p, b)
	default:
		l.rtp(p, b)
	}
}

// met is what the directory said last of an address.
type met struct {
	addr    netip.AddrPort
	owner   *muxConn
	version uint64
}

// owner asks the directory only when it has changed since the last time.
func (l *loop) owner(a netip.AddrPort) *muxConn {
	m, version := &l.met[int(a.Port())%len(l.met)], l.dir.version.Load()
	if m.version != version || m.addr != a {
		*m = met{a, l.dir.owner(a), version}
	}
	return m.owner
}

// micros is the loop's own clock, in µs: no setting of the machine's moves it.
func (l *loop) micros() int64 { return l.now.Sub(l.began).Microseconds() + 1 }

// heardFrom notes a sign of life, authentic as all that is decrypted.
func (l *loop) heardFrom(p *mediaPeer) { p.alive.Store(int64(l.now.Sub(l.began)) + 1) }

// lives says whether media still comes from a peer; safe from any goroutine.
func (l *loop) lives(p *mediaPeer) bool {
	at := p.alive.Load()
	return at != 0 && time.Since(l.began)-time.Duration(at) <= lively
}

const rtcpHeader = 8

func (l *loop) control(c *muxConn, b []byte, a netip.AddrPort) {
	if c == nil {
		l.count.unknown.Add(1)
		return
	}
	if c.tcp == nil {
		a = l.relay.shown(a)
	}
	if !c.put(b, a) {
		l.count.controlDropped.Add(1)
	}
}

// room for one more outgoing packet; flush sends them all.
func (l *loop) next() *datagram {
	if l.nout == len(l.out) {
		l.flush()
	}
	return &l.out[l.nout]
}

// queue takes the n bytes written into next's datagram on their way to a peer.
func (l *loop) queue(p *mediaPeer, d *datagram, n int) {
	if p.overTCP {
		p.stream.send(d.buf[:n], mediaQueue) // the datagram stays free
		return
	}
	d.n, d.addr = n, p.addr
	l.nout++
}

func (l *loop) flush() {
	if l.nout == 0 {
		return
	}
	refused, err := l.conn.writeBatch(l.out[:l.nout])
	if err != nil && !errors.Is(err, net.ErrClosed) {
		l.log.Warn("media socket", "error", err)
	}
	if refused > 0 {
		l.count.sendErrors.Add(uint64(refused))
	}
	l.nout = 0
}

// add and remove keep the loop's view of who is there; they run in the loop.
func (l *loop) add(r *mediaRoom, p *mediaPeer) {
	p.room = r
	r.peers = append(r.peers, p)
	l.peers = append(l.peers, p)
	l.rooms[r] = struct{}{}
}

func (l *loop) remove(p *mediaPeer) {
	is := func(o *mediaPeer) bool { return o == p }
	l.peers = slices.DeleteFunc(l.peers, is)
	p.room.peers = slices.DeleteFunc(p.room.peers, is)
	if len(p.room.peers) == 0 {
		delete(l.rooms, p.room)
	}
	for _, s := range p.slots {
		s.assign(nil)
	}
	for _, o := range p.room.peers {
		for _, s := range o.slots {
			if s.from == p {
				s.assign(nil)
			}
		}
	}
	l.agreeCodec(p.room)
	p.in, p.out = nil, nil
	l.route(p, false, nil)
	clear(p.streams)
	clear(p.repairs)
}
