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

// apiProblemOf is the problem of the API that an error becomes.
func apiProblemOf(err error) apiProblem {
	p := func(status int, code, title string) apiProblem {
		return apiProblem{Type: "urn:sportello:problem:" + code, Title: title, Status: status}
	}
	var field *booking.FieldError
	var taken *booking.SlotTakenError
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
	}
	f := faultOf(err, func(f fault) bool { return f.code != "" })
	out := p(f.status, f.code, f.title)
	var bad *badJSONError
	if errors.As(err, &bad) {
		out.Detail = bad.Error()
	}
	return out
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
