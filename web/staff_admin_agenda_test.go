package web

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
	"time"

	"sportello/booking"
)

// rowsOf reads a file that the counter gave, as a spreadsheet does.
func rowsOf(t *testing.T, body string) []map[string]string {
	t.Helper()
	plain, ok := strings.CutPrefix(body, "\ufeff")
	if !ok {
		t.Error("nothing says that the file is UTF-8")
	}
	r := csv.NewReader(strings.NewReader(plain))
	r.Comma = ';'
	all, err := r.ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("the file cannot be read: %v in %q", err, body)
	}
	rows := make([]map[string]string, 0, len(all))
	for _, line := range all[1:] {
		row := map[string]string{}
		for i, cell := range line {
			row[all[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

func TestAdministratorExports(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	ctx := t.Context()
	first := c.booked("anagrafe", "carta-identita", booking.InPerson, "=1+1", `-Rossi;"x"`)
	if err := c.agenda.SetStaffNote(ctx, first.ID, "", "@SUM(A1)\nseconda riga", booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	purged := c.booked("anagrafe", "carta-identita", booking.InPerson, "Aldo", "Dimenticato")
	if err := c.agenda.Cancel(ctx, purged.ID, booking.Actor{StaffID: 1}); err != nil {
		t.Fatal(err)
	}
	// The hour that comes twice, and somebody who is known no more.
	autumn := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	for i, start := range []time.Time{autumn, autumn.Add(time.Hour)} {
		h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Ora", []string{"Legale", "Solare"}[i])
		if _, err := c.pool.Exec(ctx, `UPDATE appointment SET day = '2026-10-25', period = tstzrange($2::timestamptz, $2::timestamptz + interval '15 min'), occupied = tstzrange($2::timestamptz, $2::timestamptz + interval '15 min') WHERE id = $1`, h.ID, start); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.pool.Exec(ctx, `DELETE FROM appointment_person WHERE appointment_id = $1`, purged.ID); err != nil {
		t.Fatal(err)
	}
	b.want(b.get("/it"+agendaPath), http.StatusOK, "Scarica gli appuntamenti", `value="2026-11-16"`, `value="2026-12-16"`)
	office := itoa(first.Appointment.Office.ID)
	const export = "/it" + agendaPath + "/esporta"
	answer := b.want(b.post(export, "dal", "2026-10-25", "al", "2026-12-16", "ufficio", office), http.StatusOK)
	if got := answer.header.Get("Content-Disposition"); got != `attachment; filename="appuntamenti-anagrafe-2026-10-25-2026-12-16.csv"` {
		t.Errorf("file %s", got)
	}
	if !strings.Contains(answer.header.Get("Cache-Control"), "no-store") || answer.header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("headers %v", answer.header)
	}
	if head, _, _ := strings.Cut(answer.body, "\n"); head != "\ufeffdata;ora;fine;fuso;ufficio;servizio;sportello;modo;stato;nome;cognome;email;telefono;lingua;motivo;nota_interna" {
		t.Errorf("columns %q", head)
	}
	rows := rowsOf(t, answer.body)
	if len(rows) != 4 {
		t.Fatalf("rows %v", rows)
	}
	for i, zone := range []string{"UTC+02:00", "UTC+01:00"} {
		if rows[i]["data"] != "2026-10-25" || rows[i]["ora"] != "02:30" || rows[i]["fuso"] != zone {
			t.Errorf("row %d is %v", i, rows[i])
		}
	}
	var formula, gone map[string]string
	for _, row := range rows[2:] {
		if row["stato"] == "cancelled" {
			gone = row
		} else {
			formula = row
		}
	}
	want := map[string]string{
		"data": first.Appointment.Start.Format(time.DateOnly), "ora": first.Appointment.Start.Format("15:04"), "fine": first.Appointment.End.Format("15:04"), "fuso": "UTC+01:00",
		"ufficio": "anagrafe", "servizio": "carta-identita", "sportello": first.Appointment.DeskName, "modo": "in_person", "stato": "booked",
		"nome": "'=1+1", "cognome": `'-Rossi;"x"`, "email": "", "telefono": "'+390121321654", "lingua": "it", "motivo": "", "nota_interna": "'@SUM(A1)\nseconda riga",
	}
	for k, v := range want {
		if formula[k] != v {
			t.Errorf("%s is %q, want %q", k, formula[k], v)
		}
	}
	if gone == nil || gone["nome"]+gone["cognome"]+gone["telefono"]+gone["lingua"] != "" || strings.Contains(answer.body, "Dimenticato") {
		t.Errorf("who was forgotten is %v", gone)
	}

	b.want(b.post(export, "dal", "2026-12-16", "al", "2026-10-25"), http.StatusUnprocessableEntity, "Controlla le date", `aria-invalid="true"`)
	b.want(b.post(export, "dal", "2020-01-01", "al", "2026-10-25"), http.StatusUnprocessableEntity, "Controlla le date")
	b.want(b.post(export, "dal", "ieri"), http.StatusUnprocessableEntity, "Controlla le date")
	b.want(b.post(export, "dal", "2026-10-25", "al", "2026-12-16", "ufficio", "999999"), http.StatusNotFound)
	if empty := rowsOf(t, b.want(b.post(export, "dal", "2026-10-25", "al", "2026-12-16", "ufficio", itoa(c.service("tributi", "imu").OfficeID)), http.StatusOK).body); len(empty) != 0 {
		t.Errorf("another office has %v", empty)
	}
	log := b.want(b.get("/it/staff/amministrazione/registro"), http.StatusOK, "Appuntamenti esportati", "Anagrafe · domenica 25 ottobre 2026 – mercoledì 16 dicembre 2026 · 4 appuntamenti")
	if strings.Contains(log.body, "Rossi") {
		t.Error("the log names a person")
	}
}

func TestTextSurvivesASpreadsheet(t *testing.T) {
	for text, cell := range map[string]string{
		"": "", "Anna": "Anna", "+39333": "'+39333", "-12": "'-12", "=1": "'=1", "@a": "'@a", "\tx": "'\tx", "\rx": "'\rx", "＝1": "'＝1",
		"'ndrangheta": "'ndrangheta", "'=1": "''=1", "''+1": "'''+1", "'": "'", "a=b": "a=b",
	} {
		if got := asText(text); got != cell {
			t.Errorf("asText(%q) = %q, want %q", text, got, cell)
		}
		if got := fromText(cell); got != text {
			t.Errorf("fromText(%q) = %q, want %q", cell, got, text)
		}
	}
}
