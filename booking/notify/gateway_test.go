package notify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sportello/booking"
	"sportello/booking/notify"
)

func TestPhoneOnlyGetsATextMessage(t *testing.T) {
	t.Parallel()
	type request struct {
		To   string
		Text string
		auth string
	}
	got := make(chan request, 8)
	keys := make(chan string, 8)
	var busy atomic.Int32
	busy.Store(1)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys <- r.Header.Get("Idempotency-Key")
		if busy.Add(-1) >= 0 {
			http.Error(w, "+393331234567 later", http.StatusServiceUnavailable)
			return
		}
		var q request
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &q)
		}
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", r.Method, body, err)
		}
		q.auth = r.Header.Get("Authorization")
		got <- q
	}))
	defer gateway.Close()
	w := newWorld(t, notify.Channels{Mail: true, Text: true})
	var err error
	if w.texter, err = notify.NewGateway(gateway.URL+"?key=hidden", "Authorization: Bearer hidden", ""); err != nil {
		t.Fatal(err)
	}
	w.start()
	h := w.book(at(19, 9, 0), booking.Person{Phone: "333 1234567"})
	select {
	case q := <-got:
		if q.To != "+393331234567" || !strings.Contains(q.Text, "confirmed 19 09:00 "+h.Secret) || q.auth != "Bearer hidden" {
			t.Errorf("%+v", q)
		}
	case <-time.After(time.Minute):
		t.Fatal("no text message")
	}
	if first, second := <-keys, <-keys; first == "" || first != second {
		t.Errorf("Idempotency-Key %q, then %q", first, second)
	}
	w.nothingLeft("confirmed completed, reminder scheduled")
	for _, s := range []string{"hidden", "3331234567"} {
		if strings.Contains(w.logs.String(), s) {
			t.Errorf("the log has %s:\n%s", s, w.logs)
		}
	}
}

func TestWrongGatewaysAndServersAreNamedWithoutTheirSecrets(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"gateway.example/hidden", "", ""},
		{"https://gateway.example", "hidden", ""},
		{"https://gateway.example", "", `{"to": {{.To}}}`},
		{"https://gateway.example", "", `{{.Nothing}}`},
	} {
		if _, err := notify.NewGateway(c[0], c[1], c[2]); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v: %v", c, err)
		}
	}
	for _, c := range [][2]string{
		{"mail.example:25", "a@example.it"},
		{"http://me:hidden@mail.example", "a@example.it"},
		{"smtp://me:hidden@mail.example", "nobody"},
		{"smtp://me:hidden@mail.example", ""},
		{"smtp://me:hidden@mail.example", "a@example.it\r\nBcc: b@example.it"},
	} {
		if _, err := notify.NewSMTP(c[0], c[1]); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v: %v", c, err)
		}
	}
	if _, err := notify.NewSMTP("smtps://me:hidden@mail.example", "Comune <a@example.it>"); err != nil {
		t.Error(err)
	}
}

// TestARedirectionIsNoDelivery: a gateway that has moved gets no message, and none is
// taken for sent.
func TestARedirectionIsNoDelivery(t *testing.T) {
	t.Parallel()
	var followed atomic.Int32
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/new" {
			followed.Add(1)
			return
		}
		code, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, "/new", code)
	}))
	defer gateway.Close()
	for _, path := range []string{"/301", "/302", "/307", "/308"} {
		g, err := notify.NewGateway(gateway.URL+path, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Text(t.Context(), notify.Text{ID: "1", To: "+393331234567", Body: "x"}); err == nil || !strings.Contains(err.Error(), path[1:]) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d were followed", n)
	}
}

// TestPasswordNeedsTLS: to a server without TLS no password is sent.
func TestPasswordNeedsTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	said := make(chan string, 64)
	w.server.Answer(func(command string) string { said <- command; return "" })
	smtp, err := notify.NewSMTP("smtp://me:hidden@"+w.server.Addr, "a@example.it")
	if err != nil {
		t.Fatal(err)
	}
	if err := smtp.Mail(t.Context(), notify.Mail{ID: "1", To: "b@example.it"}); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("sent without TLS: %v", err)
	}
	w.server.Stop()
	close(said)
	for command := range said {
		if strings.HasPrefix(command, "AUTH") || strings.HasPrefix(command, "MAIL") {
			t.Errorf("the server was told %s", command)
		}
	}
}

func TestAddressWithANewlineIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	smtp, err := notify.NewSMTP(w.server.URL(), "a@example.it")
	if err != nil {
		t.Fatal(err)
	}
	if err := smtp.Mail(t.Context(), notify.Mail{ID: "1", To: "b@example.it\r\nBcc: c@example.it"}); err == nil {
		t.Error("an address with a newline was taken")
	}
	err = smtp.Mail(t.Context(), notify.Mail{ID: "2", To: "b@example.it", ReplyTo: "not an address", Message: notify.Message{Subject: "one\r\nBcc: c@example.it", Plain: "x", HTML: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	if m := w.server.Next(); strings.Contains(m.Data, "\nBcc:") {
		t.Errorf("a header was smuggled in:\n%s", m.Data)
	}
}
