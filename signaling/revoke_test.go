package signaling_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sportello/booking/token"
	"sportello/internal/testenv"
	"sportello/signaling"
	"sportello/signaling/protocol"
)

// register is the truth about grants, in PostgreSQL's place.
type register struct {
	mu     sync.Mutex
	grants map[token.Hash]token.Grant
	gone   map[token.Hash]bool
}

func (r *register) GrantByHash(_ context.Context, h token.Hash) (token.Grant, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g, ok := r.grants[h]
	switch {
	case !ok:
		return g, token.ErrUnknown
	case r.gone[h]:
		return g, token.ErrCancelled
	}
	return g, nil
}

// office is a counter whose secrets are in a token store of its own.
type office struct {
	*counter
	store    *token.Store
	register *register
	secrets  map[string]string
}

func openOffice(t *testing.T, rdb *redis.Client) *office {
	t.Helper()
	o := &office{
		store: token.NewStore(rdb), secrets: map[string]string{},
		register: &register{grants: map[token.Hash]token.Grant{}, gone: map[token.Hash]bool{}},
	}
	o.store.SetSource(o.register)
	o.counter = open(t, func(c *signaling.Config) { c.Tokens, c.Redis = o.store, rdb })
	o.grant("rosa", token.RoleHost, "2")
	o.grant("ugo", token.RoleCitizen, "2")
	for name, g := range o.tokens.grants {
		o.secrets[name] = token.NewSecret()
		o.register.grants[token.HashOf(o.secrets[name])] = g
	}
	return o
}

func (o *office) join(name string) *client {
	o.t.Helper()
	return o.counter.join(o.secrets[name])
}

// enter brings name into the room where host is.
func (o *office) enter(name string, host *client) (*client, protocol.Joined) {
	o.t.Helper()
	c := o.join(name)
	w := wait[protocol.Waiting](c)
	host.send(protocol.Admit{Session: w.Session})
	j := wait[protocol.Joined](c)
	until(host, func(p protocol.Participant) bool { return p.Peer == j.Peer })
	return c, j
}

// cancel takes the grants of people back where the truth is.
func (o *office) cancel(names ...string) {
	o.register.mu.Lock()
	defer o.register.mu.Unlock()
	for _, name := range names {
		o.register.gone[token.HashOf(o.secrets[name])] = true
	}
}

// revoke takes them back and tells the store.
func (o *office) revoke(names ...string) {
	o.t.Helper()
	o.cancel(names...)
	for _, name := range names {
		if err := o.store.Delete(o.t.Context(), token.HashOf(o.secrets[name])); err != nil {
			o.t.Fatal(err)
		}
	}
}

func (c *client) expectCancelled() {
	c.t.Helper()
	if e := wait[protocol.Ended](c); e.Reason != protocol.EndCancelled {
		c.t.Errorf("ended %+v", e)
	}
	c.closeStatus()
}

// chats says something and hears it come back: the session goes on.
func (c *client) chats(id string) {
	c.t.Helper()
	c.send(protocol.Chat{ID: id, Text: "ancora qui"})
	until(c, func(l protocol.ChatLine) bool { return l.ID == id })
}

// subscribed waits until the server listens for revocations.
func subscribed(t *testing.T, rdb *redis.Client) {
	t.Helper()
	for limit := time.Now().Add(patience); ; {
		n, err := rdb.PubSubNumSub(t.Context(), "token-revoked").Result()
		if err == nil && n["token-revoked"] == 1 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("nobody listens: %v, %v", n, err)
		}
	}
}

func TestRevokedInTheLobby(t *testing.T) {
	rdb := testenv.Redis(t)
	o := openOffice(t, rdb)
	subscribed(t, rdb)
	anna := o.join("anna")
	wait[protocol.Joined](anna)
	luca := o.join("luca")
	wait[protocol.Waiting](luca)
	until(anna, func(l protocol.Lobby) bool { return len(l.Waiting) == 1 })
	o.revoke("luca")
	luca.expectCancelled()
	until(anna, func(l protocol.Lobby) bool { return len(l.Waiting) == 0 })
	o.join("luca").expectError(protocol.CodeCancelled, true)
	anna.chats("1")
}

func TestRevokedInTheRoom(t *testing.T) {
	rdb := testenv.Redis(t)
	o := openOffice(t, rdb)
	subscribed(t, rdb)
	anna := o.join("anna")
	wait[protocol.Joined](anna)
	mario, _ := o.enter("mario", anna)
	luca, j := o.enter("luca", anna)
	peer := o.media.peer(t, j.Peer)
	o.revoke("luca")
	luca.expectCancelled()
	for _, c := range []*client{anna, mario} {
		until(c, func(l protocol.Left) bool { return l.Peer == j.Peer })
	}
	select {
	case <-peer.closed:
	case <-time.After(patience):
		t.Error("the media go on")
	}
	// Who was away when it happened hears it on coming back.
	back := o.resume(j.Resume, 0)
	back.expectCancelled()
	mario.chats("1")
}

func TestCancelledAppointmentEndsItsRoomAlone(t *testing.T) {
	rdb := testenv.Redis(t)
	o := openOffice(t, rdb)
	subscribed(t, rdb)
	anna, rosa := o.join("anna"), o.join("rosa")
	wait[protocol.Joined](anna)
	wait[protocol.Joined](rosa)
	mario, _ := o.enter("mario", anna)
	ugo, _ := o.enter("ugo", rosa)
	o.revoke("mario", "luca", "anna")
	mario.expectCancelled()
	anna.expectCancelled()
	ugo.chats("1")
	rosa.chats("2")
	if st := o.server.Stats(); st.Rooms != 1 || st.InRoom != 2 {
		t.Errorf("%+v", st)
	}
}

// TestRevokedWhileRedisWasAway: nobody tells what was cancelled meanwhile, so
// it is asked after when Redis is back, and told again from then on.
func TestRevokedWhileRedisWasAway(t *testing.T) {
	dir := t.TempDir()
	server := testenv.RedisServer(t, dir)
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.ContextTimeoutEnabled = true
	rdb := redis.NewClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	o := openOffice(t, rdb)
	subscribed(t, rdb)
	anna := o.join("anna")
	wait[protocol.Joined](anna)
	mario, _ := o.enter("mario", anna)
	luca, _ := o.enter("luca", anna)
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	o.cancel("luca")
	if err := o.store.Delete(t.Context(), token.HashOf(o.secrets["luca"])); err == nil {
		t.Fatal("Redis is not away")
	}
	luca.chats("1")
	testenv.RedisServer(t, dir)
	luca.expectCancelled()
	mario.chats("2")
	o.revoke("mario")
	mario.expectCancelled()
	anna.chats("3")
}

// TestRevokedDuringTheJoin: the grant is taken back between the look at it
// and the seat.
func TestRevokedDuringTheJoin(t *testing.T) {
	k := open(t)
	k.tokens.during = func(secret string) {
		if secret == "luca" {
			k.tokens.gone <- token.HashOf("luca")
			k.tokens.gone <- token.HashOf("another") // taken up when the first is done
		}
	}
	k.join("luca").expectError(protocol.CodeCancelled, true)
	wait[protocol.Waiting](k.join("mario"))
}

// TestRevokedAskedAgain: PostgreSQL was away when the grants were asked after.
func TestRevokedAskedAgain(t *testing.T) {
	k := open(t, func(c *signaling.Config) { c.RevokedRetry = 10 * time.Millisecond })
	luca := k.join("luca")
	wait[protocol.Waiting](luca)
	k.tokens.set("luca", errAway)
	k.tokens.gone <- token.Hash{}
	k.tokens.gone <- token.HashOf("another")
	k.tokens.set("luca", token.ErrCancelled)
	luca.expectCancelled()
}
