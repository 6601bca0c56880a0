package signaling

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"sportello/booking/token"
	"sportello/sfu"
	"sportello/signaling/protocol"
)

// However often somebody joins anew, only so many ends are remembered, the newest
// among them.
func TestEndsAreForgotten(t *testing.T) {
	s := &Server{over: map[uuid.UUID]verdict{}, cfg: Config{Now: time.Now}}
	for range 2 * maxOver {
		id := uuid.New()
		s.remember(id, protocol.Ended{Reason: protocol.EndReplaced})
		if _, ok := s.over[id]; !ok {
			t.Fatal("the newest end is forgotten")
		}
	}
	if len(s.over) != maxOver {
		t.Errorf("%d ends are remembered", len(s.over))
	}
}

// A room is in the line of one counter, also when its appointment has moved to
// another, and in none once it is gone.
func TestRoomsAreInOneLine(t *testing.T) {
	s := books(t, 0, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := newRoom(token.Grant{Room: "r"})
	s.rooms[r.id] = r
	for _, queue := range []string{"a", "b", "b", "a"} {
		s.update(r, token.Grant{Queue: queue})
		if _, in := s.queues[queue][r]; !in || len(s.queues) != 1 {
			t.Errorf("moved to %s: %v", queue, s.queues)
		}
	}
	s.expire(s.cfg.Now())
	if len(s.queues) != 0 || len(s.rooms) != 0 {
		t.Errorf("left: %v", s.queues)
	}
}

// away is a media server and a token store that nobody asks.
type away struct{}

func (away) Join(string, string, sfu.Observer) (MediaPeer, error) { return nil, context.Canceled }
func (away) Lookup(context.Context, string, time.Time) (token.Grant, error) {
	return token.Grant{}, context.Canceled
}
func (away) Watch(context.Context) <-chan token.Hash           { return nil }
func (away) Revoked(context.Context, token.Hash) (bool, error) { return false, context.Canceled }

// books are those of a server with so many counters and rooms before each, in each
// of which somebody waits.
func books(tb testing.TB, counters, rooms int) *Server {
	tb.Helper()
	s, err := New(Config{Media: away{}, Tokens: away{}, Logger: slog.New(slog.DiscardHandler), Tick: time.Hour})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.mu.Lock()
		clear(s.sessions)
		s.mu.Unlock()
		if err := s.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for i := range counters * rooms {
		g := token.Grant{
			Room: fmt.Sprint("room ", i), Queue: fmt.Sprint("desk ", i%counters), Role: token.RoleCitizen,
			StartsAt: now, EndsAt: now.Add(10 * time.Minute), NotAfter: now.Add(time.Hour),
		}
		r := newRoom(g)
		s.rooms[r.id] = r
		s.update(r, g)
		x := s.newSession(r, g, nil, protocol.Join{})
		r.seats = append(r.seats, x)
	}
	return s
}

// A look at the time of all rooms, which holds the books for so long.
func BenchmarkExpire(b *testing.B) {
	for _, counters := range []int{50, 1000} {
		b.Run(fmt.Sprintf("counters=%d", counters), func(b *testing.B) {
			s := books(b, counters, 4)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.expire(s.cfg.Now())
			for b.Loop() {
				s.expire(s.cfg.Now())
			}
		})
	}
}
