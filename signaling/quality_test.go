package signaling_test

import (
	"cmp"
	"reflect"
	"sync"
	"testing"
	"time"

	"sportello/sfu"
	"sportello/signaling/protocol"
)

// surveys answers for the media server: how whose media fares.
type surveys struct {
	mu   sync.Mutex
	of   map[string]func() sfu.PeerSurvey
	seen map[string]int
}

func (s *surveys) set(name string, f func() sfu.PeerSurvey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[name], s.seen[name] = f, 0
}

func (s *surveys) look(name string) sfu.PeerSurvey {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[name]++
	if f := s.of[name]; f != nil {
		return f()
	}
	return sfu.PeerSurvey{RTT: 20 * time.Millisecond}
}

// looked waits until so many looks were had since set.
func (s *surveys) looked(t *testing.T, name string, n int) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		seen := s.seen[name]
		s.mu.Unlock()
		if seen >= n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d looks of %d", seen, n)
		}
	}
}

// A connection that becomes weak is told to the room; a single bad look is not;
// who comes back hears it again.
func TestConnectionIsToldWhenItChanges(t *testing.T) {
	k := open(t)
	s := &surveys{of: map[string]func() sfu.PeerSurvey{}, seen: map[string]int{}}
	k.media.survey = s.look
	anna, mario, a, m := k.call()

	// One bad look in two: nothing is said before what lasts.
	odd := false
	s.set(m.Peer, func() sfu.PeerSurvey {
		odd = !odd
		if odd {
			return sfu.PeerSurvey{Loss: 0.5}
		}
		return sfu.PeerSurvey{}
	})
	s.looked(t, m.Peer, 6)
	for _, c := range []struct {
		of   sfu.PeerSurvey
		want protocol.Connection
	}{
		{sfu.PeerSurvey{Loss: 0.06}, protocol.Connection{Level: protocol.ConnectionWeak}},
		{sfu.PeerSurvey{Upstream: 0.07}, protocol.Connection{Level: protocol.ConnectionWeak, Sending: protocol.ConnectionWeak}},
		{sfu.PeerSurvey{RTT: 600 * time.Millisecond, Low: 1}, protocol.Connection{Level: protocol.ConnectionWeak, Reduced: true}},
		{sfu.PeerSurvey{RTT: 2 * time.Second}, protocol.Connection{Level: protocol.ConnectionBad}},
		{sfu.PeerSurvey{Loss: 0.04}, protocol.Connection{Level: protocol.ConnectionGood}},
		{sfu.PeerSurvey{Loss: 0.3}, protocol.Connection{Level: protocol.ConnectionBad}},
	} {
		c.want.Peer = m.Peer
		c.want.Sending = cmp.Or(c.want.Sending, protocol.ConnectionGood)
		s.set(m.Peer, func() sfu.PeerSurvey { return c.of })
		for who, client := range map[string]*client{"the citizen": mario, "the host": anna} {
			if got := wait[protocol.Connection](client); got != c.want {
				t.Errorf("%s hears %+v, want %+v", who, got, c.want)
			}
		}
	}

	// Everybody hears of the host's too.
	s.set(a.Peer, func() sfu.PeerSurvey { return sfu.PeerSurvey{Loss: 0.3} })
	for who, client := range map[string]*client{"the citizen": mario, "the host": anna} {
		if got := wait[protocol.Connection](client); got.Peer != a.Peer {
			t.Errorf("%s hears %+v", who, got)
		}
	}
	for _, c := range []struct {
		loss float64
		want protocol.ConnectionLevel
	}{{0, protocol.ConnectionGood}, {0.3, protocol.ConnectionBad}} {
		s.set(m.Peer, func() sfu.PeerSurvey { return sfu.PeerSurvey{Loss: c.loss} })
		for who, client := range map[string]*client{"the citizen": mario, "the host": anna} {
			if got := wait[protocol.Connection](client); got.Peer != m.Peer || got.Level != c.want {
				t.Errorf("%s hears %+v", who, got)
			}
		}
	}
	_ = mario.ws.CloseNow()
	back := k.resume(m.Resume, 0)
	wait[protocol.Joined](back)
	mine := func(c protocol.Connection) bool { return c.Peer == m.Peer }
	if got := until(back, mine); got.Peer != m.Peer || got.Level != protocol.ConnectionBad {
		t.Errorf("after a resume: %+v", got)
	}
	s.set(m.Peer, func() sfu.PeerSurvey { return sfu.PeerSurvey{} })
	if got := wait[protocol.Connection](back); got.Peer != m.Peer || got.Level != protocol.ConnectionGood {
		t.Errorf("the citizen hears %+v", got)
	}
}

// The figures of one's own media come to oneself alone, and name nobody.
func TestStatisticsComeToTheirPersonAlone(t *testing.T) {
	k := open(t)
	k.media.survey = func(string) sfu.PeerSurvey { return sfu.PeerSurvey{} }
	var mu sync.Mutex
	whose := ""
	k.media.report = func(name string) sfu.Report {
		mu.Lock()
		defer mu.Unlock()
		if name != whose {
			return sfu.Report{}
		}
		return sfu.Report{
			RTT: 24 * time.Millisecond, Estimate: 2_400_000,
			Sends: []sfu.SendReport{{Source: sfu.Microphone, Layer: sfu.QualityHigh, Bitrate: 32_000, Loss: 0.25, Jitter: 3 * time.Millisecond}},
			Slots: []sfu.SlotReport{{
				Slot: 1, Source: sfu.Camera, Layer: sfu.QualityLow, Wanted: sfu.QualityHigh, Bitrate: 150_000, Loss: 0.5,
				Jitter: 7 * time.Millisecond, Keyframes: 1, Freezes: 2,
			}},
		}
	}
	anna, mario, _, m := k.call()
	mu.Lock()
	whose = m.Peer
	mu.Unlock()
	want := protocol.Statistics{
		RTT: 24, Estimate: 2_400_000,
		Sends: []protocol.SendStatistics{{
			Source: protocol.SourceMicrophone, Layer: protocol.QualityHigh, Bitrate: 32_000, Loss: 0.25, Jitter: 3,
		}},
		Slots: []protocol.SlotStatistics{{
			Slot: 1, Source: protocol.SourceCamera, Layer: protocol.QualityLow, Wanted: protocol.QualityHigh,
			Bitrate: 150_000, Loss: 0.5, Jitter: 7, Keyframes: 1, Freezes: 2,
		}},
	}
	for range 2 { // again at each look
		if got := wait[protocol.Statistics](mario); !reflect.DeepEqual(got, want) {
			t.Errorf("the citizen hears %+v, want %+v", got, want)
		}
	}
	anna.send(protocol.Ping{ID: 7})
	until(anna, func(m protocol.ServerMessage) bool {
		if _, is := m.(protocol.Statistics); is {
			t.Errorf("the host hears %+v", m)
		}
		_, done := m.(protocol.Pong)
		return done
	})
}
