package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestASavedRequestIsTakenUpElsewhere: with the link alone, while the slot is
// held and after, nothing typed is lost.
func TestASavedRequestIsTakenUpElsewhere(t *testing.T) {
	w := newTown(t)
	c := w.citizen()
	hold := c.holds("presenza")
	c.post(hold+"/dettagli", url.Values{"note": {"Scritto in autobus."}, "salva": {"1"}}).onStep("/salvata").
		shows(http.StatusOK, "Richiesta salvata", "Teniamo il tuo orario fino alle 08:10", "martedì 18 novembre 2031, ore 08:10")
	link := c.find(`id="link-value">([^<]+)<`)
	_, secret, _ := strings.Cut(link, "#")
	// The page that the link leads to is for everybody; the secret opens it, or the whole link, pasted.
	other := w.citizen()
	other.get(hold).shows(http.StatusOK, "Riprendi la richiesta")
	for _, bad := range []string{"", "x", secret[1:], w.citizen().holdSecret()} {
		other.post(hold, url.Values{"secret": {bad}}).shows(http.StatusUnprocessableEntity, "Il link non è intero")
	}
	other.post(hold, url.Values{"secret": {link}}).onStep("/dettagli").shows(http.StatusOK, "Scritto in autobus.")
	other.post(hold+"/richiedente", url.Values{"salva": {"1"}}).onStep("/salvata") // nothing there yet
	half := url.Values{"name": {"Maria"}, "salva": {"1"}}
	other.post(hold+"/richiedente", half).shows(http.StatusUnprocessableEntity, "cognome", `value="Maria"`)
	full := maria()
	full.Set("salva", "1")
	other.post(hold+"/richiedente", full).onStep("/salvata")
	other.post(hold+"/riepilogo", url.Values{"salva": {"1"}}).onStep("/salvata") // and nothing is booked
	w.wait(20 * time.Minute)
	third := w.citizen()
	third.post(hold, url.Values{"secret": {secret}}).shows(http.StatusOK, "è scaduto")
	third.get(hold+"/salvata").shows(http.StatusOK, "L’orario non è più tenuto per te")
	third.get(hold)
	third.post(hold+"/orario", url.Values{"inizio": {third.starts()[0]}, "passo": {"summary"}}).onStep("/riepilogo").
		shows(http.StatusOK, "Scritto in autobus.", "D'Angelo Rossi")
	third.post(hold+"/riepilogo", url.Values{}).onStep("/conferma").shows(http.StatusOK, "Appuntamento confermato")
	third.get(hold + "/salvata").onStep("/conferma")
}

// holdSecret is the secret of another hold, by its saved link.
func (c *citizen) holdSecret() string {
	c.t.Helper()
	c.post(c.holds("presenza")+"/dettagli", url.Values{"salva": {"1"}})
	return c.find(`id="link-value">[^<]*#([\w-]+)<`)
}
