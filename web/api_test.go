package web

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"sportello/booking"
)

// program is one of the municipality's own: it speaks to the API, and every
// answer is held against the document.
type program struct {
	*town
	token  string
	router routers.Router
}

func (w *town) program(t booking.APIToken) *program {
	w.t.Helper()
	_, secret, err := w.agenda.AddAPIToken(w.t.Context(), t, booking.Actor{})
	if err != nil {
		w.t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := doc.Validate(w.t.Context()); err != nil {
		w.t.Fatalf("the document: %v", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		w.t.Fatal(err)
	}
	return &program{town: w, token: secret, router: router}
}

// reply is an answer that was held against the document.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
}

// problem is the code of an error.
func (r reply) problem(t *testing.T, status int) string {
	t.Helper()
	var p apiProblem
	r.into(t, &p)
	if r.status != status || p.Status != status || r.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	return strings.TrimPrefix(p.Type, "urn:sportello:problem:")
}

func (p *program) call(method, path string, body any, header ...string) reply {
	p.t.Helper()
	var sent io.Reader
	if text, ok := body.(string); ok {
		sent = strings.NewReader(text)
	} else if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		sent = bytes.NewReader(data)
	}
	r := httptest.NewRequestWithContext(p.t.Context(), method, apiPath+path, sent)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	p.server.ServeHTTP(rec, r)
	got := reply{rec.Code, rec.Header(), rec.Body.Bytes()}
	route, params, err := p.router.FindRoute(r)
	if err != nil {
		return got // a path or method that the document does not have
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 got.status, Header: got.header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	in.SetBodyBytes(got.body)
	if err := openapi3filter.ValidateResponse(p.t.Context(), in); err != nil {
		p.t.Errorf("%s %s answers %d, which the document does not have: %v\n%s", method, path, got.status, err, got.body)
	}
	return got
}

func (p *program) slots(query string) []apiSlot {
	p.t.Helper()
	var out struct{ Slots []apiSlot }
	got := p.call(http.MethodGet, "/availability?"+query, nil)
	if got.status != http.StatusOK {
		p.t.Fatalf("availability: %d %s", got.status, got.body)
	}
	got.into(p.t, &out)
	return out.Slots
}

var bothScopes = []booking.Scope{booking.ScopeRead, booking.ScopeBook} //nolint:gochecknoglobals // a constant in all but name

func mariaByAPI() map[string]any {
	return map[string]any{
		"person":               map[string]string{"name": "Maria", "surname": "D'Angelo", "email": "maria@example.it", "language": "en"},
		"note":                 "Ho una domanda.",
		"privacy_acknowledged": true,
	}
}

func TestTheDocumentHasEveryOperation(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	var said, served []string
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			said = append(said, method+" "+path+" "+scopeOf(o))
		}
	}
	s := &Server{}
	for _, o := range s.apiOperations() {
		served = append(served, strings.TrimSpace(o.Method+" "+o.Path+" "+string(o.Scope)))
	}
	for i := range said {
		said[i] = strings.TrimSpace(said[i])
	}
	slices.Sort(said)
	slices.Sort(served)
	if !slices.Equal(said, served) {
		t.Errorf("the document has\n%s\nthe server\n%s", strings.Join(said, "\n"), strings.Join(served, "\n"))
	}
}

func scopeOf(o *openapi3.Operation) string {
	scope, _ := o.Extensions["x-scope"].(string)
	return scope
}

// TestAProgramBooks plays the story of the municipality's app.
func TestAProgramBooks(t *testing.T) {
	w := newTown(t)
	p := w.program(booking.APIToken{Name: "App", Scopes: bothScopes})
	var offices struct{ Offices []apiOffice }
	p.call(http.MethodGet, "/offices", nil).into(t, &offices)
	if len(offices.Offices) == 0 || offices.Offices[0].TimeZone != "Europe/Rome" {
		t.Fatalf("offices %+v", offices)
	}
	service := w.citizen().service()
	var services struct{ Services []apiService }
	p.call(http.MethodGet, "/services?office="+testOffice, nil).into(t, &services)
	if !slices.ContainsFunc(services.Services, func(x apiService) bool { return x.Slug == service && x.Duration > 0 }) {
		t.Fatalf("services %+v", services)
	}
	var first struct{ Earliest []apiFirst }
	p.call(http.MethodGet, "/earliest?office="+testOffice+"&service="+service, nil).into(t, &first)
	if len(first.Earliest) != 2 || first.Earliest[0].Start == nil {
		t.Fatalf("earliest %+v", first)
	}
	query := "office=" + testOffice + "&service=" + service + "&mode=virtual"
	slots := p.slots(query)
	if len(slots) < 3 {
		t.Fatalf("%d slots", len(slots))
	}
	slots = p.slots(query + "&from=2031-11-20&to=2031-11-20") // late enough to be changed
	if len(slots) < 3 || slots[0].Start.Day() != 20 || slots[len(slots)-1].Start.Day() != 20 {
		t.Fatalf("one day: %+v", slots)
	}

	ask := map[string]any{"office": testOffice, "service": service, "mode": "virtual", "start": slots[0].Start}
	var hold, booked, moved, read apiBooked
	got := p.call(http.MethodPost, "/holds", ask)
	got.into(t, &hold)
	if got.status != http.StatusCreated || hold.State != booking.Held || hold.Secret == "" || hold.Code != "" || hold.HoldExpiresAt == nil {
		t.Fatalf("hold: %d %s", got.status, got.body)
	}
	mine := []string{secretHeader, hold.Secret}
	if code := p.call(http.MethodPost, "/appointment/confirm", map[string]any{"person": map[string]string{}}, mine...).problem(t, http.StatusUnprocessableEntity); code != "field" {
		t.Errorf("without the privacy notice: %s", code)
	}
	nobody := mariaByAPI()
	nobody["person"] = map[string]string{"name": "Maria"}
	var why apiProblem
	p.call(http.MethodPost, "/appointment/confirm", nobody, mine...).into(t, &why)
	if len(why.Errors) != 1 || why.Errors[0].Field != "surname" || why.Errors[0].Code != "required" {
		t.Errorf("without a surname: %+v", why)
	}
	for range 2 { // an answer that was lost is asked for again
		got = p.call(http.MethodPost, "/appointment/confirm", mariaByAPI(), mine...)
		got.into(t, &booked)
		if got.status != http.StatusOK || booked.State != booking.Booked || len(booked.Code) != 9 || booked.ID != hold.ID {
			t.Fatalf("confirm: %d %s", got.status, got.body)
		}
	}
	if booked.ManageURL != "http://sportello.test/en/appuntamento#"+hold.Secret || booked.RoomURL != "http://sportello.test/en/stanza#"+hold.Secret {
		t.Errorf("links %s %s", booked.ManageURL, booked.RoomURL)
	}
	if strings.Contains(string(got.body), "Angelo") || strings.Contains(string(got.body), "maria@") {
		t.Errorf("the answer names the person: %s", got.body)
	}
	a, err := w.agenda.BySecret(t.Context(), hold.Secret)
	if err != nil || a.Channel != booking.ByAPI || a.Person.Surname != "D'Angelo" || a.Note != "Ho una domanda." {
		t.Fatalf("stored %+v, %v", a, err)
	}

	p.call(http.MethodPost, "/appointment/reschedule", map[string]any{"start": slots[2].Start}, mine...).into(t, &moved)
	if !moved.Start.Equal(slots[2].Start) || moved.Version <= booked.Version || moved.Code != booked.Code {
		t.Errorf("moved %+v", moved)
	}
	for range 2 {
		got = p.call(http.MethodPost, "/appointment/cancel", nil, mine...)
		got.into(t, &read)
		if got.status != http.StatusOK || read.State != booking.Cancelled {
			t.Errorf("cancel: %d %s", got.status, got.body)
		}
	}
	if code := p.call(http.MethodPost, "/appointment/reschedule", map[string]any{"start": slots[1].Start}, mine...).problem(t, http.StatusConflict); code != "state" {
		t.Errorf("moving what is cancelled: %s", code)
	}
	if logs := w.logs.String(); strings.Contains(logs, hold.Secret) || strings.Contains(logs, p.token) || strings.Contains(logs, "Angelo") {
		t.Error("the log has a secret or a name")
	}
}

func TestAHoldOfAProgramEnds(t *testing.T) {
	w := newTown(t)
	p := w.program(booking.APIToken{Name: "App", Scopes: bothScopes})
	service := w.citizen().service()
	slots := p.slots("office=" + testOffice + "&service=" + service)
	ask := map[string]any{"office": testOffice, "service": service, "mode": "virtual", "start": slots[3].Start}
	var hold, again apiBooked
	p.call(http.MethodPost, "/holds", ask).into(t, &hold)
	w.wait(time.Hour)
	mine := []string{secretHeader, hold.Secret}
	p.call(http.MethodGet, "/appointment", nil, mine...).into(t, &again)
	if again.State != booking.Expired || again.Code != "" {
		t.Errorf("after its time: %+v", again)
	}
	if code := p.call(http.MethodPost, "/appointment/confirm", mariaByAPI(), mine...).problem(t, http.StatusGone); code != "hold_expired" {
		t.Errorf("too late: %s", code)
	}
	p.call(http.MethodPost, "/appointment/reschedule", map[string]any{"start": slots[len(slots)-1].Start}, mine...).into(t, &again)
	if again.State != booking.Held {
		t.Fatalf("held anew: %+v", again)
	}
	if got := p.call(http.MethodPost, "/appointment/confirm", mariaByAPI(), mine...); got.status != http.StatusOK {
		t.Errorf("confirm: %s", got.body)
	}
	// What the site holds is finished there.
	c := w.citizen()
	c.holds("video")
	for _, cookie := range c.client.Jar.Cookies(c.at) {
		if cookie.Name == holdCookie {
			p.call(http.MethodGet, "/appointment", nil, secretHeader, cookie.Value).problem(t, http.StatusNotFound)
		}
	}
}

func TestTheLastSlotIsTakenOnceByPrograms(t *testing.T) {
	w := newTown(t)
	p := w.program(booking.APIToken{Name: "App", Scopes: bothScopes})
	service := w.citizen().service()
	slot := p.slots("office=" + testOffice + "&service=" + service + "&mode=virtual")[0]
	ask := map[string]any{"office": testOffice, "service": service, "mode": "virtual", "start": slot.Start}
	won := 0
	for range slot.Desks + 8 {
		got := p.call(http.MethodPost, "/holds", ask)
		if got.status == http.StatusCreated {
			won++
			continue
		}
		var why apiProblem
		got.into(t, &why)
		if got.problem(t, http.StatusConflict) != "slot_taken" || len(why.Next) == 0 || !why.Next[0].Start.After(slot.Start) {
			t.Fatalf("lost: %s", got.body)
		}
	}
	if won == 0 || won > slot.Desks+1 { // desks of both modes may serve
		t.Errorf("%d won, %d desks", won, slot.Desks)
	}
}

func TestTheAPIRefusesBadInput(t *testing.T) {
	w := newTown(t)
	p := w.program(booking.APIToken{Name: "App", Scopes: bothScopes})
	service := w.citizen().service()
	base := "/availability?office=" + testOffice + "&service=" + service
	ask := func(change map[string]any) map[string]any {
		out := map[string]any{"office": testOffice, "service": service, "mode": "virtual", "start": "2031-11-20T09:00:00+01:00"}
		maps.Copy(out, change)
		return out
	}
	for _, c := range []struct {
		method, path string
		body         any
		header       []string
		status       int
		code         string
	}{
		{http.MethodGet, "/availability?office=boh&service=boh", nil, nil, http.StatusNotFound, "not_found"},
		{http.MethodGet, base + "&mode=smoke", nil, nil, http.StatusUnprocessableEntity, "field"},
		{http.MethodGet, base + "&from=2031-02-30", nil, nil, http.StatusUnprocessableEntity, "field"},
		{http.MethodGet, base + "&from=2031-11-20&to=2031-11-19", nil, nil, http.StatusUnprocessableEntity, "field"},
		{http.MethodGet, base + "&from=2031-11-20&to=2032-11-19", nil, nil, http.StatusUnprocessableEntity, "field"},
		{http.MethodGet, base + "&also=boh", nil, nil, http.StatusUnprocessableEntity, "not_bookable"},
		{http.MethodGet, "/services?office=%00", nil, nil, http.StatusNotFound, "not_found"},
		{http.MethodGet, "/earliest?kind=boh", nil, nil, http.StatusNotFound, "not_found"},
		{http.MethodGet, "/appointment", nil, nil, http.StatusNotFound, "not_found"},
		{http.MethodGet, "/appointment", nil, []string{secretHeader, strings.Repeat("A", 48)}, http.StatusNotFound, "not_found"},
		{http.MethodGet, "/nothing", nil, nil, http.StatusNotFound, "not_found"},
		{http.MethodDelete, "/offices", nil, nil, http.StatusMethodNotAllowed, "method"},
		{http.MethodPost, "/holds", "{", nil, http.StatusBadRequest, "bad_body"},
		{http.MethodPost, "/holds", "", nil, http.StatusBadRequest, "bad_body"},
		{http.MethodPost, "/holds", `{"start":"domani"}`, nil, http.StatusBadRequest, "bad_body"},
		{http.MethodPost, "/holds", ask(map[string]any{"starts": 1}), nil, http.StatusBadRequest, "bad_body"},
		{http.MethodPost, "/holds", ask(map[string]any{"office": strings.Repeat("x", bodyLimit)}), nil, http.StatusRequestEntityTooLarge, "too_large"},
		{http.MethodPost, "/holds", ask(nil), []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType, "not_json"},
		{http.MethodPost, "/holds", ask(map[string]any{"mode": ""}), nil, http.StatusUnprocessableEntity, "field"},
		{http.MethodPost, "/holds", ask(map[string]any{"start": "2031-11-20T03:00:00+01:00"}), nil, http.StatusUnprocessableEntity, "not_bookable"},
	} {
		if got := p.call(c.method, c.path, c.body, c.header...).problem(t, c.status); got != c.code {
			t.Errorf("%s %.60s: %s, want %s", c.method, c.path, got, c.code)
		}
	}
}

func TestTokensOpenWhatTheyAreFor(t *testing.T) {
	w := newTown(t)
	const site = "https://www.comune.example"
	p := w.program(booking.APIToken{Name: "Sito", Scopes: []booking.Scope{booking.ScopeRead}, Origins: []string{site + "/"}})
	if got := p.call(http.MethodPost, "/holds", map[string]any{}).problem(t, http.StatusForbidden); got != "scope" {
		t.Errorf("booking with a token to read: %s", got)
	}
	if got := p.call(http.MethodGet, "/offices", nil, "Origin", site, "Sec-Fetch-Site", "cross-site"); got.header.Get("Access-Control-Allow-Origin") != site {
		t.Errorf("a script of the site: %d %v", got.status, got.header)
	}
	if got := p.call(http.MethodGet, "/offices", nil, "Origin", "https://altrove.example"); got.problem(t, http.StatusForbidden) != "origin" ||
		got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a script from elsewhere: %v", got.header)
	}
	for origin, want := range map[string]string{site: site, "https://altrove.example": ""} {
		got := p.call(http.MethodOptions, "/holds", nil, "Origin", origin, "Access-Control-Request-Method", "POST", "Authorization", "")
		if got.status != http.StatusNoContent || got.header.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("preflight from %s: %d %v", origin, got.status, got.header)
		}
	}
	right := p.token
	another := "_"
	if strings.HasSuffix(right, another) {
		another = "-"
	}
	for _, wrong := range []string{"", "boh", right[:len(right)-1] + another, strings.TrimPrefix(right, "sportello_")} {
		p.token = wrong
		if got := p.call(http.MethodGet, "/offices", nil); got.problem(t, http.StatusUnauthorized) != "no_token" || got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("token %.8q: %s", wrong, got.body)
		}
	}
	// An address cannot go on guessing, and a token in a query is none.
	p.token = "boh"
	var last reply
	for range apiStrangers {
		last = p.call(http.MethodGet, "/offices?access_token="+right, nil)
	}
	if last.problem(t, http.StatusTooManyRequests) != "too_many_requests" || last.header.Get("Retry-After") == "" {
		t.Errorf("guessing: %s", last.body)
	}
	p.token = right
	if got := p.call(http.MethodGet, "/openapi.json", nil); got.status != http.StatusOK || !json.Valid(got.body) {
		t.Errorf("document: %d", got.status)
	}
	list, err := w.agenda.APITokens(t.Context())
	if err != nil || len(list) != 1 || list[0].UsedOn.Format(time.DateOnly) != "2031-11-17" {
		t.Fatalf("tokens %+v, %v", list, err)
	}
	for range 2 {
		if err := w.agenda.RevokeAPIToken(t.Context(), list[0].ID, booking.Actor{}); err != nil {
			t.Fatal(err)
		}
	}
	w.server.api = newAPIState(&limits{})
	p.call(http.MethodGet, "/offices", nil).problem(t, http.StatusUnauthorized)
}
