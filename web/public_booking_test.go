package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"

	"sportello/booking"
	"sportello/booking/token"
)

func TestBookingInPersonWithoutJavaScript(t *testing.T) {
	c := newTown(t).citizen()
	c.get("/").shows(http.StatusOK, "Prenota appuntamento", "Anagrafe", "Tributi").onStep("/it/")
	c.get("/it/prenota").shows(http.StatusOK, "A quale ufficio ti rivolgi?")
	c.get("/it/prenota?avanti=1").shows(http.StatusUnprocessableEntity, "Scegli un ufficio per continuare")
	c.get("/it/prenota?ufficio="+testOffice+"&avanti=1").shows(http.StatusOK, "Per quale servizio?")
	c.hasNot("Scegli un servizio per continuare")
	c.get("/it/prenota?ufficio="+testOffice+"&scegli=1").shows(http.StatusUnprocessableEntity, "Scegli un servizio per continuare")
	hold := c.holds("presenza")
	c.shows(http.StatusOK, `aria-current="step"`, "Teniamo questo orario per te ancora", "<span data-minutes>10</span>")
	c.post(hold+"/dettagli", url.Values{"note": {"Prima riga\r\nseconda <b>riga</b>"}}).onStep("/richiedente")
	c.get(hold+"/dettagli").shows(http.StatusOK, "Prima riga\nseconda <b>riga</b>")
	c.hasNot("<b>riga</b>")
	c.get(hold + "/riepilogo").onStep("/richiedente") // not without a person
	c.post(hold+"/richiedente", maria()).onStep("/riepilogo").
		shows(http.StatusOK, "D'Angelo Rossi", "maria@example.it", "Allo sportello", "dalle")
	if got := c.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("a page with personal data may be cached: %q", got)
	}
	c.post(hold+"/riepilogo", url.Values{}).onStep("/conferma").shows(http.StatusOK, "Appuntamento confermato", "Cosa portare")
	c.hasNot("/stanza#")
	code := c.find(`sv-code-value">(\w{4}-\w{4})<`)
	c.get(c.at.Path).shows(http.StatusOK, code)                                  // reload
	c.post(hold+"/riepilogo", url.Values{}).onStep("/conferma").shows(200, code) // second click
	c.get(hold + "/dettagli").onStep("/conferma")                                // the way back does not reopen it

	a, err := c.agenda.ByCode(t.Context(), strings.ToLower(code), "d’angelo rossi")
	if err != nil || a.State != booking.Booked || a.Mode != booking.InPerson || a.Note != "Prima riga\nseconda <b>riga</b>" || a.Channel != booking.ByWeb {
		t.Fatalf("booked %+v: %v", a, err)
	}
}

func TestBookingVirtualGivesAGrant(t *testing.T) {
	c := newTown(t).citizen()
	c.books("video")
	c.shows(http.StatusOK, "Come partecipare", "/it/stanza#")
	secret := c.secret()
	a, err := c.agenda.BySecret(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.tokens.Lookup(t.Context(), secret, c.clock()); !errors.Is(err, token.ErrTooEarly) {
		t.Errorf("before its time: %v", err)
	}
	g, err := c.tokens.Lookup(t.Context(), secret, a.Start)
	if err != nil || g.Appointment != a.ID.String() || g.Role != token.RoleCitizen {
		t.Errorf("grant %+v: %v", g, err)
	}
	for _, part := range []string{secret, "Maria", "maria@example.it", "D'Angelo"} {
		if strings.Contains(c.logs.String(), part) {
			t.Errorf("the log has %q", part)
		}
	}
}

func TestAnExpiredHoldLosesNothingTyped(t *testing.T) {
	c := newTown(t).citizen()
	hold := c.holds("presenza")
	c.wait(11 * time.Minute)
	c.post(hold+"/dettagli", url.Values{"note": {"scritto tardi"}}).shows(http.StatusOK, "è scaduto", "Primi orari liberi")
	c.post(hold+"/richiedente", maria()).shows(http.StatusOK, "è scaduto")
	c.post(hold+"/riepilogo", url.Values{}).shows(http.StatusOK, "è scaduto")
	offer := c.starts()[0]
	c.post(hold+"/orario", url.Values{"inizio": {offer}, "passo": {"summary"}}).onStep("/riepilogo").
		shows(http.StatusOK, "scritto tardi", "maria@example.it", "Teniamo questo orario")
	c.post(hold+"/riepilogo", url.Values{}).onStep("/conferma").shows(http.StatusOK, "Appuntamento confermato")
}

func TestATakenSlotOffersTheNext(t *testing.T) {
	w := newTown(t)
	c := w.citizen()
	c.get("/it/prenota/orario?ufficio=" + testOffice + "&servizio=" + c.service() + "&modo=video")
	start := c.starts()[0]
	for {
		// Others take every desk of that time.
		other := w.citizen()
		other.post("/it/prenota/orario", other.choice("video", start))
		if other.status == http.StatusConflict {
			break
		}
		other.shows(http.StatusOK).onStep("/dettagli")
	}
	c.post("/it/prenota/orario", c.choice("video", start)).
		shows(http.StatusConflict, "appena preso da un’altra persona", "I prossimi orari liberi sono:")
	if offers := c.starts(); slices.Contains(offers, start) {
		t.Errorf("%s is offered again: %v", start, offers)
	}
	next := c.starts()[0]
	c.post("/it/prenota/orario", c.choice("video", next)).shows(http.StatusOK).onStep("/dettagli")
}

func TestADoubleClickBooksOnce(t *testing.T) {
	c := newTown(t).citizen()
	hold := c.holds("presenza")
	c.post(hold+"/richiedente", maria()).onStep("/riepilogo")
	var clicks sync.WaitGroup
	codes := make([]string, 2)
	for i := range codes {
		twin := &citizen{town: c.town, client: c.client}
		clicks.Go(func() {
			twin.do(http.MethodPost, hold+"/riepilogo", url.Values{})
			if _, after, ok := strings.Cut(twin.body, `sv-code-value">`); ok {
				codes[i] = after[:9]
			}
		})
	}
	clicks.Wait()
	if codes[0] == "" || codes[0] != codes[1] {
		t.Errorf("two clicks gave %q", codes)
	}
}

func TestBadTimesAreRefused(t *testing.T) {
	c := newTown(t).citizen()
	good := c.clock().Add(27 * time.Hour).Format(time.RFC3339)
	for name, form := range map[string]url.Values{
		"none":        c.choice("presenza", ""),
		"past":        c.choice("presenza", "2031-11-10T10:00:00+01:00"),
		"night":       c.choice("presenza", "2031-11-19T03:00:00+01:00"),
		"off step":    c.choice("presenza", "2031-11-19T10:01:00+01:00"),
		"too far":     c.choice("presenza", "2035-11-19T10:00:00+01:00"),
		"no time":     c.choice("presenza", "<b>domani</b>"),
		"no mode":     c.choice("", good),
		"unknown way": c.choice("telepatia", good),
	} {
		t.Run(name, func(t *testing.T) {
			c := newTownCitizen(t, c)
			c.post("/it/prenota/orario", form).shows(http.StatusUnprocessableEntity)
			c.hasNot("<b>domani</b>")
		})
	}
}

// newTownCitizen is another reader of the same town, for a subtest.
func newTownCitizen(t *testing.T, c *citizen) *citizen {
	t.Helper()
	w := &town{t: t, pool: c.pool, tokens: c.tokens, agenda: c.agenda, http: c.http, logs: c.logs, now: c.clock()}
	return w.citizen()
}

func TestBadInputOfPersons(t *testing.T) {
	c := newTown(t).citizen()
	hold := c.holds("presenza")
	long := strings.Repeat("à", 10_000)
	for _, x := range []struct {
		name, field, value, want string
	}{
		{"no name", "name", " ", "Scrivi il nome"},
		{"long name", "name", long, "Il nome è troppo lungo"},
		{"newline in the name", "name", "Ma\nria", "caratteri non ammessi"},
		{"no surname", "surname", "", "Scrivi il cognome"},
		{"surname of marks", "surname", "--", "caratteri non ammessi"},
		{"neither e-mail nor phone", "email", "", "Scrivi un’e-mail oppure un telefono"},
		{"newline in the e-mail", "email", "a@example.it\nBcc: b@example.it", "L’e-mail non è completa"},
		{"no domain", "email", "maria@", "L’e-mail non è completa"},
		{"long e-mail", "email", long, "L’e-mail è troppo lunga"},
		{"words for a phone", "phone", "chiamami", "Il telefono non è valido"},
		{"no privacy", "privacy", "", "conferma di aver letto l’informativa"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := &citizen{town: newTownCitizen(t, c).town, client: c.client}
			form := maria()
			form.Set(x.field, x.value)
			c.post(hold+"/richiedente", form).shows(http.StatusUnprocessableEntity, x.want, `href="#`+x.field+`"`, `aria-invalid="true"`)
			if x.field != "surname" {
				c.shows(http.StatusUnprocessableEntity, "D'Angelo Rossi") // what was typed is kept
			}
		})
	}
	form := maria()
	form.Set("name", `"><script>alert(1)</script>`)
	c.post(hold+"/richiedente", form).onStep("/riepilogo").shows(http.StatusOK, "<script>alert(1)</script>")
	c.hasNot("<script>alert")
	c.post(hold+"/dettagli", url.Values{"note": {long}}).shows(http.StatusUnprocessableEntity, "al massimo 2000 caratteri", long[:100])
	c.post(hold+"/dettagli", url.Values{"note": {strings.Repeat("x", 100_000)}}).shows(http.StatusRequestEntityTooLarge, "Testo troppo lungo")
}

func TestAHoldBelongsToItsBrowser(t *testing.T) {
	w := newTown(t)
	hold := w.citizen().holds("presenza")
	thief := w.citizen()
	thief.get(hold).shows(http.StatusOK, "Riprendi la richiesta")
	for _, path := range []string{hold + "/salvata", hold + "/dettagli", hold + "/orario", hold + "/riepilogo", hold + "/conferma", hold + "/appuntamento.ics"} {
		thief.get(path).shows(http.StatusNotFound, "Pagina non trovata")
	}
	thief.post(hold+"/riepilogo", url.Values{}).shows(http.StatusNotFound)
	own := thief.holds("presenza")
	thief.get(own + "x/dettagli").shows(http.StatusNotFound)
	thief.get("/it/prenota/h/rubbish/dettagli").shows(http.StatusNotFound)
}

func TestTheCalendarFileIsValid(t *testing.T) {
	c := newTown(t).citizen()
	hold := c.books("video")
	secret := c.secret()
	c.get(hold + "/appuntamento.ics").shows(http.StatusOK)
	if got := c.header.Get("Content-Type"); !strings.HasPrefix(got, "text/calendar") {
		t.Errorf("type %q", got)
	}
	a, err := c.agenda.BySecret(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(c.body, "\r\n"), "\r\n") {
		if len(line) > 75 || strings.ContainsAny(line, "\r\n") { // RFC 5545, section 3.1
			t.Errorf("line of %d octets: %q", len(line), line)
		}
	}
	first := parseEvent(t, c.body, "PUBLISH")
	if start, err := first.GetStartAt(); err != nil || !start.Equal(a.Start) {
		t.Errorf("starts %v, want %v (%v)", start, a.Start, err)
	}
	// As an instant, it is right in whatever zone the calendar is; in words, it is the office's.
	if got := first.GetProperty(ics.ComponentPropertyDtStart).Value; got != a.Start.UTC().Format("20060102T150405Z") {
		t.Errorf("DTSTART is %s, which is no instant", got)
	}
	if got := first.GetProperty(ics.ComponentPropertyDescription).Value; !strings.Contains(got, a.Start.Format("15:04")+" (Europe/Rome)") {
		t.Errorf("the office's own time is missing: %s", got)
	}
	if got := first.GetProperty(ics.ComponentPropertyUrl).Value; got != "http://sportello.test/it/stanza#"+secret {
		t.Errorf("url %q", got)
	}
	if err := c.agenda.Cancel(t.Context(), a.ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	c.get(hold + "/appuntamento.ics").shows(http.StatusOK)
	last := parseEvent(t, c.body, "CANCEL")
	if last.Id() != first.Id() {
		t.Errorf("the UID changed from %s to %s", first.Id(), last.Id())
	}
	if was, is := first.GetProperty(ics.ComponentPropertySequence).Value, last.GetProperty(ics.ComponentPropertySequence).Value; was >= is {
		t.Errorf("SEQUENCE went from %s to %s", was, is)
	}
	if got := last.GetProperty(ics.ComponentPropertyStatus).Value; got != "CANCELLED" {
		t.Errorf("status %s", got)
	}
}

func parseEvent(t *testing.T, text, method string) *ics.VEvent {
	t.Helper()
	cal, err := ics.ParseCalendar(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !strings.Contains(text, "METHOD:"+method+"\r\n") || len(cal.Events()) != 1 {
		t.Fatalf("no single event with METHOD %s\n%s", method, text)
	}
	e := cal.Events()[0]
	for _, p := range []ics.ComponentProperty{ics.ComponentPropertyDtstamp, ics.ComponentPropertyOrganizer, ics.ComponentPropertySequence, ics.ComponentPropertySummary} {
		if e.GetProperty(p) == nil {
			t.Fatalf("event lacks %s\n%s", p, text)
		}
	}
	return e
}
