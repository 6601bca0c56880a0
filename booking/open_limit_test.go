package booking_test

import (
	"errors"
	"sync"
	"testing"

	"sportello/booking"
)

// limited lets each contact have n appointments at the office.
func (w *world) limited(t testing.TB, n int) {
	t.Helper()
	o := w.office
	o.MaxOpen = n
	if _, err := w.SaveOffice(t.Context(), o, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
}

func TestAContactHasSoManyAppointments(t *testing.T) {
	w := newWorld(t, monday)
	w.limited(t, 2)
	ctx := t.Context()
	confirm := func(day, minute int, p booking.Person) (booking.Hold, error) {
		t.Helper()
		h := w.hold(t, w.request(at(t, day, 9, minute), booking.Virtual))
		if err := w.SetPerson(t.Context(), h.ID, h.Secret, p); err != nil {
			t.Fatal(err)
		}
		_, err := w.Confirm(t.Context(), h.ID, h.Secret)
		return h, err
	}
	both := booking.Person{Name: "Maria", Surname: "Rossi", Email: "maria@example.it", Phone: "333 1234567"}
	mail := booking.Person{Name: "M.", Surname: "Altri", Email: "MARIA@example.it"}
	phone := booking.Person{Name: "M.", Surname: "Altri", Phone: "+39 333-1234567"}
	first, err := confirm(17, 0, both)
	wantErr(t, "the first", err, nil)
	_, err = confirm(17, 15, mail)
	wantErr(t, "the second, in capitals", err, nil)
	third, err := confirm(17, 30, both)
	wantErr(t, "the third", err, booking.ErrTooMany)
	if a, err := w.HoldBySecret(ctx, third.ID, third.Secret); err != nil || a.State != booking.Held || a.Person.Surname != "Rossi" {
		t.Errorf("the refused one is %s of %q: %v", a.State, a.Person.Surname, err)
	}
	_, err = confirm(17, 45, phone) // counts one only: the second was by mail
	wantErr(t, "by phone", err, nil)
	if _, err := w.Confirm(ctx, first.ID, first.Secret); err != nil {
		t.Errorf("confirmed again: %v", err)
	}

	// A clerk is not bound, and what is over does not count.
	r := w.request(at(t, 18, 9, 0), booking.Virtual)
	r.Channel, r.Audience = booking.ByOperator, booking.Operators
	if _, err := w.Book(ctx, booking.BookRequest{HoldRequest: r, Person: both, Actor: booking.Actor{StaffID: w.clerk(t).ID}}); err != nil {
		t.Errorf("an operator: %v", err)
	}
	w.clock.set(at(t, 18, 12, 0))
	_, err = confirm(19, 0, both)
	wantErr(t, "when all are over", err, nil)
}

func TestAContactInManyTabsAtOnce(t *testing.T) {
	w := newWorld(t, monday)
	w.limited(t, 2)
	const tabs = 8
	w.wide(t, tabs)
	hs := make([]booking.Hold, tabs)
	for i := range hs {
		hs[i] = w.hold(t, w.request(at(t, 17+i/4, 9, 15*(i%4)), booking.Virtual))
		// Half of the tabs know only one of the two contacts.
		p := booking.Person{Name: "Maria", Surname: "Rossi", Email: "maria@example.it", Phone: "3331234567"}
		if i%2 == 1 {
			p.Phone = ""
		}
		if err := w.SetPerson(t.Context(), hs[i].ID, hs[i].Secret, p); err != nil {
			t.Fatal(err)
		}
	}
	errs := make([]error, tabs)
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i, h := range hs {
		wg.Go(func() {
			<-begin
			_, errs[i] = w.Confirm(t.Context(), h.ID, h.Secret)
		})
	}
	close(begin)
	wg.Wait()
	booked := 0
	for i, err := range errs {
		switch {
		case err == nil:
			booked++
		case !errors.Is(err, booking.ErrTooMany):
			t.Errorf("tab %d: %v", i, err)
		}
	}
	if booked != 2 {
		t.Errorf("%d tabs have an appointment, want 2", booked)
	}
}
