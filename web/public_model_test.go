package web

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestTheBookingFollowsTheModel holds the titles, labels and marks of the
// Italian model for municipal sites, by which its validator and its people know
// the service.
func TestTheBookingFollowsTheModel(t *testing.T) {
	t.Parallel()
	c := newTown(t).citizen()
	step := func(n, label string) {
		t.Helper()
		c.shows(http.StatusOK, "Prenota appuntamento", "Luogo", "Data e orario", "Dettagli appuntamento", "Richiedente", "Riepilogo")
		if got := c.find(`aria-current="step">\s*<span class="sv-step-mark" aria-hidden="true">(\d)</span>`); got != n {
			t.Errorf("step %s, want %s", got, n)
		}
		if got := c.find(`(?s)aria-current="step">.*?<span class="sv-step-label">([^<]+)<`); got != label {
			t.Errorf("on %q, want %q", got, label)
		}
		if !regexp.MustCompile(`class="container-xxl sv-page" data-element="appointment-booking"`).MatchString(c.body) {
			t.Errorf("%s is not marked as the booking", label)
		}
	}
	c.get("/it/prenota")
	step("1", "Luogo")
	c.shows(http.StatusOK, "Avanti").find(`class="(sv-radio-card)"`)
	c.get("/it/prenota/orario?ufficio=" + testOffice + "&servizio=" + c.service() + "&modo=presenza&giorno=2031-11-20")
	step("2", "Data e orario")
	c.shows(http.StatusOK, "Novembre 2031", "Indietro", "Avanti")
	c.post("/it/prenota/orario", c.choice("presenza", c.starts()[0]))
	step("3", "Dettagli appuntamento")
	c.shows(http.StatusOK, "Indietro", "Avanti", "Salva Richiesta", "al massimo 2000 caratteri")
	hold := strings.TrimSuffix(c.at.Path, "/dettagli")
	c.post(hold+"/dettagli", url.Values{"note": {""}})
	step("4", "Richiedente")
	c.shows(http.StatusOK, "Indietro", "Avanti", "Salva Richiesta", "Basta uno dei due", "Ho letto l’informativa privacy")
	// Each mistake stands at its field, which says so to a screen reader.
	long := url.Values{"name": {strings.Repeat("a", 101)}, "surname": {""}, "email": {"x"}, "phone": {strings.Repeat("1", 41)}}
	c.post(hold+"/richiedente", long)
	for _, field := range []string{"name", "surname", "email", "phone", "privacy"} {
		c.find(`id="(` + field + `)-error"`)
		if input := c.find(`(<input[^>]* name="` + field + `"[^>]*>)`); !strings.Contains(input, `aria-invalid="true"`) || !strings.Contains(input, field+"-error") {
			t.Errorf("the field %s does not tell its error: %s", field, input)
		}
	}
	phone := maria()
	phone.Set("email", "")
	phone.Set("phone", "333 1234567")
	c.post(hold+"/richiedente", phone)
	step("5", "Riepilogo")
	c.shows(http.StatusOK, "Indietro", "Salva Richiesta", "Conferma appuntamento")
	c.post(hold+"/riepilogo", url.Values{}).shows(http.StatusOK, "Appuntamento confermato")
	c.find(`(data-element="feedback")`)
}

// TestEveryEntryToTheBookingIsMarked: wherever a page leads into the booking.
func TestEveryEntryToTheBookingIsMarked(t *testing.T) {
	t.Parallel()
	c := newTown(t).citizen()
	link := regexp.MustCompile(`<a [^>]*href="/(?:it|en)/prenota(?:\?[^"]*)?"[^>]*>`)
	entries := func(least int) {
		t.Helper()
		found := link.FindAllString(c.body, -1)
		if len(found) < least {
			t.Errorf("%s has %d entries", c.at.Path, len(found))
		}
		for _, a := range found {
			if !strings.Contains(a, `data-element="appointment-booking"`) {
				t.Errorf("%s: not marked: %s", c.at.Path, html.UnescapeString(a))
			}
		}
	}
	for path, least := range map[string]int{"/it/": 10, "/it/uffici/anagrafe": 5, "/it/privacy": 1, "/it/appuntamento": 1, "/it/nowhere": 2} {
		c.get(path)
		entries(least)
	}
	hold := c.books("presenza")
	c.post("/it/appuntamento", url.Values{"secret": {c.secret()}})
	c.post(c.at.Path+"/disdici", url.Values{}).shows(http.StatusOK, "Prenota di nuovo")
	entries(2)
	c.get(hold + "/conferma")
	entries(1)
}
