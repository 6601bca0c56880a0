package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sportello/booking"
)

// TestACallerJoinsTheWaitingList: by phone, without any contact to write to; the
// slot that comes free is answered by the operator who calls back.
func TestACallerJoinsTheWaitingList(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("operatore")
	const service = "stato-civile/pubblicazioni-matrimonio"
	s := c.service("stato-civile", "pubblicazioni-matrimonio")
	b.want(b.get("/it/staff/operatore?servizio="+url.QueryEscape(service)), http.StatusOK, "Lista d’attesa", `name="entro"`)
	until := staffNow.AddDate(0, 0, 2).Format(time.DateOnly)
	// All that is free until then is taken by others.
	slots, err := c.agenda.Free(t.Context(), booking.Query{ServiceID: s.ID, Mode: booking.Virtual, Audience: booking.Public, To: staffNow.AddDate(0, 0, 3)})
	if err != nil {
		t.Fatal(err)
	}
	var last booking.Hold
	for _, slot := range slots {
		h, err := c.agenda.Book(t.Context(), booking.BookRequest{
			HoldRequest: booking.HoldRequest{ServiceID: s.ID, Start: slot.Start, Mode: booking.Virtual, Channel: booking.ByOperator, Audience: booking.Operators},
			Person:      booking.Person{Name: "A", Surname: "B", Phone: "0121 111111", Language: "it"},
		})
		if err == nil {
			last = h
		}
	}
	form := func(entro string) []string {
		f := call(service, "", "entro", entro, "modo", "virtual")
		for i := range f {
			if f[i] == "prenota" {
				f[i] = "attesa"
			}
		}
		return f
	}
	b.want(b.post("/it/staff/operatore", form("mai")...), http.StatusUnprocessableEntity, `id="entro-err"`, "Dell&#39;Orto")
	done := b.want(b.post("/it/staff/operatore", form(until)...), http.StatusSeeOther)
	b.want(b.get(done.location()), http.StatusOK, "In lista d’attesa", "da chiamare", "st-code-big")
	b.want(b.post("/it/staff/operatore", form(until)...), http.StatusUnprocessableEntity, "già in lista d’attesa")
	if err := c.agenda.Cancel(t.Context(), last.ID, booking.Actor{StaffID: 1}); err != nil {
		t.Fatal(err)
	}
	page := b.want(b.get("/it"+unsettledPath), http.StatusOK, "Posti riservati", "Dell&#39;Orto", "390121444555")
	answer := regexp.MustCompile(`action="([^"]*/da-sistemare/[^"]+)"`).FindStringSubmatch(page.body)
	if answer == nil {
		t.Fatal("the offer cannot be answered")
	}
	b.want(b.post(answer[1], "azione", "accetta"), http.StatusSeeOther)
	b.want(b.get("/it"+unsettledPath), http.StatusOK, "L’appuntamento è confermato")
	b.want(b.post("/it/staff/operatore/cerca", "chi", "Dell'Orto"), http.StatusOK, "/staff/operatore/appuntamento/")
}

func TestTheSecondOperatorIsTold(t *testing.T) {
	c := newCounter(t, nil)
	one, two := c.as("operatore"), c.as("operatore")
	slots := c.free(c.service("anagrafe", "carta-identita"), booking.InPerson, 2)
	one.want(one.post("/it/staff/operatore", call("anagrafe/carta-identita", slotValue(booking.InPerson, slots[0].Start))...), http.StatusSeeOther)
	form := call("anagrafe/carta-identita", slotValue(booking.InPerson, slots[1].Start))
	two.want(two.post("/it/staff/operatore", form...), http.StatusConflict, "ha già un appuntamento", "Prenota comunque", slots[0].Start.Format("15:04"), "richiamare")
	form[len(form)-1] = "comunque"
	two.want(two.post("/it/staff/operatore", form...), http.StatusSeeOther)
}

func TestClerkMovesAndLooksBack(t *testing.T) {
	c := newCounter(t, nil)
	h, before := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi"), c.booked("anagrafe", "cambio-residenza", booking.InPerson, "Mario", "Rossi")
	b := c.as("anagrafe")
	card := "/it/staff/sportello/" + h.ID.String()
	shown := b.want(b.get(card), http.StatusOK, "Sposta o disdici")
	if strings.Contains(shown.body, "Altri appuntamenti") {
		t.Error("history though the office does not allow it")
	}
	b.want(b.post(card+"/storico"), http.StatusNotFound)
	o := h.Appointment.Office
	o.History = true
	if _, err := c.agenda.SaveOffice(t.Context(), o, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	b.want(b.get(card), http.StatusOK, "Altri appuntamenti", "La consultazione è registrata")
	b.want(b.post(card+"/storico"), http.StatusOK, before.Appointment.Service.Name["it"])
	admin := c.as("amministratore")
	admin.want(admin.get("/it/staff/amministrazione/registro"), http.StatusOK, "Storico consultato")

	page := b.want(b.get(card+"/cambia"), http.StatusOK, "Sposta", "Torna alla giornata")
	next := regexp.MustCompile(`name="orario" value="([^"]+)"`).FindAllStringSubmatch(page.body, -1)
	slot := strings.ReplaceAll(next[len(next)-1][1], "&#43;", "+")
	b.want(b.post(card+"/cambia/sposta", "orario", "mai"), http.StatusUnprocessableEntity)
	b.want(b.post(card+"/cambia/sposta", "orario", slot), http.StatusSeeOther)
	a, err := c.agenda.Get(t.Context(), h.ID)
	if err != nil || a.Start.Equal(h.Appointment.Start) {
		t.Errorf("moved to %v, %v", a.Start, err)
	}
	other := c.as("tributi")
	other.want(other.get(card+"/cambia"), http.StatusNotFound)
	other.want(other.post(card+"/cambia/disdici"), http.StatusNotFound)
}

func TestAdministratorSetsWhatIsTheOffices(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	o, _, err := c.agenda.ServiceBySlug(t.Context(), "anagrafe", "carta-identita")
	if err != nil {
		t.Fatal(err)
	}
	path := "/it/staff/amministrazione/uffici/" + itoa(o.ID)
	b.want(b.get(path), http.StatusOK, `name="letter" type="text" value="`+o.Letter+`"`, `name="offer_for" type="number" value="180"`)
	form := func(letter, minutes string) []string {
		return []string{"name_it", "Anagrafe", "position", "1", "max_open", "5", "letter", letter, "offer_for", minutes, "cool_for", "15", "retention_days", "10", "history", "1"}
	}
	b.want(b.post(path, form("7", "60")...), http.StatusUnprocessableEntity, "Una o due lettere")
	b.want(b.post(path, form("T", "5")...), http.StatusUnprocessableEntity, "Da 30 a 10080")
	b.want(b.post(path, append(form("T", "60"), "cool_for", "")...), http.StatusSeeOther)
	b.want(b.post(path, form("t", "60")...), http.StatusSeeOther)
	if o, err = c.agenda.OfficeByID(t.Context(), o.ID); err != nil || o.Letter != "T" || o.OfferFor != time.Hour || o.CoolFor != 15*time.Minute || o.RetentionDays != 10 || !o.History {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestTheOperatorEndsTheWaiting: whoever calls and does not want to wait any more
// is found by name or code and taken off; what the operator does is noted.
func TestTheOperatorEndsTheWaiting(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("operatore")
	waits := func(surname, phone string) string {
		t.Helper()
		done := b.want(b.post("/it/staff/operatore", "servizio", "anagrafe/carta-identita", "nome", "Pia", "cognome", surname, "telefono", phone, "lingua", "it",
			"azione", "attesa", "entro", "2026-11-30", "modo", "in_person"), http.StatusSeeOther)
		page := b.want(b.get(done.location()), http.StatusOK, "Togli dalla lista d’attesa")
		found := b.want(b.post("/it/staff/operatore/cerca", "chi", surname), http.StatusOK, "In lista d’attesa: apri per togliere")
		card := regexp.MustCompile(`href="([^"]*/staff/operatore/appuntamento/[^"]+)"`).FindStringSubmatch(found.body)
		if card == nil {
			t.Fatal("who waits is not found")
		}
		code := regexp.MustCompile(`st-code-big"[^>]*>([^<]+)<`).FindStringSubmatch(page.body)
		b.want(b.post("/it/staff/operatore/cerca", "chi", code[1]), http.StatusOK, card[1])
		return card[1]
	}
	// There are free times: the first is offered at once, and declined by phone.
	card := waits("Neri", "0121 999888")
	b.want(b.get(card), http.StatusOK, "Posto offerto: ", "Togli dalla lista d’attesa")
	b.want(b.post(strings.Replace(card, "/operatore/appuntamento/", "/da-sistemare/", 1), "azione", "rifiuta"), http.StatusSeeOther)
	b.want(b.post(card+"/lascia"), http.StatusSeeOther)
	gone := b.want(b.get(card), http.StatusOK, "Non più in lista", "Tolto dalla lista")
	if strings.Contains(gone.body, "/lascia") {
		t.Error("can be taken off twice")
	}
	b.want(b.post(card+"/lascia"), http.StatusSeeOther)
	b.want(b.get(card), http.StatusOK, "controlla il suo stato")
	if found := b.post("/it/staff/operatore/cerca", "chi", "Neri"); strings.Contains(found.body, "In lista d’attesa: apri") {
		t.Error("found in line still")
	}
	clerk := c.as("tributi")
	clerk.want(clerk.post(card+"/lascia"), http.StatusForbidden)
	log := c.as("amministratore")
	log.want(log.get("/it/staff/amministrazione/registro"), http.StatusOK, "Posto offerto rifiutato", "Tolto dalla lista d’attesa", "Messa in lista d’attesa")

	// A colleague of another office does not find them; a citizen's hold is no place in line.
	other := waits("Verdi", "0121 777888")
	h, err := c.agenda.Hold(t.Context(), booking.HoldRequest{ServiceID: c.service("anagrafe", "carta-identita").ID, Start: c.free(c.service("anagrafe", "carta-identita"), booking.InPerson, 9)[8].Start, Mode: booking.InPerson})
	if err != nil {
		t.Fatal(err)
	}
	b.want(b.get("/it/staff/operatore/appuntamento/"+h.ID.String()), http.StatusNotFound)
	b.want(b.get(other), http.StatusOK, "Posto offerto")
}
