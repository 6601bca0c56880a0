package web

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"sportello/booking"
)

// movesAway moves the appointment of a card to the last start on offer, and follows.
func (b *browser) movesAway(a booking.Appointment) answer {
	b.t.Helper()
	card := "/it/staff/sportello/" + a.ID.String() + "/cambia"
	page := b.want(b.get(card), http.StatusOK, "Sposta")
	next := regexp.MustCompile(`name="orario" value="([^"]+)"`).FindAllStringSubmatch(page.body, -1)
	moved := b.want(b.post(card+"/sposta", "orario", html.UnescapeString(next[len(next)-1][1])), http.StatusSeeOther)
	if want := "/it/staff/sportello?giorno=" + a.Start.Format("2006-01-02"); moved.location() != want {
		b.t.Errorf("goes on at %s, want %s", moved.location(), want)
	}
	return b.want(b.get(moved.location()), http.StatusOK)
}

// TestClerkSeesWhereSomebodyWent: the day goes on, and who was moved is a link away.
func TestClerkSeesWhereSomebodyWent(t *testing.T) {
	c := newCounter(t, nil)
	l := c.server.texts.languages[0]
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	b := c.as("anagrafe")
	shown := b.movesAway(h.Appointment)
	a, err := c.agenda.Get(t.Context(), h.ID)
	if err != nil {
		t.Fatal(err)
	}
	to := "/it/staff/sportello?giorno=" + a.Start.Format("2006-01-02")
	b.want(shown, http.StatusOK, "spostato a "+l.Date(a.Start)+", ore "+l.Clock(a.Start)+", "+a.DeskName,
		`<a href="`+to+"#r-"+a.ID.String()+`">Vai a `+l.Date(a.Start)+`</a>`)
	b.want(b.get(to), http.StatusOK, `id="r-`+a.ID.String()+`"`)

	// At a desk of somebody else's there is nothing for them to go and see.
	h = c.booked("anagrafe", "carta-identita", booking.InPerson, "Luca", "Verdi")
	if _, err := c.agenda.AddStaff(t.Context(), booking.Staff{
		Login: "unosolo", Name: "Ugo Solo", Roles: []booking.StaffRole{booking.Clerk}, Offices: []int64{h.Appointment.Office.ID}, Desks: []int64{h.Appointment.DeskID},
	}, staffPassword, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.agenda.AddClosure(t.Context(), booking.Closure{
		DeskID: h.Appointment.DeskID, From: h.Appointment.Start, To: h.Appointment.Start.AddDate(0, 1, 0), Reason: booking.Text{"it": "Guasto"},
	}, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	shown = c.as("unosolo").movesAway(h.Appointment)
	if a, err = c.agenda.Get(t.Context(), h.ID); err != nil || a.DeskID == h.Appointment.DeskID {
		t.Fatalf("still at %s, %v", a.DeskName, err)
	}
	b.want(shown, http.StatusOK, "spostato a ", a.DeskName)
	if strings.Contains(shown.body, "Vai a ") {
		t.Error("a link to what they may not see")
	}
}
