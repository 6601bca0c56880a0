package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sportello/booking"
)

func TestAdministratorReadsTheLog(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	r := c.as("reception")
	r.want(r.post("/it/staff/reception/"+h.ID.String()+"/arrivato"), http.StatusSeeOther)
	b.want(b.post("/it/staff/amministrazione/uffici/1", "name_it", "Nome nuovo"), http.StatusSeeOther)
	const path = "/it/staff/amministrazione/registro"
	page := b.want(b.get(path), http.StatusOK, "Arrivo segnato", h.ID.String(), "Ufficio modificato", "reception")
	if strings.Contains(page.body, "Rossi") {
		t.Error("the log names a citizen")
	}
	b.want(b.get("/en"+strings.TrimPrefix(path, "/it")), http.StatusOK, "Marked as arrived")
	b.want(b.get(path+"?giorno=2026-11-16"), http.StatusOK, "Arrivo segnato")
	b.want(b.get(path+"?giorno=2026-11-15"), http.StatusOK, "Niente da mostrare")
	b.want(b.get(path+"?giorno=ieri"), http.StatusUnprocessableEntity, "non è valido")
	b.want(b.get(path+"?chi=999999&prima=-4"), http.StatusOK, "Niente da mostrare")
}

// TestEveryActionHasItsWords: what the agenda may note can be read in both languages.
func TestEveryActionHasItsWords(t *testing.T) {
	for _, name := range []string{"locales/admin.it.json", "locales/admin.en.json"} {
		words := catalogueOf(t, name)
		for _, kind := range []string{"office", "service", "desk"} {
			for _, what := range []string{"add", "save", "retire", "reopen"} {
				if words["admin.action."+kind+"."+what] == "" {
					t.Errorf("%s lacks %s.%s", name, kind, what)
				}
			}
		}
		for _, what := range []string{"call_again", "display.add", "display.revoke", "feed.add", "feed.revoke", "token.add", "token.revoke"} {
			if words["admin.action."+what] == "" {
				t.Errorf("%s lacks %s", name, what)
			}
		}
	}
}

func TestAdministratorGivesOutAndErases(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	const path = "/it/staff/amministrazione/dati"
	b.want(b.get(path), http.StatusOK, "E-mail, telefono o codice")
	b.want(b.post(path, "who", "Rossi"), http.StatusUnprocessableEntity, `id="who-error"`)
	b.want(b.post(path, "who", "<b>"+strings.Repeat("x", 10_000)), http.StatusUnprocessableEntity, `id="who-error"`)
	b.want(b.post(path, "who", "0121 000000"), http.StatusOK, "0 appuntamenti")
	b.want(b.post(path, "who", "0121 321654"), http.StatusOK, "Un appuntamento", "Rossi Mario", "Cancella per sempre")

	file := b.want(b.post(path, "who", "0121 321654", "azione", "esporta"), http.StatusOK)
	var data struct {
		Appointments []exportedAppointment `json:"appointments"`
	}
	if err := json.Unmarshal([]byte(file.body), &data); err != nil || len(data.Appointments) != 1 ||
		data.Appointments[0].Surname != "Rossi" || data.Appointments[0].Phone != "+390121321654" || !data.Appointments[0].Start.Equal(h.Appointment.Start) {
		t.Errorf("exported %+v, %v", data, err)
	}
	if !strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment") || !strings.Contains(file.header.Get("Cache-Control"), "no-store") {
		t.Errorf("headers %v", file.header)
	}
	b.want(b.post(path, "who", c.agenda.Code(h.Secret), "azione", "cancella"), http.StatusSeeOther)
	b.want(b.get(path), http.StatusOK, "Dati cancellati")
	b.want(b.post(path, "who", "0121 321654"), http.StatusOK, "0 appuntamenti")
	if a, err := c.agenda.Get(t.Context(), h.ID); err != nil || a.State != booking.Cancelled || a.Person.Surname != "" {
		t.Errorf("it is %s of %+v, %v", a.State, a.Person, err)
	}
	b.want(b.get("/it/staff/amministrazione/registro"), http.StatusOK, "Dati esportati", "Dati cancellati")
}
