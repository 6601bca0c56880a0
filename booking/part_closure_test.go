package booking_test

import (
	"testing"

	"sportello/booking"
)

// Hours of one desk are closed: nobody gets them, the rest of the day stays, and
// who was booked is listed.
func TestClosingSomeHours(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	free := func(day int) string {
		t.Helper()
		return starts(w.freeOn(t, at(t, day, 0, 0), booking.Virtual, booking.Operators))
	}
	booked := w.booked(t, w.request(at(t, 17, 9, 30), booking.Virtual))
	held := w.hold(t, w.request(at(t, 17, 9, 15), booking.Virtual))
	all := free(18)
	pause := booking.Closure{
		DeskID: w.desks["Video"].ID, From: at(t, 17, 0, 0), To: at(t, 18, 0, 0), FromTime: "09:10", ToTime: "09:45", Reason: booking.Text{"it": "Pausa"},
	}
	preview, err := w.PreviewClosure(ctx, pause)
	if err != nil || len(preview) != 1 || free(18) != all {
		t.Errorf("preview: %d, %v; free afterwards %q", len(preview), err, free(18))
	}
	list, err := w.AddClosure(ctx, pause, booking.Actor{})
	if err != nil || len(list) != 1 || list[0].ID != booked.ID {
		t.Errorf("conflicts: %d, %v; want the booked one", len(list), err)
	}
	if got := free(17); got != "09:45" {
		t.Errorf("free on the day %q", got)
	}
	if got := free(18); got != "09:45" {
		t.Errorf("free on the next day %q, before %q", got, all)
	}
	if got := free(19); got != all {
		t.Errorf("free on a day without it %q", got)
	}
	if got := starts(w.freeOn(t, at(t, 17, 0, 0), booking.InPerson, booking.Public)); got == "" {
		t.Error("the other desks are closed too")
	}
	if a, err := w.HoldBySecret(ctx, held.ID, held.Secret); err != nil || a.State != booking.Expired {
		t.Errorf("the hold is %v, %v", a.State, err)
	}
	closures, err := w.Closures(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range closures {
		if c.Reason["it"] != "Pausa" {
			continue
		}
		if c.FromTime != "09:10" || c.ToTime != "09:45" || c.DeskID != pause.DeskID {
			t.Errorf("listed as %+v", c)
		}
		if err := w.RemoveClosure(ctx, c.ID, booking.Actor{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := free(18); got != all {
		t.Errorf("free after it was taken out %q", got)
	}
	for _, x := range [][2]string{{"09:00", ""}, {"", "10:00"}, {"10:00", "09:00"}, {"09:00", "09:00"}, {"9:00", "10:00"}, {"09:00", "25:00"}} {
		bad := pause
		bad.FromTime, bad.ToTime = x[0], x[1]
		_, err := w.AddClosure(ctx, bad, booking.Actor{})
		wantField(t, x[0]+"-"+x[1], err, "hours", booking.CodeInvalid)
	}
	// Early end, until the end of the day; and hours that the spring change swallows.
	for _, c := range []booking.Closure{
		{From: at(t, 20, 0, 0), To: at(t, 20, 0, 0), FromTime: "09:20", ToTime: "24:00", DeskID: pause.DeskID},
		{From: at(t, 20, 0, 0).AddDate(0, 0, 128), To: at(t, 20, 0, 0).AddDate(0, 0, 128), FromTime: "02:10", ToTime: "02:50"},
	} {
		if _, err := w.AddClosure(ctx, c, booking.Actor{}); err != nil {
			t.Errorf("closure from %v, %s: %v", c.From, c.FromTime, err)
		}
	}
	if got := free(20); got != "09:00" {
		t.Errorf("free on the day that ends early %q", got)
	}
}
