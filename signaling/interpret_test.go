package signaling_test

import (
	"slices"
	"testing"

	"sportello/booking/token"
	"sportello/signaling/protocol"
)

// Who interprets is said by the link or by a host, told to everybody and to the
// media server, and holds when the person or the page comes back.
func TestInterpreter(t *testing.T) {
	k := open(t)
	type call struct {
		peer string
		on   bool
	}
	calls := make(chan call, 16)
	k.media.interpreter = func(p *peer, on bool) { calls <- call{p.name, on} }
	anna, mario, _, m := k.call()

	k.grant("lia", token.RoleGuest, "1")
	g := k.tokens.grants["lia"]
	g.Interpreter = true
	k.tokens.grants["lia"] = g
	lia := k.join("lia")
	wait[protocol.Waiting](lia)
	waiting := until(anna, func(l protocol.Lobby) bool { return len(l.Waiting) == 1 })
	anna.send(protocol.Admit{Session: waiting.Waiting[0].Session})
	l := wait[protocol.Joined](lia)
	for _, c := range []*client{lia, anna, mario} {
		if i := wait[protocol.Interpreters](c); !slices.Equal(i.Peers, []string{l.Peer}) {
			t.Errorf("interpreters %v, want %s", i.Peers, l.Peer)
		}
	}
	if c := <-calls; c != (call{l.Peer, true}) {
		t.Errorf("the media server heard %+v", c)
	}

	// Only a host may say so; of somebody who is not here nothing can be said.
	mario.send(protocol.Interpret{Peer: m.Peer, On: true})
	mario.expectError(protocol.CodeForbidden, false)
	anna.send(protocol.Interpret{Peer: "nobody", On: true})
	anna.expectError(protocol.CodeUnknownPeer, false)

	anna.send(protocol.Interpret{Peer: m.Peer, On: true})
	anna.send(protocol.Interpret{Peer: m.Peer, On: true}) // nothing new
	anna.send(protocol.Interpret{Peer: l.Peer, On: false})
	for _, want := range [][]string{{m.Peer, l.Peer}, {m.Peer}} {
		if i := wait[protocol.Interpreters](mario); !slices.Equal(i.Peers, want) {
			t.Errorf("interpreters %v, want %v", i.Peers, want)
		}
	}
	heard := map[call]bool{<-calls: true, <-calls: true} // each in its own session's time
	if !heard[call{m.Peer, true}] || !heard[call{l.Peer, false}] {
		t.Errorf("the media server heard %+v", heard)
	}

	// A page that comes back hears it, and so does who comes later.
	again := k.resume(m.Resume, 0)
	if i := wait[protocol.Interpreters](again); !slices.Equal(i.Peers, []string{m.Peer}) {
		t.Errorf("after a resume: %v", i.Peers)
	}
	// The person whose link was opened anew still interprets, in a seat of their own.
	fresh := k.join("mario")
	j := wait[protocol.Joined](fresh)
	if i := wait[protocol.Interpreters](fresh); !slices.Equal(i.Peers, []string{j.Peer}) {
		t.Errorf("after a new join: %v, want %s", i.Peers, j.Peer)
	}
	if c := <-calls; c != (call{j.Peer, true}) {
		t.Errorf("the media server heard %+v", c)
	}
	fresh.send(protocol.Leave{})
	if i := until(anna, func(i protocol.Interpreters) bool { return len(i.Peers) == 0 }); i.Peers == nil {
		t.Error("the list is null")
	}
}
