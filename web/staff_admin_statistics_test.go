package web

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"sportello/booking"
)

func TestAdministratorCounts(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	d, err := c.agenda.DeskByID(t.Context(), h.Appointment.DeskID)
	if err != nil {
		t.Fatal(err)
	}
	d.Name = `=HYPERLINK("http://altrove.example";"x")`
	if _, _, err := c.agenda.SaveDesk(t.Context(), d, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	const path = "/it/staff/amministrazione/statistiche"
	day := h.Appointment.Start.Format("2006-01-02")
	b.want(b.get(path+"?dal="+day+"&al="+day), http.StatusOK, "Operatore", "Di persona", "Dalla prenotazione", "<meter")
	b.want(b.get(path), http.StatusOK, "Statistiche", "Voti dei cittadini")
	if err := c.agenda.Rate(t.Context(), h.ID, 4, "Tutto <b>chiaro</b>"); err != nil {
		t.Fatal(err)
	}
	b.want(b.get(path), http.StatusOK, "media 4,0 su 5 (voti: 1)", "Tutto &lt;b&gt;chiaro&lt;/b&gt;")
	b.want(b.get("/en/staff/amministrazione/statistiche"), http.StatusOK, "average 4.0 of 5")
	b.want(b.get("/en/staff/amministrazione/statistiche?dal="+day+"&al="+day), http.StatusOK, "Nine of ten within")
	for _, bad := range []string{"?dal=ieri", "?dal=2026-11-02&al=2026-11-01", "?dal=1999-01-01"} {
		b.want(b.get(path+bad), http.StatusUnprocessableEntity, "Controlla le date")
		b.want(b.get(path+"/csv"+bad), http.StatusBadRequest)
	}
	file := b.want(b.get(path+"/csv?dal="+day+"&al="+day), http.StatusOK)
	if strings.Contains(file.body, "Rossi") || strings.Contains(file.body, "321654") {
		t.Error("the file names the person")
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.body, "\ufeff")))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil || len(rows) != 2 || rows[0][0] != "Giorno" || rows[1][0] != day || !strings.HasPrefix(rows[1][4], "'=HYPERLINK") {
		t.Errorf("rows %q, %v", rows, err)
	}
	week := b.want(b.get("/it/staff/amministrazione/settimana?giorno="+day), http.StatusOK, "1 appuntamento", "chiuso", "=HYPERLINK")
	if strings.Contains(week.body, "Rossi") {
		t.Error("the week names the person")
	}
	b.want(b.get("/it/staff/amministrazione/settimana?ufficio=999999"), http.StatusOK, "Nessuno sportello")
	b.want(b.get("/it/staff/amministrazione/settimana?giorno=boh"), http.StatusUnprocessableEntity)
}

func TestHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Anagrafe": "Anagrafe", "-12": "-12", "=1+1": "'=1+1", "+39 0121": "'+39 0121", "@SUM(A1)": "'@SUM(A1)",
		"-2+3": "'-2+3", "\tx": "'\tx", "\r=1": "'\r=1", "a=b": "a=b",
	} {
		if got := harmless(text); got != want {
			t.Errorf("harmless(%q) = %q, want %q", text, got, want)
		}
	}
}
