package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestALinkElsewhereTellsTheNextFreeTime(t *testing.T) {
	w := newTown(t)
	c := w.citizen()
	service := c.service()
	says := func(query string) string {
		t.Helper()
		c.get("/embed/next?" + query).shows(http.StatusOK)
		if c.header.Get("Access-Control-Allow-Origin") != "*" || c.header.Get("Cache-Control") != "public, max-age=60" || len(c.header.Values("Set-Cookie")) > 0 {
			t.Errorf("headers %v", c.header)
		}
		var v embedAnswer
		if err := json.Unmarshal([]byte(c.body), &v); err != nil {
			t.Fatal(err)
		}
		return v.Text
	}
	it, en := says("ufficio="+testOffice+"&servizio="+service), says("lang=en&ufficio="+testOffice+"&servizio="+service)
	if !strings.HasPrefix(it, "Primo posto libero: allo sportello") || !strings.Contains(it, "novembre 2031 alle ") || !strings.Contains(it, "; in videochiamata") {
		t.Errorf("in Italian: %s", it)
	}
	if !strings.HasPrefix(en, "First free time: ") || !strings.Contains(en, "November 2031 at ") {
		t.Errorf("in English: %s", en)
	}
	c.get("/embed/next?ufficio=boh&servizio=boh").shows(http.StatusNotFound)
	if c.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("type %s", c.header.Get("Content-Type"))
	}
	if _, err := w.pool.Exec(t.Context(), `UPDATE desk_day SET open = '{}'`); err != nil {
		t.Fatal(err)
	}
	if none := says("ufficio=" + testOffice + "&servizio=" + service); none != "Al momento non ci sono posti liberi." {
		t.Errorf("with nothing free: %s", none)
	}
}

func TestTheAdministratorCopiesTheEntry(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	const page = "/it/staff/amministrazione/incorpora"
	s := c.service("anagrafe", "carta-identita")
	b.want(b.get(page), http.StatusOK, "&lt;a data-sportello", "http://sportello.test/embed.js")
	b.want(b.get(page+"?lingua=en&servizio="+itoa(s.ID)), http.StatusOK,
		`http://sportello.test/en/prenota?servizio=carta-identita&amp;amp;ufficio=anagrafe`, "Book: ")
	b.want(b.get(page+"?servizio=999999"), http.StatusNotFound)
	b.want(b.get(page+"?servizio=%22%3E"), http.StatusNotFound)
}
