package sfu

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	mtu      = 1500 // no RTP or DTLS packet of a browser is bigger
	readMax  = 64   // packets taken from the socket at once
	writeMax = 128  // packets given to it at once

	socketBuffer = 4 << 20 // bytes, each way
)

// datagram is one packet and the address it came from or goes to.
type datagram struct {
	n    int
	addr netip.AddrPort // IPv4 unmapped
	buf  [mtu + 64]byte
}

// batchWriter belongs to one goroutine.
type batchWriter interface {
	// writeBatch sends all and returns how many the network refused.
	writeBatch([]datagram) (refused int, err error)
}

// batchConn is all that the loop knows of the network. A UDP socket reads and
// writes many packets with one system call; any net.PacketConn can drive it too.
type batchConn interface {
	// readBatch fills as many datagrams as are there, waiting for the first
	// one until the deadline.
	readBatch([]datagram) (int, error)
	batchWriter
	// writer makes one more batchWriter, for another goroutine.
	writer() batchWriter
	// writeTo sends one; safe beside the others, from any goroutine.
	writeTo([]byte, netip.AddrPort) error
	setReadDeadline(time.Time) error
	localAddr() netip.AddrPort
	close() error
}

// openSocket takes the given connection, or the UDP port of one loop for IPv4
// and IPv6.
func openSocket(cfg *Config, loop int) (batchConn, error) {
	if cfg.Conn != nil {
		return newPlainConn(cfg.Conn)
	}
	port := cfg.UDPPort
	if port != 0 {
		port += loop
	}
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(context.Background(), "udp", ":"+strconv.Itoa(port))
	if err != nil {
		return nil, fmt.Errorf("sfu: open the media port: %w", err)
	}
	c, ok := pc.(*net.UDPConn)
	if !ok {
		return newPlainConn(pc)
	}
	// Bursts of keyframes from a full room must fit; the kernel caps it to
	// its own limit, which is no error.
	if err := errors.Join(c.SetReadBuffer(socketBuffer), c.SetWriteBuffer(socketBuffer)); err != nil {
		cfg.Logger.Warn("media socket buffers stay as they are", "error", err)
	}
	u, err := newUDPConn(c)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if k, ok := u.(interface{ readBuffer() int }); ok && loop == 0 && k.readBuffer() < socketBuffer {
		cfg.Logger.Warn("the media socket's buffer is small: packets get lost when the machine is busy; raise net.core.rmem_max",
			"bytes", k.readBuffer(), "wanted", socketBuffer)
	}
	return u, nil
}

// plainConn drives the loop packet by packet.
type plainConn struct {
	c      net.PacketConn
	local  netip.AddrPort
	closed atomic.Bool
}

func newPlainConn(c net.PacketConn) (*plainConn, error) {
	a, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("sfu: %T is no UDP address", c.LocalAddr())
	}
	return &plainConn{c: c, local: unmapped(a.AddrPort())}, nil
}

func (p *plainConn) readBatch(ds []datagram) (int, error) {
	n, a, err := p.c.ReadFrom(ds[0].buf[:])
	var ne net.Error
	switch {
	case errors.As(err, &ne) && ne.Timeout():
		return 0, os.ErrDeadlineExceeded // not every implementation's timeout is this one
	case err != nil && p.closed.Load():
		return 0, net.ErrClosed // nor is every one's error of a closed socket
	case err != nil:
		return 0, err
	}
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return 0, nil
	}
	ds[0].n, ds[0].addr = n, unmapped(u.AddrPort())
	return 1, nil
}

func (p *plainConn) writeBatch(ds []datagram) (refused int, err error) {
	for i := range ds {
		if err := p.writeTo(ds[i].buf[:ds[i].n], ds[i].addr); err != nil {
			if errors.Is(err, net.ErrClosed) {
				return refused, err
			}
			refused++
		}
	}
	return refused, nil
}

func (p *plainConn) writeTo(b []byte, a netip.AddrPort) error {
	_, err := p.c.WriteTo(b, net.UDPAddrFromAddrPort(a))
	return err
}

func (p *plainConn) writer() batchWriter               { return p }
func (p *plainConn) setReadDeadline(t time.Time) error { return p.c.SetReadDeadline(t) }
func (p *plainConn) localAddr() netip.AddrPort         { return p.local }

func (p *plainConn) close() error {
	p.closed.Store(true)
	return p.c.Close()
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
