package sfu_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"sportello/sfu/sfutest"
)

const ahead = 512 << 10 // docs/protocol.md, Files

// upload sends size bytes and a closing word as the room's page does: never far
// ahead of what the server says it has taken.
func (c *channel) upload(ctx context.Context, size int) error {
	buf, word := make([]byte, 64<<10), make([]byte, 64)
	taken := 0
	for sent := 0; sent < size; {
		for sent-taken >= ahead {
			n, _, err := c.ReadDataChannel(word)
			if err != nil {
				return err
			}
			if taken, err = strconv.Atoi(string(word[:n])); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n, err := c.WriteDataChannel(buf[:min(len(buf), size-sent)], false)
		if err != nil {
			return err
		}
		sent += n
	}
	_, err := c.WriteDataChannel([]byte("sum"), true)
	return err
}

// One receiver sleeps over a file; another, from the same sender, gets theirs
// meanwhile, at their own pace.
func TestSleepingReceiverHoldsUpNobodyElse(t *testing.T) {
	const size = 3 << 20
	s := start(t)
	a := join(t, s, "room", "a", sfutest.Options{Slots: 2})
	slow := join(t, s, "room", "slow", sfutest.Options{Slots: 2, Setting: func(e *webrtc.SettingEngine) {
		e.SetSCTPMaxReceiveBufferSize(256 << 10)
	}})
	fast := join(t, s, "room", "fast", sfutest.Options{Slots: 2})
	toSlow, toFast := slow.offered(), fast.offered()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the race detector makes it slow
	defer cancel()
	sending := make(chan error, 1)
	if err := a.peer.OpenTransfer("slow", "slow", size); err != nil {
		t.Fatal(err)
	}
	first := a.open(t, "file/slow").until(t, ctx)
	go func() { sending <- first.upload(ctx, size) }()
	asleep := await(t, <-toSlow).until(t, ctx)

	if err := a.peer.OpenTransfer("fast", "fast", size); err != nil {
		t.Fatal(err)
	}
	second := a.open(t, "file/fast").until(t, ctx)
	go func() { sending <- second.upload(ctx, size) }()
	got := read(t, await(t, <-toFast).until(t, ctx))
	if err := fast.ended(t, "fast"); err != nil || got != size {
		t.Errorf("the fast one has %d bytes: %v", got, err)
	}
	if err := <-sending; err != nil {
		t.Error(err)
	}
	if got := read(t, asleep); got != size {
		t.Errorf("the slow one has %d bytes", got)
	}
	if err := slow.ended(t, "slow"); err != nil {
		t.Error(err)
	}
	if err := <-sending; err != nil {
		t.Error(err)
	}
}

// until bounds the waiting on a channel.
func (c *channel) until(t testing.TB, ctx context.Context) *channel { //nolint:revive // the test comes first
	t.Helper()
	end, _ := ctx.Deadline()
	if err := c.SetReadDeadline(end); err != nil {
		t.Fatal(err)
	}
	return c
}

// read takes a file up to its closing word.
func read(t testing.TB, c *channel) int {
	t.Helper()
	buf := make([]byte, 64<<10)
	for got := 0; ; {
		n, text, err := c.ReadDataChannel(buf)
		if err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
		if text {
			return got
		}
		got += n
	}
}
