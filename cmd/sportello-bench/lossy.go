package main

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
)

// isMedia tells RTP from RTCP, DTLS and STUN (RFC 7983; RFC 5761, section 4).
func isMedia(b []byte) bool {
	return len(b) > 1 && b[0] >= 128 && b[0] <= 191 && (b[1] < 192 || b[1] > 223)
}

// lossyConn loses media packets, by chance that is the same in every run.
type lossyConn struct {
	net.PacketConn
	rate float64
	mu   sync.Mutex
	rnd  *rand.Rand
}

func listenLossy(rate float64, seed uint64) (*lossyConn, error) {
	var lc net.ListenConfig
	c, err := lc.ListenPacket(context.Background(), "udp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &lossyConn{PacketConn: c, rate: rate, rnd: rand.New(rand.NewPCG(seed, 2))}, nil //nolint:gosec // chance, not secrets
}

func (l *lossyConn) lose(b []byte) bool {
	if !isMedia(b) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rnd.Float64() < l.rate
}

// ReadFrom is part of net.PacketConn.
func (l *lossyConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, a, err := l.PacketConn.ReadFrom(b)
		if err != nil || !l.lose(b[:n]) {
			return n, a, err
		}
	}
}

// WriteTo is part of net.PacketConn.
func (l *lossyConn) WriteTo(b []byte, a net.Addr) (int, error) {
	if l.lose(b) {
		return len(b), nil
	}
	return l.PacketConn.WriteTo(b, a)
}
