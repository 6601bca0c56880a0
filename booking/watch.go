package booking

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// hub listens to PostgreSQL on one connection for all who watch. It listens
// while somebody watches, and connects again by itself.
type hub struct {
	pool *pgxpool.Pool
	log  *slog.Logger
	wg   sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	watchers map[*watcher]context.CancelFunc
	listens  bool               // the LISTEN is in force
	stop     context.CancelFunc // of the listener; nil while none runs
}

func newHub(pool *pgxpool.Pool, log *slog.Logger) *hub {
	return &hub{pool: pool, log: log, watchers: map[*watcher]context.CancelFunc{}}
}

// maxPending is how many different changes wait for a slow watcher before
// they are reduced to "read everything again".
const maxPending = 256

// watcher holds what one reader has yet to be told. Equal changes count once.
type watcher struct {
	mu      sync.Mutex
	pending map[Change]struct{}
	wake    chan struct{} // one token: there is something pending
}

func (w *watcher) add(c Change) {
	w.mu.Lock()
	if len(w.pending) >= maxPending {
		c = Change{}
	}
	if c == (Change{}) {
		clear(w.pending)
	}
	if _, all := w.pending[Change{}]; !all {
		w.pending[c] = struct{}{}
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() []Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]Change, 0, len(w.pending))
	for c := range w.pending {
		list = append(list, c)
	}
	clear(w.pending)
	return list
}

// Watch tells of changes until ctx ends, then closes the channel. The first
// thing it tells is a zero Change, once changes can no longer be missed; the
// same follows wherever some may have been, as after a lost connection or to
// a slow reader.
func (a *Agenda) Watch(ctx context.Context) (<-chan Change, error) {
	w := &watcher{pending: map[Change]struct{}{}, wake: make(chan struct{}, 1)}
	out := make(chan Change)
	// It ends with the agenda too.
	ctx, cancel := context.WithCancel(ctx)
	err := a.hub.add(ctx, w, cancel, func() {
		defer close(out)
		defer a.hub.remove(w)
		defer cancel()
		for {
			select {
			case <-ctx.Done():
				return
			case <-w.wake:
			}
			for _, c := range w.take() {
				select {
				case <-ctx.Done():
					return
				case out <- c:
				}
			}
		}
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watch: %w", err)
	}
	return out, nil
}

var errClosed = fmt.Errorf("booking: agenda is closed: %w", context.Canceled)

// add begins to tell w, and runs deliver, which ends where end is called.
func (h *hub) add(ctx context.Context, w *watcher, end context.CancelFunc, deliver func()) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosed
	}
	h.watchers[w] = end
	h.wg.Go(deliver)
	if h.stop == nil {
		// The listener serves all who watch: it outlives the first one.
		var listening context.Context
		listening, h.stop = context.WithCancel(context.WithoutCancel(ctx))
		h.wg.Go(func() { h.listen(listening) })
	} else if h.listens {
		w.add(Change{})
	}
	return nil
}

func (h *hub) remove(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers, w)
	if len(h.watchers) == 0 && h.stop != nil {
		h.stop()
		h.stop, h.listens = nil, false
	}
}

// close ends the listener and the watchers, and waits for them.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	for _, end := range h.watchers {
		end()
	}
	if h.stop != nil {
		h.stop()
	}
	h.mu.Unlock()
	h.wg.Wait()
}

// listen keeps a connection listening until ctx ends.
func (h *hub) listen(ctx context.Context) {
	const first, longest = 100 * time.Millisecond, 10 * time.Second
	pause := first
	for ctx.Err() == nil {
		heard, err := h.listenOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if heard {
			pause = first
		}
		h.log.WarnContext(ctx, "listening for changes interrupted", "error", err, "again_in", pause)
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		pause = min(pause*2, longest)
	}
}

// listenOnce listens on one connection until it fails. The connection leaves
// the pool: it must not go back there listening.
func (h *hub) listenOnce(ctx context.Context) (heard bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, h.pool.Config().ConnConfig)
	if err != nil {
		return false, fmt.Errorf("connect: %w", err)
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end)
	}()
	if _, err := conn.Exec(ctx, `LISTEN agenda`); err != nil {
		return false, fmt.Errorf("listen: %w", err)
	}
	h.tell(ctx, Change{}, true)
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			h.mu.Lock()
			if ctx.Err() == nil {
				h.listens = false
			}
			h.mu.Unlock()
			return true, fmt.Errorf("wait: %w", err)
		}
		h.tell(ctx, parseChange(n.Payload), false)
	}
}

func (h *hub) tell(ctx context.Context, c Change, listens bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil {
		return // another listener may be at work by now
	}
	h.listens = h.listens || listens
	for w := range h.watchers {
		w.add(c)
	}
}

// parseChange reads what the trigger wrote: "appointment office day". What it
// cannot read it makes a zero Change.
func parseChange(s string) Change {
	f := strings.Fields(s)
	if len(f) != 3 {
		return Change{}
	}
	id, err := uuid.Parse(f[0])
	if err != nil {
		return Change{}
	}
	office, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return Change{}
	}
	return Change{id, office, f[2]}
}
