package sfu_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

type channel struct {
	datachannel.ReadWriteCloserDeadliner
	dc *webrtc.DataChannel
}

// open opens a channel as the sender's page does.
func (m *member) open(t testing.TB, label string) *channel {
	t.Helper()
	d, err := m.PC.CreateDataChannel(label, nil)
	if err != nil {
		t.Fatal(err)
	}
	return await(t, d)
}

func await(t testing.TB, d *webrtc.DataChannel) *channel {
	t.Helper()
	got := make(chan *channel, 1)
	d.OnOpen(func() {
		raw, err := d.DetachWithDeadline()
		if err != nil {
			t.Error(err)
			return
		}
		got <- &channel{raw, d}
	})
	select {
	case c := <-got:
		return c
	case <-deadline(t).Done():
		t.Fatal("the channel did not open")
		return nil
	}
}

// offered returns the channels that the SFU opens to a member.
func (m *member) offered() <-chan *webrtc.DataChannel {
	got := make(chan *webrtc.DataChannel, 4)
	m.PC.OnDataChannel(func(d *webrtc.DataChannel) { got <- d })
	return got
}

func (m *member) ended(t testing.TB, id string) error {
	t.Helper()
	var err error
	m.until(t, "the end of "+id, func(st sfutest.State) bool {
		for _, e := range st.Ended {
			if e.Transfer == id {
				err = e.Err
				return true
			}
		}
		return false
	})
	return err
}

// A receiver that does not read stops the sender; memory stays bounded, and in
// the end every byte is there.
func TestTransferWaitsForASlowReceiver(t *testing.T) {
	const size, piece = 20 << 20, 64 << 10
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1, Setting: func(e *webrtc.SettingEngine) {
		e.SetSCTPMaxReceiveBufferSize(256 << 10)
	}})
	offered := b.offered()
	if err := a.peer.OpenTransfer("t1", "b", size); err != nil {
		t.Fatal(err)
	}
	src := a.open(t, "file/t1")
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	sent := make(chan error, 1)
	go func() {
		defer close(sent)
		buf := make([]byte, piece)
		low := make(chan struct{}, 1)
		src.dc.SetBufferedAmountLowThreshold(256 << 10)
		src.dc.OnBufferedAmountLow(func() {
			select {
			case low <- struct{}{}:
			default:
			}
		})
		for i := range size / piece {
			buf[0] = byte(i)
			if _, err := src.WriteDataChannel(buf, false); err != nil {
				sent <- err
				return
			}
			for src.dc.BufferedAmount() > 512<<10 {
				select {
				case <-low:
				case <-ctx.Done():
					sent <- ctx.Err()
					return
				}
			}
		}
		_, err := src.WriteDataChannel([]byte("sum"), true)
		sent <- err
	}()
	dst := await(t, <-offered)
	// Two seconds are enough to swallow all of it, if somebody did.
	select {
	case err := <-sent:
		t.Fatalf("the sender was done while the receiver slept: %v", err)
	case <-time.After(2 * time.Second):
	}
	if relayed := s.Stats().TransferBytes; relayed > 4<<20 {
		t.Errorf("%d bytes were taken from the sender while the receiver slept", relayed)
	}
	got, text := 0, ""
	buf := make([]byte, piece+1)
	for text == "" {
		n, isText, err := dst.ReadDataChannel(buf)
		if err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
		if isText {
			text = string(buf[:n])
			break
		}
		if want := byte(got / piece); buf[0] != want {
			t.Fatalf("piece %d begins with %d", got/piece, buf[0])
		}
		got += n
	}
	if got != size || text != "sum" {
		t.Errorf("received %d bytes and %q", got, text)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if err := errors.Join(a.ended(t, "t1"), b.ended(t, "t1")); err != nil {
		t.Errorf("ended: %v", err)
	}
	if _, _, err := dst.ReadDataChannel(buf); !errors.Is(err, io.EOF) {
		t.Errorf("the receiver's channel stays open: %v", err)
	}
}

func TestTransferMustBeAnnounced(t *testing.T) {
	s := start(t, func(c *sfu.Config) { c.MaxTransferBytes, c.MaxTransfers = 1<<20, 2 })
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	offered := b.offered()
	for _, label := range []string{"file/unknown", "file/", "other"} {
		c := a.open(t, label)
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 10)); !errors.Is(err, io.EOF) {
			t.Errorf("%s was not closed: %v", label, err)
		}
	}
	select {
	case d := <-offered:
		t.Errorf("%s was passed on", d.Label())
	default:
	}
	for name, c := range map[string]struct {
		to   string
		n    int64
		want error
	}{
		"unknown peer": {"nobody", 1, sfu.ErrUnknownPeer},
		"itself":       {"a", 1, sfu.ErrUnknownPeer},
		"too big":      {"b", 1<<20 + 1, sfu.ErrTransferTooBig},
		"negative":     {"b", -1, sfu.ErrTransferTooBig},
	} {
		if err := a.peer.OpenTransfer("x", c.to, c.n); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.peer.OpenTransfer("x", "b", 1); err != nil {
		t.Fatal(err)
	}
	if err := a.peer.OpenTransfer("x", "b", 1); !errors.Is(err, sfu.ErrTransferExists) {
		t.Errorf("twice: %v", err)
	}
	if err := a.peer.OpenTransfer("y", "b", 1); err != nil {
		t.Fatal(err)
	}
	if err := a.peer.OpenTransfer("z", "b", 1); !errors.Is(err, sfu.ErrTooManyTransfers) {
		t.Errorf("third of two: %v", err)
	}
	if err := b.peer.OpenTransfer("z", "a", 1); err != nil {
		t.Errorf("the other way: %v", err)
	}
	// b may not send on what a has announced.
	c := b.open(t, "file/x")
	if _, err := c.Read(make([]byte, 10)); !errors.Is(err, io.EOF) {
		t.Errorf("the receiver's own channel was not closed: %v", err)
	}
	b.peer.CancelTransfer("x")
	if err := a.ended(t, "x"); !errors.Is(err, sfu.ErrTransferStopped) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestChannelsWithoutEnd: a browser that opens one channel after the other loses
// its connection, not the server its memory; who is with it stays.
func TestChannelsWithoutEnd(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	for range 1100 {
		if _, err := a.PC.CreateDataChannel("other", nil); err != nil {
			break // closed meanwhile
		}
	}
	a.until(t, "the end", func(st sfutest.State) bool { return st.Failed == 1 })
	c := join(t, s, "room", "c", sfutest.Options{Slots: 1})
	offered := c.offered()
	if err := b.peer.OpenTransfer("x", "c", 1); err != nil {
		t.Error(err)
	}
	b.open(t, "file/x")
	await(t, <-offered)
}

func TestTransferEndsEarly(t *testing.T) {
	for name, c := range map[string]struct {
		act  func(t *testing.T, a, b *member, src *channel)
		want error
	}{
		"more than announced": {func(t *testing.T, _, _ *member, src *channel) {
			t.Helper()
			for range 3 {
				if _, err := src.WriteDataChannel(make([]byte, 50), false); err != nil {
					t.Error(err)
				}
			}
		}, sfu.ErrTransferTooBig},
		"no closing word": {func(t *testing.T, _, _ *member, src *channel) {
			t.Helper()
			if err := src.Close(); err != nil {
				t.Error(err)
			}
		}, sfu.ErrTransferStopped},
		"cancelled": {func(_ *testing.T, a, _ *member, _ *channel) { a.peer.CancelTransfer("x") }, sfu.ErrTransferStopped},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
			b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
			offered := b.offered()
			if err := a.peer.OpenTransfer("x", "b", 100); err != nil {
				t.Fatal(err)
			}
			src := a.open(t, "file/x")
			dst := await(t, <-offered)
			c.act(t, a, b, src)
			for _, m := range []*member{a, b} {
				if err := m.ended(t, "x"); !errors.Is(err, c.want) {
					t.Errorf("%v", err)
				}
			}
			buf := make([]byte, 100)
			for {
				if _, err := dst.Read(buf); err != nil {
					break
				}
			}
		})
	}
}

// The receiver leaves in the middle: the sender hears it and nothing hangs.
func TestReceiverLeavesMidway(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	offered := b.offered()
	if err := a.peer.OpenTransfer("x", "b", 1<<20); err != nil {
		t.Fatal(err)
	}
	src := a.open(t, "file/x")
	await(t, <-offered)
	if _, err := src.WriteDataChannel([]byte("begin"), false); err != nil {
		t.Fatal(err)
	}
	b.peer.Close()
	if err := a.ended(t, "x"); !errors.Is(err, sfu.ErrTransferStopped) {
		t.Errorf("%v", err)
	}
	a.until(t, "the free slot", func(st sfutest.State) bool { return st.Assigned[0] == "" && len(st.Assigned) == 1 })
}

// TestReceiverHasTheLastWord: whoever has read the closing word may close at once, also
// before the server has heard that it arrived; that is no end before time.
func TestReceiverHasTheLastWord(t *testing.T) {
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 1})
	b := join(t, s, "room", "b", sfutest.Options{Slots: 1})
	offered := b.offered()
	for i := range 20 {
		id := fmt.Sprint("t", i)
		if err := a.peer.OpenTransfer(id, "b", 1<<20); err != nil {
			t.Fatal(err)
		}
		src := a.open(t, "file/"+id)
		dst := await(t, <-offered)
		for range i % 4 {
			if _, err := src.WriteDataChannel(make([]byte, 1000), false); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := src.WriteDataChannel([]byte("sum"), true); err != nil {
			t.Fatal(err)
		}
		for text := false; !text; {
			var err error
			if _, text, err = dst.ReadDataChannel(make([]byte, 2000)); err != nil {
				t.Fatal(err)
			}
		}
		if err := dst.dc.Close(); err != nil {
			t.Fatal(err)
		}
		if err := a.ended(t, id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		_ = src.Close()
	}
}
