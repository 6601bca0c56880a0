package signaling_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"sportello/signaling"
	"sportello/signaling/protocol"
)

// relay remembers whom it was told to let in.
type relay struct {
	mu       sync.Mutex
	issued   int
	broken   bool
	admitted map[string]string
	until    time.Time
}

func (r *relay) Issue() (string, []protocol.ICEServer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		return "", nil, errors.New("broken")
	}
	r.issued++
	id := fmt.Sprint("id", r.issued)
	return id, []protocol.ICEServer{{URLs: []string{"turn:192.0.2.1:3478"}, Username: id, Credential: "secret of " + id}}, nil
}

func (r *relay) Admit(id, identity string, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admitted[id], r.until = identity, until
}

func (r *relay) state() (map[string]string, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.admitted), r.until
}

func TestRelayIsForThoseWithAGrant(t *testing.T) {
	r := &relay{admitted: map[string]string{}}
	k := open(t, func(c *signaling.Config) {
		c.Relay = r
		c.ICEServers = []protocol.ICEServer{{URLs: []string{"stun:192.0.2.1"}}}
	})
	stranger := k.dial()
	h := next[protocol.Hello](stranger)
	if len(h.ICEServers) != 2 || h.ICEServers[1].Username != "id1" || h.ICEServers[1].Credential != "secret of id1" {
		t.Fatalf("%+v", h)
	}
	stranger.send(protocol.Join{Version: protocol.Version, Token: "nobody", Language: "it"})
	stranger.expectError(protocol.CodeTokenUnknown, true)
	if got, _ := r.state(); len(got) != 0 {
		t.Errorf("a stranger was let in: %v", got)
	}
	_, joined := k.host()
	if got, until := r.state(); len(got) != 1 || got["id2"] != "room-1 host:anna" || until.Sub(k.now.Now()) > 2*time.Hour || !until.After(k.now.Now()) {
		t.Errorf("%v until %v", got, until)
	}
	// A socket that resumes has credentials of its own, for the same person.
	back := k.resume(joined.Resume, 0)
	wait[protocol.Joined](back)
	if got, _ := r.state(); len(got) != 2 || got["id3"] != "room-1 host:anna" {
		t.Errorf("%v", got)
	}
	// In the lobby one is admitted too: the room follows at once.
	wait[protocol.Waiting](k.join("mario"))
	if got, _ := r.state(); got["id4"] != "room-1 citizen:mario" {
		t.Errorf("%v", got)
	}
}

func TestBrokenRelayKeepsNobodyOut(t *testing.T) {
	k := open(t, func(c *signaling.Config) { c.Relay = &relay{broken: true} })
	c := k.dial()
	if h := next[protocol.Hello](c); len(h.ICEServers) != 0 {
		t.Errorf("%+v", h)
	}
	c.send(protocol.Join{Version: protocol.Version, Token: "anna", Language: "it"})
	wait[protocol.Joined](c)
}
