package signaling

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sportello/signaling/protocol"
)

const (
	// joinsChannel tells every process where somebody took a seat.
	joinsChannel = "joins"
	// movesAgain is how long a room is not given up again: a proxy that leads two
	// people to two processes must not send them to and fro.
	movesAgain = 30 * time.Second
	// hearsItself is within what a process hears what it tells itself.
	hearsItself = 2 * time.Second
)

// A room lives in one process, to which the proxy leads everybody. While that is
// away, or seems to be, it leads to another one; afterwards to the first again,
// where who comes would wait for somebody who sits at the other. So each seat that
// is taken is told over Redis, and who has the same room elsewhere leaves it: their
// pages join anew, as at a stop, where the proxy leads now. Redis tells all in one
// order: whoever is told of last has the room. So what is heard of others counts for
// nothing while one's own news of the room is still to come.

// tellJoin tells the other processes that a room's people come here. s.mu is held.
func (s *Server) tellJoin(r *room) {
	if s.cfg.Redis == nil {
		return
	}
	r.told = append(stillToCome(r.told, s.cfg.Now()), s.cfg.Now())
	room := r.id
	s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, presenceTimeout)
		defer cancel()
		if err := s.cfg.Redis.Publish(ctx, joinsChannel, s.node+" "+room).Err(); err != nil && s.ctx.Err() == nil {
			s.cfg.Logger.WarnContext(ctx, "others do not hear who joined: Redis is away", "err", err)
		}
	})
}

// heedJoins hears where rooms are joined, until ctx ends. What is told while Redis
// is away is not heard; the next to join is.
func (s *Server) heedJoins(ctx context.Context) {
	sub := s.cfg.Redis.Subscribe(ctx, joinsChannel)
	defer func() { _ = sub.Close() }()
	heard := sub.Channel(redis.WithChannelSize(1024))
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-heard:
			if !ok {
				return
			}
			node, room, _ := strings.Cut(m.Payload, " ")
			if node == s.node {
				s.heardItself(room)
			} else {
				s.giveUp(room)
			}
		}
	}
}

// heardItself takes the oldest of a room's news that are on their way as arrived.
func (s *Server) heardItself(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[id]; r != nil && len(r.told) > 0 {
		r.told = r.told[1:]
	}
}

// stillToCome leaves out news that got lost with Redis.
func stillToCome(told []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(told, func(at time.Time) bool { return now.Sub(at) > hearsItself })
}

// giveUp ends what this process has of a room that is joined elsewhere.
func (s *Server) giveUp(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[id]
	now := s.cfg.Now()
	if r == nil || len(r.seats) == 0 {
		return
	}
	if r.told = stillToCome(r.told, now); len(r.told) > 0 {
		return
	}
	if last, ok := s.moved[id]; ok && now.Sub(last) < movesAgain {
		s.cfg.Logger.Warn("the people of a room come to two processes: the proxy must lead /ws to one", "room", id)
		return
	}
	s.moved[id], r.elsewhere = now, true
	s.cfg.Logger.Info("a room goes on in another process", "room", id)
	for _, x := range append([]*session{}, r.seats...) {
		s.end(x, protocol.Ended{Reason: protocol.EndShutdown})
	}
}

// forgetMoves lets go of those that say nothing any more.
func (s *Server) forgetMoves(now time.Time) {
	for id, at := range s.moved {
		if now.Sub(at) > movesAgain {
			delete(s.moved, id)
		}
	}
}
