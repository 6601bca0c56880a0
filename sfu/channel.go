package sfu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"
)

// channelsMax is how many channels a browser may open in the life of a
// connection, which remembers each of them until its end: more than anybody has
// files to send, and few enough to keep.
const channelsMax = 1024

// channelOpened takes a channel of the browser: real-time text, or a file that
// was announced. Any other is closed, and with too many the connection.
func (p *Peer) channelOpened(d *webrtc.DataChannel) {
	nth := p.channels.Add(1) // pion calls this in the order of opening, but OnOpen's in any
	if nth > channelsMax {
		if nth == channelsMax+1 {
			p.beside(p.giveUp)
		}
		return
	}
	d.OnOpen(func() {
		raw, err := d.DetachWithDeadline()
		if err != nil {
			p.log.Debug("data channel", "error", err)
			return
		}
		if d.Protocol() == textProtocol {
			p.textOpened(d, raw, nth)
			return
		}
		id, isFile := strings.CutPrefix(d.Label(), filePrefix)
		if isFile && d.Ordered() && p.fileOpened(id, raw) {
			return
		}
		p.hangUp(raw)
	})
}

// giveUp ends the connection of a browser that does what none of ours would.
func (p *Peer) giveUp() {
	p.log.Warn("too many data channels: the connection is closed")
	p.events.post(Observer.Failed)
	p.mu.Lock()
	pc := p.pc
	p.mu.Unlock()
	p.hangUp(pc)
}

func (p *Peer) hangUp(c io.Closer) {
	if err := c.Close(); err != nil {
		p.log.Debug("close a data channel", "error", err)
	}
}

// controlOpened is the first channel of a connection: from now on others can
// be opened. Nothing is said on it; what comes is read, so that it does not
// fill the window.
func (p *Peer) controlOpened(d *webrtc.DataChannel) {
	raw, err := d.DetachWithDeadline()
	if err != nil {
		p.log.Debug("control channel", "error", err)
		return
	}
	if p.beside(func() { drain(raw) }) {
		p.room.text.ready(p)
	}
}

// beside runs f in a goroutine that Close waits for, unless the peer is
// closed already.
func (p *Peer) beside(f func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return false
	}
	p.wg.Go(f)
	return true
}

// drain reads until the channel's end.
func drain(r io.Reader) {
	buf := make([]byte, messageMax)
	for {
		if _, err := r.Read(buf); err != nil && !errors.Is(err, io.ErrShortBuffer) {
			return
		}
	}
}

var errNoConnection = errors.New("the peer has no connection")

// outlet is a channel that this side has opened to a browser.
type outlet struct {
	datachannel.ReadWriteCloserDeadliner
	d   *webrtc.DataChannel
	low chan struct{}
}

// openOutlet opens a channel, ordered and reliable, and waits until it is open.
func (p *Peer) openOutlet(ctx context.Context, label, protocol string) (*outlet, error) {
	p.mu.Lock()
	pc := p.pc
	p.mu.Unlock()
	if pc == nil {
		return nil, errNoConnection
	}
	d, err := pc.CreateDataChannel(label, &webrtc.DataChannelInit{Protocol: &protocol})
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", label, err)
	}
	type opened struct {
		raw datachannel.ReadWriteCloserDeadliner
		err error
	}
	open := make(chan opened, 1)
	d.OnOpen(func() {
		raw, err := d.DetachWithDeadline()
		open <- opened{raw, err}
	})
	select {
	case got := <-open:
		if got.err != nil {
			return nil, fmt.Errorf("detach %q: %w", label, got.err)
		}
		o := &outlet{got.raw, d, make(chan struct{}, 1)}
		d.SetBufferedAmountLowThreshold(bufferedLow)
		d.OnBufferedAmountLow(func() {
			select {
			case o.low <- struct{}{}:
			default:
			}
		})
		return o, nil
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), d.Close())
	}
}

// watch reads what the browser says on the channel, which means nothing, and
// calls gone at its end. The wait is over once the channel is closed or its
// read deadline has passed.
func (o *outlet) watch(gone func()) (wait func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		drain(o)
		gone()
	}()
	return func() { <-over }
}

// await waits until no more than most bytes are on their way to the browser.
func (o *outlet) await(ctx context.Context, most uint64) error {
	if o.d.BufferedAmount() <= most {
		return nil
	}
	// The signal comes at the low mark only; what is asked for may be below it.
	poll := time.NewTicker(drainPoll)
	defer poll.Stop()
	for o.d.BufferedAmount() > most {
		select {
		case <-o.low:
		case <-poll.C:
		case <-ctx.Done():
			// Who has everything may leave before we have looked.
			if o.d.BufferedAmount() <= most {
				return nil
			}
			return context.Cause(ctx)
		}
	}
	return nil
}
