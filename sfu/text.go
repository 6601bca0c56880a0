package sfu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"
)

// Real-time text: ITU-T T.140 over data channels (RFC 8865). Each browser
// opens one channel for what its person types; to each other one of the room
// the SFU opens one per person who types, so that the channel says who it is
// (RFC 8865, section 5.5). Both are opened in band (RFC 8832): nothing is
// negotiated anew.
//
// A channel is labelled "text", of a person "text/" + peer, and then "/" and
// the place in the person's text where it begins. Whoever receives, page or
// SFU, skips what it has already, and knows by a later place that something
// is missing. So a new channel after a break loses nothing that is still kept
// at the other end, and the break is marked where something is lost.
const (
	textProtocol   = "t140"
	textLabel      = "text"
	textMessageMax = 4 << 10  // bytes; a page sends what was typed in a third of a second
	textKept       = 16 << 10 // bytes kept of one person, at least
	textBuffered   = 8 << 10  // bytes on their way to one reader
	textBurst      = 8 << 10  // bytes above the rate: a text pasted
	textOpening    = 1 << 10  // bytes that a new channel counts for
)

// typing is a channel on which a peer types.
type typing struct {
	raw  datachannel.ReadWriteCloserDeadliner
	nth  int32 // of all channels that the browser has opened
	stop context.CancelFunc
	over chan struct{} // closed once nothing of it runs
}

// replaced ends it for a newer one: whatever the browser does with it, nobody
// waits for it any more.
func (t *typing) replaced(p *Peer) {
	t.stop()
	p.hangUp(t.raw)
	if err := t.raw.SetReadDeadline(time.Unix(1, 0)); err != nil {
		p.log.Debug("text channel", "error", err)
	}
}

// textOpened takes the channel on which this peer types. The newest counts.
func (p *Peer) textOpened(d *webrtc.DataChannel, raw datachannel.ReadWriteCloserDeadliner, nth int32) {
	if !d.Ordered() || d.MaxRetransmits() != nil || d.MaxPacketLifeTime() != nil {
		p.refuseText(raw, fmt.Errorf("%w: the channel must be ordered and reliable", ErrNotText))
		return
	}
	ctx, stop := context.WithCancel(p.ctx)
	now, before := &typing{raw, nth, stop, make(chan struct{})}, make(chan struct{})
	p.mu.Lock()
	old := p.typing
	if old != nil && old.nth > nth {
		p.mu.Unlock()
		stop()
		p.hangUp(raw)
		return
	}
	p.typing = now
	p.mu.Unlock()
	if old != nil {
		old.replaced(p)
		before = old.over
	} else {
		close(before)
	}
	at := placeIn(d.Label())
	if !p.beside(func() {
		defer close(now.over)
		defer stop()
		<-before // it gives back what of the rate it waited for
		p.takeText(ctx, raw, at)
	}) {
		stop()
		p.hangUp(raw)
	}
}

// placeIn reads the place from a label; -1 where it has none.
func placeIn(label string) int64 {
	text, ok := strings.CutPrefix(label, textLabel+"/")
	if !ok {
		return -1
	}
	at, err := strconv.ParseUint(text, 10, 52)
	if err != nil {
		return -1
	}
	return int64(at)
}

// takeText adds what comes to the peer's stream until the channel ends. Who
// sends faster than anybody types is read more slowly, and nothing is lost.
func (p *Peer) takeText(ctx context.Context, raw datachannel.ReadWriteCloserDeadliner, at int64) {
	defer p.hangUp(raw)
	if p.typed.WaitN(ctx, textOpening) != nil {
		return
	}
	s, skip := p.room.text.begin(p, raw, at) //nolint:contextcheck // those who follow outlive the channel
	if s == nil {
		return
	}
	buf := make([]byte, textMessageMax+utf8.UTFMax)
	held := 0 // bytes of a character whose rest comes with the next message
	for {
		n, isText, err := raw.ReadDataChannel(buf[held:])
		switch {
		case errors.Is(err, io.ErrShortBuffer) || n > textMessageMax:
			p.refuseText(raw, ErrTextTooLong)
			return
		case err != nil:
			return // closed: the person has switched it off, or the connection is gone
		case !isText:
			p.refuseText(raw, fmt.Errorf("%w: a binary message", ErrNotText))
			return
		}
		whole := wholeCharacters(buf[:held+n])
		if whole < 0 {
			p.refuseText(raw, fmt.Errorf("%w: not UTF-8", ErrNotText))
			return
		}
		fresh := buf[min(int64(whole), skip):whole]
		skip -= int64(whole - len(fresh))
		if len(fresh) > 0 {
			if p.typed.WaitN(ctx, len(fresh)) != nil || !s.add(raw, fresh) {
				return
			}
			p.room.loop.count.textBytes.Add(uint64(len(fresh)))
		}
		held = copy(buf, buf[whole:held+n])
	}
}

func (p *Peer) refuseText(c io.Closer, why error) {
	p.hangUp(c)
	p.events.post(func(o Observer) { o.TextRefused(why) })
}

// follow passes a stream on to this peer, once at a time.
func (p *Peer) follow(s *textStream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil || p.following[s] {
		return
	}
	p.following[s] = true
	p.wg.Go(func() {
		for {
			again := p.relayText(s)
			p.mu.Lock()
			// An author who came back while the end was being told found this
			// goroutine still at it.
			again = p.ctx.Err() == nil && (again || s.present() && !p.deaf[s.author])
			if !again {
				delete(p.following, s)
			}
			p.mu.Unlock()
			if !again {
				return
			}
		}
	})
}

// relayText opens a channel and passes the stream on until its author leaves
// or the reader does. A reader who fell so far behind that text is not kept
// any more needs another channel, which says so: again.
func (p *Peer) relayText(s *textStream) (again bool) {
	ctx, stop := context.WithTimeout(p.ctx, openWithin)
	at := s.start()
	out, err := p.openOutlet(ctx, textLabel+"/"+s.author+"/"+strconv.FormatInt(at, 10), textProtocol)
	stop()
	if err != nil {
		p.log.Debug("open a text channel", "error", err)
		p.refuses(s)
		return false
	}
	ctx, gone := context.WithCancel(p.ctx)
	defer gone()
	wait := out.watch(gone)
	defer func() {
		p.hangUp(out) // once all is sent
		if err := out.SetReadDeadline(time.Unix(1, 0)); err != nil {
			p.log.Debug("text channel", "error", err)
		}
		wait()
	}()
	buf := make([]byte, textMessageMax)
	for {
		n, news, changed := s.read(at, buf)
		switch news {
		case textGap:
			return true
		case textOver:
			return false
		case textNone:
			select {
			case <-changed:
			case <-ctx.Done():
				p.refuses(s)
				return false
			}
		case textSome:
			if _, err := out.WriteDataChannel(buf[:n], true); err != nil || out.await(ctx, textBuffered) != nil {
				p.refuses(s)
				return false
			}
			at += int64(n)
		}
	}
}

// refuses notes that this reader has closed a channel: it gets no other.
func (p *Peer) refuses(s *textStream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf[s.author] = true
}
