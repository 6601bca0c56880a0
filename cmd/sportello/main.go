package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // images without a system's zones know Europe/Rome too

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// command is what the binary can do.
type command struct {
	name, args, help string
	run              func(context.Context, *environment, []string) error
}

// environment is what a command has of the world.
type environment struct {
	vars        map[string]string
	in          io.Reader
	out, errOut io.Writer
	// ready, where set, hears where a server listens: for tests.
	ready func(running)
}

// errUsage says that the command line is wrong and was explained.
var errUsage = errors.New("usage")

func commands() []command {
	return []command{
		{"dev", "[-dir .dev]", "run a whole counter here: private PostgreSQL and Redis, demonstration town, a call to try", runDev},
		{"serve", "", "run the counter (DATABASE_URL, REDIS_URL, SPORTELLO_SECRET and SPORTELLO_PUBLIC_URL must be set)", runServe},
		{"migrate", "", "bring the database's schema up to date", runMigrate},
		{"seed", "[FILE …]", "add offices, services and desks from data files; without a file, the demonstration town", runSeed},
		{"staff", "add -login … -name … -role …  |  password -login …", "add an account, or give one a new password; it is read with -password-stdin, else made up", runStaff},
		{"health", "", "ask a running counter whether it is ready (for container health checks)", runHealth},
		{"settings", "", "list the settings and their defaults", runSettings},
		{"version", "", "say which version this is", runVersion},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends a stop that takes too long.
	context.AfterFunc(ctx, stop)
	// What go-redis has to say about its connections comes back as errors too.
	redis.SetLogger(&logging.VoidLogger{})
	env := &environment{vars: environ(), in: os.Stdin, out: os.Stdout, errOut: os.Stderr}
	err := dispatch(ctx, env, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "sportello:", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, env *environment, args []string) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(env.out)
		if len(args) == 0 {
			return errUsage
		}
		return nil
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, env, args[1:])
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	usage(env.errOut)
	return fmt.Errorf("there is no command %q: %w", args[0], errUsage)
}

func usage(w io.Writer) {
	p := printer{w}
	p.line("Sportello Virtuale: a municipality's virtual counter.\n\nUsage: sportello COMMAND\n")
	for _, c := range commands() {
		p.line("  %-9s %s\n            %s", c.name, c.args, c.help)
	}
	p.line("\nSettings are environment variables: see sportello settings.")
}

// printer writes for a person; a terminal that is gone is no error of ours.
type printer struct{ w io.Writer }

func (p printer) line(format string, args ...any) { _, _ = fmt.Fprintf(p.w, format+"\n", args...) }

// flags makes a command's flag set. Its own messages go to errOut.
func (e *environment) flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet("sportello "+name, flag.ContinueOnError)
	fs.SetOutput(e.errOut)
	return fs
}

// parse reads flags; the set has explained what was wrong with them.
func parse(fs *flag.FlagSet, args []string) error {
	err := fs.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return errUsage
}

func runVersion(_ context.Context, env *environment, _ []string) error {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				version += " " + s.Value
			}
		}
	}
	printer{env.out}.line("sportello %s", version)
	return nil
}

func runSettings(_ context.Context, env *environment, _ []string) error {
	return documentSettings(env.out)
}
