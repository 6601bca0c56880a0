package web

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"sportello/booking"
)

func TestAClerkTakesABreak(t *testing.T) {
	c := newCounter(t, nil)
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	b := c.as("anagrafe")
	day, desk := h.Appointment.Start.Format(time.DateOnly), itoa(h.Appointment.DeskID)
	b.want(b.get("/it/staff/sportello"), http.StatusOK, "Pausa o chiusura anticipata")
	b.want(b.get(breakPage), http.StatusOK, "Nessuna pausa", h.Appointment.DeskName)
	form := []string{
		"sportello", desk, "giorno", day, "motivo", "Riunione",
		"dalle", h.Appointment.Start.Format("15:04"), "alle", h.Appointment.End.Format("15:04"),
	}
	b.want(b.post(breakPage, append(form, "azione", "anteprima")...), http.StatusOK, "Un appuntamento resta scoperto", "Rossi Mario", "Blocca queste ore")
	b.want(b.get(breakPage), http.StatusOK, "Nessuna pausa")
	b.want(b.post(breakPage, append(form, "azione", "salva")...), http.StatusSeeOther)
	shown := b.want(b.get(breakPage), http.StatusOK, "C’è ancora un appuntamento", "Riunione")
	if _, err := c.agenda.Get(t.Context(), h.ID); err != nil {
		t.Errorf("the appointment is gone: %v", err)
	}

	// Somebody else's desk is not theirs to close, nor a break theirs to end.
	other := c.as("tributi")
	other.want(other.post(breakPage, append(form, "azione", "salva")...), http.StatusForbidden)
	id := regexp.MustCompile(`/pausa/(\d+)/togli`).FindStringSubmatch(shown.body)
	if len(id) != 2 {
		t.Fatal("the break cannot be taken out")
	}
	other.want(other.post(breakPage+"/"+id[1]+"/togli"), http.StatusNotFound)
	b.want(b.post(breakPage+"/"+id[1]+"/togli"), http.StatusSeeOther)
	b.want(b.get(breakPage), http.StatusOK, "Nessuna pausa")
	b.want(b.post(breakPage+"/999999/togli"), http.StatusNotFound)

	for _, bad := range [][]string{
		{"sportello", desk, "giorno", "2001-02-03", "dalle", "09:00", "alle", "10:00"},
		{"sportello", desk, "giorno", "ieri", "dalle", "09:00", "alle", "10:00"},
		{"sportello", desk, "giorno", day, "dalle", "10:00", "alle", "09:00"},
		{"sportello", desk, "giorno", day, "dalle", "", "alle", ""},
	} {
		b.want(b.post(breakPage, append(bad, "azione", "salva")...), http.StatusUnprocessableEntity, "Controlla giorno e ore")
	}
	b.want(b.post(breakPage, "sportello", "uno"), http.StatusBadRequest)
}

const breakPage = "/it" + breakPath
