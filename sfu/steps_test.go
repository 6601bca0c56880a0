package sfu_test

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/transport/v5/vnet"
	"github.com/pion/webrtc/v4"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

// TestBandwidthSteps holds a call of two pion clients over a simulated network,
// whose way to the viewer is a token bucket: of 3 Mbit/s, then 300 kbit/s, then
// 3 Mbit/s again. It runs in a bubble's time (testing/synctest), so that what it
// prints with -v does not depend on the machine.
func TestBandwidthSteps(t *testing.T) { synctest.Test(t, bandwidthSteps) }

func bandwidthSteps(t *testing.T) {
	const wide, narrow = 3_000_000, 300_000
	bucket := vnet.NewTBFQueue(wide, 3_000, 40_000) // at 300 kbit/s it holds one second
	hosts := networkBehind(t, bucket, "10.0.0.3", "10.0.0.1", "10.0.0.2")
	conn, err := hosts["10.0.0.1"].ListenPacket("udp4", "10.0.0.1:7882")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *sfu.Config) { c.Conn, c.Announce = conn, sfutest.Addrs("10.0.0.1") })
	on := func(ip string) sfutest.Options {
		return sfutest.Options{
			Slots: 1, Repairs: true, RTX: true, Feedback: true,
			MediaOnly: true, // closing SCTP waits for a timer under a lock, which stops a bubble's time
			Setting:   func(e *webrtc.SettingEngine) { e.SetNet(hosts[ip]) },
		}
	}
	a := join(t, s, "room", "a", on("10.0.0.2"))
	b := join(t, s, "room", "b", on("10.0.0.3"))
	ctx, stop := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	beside.Go(func() { film(ctx, t, a.Client) })
	seen := &screening{}
	beside.Go(func() { seen.watch(ctx, b.Client) })

	phase := func(name string, rate int, d time.Duration) passage {
		bucket.SetRate(rate)
		p, began := passage{layer: "?"}, time.Now()
		before := seen.sum()
		for time.Since(began) < d {
			time.Sleep(100 * time.Millisecond)
			layer := "-"
			for _, slot := range b.peer.Report().Slots {
				if slot.Source == sfu.Camera {
					layer = map[sfu.Quality]string{sfu.QualityLow: "l", sfu.QualityHigh: "h"}[slot.Layer]
				}
			}
			if layer != p.layer {
				p.layer, p.since = layer, time.Since(began)
			}
		}
		p.count = seen.sum().less(before)
		t.Logf("%-22s %4d of %4d voices missing, %4d pictures, %d freezes, layer %s since %4.1f s",
			name, p.expected-p.heard, p.expected, p.pictures, p.freezes, p.layer, p.since.Seconds())
		return p
	}
	for _, x := range []struct {
		name    string
		rate    int
		span    time.Duration
		layer   string
		missing int // voices, at most
		freezes int // at most
		least   int // pictures
	}{
		{"3 Mbit/s, 10 s", wide, 10 * time.Second, "h", 0, 0, 290},
		{"300 kbit/s, first 10 s", narrow, 10 * time.Second, "l", 25, 1, 120},
		{"300 kbit/s, next 20 s", narrow, 20 * time.Second, "l", 5, 0, 300},
		{"3 Mbit/s, first 30 s", wide, 30 * time.Second, "h", 0, 0, 600},
		{"3 Mbit/s, next 10 s", wide, 10 * time.Second, "h", 0, 0, 290},
	} {
		p := phase(x.name, x.rate, x.span)
		if p.layer != x.layer || p.expected-p.heard > x.missing || p.freezes > x.freezes || p.pictures < x.least {
			t.Errorf("%s: want layer %s, at most %d voices missing and %d freezes, at least %d pictures",
				x.name, x.layer, x.missing, x.freezes, x.least)
		}
	}
	st := s.Stats()
	t.Logf("%d packets of upper temporal layers left out, %d repairs, %d packets not repaired", st.Thinned, st.Resent, st.Unrepaired)
}

// passage is what came of a stretch of the call.
type passage struct {
	count
	layer string        // that the viewer got at its end,
	since time.Duration // and how long after its beginning that began
}

type count struct{ expected, heard, pictures, freezes int }

func (c count) less(o count) count {
	return count{c.expected - o.expected, c.heard - o.heard, c.pictures - o.pictures, c.freezes - o.freezes}
}

// screening counts what a viewer hears and sees.
type screening struct {
	mu    sync.Mutex
	voice tally
	count
	marked time.Time // when the last picture ended
}

func (s *screening) watch(ctx context.Context, c *sfutest.Client) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-c.Media:
			s.see(m)
		}
	}
}

func (s *screening) see(m sfutest.Media) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch m.Source { //nolint:exhaustive // no other source is on
	case sfu.Microphone:
		s.voice.note(m.Packet.SequenceNumber)
	case sfu.Camera:
		if !m.Packet.Marker {
			return
		}
		now := time.Now()
		if !s.marked.IsZero() && now.Sub(s.marked) > 600*time.Millisecond {
			s.freezes++
		}
		s.marked = now
		s.pictures++
	}
}

func (s *screening) sum() count {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.count
	if s.voice.begun {
		c.expected, c.heard = s.voice.span(), len(s.voice.came)
	}
	return c
}

// film sends a voice of 40 kbit/s and a camera of 150 kbit/s and 1.2 Mbit/s, 30
// pictures a second in three temporal layers, until ctx ends.
func film(ctx context.Context, t *testing.T, c *sfutest.Client) {
	t.Helper()
	voices, pictures := time.NewTicker(20*time.Millisecond), time.NewTicker(time.Second/30)
	defer voices.Stop()
	defer pictures.Stop()
	layers := map[string]*reel{"l": {rate: 150_000, key: true}, "h": {rate: 1_200_000, key: true}}
	for n := uint32(0); ; {
		var err error
		select {
		case <-ctx.Done():
			return
		case rid := <-c.Keyframes:
			if r := layers[rid]; r != nil {
				r.key = true
			}
		case <-voices.C:
			err = c.SendAudio(uint16(n), 960*n, make([]byte, 100))
			n++
		case <-pictures.C:
			for rid, r := range layers {
				for _, p := range r.next() {
					if err = c.SendPicture(rid, p.Header, p.Payload); err != nil {
						break
					}
				}
			}
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// reel makes one layer of a camera.
type reel struct {
	rate    int
	key     bool
	turn    int
	seq     uint16
	ts      uint32
	picture uint16
	tl0     byte
}

// next is a picture, in the pattern that libwebrtc has for three temporal layers.
func (r *reel) next() []rtp.Packet {
	if r.key {
		r.turn = 0
	}
	tid := []byte{0, 2, 1, 2, 0, 2, 1, 2}[r.turn]
	alone := r.turn == 1 || r.turn == 2 // needs no other of its layer
	r.turn = (r.turn + 1) % 8
	if tid == 0 {
		r.tl0++
	}
	r.picture++
	r.ts += 3000
	size := r.rate / 30 / 8 * []int{16, 8, 8}[tid] / 10
	if r.key {
		size *= 3
	}
	var all []rtp.Packet
	for first := true; size > 0; first = false {
		b := make([]byte, min(size, 1100)+7)
		size -= 1100
		b[0], b[1], b[4], b[5], b[6] = 0x80, 0xe0, r.tl0, tid<<6, 1
		binary.BigEndian.PutUint16(b[2:], r.picture|0x8000)
		if alone {
			b[5] |= 0x20
		}
		if first {
			b[0] |= 0x10
			if r.key {
				b[6] = 0
			}
		}
		r.seq++
		all = append(all, rtp.Packet{Header: rtp.Header{SequenceNumber: r.seq, Timestamp: r.ts, Marker: size <= 0}, Payload: b})
	}
	r.key = false
	return all
}
