package signaling_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sportello/booking/token"
	"sportello/sfu"
	"sportello/signaling"
	"sportello/signaling/protocol"
)

func TestChat(t *testing.T) {
	k := open(t)
	anna, mario, _, m := k.call()
	mario.send(protocol.Chat{ID: "m1", Text: "Buongiorno"})
	for _, c := range []*client{anna, mario} {
		if l := wait[protocol.ChatLine](c); l.Text != "Buongiorno" || l.Name != "Mario" || l.Peer != m.Peer || l.ID != "m1" || l.Seq != 1 {
			t.Errorf("line %+v", l)
		}
	}
	// Sent again, it is confirmed to its author and shown to nobody twice.
	mario.send(protocol.Chat{ID: "m1", Text: "Buongiorno"})
	if l := wait[protocol.ChatLine](mario); l.Seq != 1 {
		t.Errorf("again: %+v", l)
	}
	mario.send(protocol.Chat{ID: "m2", Text: "Eccomi"})
	if l := wait[protocol.ChatLine](anna); l.Seq != 2 {
		t.Errorf("the next line is %+v", l)
	}
	k.grant("capo", token.RoleHost, "1")
	if j := wait[protocol.Joined](k.join("capo")); len(j.Chat) != 2 || j.Chat[1].Text != "Eccomi" {
		t.Errorf("who comes later reads %+v", j.Chat)
	}
}

func TestPublishAndView(t *testing.T) {
	k := open(t)
	type call struct {
		peer string
		s    sfu.Source
		on   bool
	}
	calls := make(chan call, 8)
	k.media.publish = func(p *peer, s sfu.Source, on bool) { calls <- call{p.name, s, on} }
	anna, mario, _, m := k.call()
	mario.send(protocol.Publish{Source: protocol.SourceScreen, On: true})
	p := until(anna, func(p protocol.Participant) bool { return len(p.Publications) == 1 })
	if p.Peer != m.Peer || p.Publications[0] != protocol.SourceScreen {
		t.Errorf("participant %+v", p)
	}
	if c := <-calls; c != (call{m.Peer, sfu.Screen, true}) {
		t.Errorf("the media server heard %+v", c)
	}
	mario.send(protocol.Publish{Source: protocol.SourceScreen, On: false})
	until(anna, func(p protocol.Participant) bool { return len(p.Publications) == 0 })
	if c := <-calls; c != (call{m.Peer, sfu.Screen, false}) {
		t.Errorf("the media server heard %+v", c)
	}
	// Text is told to the room; its channel is the media server's alone.
	mario.send(protocol.Publish{Source: protocol.SourceText, On: true})
	until(anna, func(p protocol.Participant) bool { return slices.Contains(p.Publications, protocol.SourceText) })
	select {
	case c := <-calls:
		t.Errorf("the media server heard %+v", c)
	default:
	}
}

func TestMediaEventsReachTheirClient(t *testing.T) {
	k := open(t)
	anna, mario, a, m := k.call()
	o := k.media.peer(t, m.Peer).observer
	o.Assigned(1, a.Peer)
	if x := wait[protocol.Assign](mario); x.Slot != 1 || x.Peer != a.Peer {
		t.Errorf("assign %+v", x)
	}
	o.SlotsShort(7)
	if x := wait[protocol.MoreSlots](mario); x.Slots != 7 {
		t.Errorf("more slots %+v", x)
	}
	o.Layers([]string{"l"})
	if x := wait[protocol.Layers](mario); !slices.Equal(x.Active, []string{"l"}) {
		t.Errorf("layers %+v", x)
	}
	o.Paused([]int{1}, []int{2})
	if x := wait[protocol.Paused](mario); !slices.Equal(x.Cameras, []int{1}) || !slices.Equal(x.Screens, []int{2}) {
		t.Errorf("paused %+v", x)
	}
	o.Speaking([]string{a.Peer})
	if x := wait[protocol.Speaking](mario); !slices.Equal(x.Peers, []string{a.Peer}) {
		t.Errorf("speaking %+v", x)
	}
	o.TextRefused(sfu.ErrTextTooLong)
	if x := wait[protocol.Error](mario); x.Code != protocol.CodeTooLarge || x.Ref != "text" || x.Fatal {
		t.Errorf("refused text %+v", x)
	}
	o.TextRefused(sfu.ErrNotText)
	if x := wait[protocol.Error](mario); x.Code != protocol.CodeBadMessage || x.Ref != "text" {
		t.Errorf("refused text %+v", x)
	}
	o.Disconnected()
	until(anna, func(p protocol.Participant) bool { return p.State == protocol.StateReconnecting })
	o.Connected()
	until(anna, func(p protocol.Participant) bool { return p.State == protocol.StateConnected })
}

func TestOfferAndAnswer(t *testing.T) {
	k := open(t)
	_, mario, _, m := k.call()
	mario.send(protocol.Offer{SDP: "one"})
	if a := wait[protocol.Answer](mario); a.SDP != "answer to one" {
		t.Errorf("answer %q", a.SDP)
	}
	k.media.negotiate = func(context.Context, sfu.Offer) (string, error) { return "", fmt.Errorf("parse: %w", sfu.ErrBadOffer) }
	mario.send(protocol.Offer{SDP: "rubbish"})
	mario.expectError(protocol.CodeBadOffer, false)
	k.media.negotiate = nil
	// The media connection is lost for good: a fresh offer makes a fresh one.
	old := k.media.peer(t, m.Peer)
	old.observer.Failed()
	mario.send(protocol.Offer{SDP: "fresh"})
	if a := wait[protocol.Answer](mario); a.SDP != "answer to fresh" {
		t.Errorf("answer %q", a.SDP)
	}
	<-old.closed
	if k.media.peer(t, m.Peer) == old {
		t.Error("the failed media peer was used again")
	}
	// What the old one still says is not heard.
	old.observer.Assigned(3, "nobody")
	mario.send(protocol.Ping{ID: 1})
	if p := next[protocol.Pong](mario); p.ID != 1 {
		t.Errorf("pong %+v", p)
	}
}

func TestNewestOfferIsAnswered(t *testing.T) {
	k := open(t)
	_, mario, _, _ := k.call()
	started, release := make(chan struct{}, 8), make(chan struct{})
	k.media.negotiate = func(ctx context.Context, o sfu.Offer) (string, error) {
		started <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return "answer to " + o.SDP, nil
	}
	mario.send(protocol.Offer{SDP: "one"})
	<-started
	mario.send(protocol.Offer{SDP: "two"})
	mario.send(protocol.Offer{SDP: "three"})
	mario.send(protocol.Ping{ID: 1}) // the session is not held up by an SDP exchange
	wait[protocol.Pong](mario)
	close(release)
	if a := wait[protocol.Answer](mario); a.SDP != "answer to three" {
		t.Errorf("answer %q", a.SDP)
	}
}

func TestResumeReplaysTheState(t *testing.T) {
	k := open(t)
	anna, mario, a, m := k.call()
	mario.send(protocol.Chat{ID: "1", Text: "uno"})
	seen := wait[protocol.ChatLine](mario).Seq
	k.media.peer(t, m.Peer).observer.Assigned(0, a.Peer)
	wait[protocol.Assign](mario)
	_ = mario.ws.CloseNow()
	if p := wait[protocol.Participant](anna); p.Peer != m.Peer || p.State != protocol.StateReconnecting {
		t.Errorf("the others see %+v", p)
	}
	anna.send(protocol.Chat{ID: "2", Text: "due"})
	anna.send(protocol.OfferFile{ID: "f", Name: "modulo.pdf", Size: 10})
	wait[protocol.FileOffered](anna)

	back := k.resume(m.Resume, seen)
	j := next[protocol.Joined](back)
	if !j.Resumed || j.Peer != m.Peer || len(j.Chat) != 1 || j.Chat[0].Text != "due" || len(j.Files) != 1 || len(j.Participants) != 1 {
		t.Errorf("joined %+v", j)
	}
	if x := next[protocol.Assign](back); x.Slot != 0 || x.Peer != a.Peer {
		t.Errorf("the slots are not replayed: %+v", x)
	}
	if p := until(anna, func(p protocol.Participant) bool { return p.State == protocol.StateConnected }); p.Peer != m.Peer {
		t.Errorf("the others see %+v", p)
	}
	select {
	case <-k.media.peer(t, m.Peer).closed:
		t.Error("the media connection was not kept")
	default:
	}
	anna.send(protocol.Chat{ID: "3", Text: "tre"})
	if l := wait[protocol.ChatLine](back); l.Text != "tre" {
		t.Errorf("after the resume: %+v", l)
	}
	if st := k.server.Stats(); st.Resumed != 1 {
		t.Errorf("stats %+v", st)
	}
}

func TestResumeWhileTheOldSocketStillStands(t *testing.T) {
	k := open(t)
	anna, mario, _, m := k.call()
	back := k.resume(m.Resume, 0)
	next[protocol.Joined](back)
	if s := mario.closeStatus(); s != websocket.StatusNormalClosure {
		t.Errorf("the old socket closed with %d", s)
	}
	anna.send(protocol.Chat{ID: "1", Text: "ci sei?"})
	wait[protocol.ChatLine](back)
}

func TestResumeInTheLobby(t *testing.T) {
	k := open(t)
	anna, _ := k.host()
	mario := k.join("mario")
	w := wait[protocol.Waiting](mario)
	_ = mario.ws.CloseNow()
	until(anna, func(l protocol.Lobby) bool { return len(l.Waiting) == 1 && !l.Waiting[0].Online })
	anna.send(protocol.LobbyMessage{Session: w.Session, Text: "Arrivo."})
	anna.send(protocol.Ping{ID: 1})
	wait[protocol.Pong](anna)
	back := k.resume(w.Resume, 0)
	if again := next[protocol.Waiting](back); again.Session != w.Session {
		t.Errorf("waiting %+v", again)
	}
	if n := next[protocol.LobbyNotice](back); n.Text != "Arrivo." {
		t.Errorf("what was written meanwhile: %+v", n)
	}
	until(anna, func(l protocol.Lobby) bool { return len(l.Waiting) == 1 && l.Waiting[0].Online })
}

func TestSeatIsGivenUp(t *testing.T) {
	k := open(t, func(c *signaling.Config) { c.Seat = 50 * time.Millisecond })
	anna, mario, _, m := k.call()
	_ = mario.ws.CloseNow()
	if l := wait[protocol.Left](anna); l.Peer != m.Peer {
		t.Errorf("left %+v", l)
	}
	<-k.media.peer(t, m.Peer).closed
	k.resume(m.Resume, 0).expectError(protocol.CodeResumeLost, true)
	// Admitted once, the citizen goes straight back in.
	j := next[protocol.Joined](k.join("mario"))
	if j.Resumed || j.Peer == m.Peer {
		t.Errorf("joined %+v", j)
	}
}

func TestTakeover(t *testing.T) {
	k := open(t)
	anna, mario, _, m := k.call()
	phone := k.join("mario")
	j := wait[protocol.Joined](phone)
	if j.Peer == m.Peer || len(j.Participants) != 1 {
		t.Errorf("joined %+v", j)
	}
	if e := wait[protocol.Ended](mario); e.Reason != protocol.EndReplaced {
		t.Errorf("the old device hears %+v", e)
	}
	mario.closeStatus()
	if l := wait[protocol.Left](anna); l.Peer != m.Peer {
		t.Errorf("left %+v", l)
	}
	if p := wait[protocol.Participant](anna); p.Peer != j.Peer {
		t.Errorf("participant %+v", p)
	}
	<-k.media.peer(t, m.Peer).closed
	// The old device, coming out of standby, must not fight for the seat.
	late := k.resume(m.Resume, 0)
	if e := next[protocol.Ended](late); e.Reason != protocol.EndReplaced {
		t.Errorf("the old device hears %+v", e)
	}
}

func TestTakeoverInTheLobbyKeepsTheTurn(t *testing.T) {
	k := open(t)
	first := k.join("mario")
	w := wait[protocol.Waiting](first)
	since := k.now.Now()
	k.now.advance(5 * time.Minute)
	second := k.join("mario")
	wait[protocol.Waiting](second)
	wait[protocol.Ended](first)
	_, a := k.host()
	if len(a.Lobby) != 1 || a.Lobby[0].Session == w.Session || !a.Lobby[0].Since.Equal(since) {
		t.Errorf("lobby %+v", a.Lobby)
	}
}

func TestReloadOfTheOnlyParticipantKeepsTheChat(t *testing.T) {
	k := open(t)
	anna, _ := k.host()
	anna.send(protocol.Chat{ID: "1", Text: "appunto"})
	wait[protocol.ChatLine](anna)
	if j := wait[protocol.Joined](k.join("anna")); len(j.Chat) != 1 {
		t.Errorf("chat %+v", j.Chat)
	}
}

func TestRemoveAndLeave(t *testing.T) {
	k := open(t)
	anna, mario, _, m := k.call()
	anna.send(protocol.Remove{Peer: m.Peer})
	if e := wait[protocol.Ended](mario); e.Reason != protocol.EndRemoved {
		t.Errorf("ended %+v", e)
	}
	wait[protocol.Left](anna)
	anna.send(protocol.Remove{Peer: m.Peer})
	anna.expectError(protocol.CodeUnknownPeer, false)
	// Whoever was removed is not "admitted once".
	again := k.join("mario")
	w := wait[protocol.Waiting](again)
	anna.send(protocol.Admit{Session: w.Session})
	j := wait[protocol.Joined](again)
	again.send(protocol.Leave{})
	if s := again.closeStatus(); s != websocket.StatusNormalClosure {
		t.Errorf("closed with %d", s)
	}
	if l := wait[protocol.Left](anna); l.Peer != j.Peer {
		t.Errorf("left %+v", l)
	}
}

func TestHostEnds(t *testing.T) {
	k := open(t)
	anna, mario, _, m := k.call()
	luca := k.join("luca")
	wait[protocol.Waiting](luca)
	away := m.Resume
	_ = mario.ws.CloseNow()
	until(anna, func(p protocol.Participant) bool { return p.State == protocol.StateReconnecting })
	anna.send(protocol.End{})
	for _, c := range []*client{anna, luca} {
		if e := wait[protocol.Ended](c); e.Reason != protocol.EndByHost {
			t.Errorf("ended %+v", e)
		}
	}
	// Who was away hears it on coming back; with the link they wait again.
	if e := next[protocol.Ended](k.resume(away, 0)); e.Reason != protocol.EndByHost {
		t.Errorf("ended %+v", e)
	}
	wait[protocol.Waiting](k.join("mario"))
}

func TestShutdown(t *testing.T) {
	k := open(t)
	anna, mario, _, m := k.call()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := k.server.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client{anna, mario} {
		if e := wait[protocol.Ended](c); e.Reason != protocol.EndShutdown {
			t.Errorf("ended %+v", e)
		}
		if s := c.closeStatus(); s != websocket.StatusGoingAway {
			t.Errorf("closed with %d", s)
		}
	}
	<-k.media.peer(t, m.Peer).closed
	if got := k.knock(nil); got != http.StatusServiceUnavailable {
		t.Errorf("a join after the end: %d", got)
	}
}
