package notify_test

import (
	"strings"
	"testing"

	"sportello/booking"
	"sportello/booking/notify"
)

// TestQuietBookingIsToldOfChangesOnly: who is booked by a file hears nothing of it,
// nor the day before; a change they are told of has the link all the same.
func TestQuietBookingIsToldOfChangesOnly(t *testing.T) {
	w := newWorld(t, notify.Channels{Mail: true})
	h, err := w.Book(t.Context(), booking.BookRequest{
		HoldRequest: booking.HoldRequest{ServiceID: w.service.ID, Start: at(18, 9, 0), Mode: booking.Virtual, Channel: booking.ByImport, Audience: booking.Operators},
		Person:      booking.Person{Name: "Maria", Surname: "Rossi", Email: "maria@example.org"}, Quiet: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.jobs(); got != "" || w.links() != 1 {
		t.Fatalf("queued %q, links %d", got, w.links())
	}
	w.start()
	if _, err := w.Reschedule(t.Context(), h.ID, at(18, 10, 0), booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	if got := w.server.Next(); !strings.Contains(got.Data, h.Secret) || !strings.Contains(got.Data, "moved") {
		t.Errorf("told %s", got.Data)
	}
	w.nothingLeft("moved completed, reminder scheduled")
}
