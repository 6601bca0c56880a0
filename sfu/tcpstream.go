package sfu

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	frameHeader = 2        // RFC 4571: the length
	readAhead   = 8 << 10  // bytes
	writeAtOnce = 16 << 10 // bytes
	// What waits to be written: a replay of 128 packets fits. Control goes on
	// where media has no room any more, lest the checks fail.
	mediaQueue   = 256 << 10
	controlBytes = mediaQueue + 64<<10
	framesMost   = 1024 // that wait for the loop
	framesEarly  = 256  // before the proof: a browser that connects anew goes on sending
)

var (
	errFrame    = errors.New("sfu: a frame of a length that no browser sends")
	errStranger = errors.New("sfu: a stream that no STUN says to be a peer's")
)

// tcpStream is one TCP connection of a browser. Two goroutines serve it: one
// reads frames and hands them on, the other writes what send has queued.
type tcpStream struct {
	port   *tcpPort
	net    net.Conn
	from   netip.AddrPort
	as     netip.AddrPort // by which pion knows it; set by bind
	known  bool           // no stranger any more; under port.mu
	conn   atomic.Pointer[muxConn]
	proved atomic.Bool
	early  int // frames before that

	mu     sync.Mutex
	queue  []byte
	closed bool
	wake   chan struct{}
}

func newTCPStream(t *tcpPort, conn net.Conn, from netip.AddrPort) *tcpStream {
	tuneTCP(conn)
	_ = conn.SetReadDeadline(time.Now().Add(t.proveWithin)) // a closed one is noticed at the first read
	return &tcpStream{port: t, net: conn, from: from, wake: make(chan struct{}, 1)}
}

// patient lets a stream that is proved be silent for longer.
func (s *tcpStream) patient() { _ = s.net.SetReadDeadline(time.Now().Add(streamIdle)) }

// close ends both goroutines; safe from anywhere.
func (s *tcpStream) close() {
	s.mu.Lock()
	was := s.closed
	s.closed, s.queue = true, nil
	s.mu.Unlock()
	if !was {
		_ = s.net.Close()
		s.rouse()
	}
}

func (s *tcpStream) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// send queues a packet of at most mtu bytes as a frame, and never waits: where
// already more than most bytes wait, the whole packet is dropped.
func (s *tcpStream) send(b []byte, most int) {
	s.mu.Lock()
	fits := !s.closed && len(s.queue)+frameHeader+len(b) <= most && len(b) <= 0xffff
	if fits {
		s.queue = binary.BigEndian.AppendUint16(s.queue, uint16(len(b))) //nolint:gosec // checked
		s.queue = append(s.queue, b...)
	}
	s.mu.Unlock()
	if fits {
		s.rouse()
	} else if c := s.conn.Load(); c != nil {
		c.loop.count.streamDropped.Add(1)
	}
}

// write passes on what is queued until close.
func (s *tcpStream) write() {
	chunk := make([]byte, writeAtOnce)
	for range s.wake {
		for {
			s.mu.Lock()
			n := copy(chunk, s.queue)
			s.queue = s.queue[:copy(s.queue, s.queue[n:])]
			closed := s.closed
			s.mu.Unlock()
			if closed {
				return
			}
			if n == 0 {
				break
			}
			if _, err := s.net.Write(chunk[:n]); err != nil {
				s.close()
				return
			}
		}
	}
}

// read hands frames on until the connection ends or somebody misbehaves.
func (s *tcpStream) read() {
	r := bufio.NewReaderSize(s.net, readAhead)
	fresh := time.Now()
	for {
		b, err := nextFrame(r)
		if err == nil {
			err = s.take(b)
		}
		if err != nil {
			return
		}
		_, _ = r.Discard(len(b)) // it was peeked
		if s.proved.Load() && time.Since(fresh) > streamIdle/4 {
			fresh = time.Now()
			s.patient()
		}
	}
}

// nextFrame gives the next frame without its header; the caller discards it.
func nextFrame(r *bufio.Reader) ([]byte, error) {
	h, err := r.Peek(frameHeader)
	if err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(h))
	if n < rtcpHeader || n > mtu {
		return nil, errFrame
	}
	_, _ = r.Discard(frameHeader)
	return r.Peek(n)
}

// take tells apart what RFC 7983 lets one stream carry, as loop.receive does.
func (s *tcpStream) take(b []byte) error {
	c, proved := s.conn.Load(), s.proved.Load()
	if !proved {
		if s.early++; s.early > framesEarly {
			return errStranger
		}
	}
	switch first := b[0]; {
	case first <= stunLast:
		return s.stun(c, b)
	case !proved:
		s.port.loops[0].count.unknown.Add(1)
	case first >= dtlsFirst && first <= dtlsLast:
		c.loop.control(c, b, s.as)
	case first >= srtpFirst && first <= srtpLast:
		if c.loop.frames.put(c.media, b) {
			c.loop.wake(&c.loop.frames.some)
		} else {
			c.loop.count.streamDropped.Add(1)
		}
	default:
		c.loop.count.refused.Add(1)
	}
	return nil
}

// stun passes a STUN packet on. A request says whose the stream is; whether that
// is true pion finds out by its signature.
func (s *tcpStream) stun(c *muxConn, b []byte) error {
	ufrag, ok := readSTUN(b)
	switch {
	case !ok:
		return errStranger
	case len(ufrag) > 0:
		if c = s.port.owner(ufrag, s.from.Addr()); c == nil && s.proved.Load() {
			return nil // of before an ICE restart
		}
		if c == nil || !s.port.bind(s, c) {
			return errStranger
		}
	case c == nil:
		return errStranger
	}
	c.loop.control(c, b, s.as)
	return nil
}

// inbox takes to the loop what came over TCP. Its frames are made as they are
// first needed and then reused.
type inbox struct {
	some atomic.Bool
	mu   sync.Mutex
	full []*tcpFrame
	free []*tcpFrame
	made int
}

type tcpFrame struct {
	from *mediaPeer
	n    int
	buf  [mtu]byte
}

// put copies a frame; false where too many wait.
func (i *inbox) put(from *mediaPeer, b []byte) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	var f *tcpFrame
	switch n := len(i.free); {
	case n > 0:
		f, i.free = i.free[n-1], i.free[:n-1]
	case i.made < framesMost:
		f = &tcpFrame{}
		i.made++
	default:
		return false
	}
	f.from, f.n = from, copy(f.buf[:], b)
	i.full = append(i.full, f)
	return true
}

// takeFrames lets the loop's rooms have what came over TCP.
func (l *loop) takeFrames() {
	i := &l.frames
	if !i.some.Swap(false) {
		return
	}
	i.mu.Lock()
	l.framesNow, i.full = i.full, l.framesNow[:0]
	i.mu.Unlock()
	for _, f := range l.framesNow {
		l.media(f.from, f.buf[:f.n])
	}
	i.mu.Lock()
	i.free = append(i.free, l.framesNow...)
	i.mu.Unlock()
}

// route says over what a peer's media goes from now on.
func (l *loop) route(p *mediaPeer, overTCP bool, s *tcpStream) {
	if p.overTCP != overTCP {
		if overTCP {
			l.count.overTCP.Add(1)
		} else {
			l.count.overTCP.Add(-1)
		}
	}
	was := p.ready()
	p.overTCP, p.stream = overTCP, nil
	if overTCP {
		p.stream = s
	}
	if !was && p.ready() {
		for _, t := range p.tracks {
			l.retarget(t, l.now)
		}
	}
}
