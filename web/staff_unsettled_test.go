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
	clerk.want(clerk.get(page), http.StatusOK, "Rossi Mario", "A una persona non è ancora stato proposto", "/it/staff/sportello/"+h.ID.String())
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
