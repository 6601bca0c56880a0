package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"

	"sportello/booking"
)

func TestADesksAgendaForCalendarPrograms(t *testing.T) {
	c := newCounter(t, nil)
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	b := c.as("amministratore")
	clerk, err := c.agenda.Authenticate(t.Context(), "amministratore", staffPassword)
	if err != nil {
		t.Fatal(err)
	}
	page := "/it/staff/amministrazione/sportelli/" + itoa(h.Appointment.DeskID) + "/calendario"
	b.want(b.get(page), http.StatusOK, "Nessun collegamento")
	b.want(b.post(page), http.StatusSeeOther)
	shown := b.want(b.get(page), http.StatusOK, "Si vede solo adesso", "/it/calendario/")
	address := regexp.MustCompile(`/it/calendario/[\w-]{48}\.ics`).FindString(shown.body)
	if address == "" {
		t.Fatal("no link is shown")
	}
	if again := b.want(b.get(page), http.StatusOK, "Revoca"); strings.Contains(again.body, address) {
		t.Error("the link is shown twice")
	}

	program := c.browser() // calendar programs bring no cookies
	events := func() map[string]*ics.VEvent {
		t.Helper()
		file := program.want(program.get(address), http.StatusOK, "BEGIN:VCALENDAR", "REFRESH-INTERVAL")
		for _, secret := range []string{"Rossi", "Mario", "0121"} {
			if strings.Contains(file.body, secret) {
				t.Errorf("the feed has %q", secret)
			}
		}
		cal, err := ics.ParseCalendar(strings.NewReader(file.body))
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]*ics.VEvent{}
		for _, e := range cal.Events() {
			found[strings.Split(e.Id(), "@")[0]] = e
		}
		return found
	}
	e := events()[h.ID.String()]
	if e == nil {
		t.Fatal("the appointment is missing")
	}
	if at, err := e.GetStartAt(); err != nil || !at.Equal(h.Appointment.Start) {
		t.Errorf("it starts at %v: %v", at, err)
	}
	if got := e.GetProperty(ics.ComponentPropertySummary).Value; !strings.Contains(got, h.Appointment.Service.Name.In("it")) {
		t.Errorf("summary %q", got)
	}

	// What has not changed is not sent again.
	tag := program.get(address).header.Get("ETag")
	if got := program.do(http.MethodGet, address, map[string]string{"If-None-Match": tag}, nil); got.status != http.StatusNotModified || got.body != "" {
		t.Errorf("unchanged: %d with %d bytes", got.status, len(got.body))
	}
	if err := c.agenda.Cancel(t.Context(), h.ID, booking.Actor{StaffID: clerk.ID}); err != nil {
		t.Fatal(err)
	}
	if got := program.do(http.MethodGet, address, map[string]string{"If-None-Match": tag}, nil); got.status != http.StatusOK {
		t.Errorf("after the cancelling: %d", got.status)
	}
	after := events()[h.ID.String()]
	if status := after.GetProperty(ics.ComponentPropertyStatus).Value; status != "CANCELLED" {
		t.Errorf("status %s", status)
	}
	if e.GetProperty(ics.ComponentPropertySequence).Value == after.GetProperty(ics.ComponentPropertySequence).Value {
		t.Error("the sequence did not rise")
	}

	program.want(program.get(strings.TrimSuffix(address, ".ics")), http.StatusNotFound)
	program.want(program.get("/it/calendario/"+strings.Repeat("A", 48)+".ics"), http.StatusNotFound)
	id := regexp.MustCompile(`/calendario/(\d+)/revoca`).FindStringSubmatch(b.get(page).body)
	if len(id) != 2 {
		t.Fatal("no link to revoke")
	}
	b.want(b.post(page+"/999999/revoca"), http.StatusNotFound)
	b.want(b.post(page+"/"+id[1]+"/revoca"), http.StatusSeeOther)
	b.want(b.get(page), http.StatusOK, "Nessun collegamento", "Collegamento revocato")
	program.want(program.get(address), http.StatusNotFound)
	done := map[string]bool{}
	entries, err := c.agenda.Audit(t.Context(), booking.AuditQuery{From: time.Time{}, To: time.Now().AddDate(50, 0, 0), Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		done[entry.Action] = true
	}
	if !done["feed.add"] || !done["feed.revoke"] {
		t.Errorf("the audit has %v", done)
	}
}
