package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"sportello/sfu"
)

// The servers compared.
const (
	ourServer   = "sportello"
	ourTwo      = "sportello-2" // with two media loops
	stockServer = "pion-stock"
	emptyServer = "pion-empty"
	floorServer = "floor"
)

func serverNames() []string { return []string{ourServer, stockServer, emptyServer, floorServer} }

func isServer(name string) bool { return name == ourTwo || slices.Contains(serverNames(), name) }

// forwarder is what the servers have in common.
type forwarder interface {
	join(room, peer string, o sfu.Offer) (answer string, err error)
	forwarded() uint64
	// addr is where the floor listens; "" for the others.
	addr() string
	close() error
}

// Used is what a server's process has used until now.
type Used struct {
	At             time.Time
	CPU            time.Duration
	Forwarded      uint64
	Mallocs        uint64
	live, resident float64 // MiB
	Live, Resident uint64  // bytes
}

// Join asks a server to answer an offer.
type Join struct {
	Room, Peer string
	Offer      sfu.Offer
}

// Bench is what a server's process answers on its stdin and stdout (net/rpc).
type Bench struct{ f forwarder }

// Join answers an offer.
func (b *Bench) Join(j *Join, answer *string) (err error) {
	*answer, err = b.f.join(j.Room, j.Peer, j.Offer)
	return err
}

// Addr tells where the floor listens.
func (b *Bench) Addr(_ bool, addr *string) error {
	*addr = b.f.addr()
	return nil
}

// Usage tells what the process has used; with collect, after a collection of
// garbage.
func (b *Bench) Usage(collect bool, u *Used) error {
	if collect {
		runtime.GC()
		runtime.GC() // what finalisers held
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.At, u.CPU, u.Forwarded, u.Mallocs = time.Now(), ownCPU(), b.f.forwarded(), m.Mallocs
	u.Live = m.HeapAlloc + m.StackInuse
	u.Resident = residentBytes()
	return nil
}

func residentBytes() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages uint64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize()) //nolint:gosec // positive
}

func newForwarder(name string) (forwarder, error) {
	switch name {
	case ourServer:
		return newOurs(1)
	case ourTwo:
		return newOurs(2)
	case stockServer:
		return newPlain(true)
	case emptyServer:
		return newPlain(false)
	case floorServer:
		return newFloor()
	}
	return nil, fmt.Errorf("there is no server %q", name)
}

// stdio is this process's end of the pipes.
type stdio struct {
	io.Reader
	io.WriteCloser
}

// serveStdio is the server's process: it ends with its stdin.
func serveStdio(name, profile string) (err error) {
	f, err := newForwarder(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if profile != "" {
		out, err := os.Create(profile) //nolint:gosec // named by who runs it
		if err != nil {
			return err
		}
		defer out.Close() //nolint:errcheck // a profile cut short is seen when it is read
		if err := pprof.StartCPUProfile(out); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	s := rpc.NewServer()
	if err := s.Register(&Bench{f}); err != nil {
		return err
	}
	s.ServeConn(stdio{os.Stdin, os.Stdout})
	return nil
}

// server is a server's process, seen from here.
type server struct {
	cmd *exec.Cmd
	rpc *rpc.Client
	in  io.Closer
}

// childEnv, in the environment, makes the tests' binary the command.
const childEnv = "SPORTELLO_BENCH_CHILD"

func startServer(ctx context.Context, name, profile string, cores *apart, errOut io.Writer) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-serve", name, "-profile", profile) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = errOut
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cores.start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &server{cmd: cmd, in: in, rpc: rpc.NewClient(stdio{out, in})}, nil
}

func (s *server) join(room, peer string, o sfu.Offer) (answer string, err error) {
	err = s.rpc.Call("Bench.Join", &Join{room, peer, o}, &answer)
	return answer, err
}

func (s *server) addr() (a string, err error) {
	err = s.rpc.Call("Bench.Addr", true, &a)
	return a, err
}

func (s *server) usage(collect bool) (u Used, err error) {
	err = s.rpc.Call("Bench.Usage", collect, &u)
	u.live, u.resident = float64(u.Live)/(1<<20), float64(u.Resident)/(1<<20)
	return u, err
}

// stop ends the process by closing its stdin, and waits.
func (s *server) stop() error {
	_ = s.rpc.Close() // closes the pipe too
	_ = s.in.Close()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}
