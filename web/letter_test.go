package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"

	"sportello/booking"
	"sportello/booking/notify"
	"sportello/booking/token"
	"sportello/internal/testenv"
)

// postTown is a town whose citizens get mail, through a server of the test.
type postTown struct {
	*town
	smtp *testenv.MailServer
	stop func()
}

func newPostTown(t *testing.T) *postTown {
	t.Helper()
	w := &postTown{
		town: &town{t: t, now: townStart, logs: &logbook{}, tokens: token.NewStore(testenv.Redis(t)), channels: notify.Channels{Mail: true}},
		smtp: testenv.Mail(t),
	}
	w.pool = testenv.PostgresPrepared(t, "web_public", fillTown)
	queue, err := notify.NewQueue(notify.QueueConfig{Key: bytes.Repeat([]byte{1}, 32), Channels: w.channels, ReminderHour: 10, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	w.notifier = queue
	w.open()
	mailer, err := notify.NewSMTP(w.smtp.URL(), "Comune di Pinerolo <sportello@comune.pinerolo.example>")
	if err != nil {
		t.Fatal(err)
	}
	postman, err := notify.Start(t.Context(), notify.Config{
		Pool: w.pool, Queue: queue, Appointments: w.agenda, Writer: w.server, Mailer: mailer, Now: w.clock,
		Logger: newLog(t, t.Output()),
	})
	if err != nil {
		t.Fatal(err)
	}
	done := false
	w.stop = func() {
		if done {
			return
		}
		done = true
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := postman.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(w.stop)
	return w
}

// opened is a mail taken apart.
type opened struct {
	mail.Header
	t           *testing.T
	subject     string
	plain, html string
	part        *ics.Calendar // the part for mail programs
	method      string        // that the part's type names
	file        *ics.Calendar // the attachment
}

func (w *postTown) next() *opened {
	w.t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(w.smtp.Next().Data))
	if err != nil {
		w.t.Fatal(err)
	}
	o := &opened{Header: m.Header, t: w.t}
	if o.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		w.t.Fatal(err)
	}
	o.take(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), "", m.Body)
	return o
}

// take reads a part and those within it.
func (o *opened) take(contentType, encoding, disposition string, body io.Reader) {
	o.t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		o.t.Fatalf("%s: %v", contentType, err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return
			}
			if err != nil {
				o.t.Fatal(err)
			}
			o.take(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Disposition"), p)
		}
	}
	text := o.decoded(encoding, body)
	switch {
	case kind == "text/plain":
		o.plain = text
	case kind == "text/html":
		o.html = text
	case kind == "text/calendar":
		o.part, o.method = o.calendar(text), params["method"]
	case kind == "application/ics" && strings.Contains(disposition, `filename="appuntamento.ics"`):
		o.file = o.calendar(text)
	default:
		o.t.Errorf("a part %s, %s", contentType, disposition)
	}
}

func (o *opened) decoded(encoding string, body io.Reader) string {
	o.t.Helper()
	switch encoding {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		o.t.Fatal(err)
	}
	return string(text)
}

func (o *opened) calendar(text string) *ics.Calendar {
	o.t.Helper()
	c, err := ics.ParseCalendar(strings.NewReader(text))
	if err != nil || len(c.Events()) != 1 {
		o.t.Fatalf("calendar: %v\n%s", err, text)
	}
	return c
}

// event gives the properties of the event, the same in part and attachment.
func (o *opened) event(method string) *ics.VEvent {
	o.t.Helper()
	if o.part == nil || o.file == nil || o.part.Serialize() != o.file.Serialize() {
		o.t.Fatalf("part and attachment differ: %v, %v", o.part, o.file)
	}
	if o.method != method || !strings.Contains(o.part.Serialize(), "METHOD:"+method+"\n") {
		o.t.Errorf("method %s, want %s\n%s", o.method, method, o.part.Serialize())
	}
	return o.part.Events()[0]
}

// says checks that both forms of the mail say the same.
func (o *opened) says(texts ...string) {
	o.t.Helper()
	for _, text := range texts {
		if !strings.Contains(o.plain, text) {
			o.t.Errorf("the text lacks %q:\n%s", text, o.plain)
		}
		if !strings.Contains(o.html, text) {
			o.t.Errorf("the page lacks %q:\n%s", text, o.html)
		}
	}
}

func TestMailsOfAnAppointmentsLife(t *testing.T) {
	w := newPostTown(t)
	c := w.citizen()
	hold := c.books("video")
	c.shows(http.StatusOK, "Ti scriviamo a maria@example.it")
	secret := c.secret()
	a, err := w.agenda.BySecret(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}

	m := w.next()
	if !strings.HasPrefix(m.subject, "Appuntamento confermato: ") || !strings.HasSuffix(m.subject, a.Start.Format("15:04")) {
		t.Errorf("subject %q", m.subject)
	}
	for name, want := range map[string]string{
		"To": "<maria@example.it>", "From": `"Comune di Pinerolo" <sportello@comune.pinerolo.example>`, "Auto-Submitted": "auto-generated", "Reply-To": "<" + a.Office.Email + ">",
	} {
		if got := m.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if id := m.Get("Message-ID"); !strings.HasSuffix(id, "@comune.pinerolo.example>") || strings.Contains(id, a.ID.String()) {
		t.Errorf("Message-ID %s", id)
	}
	m.says("Maria", "novembre 2031", w.agenda.Code(secret), "http://sportello.test/it/stanza#"+secret, "http://sportello.test/it/appuntamento#"+secret)
	first := m.event("REQUEST")
	property := func(e *ics.VEvent, name ics.ComponentProperty) string {
		p := e.GetProperty(name)
		if p == nil {
			t.Fatalf("the event lacks %s:\n%s", name, e.Serialize(&ics.SerializationConfiguration{NewLine: "\r\n", MaxLength: 75, PropertyMaxLength: 75}))
		}
		return p.Value
	}
	uid, seq := property(first, ics.ComponentPropertyUniqueId), property(first, ics.ComponentPropertySequence)
	if property(first, ics.ComponentPropertyAttendee) != "mailto:maria@example.it" || property(first, ics.ComponentPropertyOrganizer) == "" {
		t.Error("attendee or organiser is wrong")
	}
	// The file that the page gives is of the same event.
	c.get(hold+"/appuntamento.ics").shows(http.StatusOK, "UID:"+uid, "SEQUENCE:"+seq, "METHOD:PUBLISH")

	// Moved by code and surname, without the link: the mail has it all the same.
	c.post("/it/appuntamento", url.Values{"code": {w.agenda.Code(secret)}, "surname": {"D'Angelo Rossi"}}).shows(http.StatusOK)
	base := "/it/appuntamento/" + a.ID.String()
	c.get(base + "/sposta?giorno=2031-11-21")
	c.post(base+"/sposta", url.Values{"inizio": {c.starts()[0]}}).shows(http.StatusOK)
	m = w.next()
	if !strings.HasPrefix(m.subject, "Appuntamento spostato: ") {
		t.Errorf("subject %q", m.subject)
	}
	m.says("enerdì 21 novembre 2031", "http://sportello.test/it/stanza#"+secret)
	moved := m.event("REQUEST")
	if property(moved, ics.ComponentPropertyUniqueId) != uid || property(moved, ics.ComponentPropertySequence) <= seq {
		t.Errorf("UID %s, SEQUENCE %s after %s", property(moved, ics.ComponentPropertyUniqueId), property(moved, ics.ComponentPropertySequence), seq)
	}
	if property(moved, ics.ComponentPropertyDtStart) == property(first, ics.ComponentPropertyDtStart) {
		t.Error("the event was not moved")
	}
	seq = property(moved, ics.ComponentPropertySequence)

	c.post(base+"/disdici", url.Values{}).shows(http.StatusOK)
	m = w.next()
	if !strings.HasPrefix(m.subject, "Appuntamento disdetto: ") {
		t.Errorf("subject %q", m.subject)
	}
	m.says("/it/prenota?ufficio=" + testOffice)
	if strings.Contains(m.plain+m.html, secret) {
		t.Error("a cancelled appointment's mail has its link")
	}
	gone := m.event("CANCEL")
	if property(gone, ics.ComponentPropertyUniqueId) != uid || property(gone, ics.ComponentPropertySequence) <= seq || property(gone, ics.ComponentPropertyStatus) != "CANCELLED" {
		t.Errorf("not the end of the event:\n%s", m.part.Serialize())
	}
	seq = property(gone, ics.ComponentPropertySequence)

	// Taken back, by who has the code alone: the event is on again, and the link is not made up.
	c.post(base+"/riprendi", url.Values{}).shows(http.StatusOK, "di nuovo tuo")
	m = w.next()
	if !strings.HasPrefix(m.subject, "Appuntamento confermato: ") {
		t.Errorf("subject %q", m.subject)
	}
	m.says("enerdì 21 novembre 2031", "/it/appuntamento")
	if again := m.event("REQUEST"); property(again, ics.ComponentPropertyUniqueId) != uid || property(again, ics.ComponentPropertySequence) <= seq {
		t.Errorf("not the event again:\n%s", m.part.Serialize())
	}
	w.stop()
	w.smtp.None()
	if logs := w.logs.String(); strings.Contains(logs, "maria@") || strings.Contains(logs, secret) {
		t.Errorf("the log names somebody:\n%s", logs)
	}
}

func TestMailInTheLanguageOfThePersonAndEscaped(t *testing.T) {
	w := newPostTown(t)
	_, service, err := w.agenda.ServiceBySlug(t.Context(), testOffice, w.citizen().service())
	if err != nil {
		t.Fatal(err)
	}
	slots, err := w.agenda.Free(t.Context(), booking.Query{ServiceID: service.ID, Mode: booking.InPerson, Audience: booking.Public, Limit: 1, From: townStart.AddDate(0, 0, 3)})
	if err != nil || len(slots) == 0 {
		t.Fatalf("%d slots, %v", len(slots), err)
	}
	h, err := w.agenda.Book(t.Context(), booking.BookRequest{
		HoldRequest: booking.HoldRequest{ServiceID: service.ID, Start: slots[0].Start, Mode: booking.InPerson, Audience: booking.Public},
		Person:      booking.Person{Name: "<b>Mary</b>", Surname: "O'Hara & Sons", Email: "mary@example.org", Language: "en"},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := w.next()
	if !strings.HasPrefix(m.subject, "Appointment confirmed: ") {
		t.Errorf("subject %q", m.subject)
	}
	m.says("November 2031", "http://sportello.test/en/appuntamento#"+h.Secret)
	if !strings.Contains(m.plain, "Dear <b>Mary</b> O'Hara & Sons,") {
		t.Errorf("text:\n%s", m.plain)
	}
	if strings.Contains(m.html, "<b>Mary") || !strings.Contains(m.html, "&lt;b&gt;Mary&lt;/b&gt; O&#39;Hara &amp; Sons") {
		t.Errorf("page:\n%s", m.html)
	}
	if strings.Contains(m.plain, "/stanza#") || strings.Contains(m.plain, "mail.") || strings.Contains(m.html, "mail.") {
		t.Errorf("a room in person, or a text that is missing:\n%s", m.plain)
	}
}

func TestAddressWithANewlineGetsNothing(t *testing.T) {
	w := newPostTown(t)
	c := w.citizen()
	hold := c.holds("video")
	c.post(hold+"/dettagli", url.Values{"note": {"Ho una domanda."}})
	form := maria()
	form.Set("email", "maria@example.it\r\nBcc: all@example.it")
	c.post(hold+"/richiedente", form).shows(http.StatusUnprocessableEntity, "L’e-mail non è completa")
	c.post(hold+"/riepilogo", url.Values{}).onStep("/richiedente")
	w.stop()
	w.smtp.None()
	var n int
	if err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d jobs, %v", n, err)
	}
}

func TestReminderAndTextMessage(t *testing.T) {
	w := newPostTown(t)
	c := w.citizen()
	c.books("video")
	secret := c.secret()
	w.next()
	if _, err := w.pool.Exec(t.Context(), `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'scheduled'`); err != nil {
		t.Fatal(err)
	}
	m := w.next()
	if !strings.HasPrefix(m.subject, "Promemoria: ") || m.part != nil || m.file != nil {
		t.Errorf("subject %q, calendar %v", m.subject, m.part)
	}
	m.says("http://sportello.test/it/stanza#" + secret)

	a, err := w.agenda.BySecret(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []booking.NoticeKind{booking.NoticeConfirmed, booking.NoticeMoved, booking.NoticeReminder, booking.NoticeCancelled} {
		text, err := w.server.Write(notify.Letter{Kind: kind, Appointment: a, Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(text.Short, w.agenda.Code(secret)); has == (kind == booking.NoticeCancelled) || strings.Contains(text.Short, "\n") || strings.Contains(text.Short, "mail.") {
			t.Errorf("%s: %q", kind, text.Short)
		}
	}
}

func TestNoChannelNoPromise(t *testing.T) {
	w := newTown(t)
	c := w.citizen()
	c.books("video")
	c.hasNot("Ti scriviamo", "SMS", "maria@example.it")
	var jobs int
	if err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job`).Scan(&jobs); err != nil || jobs != 0 {
		t.Errorf("%d jobs, %v", jobs, err)
	}
}

func TestAdministratorSeesTheMailOfDevelopment(t *testing.T) {
	day := time.Date(2031, 12, 24, 22, 50, 0, 0, time.UTC)
	box := &notify.Mailbox{Now: func() time.Time { return day }}
	c := newCounter(t, func(config *Config) { config.Mailbox = box })
	admin := c.as("amministratore")
	admin.want(admin.get("/it/staff/posta"), http.StatusOK, "Nessun messaggio")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "<i>Rossi")
	m, err := c.server.Write(notify.Letter{Kind: booking.NoticeConfirmed, Appointment: h.Appointment, Secret: h.Secret})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Mail(t.Context(), notify.Mail{ID: "1", To: "mario@example.it", Message: m}); err != nil {
		t.Fatal(err)
	}
	if err := box.Text(t.Context(), notify.Text{ID: "2", To: "+390121321654", Body: "SMS <b>di prova"}); err != nil {
		t.Fatal(err)
	}
	admin.want(admin.get("/it/staff/posta"), http.StatusOK, "Appuntamento confermato", "mario@example.it", "&lt;i&gt;Rossi", "#"+h.Secret, "SMS &lt;b&gt;di prova", "/it/staff/posta/1", "23:50")
	page := admin.want(admin.get("/it/staff/posta/1"), http.StatusOK)
	if !strings.Contains(page.body, "&lt;i&gt;Rossi") || page.header.Get("Content-Security-Policy") != letterPolicy {
		t.Errorf("policy %q\n%s", page.header.Get("Content-Security-Policy"), page.body)
	}
	file := admin.want(admin.get("/it/staff/posta/1/appuntamento.ics"), http.StatusOK)
	if !strings.Contains(file.body, "BEGIN:VCALENDAR") {
		t.Errorf("no calendar:\n%s", file.body)
	}
	for _, path := range []string{"/it/staff/posta/2", "/it/staff/posta/3", "/it/staff/posta/x", "/it/staff/posta/2/appuntamento.ics"} {
		admin.want(admin.get(path), http.StatusNotFound)
	}
	clerk := c.as("anagrafe")
	clerk.want(clerk.get("/it/staff/posta"), http.StatusForbidden)

	plain := newCounter(t, nil).as("amministratore")
	plain.want(plain.get("/it/staff/posta"), http.StatusNotFound)
	if p := plain.get("/it/staff/amministrazione"); strings.Contains(p.body, "/staff/posta") {
		t.Error("a mailbox that is not there is linked")
	}
}

var _ notify.Writer = (*Server)(nil)
