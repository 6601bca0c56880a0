package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		slog.Error("bench", "error", err)
		os.Exit(1)
	}
}

// plan is what a run does.
type plan struct {
	scenarios []scenario
	servers   []string
	repeat    int
	warm      time.Duration
	measure   time.Duration
	cores     *apart // nil: anywhere
	errOut    io.Writer
}

const (
	mostRepeats = 20
	mostSeconds = 60
)

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	fs := flag.NewFlagSet("sportello-bench", flag.ContinueOnError)
	fs.SetOutput(errOut)
	serve := fs.String("serve", "", "for the program's own use: be this server, on stdin and stdout")
	only := fs.String("only", "", "scenarios to run, separated by commas (20x2, 60x2, 1x6, mixed, or any ROOMSxPEOPLE, with -taped after it for more than a core can encrypt); empty: these four")
	servers := fs.String("servers", strings.Join(serverNames(), ","), "servers to compare; sportello-2 is ours with two media loops, on the same one core")
	repeat := fs.Int("repeat", 2, "rounds; all servers take their turn in each")
	seconds := fs.Int("seconds", 5, "measured time of one turn")
	pin := fs.Bool("pin", true, "keep the server on the first core and the participants on the others")
	profile := fs.String("profile", "", "write a CPU profile of our server's last turn to this file")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *serve != "" {
		return serveStdio(*serve, *profile) //nolint:contextcheck // the server ends with its stdin
	}
	p := plan{
		servers: strings.Split(*servers, ","), warm: time.Second, errOut: errOut,
		repeat: min(max(*repeat, 1), mostRepeats), measure: time.Duration(min(max(*seconds, 1), mostSeconds)) * time.Second,
	}
	if *pin {
		p.cores = newApart()
	}
	for _, s := range p.servers {
		if !isServer(s) {
			return fmt.Errorf("there is no server %q", s)
		}
	}
	names := []string{"20x2", "60x2", "1x6", "mixed"}
	if *only != "" {
		names = strings.Split(*only, ",")
	}
	for _, n := range names {
		s, err := scenarioNamed(n)
		if err != nil {
			return err
		}
		p.scenarios = append(p.scenarios, s)
	}
	return p.run(ctx, out, *profile)
}

// run lets all servers take turns and prints a table for each scenario.
func (p *plan) run(ctx context.Context, out io.Writer, profile string) error {
	tell(out, "%s", machine())
	for _, sc := range p.scenarios {
		rounds := map[string][]result{}
		for range p.repeat {
			for _, name := range p.servers {
				if name == floorServer && sc.lossy > 0 {
					continue // nothing repairs there
				}
				r, err := p.turn(ctx, sc, name, profile)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", sc.name, name, err)
				}
				rounds[name] = append(rounds[name], r)
			}
		}
		printScenario(out, sc, p, rounds)
	}
	tell(out, "\nload of the machine at the end: %s", load())
	return nil
}

// turn is one server under one scenario.
func (p *plan) turn(ctx context.Context, sc scenario, name, profile string) (r result, err error) {
	if name != ourServer {
		profile = ""
	}
	srv, err := startServer(ctx, name, profile, p.cores, p.errOut)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	switch {
	case name == floorServer:
		return p.floorTurn(ctx, sc, srv)
	case sc.taped:
		return p.tapedTurn(ctx, sc, srv)
	}
	return p.callTurn(ctx, sc, srv)
}
