package web

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"sportello/booking"
)

// The API is for the municipality's own programs. openapi.json says what each
// operation takes and gives; a test holds the two together, and api_page.go
// shows it to people.
//
//go:embed api_openapi.json
var openAPI []byte

const (
	apiPath = "/api/v1"
	// How often one token may come: a site and an app with all their readers.
	apiCalls      = 1200
	apiCallsEvery = time.Minute
	apiHolds      = 600
	// apiStrangers is how often a minute one address may come with no token of ours.
	apiStrangers = 30
	// secretHeader carries the secret of one appointment, beside the token.
	secretHeader = "Appointment-Secret"
)

// apiOperation is one line of the API's list.
type apiOperation struct {
	Method, Path string
	Scope        booking.Scope // "" is for everybody
	Handler      handlerFunc
}

func (s *Server) apiOperations() []apiOperation {
	return []apiOperation{
		{http.MethodGet, "/openapi.json", "", s.apiDocument},
		{http.MethodGet, "/offices", booking.ScopeRead, s.apiOffices},
		{http.MethodGet, "/services", booking.ScopeRead, s.apiServices},
		{http.MethodGet, "/availability", booking.ScopeRead, s.apiAvailability},
		{http.MethodGet, "/earliest", booking.ScopeRead, s.apiEarliest},
		{http.MethodPost, "/holds", booking.ScopeBook, s.apiHold},
		{http.MethodPost, "/appointment/confirm", booking.ScopeBook, s.apiConfirm},
		{http.MethodGet, "/appointment", booking.ScopeBook, s.apiAppointment},
		{http.MethodPost, "/appointment/reschedule", booking.ScopeBook, s.apiReschedule},
		{http.MethodPost, "/appointment/cancel", booking.ScopeBook, s.apiCancel},
	}
}

// apiState counts who comes how often.
type apiState struct{ calls, holds, strangers *limit }

func newAPIState(l *limits) apiState {
	return apiState{
		calls:     l.limit("api", apiCalls, apiCallsEvery),
		holds:     l.limit("api-holds", apiHolds, holdWindow),
		strangers: l.limit("api-strangers", apiStrangers, time.Minute),
	}
}

// apiRoutes registers each path once, so that a wrong method is told which are right.
func (s *Server) apiRoutes(mux *http.ServeMux) {
	paths := map[string][]apiOperation{}
	for _, o := range s.apiOperations() {
		paths[o.Path] = append(paths[o.Path], o)
	}
	for path, operations := range paths {
		mux.HandleFunc(apiPath+path, func(w http.ResponseWriter, r *http.Request) { s.apiServe(w, r, operations) })
	}
	s.page(mux, "GET "+apiDocPath, s.apiPage)
	mux.HandleFunc("GET "+apiPath, s.apiHome)
	mux.HandleFunc("GET "+apiPath+"/{$}", s.apiHome)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) { s.apiFail(w, r, errNoPage) })
}

func (s *Server) apiServe(w http.ResponseWriter, r *http.Request, operations []apiOperation) {
	ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	noStore(w)
	w.Header().Add("Vary", "Origin")
	methods := []string{http.MethodOptions}
	for _, o := range operations {
		methods = append(methods, o.Method)
	}
	if r.Method == http.MethodOptions {
		s.apiPreflight(w, r, methods)
		return
	}
	i := slices.IndexFunc(operations, func(o apiOperation) bool { return o.Method == r.Method })
	if i < 0 {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		s.apiFail(w, r, errMethod)
		return
	}
	t, err := s.apiAdmit(w, r, operations[i].Scope)
	if err == nil {
		err = operations[i].Handler(w, r.WithContext(context.WithValue(ctx, ctxToken, t)))
	}
	if err != nil {
		s.apiFail(w, r, err)
	}
}

// apiAdmit finds the token that a request came with, and says whether it may.
// The token stands in its header only (RFC 6750, section 2.1): addresses are logged.
func (s *Server) apiAdmit(w http.ResponseWriter, r *http.Request, scope booking.Scope) (booking.APIToken, error) {
	if scope == "" {
		return booking.APIToken{}, nil
	}
	kind, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	t, err := booking.APIToken{}, booking.ErrNotFound
	if strings.EqualFold(kind, "Bearer") {
		t, err = s.agenda.APITokenBySecret(r.Context(), strings.TrimSpace(secret))
	}
	switch {
	case errors.Is(err, booking.ErrNotFound):
		if s.api.strangers.over(w, r, PeerAddress(r)) {
			return t, errTooMany
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="sportello"`)
		return t, errNoToken
	case err != nil:
		return t, err
	case !s.apiOrigin(w, r, t.Origins):
		return t, errOrigin
	case s.api.calls.over(w, r, idText(t.ID)):
		return t, errTooMany
	case !t.Allows(scope):
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+string(scope)+`"`)
		return t, errScope
	}
	return t, nil
}

// apiOrigin lets scripts of a page read the answer where the token is for
// them. Who is no browser says no origin, and needs none.
func (s *Server) apiOrigin(w http.ResponseWriter, r *http.Request, origins []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if !slices.Contains(origins, origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
	return true
}

// apiPreflight answers a browser that asks before it sends the token.
func (s *Server) apiPreflight(w http.ResponseWriter, r *http.Request, methods []string) {
	origin := r.Header.Get("Origin")
	allowed, err := s.agenda.AllowedOrigin(r.Context(), origin)
	if err != nil {
		s.apiFail(w, r, err)
		return
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	if allowed {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+secretHeader)
		w.Header().Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

// apiToken is the token of an admitted request.
func apiToken(r *http.Request) booking.APIToken {
	t, _ := r.Context().Value(ctxToken).(booking.APIToken)
	return t
}

func (s *Server) apiDocument(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Link", s.apiPageLinks())
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	writeBody(r, w, s.log, openAPI)
	return nil
}

// answerJSON writes an answer of the API.
func (s *Server) answerJSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	writeBody(r, w, s.log, append(body, '\n'))
	return nil
}

// readJSON reads the body of a request: one object, with no member that the
// operation does not know, since what is misspelt would be lost in silence.
func readJSON(r *http.Request, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errNotJSON
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil && d.More() {
		err = errBadForm
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), err != nil:
		return &badJSONError{err}
	}
	return nil
}

// logAPI notes what went wrong on our side.
func (s *Server) logAPI(r *http.Request, err error) {
	s.log.ErrorContext(r.Context(), "request failed", slog.String("request", requestID(r.Context())),
		slog.String("route", r.Pattern), slog.String("error", err.Error()))
}
