package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// scenario is a number of rooms and what goes on in them.
type scenario struct {
	name          string
	rooms, people int
	simulcast     bool
	lossy         float64 // of the packets, each way
	taped         bool    // what is sent is encrypted beforehand
}

const (
	mostPeople = 12
	mostInAll  = 800

	tapedSuffix = "-taped"
)

func scenarioNamed(name string) (scenario, error) {
	if name == "mixed" {
		return scenario{name: name, rooms: 8, people: 3, simulcast: true, lossy: 0.02}, nil
	}
	size, taped := strings.CutSuffix(name, tapedSuffix)
	a, b, ok := strings.Cut(size, "x")
	rooms, err1 := strconv.Atoi(a)
	people, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || rooms < 1 || people < 2 || people > mostPeople || rooms*people > mostInAll {
		return scenario{}, fmt.Errorf("there is no scenario %q", name)
	}
	return scenario{name: name, rooms: rooms, people: people, taped: taped}, nil
}

// due is how many packets a second there are to forward; 0 where that is not
// fixed, since layers and losses decide it.
func (s scenario) due() float64 {
	if s.simulcast || s.lossy > 0 {
		return 0
	}
	return float64(s.rooms*s.people*(s.people-1)) * packetRate
}

func (s scenario) describe() string {
	text := fmt.Sprintf("%d rooms of %d", s.rooms, s.people)
	if s.taped {
		text += ", encrypted beforehand"
	}
	if s.simulcast {
		text += ", two camera layers"
	}
	if s.lossy > 0 {
		text += fmt.Sprintf(", %.0f %% of the packets lost each way", 100*s.lossy)
	}
	return text
}

// result is what one turn came to.
type result struct {
	cpuPerPacket     time.Duration
	packets          float64 // forwarded in a second
	p50, p95, p99    time.Duration
	video, audio     float64 // fraction lost for good
	allocs           float64 // for a packet
	live, resident   float64 // MiB for a room
	packet50, pack95 time.Duration
	frame50, frame95 time.Duration
	generator        float64 // cores
	failed           int     // joins whose first frame never came
	missing          int     // people who could not connect any more
}

const (
	settleTime = 700 * time.Millisecond // for the last repairs
	joinTime   = 15 * time.Second
	frameTime  = 5 * time.Second
)

// callTurn brings everybody in and measures while they speak.
func (p *plan) callTurn(ctx context.Context, sc scenario, srv *server) (r result, err error) {
	idle, err := srv.usage(true)
	if err != nil {
		return r, err
	}
	var all crowd
	defer func() { err = errors.Join(err, all.close()) }()
	var packets, frames []time.Duration
	err = all.gather(ctx, sc, srv, func(c *client) {
		// The wait is for the measure only: people join one by one.
		if !c.firstFrame(ctx, frameTime) {
			r.failed++
			return
		}
		packet, frame := c.firsts()
		packets, frames = append(packets, packet), append(frames, frame)
	})
	if errors.Is(err, errFull) {
		r.missing, err = sc.rooms*sc.people-len(all.clients)+1, nil
	}
	if err != nil {
		return r, err
	}
	if err := p.window(ctx, sc, srv, idle, &all.measuring, &r); err != nil {
		return r, err
	}
	for _, c := range all.clients {
		c.quiet()
	}
	if err := pause(ctx, settleTime); err != nil {
		return r, err
	}
	r.packet50, r.pack95 = quantile(packets, 0.5), quantile(packets, 0.95)
	r.frame50, r.frame95 = quantile(frames, 0.5), quantile(frames, 0.95)
	var delays []time.Duration
	var video, audio losses
	for _, c := range all.clients {
		delays = append(delays, c.tally(&video, &audio)...)
	}
	r.video, r.audio = video.fraction(), audio.fraction()
	r.delays(delays)
	return r, nil
}

// crowd is everybody in all rooms of a turn.
type crowd struct {
	clients   []*client
	measuring atomic.Bool
}

// errFull is a server that takes no more people.
var errFull = errors.New("the server is full")

// gather brings everybody in, one after the other; seen is called, where there
// is one, for each who finds somebody in the room.
func (all *crowd) gather(ctx context.Context, sc scenario, srv *server, seen func(*client)) error {
	stamps := clock{time.Now()}
	for room := range sc.rooms {
		for n := range sc.people {
			c, err := newClient(sc, uint64(room*mostPeople+n), stamps, &all.measuring) //nolint:contextcheck // opening a socket waits for nothing
			if err != nil {
				return err
			}
			all.clients = append(all.clients, c)
			jctx, cancel := context.WithTimeout(ctx, joinTime)
			err = c.join(jctx, srv, roomName(room), personName(n))
			cancel()
			if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
				return errFull
			}
			if err != nil {
				return fmt.Errorf("person %d of room %d: %w", n, room, err)
			}
			if n > 0 && seen != nil {
				seen(c)
			}
		}
	}
	return nil
}

func (all *crowd) close() error {
	var errs []error
	for _, c := range all.clients {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

func roomName(n int) string   { return fmt.Sprint("room", n) }
func personName(n int) string { return fmt.Sprint("p", n) }

// window lets the traffic run warm and then measures what it takes of the server
// and of this process. measuring is true meanwhile.
func (p *plan) window(ctx context.Context, sc scenario, srv *server, idle Used, measuring *atomic.Bool, r *result) error {
	if err := pause(ctx, p.warm); err != nil {
		return err
	}
	before, err := srv.usage(false)
	if err != nil {
		return err
	}
	own := ownCPU()
	measuring.Store(true)
	if err := pause(ctx, p.measure); err != nil {
		return err
	}
	measuring.Store(false)
	r.generator = (ownCPU() - own).Seconds() / p.measure.Seconds()
	after, err := srv.usage(false)
	if err != nil {
		return err
	}
	r.costs(before, after)
	full, err := srv.usage(true)
	if err != nil {
		return err
	}
	r.live, r.resident = (full.live-idle.live)/float64(sc.rooms), (full.resident-idle.resident)/float64(sc.rooms)
	return nil
}

func (r *result) costs(before, after Used) {
	n := float64(after.Forwarded - before.Forwarded)
	if n == 0 {
		return
	}
	r.cpuPerPacket = time.Duration(float64(after.CPU-before.CPU) / n)
	r.allocs = float64(after.Mallocs-before.Mallocs) / n
	r.packets = n / after.At.Sub(before.At).Seconds()
}

func (r *result) delays(d []time.Duration) {
	r.p50, r.p95, r.p99 = quantile(d, 0.5), quantile(d, 0.95), quantile(d, 0.99)
}

// quantile sorts d and picks; 0 where there is nothing.
func quantile[T time.Duration | float64](d []T, q float64) T {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[int(q*float64(len(d)-1)+0.5)]
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
