package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sportello/booking"
)

// TestSeveralServicesInOneAppointment: chosen on the page of the times, their
// lengths add up, and everybody who sees the appointment sees them all.
func TestSeveralServicesInOneAppointment(t *testing.T) {
	c := newTown(t).citizen()
	c.get("/it/prenota/orario?ufficio=anagrafe&servizio=certificati").shows(http.StatusOK, "Come vuoi incontrarci?", "Aggiungi un altro servizio")
	c.hasNot("In questo appuntamento")
	add := c.find(`<a [^>]*href="([^"]*anche=carta-identita[^"]*)"`)
	// An identity card is made at the counter only: nothing is left to choose.
	c.get(add).shows(http.StatusOK, "In questo appuntamento", "Certificati anagrafici + Carta d'identità elettronica", "(35 minuti)", "Orari liberi di")
	c.hasNot("Come vuoi incontrarci?")
	remove := c.find(`<a [^>]*href="([^"]*)" rel="nofollow">Togli<span class="visually-hidden">: Certificati`)
	alone := *c
	alone.get(remove).shows(http.StatusOK, "Carta d'identità elettronica", "(20 minuti)")
	alone.hasNot("In questo appuntamento")
	c.get(c.at.Path + "?" + c.at.RawQuery + "&giorno=2031-11-20")
	form := url.Values{"ufficio": {"anagrafe"}, "servizio": {"certificati"}, "anche": {"carta-identita"}, "modo": {"presenza"}, "inizio": {c.starts()[0]}}
	c.post("/it/prenota/orario", form).onStep("/dettagli").shows(http.StatusOK, "Certificati anagrafici + Carta d'identità elettronica")
	hold := strings.TrimSuffix(c.at.Path, "/dettagli")
	c.post(hold+"/dettagli", url.Values{"note": {""}}).onStep("/richiedente")
	c.post(hold+"/richiedente", maria()).onStep("/riepilogo").shows(http.StatusOK, "Certificati anagrafici + Carta d'identità elettronica")
	c.post(hold+"/riepilogo", url.Values{}).onStep("/conferma").shows(http.StatusOK, "Certificati anagrafici + Carta d'identità elettronica")
	c.shows(http.StatusOK, "Un voto solo, per tutto l’appuntamento: Certificati anagrafici + Carta d")
	secret := c.secret()
	a, err := c.agenda.BySecret(t.Context(), secret)
	if err != nil || a.End.Sub(a.Start).Minutes() != 35 {
		t.Fatalf("from %v to %v: %v", a.Start, a.End, err)
	}
	// What to bring is of both.
	for _, slug := range []string{"certificati", "carta-identita"} {
		_, s, err := c.agenda.ServiceBySlug(t.Context(), "anagrafe", slug)
		if err != nil {
			t.Fatal(err)
		}
		c.shows(http.StatusOK, lines(s.Bring["it"])...)
	}
	c.get(hold + "/appuntamento.ics")
	if e := parseEvent(t, c.body, "PUBLISH"); !strings.Contains(e.GetProperty("SUMMARY").Value, "Certificati anagrafici + Carta d'identità") {
		t.Errorf("the calendar says %q", e.GetProperty("SUMMARY").Value)
	}
	// Moving it looks for as long a time.
	c.post("/it/appuntamento", url.Values{"secret": {secret}}).shows(http.StatusOK, "Certificati anagrafici + Carta d'identità elettronica")
	page := c.at.Path
	c.get(page + "/sposta?giorno=2031-11-21")
	starts := c.starts()
	c.post(page+"/sposta", url.Values{"inizio": {starts[len(starts)-1]}}).shows(http.StatusOK, "Certificati anagrafici + Carta d'identità elettronica")
	if a, err = c.agenda.Get(t.Context(), a.ID); err != nil || a.End.Sub(a.Start).Minutes() != 35 || a.Start.Day() != 21 {
		t.Errorf("moved to %v until %v: %v", a.Start, a.End, err)
	}
}

func TestServicesThatDoNotGoTogetherAreTold(t *testing.T) {
	c := newTown(t).citizen()
	for _, also := range []string{"aire,carta-identita", "certificati", "niente", "tari"} { // by video only and at the counter only; itself; nothing; of another office
		c.get("/it/prenota/orario?ufficio=anagrafe&servizio=certificati&anche="+also).shows(http.StatusUnprocessableEntity, "Certificati anagrafici")
		form := url.Values{"ufficio": {"anagrafe"}, "servizio": {"certificati"}, "anche": {also}, "modo": {"presenza"}, "inizio": {"2031-11-20T09:00:00+01:00"}}
		c.post("/it/prenota/orario", form).shows(http.StatusUnprocessableEntity)
	}
}

// TestTheFirstTimeOverOffices: services of one kind are compared, office by
// office and mode by mode.
func TestTheFirstTimeOverOffices(t *testing.T) {
	w := newTown(t)
	c := w.citizen()
	c.get("/it/prenota?ufficio=anagrafe").shows(http.StatusOK, "Allo sportello, prima:", "In videochiamata, prima:", "lun 17 novembre")
	// The demonstration's certificates are had at two offices.
	c.get("/it/prenota?tipo=certificati-anagrafici").shows(http.StatusOK, "Anagrafe", "Stato Civile", "Il primo")
	c.get("/it/prenota?ufficio=tributi").shows(http.StatusOK, "Allo sportello, prima:")
	c.hasNot("Confronta con gli altri uffici")
	c.get("/it/prenota?tipo=certificati").shows(http.StatusNotFound)
	for i, at := range [][2]string{{"anagrafe", "certificati"}, {"stato-civile", "atti-estratti"}} {
		_, s, err := w.agenda.ServiceBySlug(t.Context(), at[0], at[1])
		if err != nil {
			t.Fatal(err)
		}
		s.Kind = "Certificati"
		if _, _, err := w.agenda.SaveService(t.Context(), s, booking.Actor{}); err != nil {
			t.Fatal(err)
		}
		if i == 0 { // alone it is led to its own times
			c.get("/it/prenota?tipo=certificati").shows(http.StatusOK).onStep("/prenota/orario")
		}
	}
	c.get("/it/prenota?ufficio=anagrafe").shows(http.StatusOK, "Confronta con gli altri uffici")
	c.get(c.find(`href="([^"]*tipo=[^"]*)"`)).shows(http.StatusOK, "In quale ufficio?", "Anagrafe", "Stato Civile", "Il primo")
	// The first on the page is the soonest, and leads to its day and mode.
	c.get(c.find(`<li><a href="([^"]*giorno=2031-11-17[^"]*)"`)).onStep("/prenota/orario").shows(http.StatusOK, "Orari liberi di lunedì 17 novembre 2031", "Lo stesso servizio in altri uffici")
}
