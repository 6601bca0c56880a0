package signaling_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"sportello/booking/token"
	"sportello/internal/testenv"
	"sportello/signaling"
	"sportello/signaling/protocol"
)

// TestARoomFollowsItsPeople: who sits in a room of one process is sent on when
// somebody joins it in another one, and nobody is sent to and fro.
func TestARoomFollowsItsPeople(t *testing.T) {
	t.Parallel()
	rdb := testenv.Redis(t)
	a := open(t, func(c *signaling.Config) { c.Redis = rdb })
	b := open(t, func(c *signaling.Config) { c.Redis, c.Tokens = rdb, a.tokens })
	a.grant("rosa", token.RoleHost, "2")
	told := rdb.Subscribe(t.Context(), "joins").Channel()
	for limit := time.Now().Add(patience); ; {
		n, err := rdb.PubSubNumSub(t.Context(), "joins").Result()
		if err == nil && n["joins"] == 3 {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("they do not listen: %v, %v", n, err)
		}
	}
	p := signaling.NewPresence(rdb)
	changes, err := p.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sentOn := func(c *client) {
		t.Helper()
		if e := wait[protocol.Ended](c); e.Reason != protocol.EndShutdown {
			t.Errorf("ended %+v", e)
		}
	}

	anna, rosa := b.join("anna"), b.join("rosa")
	wait[protocol.Joined](anna)
	wait[protocol.Joined](rosa)
	for range 2 {
		<-told // else what is told of them could come after what is told of who follows
	}
	mario := a.join("mario") // the first process is back
	wait[protocol.Waiting](mario)
	sentOn(anna)
	anna = a.join("anna")
	if j := wait[protocol.Joined](anna); len(j.Lobby) != 1 {
		t.Errorf("in the lobby %+v", j.Lobby)
	}
	rosa.chats("1") // her room is joined nowhere else
	// What the consoles show is the room's of now, not that it was given up.
	see(t, p, changes, func(s signaling.PresenceState, _ bool) bool { return s.Waiting && s.HostPresent })
	if s, err := p.Get(t.Context(), []uuid.UUID{appointment()}); err != nil || !s[appointment()].HostPresent {
		t.Errorf("presence %+v, %v", s, err)
	}

	// A proxy that keeps the two apart: each side moves once, and is left alone.
	anna = b.join("anna")
	wait[protocol.Joined](anna)
	sentOn(mario)
	mario = a.join("mario")
	wait[protocol.Waiting](mario)
	anna.chats("2")
}
