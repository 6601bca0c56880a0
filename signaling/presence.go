package signaling

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"sportello/booking/token"
)

const (
	presenceChannel = "presence"
	// presenceTTL is how long the word of a node counts that says no more;
	// presenceRefresh how often it is said again.
	presenceTTL     = 45 * time.Second
	presenceRefresh = 15 * time.Second
	presenceTimeout = 3 * time.Second
	presenceRetry   = 2 * time.Second
)

// PresenceState is what the consoles show of an appointment's room.
type PresenceState struct {
	Waiting     bool      `json:"waiting"` // the citizen is in the lobby
	Since       time.Time `json:"since"`   // of the waiting
	Away        bool      `json:"away"`
	InRoom      bool      `json:"inRoom"` // the citizen is in the room
	HostPresent bool      `json:"hostPresent"`
}

// Presence reads and writes who waits where, in Redis.
type Presence struct{ rdb redis.UniversalClient }

// NewPresence gives the presence kept in rdb.
func NewPresence(rdb redis.UniversalClient) *Presence { return &Presence{rdb} }

func presenceKey(appointment string) string { return "presence:" + appointment }

// Get gives the presence of those of the appointments that have one.
func (p *Presence) Get(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]PresenceState, error) {
	states := make(map[uuid.UUID]PresenceState, len(ids))
	if len(ids) == 0 {
		return states, nil
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = presenceKey(id.String())
	}
	values, err := p.rdb.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, fmt.Errorf("presence: %w", err)
	}
	for i, v := range values {
		text, ok := v.(string)
		if !ok {
			continue
		}
		var st PresenceState
		if err := json.Unmarshal([]byte(text), &st); err != nil {
			return nil, fmt.Errorf("presence: %w", err)
		}
		states[ids[i]] = st
	}
	return states, nil
}

// Watch gives the appointments whose presence changes, until ctx ends; then
// the channel closes. uuid.Nil says that the connection to Redis was made
// (first, or anew): anything may have changed. A reader that is slow gets
// one uuid.Nil for what it missed.
func (p *Presence) Watch(ctx context.Context) (<-chan uuid.UUID, error) {
	sub := p.rdb.Subscribe(ctx, presenceChannel)
	if _, err := sub.Receive(ctx); err != nil {
		_ = sub.Close()
		return nil, fmt.Errorf("presence: watch: %w", err)
	}
	out := make(chan uuid.UUID, 64)
	go func() {
		defer close(out)
		defer func() { _ = sub.Close() }()
		in := sub.ChannelWithSubscriptions()
		missed := true
		for {
			next, send := uuid.Nil, chan uuid.UUID(nil)
			if missed {
				send = out
			}
			select {
			case <-ctx.Done():
				return
			case send <- next:
				missed = false
			case m, ok := <-in:
				if !ok {
					return
				}
				switch m := m.(type) {
				case *redis.Subscription:
					missed = true
				case *redis.Message:
					id, err := uuid.Parse(m.Payload)
					if err != nil || missed {
						continue
					}
					select {
					case out <- id:
					default:
						missed = true
					}
				}
			}
		}
	}()
	return out, nil
}

// set writes a state, or removes it when there is nobody.
func (p *Presence) set(ctx context.Context, appointment string, st *PresenceState, changed bool) error {
	_, err := p.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		if st == nil {
			pipe.Del(ctx, presenceKey(appointment))
		} else {
			data, err := json.Marshal(st)
			if err != nil {
				return err
			}
			pipe.Set(ctx, presenceKey(appointment), data, presenceTTL)
		}
		if changed {
			pipe.Publish(ctx, presenceChannel, appointment)
		}
		return nil
	})
	return err
}

// publisher writes presence beside the books: a slow or absent Redis holds up
// nobody. Only the newest state of a room is kept for writing.
type publisher struct {
	presence *Presence
	log      *slog.Logger
	wake     chan struct{}

	mu    sync.Mutex
	dirty map[string]update
}

type update struct {
	state   *PresenceState
	changed bool
}

func newPublisher(p *Presence, log *slog.Logger) *publisher {
	return &publisher{presence: p, log: log, wake: make(chan struct{}, 1), dirty: map[string]update{}}
}

func (p *publisher) put(appointment string, u update) {
	p.mu.Lock()
	u.changed = u.changed || p.dirty[appointment].changed
	p.dirty[appointment] = u
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *publisher) run(ctx context.Context) {
	away := false
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			// Said once more on the way out, so that nobody is shown waiting
			// at a counter that is closed.
			_ = p.flush(context.WithoutCancel(ctx))
			return
		case <-p.wake:
		case <-retry.C:
		}
		err := p.flush(ctx)
		if err != nil {
			retry.Reset(presenceRetry)
		}
		if (err != nil) != away && ctx.Err() == nil {
			away = err != nil
			if away {
				p.log.WarnContext(ctx, "presence is not written: Redis is away", "err", err)
			} else {
				p.log.InfoContext(ctx, "presence is written again")
			}
		}
	}
}

// flush writes what is due. What fails stays due, unless something newer is.
func (p *publisher) flush(ctx context.Context) error {
	p.mu.Lock()
	due := p.dirty
	p.dirty = map[string]update{}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, presenceTimeout)
	defer cancel()
	var failed error
	for id, u := range due {
		err := p.presence.set(ctx, id, u.state, u.changed)
		if err == nil {
			continue
		}
		failed = err
		p.mu.Lock()
		if newer, ok := p.dirty[id]; ok {
			newer.changed = newer.changed || u.changed
			p.dirty[id] = newer
		} else {
			p.dirty[id] = u
		}
		p.mu.Unlock()
	}
	return failed
}

// publishPresence hands a room's presence to the publisher, if it changed or
// if it is time to refresh it.
func (s *Server) publishPresence(r *room, refresh bool) {
	if s.presence == nil || r.elsewhere {
		return
	}
	var st *PresenceState
	if len(r.seats) > 0 {
		st = &PresenceState{HostPresent: r.has(token.RoleHost)}
		for _, x := range r.seats {
			if x.grant.Role != token.RoleCitizen {
				continue
			}
			st.InRoom = x.state != waiting
			st.Waiting = x.state == waiting
			st.Away = st.Waiting && (x.away || !x.online)
			if st.Waiting {
				st.Since = x.since.UTC()
			}
		}
	}
	now := s.cfg.Now()
	same := st == r.presence || st != nil && r.presence != nil && *st == *r.presence
	if same && (!refresh || now.Sub(r.published) < presenceRefresh) {
		return
	}
	r.presence, r.published = st, now
	s.presence.put(r.appointment, update{st, !same})
}
