package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
	"sportello/booking/token"
)

func TestManageByCodeMoveAndCancel(t *testing.T) {
	w := newTown(t)
	c := w.citizen()
	c.books("presenza")
	code, secret := c.find(`sv-code-value">(\w{4}-\w{4})<`), c.secret()

	other := w.citizen() // another device
	other.post("/it/appuntamento", url.Values{"code": {""}, "surname": {""}}).
		shows(http.StatusUnprocessableEntity, "Scrivi il codice", "Scrivi il cognome")
	other.post("/it/appuntamento", url.Values{"code": {code}, "surname": {"Bianchi"}}).
		shows(http.StatusUnprocessableEntity, "Nessun appuntamento con questo codice", code, "Bianchi")
	other.post("/it/appuntamento", url.Values{"code": {" " + strings.ToLower(strings.ReplaceAll(code, "-", " "))}, "surname": {"d'angelo ROSSI"}}).
		shows(http.StatusOK, "Confermato", "Ho una domanda.")
	page := other.at.Path
	other.hasNot(secret)

	before, err := w.agenda.BySecret(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	other.get(page+"/sposta").shows(http.StatusOK, "quello attuale resta tuo")
	starts := other.starts()
	other.post(page+"/sposta", url.Values{"inizio": {""}}).shows(http.StatusUnprocessableEntity, "Scegli un orario")
	other.post(page+"/sposta", url.Values{"inizio": {starts[len(starts)-1]}}).shows(http.StatusOK, "è stato spostato")
	moved, err := w.agenda.BySecret(t.Context(), secret)
	if err != nil || moved.Start.Equal(before.Start) || moved.Version <= before.Version {
		t.Fatalf("moved from %v to %v: %v", before.Start, moved.Start, err)
	}

	other.get(page+"/disdici").shows(http.StatusOK, "Vuoi davvero disdire")
	other.post(page+"/disdici", url.Values{}).shows(http.StatusOK, "è stato disdetto", "Prenota di nuovo")
	other.post(page+"/disdici", url.Values{}).shows(http.StatusOK, "Appuntamento disdetto") // again
	if a, err := w.agenda.BySecret(t.Context(), secret); err != nil || a.State != booking.Cancelled {
		t.Errorf("state %s: %v", a.State, err)
	}
	other.get(page + "/sposta").onStep(page) // nothing left to move

	// Who changes their mind has it back with one press, and can change it as before.
	other.get(page).shows(http.StatusOK, "Hai cambiato idea?")
	other.post(page+"/riprendi", url.Values{}).shows(http.StatusOK, "di nuovo tuo", "Confermato", "Sposta")
	other.hasNot("Hai cambiato idea?")
	if a, err := w.agenda.BySecret(t.Context(), secret); err != nil || a.State != booking.Booked || !a.Start.Equal(moved.Start) {
		t.Errorf("taken back: %s at %v: %v", a.State, a.Start, err)
	}
	other.post(page+"/disdici", url.Values{}).shows(http.StatusOK, "è stato disdetto")
	other.get(page+"?troppi=1").shows(http.StatusOK, "Hai già altri appuntamenti")
	if _, err := w.agenda.AddClosure(t.Context(), booking.Closure{From: moved.Start, To: moved.Start, Reason: booking.Text{"it": "Guasto"}}, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	other.post(page+"/riprendi", url.Values{}).shows(http.StatusOK, "non è più libero", "Prenota di nuovo")

	other.post("/it/appuntamento/esci", url.Values{}).shows(http.StatusOK, "Hai chiuso")
	other.get(page).shows(http.StatusOK, "la consultazione è scaduta")
}

func TestManageByLinkOpensTheRoom(t *testing.T) {
	w := newTown(t)
	c := w.citizen()
	c.books("video")
	code, secret := c.find(`sv-code-value">(\w{4}-\w{4})<`), c.secret()

	byLink := w.citizen()
	byLink.post("/en/appuntamento", url.Values{"secret": {secret}}).shows(http.StatusOK, "Your virtual room", code)
	if strings.Contains(byLink.at.String(), secret) {
		t.Error("the secret reached the address")
	}
	byLink.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	byLink.post(byLink.at.Path+"/stanza", url.Values{})
	if got := byLink.header.Get("Location"); got != "/en/stanza#"+secret {
		t.Errorf("the room is at %q", got)
	}

	// Who has only the code gets a secret for the same seat.
	byCode := w.citizen()
	byCode.post("/it/appuntamento", url.Values{"code": {code}, "surname": {"D'Angelo Rossi"}}).shows(http.StatusOK, "La tua stanza virtuale")
	byCode.client.CheckRedirect = byLink.client.CheckRedirect
	byCode.post(byCode.at.Path+"/stanza", url.Values{})
	_, own, ok := strings.Cut(byCode.header.Get("Location"), "/it/stanza#")
	a, err := w.agenda.BySecret(t.Context(), secret)
	if err != nil || !ok {
		t.Fatalf("Location %q: %v", byCode.header.Get("Location"), err)
	}
	first, err1 := w.tokens.Lookup(t.Context(), secret, a.Start)
	second, err2 := w.tokens.Lookup(t.Context(), own, a.Start)
	if err := errors.Join(err1, err2); err != nil || first.Identity != second.Identity || second.Role != token.RoleCitizen {
		t.Errorf("seats %+v and %+v: %v", first, second, err)
	}

	for _, bad := range []string{strings.Repeat("x", 48), secret[:47], secret[:20] + "A" + secret[21:]} {
		if bad == secret {
			continue
		}
		w.citizen().post("/it/appuntamento", url.Values{"secret": {bad}}).
			shows(http.StatusUnprocessableEntity, "Il link non apre nessun appuntamento")
	}
}

func TestManageNeedsItsProof(t *testing.T) {
	w := newTown(t)
	c := w.citizen()
	c.books("presenza")
	secret := c.secret()
	a, err := w.agenda.BySecret(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	stranger := w.citizen()
	stranger.get("/it/appuntamento/"+a.ID.String()).shows(http.StatusOK, "la consultazione è scaduta")
	stranger.hasNot("Maria")
	stranger.get("/it/appuntamento/"+uuid.NewString()).shows(http.StatusOK, "la consultazione è scaduta")
	stranger.get("/it/appuntamento/rubbish").shows(http.StatusNotFound)
	stranger.post("/it/appuntamento/"+a.ID.String()+"/disdici", url.Values{})

	c.post("/it/appuntamento", url.Values{"secret": {secret}}).shows(http.StatusOK, "Maria")
	page := c.at.Path
	c.get("/it/appuntamento/"+uuid.NewString()).shows(http.StatusOK, "la consultazione è scaduta")
	c.wait(31 * time.Minute)
	c.get(page).shows(http.StatusOK, "la consultazione è scaduta")
	if a, err = w.agenda.Get(t.Context(), a.ID); err != nil || a.State != booking.Booked {
		t.Errorf("a stranger changed it to %s: %v", a.State, err)
	}
}

func TestTooLateToChangeSaysSo(t *testing.T) {
	w := newTown(t)
	c := w.citizen()
	c.books("presenza")
	secret := c.secret()
	a, err := w.agenda.BySecret(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	w.wait(a.Start.Add(-time.Minute).Sub(w.clock()))
	c.post("/it/appuntamento", url.Values{"secret": {secret}}).shows(http.StatusOK, "È troppo tardi per modificarlo")
	page := c.at.Path
	c.post(page+"/disdici", url.Values{}).shows(http.StatusOK, "Confermato").onStep(page)
	w.wait(24 * time.Hour)
	c.post("/it/appuntamento", url.Values{"secret": {secret}}).shows(http.StatusOK, "è passata")
}

func TestGuessingCodesIsLimited(t *testing.T) {
	c := newTown(t).citizen()
	tries := 0 // a minute that turns meanwhile lets a few more through
	for ; tries < 30 && c.status != http.StatusTooManyRequests; tries++ {
		c.post("/it/appuntamento", url.Values{"code": {"AAAA-BBBB"}, "surname": {"Rossi"}})
	}
	c.shows(http.StatusTooManyRequests, "Troppi tentativi")
	if tries <= 10 {
		t.Errorf("refused at try %d", tries)
	}
	if c.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
