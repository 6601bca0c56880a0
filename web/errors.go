package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
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
	// Address is the request's, to try it once more.
	Address string
	// Sent says that a form came which may succeed later, and Fields what it said:
	// it can be sent once more from the page.
	Sent   bool
	Fields url.Values
}

// fault is what an error comes to: a status, and how it is told.
type fault struct {
	status int
	page   string // the kind of page (see problem); "" where no page expects it
	code   string // of the API, and for its developers title; "" where no program can meet it
	title  string
}

// faults is the one table of which error comes to what; the first that fits counts.
func faults() []struct {
	err error
	fault
} {
	return []struct {
		err error
		fault
	}{
		{errNoToken, fault{http.StatusUnauthorized, "", "no_token", "A valid token is needed: Authorization: Bearer …"}},
		{errScope, fault{http.StatusForbidden, "", "scope", "The token does not allow this."}},
		{errOrigin, fault{http.StatusForbidden, "", "origin", "The token is not for scripts of this origin."}},
		{errMethod, fault{http.StatusMethodNotAllowed, "", "method", "This path does not take the method."}},
		{errNotJSON, fault{http.StatusUnsupportedMediaType, "", "not_json", "The body must be application/json."}},
		{errSignedOut, fault{http.StatusUnauthorized, "signed_out", "", ""}},
		{errCrossOrigin, fault{http.StatusForbidden, "cross_origin", "", ""}},
		{errForbidden, fault{http.StatusForbidden, "forbidden", "", ""}},
		{errTooMany, fault{http.StatusTooManyRequests, "too_many", "too_many_requests", "Too many requests; try again after Retry-After seconds."}},
		{errTooLarge, fault{http.StatusRequestEntityTooLarge, "too_large", "too_large", "The body is too large."}},
		{errBadForm, fault{http.StatusBadRequest, "bad_form", "bad_body", "The body cannot be read."}},
		{booking.ErrHoldExpired, fault{http.StatusGone, "", "hold_expired", "The hold has expired; hold a start anew."}},
		{booking.ErrTooMany, fault{http.StatusConflict, "", "limit_per_contact", "This contact has as many appointments to come as the office allows."}},
		{booking.ErrTooLateToChange, fault{http.StatusConflict, "", "too_late", "It is too late to change this appointment."}},
		{booking.ErrState, fault{http.StatusConflict, "", "state", "Not possible in the state that the appointment is in."}},
		{booking.ErrIncomplete, fault{http.StatusUnprocessableEntity, "", "incomplete", "Details of the person are missing."}},
		{booking.ErrNotBookable, fault{http.StatusUnprocessableEntity, "", "not_bookable", "This start cannot be booked."}},
		{booking.ErrNotFound, fault{http.StatusNotFound, "not_found", "not_found", "There is no such thing."}},
		{errNoPage, fault{http.StatusNotFound, "not_found", "not_found", "There is no such thing."}},
	}
}

// faultOf finds what an error comes to, of those for which told is true. What
// is not in the table is the database's being away, or a mistake of ours.
func faultOf(err error, told func(fault) bool) fault {
	for _, known := range faults() {
		if told(known.fault) && errors.Is(err, known.err) {
			return known.fault
		}
	}
	if unavailable(err) {
		return fault{http.StatusServiceUnavailable, "unavailable", "unavailable", "The service is away; try again in a while."}
	}
	return fault{http.StatusInternalServerError, "internal", "internal", "Something went wrong on our side."}
}

// classify says what page an error becomes.
func classify(err error) problem {
	f := faultOf(err, func(f fault) bool { return f.page != "" })
	return problem{Status: f.status, Kind: f.page}
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
	p.RequestID, p.Address = requestID(r.Context()), r.URL.RequestURI()
	if p.Kind == "signed_out" || p.Kind == "too_many" || p.Status >= http.StatusInternalServerError {
		p.Fields, p.Sent = sent(r)
	}
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

// sent gives the form that a request brought, so that nobody types it twice
// because we could not take it. A file is not kept, nor a form with a password:
// that does not belong into a page.
func sent(r *http.Request) (url.Values, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := err == nil && kind == "application/x-www-form-urlencoded" && r.Method == http.MethodPost
	return r.PostForm, form && r.PostForm != nil && !r.PostForm.Has("password") // nil: it was not read
}

// parseForm reads a form within its limit; one with files is left to its handler.
func parseForm(r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
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
