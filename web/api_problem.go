package web

import (
	"context"
	"errors"
	"net/http"

	"sportello/booking"
)

// Why the API does not answer, beyond what pages know.
var (
	errMethod  = errors.New("web: method not allowed")
	errNoToken = errors.New("web: no valid token")
	errScope   = errors.New("web: token lacks the scope")
	errOrigin  = errors.New("web: token is not for this origin")
	errNotJSON = errors.New("web: body is not JSON")
)

// badJSONError says what is wrong with a body.
type badJSONError struct{ cause error }

// Error implements error.
func (e *badJSONError) Error() string { return e.cause.Error() }

// Unwrap lets errors.Is find errBadForm.
func (e *badJSONError) Unwrap() error { return errBadForm }

// apiProblem is an error as RFC 9457 has it. Its type ends in a code that
// programs may rely on; the texts are for their developers.
type apiProblem struct {
	Type    string            `json:"type"`
	Title   string            `json:"title"`
	Status  int               `json:"status"`
	Detail  string            `json:"detail,omitempty"`
	Request string            `json:"request,omitempty"`
	Errors  []apiFieldProblem `json:"errors,omitempty"`
	Next    []apiSlot         `json:"next,omitempty"`
}

type apiFieldProblem struct {
	Field string `json:"field"`
	Code  string `json:"code"`
}

// apiProblemOf is the one place where an error becomes a problem of the API.
func apiProblemOf(err error) apiProblem {
	p := func(status int, code, title string) apiProblem {
		return apiProblem{Type: "urn:sportello:problem:" + code, Title: title, Status: status}
	}
	var field *booking.FieldError
	var taken *booking.SlotTakenError
	var bad *badJSONError
	switch {
	case errors.As(err, &field):
		out := p(http.StatusUnprocessableEntity, "field", "A field cannot be accepted.")
		out.Errors = []apiFieldProblem{{field.Field, field.Code}}
		return out
	case errors.As(err, &taken):
		out := p(http.StatusConflict, "slot_taken", "Somebody else has this start.")
		for _, s := range taken.Next {
			out.Next = append(out.Next, slotOut(s))
		}
		return out
	case errors.As(err, &bad):
		out := p(http.StatusBadRequest, "bad_body", "The body cannot be read.")
		out.Detail = bad.Error()
		return out
	}
	for _, known := range []struct {
		err         error
		status      int
		code, title string
	}{
		{errNoToken, http.StatusUnauthorized, "no_token", "A valid token is needed: Authorization: Bearer …"},
		{errScope, http.StatusForbidden, "scope", "The token does not allow this."},
		{errOrigin, http.StatusForbidden, "origin", "The token is not for scripts of this origin."},
		{errMethod, http.StatusMethodNotAllowed, "method", "This path does not take the method."},
		{errNotJSON, http.StatusUnsupportedMediaType, "not_json", "The body must be application/json."},
		{errTooMany, http.StatusTooManyRequests, "too_many_requests", "Too many requests; try again after Retry-After seconds."},
		{errTooLarge, http.StatusRequestEntityTooLarge, "too_large", "The body is too large."},
		{booking.ErrHoldExpired, http.StatusGone, "hold_expired", "The hold has expired; hold a start anew."},
		{booking.ErrTooMany, http.StatusConflict, "limit_per_contact", "This contact has as many appointments to come as the office allows."},
		{booking.ErrTooLateToChange, http.StatusConflict, "too_late", "It is too late to change this appointment."},
		{booking.ErrState, http.StatusConflict, "state", "Not possible in the state that the appointment is in."},
		{booking.ErrIncomplete, http.StatusUnprocessableEntity, "incomplete", "Details of the person are missing."},
		{booking.ErrNotBookable, http.StatusUnprocessableEntity, "not_bookable", "This start cannot be booked."},
		{booking.ErrNotFound, http.StatusNotFound, "not_found", "There is no such thing."},
		{errNoPage, http.StatusNotFound, "not_found", "There is no such thing."},
	} {
		if errors.Is(err, known.err) {
			return p(known.status, known.code, known.title)
		}
	}
	if unavailable(err) {
		return p(http.StatusServiceUnavailable, "unavailable", "The service is away; try again in a while.")
	}
	return p(http.StatusInternalServerError, "internal", "Something went wrong on our side.")
}

// apiFail answers with a problem.
func (s *Server) apiFail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the caller went away
	}
	p := apiProblemOf(err)
	p.Request = requestID(r.Context())
	if p.Status >= http.StatusInternalServerError {
		s.logAPI(r, err)
	}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "30")
	}
	noStore(w)
	w.Header().Set("Content-Type", "application/problem+json")
	if err := s.answerJSON(w, r, p.Status, p); err != nil {
		s.logAPI(r, err)
	}
}
