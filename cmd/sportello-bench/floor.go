package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"sportello/sfu"
)

// floor is the least that a packet can cost without batching: one receive, one
// decryption, one encryption and one send. A packet goes back to its sender.
type floor struct {
	conn    *net.UDPConn
	in, out *srtp.Context
	count   atomic.Uint64
	done    chan error
}

// floorKeys are of no use to anybody: nothing but these packets is sealed.
func floorContext(n byte) (*srtp.Context, error) {
	key, salt := make([]byte, 16), make([]byte, 12)
	key[0] = n
	return srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm)
}

func newFloor() (*floor, error) {
	f := &floor{done: make(chan error, 1)}
	var errs [3]error
	f.in, errs[0] = floorContext(1)
	f.out, errs[1] = floorContext(2)
	f.conn, errs[2] = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if err := f.conn.SetReadBuffer(4 << 20); err != nil {
		return nil, err
	}
	go func() { f.done <- f.loop() }()
	return f, nil
}

func (f *floor) loop() error {
	wire, plain, sealed := make([]byte, 1600), make([]byte, 0, 1600), make([]byte, 0, 1600)
	var h rtp.Header
	for {
		n, from, err := f.conn.ReadFromUDPAddrPort(wire)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		b, err := f.in.DecryptRTP(plain, wire[:n], &h)
		if err != nil {
			continue
		}
		if b, err = f.out.EncryptRTP(sealed, b, &h); err != nil {
			continue
		}
		if _, err := f.conn.WriteToUDPAddrPort(b, from); err == nil {
			f.count.Add(1)
		}
	}
}

func (f *floor) join(string, string, sfu.Offer) (string, error) {
	return "", errors.New("the floor answers no offers")
}
func (f *floor) forwarded() uint64 { return f.count.Load() }
func (f *floor) addr() string      { return f.conn.LocalAddr().String() }

func (f *floor) close() error {
	return errors.Join(f.conn.Close(), <-f.done)
}

// floorTurn sends as many packets as the scenario's server would forward, in
// the same shape.
func (p *plan) floorTurn(ctx context.Context, sc scenario, srv *server) (r result, err error) {
	at, err := srv.addr()
	if err != nil {
		return r, err
	}
	to, err := netip.ParseAddrPort(at)
	if err != nil {
		return r, err
	}
	idle, err := srv.usage(true)
	if err != nil {
		return r, err
	}
	var measuring atomic.Bool
	stamps := clock{time.Now()}
	run, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	streams := make([]*floorStream, sc.rooms*sc.people*(sc.people-1))
	defer func() {
		cancel()
		for _, s := range streams {
			if s != nil {
				_ = s.conn.Close()
			}
		}
		wg.Wait()
	}()
	for i := range streams {
		if streams[i], err = newFloorStream(uint32(i+1), stamps, &measuring); err != nil {
			return r, err
		}
		wg.Go(func() { streams[i].send(run, to, time.Duration(i)*audioEvery/time.Duration(len(streams))) })
		wg.Go(streams[i].receive)
	}
	if err := p.window(ctx, sc, srv, idle, &measuring, &r); err != nil {
		return r, err
	}
	cancel()
	if err := pause(ctx, settleTime); err != nil {
		return r, err
	}
	var delays []time.Duration
	var lost losses
	for _, s := range streams {
		s.mu.Lock()
		lost.add(&s.got)
		delays = append(delays, s.delays...)
		s.mu.Unlock()
	}
	r.video = lost.fraction()
	r.delays(delays)
	return r, nil
}

// floorStream sends one camera and one voice to the floor and reads them back.
type floorStream struct {
	conn      *net.UDPConn
	ssrc      uint32
	out, in   *srtp.Context
	clock     clock
	measuring *atomic.Bool

	mu     sync.Mutex
	got    arrivals
	delays []time.Duration
}

func newFloorStream(ssrc uint32, c clock, measuring *atomic.Bool) (*floorStream, error) {
	s := &floorStream{ssrc: ssrc, clock: c, measuring: measuring}
	var errs [3]error
	s.out, errs[0] = floorContext(1)
	s.in, errs[1] = floorContext(2)
	s.conn, errs[2] = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	return s, errors.Join(errs[:]...)
}

func (s *floorStream) send(ctx context.Context, to netip.AddrPort, phase time.Duration) {
	var video vp8Stream
	speech := make([]byte, audioBytes)
	sealed := make([]byte, 0, 1600)
	var seq uint16
	packet := func(ts uint32, payload []byte, marker bool) error {
		seq++
		s.clock.stamp(payload)
		h := rtp.Header{Version: 2, PayloadType: 96, SSRC: s.ssrc, SequenceNumber: seq, Timestamp: ts, Marker: marker}
		raw, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
		if err != nil {
			return err
		}
		b, err := s.out.EncryptRTP(sealed, raw, &h)
		if err != nil {
			return err
		}
		_, err = s.conn.WriteToUDPAddrPort(b, to)
		return err
	}
	nextAudio := time.Now().Add(phase)
	nextFrame := nextAudio
	timer := time.NewTimer(0)
	defer timer.Stop()
	var now time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now = <-timer.C:
		}
		for ; !now.Before(nextAudio); nextAudio = nextAudio.Add(audioEvery) {
			if packet(0, speech, false) != nil {
				return
			}
		}
		for ; !now.Before(nextFrame); nextFrame = nextFrame.Add(frameEvery) {
			if video.frame(false, framePieces, videoBytes, packet) != nil {
				return
			}
		}
		next := nextAudio
		if nextFrame.Before(next) {
			next = nextFrame
		}
		timer.Reset(time.Until(next))
	}
}

func (s *floorStream) receive() {
	wire, plain := make([]byte, 1600), make([]byte, 0, 1600)
	var h rtp.Header
	var p rtp.Packet
	for {
		n, _, err := s.conn.ReadFromUDPAddrPort(wire)
		if err != nil {
			return
		}
		b, err := s.in.DecryptRTP(plain, wire[:n], &h)
		if err != nil || p.Unmarshal(b) != nil {
			continue
		}
		delay := s.clock.since(p.Payload)
		s.mu.Lock()
		s.got.note(p.SequenceNumber)
		if s.measuring.Load() {
			s.delays = append(s.delays, delay)
		}
		s.mu.Unlock()
	}
}
