package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/alexedwards/scs/pgxstore"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"sportello/booking"
	"sportello/booking/notify"
	"sportello/booking/token"
	"sportello/sfu"
	"sportello/signaling"
	"sportello/signaling/protocol"
	"sportello/web"
	"sportello/web/tally"
)

// stores are the connections to the counter's state.
type stores struct {
	pool  *pgxpool.Pool
	redis *redis.Client
}

func openStores(ctx context.Context, s settings, log *slog.Logger) (stores, error) {
	var st stores
	var err error
	if st.pool, err = connectPostgres(ctx, s.DatabaseURL, s.StartWait, log); err != nil {
		return stores{}, err
	}
	if st.redis, err = connectRedis(ctx, s.RedisURL, s.StartWait, log); err != nil {
		st.pool.Close()
		return stores{}, err
	}
	return st, nil
}

func (st stores) close() {
	_ = st.redis.Close()
	st.pool.Close()
}

func newAgenda(s settings, st stores, q *notify.Queue, log *slog.Logger) (*booking.Agenda, *token.Store) {
	tokens := token.NewStore(st.redis)
	agenda := booking.New(st.pool, tokens, booking.Options{
		Pepper:        s.key("codes"),
		HoldFor:       s.Hold,
		RetentionDays: s.RetentionDays,
		AuditDays:     s.AuditDays,
		JoinBefore:    s.JoinBefore,
		JoinAfter:     s.JoinAfter,
		Notifier:      q,
		Now:           s.now,
		Logger:        log.With("part", "booking"),
	})
	tokens.SetSource(agenda)
	return agenda, tokens
}

// app is the wired counter.
type app struct {
	agenda *booking.Agenda
	media  *sfu.SFU
	relay  *turn // nil where it is off
	rooms  *signaling.Server
	pages  *web.Server
	post   *notify.Postman // nil where nothing can be sent

	stopWork context.CancelFunc
	work     sync.WaitGroup
}

// newApp wires the parts over migrated stores. close takes them apart again,
// but for the stores.
func newApp(ctx context.Context, s settings, st stores, tlsConfig *tls.Config, out outlets, log *slog.Logger) (*app, error) {
	queue, err := newQueue(s, out)
	if err != nil {
		return nil, err
	}
	agenda, tokens := newAgenda(s, st, queue, log)
	a := &app{agenda: agenda}
	if a.media, err = openMedia(s, log); err != nil { //nolint:contextcheck // the port outlives the start, and opening it waits for nothing
		agenda.Close()
		return nil, err
	}
	if a.relay, err = openRelay(s, a.media, tlsConfig, log); err != nil { //nolint:contextcheck // as above
		agenda.Close()
		return nil, errors.Join(err, a.media.Close())
	}
	var way signaling.Relay // a nil *turn must not become one
	if a.relay != nil {
		way = a.relay
	}
	a.rooms, err = signaling.New(signaling.Config{
		Relay:     way,
		Media:     media{a.media},
		Tokens:    tokens,
		Redis:     st.redis,
		PublicURL: s.PublicURL,
		ClientIP:  web.PeerAddress,
		Now:       s.now,
		Limits:    protocol.Limits{FileBytes: s.FileLimit, Participants: s.RoomLimit},

		VideoCodecs: slices.DeleteFunc(slices.Clone(s.VideoCodecs), func(c string) bool { return c == "vp8" }),

		Logger: log.With("part", "signaling"),
	})
	if err != nil {
		agenda.Close()
		return nil, errors.Join(fmt.Errorf("signalling: %w", err), a.closeMedia())
	}
	pages := web.Config{
		Agenda:     agenda,
		Secret:     s.key("cookies"),
		PublicURL:  s.PublicURL,
		JoinBefore: s.JoinBefore,
		HoldRate:   s.HoldRate,
		Shared:     tally.New(st.redis),
		Proxies:    s.Proxies,
		Channels:   out.channels(),
		Now:        s.now,
		Logger:     log.With("part", "web"),
		Staff: web.StaffConfig{
			Sessions: pgxstore.NewWithCleanupInterval(st.pool, 0), // swept by sweepSessions
			Presence: presence{signaling.NewPresence(st.redis)},
		},
	}
	if out.box != nil {
		pages.Mailbox = out.box
	}
	if a.pages, err = web.New(pages); err != nil {
		err = fmt.Errorf("pages: %w", err)
	} else {
		err = a.startPost(ctx, s, st, queue, out, log)
	}
	if err != nil {
		err = errors.Join(err, a.rooms.Close(ctx), a.closeMedia())
		agenda.Close()
		return nil, err
	}
	if err := agenda.RollForward(ctx); err != nil && ctx.Err() == nil {
		log.ErrorContext(ctx, "the agenda's days are not made yet", "error", err) // the upkeep tries again
	}
	// The upkeep ends with close, not with the signal that begins the drain.
	workCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stopWork = stop
	a.work.Go(func() {
		if err := agenda.Run(workCtx); err != nil && !errors.Is(err, context.Canceled) {
			log.ErrorContext(workCtx, "the agenda's upkeep ended", "error", err)
		}
	})
	a.work.Go(func() { sweepSessions(workCtx, st.pool, log) })
	return a, nil
}

// close ends calls, streams and upkeep; ctx bounds how long calls may take to
// hear of it.
func (a *app) close(ctx context.Context) error {
	err := a.rooms.Close(ctx)
	if mediaErr := a.closeMedia(); mediaErr != nil {
		err = errors.Join(err, mediaErr)
	}
	if a.post != nil {
		err = errors.Join(err, a.post.Stop(ctx))
	}
	a.stopWork()
	a.work.Wait()
	a.agenda.Close()
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

func (a *app) closeMedia() error {
	var err error
	if a.relay != nil {
		err = a.relay.Close()
	}
	return errors.Join(err, a.media.Close())
}

func openMedia(s settings, log *slog.Logger) (*sfu.SFU, error) {
	tcp, err := s.mediaTCPPort()
	if err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	m, err := sfu.New(sfu.Config{
		UDPPort:          s.MediaPort,
		TCPPort:          tcp,
		Loops:            s.mediaLoops(),
		Announce:         s.MediaAddresses,
		Codecs:           s.VideoCodecs,
		MaxPeers:         s.RoomLimit,
		MaxTransferBytes: s.FileLimit,
		Logger:           log.With("part", "sfu"),
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("a media port (UDP %s, TCP %d) is taken: choose others with SPORTELLO_MEDIA_PORT and SPORTELLO_MEDIA_TCP_PORT: %w", s.mediaPorts(), tcp, err)
	}
	if err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	return m, nil
}

// media lets signalling's sessions join the SFU.
type media struct{ sfu *sfu.SFU }

// Join implements signaling.Media.
func (m media) Join(room, peer string, o sfu.Observer) (signaling.MediaPeer, error) {
	p, err := m.sfu.Join(room, peer, o)
	if err != nil {
		return nil, err // a nil *sfu.Peer must not become a MediaPeer
	}
	return p, nil
}

// presence shows the consoles who waits, as signalling keeps it in Redis.
type presence struct{ from *signaling.Presence }

// Get implements web.Presence.
func (p presence) Get(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]web.PresenceState, error) {
	states, err := p.from.Get(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[uuid.UUID]web.PresenceState, len(states))
	for id, st := range states {
		out[id] = web.PresenceState{
			Waiting: st.Waiting, Since: st.Since, Away: st.Away, InRoom: st.InRoom, HostPresent: st.HostPresent,
		}
	}
	return out, nil
}

// Watch implements web.Presence.
func (p presence) Watch(ctx context.Context) (<-chan uuid.UUID, error) { return p.from.Watch(ctx) }

// migrate brings the schema up to date, within a time that even a big
// database's migration needs.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := booking.Migrate(ctx, pool); err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	return nil
}
