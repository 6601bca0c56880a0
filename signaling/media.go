package signaling

import (
	"context"
	"errors"
	"slices"

	"sportello/sfu"
	"sportello/signaling/protocol"
)

// offer answers an SDP offer beside the mailbox, which must not stand still
// for it. Offers are answered one at a time, the newest next.
func (x *session) offer(c *conn, o protocol.Offer) {
	if x.offering {
		x.next = func() { x.offer(c, o) }
		return
	}
	media, err := x.mediaForOffer()
	if err != nil {
		x.log.Error("join the media room again", "err", err)
		c.fail(&fault{code: protocol.CodeUnavailable, ref: "offer"}, true)
		return
	}
	x.offering = true
	x.beside.Go(func() {
		ctx, cancel := context.WithTimeout(x.ctx, x.s.cfg.OfferTimeout)
		defer cancel()
		sdp, err := media.Negotiate(ctx, offerOf(o))
		x.answerLater(func() { x.answered(c, sdp, err) })
	})
}

// answerLater is deliver for a helper of the session, whose end waits for it.
func (x *session) answerLater(event func()) {
	select {
	case x.mailbox <- event:
	case <-x.ctx.Done():
	}
}

// mediaForOffer gives the media peer, or a new one where the old has failed
// for good: the browser comes with a new connection then.
func (x *session) mediaForOffer() (MediaPeer, error) {
	if !x.failed {
		return x.media, nil
	}
	x.media.Close()
	x.epoch++
	// Its end of a transfer is not heard of any more, nor the other's where that has
	// failed too.
	x.s.mu.Lock()
	x.s.endTransfers(x.room, protocol.CodeUnavailable, func(t *transfer) bool { return !t.passed && (t.from == x || t.to == x) })
	x.s.mu.Unlock()
	x.slots, x.layers, x.paused, x.codec = map[int]string{}, nil, protocol.Paused{}, protocol.Codec{}
	peer, err := x.s.cfg.Media.Join(x.room.id, x.name, &observer{x: x, epoch: x.epoch})
	if err != nil {
		return nil, err
	}
	x.failed = false
	x.s.mu.Lock()
	x.media = peer
	on, signs := slices.Clone(x.publications), x.interprets()
	x.s.mu.Unlock()
	if signs {
		peer.SetInterpreter(true)
	}
	for _, p := range on {
		setPublishing(peer, p, true)
	}
	return peer, nil
}

func (x *session) answered(c *conn, sdp string, err error) {
	x.offering = false
	next := x.next
	x.next = nil
	switch {
	case next != nil: // the client has offered again, and waits for that answer
		next()
	case err != nil:
		code := protocol.CodeUnavailable
		if isBadOffer(err) {
			code = protocol.CodeBadOffer
		}
		x.log.Warn("offer not answered", "code", string(code))
		if x.conn == c {
			c.fail(&fault{code: code, ref: "offer"}, true)
		}
	case x.conn == c: // a client that resumed meanwhile offers anew
		x.send(protocol.Answer{SDP: sdp})
	}
}

// observer hears the media server for one media connection of a session.
type observer struct {
	x     *session
	epoch int
}

var _ sfu.Observer = (*observer)(nil)

func (o *observer) post(event func(x *session)) {
	o.x.post(func() {
		if o.epoch == o.x.epoch {
			event(o.x)
		}
	})
}

func (o *observer) Assigned(slot int, peer string) {
	o.post(func(x *session) {
		x.slots[slot] = peer
		if peer == "" {
			delete(x.slots, slot)
		}
		x.send(protocol.Assign{Slot: slot, Peer: peer})
	})
}

func (o *observer) SlotsShort(n int) {
	o.post(func(x *session) { x.send(protocol.MoreSlots{Slots: n}) })
}

func (o *observer) Layers(active []string) {
	o.post(func(x *session) {
		x.layers = &protocol.Layers{Active: active}
		x.send(*x.layers)
	})
}

func (o *observer) Codec(name string) {
	o.post(func(x *session) {
		x.codec.Video = name
		x.send(x.codec)
	})
}

func (o *observer) Voice(redundant bool) {
	o.post(func(x *session) {
		if x.codec.Redundant = redundant; x.codec.Video == "" {
			x.codec.Video = "vp8"
		}
		x.send(x.codec)
	})
}

func (o *observer) Paused(cameras, screens []int) {
	o.post(func(x *session) {
		x.paused = protocol.Paused{Cameras: cameras, Screens: screens}
		x.send(x.paused)
	})
}

func (o *observer) Speaking(peers []string) {
	o.post(func(x *session) {
		x.speaking = protocol.Speaking{Peers: peers}
		x.send(x.speaking)
	})
}

func (o *observer) Connected()    { o.post(func(x *session) { x.mediaIs(false) }) }
func (o *observer) Disconnected() { o.post(func(x *session) { x.mediaIs(true) }) }

func (o *observer) Failed() {
	o.post(func(x *session) {
		x.failed = true
		x.mediaIs(true)
	})
}

func (o *observer) TransferEnded(transfer string, err error) {
	o.post(func(x *session) { x.s.transferStopped(x, transfer, err) })
}

func (o *observer) TextRefused(err error) {
	code := protocol.CodeBadMessage
	if errors.Is(err, sfu.ErrTextTooLong) {
		code = protocol.CodeTooLarge
	}
	o.post(func(x *session) {
		x.log.Warn("real-time text refused", "err", err)
		if x.conn != nil {
			x.conn.fail(&fault{code: code, ref: "text"}, true)
		}
	})
}

func (x *session) mediaIs(down bool) {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.mediaDown != down && x.state == inRoom {
		x.mediaDown = down
		x.s.participantChanged(x)
	}
}
