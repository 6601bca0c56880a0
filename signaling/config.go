package signaling

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"

	"sportello/booking/token"
	"sportello/sfu"
	"sportello/signaling/protocol"
)

// Media is what the sessions need of the media server.
type Media interface {
	// Join adds a peer to a room, without media yet.
	Join(room, peer string, o sfu.Observer) (MediaPeer, error)
}

// MediaPeer is one person's media connection: *sfu.Peer.
type MediaPeer interface {
	Negotiate(ctx context.Context, o sfu.Offer) (answer string, err error)
	SetPublishing(s sfu.Source, on bool)
	SetInterpreter(on bool)
	SetQuality(slot int, q sfu.Quality) error
	OpenTransfer(id, to string, maxBytes int64) error
	CancelTransfer(id string)
	// Survey is how the media fares; false while there is no connection.
	Survey() (sfu.PeerSurvey, bool)
	// Report is the same slot by slot; empty while there is no connection.
	Report() sfu.Report
	Close()
}

// Tokens answers for booking secrets: *token.Store.
type Tokens interface {
	Lookup(ctx context.Context, secret string, now time.Time) (token.Grant, error)
	// Watch tells which grants are taken back; the zero Hash says that some may
	// have been unheard.
	Watch(ctx context.Context) <-chan token.Hash
	// Revoked says whether a grant was taken back.
	Revoked(ctx context.Context, h token.Hash) (bool, error)
}

// Relay gives browsers a way to the media where their network lets no UDP out.
type Relay interface {
	// Issue makes ICE servers with credentials for one socket. They open nothing
	// yet: hello comes before the gate.
	Issue() (id string, servers []protocol.ICEServer, err error)
	// Admit makes them good for a person until a time. It must not block.
	Admit(id, identity string, until time.Time)
}

// Config is what a Server is made of. Zero fields get the default in
// parentheses; Media and Tokens must be given.
type Config struct {
	Media  Media
	Tokens Tokens
	// Redis takes presence; nil leaves the consoles without.
	Redis redis.UniversalClient
	// PublicURL is where the pages are served; its host is an allowed origin.
	PublicURL string
	// AllowedOrigins are further origins: "host", "host:port" or "scheme://host".
	// The request's own host is always allowed.
	AllowedOrigins []string
	Limits         protocol.Limits
	ICEServers     []protocol.ICEServer // for everybody
	Relay          Relay                // for each socket, after ICEServers; nil: none
	VideoCodecs    []string             // that a browser should offer beside VP8, as sfu.Config has them
	Logger         *slog.Logger
	// ClientIP tells who connects, for the limit on connections per address
	// (the remote address; behind a proxy, say what the proxy says).
	ClientIP func(*http.Request) string
	Now      func() time.Time

	JoinTimeout  time.Duration // until the first message (10 s)
	TokenTimeout time.Duration // for asking after a secret (5 s)
	WriteTimeout time.Duration // for one frame (10 s)
	PingEvery    time.Duration // (15 s); a ping unanswered for as long ends the socket
	OfferTimeout time.Duration // for one SDP exchange (15 s)
	Seat         time.Duration // a seat without a socket is kept so long (60 s)
	Overtime     time.Duration // a call may outlast the grants so long (30 min)
	Tick         time.Duration // expiry, expected waits, presence, looks at connections (5 s)
	RevokedRetry time.Duration // until a failed question after live grants is asked again (5 s)

	MessagesPerSecond float64 // per socket, sustained (20)
	MessageBurst      int     // per socket (80)
	ConnectionsPerIP  int     // (64)
	Mailbox           int     // events (512)
	Outbox            int     // frames (512)
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (c Config) complete() (Config, error) {
	if c.Media == nil || c.Tokens == nil {
		return c, errors.New("signaling: Media and Tokens must be set")
	}
	c.Logger = or(c.Logger, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.ClientIP == nil {
		c.ClientIP = func(r *http.Request) string {
			host, _, err := net.SplitHostPort(r.RemoteAddr)
			if err != nil {
				return r.RemoteAddr
			}
			return host
		}
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" {
			return c, errors.New("signaling: PublicURL is no URL")
		}
		c.AllowedOrigins = append([]string{u.Host}, c.AllowedOrigins...)
	}
	l := &c.Limits
	l.FileBytes = or(l.FileBytes, 100<<20)
	l.ChatChars = min(or(l.ChatChars, protocol.MaxChatChars), protocol.MaxChatChars)
	l.MessageBytes = min(or(l.MessageBytes, protocol.MaxMessageBytes), protocol.MaxMessageBytes)
	l.Participants = or(l.Participants, 6)
	c.JoinTimeout = or(c.JoinTimeout, 10*time.Second)
	c.TokenTimeout = or(c.TokenTimeout, 5*time.Second)
	c.WriteTimeout = or(c.WriteTimeout, 10*time.Second)
	c.PingEvery = or(c.PingEvery, 15*time.Second)
	c.OfferTimeout = or(c.OfferTimeout, 15*time.Second)
	c.Seat = or(c.Seat, time.Minute)
	c.Overtime = or(c.Overtime, 30*time.Minute)
	c.Tick = or(c.Tick, 5*time.Second)
	c.RevokedRetry = or(c.RevokedRetry, 5*time.Second)
	c.MessagesPerSecond = or(c.MessagesPerSecond, 20)
	c.MessageBurst = or(c.MessageBurst, 80)
	c.ConnectionsPerIP = or(c.ConnectionsPerIP, 64)
	c.Mailbox = or(c.Mailbox, 512)
	c.Outbox = or(c.Outbox, 512)
	return c, nil
}
