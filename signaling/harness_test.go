package signaling_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sportello/booking/token"
	"sportello/internal/testenv"
	"sportello/sfu"
	"sportello/signaling"
	"sportello/signaling/protocol"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

const patience = 10 * time.Second

// tokens is a Tokens whose secrets are the names of their bearers.
type tokens struct {
	mu     sync.Mutex
	grants map[string]token.Grant
	err    map[string]error
	gone   chan token.Hash
	during func(secret string) // a look-up
}

// set makes err what is known of a secret.
func (f *tokens) set(secret string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err[secret] = err
}

func (f *tokens) Lookup(_ context.Context, secret string, now time.Time) (token.Grant, error) {
	if f.during != nil {
		f.during(secret)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.err[secret]; err != nil {
		return f.grants[secret], err
	}
	g, ok := f.grants[secret]
	switch {
	case !ok:
		return token.Grant{}, token.ErrUnknown
	case now.Before(g.NotBefore):
		return g, token.ErrTooEarly
	case now.After(g.NotAfter):
		return g, token.ErrTooLate
	}
	return g, nil
}

func (f *tokens) Watch(context.Context) <-chan token.Hash { return f.gone }

func (f *tokens) Revoked(_ context.Context, h token.Hash) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for secret, err := range f.err {
		if token.HashOf(secret) == h {
			if errors.Is(err, token.ErrCancelled) {
				return true, nil
			}
			return false, err
		}
	}
	return false, nil
}

// media is a Media with function fields; nil ones succeed.
type media struct {
	mu    sync.Mutex
	peers map[string]*peer

	join      func(room, peer string) error
	negotiate func(ctx context.Context, o sfu.Offer) (string, error)
	publish   func(p *peer, s sfu.Source, on bool)
	transfer  func(id, to string, maxBytes int64) error
	survey    func(name string) sfu.PeerSurvey
	report    func(name string) sfu.Report

	interpreter func(p *peer, on bool)
}

type peer struct {
	m         *media
	name      string
	observer  sfu.Observer
	closed    chan struct{}
	once      sync.Once
	cancelled chan string
}

func (f *media) Join(room, name string, o sfu.Observer) (signaling.MediaPeer, error) {
	if f.join != nil {
		if err := f.join(room, name); err != nil {
			return nil, err
		}
	}
	p := &peer{m: f, name: name, observer: o, closed: make(chan struct{}), cancelled: make(chan string, 16)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.peers[name] = p
	return p, nil
}

func (f *media) peer(t *testing.T, name string) *peer {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.peers[name]
	if p == nil {
		t.Fatalf("the media server has no peer %s", name)
	}
	return p
}

func (p *peer) Survey() (sfu.PeerSurvey, bool) {
	if p.m.survey == nil {
		return sfu.PeerSurvey{}, false
	}
	return p.m.survey(p.name), true
}

func (p *peer) Report() sfu.Report {
	if p.m.report == nil {
		return sfu.Report{}
	}
	return p.m.report(p.name)
}

func (p *peer) Negotiate(ctx context.Context, o sfu.Offer) (string, error) {
	if p.m.negotiate != nil {
		return p.m.negotiate(ctx, o)
	}
	return "answer to " + o.SDP, nil
}

func (p *peer) SetPublishing(s sfu.Source, on bool) {
	if p.m.publish != nil {
		p.m.publish(p, s, on)
	}
}

func (p *peer) SetInterpreter(on bool) {
	if p.m.interpreter != nil {
		p.m.interpreter(p, on)
	}
}

func (p *peer) SetQuality(slot int, _ sfu.Quality) error {
	if slot > 4 {
		return sfu.ErrUnknownSlot
	}
	return nil
}

func (p *peer) OpenTransfer(id, to string, maxBytes int64) error {
	if p.m.transfer != nil {
		return p.m.transfer(id, to, maxBytes)
	}
	return nil
}
func (p *peer) CancelTransfer(id string) { p.cancelled <- id }
func (p *peer) Close()                   { p.once.Do(func() { close(p.closed) }) }

// counter is a server under test.
type counter struct {
	t      *testing.T
	tokens *tokens
	media  *media
	server *signaling.Server
	http   *httptest.Server
	now    *clock
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func open(t *testing.T, change ...func(*signaling.Config)) *counter {
	t.Helper()
	k := &counter{
		t:      t,
		tokens: &tokens{grants: map[string]token.Grant{}, err: map[string]error{}, gone: make(chan token.Hash)},
		media:  &media{peers: map[string]*peer{}},
		now:    &clock{t: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)},
	}
	cfg := signaling.Config{
		Media: k.media, Tokens: k.tokens, Now: k.now.Now, Logger: slog.New(slog.DiscardHandler),
		PublicURL: "https://sportello.example", MessageBurst: 1000, Tick: 20 * time.Millisecond,
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if k.server, err = signaling.New(cfg); err != nil {
		t.Fatal(err)
	}
	k.http = httptest.NewServer(k.server)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := k.server.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		k.http.Close()
	})
	k.grant("anna", token.RoleHost, "1")
	k.grant("mario", token.RoleCitizen, "1")
	k.grant("luca", token.RoleGuest, "1")
	return k
}

// grant gives name a secret (their own name) for an appointment at 9 o'clock
// plus ten minutes for each further one.
func (k *counter) grant(name string, role token.Role, appointment string) {
	var n int
	if _, err := fmt.Sscan(appointment, &n); err != nil {
		k.t.Fatal(err)
	}
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(n-1) * 10 * time.Minute)
	id := fmt.Sprintf("00000000-0000-0000-0000-%012d", n)
	k.tokens.mu.Lock()
	defer k.tokens.mu.Unlock()
	k.tokens.grants[name] = token.Grant{
		Appointment: id, Room: "room-" + appointment, Identity: string(role) + ":" + name, Role: role,
		DisplayName: strings.ToUpper(name[:1]) + name[1:], Queue: "desk:1", Office: "Anagrafe", Service: "Carta d'identità",
		OfficeEN: "Registry", // the service has no English name
		StartsAt: start, EndsAt: start.Add(10 * time.Minute),
		NotBefore: start.Add(-time.Hour), NotAfter: start.Add(25 * time.Minute),
	}
}

// client is a browser.
type client struct {
	t      *testing.T
	ws     *websocket.Conn
	in     chan protocol.ServerMessage
	closed chan websocket.StatusCode
	slots  map[int]string // as assign messages said, wherever they were passed over
}

func (k *counter) dial(opts ...*websocket.DialOptions) *client {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), patience)
	defer cancel()
	o := &websocket.DialOptions{CompressionMode: websocket.CompressionNoContextTakeover}
	if len(opts) > 0 {
		o = opts[0]
	}
	ws, res, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(k.http.URL, "http"), o)
	if err != nil {
		k.t.Fatal(err)
	}
	if res.Body != nil {
		_ = res.Body.Close()
	}
	ws.SetReadLimit(-1)
	c := &client{t: k.t, ws: ws, in: make(chan protocol.ServerMessage, 4096), closed: make(chan websocket.StatusCode, 1), slots: map[int]string{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c.in)
		for {
			_, data, err := ws.Read(context.WithoutCancel(k.t.Context()))
			if err != nil {
				c.closed <- websocket.CloseStatus(err)
				return
			}
			m, err := protocol.DecodeServer(data)
			if err != nil {
				k.t.Errorf("the server sent %s: %v", data, err)
				return
			}
			c.in <- m
		}
	}()
	k.t.Cleanup(func() { _ = ws.CloseNow(); <-done })
	return c
}

func (c *client) send(m protocol.ClientMessage) {
	c.t.Helper()
	data, err := protocol.Encode(m)
	if err != nil {
		c.t.Fatal(err)
	}
	c.write(websocket.MessageText, data)
}

func (c *client) write(kind websocket.MessageType, data []byte) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := c.ws.Write(ctx, kind, data); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// wait gives the next message of type T, passing over others.
func wait[T protocol.ServerMessage](c *client) T {
	c.t.Helper()
	return until(c, func(T) bool { return true })
}

// until gives the next message of type T for which ok holds.
func until[T protocol.ServerMessage](c *client, ok func(T) bool) T {
	c.t.Helper()
	var zero T
	limit := time.NewTimer(patience)
	defer limit.Stop()
	var passed []string
	for {
		select {
		case m, open := <-c.in:
			if !open {
				c.t.Fatalf("the socket closed before %T came (after %v)", zero, passed)
			}
			if a, is := any(m).(protocol.Assign); is {
				c.slots[a.Slot] = a.Peer
			}
			if m, is := m.(T); is && ok(m) {
				return m
			}
			passed = append(passed, fmt.Sprintf("%.200s", fmt.Sprintf("%+v", m)))
		case <-limit.C:
			c.t.Fatalf("no %T came (but %v)", zero, passed)
		}
	}
}

// next gives the next message, whatever it is, as T.
func next[T protocol.ServerMessage](c *client) T {
	c.t.Helper()
	select {
	case m := <-c.in:
		if m, is := m.(T); is {
			return m
		}
		c.t.Fatalf("got %T %+v", m, m)
	case <-time.After(patience):
		c.t.Fatal("nothing came")
	}
	panic("not reached")
}

func (c *client) closeStatus() websocket.StatusCode {
	c.t.Helper()
	select {
	case s := <-c.closed:
		return s
	case <-time.After(patience):
		c.t.Fatal("the socket did not close")
		return 0
	}
}

func (k *counter) join(name string) *client {
	k.t.Helper()
	c := k.dial()
	wait[protocol.Hello](c)
	c.send(protocol.Join{Version: protocol.Version, Token: name, Language: "it", Device: protocol.DeviceCheck{Camera: "ok", Microphone: "denied"}})
	return c
}

func (k *counter) resume(secret string, seen int64) *client {
	k.t.Helper()
	c := k.dial()
	wait[protocol.Hello](c)
	c.send(protocol.Join{Version: protocol.Version, Resume: secret, Seen: seen})
	return c
}

// host is a clerk in the room, and what they were told.
func (k *counter) host() (*client, protocol.Joined) {
	k.t.Helper()
	c := k.join("anna")
	return c, wait[protocol.Joined](c)
}

// call is a clerk and a citizen in the room.
func (k *counter) call() (anna, mario *client, a, m protocol.Joined) {
	k.t.Helper()
	anna, a = k.host()
	mario = k.join("mario")
	wait[protocol.Waiting](mario)
	l := until(anna, func(l protocol.Lobby) bool { return len(l.Waiting) == 1 })
	anna.send(protocol.Admit{Session: l.Waiting[0].Session})
	m = wait[protocol.Joined](mario)
	wait[protocol.Participant](anna)
	return anna, mario, a, m
}

// expectError waits for an error of a code.
func (c *client) expectError(code protocol.Code, fatal bool) protocol.Error {
	c.t.Helper()
	e := wait[protocol.Error](c)
	if e.Code != code || e.Fatal != fatal {
		c.t.Fatalf("error %s (fatal %v), want %s (fatal %v)", e.Code, e.Fatal, code, fatal)
	}
	if e.Message == "" {
		c.t.Errorf("error %s has no text", code)
	}
	if fatal {
		if s := c.closeStatus(); int(s) != code.CloseStatus() {
			c.t.Errorf("%s closes with %d, want %d", code, s, code.CloseStatus())
		}
	}
	return e
}

var errAway = errors.New("away")
