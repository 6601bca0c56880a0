package web

import (
	"net/http"
	"net/url"
	"os"
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

func TestWithoutTheDatabasePagesSayTryAgain(t *testing.T) {
	server := testenv.PostgresServer(t, t.TempDir())
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
	w := &town{t: t, now: townStart, logs: &logbook{}, tokens: token.NewStore(testenv.Redis(t)), pool: pool}
	w.open()
	c := w.citizen()
	hold := c.holds("presenza")
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/it/", "/it/prenota", hold + "/dettagli"} {
		c.get(path).shows(http.StatusServiceUnavailable, "Servizio momentaneamente non disponibile", "Riprova")
		if c.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	c.post(hold+"/dettagli", url.Values{"note": {"x"}}).shows(http.StatusServiceUnavailable, "Riprova fra un minuto")
	c.get("/en/privacy").shows(http.StatusOK) // what needs no database goes on
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
}

func TestLanguageSaysDates(t *testing.T) {
	texts, err := loadCatalogue(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	it, en := texts.languages[0], texts.languages[1]
	first := time.Date(2027, time.March, 1, 9, 5, 0, 0, time.UTC)
	for got, want := range map[string]string{
		it.Date(first): "lunedì 1º marzo 2027", en.Date(first): "Monday 1 March 2027", it.MonthYear(first): "marzo 2027",
		it.Clock(first): "09:05", it.DateShort(first): "lun 1º marzo",
		it.T("service.minutes", "Count", 1): "1 minuto", en.T("service.minutes", "Count", 30): "30 minutes",
		it.T("no.such.key"): "no.such.key", booking.Text{"it": "ciao"}.In(en.Code): "ciao",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
