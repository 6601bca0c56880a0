package sfu

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
	"golang.org/x/time/rate"
)

// lively is how fresh media must be to outweigh missing ICE checks.
const lively = 2 * time.Second

// Peer is one participant of a room: one connection, what it sends and the
// slots in which it receives the others.
type Peer struct {
	id     string
	sfu    *SFU
	room   *Room
	media  *mediaPeer
	events *mailbox
	log    *slog.Logger
	keys   keyring
	typed  *rate.Limiter // bytes of real-time text

	channels atomic.Int32 // that the browser has opened

	ctx    context.Context //nolint:containedctx // the peer's own life
	cancel context.CancelFunc
	once   sync.Once
	gone   chan struct{}

	negotiating sync.Mutex // one offer at a time
	agreedSlots []SlotSections

	// under room.mu
	has   bool     // media was negotiated
	slots []string // whom each slot carries
	asked int      // slots asked of the browser

	mu        sync.Mutex
	pc        *webrtc.PeerConnection
	keyed     bool
	transfers map[string]*transfer
	typing    *typing              // the channel of one's own text
	following map[*textStream]bool // the others' texts that are passed on
	deaf      map[string]bool      // authors whose channel the browser has closed
	wg        sync.WaitGroup       // transfers, readers and writers
}

// connection returns the peer's connection and makes it for the first offer.
func (p *Peer) connection() (*webrtc.PeerConnection, error) {
	p.mu.Lock()
	pc := p.pc
	p.mu.Unlock()
	if pc != nil {
		return pc, nil
	}
	pc, err := p.newConnection()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	if p.ctx.Err() == nil {
		p.pc = pc
		p.mu.Unlock()
		return pc, nil
	}
	p.mu.Unlock()
	if err := pc.GracefulClose(); err != nil {
		p.log.Debug("close", "error", err)
	}
	return nil, ErrClosed
}

// listen follows pion's events. Handlers run on its goroutines and only post.
func (p *Peer) listen(pc *webrtc.PeerConnection) {
	pc.SCTP().Transport().ICETransport().OnSelectedCandidatePairChange(func(c *webrtc.ICECandidatePair) {
		a, err := netip.ParseAddr(c.Remote.Address)
		if err != nil {
			p.log.Warn("selected pair has no address")
			return
		}
		to := netip.AddrPortFrom(a.Unmap().WithZone(""), c.Remote.Port)
		l, overTCP := p.room.loop, c.Remote.Protocol == webrtc.ICEProtocolTCP
		if !overTCP {
			to = l.relay.local(to)
		}
		l.post(func() {
			p.media.addr = to
			l.route(p.media, overTCP, p.sfu.tcp.find(to))
		})
	})
	pc.OnConnectionStateChange(p.connectionChanged)
	pc.OnDataChannel(p.channelOpened)
}

func (p *Peer) connectionChanged(st webrtc.PeerConnectionState) {
	switch st {
	case webrtc.PeerConnectionStateConnected: // ICE and DTLS are done, the fingerprint fits
		if err := p.unlock(); err != nil {
			p.log.Error("media keys", "error", err)
			p.events.post(Observer.Failed)
			return
		}
		p.events.post(Observer.Connected)
	case webrtc.PeerConnectionStateDisconnected:
		if !p.room.loop.lives(p.media) {
			p.events.post(Observer.Disconnected)
		}
	case webrtc.PeerConnectionStateFailed:
		p.events.post(Observer.Failed)
	case webrtc.PeerConnectionStateUnknown, webrtc.PeerConnectionStateNew,
		webrtc.PeerConnectionStateConnecting, webrtc.PeerConnectionStateClosed:
	}
}

// unlock gives the loop its SRTP contexts, once: DTLS survives an ICE restart.
func (p *Peer) unlock() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keyed {
		return nil
	}
	in, out, err := p.keys.contexts()
	if err != nil {
		return err
	}
	p.keyed = true
	l := p.room.loop
	l.post(func() {
		if p.media.room == nil || p.ctx.Err() != nil {
			return
		}
		p.media.in, p.media.out = in, out
		// A keyframe from before this moment would have been lost.
		for _, t := range p.media.tracks {
			l.retarget(t, l.now)
		}
	})
	return nil
}

// SetPublishing opens or shuts one source at once. All are shut at first: what
// a peer has not switched on goes to nobody, whatever its browser sends.
func (p *Peer) SetPublishing(s Source, on bool) {
	if s >= sources {
		return
	}
	l := p.room.loop
	l.post(func() {
		pub := p.media.pubs[s]
		pub.gate(on)
		for _, t := range pub.viewers {
			l.retarget(t, l.now)
		}
	})
}

// SetInterpreter says whether the peer interprets: its camera then comes right
// after the voices where a viewer's path is narrow.
func (p *Peer) SetInterpreter(on bool) {
	p.room.loop.post(func() { p.media.interprets = on })
}

// SetQuality says the best camera layer wanted in a slot, for as long as the
// peer is there. It fails with ErrUnknownSlot.
func (p *Peer) SetQuality(slot int, q Quality) error {
	if q > QualityHigh {
		return fmt.Errorf("sfu: quality %d", q)
	}
	p.room.mu.Lock()
	n := len(p.slots)
	p.room.mu.Unlock()
	if slot < 0 || slot >= n {
		return fmt.Errorf("%w: %d", ErrUnknownSlot, slot)
	}
	l := p.room.loop
	l.post(func() {
		if slot >= len(p.media.slots) {
			return
		}
		if t := p.media.slots[slot].tracks[Camera]; t != nil {
			t.quality = q
			l.retarget(t, l.now)
		}
	})
	return nil
}

// Close leaves the room and waits until nothing of the peer runs any more,
// but for an Observer's method it may be called from. It is idempotent.
func (p *Peer) Close() {
	p.once.Do(func() {
		defer close(p.gone)
		p.cancel()
		p.room.leave(p)
		p.room.text.leave(p)
		p.room.loop.call(func() { p.room.loop.remove(p.media) })
		p.mu.Lock()
		pc := p.pc
		p.mu.Unlock()
		if pc != nil {
			if err := pc.GracefulClose(); err != nil {
				p.log.Debug("close", "error", err)
			}
		}
		p.room.loop.dir.forget(p.media)
		p.sfu.tcp.forget(p.media)
		p.wg.Wait()
		p.events.close()
		p.sfu.left(p.room)
	})
	<-p.gone
}
