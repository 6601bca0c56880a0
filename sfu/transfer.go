package sfu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/pion/datachannel"
)

const (
	filePrefix   = "file/"
	messageMax   = 64 << 10
	sctpBuffer   = 5 << 20   // the windows of all transfers of a peer, and more
	bufferedHigh = 256 << 10 // stop reading the sender above this
	bufferedLow  = 128 << 10
	takenEvery   = 64 << 10 // tell the sender what was taken after so much
	openWithin   = 30 * time.Second
	drainPoll    = 50 * time.Millisecond
)

// errReceiverClosed ends a transfer, unless its last word was passed on already.
var errReceiverClosed = fmt.Errorf("%w: the receiver closed it", ErrTransferStopped)

// transfer passes one file from one peer to another. It ends well once the
// sender's closing text message (the checksum) was passed on and is received,
// or the receiver has closed after it: whether it has all it says elsewhere.
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

// fileOpened takes the sender's channel if its file was announced, once.
func (p *Peer) fileOpened(id string, raw datachannel.ReadWriteCloserDeadliner) bool {
	p.mu.Lock()
	t := p.transfers[id]
	p.mu.Unlock()
	if t == nil || t.from != p {
		return false
	}
	select {
	case t.source <- raw:
		return true
	default: // a second channel for the same transfer
		return false
	}
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

	opening, stop := context.WithTimeout(t.ctx, openWithin)
	dst, err := t.to.openOutlet(opening, filePrefix+t.id, "")
	stop()
	if err != nil {
		if cause := context.Cause(t.ctx); cause != nil {
			return cause
		}
		return fmt.Errorf("%w: open the receiver's channel: %w", ErrTransferStopped, err)
	}
	defer t.close(dst)
	defer t.unblock(dst)()
	// The receiver has nothing to say here; the end of its channel matters.
	wait := dst.watch(func() { t.stop(errReceiverClosed) })
	err = t.pump(src, dst)
	if cause := context.Cause(t.ctx); err != nil && cause != nil {
		err = cause // why the reading or writing failed
	}
	if e := dst.SetReadDeadline(time.Unix(1, 0)); e != nil {
		t.from.log.Debug("transfer", "error", e)
	}
	wait()
	return err
}

// pump copies messages with one buffer, and reads no further while the
// receiver is behind. What it has taken it tells the sender, in text messages,
// and the sender is never far ahead of it (512 KiB, docs/protocol.md): else a
// transfer with a slow receiver would fill the sender's SCTP association, and
// all that shares it would wait, other files and real-time text.
func (t *transfer) pump(src datachannel.ReadWriteCloserDeadliner, dst *outlet) error {
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
		if err := dst.await(t.ctx, bufferedHigh); err != nil {
			return err
		}
		if _, err := dst.WriteDataChannel(buf[:n], text); err != nil {
			return fmt.Errorf("%w: %w", ErrTransferStopped, err)
		}
		t.from.room.loop.count.transferBytes.Add(uint64(n)) //nolint:gosec // not negative
		if text {
			// The acknowledgement can be later than what the receiver does about the word.
			if err := dst.await(t.ctx, 0); !errors.Is(err, errReceiverClosed) {
				return err
			}
			return nil
		}
	}
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
