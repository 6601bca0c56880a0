package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

const (
	// bodyLimit bounds every form: the longest has a note of 1,000 characters.
	bodyLimit = 64 << 10
	// pageTimeout bounds the work for one page, so that a database that hangs
	// becomes an answer.
	pageTimeout = 10 * time.Second

	// pagePolicy lets a page use what we serve and nothing else. Images may be
	// data: because bootstrap-italia's stylesheet draws its marks that way.
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	noPermissions = "camera=(), microphone=(), display-capture=(), geolocation=()"
)

type ctxKey int

const (
	ctxRequestID ctxKey = iota
	ctxLanguage
	ctxToken
)

// middleware wraps every route, outermost first.
func (s *Server) middleware(next http.Handler) (http.Handler, error) {
	origin := http.NewCrossOriginProtection()
	if err := origin.AddTrustedOrigin(s.public.Scheme + "://" + s.public.Host); err != nil {
		return nil, fmt.Errorf("web: trusted origin: %w", err)
	}
	origin.AddInsecureBypassPattern(apiPath + "/") // tokens, not cookies, open it
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, errCrossOrigin)
	}))
	h := origin.Handler(next)
	h = limitBody(h)
	h = secureHeaders(h)
	h = s.recoverPanics(h)
	return TrustProxies(s.proxies, s.logRequests(h)), nil
}

// bodyLimitOf is bodyLimit, but for the one form that takes a file.
func bodyLimitOf(path string) int64 {
	if strings.HasSuffix(path, importPath) {
		return importBytes + bodyLimit
	}
	return bodyLimit
}

func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil {
			r.Body = http.MaxBytesReader(w, r.Body, bodyLimitOf(r.URL.Path))
		}
		next.ServeHTTP(w, r)
	})
}

func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("Permissions-Policy", noPermissions)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// recoverPanics answers with the error page where a handler panics.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { //nolint:contextcheck // the request carries it
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.log.ErrorContext(r.Context(), "panic in a handler",
				slog.Any("panic", v), slog.String("stack", string(debug.Stack())), slog.String("request", requestID(r.Context())))
			s.fail(w, r, errPanicked)
		}()
		next.ServeHTTP(w, r)
	})
}

// statusWriter remembers the status for the log line.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(code int) {
	if w.status == 0 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach Flush and deadlines.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// logRequests gives each request an id and writes one line about it: the
// route, never the path or query with what somebody typed, nor their address.
func (s *Server) logRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := strings.ToLower(rand.Text()[:12])
		ctx := context.WithValue(r.Context(), ctxRequestID, id)
		r = r.WithContext(ctx)
		w.Header().Set("X-Request-Id", id)
		sw := &statusWriter{ResponseWriter: w}
		start := time.Now()
		next.ServeHTTP(sw, r)
		if strings.HasPrefix(r.URL.Path, "/static/") && sw.status < http.StatusBadRequest {
			return
		}
		s.log.InfoContext(ctx, "request", slog.String("request", id), slog.String("method", r.Method),
			slog.String("route", r.Pattern), slog.Int("status", sw.status), slog.Duration("took", time.Since(start)))
	})
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(ctxRequestID).(string)
	return id
}
