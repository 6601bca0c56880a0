package web

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"sportello/booking"
	"sportello/booking/token"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func tokenHash(secret string) (token.Hash, error) { return token.Check(secret) }

func TestAdministratorSetsHours(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	path := "/it/staff/amministrazione/orari/" + itoa(h.Appointment.DeskID)
	b.want(b.get("/it/staff/amministrazione"), http.StatusOK, "Anagrafe", path)
	b.want(b.get(path), http.StatusOK, `value="08:30"`, `value="12:30"`)
	before, err := c.agenda.OpeningRules(t.Context(), h.Appointment.DeskID)
	if err != nil {
		t.Fatal(err)
	}

	afternoons := []string{"giorno", "1", "dalle", "14:00", "alle", "18:00", "per", "public", "dal", "", "al", ""}
	shown := b.want(b.post(path, append(afternoons, "azione", "anteprima")...), http.StatusOK, "Un appuntamento resta scoperto", "Rossi Mario", "Salva gli orari")
	if !strings.Contains(shown.body, `value="14:00"`) {
		t.Error("what was typed is gone")
	}
	if rules, err := c.agenda.OpeningRules(t.Context(), h.Appointment.DeskID); err != nil || len(rules) != len(before) {
		t.Fatalf("the preview changed the hours: %d rules, %v", len(rules), err)
	}
	twice := append([]string{"giorno", "1", "dalle", "16:00", "alle", "19:00", "per", "operators", "dal", "", "al", ""}, afternoons...)
	b.want(b.post(path, append(twice, "azione", "anteprima")...), http.StatusOK, "Le righe 1 e 2 si sovrappongono dalle 16:00 alle 18:00. In quelle ore prenotano sia il pubblico sia gli operatori.")
	if strings.Contains(shown.body, "si sovrappongono") {
		t.Error("one line overlaps with itself")
	}
	b.want(b.post(path, append(afternoons, "azione", "salva")...), http.StatusSeeOther)
	b.want(b.get(path), http.StatusOK, "Un appuntamento ne resta fuori")
	rules, err := c.agenda.OpeningRules(t.Context(), h.Appointment.DeskID)
	if err != nil || len(rules) != 1 || rules[0].From != "14:00" {
		t.Fatalf("rules %+v, %v", rules, err)
	}
	b.want(b.post(path, "giorno", "1", "dalle", "18:00", "alle", "14:00", "per", "public", "dal", "", "al", ""), http.StatusUnprocessableEntity, "Riga 1")
	b.want(b.post(path, "giorno", "9", "dalle", "08:00", "alle", "14:00", "per", "public", "dal", "", "al", ""), http.StatusUnprocessableEntity, "il giorno non è valido")
	b.want(b.post(path, "giorno", "1", "dalle", "08:00", "alle", "14:00", "per", "public", "dal", "2027-01-02", "al", "2027-01-01"), http.StatusUnprocessableEntity, "validità")
	b.want(b.get("/it/staff/amministrazione/orari/999999"), http.StatusNotFound)
	b.want(b.get("/it/staff/amministrazione/orari/uno"), http.StatusNotFound)
}

func TestAdministratorCloses(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	const path = "/it/staff/amministrazione/chiusure"
	day := h.Appointment.Start.Format(time.DateOnly)
	form := []string{"dove", "office:" + itoa(h.Appointment.Office.ID), "dal", day, "al", "", "motivo_it", "Guasto", "motivo_en", ""}
	b.want(b.post(path, append(form, "azione", "anteprima")...), http.StatusOK, "Un appuntamento resta scoperto", "Rossi Mario")
	if list := c.free(h.Appointment.Service, booking.InPerson, 1); list[0].Start.Format(time.DateOnly) != day {
		t.Fatal("the preview closed the office")
	}
	b.want(b.post(path, append(form, "azione", "salva")...), http.StatusSeeOther)
	b.want(b.get(path), http.StatusOK, "Guasto")
	if list := c.free(h.Appointment.Service, booking.InPerson, 1); list[0].Start.Format(time.DateOnly) == day {
		t.Fatal("the office is still open")
	}
	closures, err := c.agenda.Closures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range closures {
		if k.Reason["it"] == "Guasto" {
			b.want(b.post(path+"/"+itoa(k.ID)+"/togli"), http.StatusSeeOther)
		}
	}
	if list := c.free(h.Appointment.Service, booking.InPerson, 1); list[0].Start.Format(time.DateOnly) != day {
		t.Fatal("the closure stayed")
	}
	b.want(b.post(path, "dove", "all", "dal", "2026-12-10", "al", "2026-12-01", "motivo_it", "x"), http.StatusUnprocessableEntity, "Controlla le date")
	b.want(b.post(path, "dove", "all", "dal", "2026-12-10", "motivo_it", ""), http.StatusUnprocessableEntity, "Scrivi il motivo")
	b.want(b.post(path, "dove", "office:x", "dal", "2026-12-10", "motivo_it", "x"), http.StatusBadRequest)
	b.want(b.post(path, "dove", "office:999999", "dal", "2026-12-10", "motivo_it", "x", "azione", "salva"), http.StatusNotFound)
	b.want(b.post(path+"/999999/togli"), http.StatusNotFound)
}

func TestAdministratorAddsAndResets(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	const path = "/it/staff/amministrazione/persone"
	b.want(b.post(path, "login", "nuova", "nome", "Nora Nuova", "password", staffPassword), http.StatusUnprocessableEntity, "almeno un ruolo", "Nora Nuova")
	b.want(b.post(path, "login", "nuova", "nome", "Nora Nuova", "password", "corta", "ruolo", "operator"), http.StatusUnprocessableEntity, "Da 8 a 256")
	b.want(b.post(path, "login", "operatore", "nome", "Nora Nuova", "password", staffPassword, "ruolo", "operator"), http.StatusUnprocessableEntity, "esiste già")
	b.want(b.post(path, "login", "nuova", "nome", "Nora <b>Nuova", "password", staffPassword, "ruolo", "operator"), http.StatusSeeOther)
	b.want(b.get(path), http.StatusOK, "Nora &lt;b&gt;Nuova", "può accedere")

	nora := c.as("nuova")
	staff, err := c.agenda.Authenticate(t.Context(), "nuova", staffPassword)
	if err != nil {
		t.Fatal(err)
	}
	b.want(b.post(path+"/"+itoa(staff.ID)+"/password", "password", "corta"), http.StatusUnprocessableEntity, "Da 8 a 256")
	b.want(b.post(path+"/"+itoa(staff.ID)+"/password", "password", "un'altra parola"), http.StatusSeeOther)
	nora.want(nora.get("/it/staff/operatore"), http.StatusSeeOther) // signed out everywhere
	b.want(b.get(path), http.StatusOK, "Password cambiata")         // but the administrator is not
	nora.want(nora.post("/it/staff/accesso", "login", "nuova", "password", staffPassword), http.StatusUnprocessableEntity)
	nora.want(nora.post("/it/staff/accesso", "login", "nuova", "password", "un'altra parola"), http.StatusSeeOther)
	b.want(b.post(path+"/999999/password", "password", "un'altra parola"), http.StatusNotFound)
}
