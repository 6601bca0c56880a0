package sfu_test

import (
	"context"
	"testing"
	"time"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

// BenchmarkFile hands 100 MB from one to another with a call beside it, and
// says how much of the receiver's sound was lost meanwhile: all of it, both
// participants too, in this process.
//
//	go test ./sfu -run - -bench File -benchtime 3x
func BenchmarkFile(b *testing.B) {
	const size = 100_000_000
	s := start(b)
	from := join(b, s, "room", "from", sfutest.Options{Slots: 1})
	to := join(b, s, "room", "to", sfutest.Options{Slots: 1})
	offered := to.offered()
	from.stream(b, 1, "l", "h")
	to.stream(b, 2, "l", "h")
	heard := make(chan [2]int)
	done := make(chan struct{})
	go func() { heard <- hear(to, done) }()
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	b.SetBytes(size)
	for b.Loop() {
		id := "file" + time.Now().Format("150405.000000")
		if err := from.peer.OpenTransfer(id, "to", size); err != nil {
			b.Fatal(err)
		}
		src := from.open(b, "file/"+id).until(b, ctx)
		sent := make(chan error, 1)
		go func() { sent <- src.upload(ctx, size) }()
		if got := read(b, await(b, <-offered).until(b, ctx)); got != size {
			b.Fatalf("%d bytes came", got)
		}
		if err := <-sent; err != nil {
			b.Fatal(err)
		}
	}
	close(done)
	n := <-heard
	if n[0] == 0 {
		b.Fatal("nobody was heard")
	}
	b.ReportMetric(100*float64(n[1]-n[0])/float64(n[1]), "%audio-lost")
}

// hear counts the voice packets that come, and those that should have, until done.
func hear(m *member, done <-chan struct{}) (n [2]int) {
	var first, last uint16
	for {
		select {
		case p := <-m.Media:
			if p.Source != sfu.Microphone {
				continue
			}
			seq := p.Packet.SequenceNumber
			if n[0]++; n[0] == 1 {
				first, last = seq, seq
			}
			if int16(seq-last) > 0 { //nolint:gosec // modulo 2^16
				last = seq
			}
			n[1] = int(last-first) + 1
		case <-done:
			return n
		}
	}
}
