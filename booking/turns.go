package booking

import (
	"context"
	"fmt"
	"sync"
)

// turns has those who want the same start at the same moment go one after the other,
// as far as one process sees them, and tells all of them at once when the last desk
// is gone. The database alone decides who gets a desk (no_overlap); but rivals that
// meet there would keep a connection each while they wait for the first one's commit,
// all for the same desk, and then for the next. The zero value is ready to use.
type turns struct {
	mu    sync.Mutex
	queue map[wish]*queue
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

// queue is of those who want the same. All but next and over are the lock's.
type queue struct {
	next   chan struct{} // has room for whose turn it is
	over   chan struct{} // closed once somebody found that all is taken
	lost   *place        // what is, then
	knew   int           // and how many had come before they looked
	came   int
	inside int
}

// turn is one's turn. It must be ended.
type turn struct {
	turns *turns
	wish  wish
	queue *queue
	came  int // how many had, when it began
}

// await waits for the turn at a wish. Where somebody finds meanwhile that all is
// taken there is none, but the place that they lost.
func (t *turns) await(ctx context.Context, w wish) (*turn, *place, error) {
	for {
		t.mu.Lock()
		q := t.queue[w]
		if q == nil {
			q = &queue{next: make(chan struct{}, 1), over: make(chan struct{})}
			if t.queue == nil {
				t.queue = map[wish]*queue{}
			}
			t.queue[w] = q
		}
		q.came++
		q.inside++
		mine := q.came
		t.mu.Unlock()
		select {
		case q.next <- struct{}{}:
			t.mu.Lock()
			defer t.mu.Unlock()
			return &turn{turns: t, wish: w, queue: q, came: q.came}, nil, nil
		case <-q.over:
			t.mu.Lock()
			t.leave(w, q)
			lost, knew := q.lost, q.knew
			t.mu.Unlock()
			if mine <= knew { // whoever came later may find what was freed since
				return nil, lost, nil
			}
		case <-ctx.Done():
			t.mu.Lock()
			defer t.mu.Unlock()
			t.leave(w, q)
			return nil, nil, fmt.Errorf("wait for the turn: %w", ctx.Err())
		}
	}
}

func (t *turns) leave(w wish, q *queue) {
	if q.inside--; q.inside == 0 && t.queue[w] == q {
		delete(t.queue, w)
	}
}

// end lets the next one go; or, where all is taken, tells those who came before it was looked.
func (n *turn) end(lost *place) {
	t, q := n.turns, n.queue
	t.mu.Lock()
	defer t.mu.Unlock()
	if lost != nil && q.lost == nil {
		q.lost, q.knew = lost, n.came
		if t.queue[n.wish] == q {
			delete(t.queue, n.wish)
		}
		close(q.over)
	}
	t.leave(n.wish, q)
	<-q.next
}
