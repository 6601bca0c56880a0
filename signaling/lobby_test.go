package signaling_test

import (
	"testing"
	"time"

	"github.com/coder/websocket"

	"sportello/booking/token"
	"sportello/signaling"
	"sportello/signaling/protocol"
)

func TestLobbyAdmit(t *testing.T) {
	k := open(t)
	mario := k.join("mario")
	w := next[protocol.Waiting](mario)
	if w.Position != 1 || w.HostPresent || w.Name != "Mario" || w.Role != protocol.RoleCitizen || w.Resume == "" || w.Room.Office != "Anagrafe" {
		t.Errorf("waiting %+v", w)
	}
	// Nothing of the room is open to who waits.
	mario.send(protocol.Chat{ID: "1", Text: "ciao"})
	mario.expectError(protocol.CodeNotInRoom, false)
	mario.send(protocol.Offer{SDP: "v=0"})
	mario.expectError(protocol.CodeNotInRoom, false)
	mario.send(protocol.Admit{Session: w.Session})
	mario.expectError(protocol.CodeForbidden, false)

	anna, joined := k.host()
	if len(joined.Lobby) != 1 || joined.Lobby[0].Session != w.Session || !joined.Lobby[0].Online ||
		joined.Lobby[0].Device != (protocol.DeviceCheck{Camera: "ok", Microphone: "denied"}) || !joined.Lobby[0].Since.Equal(k.now.Now()) {
		t.Fatalf("the host sees %+v", joined.Lobby)
	}
	if w = wait[protocol.Waiting](mario); !w.HostPresent {
		t.Error("the citizen does not see that the clerk is there")
	}
	mario.send(protocol.Away{Away: true})
	until(anna, func(l protocol.Lobby) bool { return len(l.Waiting) == 1 && l.Waiting[0].Away })
	mario.send(protocol.Away{Away: false})
	until(anna, func(l protocol.Lobby) bool { return len(l.Waiting) == 1 && !l.Waiting[0].Away })

	anna.send(protocol.LobbyMessage{Session: w.Session, Text: "Ancora un minuto."})
	if n := wait[protocol.LobbyNotice](mario); n.From != "Anna" || n.Text != "Ancora un minuto." {
		t.Errorf("notice %+v", n)
	}
	anna.send(protocol.Admit{Session: w.Session})
	j := wait[protocol.Joined](mario)
	if j.Peer != w.Session || len(j.Participants) != 1 || j.Participants[0].Peer != joined.Peer || len(j.Lobby) != 0 {
		t.Errorf("joined %+v", j)
	}
	until(anna, func(l protocol.Lobby) bool { return len(l.Waiting) == 0 })
	if p := wait[protocol.Participant](anna); p.Peer != j.Peer || p.State != protocol.StateConnected {
		t.Errorf("participant %+v", p)
	}
	anna.send(protocol.Admit{Session: w.Session})
	anna.expectError(protocol.CodeUnknownPeer, false)
}

func TestRefuse(t *testing.T) {
	k := open(t)
	anna, _ := k.host()
	mario := k.join("mario")
	w := wait[protocol.Waiting](mario)
	anna.send(protocol.Refuse{Session: w.Session, Text: "La chiamiamo domani."})
	if e := wait[protocol.Ended](mario); e.Reason != protocol.EndRefused || e.Text != "La chiamiamo domani." {
		t.Errorf("ended %+v", e)
	}
	if s := mario.closeStatus(); s != websocket.StatusNormalClosure {
		t.Errorf("closed with %d", s)
	}
}

func TestQueueOfACounter(t *testing.T) {
	k := open(t)
	k.grant("second", token.RoleCitizen, "2")
	k.grant("third", token.RoleCitizen, "3")
	k.grant("helper", token.RoleGuest, "2")
	third := k.join("third")
	// Alone in line, 20 minutes before the time.
	if w := next[protocol.Waiting](third); w.Position != 1 || w.ExpectedWait != 20*60 {
		t.Errorf("alone: %+v", w)
	}
	second := k.join("second")
	if w := next[protocol.Waiting](second); w.Position != 1 {
		t.Errorf("the second appointment: %+v", w)
	}
	until(third, func(w protocol.Waiting) bool { return w.Position == 2 })
	// A guest of the second appointment takes no place of their own.
	if w := next[protocol.Waiting](k.join("helper")); w.Position != 1 {
		t.Errorf("the guest: %+v", w)
	}
	// The first appointment is being served and overruns into the second.
	k.now.advance(12 * time.Minute) // 9:12, the first ended at 9:10
	k.call()
	w := until(third, func(w protocol.Waiting) bool { return w.ExpectedWait == 10*60 })
	if w.Position != 2 {
		t.Errorf("during the call: %+v", w)
	}
}

func TestHostOnlyRequests(t *testing.T) {
	k := open(t)
	_, mario, a, m := k.call()
	for _, msg := range []protocol.ClientMessage{
		protocol.Admit{Session: "x"},
		protocol.Refuse{Session: "x"},
		protocol.LobbyMessage{Session: "x", Text: "y"},
		protocol.Remove{Peer: a.Peer},
		protocol.Remove{Peer: m.Peer},
		protocol.End{},
	} {
		mario.send(msg)
		if e := mario.expectError(protocol.CodeForbidden, false); e.Ref != protocol.TypeOf(msg) {
			t.Errorf("%T: ref %q", msg, e.Ref)
		}
	}
}

func TestRoomFull(t *testing.T) {
	k := open(t, func(c *signaling.Config) { c.Limits.Participants = 2 })
	anna, _, _, _ := k.call()
	luca := k.join("luca")
	w := wait[protocol.Waiting](luca)
	anna.send(protocol.Admit{Session: w.Session})
	anna.expectError(protocol.CodeRoomFull, false)
	k.grant("capo", token.RoleHost, "1")
	k.join("capo").expectError(protocol.CodeRoomFull, true)
	// A reload takes over the seat it had, and needs no further one.
	wait[protocol.Joined](k.join("mario"))
}

func TestExpiry(t *testing.T) {
	k := open(t)
	_, mario, _, _ := k.call()
	luca := k.join("luca")
	wait[protocol.Waiting](luca)
	k.grant("other", token.RoleCitizen, "2")
	other := k.join("other")
	wait[protocol.Waiting](other)

	k.now.advance(26 * time.Minute) // past the first window
	k.join("mario").expectError(protocol.CodeTooLate, true)
	// The call goes on, and with the clerk there the guest waits on.
	mario.send(protocol.Ping{ID: 1})
	wait[protocol.Pong](mario)
	luca.send(protocol.Ping{ID: 1})
	wait[protocol.Pong](luca)

	k.now.advance(10 * time.Minute) // past the second; no clerk came
	if e := wait[protocol.Ended](other); e.Reason != protocol.EndExpired {
		t.Errorf("who waited in vain: %+v", e)
	}
	k.now.advance(20 * time.Minute) // past the first window and half an hour
	for _, c := range []*client{mario, luca} {
		if e := wait[protocol.Ended](c); e.Reason != protocol.EndExpired {
			t.Errorf("after the overtime: %+v", e)
		}
	}
}

func TestMediaRefusesAnAdmission(t *testing.T) {
	k := open(t)
	anna, _ := k.host()
	k.media.mu.Lock()
	k.media.join = func(string, string) error { return errAway }
	k.media.mu.Unlock()
	mario := k.join("mario")
	w := wait[protocol.Waiting](mario)
	anna.send(protocol.Admit{Session: w.Session})
	mario.expectError(protocol.CodeUnavailable, false)
	wait[protocol.Waiting](mario)
	until(anna, func(l protocol.Lobby) bool { return len(l.Waiting) == 1 })
	k.grant("capo", token.RoleHost, "1")
	k.join("capo").expectError(protocol.CodeUnavailable, true)
}
