package booking

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// rivals has those who want the same start at the same moment go together, as far as
// one process sees them: while some are under way whoever comes waits, and all who wait
// go next, with one statement. The database alone decides who gets a desk (no_overlap);
// but rivals that meet there would keep a connection each while they wait for the first
// one's commit, all for the same desk, and then for the next. The zero value is ready to use.
type rivals struct {
	mu    sync.Mutex
	group map[wish]*group
}

// wish is what rivals have in common.
type wish struct {
	service, desk int64
	also          string
	mode          Mode
	audience      Audience
	start         int64 // Unix time in nanoseconds
}

func wishOf(r HoldRequest) wish {
	w := wish{service: r.ServiceID, desk: r.DeskID, mode: r.Mode, audience: r.Audience, start: r.Start.UnixNano()}
	if len(r.Also) > 0 {
		w.also = fmt.Sprint(r.Also)
	}
	return w
}

// rival is one who wants a start.
type rival struct {
	request HoldRequest
	actor   Actor
	told    chan verdict // has room for it
	over    bool         // told, or waits no more; the lock's
}

// verdict is what became of a rival: a hold, the place that they lost, or why neither.
type verdict struct {
	hold Hold
	lost *place
	err  error
}

// group is of those who want the same. All of it is the lock's.
type group struct {
	waiting []*rival
	inside  int
	stop    context.CancelFunc
}

// holding has a group go: it tells each of them what became of them.
type holding func(ctx context.Context, all []*rival, tell func(*rival, verdict))

// hold is what becomes of a rival. The group goes in a goroutine of its own, since what
// goes on is everybody's, and does not end with the request of who came first; it is
// stopped when nobody is left to hear of it.
func (s *rivals) hold(ctx context.Context, r *rival, together holding) verdict {
	w := wishOf(r.request)
	s.mu.Lock()
	g := s.group[w]
	if g == nil {
		var shared context.Context
		g = &group{}
		shared, g.stop = context.WithCancel(context.WithoutCancel(ctx))
		if s.group == nil {
			s.group = map[wish]*group{}
		}
		s.group[w] = g
		go s.run(shared, w, g, together)
	}
	g.waiting = append(g.waiting, r)
	g.inside++
	s.mu.Unlock()
	select {
	case v := <-r.told:
		return v
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.leave(g, r); g.inside == 0 {
			s.end(w, g) // whoever comes now is not of those that are stopped
		}
		return verdict{err: fmt.Errorf("wait for a desk: %w", ctx.Err())}
	}
}

func (s *rivals) run(ctx context.Context, w wish, g *group, together holding) {
	for {
		s.mu.Lock()
		all := slices.DeleteFunc(g.waiting, func(r *rival) bool { return r.over })
		g.waiting = nil
		if len(all) == 0 {
			s.end(w, g)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		together(ctx, all, func(r *rival, v verdict) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.leave(g, r) {
				r.told <- v // what is held for who has gone ends by itself
			}
		})
	}
}

// leave is false of who had left.
func (s *rivals) leave(g *group, r *rival) bool {
	if r.over {
		return false
	}
	r.over = true
	g.inside--
	return true
}

func (s *rivals) end(w wish, g *group) {
	g.stop()
	if s.group[w] == g {
		delete(s.group, w)
	}
}
