package booking_test

import (
	"strings"
	"testing"
	"time"

	"sportello/booking"
)

// TestIdentityGoesTheRestStays: thirty days after the appointment nobody
// knows whose it was; that it was is still counted.
func TestIdentityGoesTheRestStays(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	anna := w.clerk(t)
	h := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	later := w.booked(t, w.request(at(t, 18, 9, 0), booking.Virtual))
	if err := w.SetStaffNote(ctx, h.ID, "", "Zia di Paolo", booking.Actor{StaffID: anna.ID}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.GuestGrant(ctx, h.ID, "Lia", true, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	w.clock.set(at(t, 17, 9, 15).AddDate(0, 0, 30)) // its end, and thirty days
	if err := w.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	if a, err := w.Get(ctx, h.ID); err != nil || a.Person.Surname == "" || a.StaffNote == "" {
		t.Errorf("on the last day %+v, %v", a.Person, err)
	}
	w.clock.add(time.Second)
	if err := w.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	a, err := w.Get(ctx, h.ID)
	if err != nil || a.Person != (booking.Person{}) || a.StaffNote != "" || a.Note != "" || a.State != booking.Booked || !a.Start.Equal(h.Appointment.Start) {
		t.Errorf("afterwards %+v, %v", a, err)
	}
	if a, err := w.Get(ctx, later.ID); err != nil || a.Person.Surname == "" {
		t.Errorf("a day later's is gone too: %v", err)
	}
	w.nothingOf(t, h, "Maria", "Paolo", "3331234567", "Lia", "interpret")
	if found, err := w.SearchPerson(ctx, "maria", nil, 5); err != nil || len(found) != 1 {
		t.Errorf("found %d, %v", len(found), err)
	}
}

// TestRemarksGoWithTheOfficesOwnTime: people write names into them.
func TestRemarksGoWithTheOfficesOwnTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, monday)
	ctx := t.Context()
	if _, err := w.pool.Exec(ctx, `UPDATE office SET retention_days = 7 WHERE id = $1`, w.office.ID); err != nil {
		t.Fatal(err)
	}
	h := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	if err := w.Rate(ctx, h.ID, 5, "Brava Lia"); err != nil {
		t.Fatal(err)
	}
	remarks := func(day int) int {
		t.Helper()
		w.clock.set(at(t, day, 12, 0))
		if err := w.Maintain(ctx); err != nil {
			t.Fatal(err)
		}
		r, err := w.Ratings(ctx, booking.Period{First: at(t, 1, 0, 0), Last: at(t, 30, 0, 0), OfficeID: w.office.ID})
		if err != nil || r.Count() != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		return len(r.Remarks)
	}
	if n := remarks(23); n != 1 { // written on the 16th
		t.Errorf("%d remarks after a week", n)
	}
	if n := remarks(24); n != 0 {
		t.Errorf("%d remarks after more than a week", n)
	}
}

// nothingOf looks for words in all that the database has of an appointment.
func (w *world) nothingOf(t *testing.T, h booking.Hold, words ...string) {
	t.Helper()
	var all string
	err := w.pool.QueryRow(t.Context(), `
		SELECT concat((SELECT string_agg(a::text, '') FROM appointment a WHERE id = $1),
			(SELECT string_agg(p::text, '') FROM appointment_person p WHERE appointment_id = $1),
			(SELECT string_agg(g::text, '') FROM room_grant g WHERE appointment_id = $1),
			(SELECT string_agg(x::text, '') FROM audit x))`, h.ID).Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range words {
		if strings.Contains(all, word) {
			t.Errorf("%q is still kept", word)
		}
	}
}

func TestAPersonIsFoundAndErased(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	admin := booking.Actor{StaffID: w.clerk(t).ID}
	past := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	coming := w.booked(t, w.request(at(t, 18, 9, 0), booking.Virtual))
	other := w.hold(t, w.request(at(t, 18, 9, 15), booking.Virtual))
	luigi := booking.Person{Name: "Luigi", Surname: "Bo", Email: "Luigi@Example.org"}
	if err := w.SetPerson(ctx, other.ID, other.Secret, luigi); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Confirm(ctx, other.ID, other.Secret); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.GuestGrant(ctx, past.ID, "Lia", true, admin); err != nil {
		t.Fatal(err)
	}
	for _, to := range []booking.State{booking.Called, booking.Served} {
		if _, err := w.Transition(ctx, past.ID, to, admin); err != nil {
			t.Fatal(err)
		}
	}
	for who, want := range map[string]int{
		"333 1234567": 2, "+393331234567": 2, w.Code(coming.Secret): 1, "luigi@example.ORG": 1,
		"3331234568": 0, "nobody@example.org": 0,
	} {
		if list, err := w.OfPerson(ctx, who); err != nil || len(list) != want {
			t.Errorf("%s: %d, %v; want %d", who, len(list), err, want)
		}
	}
	for _, who := range []string{"", "Maria", "%", "a@b", strings.Repeat("9", 10_000), "x\x00y"} {
		_, err := w.OfPerson(ctx, who)
		wantField(t, who[:min(9, len(who))], err, "who", booking.CodeInvalid)
	}
	if _, err := w.Transition(ctx, coming.ID, booking.Called, admin); err != nil {
		t.Fatal(err)
	}
	erased, left, err := w.Erase(ctx, "333 1234567", admin)
	if err != nil || erased != 1 || left != 1 {
		t.Errorf("erased %d, left %d, %v; one is in the room", erased, left, err)
	}
	w.nothingOf(t, past, "Maria", "3331234567", "Lia", "interpret")
	if a, err := w.Get(ctx, past.ID); err != nil || a.State != booking.Served {
		t.Errorf("the served one is %s, %v", a.State, err)
	}
	if _, err := w.Transition(ctx, coming.ID, booking.NoShow, admin); err != nil {
		t.Fatal(err)
	}
	if erased, left, err := w.Erase(ctx, w.Code(coming.Secret), admin); err != nil || erased != 1 || left != 0 {
		t.Errorf("erased %d, left %d, %v", erased, left, err)
	}
	if erased, _, err := w.Erase(ctx, "luigi@example.org", admin); err != nil || erased != 1 {
		t.Errorf("erased %d, %v", erased, err)
	}
	if a, err := w.Get(ctx, other.ID); err != nil || a.State != booking.Cancelled || a.Person != (booking.Person{}) {
		t.Errorf("what was to come is %s of %+v, %v", a.State, a.Person, err)
	}
	w.nothingOf(t, other, "Luigi", "luigi")
	_, err = w.ByCode(ctx, w.Code(other.Secret), "Bo")
	wantErr(t, "the erased one by code", err, booking.ErrNotFound)
}

// TestAuditTellsWhoDidWhat: every action of the staff, none of the citizens',
// and none that did not happen.
func TestAuditTellsWhoDidWhat(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	anna := w.clerk(t)
	actor := booking.Actor{StaffID: anna.ID}
	all := booking.AuditQuery{From: monday.Add(-time.Hour), To: monday.AddDate(2, 0, 0), Limit: 100}
	w.booked(t, w.request(at(t, 17, 9, 45), booking.Virtual)) // a citizen's own
	h, err := w.Book(ctx, booking.BookRequest{
		HoldRequest: booking.HoldRequest{ServiceID: w.breve.ID, Start: at(t, 17, 9, 0), Mode: booking.Virtual, Channel: booking.ByOperator, Audience: booking.Operators},
		Person:      maria, Actor: actor,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Reschedule(ctx, h.ID, at(t, 17, 9, 15), actor); err != nil {
		t.Fatal(err)
	}
	_, guest, err := w.GuestGrant(ctx, h.ID, "Interprete", false, actor)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RevokeGrant(ctx, guest, actor); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Transition(ctx, h.ID, booking.Called, actor); err != nil {
		t.Fatal(err)
	}
	_, err = w.Transition(ctx, h.ID, booking.Arrived, actor)
	wantErr(t, "arriving after being called", err, booking.ErrState)
	if _, err := w.SetOpeningRules(ctx, w.desks["Due"].ID, nil, actor); err != nil {
		t.Fatal(err)
	}
	if _, err := w.PreviewRetireDesk(ctx, w.desks["Due"].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.RetireDesk(ctx, w.desks["Due"].ID, true, actor); err != nil {
		t.Fatal(err)
	}
	list, err := w.Audit(ctx, all)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, x := range list {
		got = x.Action + " " + got
		if x.Login != "anna" || !x.At.Equal(monday) || x.Kind == booking.AboutAppointment && x.Object != h.ID.String() {
			t.Errorf("entry %+v", x)
		}
	}
	if want := "book move grant.guest grant.revoke called hours.save desk.retire "; got != want {
		t.Errorf("noted %q, want %q", got, want)
	}
	w.nothingOf(t, booking.Hold{}, "Maria", "Interprete")
	retired, booked := list[0].About, list[len(list)-1].About
	if retired.Name != "Due" || retired.Office["it"] == "" || len(retired.Service) != 0 || !retired.Start.IsZero() {
		t.Errorf("the desk is %+v", retired)
	}
	if !booked.Start.Equal(at(t, 17, 9, 15)) || booked.Service["it"] != w.breve.Name["it"] || booked.Office["it"] != retired.Office["it"] || booked.Name != "" {
		t.Errorf("the appointment is %+v", booked)
	}
	q := all
	q.Kind, q.Object = booking.AboutAppointment, h.ID.String()
	if list, err := w.Audit(ctx, q); err != nil || len(list) != 5 {
		t.Errorf("of the appointment: %d, %v", len(list), err)
	}
	q = all
	q.StaffID = anna.ID + 1
	if list, err := w.Audit(ctx, q); err != nil || len(list) != 0 {
		t.Errorf("of somebody else: %d, %v", len(list), err)
	}
	q = all
	q.Before, q.Limit = list[0].ID, 2
	if next, err := w.Audit(ctx, q); err != nil || len(next) != 2 || next[0].ID != list[1].ID {
		t.Errorf("the next page: %+v, %v", next, err)
	}
	w.clock.set(monday.AddDate(0, 0, 365).Add(time.Second))
	if err := w.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	if list, err := w.Audit(ctx, all); err != nil || len(list) != 0 {
		t.Errorf("kept longer than a year: %d, %v", len(list), err)
	}
}
