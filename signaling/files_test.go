package signaling_test

import (
	"fmt"
	"testing"

	"sportello/sfu"
	"sportello/signaling/protocol"
)

const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestFileFromOfferToDelivery(t *testing.T) {
	k := open(t)
	type opened struct {
		to  string
		max int64
	}
	transfers := make(chan opened, 8)
	k.media.transfer = func(_, to string, maxBytes int64) error { transfers <- opened{to, maxBytes}; return nil }
	anna, mario, a, m := k.call()

	anna.send(protocol.OfferFile{ID: "f1", Name: "ricevuta.pdf", Size: 1000, MediaType: "application/pdf"})
	for _, c := range []*client{anna, mario} {
		if f := wait[protocol.FileOffered](c); f.ID != "f1" || f.Peer != a.Peer || f.Size != 1000 || f.Name != "ricevuta.pdf" {
			t.Errorf("offered %+v", f)
		}
	}
	anna.send(protocol.AcceptFile{ID: "f1"})
	anna.expectError(protocol.CodeUnknownFile, false) // one's own
	mario.send(protocol.AcceptFile{ID: "nothing"})
	mario.expectError(protocol.CodeUnknownFile, false)
	mario.send(protocol.AcceptFile{ID: "f1", Offset: 1001})
	mario.expectError(protocol.CodeBadMessage, false)

	mario.send(protocol.AcceptFile{ID: "f1", Offset: 400})
	send, receive := wait[protocol.Transfer](anna), wait[protocol.Transfer](mario)
	if send.Transfer != receive.Transfer || send.Direction != protocol.DirectionSend || send.Peer != m.Peer || send.Offset != 400 ||
		receive.Direction != protocol.DirectionReceive || receive.Peer != a.Peer || receive.File != "f1" {
		t.Errorf("transfer %+v and %+v", send, receive)
	}
	if o := <-transfers; o != (opened{m.Peer, 600}) {
		t.Errorf("the media server was asked for %+v", o)
	}
	k.media.peer(t, a.Peer).observer.TransferEnded(send.Transfer, nil)
	k.media.peer(t, m.Peer).observer.TransferEnded(send.Transfer, nil)
	mario.send(protocol.FileReceived{Transfer: send.Transfer, SHA256: sum})
	if d := next[protocol.FileDelivered](anna); d.Transfer != send.Transfer || d.SHA256 != sum {
		t.Errorf("delivered %+v", d)
	}
	// It was said once; and it is not the sender's to say.
	mario.send(protocol.FileReceived{Transfer: send.Transfer, SHA256: sum})
	mario.expectError(protocol.CodeUnknownFile, false)
}

func TestFileLimits(t *testing.T) {
	k := open(t)
	anna, mario, _, _ := k.call()
	anna.send(protocol.OfferFile{ID: "big", Name: "film.mp4", Size: 100<<20 + 1})
	anna.expectError(protocol.CodeTooLarge, false)
	anna.send(protocol.OfferFile{ID: "f", Name: "a", Size: 100 << 20})
	wait[protocol.FileOffered](mario)
	mario.send(protocol.OfferFile{ID: "f", Name: "b", Size: 1})
	mario.expectError(protocol.CodeBadMessage, false)
	mario.send(protocol.WithdrawFile{ID: "f"})
	mario.expectError(protocol.CodeForbidden, false)
	for i := range 63 {
		anna.send(protocol.OfferFile{ID: fmt.Sprint(i), Name: "a", Size: 1})
	}
	until(mario, func(f protocol.FileOffered) bool { return f.ID == "62" })
	anna.send(protocol.OfferFile{ID: "one more", Name: "a", Size: 1})
	anna.expectError(protocol.CodeBadMessage, false) // a space in an id
	anna.send(protocol.OfferFile{ID: "one-more", Name: "a", Size: 1})
	anna.expectError(protocol.CodeTooMany, false)
	for i := range 4 {
		mario.send(protocol.AcceptFile{ID: fmt.Sprint(i)})
		wait[protocol.Transfer](mario)
	}
	mario.send(protocol.AcceptFile{ID: "4"})
	mario.expectError(protocol.CodeTooMany, false)
}

func TestTransfersEnd(t *testing.T) {
	k := open(t)
	anna, mario, a, m := k.call()
	anna.send(protocol.OfferFile{ID: "f", Name: "a", Size: 10})
	wait[protocol.FileOffered](mario)
	start := func(from int64) string {
		t.Helper()
		mario.send(protocol.AcceptFile{ID: "f", Offset: from})
		id := wait[protocol.Transfer](mario).Transfer
		until(anna, func(x protocol.Transfer) bool { return x.Transfer == id })
		return id
	}
	ended := func(id string, code protocol.Code) {
		t.Helper()
		for _, c := range []*client{anna, mario} {
			if e := wait[protocol.TransferEnded](c); e.Transfer != id || e.Code != code {
				t.Errorf("ended %+v, want %s of %s", e, code, id)
			}
		}
	}
	sender := k.media.peer(t, a.Peer)

	id := start(0)
	mario.send(protocol.CancelTransfer{Transfer: id})
	ended(id, protocol.CodeCancelled)
	if got := <-sender.cancelled; got != id {
		t.Errorf("the media server stopped %s", got)
	}
	id = start(0)
	sender.observer.TransferEnded(id, fmt.Errorf("relay: %w", sfu.ErrTransferTooBig))
	k.media.peer(t, m.Peer).observer.TransferEnded(id, fmt.Errorf("relay: %w", sfu.ErrTransferTooBig))
	ended(id, protocol.CodeTooLarge)
	// Asked for again, from where it broke, the old transfer makes way.
	old := start(0)
	mario.send(protocol.AcceptFile{ID: "f", Offset: 5})
	ended(old, protocol.CodeCancelled)
	id = wait[protocol.Transfer](mario).Transfer
	anna.send(protocol.WithdrawFile{ID: "f"})
	wait[protocol.FileWithdrawn](mario)
	ended(id, protocol.CodeUnknownFile)

	k.media.transfer = func(string, string, int64) error { return sfu.ErrUnknownPeer }
	anna.send(protocol.OfferFile{ID: "g", Name: "a", Size: 10})
	wait[protocol.FileOffered](mario)
	mario.send(protocol.AcceptFile{ID: "g"})
	mario.expectError(protocol.CodeUnknownPeer, false)
	// The owner leaves: nothing of theirs can be had.
	anna.send(protocol.Leave{})
	if w := wait[protocol.FileWithdrawn](mario); w.ID != "g" {
		t.Errorf("withdrawn %+v", w)
	}
}

func TestDeliveryIsHeardAfterADrop(t *testing.T) {
	k := open(t)
	anna, mario, a, _ := k.call()
	anna.send(protocol.OfferFile{ID: "f", Name: "a", Size: 10})
	wait[protocol.FileOffered](mario)
	mario.send(protocol.AcceptFile{ID: "f"})
	id := wait[protocol.Transfer](mario).Transfer
	_ = anna.ws.CloseNow()
	until(mario, func(p protocol.Participant) bool { return p.State == protocol.StateReconnecting })
	mario.send(protocol.FileReceived{Transfer: id, SHA256: sum})
	mario.send(protocol.Ping{})
	wait[protocol.Pong](mario)
	back := k.resume(a.Resume, 0)
	next[protocol.Joined](back)
	if d := next[protocol.FileDelivered](back); d.Transfer != id {
		t.Errorf("delivered %+v", d)
	}
}

// Where the connections of both ends have failed, the media server tells nobody of
// the transfer any more: it ends when an end comes back with another connection.
func TestTransferWhoseConnectionsFail(t *testing.T) {
	k := open(t)
	anna, mario, a, m := k.call()
	anna.send(protocol.OfferFile{ID: "f", Name: "a.pdf", Size: 1000})
	until(mario, func(f protocol.FileOffered) bool { return f.ID == "f" })
	mario.send(protocol.AcceptFile{ID: "f"})
	id := wait[protocol.Transfer](mario).Transfer
	for _, name := range []string{a.Peer, m.Peer} {
		k.media.peer(t, name).observer.Failed()
	}
	until(anna, func(p protocol.Participant) bool { return p.State == protocol.StateReconnecting })
	until(mario, func(p protocol.Participant) bool { return p.State == protocol.StateReconnecting })
	mario.send(protocol.Offer{SDP: "new"})
	for _, c := range []*client{anna, mario} {
		if e := wait[protocol.TransferEnded](c); e.Transfer != id || e.Code != protocol.CodeUnavailable {
			t.Errorf("ended: %+v", e)
		}
	}
	wait[protocol.Answer](mario)
}
