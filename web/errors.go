package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sportello/booking"
)

// Why a handler cannot answer. fail maps each to a page.
var (
	errNoPage      = errors.New("web: no such page")
	errForbidden   = errors.New("web: not allowed")
	errCrossOrigin = errors.New("web: cross-origin request")
	errTooMany     = errors.New("web: too many requests")
	errBadForm     = errors.New("web: form cannot be read")
	errTooLarge    = errors.New("web: form too large")
	errPanicked    = errors.New("web: handler panicked")
)

// problem is what an error page shows: its texts stand in the catalogue under
// error.{Kind}.title, .text and .advice.
type problem struct {
	Status    int
	Kind      string
	RequestID string
}

// classify is the one place where an error becomes a status.
func classify(err error) problem {
	switch {
	case errors.Is(err, errNoPage), errors.Is(err, booking.ErrNotFound):
		return problem{Status: http.StatusNotFound, Kind: "not_found"}
	case errors.Is(err, errCrossOrigin):
		return problem{Status: http.StatusForbidden, Kind: "cross_origin"}
	case errors.Is(err, errForbidden):
		return problem{Status: http.StatusForbidden, Kind: "forbidden"}
	case errors.Is(err, errTooMany):
		return problem{Status: http.StatusTooManyRequests, Kind: "too_many"}
	case errors.Is(err, errTooLarge):
		return problem{Status: http.StatusRequestEntityTooLarge, Kind: "too_large"}
	case errors.Is(err, errBadForm):
		return problem{Status: http.StatusBadRequest, Kind: "bad_form"}
	case unavailable(err):
		return problem{Status: http.StatusServiceUnavailable, Kind: "unavailable"}
	default:
		return problem{Status: http.StatusInternalServerError, Kind: "internal"}
	}
}

// unavailable says whether an error means that the database is away, and the
// same request may succeed in a while.
func unavailable(err error) bool {
	var connect *pgconn.ConnectError
	var server *pgconn.PgError
	var network *net.OpError
	switch {
	case errors.As(err, &server):
		// 08 connection exception, 53 out of resources, 57P shutdown (PostgreSQL, appendix A)
		return strings.HasPrefix(server.Code, "08") || strings.HasPrefix(server.Code, "53") || strings.HasPrefix(server.Code, "57P")
	case errors.As(err, &connect), errors.As(err, &network), pgconn.Timeout(err), pgconn.SafeToRetry(err):
		return true
	default:
		return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
	}
}

// fail answers with the page for an error, in the reader's language.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the reader went away
	}
	p := classify(err)
	p.RequestID = requestID(r.Context())
	if p.Status >= http.StatusInternalServerError {
		s.log.ErrorContext(r.Context(), "request failed", slog.String("request", p.RequestID),
			slog.String("route", r.Pattern), slog.String("error", err.Error()))
	}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "30")
	}
	noStore(w)
	if err := s.render(w, r, p.Status, "base/error.html", Page{Data: p}); err != nil {
		s.log.ErrorContext(r.Context(), "error page failed", slog.String("request", p.RequestID), slog.String("error", err.Error()))
		http.Error(w, http.StatusText(p.Status), p.Status)
	}
}

// parseForm reads a POST body within its limit.
func parseForm(r *http.Request) error {
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case err != nil:
		return errBadForm
	}
	return nil
}

// writeBody writes an answer; a reader who went away is no news.
func writeBody(r *http.Request, w http.ResponseWriter, log *slog.Logger, body []byte) {
	if _, err := bytes.NewReader(body).WriteTo(w); err != nil {
		log.DebugContext(r.Context(), "answer not delivered", slog.String("error", err.Error()))
	}
}
