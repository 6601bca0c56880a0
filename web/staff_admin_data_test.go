package web

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sportello/booking"
)

// newLogged is a counter of which the log has an arrival, and a new name of its office;
// with an administrator's browser.
func newLogged(t *testing.T) (*counter, *browser, booking.Hold) {
	t.Helper()
	c := newCounter(t, nil)
	b := c.as("amministratore")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	r := c.as("reception")
	r.want(r.post("/it/staff/reception/"+h.ID.String()+"/arrivato"), http.StatusSeeOther)
	b.want(b.post("/it/staff/amministrazione/uffici/"+itoa(h.Appointment.Office.ID), "name_it", "Nome nuovo"), http.StatusSeeOther)
	return c, b, h
}

func TestAdministratorReadsTheLog(t *testing.T) {
	_, b, h := newLogged(t)
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

// TestAdministratorAsksOfOneThing: an object has its name, and what was done to it
// can be asked for alone.
func TestAdministratorAsksOfOneThing(t *testing.T) {
	c, b, h := newLogged(t)
	office := itoa(h.Appointment.Office.ID)
	b.want(b.post("/it/staff/amministrazione/chiusure", "dove", "all", "dal", "2026-12-03", "al", "2026-12-04", "motivo_it", "Trasloco", "azione", "salva"), http.StatusSeeOther)
	b.want(b.post("/it/staff/amministrazione/api", "name", "Sito del Comune", "scopes", "read"), http.StatusSeeOther)
	b.want(b.post("/it"+agendaPath+"/esporta", "dal", "2026-11-16", "al", "2026-11-17", "ufficio", office), http.StatusOK)

	const path = "/it/staff/amministrazione/registro"
	start := h.Appointment.Start.In(c.server.staff.zone).Format("15:04")
	page := b.want(b.get(path), http.StatusOK,
		"Appuntamento: lunedì 16 novembre 2026, "+start+" · Carta d&#39;identità elettronica · Nome nuovo",
		"Chiusura: giovedì 3 dicembre 2026 – venerdì 4 dicembre 2026 · Trasloco · Tutti gli uffici", "Ufficio: Nome nuovo", "Token: Sito del Comune",
		"Ufficio: Nome nuovo</a>", "Ufficio: Nome nuovo · lunedì 16 novembre 2026 – martedì 17 novembre 2026 · Un appuntamento</a>")
	b.want(b.post("/it"+agendaPath+"/esporta", "dal", "2026-11-16", "al", "2026-11-16", "ufficio", ""), http.StatusOK)
	if _, err := c.pool.Exec(t.Context(), `INSERT INTO audit (at, staff_id, action, kind, object)
		SELECT $1, id, x.action, x.kind, x.object FROM staff, (VALUES ('agenda.import', 'appointment', '3/5'), ('agenda.import', 'appointment', 'molti'),
			('agenda.refused', 'appointment', '2'), ('agenda.export', 'office', $2 || ' sempre')) AS x(action, kind, object)
		WHERE login = 'amministratore'`, c.server.now(), office); err != nil {
		t.Fatal(err)
	}
	b.want(b.get(path), http.StatusOK, ">Ufficio: Tutti gli uffici · lunedì 16 novembre 2026 · Un appuntamento</td>",
		">3 appuntamenti prenotati · 5 righe lette</td>", ">2 righe non prenotate</td>", ">Appuntamento <code>molti</code></td>", "Ufficio: Nome nuovo <code>sempre</code></a>")
	if strings.Contains(page.body, h.ID.String()+"</code>") {
		t.Error("an appointment is shown by its id")
	}
	of := "?di=appointment/" + h.ID.String()
	only := b.want(b.get(path+of), http.StatusOK, "Solo ciò che riguarda:", "Mostra tutto", "Arrivo segnato")
	if strings.Contains(only.body, "Ufficio modificato") {
		t.Error("what was done to other things is shown too")
	}
	b.want(b.get(path+"?di=office/"+office), http.StatusOK, "Ufficio modificato", "martedì 17 novembre 2026 · Un appuntamento",
		"<strong>Solo ciò che riguarda:</strong> Ufficio: Nome nuovo <a")
	if none := b.want(b.get(path+of+"&giorno=2026-11-15"), http.StatusOK, "Niente da mostrare", "Mostra tutto"); strings.Contains(none.body, "Solo ciò") {
		t.Error("only of what is not said")
	}
	for _, whole := range []string{"?di=", "?di=appointment", "?di=/1", "?di=appointment/x", "?di=desk/%00", "?di=x%ff/1", "?di=desk/" + strings.Repeat("9", 5000)} {
		b.want(b.get(path+whole), http.StatusOK, "Ufficio modificato", "Arrivo segnato")
	}
	for _, nothing := range []string{"?di=office/99999", "?di=appointment/1", "?di=desk/" + strings.Repeat("9", 30)} {
		b.want(b.get(path+nothing), http.StatusOK, "Niente da mostrare")
	}
	card := "/it/staff/operatore/appuntamento/" + h.ID.String()
	o := c.as("operatore")
	if got := o.want(o.get(card), http.StatusOK, "Rossi"); strings.Contains(got.body, path) {
		t.Error("the operator is sent to pages that are not theirs")
	}
	if _, err := c.pool.Exec(t.Context(), `INSERT INTO staff_role SELECT id, 'administrator' FROM staff WHERE login = 'operatore'`); err != nil {
		t.Fatal(err)
	}
	o.want(o.get(card), http.StatusOK, `href="`+path+of+`"`)
}

// TestEveryActionHasItsWords: what the agenda may note can be read in both languages.
func TestEveryActionHasItsWords(t *testing.T) {
	keys := map[string]bool{}
	for _, what := range []string{ // those that the code puts together
		"grant.host", "grant.citizen", "grant.guest", "arrived", "called", "served", "no_show", "staff.save", "staff.enable", "staff.disable",
		"desk.add", "desk.save", "desk.retire", "desk.reopen", "office.retire", "office.reopen", "service.retire", "service.reopen",
	} {
		keys["admin.action."+what] = true
	}
	files, err := filepath.Glob("../booking/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.(?:note|noted)\((?:\w+, |a\.pool, |e\.actor, )+"([a-z_.]+[a-z])", About`).FindAllSubmatch(source, -1) {
			keys["admin.action."+string(m[1])] = true
		}
		for _, m := range regexp.MustCompile(`\tAbout\w+ += "(\w+)"`).FindAllSubmatch(source, -1) {
			keys["admin.about."+string(m[1])] = true
		}
	}
	if len(keys) < 45 {
		t.Errorf("only %d found", len(keys))
	}
	for _, name := range []string{"locales/admin.it.json", "locales/admin.en.json"} {
		words := catalogueOf(t, name)
		for key := range keys {
			if words[key] == "" {
				t.Errorf("%s lacks %s", name, key)
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
