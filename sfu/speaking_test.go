package sfu

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// Who speaks shows in the levels that browsers write beside their voice (RFC 6464),
// while the microphone is on and as long as something comes.
func TestWhoSpeaks(t *testing.T) {
	b := newBench(t, 0)
	b.from.sections["2"] = section{source: Microphone, pts: payloads{{pt: 111}}, exts: extensions{level: 3}}
	b.from.declared[0x99] = "2"
	b.from.pubs[Microphone].on = true
	p := rtp.Packet{Header: rtp.Header{
		Version: 2, PayloadType: 111, SSRC: 0x99, Extension: true, ExtensionProfile: 0xBEDE,
	}, Payload: []byte{1, 2, 3}}
	say := func(level byte, packets int) {
		for range packets {
			p.SequenceNumber++
			p.Timestamp += 960
			if err := p.SetExtension(3, []byte{0x80 | level}); err != nil {
				t.Fatal(err)
			}
			raw, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			b.arrive(t, raw)
		}
		b.nextSlow = b.now
		b.tick()
	}
	want := func(what string, peers ...string) {
		t.Helper()
		if got := b.from.room.speaking; !slices.Equal(got, peers) {
			t.Errorf("%s: %v speak, want %v", what, got, peers)
		}
	}
	say(80, 50)
	want("a quiet room")
	say(20, 10)
	want("a voice", "from")
	say(127, 4)
	want("between two words", "from")
	say(127, 100)
	want("silence")
	say(20, 10)
	b.now = b.now.Add(speechHold)
	b.nextSlow = b.now
	b.tick()
	want("nothing comes any more")
	say(20, 10)
	want("again", "from")
	b.from.pubs[Microphone].gate(false)
	say(20, 1)
	want("switched off")
}

// Twelve people each see the eleven others; who comes in for somebody else gets
// the slot that became free, and nobody is moved to another.
func TestTwelveInARoom(t *testing.T) {
	const people = 12
	l := newLoop(&nowhere{}, slog.New(slog.DiscardHandler), &relayNames{})
	l.now = time.Now()
	r := &Room{name: "room", media: &mediaRoom{}, loop: l, max: people - 1}
	var all []*Peer
	come := func(id string) {
		t.Helper()
		p := &Peer{id: id, room: r, events: newMailbox(nil), media: newMediaPeer(id, newMailbox(nil), 12)}
		for range people - 1 {
			p.media.gives(&outTrack{to: p.media, source: Camera, ssrc: uint32(len(p.media.tracks)), rw: rewriter{clock: 90000}}) //nolint:gosec // few
		}
		if err := r.enter(p, people); err != nil {
			t.Fatal(err)
		}
		r.negotiated(p, people-1)
		l.runPosted()
		all = append(all, p)
	}
	whole := func() {
		t.Helper()
		for _, p := range all {
			seen := map[string]bool{}
			for i, id := range p.slots {
				if id == p.id || seen[id] && id != "" {
					t.Fatalf("%s has %q in slot %d", p.id, id, i)
				}
				seen[id] = true
				if from := p.media.slots[i].from; (from == nil) != (id == "") || from != nil && from.id != id {
					t.Fatalf("%s: slot %d carries another than %q", p.id, i, id)
				}
			}
			for _, o := range all {
				if o != p && !seen[o.id] {
					t.Fatalf("%s does not see %s", p.id, o.id)
				}
			}
		}
	}
	for i := range people {
		come(string(rune('a' + i)))
		whole()
	}
	if err := r.enter(&Peer{id: "late"}, people); err == nil {
		t.Error("a thirteenth came in")
	}
	for i := range people {
		gone := all[0]
		before := slices.Clone(all[people-1].slots)
		all = all[1:]
		r.leave(gone)
		l.post(func() { l.remove(gone.media) })
		l.runPosted()
		come(string(rune('A' + i)))
		whole()
		for slot, id := range all[people-2].slots {
			if before[slot] != gone.id && before[slot] != id {
				t.Fatalf("slot %d went from %q to %q", slot, before[slot], id)
			}
		}
	}
}
