package web

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"sportello/booking"
)

// serviceFields is a new service as a form sends it.
func serviceFields(change ...string) []string {
	f := url.Values{
		"name_it": {"Licenza di caccia"}, "name_en": {"Hunting licence"}, "modes": {"in_person"}, "duration": {"30"}, "buffer": {"0"},
		"step": {"30"}, "min_notice": {"60"}, "horizon": {"30"}, "cancel_until": {"120"}, "bring_it": {"Marca da bollo"}, "position": {"1"},
	}
	for i := 0; i+1 < len(change); i += 2 {
		f.Set(change[i], change[i+1])
	}
	var pairs []string
	for k, values := range f {
		for _, v := range values {
			pairs = append(pairs, k, v)
		}
	}
	return pairs
}

// TestANewOfficeIsOpenAndBooked: the administrator follows the guide, one
// form after the other, and a citizen books what came of it.
func TestANewOfficeIsOpenAndBooked(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	b.want(b.get("/it/staff/amministrazione"), http.StatusOK, "Nuovo ufficio")
	b.want(b.get("/it/staff/amministrazione/uffici/nuovo"), http.StatusOK, "Bastano pochi passi")
	next := b.want(b.post("/it/staff/amministrazione/uffici/nuovo", "name_it", "Ufficio Caccia & Pesca", "building", "Palazzo B"), http.StatusSeeOther).location()
	b.want(b.get(next), http.StatusOK, "Ufficio salvato: Ufficio Caccia &amp; Pesca", "Nuovo servizio", "Non ancora prenotabile", "Manca un servizio")
	next = b.want(b.post(next, serviceFields()...), http.StatusSeeOther).location()
	page := b.want(b.get(next), http.StatusOK, "Nuovo sportello", "Licenza di caccia")
	service := between(t, page.body, `name="services" value="`, `"`)
	next = b.want(b.post(next, "name", "Sportello Caccia", "modes", "in_person", "services", service), http.StatusSeeOther).location()
	b.want(b.get(next), http.StatusOK, "questi sono una proposta", `value="09:00"`)
	hours := []string{"azione", "salva"}
	for _, day := range []string{"1", "2", "3", "4", "5"} {
		hours = append(hours, "giorno", day, "dalle", "09:00", "alle", "12:30", "per", "public", "dal", "", "al", "")
	}
	next = b.want(b.post(next, hours...), http.StatusSeeOther).location()
	b.want(b.get(next), http.StatusOK, "Aperto alle prenotazioni", "Primo posto libero", "/it/uffici/ufficio-caccia-pesca")

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	rosa := &citizen{town: &town{t: t, agenda: c.agenda, http: c.http}, client: &http.Client{Jar: jar}}
	rosa.get("/it/uffici/ufficio-caccia-pesca").shows(http.StatusOK, "Licenza di caccia")
	rosa.get("/it/prenota/orario?ufficio=ufficio-caccia-pesca&servizio=licenza-di-caccia&modo=presenza&giorno=2026-11-17")
	rosa.post("/it/prenota/orario", url.Values{
		"ufficio": {"ufficio-caccia-pesca"}, "servizio": {"licenza-di-caccia"}, "modo": {"presenza"}, "inizio": {rosa.starts()[0]},
	}).shows(http.StatusOK).onStep("/dettagli")
	hold := strings.TrimSuffix(rosa.at.Path, "/dettagli")
	rosa.post(hold+"/dettagli", url.Values{"note": {""}}).onStep("/richiedente")
	rosa.post(hold+"/richiedente", maria()).onStep("/riepilogo")
	rosa.post(hold+"/riepilogo", url.Values{}).shows(http.StatusOK, "Appuntamento confermato", "Marca da bollo").onStep("/conferma")

	// What is taken away now shows her first, and keeps her.
	office := strings.TrimPrefix(next, "/it")
	b.want(b.post("/it"+office+"/stato", "azione", "anteprima"), http.StatusOK, "Ritirare l’ufficio", "Rossi Maria")
	rosa.get("/it/uffici/ufficio-caccia-pesca").shows(http.StatusOK)
	b.want(b.post("/it"+office+"/stato", "azione", "salva"), http.StatusSeeOther)
	b.want(b.get("/it"+office), http.StatusOK, "Un appuntamento resta in agenda", "Ritirato", "Riattiva")
	rosa.get("/it/uffici/ufficio-caccia-pesca").shows(http.StatusNotFound)
	rosa.get("/it/prenota/orario?ufficio=ufficio-caccia-pesca&servizio=licenza-di-caccia&modo=presenza").shows(http.StatusUnprocessableEntity)
	rosa.get("/it/prenota").hasNot("Caccia")
	r := c.as("reception")
	r.want(r.get("/it/staff/reception"), http.StatusOK, "Palazzo B") // those who come are still received
	b.want(b.post("/it"+office+"/stato", "azione", "riapri"), http.StatusSeeOther)
	b.want(b.get("/it"+office), http.StatusOK, "Riattivato", "Aperto alle prenotazioni")
}

// between gives what stands between two texts of a page.
func between(t *testing.T, page, before, after string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, before)
	text, _, end := strings.Cut(rest, after)
	if !ok || !end {
		t.Fatalf("nothing stands after %q", before)
	}
	return text
}

func TestAdministratorChangesRules(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	v := h.Appointment.Service
	path := "/it/staff/amministrazione/servizi/" + itoa(v.ID)
	b.want(b.get(path), http.StatusOK, `name="duration"`)
	b.want(b.get("/en"+strings.TrimPrefix(path, "/it")), http.StatusOK, "Length (minutes)")
	longer := serviceFields("duration", "45", "name_it", "Carta <i>nuova</i>")
	b.want(b.post(path, append(longer, "azione", "anteprima")...), http.StatusOK, "Un appuntamento resta scoperto", "Rossi Mario", "Carta &lt;i&gt;nuova")
	if got := c.service("anagrafe", "carta-identita"); got.Duration != v.Duration {
		t.Fatal("the preview changed the service")
	}
	b.want(b.post(path, append(longer, "azione", "salva")...), http.StatusSeeOther)
	if got := c.service("anagrafe", "carta-identita"); got.Duration != 45*time.Minute || got.Name["it"] != "Carta <i>nuova</i>" || got.Horizon != 30*24*time.Hour {
		t.Errorf("service %+v", got)
	}
	b.want(b.get("/it/staff/amministrazione"), http.StatusOK, "Carta &lt;i&gt;nuova")

	for field, value := range map[string]string{
		"duration": "0", "step": "1500", "buffer": "-1", "min_notice": "9999999999999999999", "horizon": "molto", "cancel_until": "1,5",
		"name_it": "", "name_en": strings.Repeat("à", 10_000), "bring_it": strings.Repeat("b", 10_000), "position": "-3", "modes": "piccione",
	} {
		got := b.post(path, append(serviceFields(field, value), "azione", "salva")...)
		b.want(got, http.StatusUnprocessableEntity, `href="#`+field+`"`, `id="`+field+`-error"`)
	}
	if got := c.service("anagrafe", "carta-identita"); got.Duration != 45*time.Minute {
		t.Error("a refused form changed the service")
	}
	b.want(b.get("/it/staff/amministrazione/servizi/999999"), http.StatusNotFound)
	b.want(b.get("/it/staff/amministrazione/servizi/-1"), http.StatusNotFound)
	b.want(b.get("/it/staff/amministrazione/uffici/999999"), http.StatusNotFound)
	b.want(b.post("/it/staff/amministrazione/uffici/nuovo", "name_it", "A", "email", "non-e-mail"), http.StatusUnprocessableEntity, `id="email-error"`, "ufficio@comune.it")

	desk := "/it/staff/amministrazione/sportelli/" + itoa(h.Appointment.DeskID)
	b.want(b.get(desk), http.StatusOK, h.Appointment.DeskName)
	b.want(b.post(desk, "name", h.Appointment.DeskName, "modes", "virtual", "azione", "anteprima"), http.StatusOK, "Rossi Mario")
	b.want(b.post(desk, "name", "", "modes", "virtual"), http.StatusUnprocessableEntity, `id="name-error"`)
	b.want(b.post(desk, "name", "x", "azione", "salva"), http.StatusUnprocessableEntity, `id="modes-error"`)
	b.want(b.post(desk, "name", "x", "modes", "in_person", "services", "999999", "azione", "salva"), http.StatusUnprocessableEntity, `id="services-error"`)
	b.want(b.post(desk+"/stato", "azione", "anteprima"), http.StatusOK, "Ritirare lo sportello", "Rossi Mario")
	b.want(b.post(desk+"/stato", "azione", "salva"), http.StatusSeeOther)
	clerk := c.as("anagrafe")
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusOK, "Rossi") // still at the counter
	b.want(b.post(path+"/stato"), http.StatusOK, "Ritirare il servizio")
	b.want(b.post(path+"/stato", "azione", "salva"), http.StatusSeeOther)
	o := c.as("operatore")
	if page := o.want(o.get("/it/staff/operatore"), http.StatusOK); strings.Contains(page.body, "nuova&lt;/i") {
		t.Error("the operator is offered a retired service")
	}
}

// TestAFormSavedUntouchedChangesNothing: what is stored fits the form's units.
func TestAFormSavedUntouchedChangesNothing(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	all, err := c.agenda.AllServices(t.Context())
	if err != nil || len(all) == 0 {
		t.Fatal(err)
	}
	for _, v := range all {
		f := serviceForm(v)
		f.Set("azione", "salva")
		b.want(b.do(http.MethodPost, "/it/staff/amministrazione/servizi/"+itoa(v.ID), nil, f.Values), http.StatusSeeOther)
		if got, err := c.agenda.ServiceByID(t.Context(), v.ID); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%s became %+v, was %+v (%v)", v.Slug, got, v, err)
		}
	}
}

// TestOverlappingHoursCountOnce: two rules over one another open a desk once.
func TestOverlappingHoursCountOnce(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	path := "/it/staff/amministrazione/orari/" + itoa(h.Appointment.DeskID)
	rules := []string{"azione", "salva"}
	for _, line := range [][2]string{{"09:00", "11:00"}, {"10:00", "12:00"}, {"09:00", "12:00"}} {
		rules = append(rules, "giorno", "2", "dalle", line[0], "alle", line[1], "per", "public", "dal", "", "al", "")
	}
	b.want(b.post(path, rules...), http.StatusSeeOther)
	var stretches int
	err := c.pool.QueryRow(t.Context(), `SELECT count(*) FROM desk_day, unnest(open) WHERE desk_id = $1 AND day = '2026-11-24' AND audience = 'public'`, h.Appointment.DeskID).Scan(&stretches)
	if err != nil || stretches != 1 {
		t.Errorf("%d stretches, %v", stretches, err)
	}
	// Operators who begin off the public's steps are told of before it is saved.
	early := func(from string) answer {
		return b.want(b.post(path, "azione", "anteprima", "giorno", "2", "dalle", from, "alle", "09:00", "per", "operators", "dal", "", "al", "",
			"giorno", "2", "dalle", "09:00", "alle", "12:00", "per", "public", "dal", "", "al", ""), http.StatusOK)
	}
	b.want(early("08:51"), http.StatusOK, "si contano dalle 08:51 (riga 1)")
	if strings.Contains(early("08:00").body, "si contano dalle") {
		t.Error("an hour before is told of, too")
	}
}

func TestAdministratorChangesAccounts(t *testing.T) {
	c := newCounter(t, nil)
	b, clerk := c.as("amministratore"), c.as("anagrafe")
	all, err := c.agenda.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]booking.Account{}
	for _, m := range all {
		ids[m.Login] = m
	}
	anna, boss := ids["anagrafe"], ids["amministratore"]
	path := "/it/staff/amministrazione/persone/" + itoa(anna.ID)
	b.want(b.get(path), http.StatusOK, "Anna Ferrero", "Disattiva", `value="clerk" checked`)
	b.want(b.post(path, "name", "Anna Ferrero", "role", "reception"), http.StatusSeeOther)
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusForbidden) // from the next click
	clerk.want(clerk.get("/it/staff/reception"), http.StatusOK)
	b.want(b.post(path, "name", strings.Repeat("x", 10_000), "role", "clerk"), http.StatusUnprocessableEntity, `id="name-error"`)
	b.want(b.post(path, "name", "Anna"), http.StatusUnprocessableEntity, `id="role-error"`)
	b.want(b.post(path, "name", "Anna", "role", "re"), http.StatusUnprocessableEntity, `id="role-error"`)
	b.want(b.post(path, "name", "Anna", "role", "clerk", "desks", "999999"), http.StatusNotFound)

	b.want(b.post(path+"/stato", "azione", "disabilita"), http.StatusSeeOther)
	clerk.want(clerk.get("/it/staff/reception"), http.StatusSeeOther)
	clerk.want(clerk.post("/it/staff/accesso", "login", "anagrafe", "password", staffPassword), http.StatusUnprocessableEntity)
	b.want(b.get("/it/staff/amministrazione/persone"), http.StatusOK, "Disattivato", "non può più accedere")
	b.want(b.post(path+"/stato", "azione", "abilita"), http.StatusSeeOther)
	clerk.want(clerk.get("/it/staff/reception"), http.StatusSeeOther) // the old session stays ended
	clerk.want(clerk.post("/it/staff/accesso", "login", "anagrafe", "password", staffPassword), http.StatusSeeOther)

	own := "/it/staff/amministrazione/persone/" + itoa(boss.ID)
	b.want(b.post(own+"/stato", "azione", "disabilita"), http.StatusSeeOther)
	b.want(b.get("/it/staff/amministrazione/persone"), http.StatusOK, "Non puoi disattivare il tuo account")
	b.want(b.post(own, "name", "Ada", "role", "clerk"), http.StatusUnprocessableEntity, "Deve restare almeno un amministratore")
}
