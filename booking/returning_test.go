package booking_test

import (
	"errors"
	"testing"
	"time"

	"sportello/booking"
)

func TestHistoryWhereTheOfficeAllowsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, monday)
	ctx, clerk := t.Context(), booking.Actor{StaffID: w.clerk(t).ID}
	first, second := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual)), w.booked(t, w.request(at(t, 18, 9, 0), booking.Virtual))
	other := w.hold(t, w.request(at(t, 18, 9, 15), booking.Virtual))
	if err := w.SetPerson(ctx, other.ID, other.Secret, booking.Person{Name: "Luigi", Surname: "Bo", Email: "luigi@example.org"}); err != nil {
		t.Fatal(err)
	}
	_, err := w.History(ctx, second.ID, clerk)
	wantErr(t, "before the office allows it", err, booking.ErrForbidden)
	o := w.office
	o.History = true
	if o, err = w.SaveOffice(ctx, o, clerk); err != nil || !o.History {
		t.Fatalf("%+v, %v", o, err)
	}
	list, err := w.History(ctx, second.ID, clerk)
	if err != nil || len(list) != 1 || list[0].ID != first.ID {
		t.Fatalf("%d, %v", len(list), err)
	}
	log, err := w.Audit(ctx, booking.AuditQuery{From: monday.AddDate(0, 0, -1), To: monday.AddDate(0, 0, 1), Limit: 1})
	if err != nil || len(log) != 1 || log[0].Action != "history" || log[0].Object != second.ID.String() {
		t.Errorf("noted %+v, %v", log, err)
	}
}

func TestAnOfficesOwnRetention(t *testing.T) {
	t.Parallel()
	w := newWorld(t, monday)
	ctx := t.Context()
	h := w.booked(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	o := w.office
	o.RetentionDays = 5
	if _, err := w.SaveOffice(ctx, o, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	w.clock.set(h.Appointment.End.Add(5*24*time.Hour - time.Minute))
	w.maintain(t)
	if a, err := w.Get(ctx, h.ID); err != nil || a.Person.Surname == "" {
		t.Errorf("forgotten too soon: %v", err)
	}
	w.clock.add(2 * time.Minute)
	w.maintain(t)
	if a, err := w.Get(ctx, h.ID); err != nil || a.Person.Surname != "" {
		t.Errorf("still kept: %q, %v", a.Person.Surname, err)
	}
}

func TestWhatAnOfficeMaySet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, monday)
	ctx := t.Context()
	second, err := w.SaveOffice(ctx, booking.Office{Name: booking.Text{"it": "Secondo"}}, booking.Actor{})
	if err != nil || second.Letter == "" || second.Letter == w.office.Letter || second.OfferFor != 3*time.Hour {
		t.Fatalf("%+v, %v", second, err)
	}
	for field, change := range map[string]func(*booking.Office){
		"offer_for":      func(o *booking.Office) { o.OfferFor = time.Minute },
		"letter":         func(o *booking.Office) { o.Letter = "A1" },
		"retention_days": func(o *booking.Office) { o.RetentionDays = -1 },
	} {
		bad := second
		change(&bad)
		_, err := w.SaveOffice(ctx, bad, booking.Actor{})
		wantField(t, field, err, field, booking.CodeInvalid)
	}
	bad := second
	bad.Letter = w.office.Letter
	_, err = w.SaveOffice(ctx, bad, booking.Actor{})
	wantField(t, "another office's letter", err, "letter", booking.CodeTaken)
	second.Letter, second.OfferFor = "zz", time.Hour
	if second, err = w.SaveOffice(ctx, second, booking.Actor{}); err != nil || second.Letter != "ZZ" || second.OfferFor != time.Hour {
		t.Errorf("%+v, %v", second, err)
	}
}

// TestTwoOperatorsWithOneCaller: the second hears what the first has booked, and
// no slot stays behind.
func TestTwoOperatorsWithOneCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t, monday)
	ctx := t.Context()
	r := booking.BookRequest{HoldRequest: w.request(at(t, 17, 9, 0), booking.InPerson), Person: maria, Once: true}
	r.Channel, r.Audience = booking.ByOperator, booking.Operators
	first, err := w.Book(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	r.Start = at(t, 17, 9, 30)
	_, err = w.Book(ctx, r)
	var already *booking.AlreadyError
	if !errors.As(err, &already) || len(already.Coming) != 1 || already.Coming[0].ID != first.ID {
		t.Fatalf("the second: %v", err)
	}
	r.Once = false
	if _, err := w.Book(ctx, r); err != nil {
		t.Errorf("on purpose, at the start that was given back: %v", err)
	}
	r.Once, r.Person.Phone = true, "333 9999999"
	if _, err := w.Book(ctx, r); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}
