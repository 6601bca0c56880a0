package web

import (
	"net/http"
	"strings"
	"testing"

	"sportello/booking"
)

// TestThePrivacyNoticeNamesEachPeriod: the town's, and an office's own.
func TestThePrivacyNoticeNamesEachPeriod(t *testing.T) {
	w := newTown(t)
	c := w.citizen()
	c.get("/it/privacy").shows(http.StatusOK, "sono cancellati 30 giorni dopo l’appuntamento")
	c.hasNot("un periodo proprio")
	for slug, days := range map[string]int{"tributi": 1, "anagrafe": 60, "stato-civile": 30} {
		o, err := w.agenda.OfficeBySlug(t.Context(), slug)
		if err != nil {
			t.Fatal(err)
		}
		o.RetentionDays = days
		if _, err := w.agenda.SaveOffice(t.Context(), o, booking.Actor{}); err != nil {
			t.Fatal(err)
		}
	}
	c.get("/it/privacy").shows(http.StatusOK, "un periodo proprio", "Anagrafe: 60 giorni dopo", "un giorno dopo l’appuntamento")
	if strings.Contains(mainOf(c.body), "Stato Civile") { // as long as the town
		t.Error("an office without a period of its own is named")
	}
	c.get("/en/privacy").shows(http.StatusOK, "Registry office: 60 days after")
}
