package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sportello/booking"
	"sportello/booking/notify"
)

// call is the form that an operator fills in.
func call(service, slot string, more ...string) []string {
	return append([]string{
		"servizio", service, "orario", slot, "nome", "Giulia", "cognome", "Dell'Orto", "telefono", "0121 444555",
		"email", "", "lingua", "it", "motivo", "Rinnovo", "nota", "richiamare", "azione", "prenota",
	}, more...)
}

func TestOperatorBooks(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("operatore")
	// What is typed finds the service; the page has the first free starts.
	page := b.want(b.get("/it/staff/operatore?servizio="+url.QueryEscape("IDENTITA anagr")), http.StatusOK, "Carta d&#39;identità elettronica – Anagrafe", "name=\"orario\"")
	slots := regexp.MustCompile(`name="orario" value="([^"]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(slots) != slotsShown {
		t.Fatalf("%d starts", len(slots))
	}
	slot := strings.ReplaceAll(slots[0][1], "&#43;", "+")
	done := b.want(b.post("/it/staff/operatore", call("anagrafe/carta-identita", slot)...), http.StatusSeeOther)
	if strings.Contains(done.location(), "#") || strings.Contains(done.location(), "?") {
		t.Fatalf("redirected to %q", done.location())
	}
	shown := b.want(b.get(done.location()), http.StatusOK, "Codice da dettare", "come ", "/it/appuntamento#")
	found := regexp.MustCompile(`st-code-big"[^>]*>([0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4})<`).FindStringSubmatch(shown.body)
	if found == nil {
		t.Fatal("the page has no code")
	}
	code := found[1]
	a, err := c.agenda.ByCode(t.Context(), code, "dell orto")
	if err != nil {
		t.Fatalf("the code %q: %v", code, err)
	}
	if a.State != booking.Booked || a.Channel != booking.ByOperator || a.Note != "Rinnovo" || a.StaffNote != "richiamare" {
		t.Errorf("booked %+v", a)
	}
	// Another browser, without the cookie, sees the appointment but no code.
	other := c.as("operatore")
	later := other.want(other.get(done.location()), http.StatusOK, "si mostra solo subito")
	if strings.Contains(later.body, code) {
		t.Error("the code is shown to somebody else")
	}
}

// TestSessionEndsWhileSomebodyTypes: what was typed is sent again after signing in.
func TestSessionEndsWhileSomebodyTypes(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("operatore")
	slot := slotValue(booking.InPerson, c.free(c.service("anagrafe", "carta-identita"), booking.InPerson, 1)[0].Start)
	b.want(b.post("/it/staff/esci"), http.StatusSeeOther) // in another tab
	late := b.want(b.post("/it/staff/operatore", call("anagrafe/carta-identita", slot)...), http.StatusUnauthorized, "Devi accedere di nuovo", `href="/it/staff/accesso" target="_blank"`)
	action, fields := kept(t, late.body)
	b.want(b.do(http.MethodPost, action, nil, fields), http.StatusUnauthorized) // not signed in yet
	b.want(b.post("/it/staff/accesso", "login", "operatore", "password", staffPassword), http.StatusSeeOther)
	done := b.want(b.do(http.MethodPost, action, nil, fields), http.StatusSeeOther)
	b.want(b.get(done.location()), http.StatusOK, "Codice da dettare", "Dell&#39;Orto")
	// A form with a password is not kept.
	b.want(b.post("/it/staff/esci"), http.StatusSeeOther)
	other := b.want(b.post("/it/staff/amministrazione/persone", "login", "nuova", "password", "una parola lunga"), http.StatusUnauthorized, "Devi accedere di nuovo")
	if strings.Contains(other.body, "una parola lunga") || strings.Contains(other.body, "Invia di nuovo") {
		t.Error("a password stands in the page")
	}
}

// TestOperatorBooksSeveralServices: typed with a plus sign, or added by a link.
func TestOperatorBooksSeveralServices(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("operatore")
	ask := func(text string) answer { return b.get("/it/staff/operatore?servizio=" + url.QueryEscape(text)) }
	const label = "Carta d&#39;identità elettronica – Anagrafe &#43; Certificati anagrafici"
	page := b.want(ask("identita + certif"), http.StatusOK, label, "35 minuti", "Togli: Certificati anagrafici")
	// What was found, typed as it is shown, finds the same; so does the link beside the first.
	b.want(ask("Carta d'identità elettronica – Anagrafe + Certificati anagrafici"), http.StatusOK, "35 minuti")
	links := b.want(ask("identita +"), http.StatusOK, "20 minuti", "Aggiungi: Certificati anagrafici")
	add := regexp.MustCompile(`href="([^"]+)">Aggiungi: Certificati anagrafici`).FindStringSubmatch(links.body)
	if add == nil {
		t.Fatal("no link adds a service")
	}
	b.want(b.get(strings.ReplaceAll(add[1], "&amp;", "&")), http.StatusOK, label, "35 minuti")
	leave := regexp.MustCompile(`href="([^"]+)">Togli: Certificati anagrafici`).FindStringSubmatch(page.body)
	if leave == nil {
		t.Fatal("no link leaves a service out")
	}
	b.want(b.get(strings.ReplaceAll(leave[1], "&amp;", "&")), http.StatusOK, "20 minuti")
	// A word that means several asks which; what no desk does together says so.
	// The later starts, and one of several services, are one link away.
	for _, text := range []string{"identita", "certificati"} {
		later := regexp.MustCompile(`href="([^"]+)">(?:Orari successivi|Certificati anagrafici)`).FindStringSubmatch(ask(text).body)
		if later == nil {
			t.Fatalf("%s leads nowhere", text)
		}
		b.want(b.get(strings.ReplaceAll(later[1], "&amp;", "&")), http.StatusOK, `name="orario"`)
	}
	b.want(ask("identita + c"), http.StatusOK, "Quale di questi servizi?", label, "Cambio")
	b.want(ask("identita + tari"), http.StatusOK, "Nessuno sportello fa insieme")
	b.want(ask("identita + identita"), http.StatusOK, "Nessuno sportello fa insieme")
	b.want(ask("+ + +"), http.StatusOK)

	const both = "anagrafe/carta-identita + certificati"
	slot := strings.ReplaceAll(regexp.MustCompile(`name="orario" value="([^"]+)"`).FindStringSubmatch(page.body)[1], "&#43;", "+")
	done := b.want(b.post("/it/staff/operatore", call(both, slot)...), http.StatusSeeOther)
	b.want(b.get(done.location()), http.StatusOK, "Carta d&#39;identità elettronica &#43; Certificati anagrafici")
	list, err := c.agenda.List(t.Context(), booking.AgendaQuery{})
	if err != nil || len(list) != 1 || list[0].End.Sub(list[0].Start).Minutes() != 35 || len(list[0].Service.Also) != 1 {
		t.Fatalf("booked %+v, %v", list, err)
	}
	// The caller has an appointment for each of them now, whichever is asked for.
	for _, service := range []string{"anagrafe/certificati", "anagrafe/carta-identita", "anagrafe/cambio-residenza + certificati"} {
		other := strings.ReplaceAll(regexp.MustCompile(`name="orario" value="([^"]+)"`).FindStringSubmatch(ask(service).body)[1], "&#43;", "+")
		b.want(b.post("/it/staff/operatore", call(service, other)...), http.StatusConflict, "ha già un appuntamento")
	}
	// Nothing free: on the waiting list for both.
	b.want(b.post("/it/staff/operatore", "servizio", both, "nome", "Pia", "cognome", "Neri", "telefono", "0121 999888", "lingua", "it",
		"azione", "attesa", "entro", "2026-11-30", "modo", "in_person"), http.StatusSeeOther)
	var also []int64
	if err := c.pool.QueryRow(t.Context(), `SELECT a.also FROM waiting w JOIN appointment a ON a.id = w.appointment_id`).Scan(&also); err != nil || len(also) != 1 {
		t.Errorf("waits for %v beside the first, %v", also, err)
	}
}

func TestOperatorCollidesWithACitizen(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("operatore")
	// One desk only serves this in video, so one hold takes the start.
	s := c.service("stato-civile", "pubblicazioni-matrimonio")
	public, err := c.agenda.Free(t.Context(), booking.Query{ServiceID: s.ID, Mode: booking.Virtual, Audience: booking.Public, Limit: 1})
	if err != nil || len(public) == 0 {
		t.Fatal(err)
	}
	publicSlot := public[0]
	if _, err := c.agenda.Hold(t.Context(), booking.HoldRequest{
		ServiceID: s.ID, Start: publicSlot.Start, Mode: booking.Virtual, Channel: booking.ByWeb, Audience: booking.Public,
	}); err != nil {
		t.Fatal(err)
	}
	taken := b.want(b.post("/it/staff/operatore", call("stato-civile/pubblicazioni-matrimonio", slotValue(booking.Virtual, publicSlot.Start))...),
		http.StatusConflict, "appena stato preso", "Dell&#39;Orto", "0121 444555", "Rinnovo", "richiamare")
	offers := regexp.MustCompile(`(?s)st-offers.*?</div>`).FindString(taken.body)
	next := regexp.MustCompile(`value="([^"]+)" required checked`).FindStringSubmatch(offers)
	if next == nil {
		t.Fatalf("no offer is chosen already: %s", offers)
	}
	again := strings.ReplaceAll(next[1], "&#43;", "+")
	b.want(b.post("/it/staff/operatore", call("stato-civile/pubblicazioni-matrimonio", again)...), http.StatusSeeOther)
}

func TestOperatorBadInput(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("operatore")
	s := c.service("anagrafe", "carta-identita")
	slot := slotValue(booking.InPerson, c.free(s, booking.InPerson, 1)[0].Start)
	const service = "anagrafe/carta-identita"
	long := strings.Repeat("à", 10_000)
	for name, form := range map[string][]string{
		"a name of 10,000 letters": {"servizio", service, "orario", slot, "nome", long, "cognome", "Rossi", "telefono", "0121444555"},
		"a note of 10,000 letters": {"servizio", service, "orario", slot, "nome", "A", "cognome", "Rossi", "telefono", "0121444555", "motivo", long},
		"no contact":               {"servizio", service, "orario", slot, "nome", "A", "cognome", "Rossi"},
		"a tampered start":         {"servizio", service, "orario", "in_person@domani", "nome", "A", "cognome", "Rossi", "telefono", "0121444555"},
		"a start in the past":      {"servizio", service, "orario", slotValue(booking.InPerson, staffNow.AddDate(0, 0, -1)), "nome", "A", "cognome", "Rossi", "telefono", "0121444555"},
		"a mode it lacks":          {"servizio", service, "orario", slotValue(booking.Virtual, staffNow.AddDate(0, 0, 1)), "nome", "A", "cognome", "Rossi", "telefono", "0121444555"},
		"no start":                 {"servizio", service, "nome", "A", "cognome", "Rossi", "telefono", "0121444555"},
	} {
		got := b.post("/it/staff/operatore", form...)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `role="alert"`) && !strings.Contains(got.body, "aria-invalid") {
			t.Errorf("%s: status %d", name, got.status)
		}
	}
	if list, err := c.agenda.List(t.Context(), booking.AgendaQuery{}); err != nil || len(list) != 0 {
		t.Errorf("%d appointments, %v", len(list), err)
	}
	// Markup is a name like any other, and stays text.
	done := b.want(b.post("/it/staff/operatore", "servizio", service, "orario", slot, "nome", `<img src=x onerror=alert(1)>`, "cognome", `"><script>`, "telefono", "0121444555"), http.StatusSeeOther)
	page := b.want(b.get(done.location()), http.StatusOK, "&lt;script&gt;")
	if strings.Contains(mainOf(page.body), "<script>") || strings.Contains(page.body, "<img src=x") {
		t.Error("markup got through")
	}
	b.want(b.post("/it/staff/operatore", "servizio", strings.Repeat("x", 70_000)), http.StatusRequestEntityTooLarge)
}

func TestOperatorFindsMovesAndCancels(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("operatore")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Màrio", "Rossi")
	path := "/it/staff/operatore/appuntamento/" + h.ID.String()
	for _, text := range []string{"rossi", "mario rossi", "0121321654", c.agenda.Code(h.Secret), strings.ToLower(c.agenda.Code(h.Secret))} {
		found := b.want(b.post("/it/staff/operatore/cerca", "chi", text), http.StatusOK)
		if !strings.Contains(found.body, path) || !strings.Contains(found.body, `value="Rossi"`) {
			t.Errorf("looking for %q finds nothing:\n%s", text, mainOf(found.body))
		}
	}
	b.want(b.post("/it/staff/operatore/cerca", "chi", "ro"), http.StatusOK, "almeno tre")
	b.want(b.post("/it/staff/operatore/cerca", "chi", "Bianchi"), http.StatusOK, "Nessuno con questi dati")

	to := c.free(h.Appointment.Service, booking.InPerson, 8)[7]
	b.want(b.get(path), http.StatusOK, "Sposta a un altro orario")
	b.want(b.post(path+"/sposta", "orario", slotValue(booking.InPerson, to.Start)), http.StatusSeeOther)
	moved, err := c.agenda.Get(t.Context(), h.ID)
	if err != nil || !moved.Start.Equal(to.Start) {
		t.Fatalf("starts at %v, %v", moved.Start, err)
	}
	b.want(b.post(path+"/sposta", "orario", "virtual@2026-11-20T09:00:00+01:00"), http.StatusUnprocessableEntity)
	b.want(b.post(path+"/disdici"), http.StatusSeeOther)
	b.want(b.get(path), http.StatusOK, "Appuntamento disdetto", "Disdetto")
	b.want(b.post(path+"/sposta", "orario", slotValue(booking.InPerson, h.Appointment.Start)), http.StatusConflict, "è cambiato")
	b.want(b.get("/it/staff/operatore/appuntamento/no-uuid"), http.StatusNotFound)
}

func TestOperatorOfOneOffice(t *testing.T) {
	c := newCounter(t, func(config *Config) { config.Channels = notify.Channels{Text: true} })
	office, err := c.agenda.OfficeBySlug(t.Context(), "tributi")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.agenda.AddStaff(t.Context(), booking.Staff{
		Login: "solotributi", Name: "Sara", Roles: []booking.StaffRole{booking.Operator, booking.Reception}, Offices: []int64{office.ID},
	}, staffPassword, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	b := c.as("solotributi")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	b.want(b.get("/it/staff/operatore/appuntamento/"+h.ID.String()), http.StatusNotFound)
	b.want(b.post("/it/staff/operatore/appuntamento/"+h.ID.String()+"/disdici"), http.StatusNotFound)
	b.want(b.post("/it/staff/reception/"+h.ID.String()+"/arrivato"), http.StatusNotFound)
	if board := b.want(b.get("/it/staff/reception"), http.StatusOK); strings.Contains(board.body, "Rossi") {
		t.Error("the board shows another office's visitor")
	}
	if got := b.post("/it/staff/operatore/cerca", "chi", c.agenda.Code(h.Secret)); strings.Contains(got.body, h.ID.String()) {
		t.Error("a code opens another office's appointment")
	}
	if page := b.get("/it/staff/operatore?servizio=anagrafe/carta-identita"); strings.Contains(page.body, `type="radio" name="orario"`) {
		t.Error("another office's starts are offered")
	}
	for _, who := range []string{"Rossi", "0121321654"} {
		if got := b.want(b.post("/it/staff/operatore/cerca", "chi", who), http.StatusOK); strings.Contains(got.body, "Mario") {
			t.Errorf("%s finds another office's citizen:\n%s", who, mainOf(got.body))
		}
	}
	// Nor are those of other offices theirs whom a closure displaces.
	if _, err := c.agenda.AddClosure(t.Context(), booking.Closure{From: h.Appointment.Start, To: h.Appointment.Start, Reason: booking.Text{"it": "Guasto"}}, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	if list := b.want(b.get("/it"+unsettledPath), http.StatusOK); strings.Contains(list.body, "Rossi") {
		t.Error("the list names another office's citizen")
	}
	b.want(b.post("/it"+unsettledPath), http.StatusSeeOther)
	if a, err := c.agenda.Get(t.Context(), h.ID); err != nil || !a.AskedAt.IsZero() {
		t.Errorf("another office's citizen was asked to move: %v", err)
	}
}

func TestSpelling(t *testing.T) {
	for _, lang := range []string{"it", "en"} {
		for _, sign := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
			got := spell(string(sign), lang)
			if len(got) != 1 || len(got[0].Word) < 3 {
				t.Errorf("%s: %c is %v", lang, sign, got)
			}
		}
	}
	if got := spell("A1-B2", "it"); len(got) != 4 || got[0].Word != "Ancona" || got[1].Word != "uno" {
		t.Errorf("spelled %v", got)
	}
}

// TestOperatorsOwnStartsAreMarked compares the marks with what the public is
// offered, to the last start that is shown.
func TestOperatorsOwnStartsAreMarked(t *testing.T) {
	c := newCounter(t, nil)
	s := c.service("anagrafe", "certificati")
	modes, err := c.server.freeSlots(t.Context(), s, staffNow, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modes {
		public, err := c.agenda.Free(t.Context(), booking.Query{ServiceID: s.ID, Mode: m.Mode, Audience: booking.Public})
		if err != nil {
			t.Fatal(err)
		}
		shown := 0
		for _, d := range m.Days {
			for _, slot := range d.Slots {
				shown++
				own := !slices.ContainsFunc(public, func(p booking.Slot) bool { return p.Start.Equal(slot.Start) })
				if slot.OperatorsOnly != own {
					t.Errorf("%s at %v: marked %v", m.Mode, slot.Start, slot.OperatorsOnly)
				}
			}
		}
		if shown != slotsShown {
			t.Errorf("%s: %d starts", m.Mode, shown)
		}
	}
}
