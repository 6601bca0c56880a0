package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"sportello/booking"
	"sportello/internal/devstack"
)

const (
	demoPassword = "sportello-demo" //nolint:gosec // printed for everybody to read
	// portsTried is how many ports after the usual one development tries.
	portsTried = 20
	usualPort  = 8080
	usualTLS   = 8443
)

// runDev runs a whole counter of one's own until ctx ends.
func runDev(ctx context.Context, env *environment, args []string) (err error) {
	flags := env.flags("dev")
	dir := flags.String("dir", ".dev", "folder of the private servers, their data and the secrets")
	moment := flags.String("now", "", "begin at another moment and go on from there, such as 2026-12-24T10:00:00+01:00")
	if err := parse(flags, args); err != nil {
		return err
	}
	if env.vars["SPORTELLO_LOG"] == "" {
		env.vars["SPORTELLO_LOG"] = "text"
	}
	if env.vars["SPORTELLO_STATE"] == "" {
		env.vars["SPORTELLO_STATE"] = *dir
	}
	s, err := loadSettings(env.vars)
	if err != nil {
		return err
	}
	if s.now, err = clockFrom(*moment); err != nil {
		return err
	}
	log := s.logger(env.errOut)
	release, err := devstack.Lock(*dir)
	if errors.Is(err, devstack.ErrInUse) {
		return fmt.Errorf("a counter already runs here: stop it first, or use another folder (dev -dir …): %w", err)
	}
	if err != nil {
		return err
	}
	defer release()
	if s.Secret == "" {
		if s.Secret, err = keptSecret(filepath.Join(*dir, "secret")); err != nil {
			return err
		}
	}
	l, err := devListen(ctx, s)
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // the server closes it first
	if s.PublicURL == "" {
		s.PublicURL = devURL(s, l.Addr())
	}
	servers, err := startServers(ctx, &s, *dir)
	defer func() { err = errors.Join(unlessStopped(ctx, err), servers.stop()) }()
	if err != nil {
		return err
	}
	st, err := openStores(ctx, s, log)
	if err != nil {
		return err
	}
	defer st.close()
	if err := migrate(ctx, st.pool); err != nil {
		return err
	}
	freeMediaPort(ctx, env, &s, log)
	out, err := openOutlets(s, true)
	if err != nil {
		return err
	}
	return serveOn(ctx, s, st, out, l, log, func(r running, a *app) error {
		if err := demonstrate(ctx, env, a.agenda, out.box != nil, r); err != nil {
			return err
		}
		if env.ready != nil {
			env.ready(r)
		}
		return nil
	})
}

// clockFrom is a clock that shows the moment now, and goes on from there.
func clockFrom(moment string) (func() time.Time, error) {
	if moment == "" {
		return time.Now, nil
	}
	at, err := time.Parse(time.RFC3339, moment)
	if err != nil {
		return nil, fmt.Errorf("dev -now: %q is no moment like 2026-12-24T10:00:00+01:00", moment)
	}
	shift := time.Until(at)
	return func() time.Time { return time.Now().Add(shift) }, nil
}

// keptSecret gives development a secret of its own that stays the same.
func keptSecret(path string) (string, error) {
	text, err := os.ReadFile(path) //nolint:gosec // in the caller's own folder
	if err == nil && len(strings.TrimSpace(string(text))) >= minSecret {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	secret := rand.Text() + rand.Text()
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the secret: %w", err)
	}
	return secret, nil
}

// devListen takes the address that was set; where none was, the usual port or
// the next free one. Without TLS only this machine is served: browsers give
// cameras to secure origins and to localhost alone.
func devListen(ctx context.Context, s settings) (net.Listener, error) {
	if s.Addr != "" {
		return listen(ctx, s.Addr)
	}
	host, first := "127.0.0.1", usualPort
	if s.TLS != "" && s.TLS != "off" {
		host, first = "", usualTLS
	}
	for port := first; ; port++ {
		l, err := listen(ctx, net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) || port == first+portsTried {
			return l, err
		}
	}
}

// devURL is the address to print: with TLS the one that a phone of the same
// network can open, else this machine's own.
func devURL(s settings, addr net.Addr) string {
	scheme, host := "http", "localhost"
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return scheme + "://" + addr.String()
	}
	if s.TLS != "" && s.TLS != "off" {
		scheme = "https"
		if own, err := ownAddresses(); err == nil && len(own) > 0 && tcp.IP.IsUnspecified() {
			host = own[0].String()
		}
	}
	if !tcp.IP.IsUnspecified() && !tcp.IP.IsLoopback() {
		host = tcp.IP.String()
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}

// privateServers are those that development started itself.
type privateServers struct {
	postgres *devstack.Postgres
	redis    *devstack.Redis
}

// startServers starts what the settings do not name, and names it there.
func startServers(ctx context.Context, s *settings, dir string) (*privateServers, error) {
	p := &privateServers{}
	var g errgroup.Group
	if s.DatabaseURL == "" {
		g.Go(func() (err error) {
			p.postgres, err = devstack.StartPostgres(ctx, devstack.PostgresConfig{Dir: filepath.Join(dir, "postgres")})
			if err != nil {
				return err
			}
			const database = "sportello"
			s.DatabaseURL = p.postgres.URL(database)
			return p.postgres.EnsureDatabase(ctx, database)
		})
	}
	if s.RedisURL == "" {
		g.Go(func() (err error) {
			p.redis, err = devstack.StartRedis(ctx, devstack.RedisConfig{Dir: filepath.Join(dir, "redis")})
			if err != nil {
				return err
			}
			s.RedisURL = p.redis.URL()
			return nil
		})
	}
	return p, g.Wait()
}

func (p *privateServers) stop() error {
	var errs []error
	if p.redis != nil {
		errs = append(errs, p.redis.Stop())
	}
	if p.postgres != nil {
		errs = append(errs, p.postgres.Stop())
	}
	return errors.Join(errs...)
}

// freeMediaPort lets any free port stand in for the usual one, unless a port
// was asked for: two counters may run on one developer's machine.
func freeMediaPort(ctx context.Context, env *environment, s *settings, log *slog.Logger) {
	if env.vars["SPORTELLO_MEDIA_PORT"] != "" {
		return
	}
	var c net.ListenConfig
	for i := range s.mediaLoops() {
		probe, err := c.ListenPacket(ctx, "udp", ":"+strconv.Itoa(s.MediaPort+i))
		if err != nil {
			log.WarnContext(ctx, "a usual media port is taken, using free ones", "port", s.MediaPort+i)
			s.MediaPort = 0
			return
		}
		_ = probe.Close()
	}
	probe, err := c.Listen(ctx, "tcp", ":"+strconv.Itoa(s.MediaPort))
	if err != nil {
		log.WarnContext(ctx, "the usual media port for TCP is taken, using a free one", "port", s.MediaPort)
		s.MediaTCPPort = cmp.Or(s.MediaTCPPort, "0")
		return
	}
	_ = probe.Close()
}

// demonstrate fills the town and says how to try it.
func demonstrate(ctx context.Context, env *environment, agenda *booking.Agenda, mailbox bool, r running) error {
	if err := agenda.Seed(ctx, booking.SeedFiles()); err != nil {
		return err
	}
	if err := agenda.SeedStaff(ctx, demoPassword); err != nil {
		return err
	}
	out := printer{env.out}
	out.line("\n  Sportello Virtuale is running. Stop it with Ctrl-C.\n")
	out.line("  Citizens   %s/", r.URL)
	out.line("  Staff      %s/it/staff/", r.URL)
	out.line("             amministratore, operatore, reception,")
	out.line("             anagrafe, statocivile, cimiteri, tributi")
	out.line("             password: %s", demoPassword)
	if mailbox {
		out.line("  Mails      %s/it/staff/posta (amministratore): they are shown, not sent", r.URL)
	}
	out.line("")
	demo, err := agenda.DemoAppointment(ctx)
	if errors.Is(err, booking.ErrSlotTaken) {
		out.line("  All virtual desks are busy right now: book a call at the address above.\n")
		return nil
	}
	if err != nil {
		return err
	}
	host, err := agenda.HostGrant(ctx, demo.Appointment.ID, demo.Clerk)
	if err != nil {
		return err
	}
	out.line("  A call to try at once (%s, %s, until %s):", demo.Appointment.Office.Name.In("it"),
		demo.Appointment.Service.Name.In("it"), demo.Appointment.End.Format("15:04"))
	out.line("  the citizen %s/it/stanza#%s", r.URL, demo.Secret)
	out.line("  the clerk   %s/it/stanza#%s", r.URL, host)
	out.line("  (open them in two windows; %s also sees the citizen at %s/it/staff/)\n", demo.Clerk.Login, r.URL)
	return nil
}
