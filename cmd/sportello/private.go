package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// privateServer serves metrics and profiles to those who run the machine. It
// has no login, so it is off unless asked for, and stays on loopback unless
// another host is written out.
type privateServer struct {
	l   net.Listener
	srv *http.Server
	end chan error
}

// privateAddr is the address to listen on; a port alone means loopback.
func privateAddr(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if port == "" {
		return "", errors.New("no port")
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// listenPrivate opens the port; nil where it is off.
func listenPrivate(ctx context.Context, s settings) (net.Listener, error) {
	if s.PrivateAddr == "" {
		return nil, nil //nolint:nilnil // off is no error
	}
	addr, err := privateAddr(s.PrivateAddr)
	if err != nil {
		return nil, fmt.Errorf("SPORTELLO_PRIVATE_ADDR: %w", err)
	}
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("the private port (SPORTELLO_PRIVATE_ADDR): %w", err)
	}
	return l, nil
}

// servePrivate serves on l until close; l may be nil.
func servePrivate(ctx context.Context, l net.Listener, from prometheus.Gatherer, media capturer, log *slog.Logger) *privateServer {
	p := &privateServer{l: l, end: make(chan error, 1)}
	if l == nil {
		return p
	}
	if tcp, ok := l.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		log.WarnContext(ctx, "metrics and profiles are served without a login on an address that others may reach", "address", tcp.String())
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(from, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 10 * time.Second}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/capture", func(w http.ResponseWriter, r *http.Request) { capture(w, r, media, log) })
	p.srv = &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.With("part", "private").Handler(), slog.LevelDebug),
	}
	go func() { p.end <- p.srv.Serve(l) }()
	return p
}

// capturer is the media server as a developer may watch it.
type capturer interface {
	Capture(context.Context, io.Writer) error
}

const captureLongest = time.Minute

// capture sends what arrives on the media port, headers only, for ?seconds=N.
func capture(w http.ResponseWriter, r *http.Request, media capturer, log *slog.Logger) {
	n, err := strconv.Atoi(cmp.Or(r.FormValue("seconds"), "10"))
	length := time.Duration(n) * time.Second
	if err != nil || length <= 0 || length > captureLongest {
		http.Error(w, "seconds: 1 to 60", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="sportello.cap"`)
	ctx, cancel := context.WithTimeout(r.Context(), length)
	defer cancel()
	if err := media.Capture(ctx, w); err != nil {
		log.ErrorContext(ctx, "capture ended early", "error", err)
		panic(http.ErrAbortHandler) // so that the file does not look whole
	}
}

func (p *privateServer) addr() net.Addr {
	if p.l == nil {
		return nil
	}
	return p.l.Addr()
}

// close cuts off what is still running: nobody waits for a profile.
func (p *privateServer) close() error {
	if p.srv == nil {
		return nil
	}
	err := p.srv.Close()
	if served := <-p.end; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("private port: %w", err)
	}
	return nil
}
