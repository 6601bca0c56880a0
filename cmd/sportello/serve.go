package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"syscall"
	"time"

	"sportello/web"
)

const (
	// drainTime is how long a stop waits for requests and calls to end.
	drainTime = 15 * time.Second
	// bodyTime is how long a form may take to arrive. Events streams and
	// sockets live on, so this is no ReadTimeout of the whole server.
	bodyTime = 30 * time.Second
)

// running is a counter that listens.
type running struct {
	URL string // public
	// Listening is where the pages are served, MediaPorts where media is.
	Listening  net.Addr
	MediaPorts []int
	// Private is where metrics and profiles are; nil where they are off.
	Private net.Addr
}

// runServe runs the counter until ctx ends.
func runServe(ctx context.Context, env *environment, args []string) (err error) {
	defer func() { err = unlessStopped(ctx, err) }()
	if err := parse(env.flags("serve"), args); err != nil {
		return err
	}
	s, err := loadSettings(env.vars)
	if err != nil {
		return err
	}
	if err := s.complete(); err != nil {
		return err
	}
	log := s.logger(env.errOut)
	if s.Addr == "" {
		s.Addr = ":8080"
		if s.TLS == "self" {
			s.Addr = ":8443"
		}
	}
	l, err := listen(ctx, s.Addr)
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // the server closes it first
	st, err := openStores(ctx, s, log)
	if err != nil {
		return err
	}
	defer st.close()
	if err := migrate(ctx, st.pool); err != nil {
		return err
	}
	out, err := openOutlets(s, false)
	if err != nil {
		return err
	}
	return serveOn(ctx, s, st, out, l, log, func(r running, _ *app) error {
		log.InfoContext(ctx, "listening", "address", r.Listening.String(), "url", r.URL, "media_ports", r.MediaPorts)
		if env.ready != nil {
			env.ready(r)
		}
		return nil
	})
}

// unlessStopped is the error of a start; none where it ended because it was asked to.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// serveOn serves on l until ctx ends, and then drains. started is called once
// the counter answers.
func serveOn(ctx context.Context, s settings, st stores, out outlets, l net.Listener, log *slog.Logger, started func(running, *app) error) error {
	source, err := s.certificate()
	if err != nil {
		return err
	}
	tlsConfig, err := source.load(s.StateDir, time.Now())
	if err != nil {
		return err
	}
	private, err := listenPrivate(ctx, s)
	if err != nil {
		return err
	}
	a, err := newApp(ctx, s, st, tlsConfig, out, log)
	if err != nil {
		if private != nil {
			_ = private.Close()
		}
		return err
	}
	debug.FreeOSMemory() // what the start left behind; an idle program would keep it for minutes
	registry := newRegistry(a.media, a.rooms, a.relay)
	registry.MustRegister(newNoticesMetric(st.pool, log))
	p := servePrivate(ctx, private, registry, a.media, log)
	h := &health{stores: st}
	srv := newServer(s, a, h, tlsConfig, log)
	served := make(chan error, 1)
	go func() {
		if tlsConfig != nil {
			served <- srv.ServeTLS(l, "", "")
			return
		}
		served <- srv.Serve(l)
	}()
	err = started(running{URL: s.PublicURL, Listening: l.Addr(), MediaPorts: a.media.Ports(), Private: p.addr()}, a)
	if err == nil {
		select {
		case <-ctx.Done():
			log.InfoContext(ctx, "stopping")
		case err = <-served:
			err = fmt.Errorf("serve: %w", err)
		}
	}
	// ctx has ended; what drains has its own time.
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	h.drain()
	a.pages.EndStreams()
	closed := make(chan error, 1)
	go func() { closed <- a.close(drain) }()
	if shutdown := srv.Shutdown(drain); shutdown != nil {
		err = errors.Join(err, fmt.Errorf("stop: %w", shutdown), srv.Close())
	}
	return errors.Join(err, <-closed, p.close())
}

func newServer(s settings, a *app, h *health, tlsConfig *tls.Config, log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.alive)
	mux.HandleFunc("GET /readyz", h.ready)
	mux.Handle("GET /ws", web.TrustProxies(s.Proxies, a.rooms))
	mux.Handle("/", a.pages)
	return &http.Server{
		Handler:           boundBodies(mux),
		TLSConfig:         tlsConfig,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      time.Minute, // streams of events prolong it with each event
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.With("part", "http").Handler(), slog.LevelDebug),
	}
}

// boundBodies gives every form a time to arrive in.
func boundBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// Only a connection that is gone has no deadline to set.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
		}
		next.ServeHTTP(w, r)
	})
}

// listen opens the pages' port, and says so clearly where it is taken.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program: choose another address with SPORTELLO_ADDR: %w", addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}
