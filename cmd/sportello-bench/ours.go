package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"sportello/sfu"
)

// ours is the project's own media server, as the product uses it.
type ours struct{ s *sfu.SFU }

func newOurs(loops int) (*ours, error) {
	s, err := sfu.New(sfu.Config{
		Announce: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, MaxPeers: mostPeople, Loops: loops,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return nil, err
	}
	return &ours{s}, nil
}

func (o *ours) join(room, peer string, offer sfu.Offer) (string, error) {
	p, err := o.s.Join(room, peer, deaf{})
	if err != nil {
		return "", err
	}
	for src := sfu.Microphone; src <= sfu.ScreenAudio; src++ {
		p.SetPublishing(src, true)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return p.Negotiate(ctx, offer)
}

func (o *ours) forwarded() uint64 {
	st := o.s.Stats()
	return st.Forwarded + st.Resent
}

func (o *ours) addr() string { return "" }

func (o *ours) close() error {
	err := o.s.Close()
	st := o.s.Stats()
	if st.Blocked != 0 {
		err = errors.Join(err, fmt.Errorf("%d SRTP packets of pion's own were blocked", st.Blocked))
	}
	if st.SendErrors+st.ControlDropped > 0 {
		slog.Warn("bench", "send_errors", st.SendErrors, "control_dropped", st.ControlDropped)
	}
	return err
}

// deaf is an observer that nobody asks.
type deaf struct{}

func (deaf) Assigned(int, string)        {}
func (deaf) SlotsShort(int)              {}
func (deaf) Connected()                  {}
func (deaf) Disconnected()               {}
func (deaf) Failed()                     {}
func (deaf) Layers([]string)             {}
func (deaf) Voice(bool)                  {}
func (deaf) Speaking([]string)           {}
func (deaf) Paused([]int, []int)         {}
func (deaf) Codec(string)                {}
func (deaf) TransferEnded(string, error) {}
func (deaf) TextRefused(error)           {}
