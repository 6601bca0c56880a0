package sfu_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

const patience = 15 * time.Second

func start(t testing.TB, change ...func(*sfu.Config)) *sfu.SFU {
	t.Helper()
	cfg := sfu.Config{Announce: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	for _, f := range change {
		f(&cfg)
	}
	s, err := sfu.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n := s.Stats().Blocked; n != 0 {
			t.Errorf("pion sent %d SRTP packets of its own", n)
		}
	})
	return s
}

type member struct {
	*sfutest.Client
	peer *sfu.Peer
	seen *sfutest.Observer
}

func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func join(t testing.TB, s *sfu.SFU, room, name string, opt sfutest.Options) *member {
	t.Helper()
	m := &member{seen: sfutest.NewObserver()}
	var err error
	if m.peer, err = s.Join(room, name, m.seen); err != nil {
		t.Fatal(err)
	}
	if m.Client, err = sfutest.NewClient(opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.peer.Close()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	for src := sfu.Microphone; src <= sfu.ScreenAudio; src++ {
		m.peer.SetPublishing(src, true)
	}
	if err := m.Connect(deadline(t), m.peer); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

// negotiate makes one more offer and takes its answer; restart asks for new ICE.
func (m *member) negotiate(t testing.TB, restart bool) {
	t.Helper()
	o, err := m.Offer(restart)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := m.peer.Negotiate(deadline(t), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Answer(answer); err != nil {
		t.Fatal(err)
	}
}

// stream sends until the test ends.
func (m *member) stream(t testing.TB, mark byte, layers ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Stream(ctx, mark, layers...) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Logf("stream: %v", err) // the connection may be closed before it
		}
	})
}

// until waits for the observer to have heard something.
func (m *member) until(t testing.TB, what string, ok func(sfutest.State) bool) {
	t.Helper()
	ctx := deadline(t)
	for {
		st, changed := m.seen.State()
		if ok(st) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%s did not come: %+v", what, st)
		}
	}
}

// next waits for a packet that fits.
func (m *member) next(t testing.TB, what string, ok func(sfutest.Media) bool) sfutest.Media {
	t.Helper()
	ctx := deadline(t)
	for {
		select {
		case p := <-m.Media:
			if ok(p) {
				return p
			}
		case <-ctx.Done():
			t.Fatalf("%s did not come", what)
		}
	}
}

// every calls f again and again until it fails or the test ends.
func every(t testing.TB, pause time.Duration, f func(n uint16) error) {
	t.Helper()
	done, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(done); <-stopped })
	go func() {
		defer close(stopped)
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for n := uint16(0); ; n++ {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if f(n) != nil {
				return // the connection may be closed before the test ends
			}
		}
	}()
}
