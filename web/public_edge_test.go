package web

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sportello/booking"
	"sportello/booking/token"
	"sportello/internal/testenv"
)

func TestEveryPageHasItsHeaders(t *testing.T) {
	c := newTown(t).citizen()
	for _, path := range []string{"/it/", "/en/", "/it/prenota", "/it/appuntamento", "/it/privacy", "/en/accessibilita", "/it/uffici/anagrafe", "/it/nessuna"} {
		c.get(path)
		policy := c.header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: policy %q lacks %s", path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Content-Language": path[1:3]} {
			if got := c.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		c.hasNot(" style=", " onclick=", "<style", "<script>")
		c.shows(c.status, `<html lang="`+path[1:3]+`"`, `id="contenuto"`)
	}
}

func TestTheFrontDoorSpeaksTheReadersLanguage(t *testing.T) {
	c := newTown(t).citizen()
	for accept, want := range map[string]string{"": "/it/", "en-GB,en;q=0.8": "/en/", "fr": "/it/", "de, it;q=0.5": "/it/", ";;;": "/it/"} {
		c.do(http.MethodGet, "/", nil, "Accept-Language", accept)
		c.onStep(want)
	}
	c.get("/en/uffici/anagrafe?x=1").shows(http.StatusOK, `href="/it/uffici/anagrafe?x=1"`)
}

func TestAFormOfAnotherSiteIsRefused(t *testing.T) {
	w := newTown(t)
	c := w.citizen()
	hold := c.holds("presenza")
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://altrove.example"}} {
		c.do(http.MethodPost, hold+"/dettagli", url.Values{"note": {"infilato"}}, header...)
		c.shows(http.StatusForbidden, "Richiesta non accettata")
	}
	c.get(hold + "/dettagli").shows(http.StatusOK)
	c.hasNot("infilato")
	// Behind a proxy the host differs from the public one, which is trusted.
	c.do(http.MethodPost, hold+"/dettagli", url.Values{"note": {"mio"}}, "Origin", "http://sportello.test", "Sec-Fetch-Site", "same-origin")
	c.shows(http.StatusOK).onStep("/richiedente")
}

// townApart is a town whose PostgreSQL goes away and comes back.
func townApart(t *testing.T) (w *town, away, back func()) {
	t.Helper()
	dir := t.TempDir()
	server := testenv.PostgresServer(t, dir)
	if err := server.EnsureDatabase(t.Context(), "town"); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), server.URL("town"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := fillTown(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	w = &town{t: t, now: townStart, logs: &logbook{}, tokens: token.NewStore(testenv.Redis(t)), pool: pool}
	w.open()
	away = func() {
		t.Helper()
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	return w, away, func() { t.Helper(); server = testenv.PostgresServer(t, dir) }
}

// again sends what the page of an error kept once more.
func (c *citizen) again() *citizen {
	c.t.Helper()
	return c.post(kept(c.t, c.body))
}

// kept is the form that the page of an error offers to send again.
func kept(t *testing.T, page string) (action string, fields url.Values) {
	t.Helper()
	form := regexp.MustCompile(`(?s)<form class="sv-actions" method="post" action="([^"]+)">.*?Invia di nuovo</button>`).FindStringSubmatch(page)
	if form == nil {
		t.Fatalf("nothing to send again:\n%s", page)
	}
	fields = url.Values{}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`).FindAllStringSubmatch(form[0], -1) {
		fields.Add(m[1], html.UnescapeString(m[2]))
	}
	return html.UnescapeString(form[1]), fields
}

func TestWithoutTheDatabasePagesSayTryAgain(t *testing.T) {
	w, away, back := townApart(t)
	c := w.citizen()
	hold := c.holds("presenza")
	away()
	search := "/it/prenota/orario?ufficio=" + testOffice + "&servizio=x"
	for _, path := range []string{"/it/", "/it/prenota", hold + "/dettagli", search} {
		c.get(path).shows(http.StatusServiceUnavailable, "Servizio per ora non disponibile", "Riprova", `href="`+path+`"`)
		if c.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
		c.hasNot("Invia di nuovo")
	}
	c.get("/en/privacy").shows(http.StatusOK) // what needs no database goes on
	back()
	c.get(hold + "/dettagli").shows(http.StatusOK)
}

// TestWithoutTheDatabaseNothingIsLost: whatever was sent while the database was
// away can be sent again from the page that says so, and then counts once.
func TestWithoutTheDatabaseNothingIsLost(t *testing.T) {
	w, away, back := townApart(t)
	choosing, noting, naming, confirming, changing := w.citizen(), w.citizen(), w.citizen(), w.citizen(), w.citizen()

	noted, named := noting.holds("presenza"), naming.holds("presenza")
	summed := confirming.holds("presenza")
	confirming.post(summed+"/richiedente", maria()).onStep("/riepilogo")
	changing.books("presenza")
	changing.post("/it/appuntamento", url.Values{"code": {changing.find(`sv-code-value">(\w{4}-\w{4})<`)}, "surname": {"D'Angelo Rossi"}})
	changed := changing.at.Path
	changing.get(changed + "/sposta")
	starts := changing.starts()
	choosing.get("/it/prenota?ufficio=" + testOffice + "&servizio=" + choosing.service())
	choosing.get(choosing.at.Path + "?" + choosing.at.RawQuery + "&modo=presenza&giorno=2031-11-20")
	choice := choosing.choice("presenza", choosing.starts()[0])

	note := "Prima riga,\r\n\"seconda\" <riga> & fine"
	other := maria()
	other.Set("surname", `Sò "<b>" & figli`)
	away()
	for _, send := range []func() *citizen{
		func() *citizen { return choosing.post("/it/prenota/orario", choice) },
		func() *citizen { return noting.post(noted+"/dettagli", url.Values{"note": {note}}) },
		func() *citizen { return naming.post(named+"/richiedente", other) },
		func() *citizen { return confirming.post(summed+"/riepilogo", url.Values{}) },
		func() *citizen {
			return changing.post(changed+"/sposta", url.Values{"inizio": {starts[len(starts)-1]}})
		},
	} {
		send().shows(http.StatusServiceUnavailable, "è ancora in questa pagina", "Invia di nuovo")
	}
	confirming.again().shows(http.StatusServiceUnavailable) // still away, still kept
	back()
	choosing.again().shows(http.StatusOK).onStep("/dettagli")
	noting.again().shows(http.StatusOK).onStep("/richiedente")
	noting.get(noted+"/dettagli").shows(http.StatusOK, strings.ReplaceAll(note, "\r\n", "\n"))
	naming.again().shows(http.StatusOK, other.Get("surname")).onStep("/riepilogo")
	confirming.again().shows(http.StatusOK, "Appuntamento confermato")
	changing.again().shows(http.StatusOK, "è stato spostato")

	staff := w.citizen()
	away()
	staff.post("/it/staff/accesso", url.Values{"login": {"ada"}, "password": {"un segreto"}}).shows(http.StatusServiceUnavailable)
	staff.hasNot("un segreto", "Invia di nuovo")
}

// TestFormThatWasNotReadIsNotKept: where a handler panicked nothing is known of the form.
func TestFormThatWasNotReadIsNotKept(t *testing.T) {
	w := newTown(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/it/", strings.NewReader("note=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	w.server.fail(answer, r, errPanicked)
	if answer.Code != http.StatusInternalServerError || strings.Contains(answer.Body.String(), "Invia di nuovo") {
		t.Errorf("%d\n%s", answer.Code, answer.Body)
	}
}

func TestStrangeAddresses(t *testing.T) {
	c := newTown(t).citizen()
	for _, path := range []string{"/it/uffici/nessuno", "/it/uffici/%00", "/fr/", "/it/prenota/h/", "/it/prenota/orario/x", "/static/nessuno.css"} {
		if c.get(path); c.status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, c.status)
		}
	}
	c.get("/it/prenota/orario?ufficio=nessuno&servizio=x").shows(http.StatusUnprocessableEntity, "L’ufficio indicato non esiste")
	c.get("/it/prenota?ufficio="+testOffice+"&servizio=nessuno").shows(http.StatusUnprocessableEntity, "Il servizio indicato non esiste")
	for _, q := range []string{"mese=1999-01", "mese=9999-12", "mese=x", "giorno=2031-02-31", "giorno=2099-01-01", "modo=telepatia"} {
		c.get("/it/prenota/orario?ufficio=" + testOffice + "&servizio=" + c.service() + "&modo=presenza&" + q).shows(http.StatusOK)
	}
}

func TestMonthsCarryTheirYearAndTurn(t *testing.T) {
	c := newTown(t).citizen()
	base := "/it/prenota/orario?ufficio=" + testOffice + "&servizio=" + c.service() + "&modo=presenza"
	c.get(base).shows(http.StatusOK, "Novembre 2031", "Mese successivo")
	c.hasNot(">Mese precedente<")
	c.get(c.find(`href="([^"]+mese=2031-12[^"#]*)`)).shows(http.StatusOK, "Dicembre 2031", "Mese precedente")
	// What is heard of a day begins with what is seen of it, also on the first, which is "1º" elsewhere (WCAG 2.5.3).
	c.find(`rel="nofollow">(1)<span class="visually-hidden"> dicembre 2031, lunedì: \d+ orari liberi</span></a>`)
}

func TestLanguageSaysDates(t *testing.T) {
	var missed []string
	texts, err := loadCatalogue(os.DirFS("."), func(key, code string) { missed = append(missed, key+" "+code) })
	if err != nil {
		t.Fatal(err)
	}
	it, en := texts.languages[0], texts.languages[1]
	first := time.Date(2027, time.March, 1, 9, 5, 0, 0, time.UTC)
	for got, want := range map[string]string{
		it.Date(first): "lunedì 1º marzo 2027", en.Date(first): "Monday 1 March 2027", it.MonthYear(first): "marzo 2027",
		it.Clock(first): "09:05", it.DateShort(first): "lun 1º marzo",
		it.T("service.minutes", "Count", 1): "1 minuto", en.T("service.minutes", "Count", 30): "30 minutes",
		it.T("entry.help_text", "Phone", "0121 000 000"): "È scritto nella pagina di conferma e nell’evento del calendario. Altrimenti chiama il 0121\u00a0000\u00a0000.", // on one line
		it.T("no.such.key"): "no.such.key", booking.Text{"it": "ciao"}.In(en.Code): "ciao",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if !slices.Equal(missed, []string{"no.such.key it"}) {
		t.Errorf("missed %q", missed)
	}
}
