package sfu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"
)

const (
	filePrefix   = "file/"
	messageMax   = 64 << 10
	sctpBuffer   = 5 << 20   // the windows of all transfers of a peer, and more
	bufferedHigh = 512 << 10 // stop reading the sender above this
	bufferedLow  = 256 << 10
	takenEvery   = 64 << 10 // tell the sender what was taken after so much
	openWithin   = 30 * time.Second
	drainPoll    = 50 * time.Millisecond
)

// transfer passes one file from one peer to another. It ends well once the
// sender's closing text message (the checksum) was passed on and is received.
type transfer struct {
	id       string
	from, to *Peer
	max      int64
	ctx      context.Context //nolint:containedctx // the transfer's own life
	stop     context.CancelCauseFunc
	source   chan datachannel.ReadWriteCloserDeadliner // the sender's channel, once
}

// OpenTransfer lets this peer send one file of at most maxBytes: its browser
// opens an ordered, reliable data channel labelled "file/" + id, sends binary
// messages of up to 64 KiB and one text message last. It fails with
// ErrUnknownPeer, ErrTransferExists, ErrTransferTooBig or ErrTooManyTransfers.
func (p *Peer) OpenTransfer(id, to string, maxBytes int64) error {
	other := p.room.find(to)
	if other == nil || other == p {
		return fmt.Errorf("%w: %s", ErrUnknownPeer, to)
	}
	if maxBytes < 0 || maxBytes > p.sfu.cfg.MaxTransferBytes {
		return fmt.Errorf("%w: %d bytes", ErrTransferTooBig, maxBytes)
	}
	ctx, stop := context.WithCancelCause(context.Background())
	t := &transfer{
		id: id, from: p, to: other, max: maxBytes, ctx: ctx, stop: stop,
		source: make(chan datachannel.ReadWriteCloserDeadliner, 1),
	}
	if err := p.keep(t); err != nil {
		stop(nil)
		return err
	}
	if err := other.keep(t); err != nil {
		p.release(t)
		p.wg.Done()
		stop(nil)
		return err
	}
	go func() {
		defer p.wg.Done()
		defer other.wg.Done()
		t.run()
	}()
	return nil
}

// keep notes a transfer at one end, whose Close will wait for it.
func (p *Peer) keep(t *transfer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ctx.Err() != nil:
		return ErrClosed
	case p.transfers[t.id] != nil:
		return ErrTransferExists
	case t.from == p && p.sending() >= p.sfu.cfg.MaxTransfers:
		return ErrTooManyTransfers
	}
	p.transfers[t.id] = t
	p.wg.Add(1)
	return nil
}

// sending counts the transfers from this peer; the caller holds the lock.
func (p *Peer) sending() int {
	n := 0
	for _, t := range p.transfers {
		if t.from == p {
			n++
		}
	}
	return n
}

func (p *Peer) release(t *transfer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.transfers, t.id)
}

// CancelTransfer stops a transfer to or from this peer; both ends hear it.
func (p *Peer) CancelTransfer(id string) {
	p.mu.Lock()
	t := p.transfers[id]
	p.mu.Unlock()
	if t != nil {
		t.stop(ErrTransferStopped)
	}
}

// channelOpened takes a channel of the browser if it was announced.
func (p *Peer) channelOpened(d *webrtc.DataChannel) {
	id, isFile := strings.CutPrefix(d.Label(), filePrefix)
	d.OnOpen(func() {
		raw, err := d.DetachWithDeadline()
		if err != nil {
			p.log.Debug("data channel", "error", err)
			return
		}
		p.mu.Lock()
		t := p.transfers[id]
		p.mu.Unlock()
		if isFile && t != nil && t.from == p && d.Ordered() {
			select {
			case t.source <- raw:
				return
			default: // a second channel for the same transfer
			}
		}
		if err := raw.Close(); err != nil {
			p.log.Debug("refuse data channel", "error", err)
		}
	})
}

// discard reads what nobody asked for, so that it does not fill the window.
func (p *Peer) discard(d *webrtc.DataChannel) {
	raw, err := d.DetachWithDeadline()
	if err != nil {
		p.log.Debug("control channel", "error", err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return
	}
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		buf := make([]byte, messageMax)
		for {
			if _, err := raw.Read(buf); err != nil && !errors.Is(err, io.ErrShortBuffer) {
				return
			}
		}
	}()
}

// run passes the file on and tells both ends how it went.
func (t *transfer) run() {
	defer t.stop(nil)
	for _, p := range []*Peer{t.from, t.to} {
		defer context.AfterFunc(p.ctx, func() { t.stop(ErrTransferStopped) })()
	}
	err := t.relay()
	for _, p := range []*Peer{t.from, t.to} {
		p.release(t)
		p.events.post(func(o Observer) { o.TransferEnded(t.id, err) })
	}
}

func (t *transfer) relay() error {
	timeout := time.NewTimer(openWithin)
	defer timeout.Stop()
	var src datachannel.ReadWriteCloserDeadliner
	select {
	case src = <-t.source:
	case <-timeout.C:
		return fmt.Errorf("%w: the sender opened no channel", ErrTransferStopped)
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
	}
	defer t.close(src)
	defer t.unblock(src)()

	dst, raw, err := t.openReceiver(timeout.C)
	if err != nil {
		return err
	}
	defer t.close(raw)
	defer t.unblock(raw)()
	// The receiver has nothing to say here; the end of its channel matters.
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		buf := make([]byte, messageMax)
		for {
			if _, err := raw.Read(buf); err != nil && !errors.Is(err, io.ErrShortBuffer) {
				t.stop(fmt.Errorf("%w: the receiver closed it", ErrTransferStopped))
				return
			}
		}
	}()
	err = t.pump(dst, src, raw)
	if cause := context.Cause(t.ctx); err != nil && cause != nil {
		err = cause // why the reading or writing failed
	}
	if e := raw.SetReadDeadline(time.Unix(1, 0)); e != nil {
		t.from.log.Debug("transfer", "error", e)
	}
	<-watching
	return err
}

// openReceiver opens the channel to the receiver and waits until it is open.
func (t *transfer) openReceiver(timeout <-chan time.Time) (*webrtc.DataChannel, datachannel.ReadWriteCloserDeadliner, error) {
	t.to.mu.Lock()
	pc := t.to.pc
	t.to.mu.Unlock()
	if pc == nil {
		return nil, nil, fmt.Errorf("%w: the receiver has no connection", ErrTransferStopped)
	}
	d, err := pc.CreateDataChannel(filePrefix+t.id, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrTransferStopped, err)
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
	case o := <-open:
		if o.err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrTransferStopped, o.err)
		}
		return d, o.raw, nil
	case <-timeout:
		err = fmt.Errorf("%w: the receiver's channel did not open", ErrTransferStopped)
	case <-t.ctx.Done():
		err = context.Cause(t.ctx)
	}
	return nil, nil, errors.Join(err, d.Close())
}

// pump copies messages with one buffer, and reads no further while the
// receiver is behind. What it has taken it tells the sender, in text messages,
// and the sender is never far ahead of it (512 KiB, docs/protocol.md): else a
// transfer with a slow receiver would fill the sender's SCTP association, and
// all that shares it would wait, other files and real-time text.
func (t *transfer) pump(d *webrtc.DataChannel, src, dst datachannel.ReadWriteCloserDeadliner) error {
	room := make(chan struct{}, 1)
	d.SetBufferedAmountLowThreshold(bufferedLow)
	d.OnBufferedAmountLow(func() {
		select {
		case room <- struct{}{}:
		default:
		}
	})
	buf := make([]byte, messageMax+1)
	var number [20]byte
	taken, told := int64(0), int64(0)
	for left := t.max; ; {
		if taken-told >= takenEvery {
			told = taken
			if _, err := src.WriteDataChannel(strconv.AppendInt(number[:0], taken, 10), true); err != nil {
				return fmt.Errorf("%w: the sender ended it early", ErrTransferStopped)
			}
		}
		n, text, err := src.ReadDataChannel(buf)
		switch {
		case errors.Is(err, io.ErrShortBuffer) || n > messageMax:
			return fmt.Errorf("%w: a message of more than 64 KiB", ErrTransferTooBig)
		case err != nil:
			return fmt.Errorf("%w: the sender ended it early", ErrTransferStopped)
		}
		if !text {
			if left -= int64(n); left < 0 {
				return ErrTransferTooBig
			}
			taken += int64(n)
		}
		if err := t.await(d, bufferedHigh, room); err != nil {
			return err
		}
		if _, err := dst.WriteDataChannel(buf[:n], text); err != nil {
			return fmt.Errorf("%w: %w", ErrTransferStopped, err)
		}
		t.from.sfu.count.transferBytes.Add(uint64(n)) //nolint:gosec // not negative
		if text {
			return t.await(d, 0, room)
		}
	}
}

// await waits until no more than most bytes are on their way to the receiver.
func (t *transfer) await(d *webrtc.DataChannel, most uint64, room <-chan struct{}) error {
	if d.BufferedAmount() <= most {
		return nil
	}
	// The signal comes at the low mark only; the end is below it.
	poll := time.NewTicker(drainPoll)
	defer poll.Stop()
	for d.BufferedAmount() > most {
		select {
		case <-room:
		case <-poll.C:
		case <-t.ctx.Done():
			// A receiver that has everything may close before we have looked.
			if d.BufferedAmount() <= most {
				return nil
			}
			return context.Cause(t.ctx)
		}
	}
	return nil
}

// unblock ends a waiting read when the transfer is stopped.
func (t *transfer) unblock(c datachannel.ReadWriteCloserDeadliner) (undo func() bool) {
	return context.AfterFunc(t.ctx, func() {
		if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.from.log.Debug("transfer", "error", err)
		}
	})
}

func (t *transfer) close(c io.Closer) {
	if err := c.Close(); err != nil {
		t.from.log.Debug("transfer", "error", err)
	}
}
