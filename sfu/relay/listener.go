package relay

import (
	"bufio"
	"crypto/tls"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	helloTime = 10 * time.Second // for the first byte, and for a TLS handshake
	idleTime  = 3 * time.Minute  // checks and media come far more often
	// handshakeByte begins every TLS record of a handshake (RFC 8446, section
	// 5.1); a STUN message begins with 0 or 1, a channel's data with 64 to 79.
	handshakeByte = 0x16
)

// listener takes TURN over TCP and over TLS on one port and limits how many
// connections there are.
type listener struct {
	net.Listener
	tls  *tls.Config // nil: no TLS
	most int

	mu     sync.Mutex
	open   map[*conn]struct{}
	closed bool
}

// Accept is part of net.Listener. It never waits for what a client has to say.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if t := l.take(c); t != nil {
			return t, nil
		}
		_ = c.Close() // full
	}
}

func (l *listener) take(c net.Conn) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.open) >= l.most {
		return nil
	}
	t := &conn{Conn: c, from: l}
	l.open[t] = struct{}{}
	return t
}

func (l *listener) forget(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// Close closes the connections too: pion leaves them open.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	l.closed = true
	all := slices.Collect(maps.Keys(l.open))
	l.mu.Unlock()
	for _, c := range all {
		_ = c.Close()
	}
	return err
}

// conn finds out at its first read whether it is TLS. Only one goroutine reads,
// and pion writes nothing before it has read.
type conn struct {
	net.Conn
	from *listener

	started bool
	inner   net.Conn
}

func (c *conn) start() error {
	c.started = true
	c.inner = c.Conn
	if err := c.SetDeadline(time.Now().Add(helloTime)); err != nil {
		return err
	}
	r := bufio.NewReaderSize(c.Conn, 4096)
	first, err := r.Peek(1)
	if err != nil {
		return err
	}
	c.inner = &buffered{Conn: c.Conn, r: r}
	if c.from.tls != nil && first[0] == handshakeByte {
		t := tls.Server(c.inner, c.from.tls)
		c.inner = t
		if err := t.Handshake(); err != nil { //nolint:noctx // bounded by the deadline
			return err
		}
	}
	return c.SetDeadline(time.Time{})
}

// Read is part of net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	if !c.started {
		if err := c.start(); err != nil {
			return 0, err
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(idleTime)); err != nil {
		return 0, err
	}
	return c.inner.Read(b)
}

// Write is part of net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	if c.inner == nil {
		return 0, net.ErrClosed
	}
	// A client that takes nothing must not hold its relay up for ever.
	if err := c.SetWriteDeadline(time.Now().Add(helloTime)); err != nil {
		return 0, err
	}
	return c.inner.Write(b)
}

// Close is part of net.Conn.
func (c *conn) Close() error {
	c.from.forget(c)
	return c.Conn.Close()
}

type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }
