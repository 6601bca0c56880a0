package signaling_test

import (
	"bufio"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"sportello/internal/testenv"
	"sportello/signaling"
	"sportello/signaling/protocol"
)

// appointment is the id of the first appointment.
func appointment() uuid.UUID { return uuid.MustParse("00000000-0000-0000-0000-000000000001") }

// see waits until the presence of the first appointment is as it should be.
func see(t *testing.T, p *signaling.Presence, changes <-chan uuid.UUID, ok func(s signaling.PresenceState, known bool) bool) signaling.PresenceState {
	t.Helper()
	limit := time.After(patience)
	var s signaling.PresenceState
	for {
		states, err := p.Get(t.Context(), []uuid.UUID{appointment(), uuid.New()})
		if err != nil {
			t.Fatal(err)
		}
		var known bool
		if s, known = states[appointment()]; ok(s, known) {
			return s
		}
		select {
		case <-changes:
		case <-limit:
			t.Fatalf("presence is %+v", s)
		}
	}
}

func TestPresence(t *testing.T) {
	rdb := testenv.Redis(t)
	p := signaling.NewPresence(rdb)
	ctx, cancel := context.WithCancel(t.Context())
	changes, err := p.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	k := open(t, func(c *signaling.Config) { c.Redis = rdb })
	mario := k.join("mario")
	w := wait[protocol.Waiting](mario)
	s := see(t, p, changes, func(s signaling.PresenceState, _ bool) bool { return s.Waiting })
	if s.InRoom || s.HostPresent || s.Away || !s.Since.Equal(k.now.Now()) {
		t.Errorf("presence %+v", s)
	}
	if ttl := rdb.TTL(ctx, "presence:"+appointment().String()).Val(); ttl <= 0 || ttl > time.Minute {
		t.Errorf("expires in %v", ttl)
	}
	mario.send(protocol.Away{Away: true})
	see(t, p, changes, func(s signaling.PresenceState, _ bool) bool { return s.Away })
	anna, _ := k.host()
	see(t, p, changes, func(s signaling.PresenceState, _ bool) bool { return s.HostPresent })
	anna.send(protocol.Admit{Session: w.Session})
	see(t, p, changes, func(s signaling.PresenceState, _ bool) bool { return s.InRoom && !s.Waiting })
	anna.send(protocol.End{})
	see(t, p, changes, func(_ signaling.PresenceState, known bool) bool { return !known })
	cancel()
	for range changes { // closes with its context
	}
}

// TestRedisDiesDuringACall kills a Redis of its own under a running call.
func TestRedisDiesDuringACall(t *testing.T) {
	dir := t.TempDir()
	sock := filepath.Join(dir, "r.sock")
	start := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "redis-server", "--port", "0", "--unixsocket", sock, "--save", "", "--dir", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(strings.ToLower(lines.Text()), "ready to accept connections") {
				return cmd
			}
		}
		t.Fatal("Redis did not come up")
		return nil
	}
	redisServer := start()
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: sock, MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	k := open(t, func(c *signaling.Config) { c.Redis = rdb })
	anna, mario, _, m := k.call()
	if err := redisServer.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = redisServer.Wait()

	mario.send(protocol.Chat{ID: "1", Text: "ancora qui"})
	wait[protocol.ChatLine](anna)
	_ = mario.ws.CloseNow()
	until(anna, func(p protocol.Participant) bool { return p.State == protocol.StateReconnecting })
	back := k.resume(m.Resume, 0)
	if j := next[protocol.Joined](back); !j.Resumed {
		t.Errorf("joined %+v", j)
	}
	back.send(protocol.Offer{SDP: "again"})
	wait[protocol.Answer](back)

	// It comes back empty, and the consoles see the call again by themselves.
	redisServer = start()
	t.Cleanup(func() { _ = redisServer.Process.Kill(); _ = redisServer.Wait() })
	anna.send(protocol.Remove{Peer: m.Peer})
	wait[protocol.Ended](back)
	p := signaling.NewPresence(rdb)
	changes, err := p.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	see(t, p, changes, func(s signaling.PresenceState, known bool) bool { return known && s.HostPresent && !s.InRoom })
}
