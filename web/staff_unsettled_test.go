package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sportello/booking"
	"sportello/booking/notify"
)

// TestTheDisplacedAreWrittenTo goes from the closure over the mail to the new time.
func TestTheDisplacedAreWrittenTo(t *testing.T) {
	w := newPostTown(t)
	c := w.citizen()
	c.books("video")
	c.shows(http.StatusOK, "Ti scriviamo")
	secret := c.secret()
	a, err := w.agenda.BySecret(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	w.next()
	_, err = w.agenda.AddClosure(t.Context(), booking.Closure{OfficeID: a.Office.ID, From: a.Start, To: a.Start, Reason: booking.Text{"it": "Guasto"}}, booking.Actor{}, booking.AskAnother)
	if err != nil {
		t.Fatal(err)
	}
	m := w.next()
	if !strings.HasPrefix(m.subject, "Serve un altro orario: ") || m.part != nil || m.file != nil {
		t.Errorf("subject %q", m.subject)
	}
	m.says("non potrà riceverti", "Scegli un altro orario", "http://sportello.test/it/appuntamento#"+secret)
	if strings.Contains(m.plain, "/stanza") {
		t.Error("the mail leads into a room that is closed")
	}

	// The link of the mail leads to the next free times: one press takes one.
	c.post("/it/appuntamento", url.Values{"secret": {secret}}).shows(http.StatusOK, "Serve un altro orario", "prossimi orari liberi")
	next := c.find(`name="inizio" value="([^"]+)"`)
	c.post(c.at.Path+"/sposta", url.Values{"inizio": {next}}).shows(http.StatusOK, "spostato")
	c.hasNot("Serve un altro orario")
	m = w.next()
	if !strings.HasPrefix(m.subject, "Appuntamento spostato: ") {
		t.Errorf("subject %q", m.subject)
	}
	if list, err := w.agenda.Unsettled(t.Context(), nil); err != nil || len(list) != 0 {
		t.Errorf("%d to be settled, %v", len(list), err)
	}
}

func TestWhoIsStillToBeSettled(t *testing.T) {
	c := newCounter(t, func(config *Config) { config.Channels = notify.Channels{Text: true} })
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	b := c.as("amministratore")
	const page, closures = "/it" + unsettledPath, "/it/staff/amministrazione/chiusure"
	b.want(b.get(page), http.StatusOK, "Nessun appuntamento da sistemare")
	form := []string{"dove", "all", "dal", h.Appointment.Start.Format(time.DateOnly), "al", "", "motivo_it", "Guasto"}
	b.want(b.post(closures, append(form, "azione", "anteprima")...), http.StatusOK, "Rossi Mario", `name="chiedi" value="1" checked`)
	b.want(b.post(closures, append(form, "azione", "salva")...), http.StatusSeeOther)

	// Nobody was asked yet: the clerk of the desk does it from the list.
	clerk := c.as("anagrafe")
	clerk.want(clerk.get(page), http.StatusOK, "Rossi Mario", "A una persona non è ancora stato proposto", "Nessun altro orario proposto finora", "/it/staff/sportello/"+h.ID.String())
	other := c.as("tributi")
	if p := other.want(other.get(page), http.StatusOK); strings.Contains(p.body, "Rossi Mario") {
		t.Error("a clerk reads of another desk's citizens")
	}
	other.want(other.post(page), http.StatusSeeOther)
	if a, err := c.agenda.Get(t.Context(), h.ID); err != nil || !a.AskedAt.IsZero() {
		t.Errorf("asked by another desk's clerk: %v", err)
	}
	clerk.want(clerk.post(page), http.StatusSeeOther)
	clerk.want(clerk.get(page), http.StatusOK, "Un altro orario è stato proposto a una persona", "nessuna risposta")
	clerk.want(clerk.get("/it/staff/sportello?giorno="+h.Appointment.Start.Format(time.DateOnly)), http.StatusOK, "altro orario proposto, nessuna risposta")
	operator := c.as("operatore")
	operator.want(operator.get(page), http.StatusOK, "/it/staff/operatore/appuntamento/"+h.ID.String())
	b.want(b.get("/it/staff/amministrazione/registro"), http.StatusOK, "Altro orario proposto")
}

// TestEveryEditShowsWhomItLeaves: the pages list them before, with the tick box,
// and what is ticked is done with the change.
func TestEveryEditShowsWhomItLeaves(t *testing.T) {
	c := newCounter(t, func(config *Config) { config.Channels = notify.Channels{Text: true} })
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	b := c.as("amministratore")
	const admin = "/it/staff/amministrazione"
	service, desk, office := idText(h.Appointment.Service.ID), idText(h.Appointment.DeskID), idText(h.Appointment.Office.ID)
	asked := func(want bool) {
		t.Helper()
		if a, err := c.agenda.Get(t.Context(), h.ID); err != nil || a.AskedAt.IsZero() == want {
			t.Errorf("asked at %v, want %v; %v", a.AskedAt, want, err)
		}
	}
	const ticked, free = `name="chiedi" value="1" checked`, `name="chiedi" value="1" aria`
	for path, box := range map[string]string{"/uffici/" + office: ticked, "/servizi/" + service: free, "/sportelli/" + desk: ticked} {
		b.want(b.post(admin+path+"/stato"), http.StatusOK, "Rossi Mario", box)
		asked(false)
		b.want(b.post(admin+path+"/stato", "azione", "salva"), http.StatusSeeOther)
		asked(false)
		b.want(b.post(admin+path+"/stato", "azione", "riapri"), http.StatusSeeOther)
		b.want(b.post(admin+path+"/stato", "azione", "salva", "chiedi", "1"), http.StatusSeeOther)
		asked(true)
		b.want(b.post(admin+path+"/stato", "azione", "riapri"), http.StatusSeeOther)
		asked(false)
	}
	// A desk that does something else from now on.
	d, err := c.agenda.DeskByID(t.Context(), h.Appointment.DeskID)
	if err != nil {
		t.Fatal(err)
	}
	form := []string{"name", d.Name, "modes", string(d.Modes[0]), "services", idText(c.service("anagrafe", "certificati").ID)}
	b.want(b.post(admin+"/sportelli/"+desk, append(form, "azione", "anteprima")...), http.StatusOK, "Rossi Mario", ticked)
	b.want(b.post(admin+"/sportelli/"+desk, append(form, "azione", "salva", "chiedi", "1")...), http.StatusSeeOther)
	asked(true)
	b.want(b.get("/it"+unsettledPath), http.StatusOK, "Rossi Mario", "nessuna risposta")
	// The last clerk of the office: who is left alone is shown before.
	clerk := c.as("anagrafe")
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusOK)
	var id string
	if err := c.pool.QueryRow(t.Context(), `SELECT id::text FROM staff WHERE login = 'anagrafe'`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	account := []string{"name", "Anna Ferrero", "role", "operator"}
	b.want(b.post(admin+"/persone/"+id, account...), http.StatusOK, "Un appuntamento resta a uno sportello dove non lavora nessuno", "Rossi Mario", "Salva comunque")
	b.want(b.post(admin+"/persone/"+id+"/stato", "azione", "disabilita"), http.StatusOK, "Rossi Mario", "Disabilita comunque")
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusOK) // still
	b.want(b.post(admin+"/persone/"+id, append(account, "azione", "salva")...), http.StatusSeeOther)
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusForbidden)
	b.want(b.post(admin+"/persone/"+id+"/stato", "azione", "disabilita"), http.StatusSeeOther) // nobody is left to miss them
}

// TestNoContactIsAPhoneCall: who cannot be written to is listed for a call.
func TestNoContactIsAPhoneCall(t *testing.T) {
	c := newCounter(t, nil) // no channel is set up
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	_, err := c.agenda.AddClosure(t.Context(), booking.Closure{From: h.Appointment.Start, To: h.Appointment.Start, Reason: booking.Text{"it": "Guasto"}}, booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	b := c.as("amministratore")
	p := b.want(b.get("/it"+unsettledPath), http.StatusOK, "da chiamare", `href="tel:`)
	if strings.Contains(p.body, "Proponi un altro orario") {
		t.Error("an offer that reaches nobody")
	}
}
