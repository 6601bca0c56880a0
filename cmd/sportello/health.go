package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// pingTimeout bounds how long a server's answer is waited for.
const pingTimeout = 2 * time.Second

// health answers for those who watch the process.
type health struct {
	stores   stores
	draining atomic.Bool
}

func (h *health) drain() { h.draining.Store(true) }

// alive says that the process runs.
func (h *health) alive(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") }

// ready says whether requests should come here. Without PostgreSQL nothing
// works; without Redis bookings do, and calls go on, so that is only told.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	if h.draining.Load() {
		answer(w, http.StatusServiceUnavailable, "stopping")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
	defer cancel()
	if err := h.stores.pool.Ping(ctx); err != nil {
		answer(w, http.StatusServiceUnavailable, "PostgreSQL does not answer")
		return
	}
	if err := h.stores.redis.Ping(ctx).Err(); err != nil {
		answer(w, http.StatusOK, "ok, but Redis does not answer: nobody can enter a room")
		return
	}
	answer(w, http.StatusOK, "ok")
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// runHealth asks the counter of this machine, for images without a shell.
func runHealth(ctx context.Context, env *environment, args []string) error {
	fs := env.flags("health")
	if err := parse(fs, args); err != nil {
		return err
	}
	s, err := loadSettings(env.vars)
	if err != nil {
		return err
	}
	source, err := s.certificate()
	if err != nil {
		return err
	}
	port, scheme := "8080", "http"
	if source.self {
		port = "8443"
	}
	if source.enabled() {
		scheme = "https"
	}
	if s.Addr != "" {
		if _, port, err = net.SplitHostPort(s.Addr); err != nil {
			return fmt.Errorf("SPORTELLO_ADDR: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort("127.0.0.1", port)+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	client := http.Client{
		Timeout: 2 * pingTimeout,
		// The question is whether it answers; its name is another one's.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, //nolint:gosec // loopback only
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", text)
	}
	_, _ = env.out.Write(text)
	return nil
}
