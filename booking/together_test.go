package booking_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sportello/booking"
	"sportello/booking/token"
)

// both is a request for the short service and the long one in one appointment:
// 55 minutes, and 10 to tidy up.
func (w *world) both(start time.Time) booking.HoldRequest {
	return booking.HoldRequest{ServiceID: w.breve.ID, Also: []int64{w.lungo.ID}, Start: start, Mode: booking.InPerson}
}

func (w *world) freeOf(t *testing.T, also []int64, day int) string {
	t.Helper()
	slots, err := w.Free(t.Context(), booking.Query{
		ServiceID: w.breve.ID, Also: also, Mode: booking.InPerson, Audience: booking.Public, From: at(t, day, 0, 0), To: at(t, day+1, 0, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	return starts(slots)
}

// TestOneRatingForSeveralServices: the opinion is of the appointment, and so are the remarks' names.
func TestOneRatingForSeveralServices(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	h := w.hold(t, w.both(at(t, 17, 9, 0)))
	if err := w.SetPerson(ctx, h.ID, h.Secret, maria); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Confirm(ctx, h.ID, h.Secret); err != nil {
		t.Fatal(err)
	}
	alone := w.booked(t, w.request(at(t, 16, 10, 0), booking.InPerson))
	for _, rated := range []booking.Hold{h, alone} {
		if err := w.Rate(ctx, rated.ID, 5, "bene"); err != nil {
			t.Fatal(err)
		}
	}
	r, err := w.Ratings(ctx, booking.Period{First: monday, Last: monday})
	if err != nil || r.Count() != 2 || len(r.Remarks) != 2 {
		t.Fatalf("ratings %+v, %v", r, err)
	}
	names := map[string]bool{}
	for _, x := range r.Remarks {
		names[x.Service["it"]] = true
	}
	if !names["Breve + Lungo"] || !names["Breve"] {
		t.Errorf("remarks of %v", names)
	}
}

func TestSeveralServicesTakeTheirTimeTogether(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	also := []int64{w.lungo.ID}
	// Desk Due closes at ten, which is enough for 55 minutes from nine only.
	if got, want := w.freeOf(t, also, 17), "09:00 09:15 09:30 09:45 10:00 10:15 10:30 10:45 11:00"; got != want {
		t.Errorf("free are %s, want %s", got, want)
	}
	h := w.hold(t, w.both(at(t, 17, 9, 0)))
	a := h.Appointment
	if a.End.Sub(a.Start) != 55*time.Minute || a.Service.Duration != 55*time.Minute || a.Service.Name["it"] != "Breve + Lungo" {
		t.Errorf("held is %v to %v, %+v", a.Start, a.End, a.Service)
	}
	if len(a.Service.Modes) != 1 || a.Service.Buffer != 10*time.Minute || a.Service.MinNotice != time.Hour || a.Service.CancelUntil != 2*time.Hour {
		t.Errorf("the rules together are %+v", a.Service)
	}
	// The other desk has 09:00 to 10:00 still; then the first, after 55 and 10 minutes.
	if got, want := w.freeOf(t, also, 17), "09:00 10:15 10:30 10:45 11:00"; got != want {
		t.Errorf("free beside it are %s, want %s", got, want)
	}
	days, err := w.Month(ctx, w.breve.ID, booking.InPerson, booking.Public, 2026, time.November, also...)
	if err != nil || days[16].Free != 5 {
		t.Errorf("the month has %d starts on the 17th, %v", days[16].Free, err)
	}
	if err := w.SetPerson(ctx, h.ID, h.Secret, maria); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Confirm(ctx, h.ID, h.Secret); err != nil {
		t.Fatal(err)
	}
	moved, err := w.Reschedule(ctx, h.ID, at(t, 18, 11, 0), booking.Actor{})
	if err != nil || moved.End.Sub(moved.Start) != 55*time.Minute || len(moved.Service.Also) != 1 {
		t.Errorf("moved to %v-%v, %v", moved.Start, moved.End, err)
	}
	if _, err := w.Reschedule(ctx, h.ID, at(t, 18, 11, 15), booking.Actor{}); !errors.Is(err, booking.ErrNotBookable) {
		t.Errorf("a start without room for both: %v", err)
	}
}

func TestServicesThatCannotBeHadTogether(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	w.branch(t, "prova", "altro", `{"days": [2], "from": "09:00", "to": "12:00"}`)
	_, far, err := w.ServiceBySlug(ctx, "altro", "s")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]booking.HoldRequest{
		"in a mode that one lacks": {ServiceID: w.breve.ID, Also: []int64{w.lungo.ID}, Mode: booking.Virtual},
		"of another office":        {ServiceID: w.breve.ID, Also: []int64{far.ID}, Mode: booking.InPerson},
		"twice the same":           {ServiceID: w.breve.ID, Also: []int64{w.breve.ID}, Mode: booking.InPerson},
		"that is not there":        {ServiceID: w.breve.ID, Also: []int64{999}, Mode: booking.InPerson},
	} {
		r.Start = at(t, 17, 9, 0)
		if _, err := w.Hold(ctx, r); !errors.Is(err, booking.ErrNotBookable) {
			t.Errorf("%s: %v", name, err)
		}
		if free, err := w.FirstFree(ctx, []int64{r.ServiceID}, r.Mode, booking.Public, 1, r.Also...); len(free) > 0 && name != "of another office" && name != "twice the same" {
			t.Errorf("%s: free are %v, %v", name, free, err)
		}
	}
	// A desk that does only one of them does not count.
	one := w.desks["Uno"]
	one.Services = []int64{w.breve.ID}
	if _, _, err := w.SaveDesk(ctx, one, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	if got, want := w.freeOf(t, []int64{w.lungo.ID}, 17), "09:00"; got != want {
		t.Errorf("free are %s, want %s", got, want)
	}
	w.hold(t, w.both(at(t, 17, 9, 0))) // at Due
	if _, err := w.Hold(ctx, w.both(at(t, 17, 9, 0))); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("a second one: %v", err)
	}
	list, err := w.Joinable(ctx, w.breve.ID, nil)
	if err != nil || len(list) != 1 || list[0].ID != w.lungo.ID {
		t.Errorf("joinable are %v, %v", list, err)
	}
}

// TestEditsSeeEveryServiceOfAnAppointment: the second service of an appointment
// counts as the first does.
func TestEditsSeeEveryServiceOfAnAppointment(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	h := w.hold(t, w.both(at(t, 17, 9, 0)))
	if err := w.SetPerson(ctx, h.ID, h.Secret, maria); err != nil {
		t.Fatal(err)
	}
	booked, err := w.Confirm(ctx, h.ID, h.Secret)
	if err != nil {
		t.Fatal(err)
	}
	held := w.hold(t, w.both(at(t, 18, 9, 0)))
	affected := func(what string, list []booking.Appointment, err error, want int) {
		t.Helper()
		if err != nil || len(list) != want {
			t.Errorf("%s: %d appointments, %v; want %d", what, len(list), err, want)
		}
	}
	list, err := w.PreviewService(ctx, w.lungo)
	affected("the second as it is", list, err, 0)
	longer := w.lungo
	longer.Duration = time.Hour
	list, err = w.PreviewService(ctx, longer)
	affected("the second longer", list, err, 1)
	virtual := w.lungo
	virtual.Modes = []booking.Mode{booking.Virtual}
	list, err = w.PreviewService(ctx, virtual)
	affected("the second in another mode", list, err, 1)
	list, err = w.PreviewRetireService(ctx, w.lungo.ID)
	affected("the second retired", list, err, 1)
	desk := w.desks[booked.DeskName]
	desk.Services = []int64{w.breve.ID}
	list, err = w.PreviewDesk(ctx, desk)
	affected("a desk without the second", list, err, 1)

	if _, _, err := w.SaveService(ctx, longer, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	if a, err := w.Get(ctx, held.ID); err != nil || a.State != booking.Expired {
		t.Errorf("the hold that no longer fits is %s, %v", a.State, err)
	}
	again, err := w.Rehold(ctx, held.ID, held.Secret, at(t, 18, 9, 0))
	if err != nil || again.End.Sub(again.Start) != 75*time.Minute {
		t.Errorf("held anew from %v to %v, %v", again.Start, again.End, err)
	}
}

// TestWaitingForSeveralServices: what is offered has room for all of them.
func TestWaitingForSeveralServices(t *testing.T) {
	w := newWorld(t, noon)
	w.booked(t, w.both(at(t, 17, 9, 0)))
	w.booked(t, w.both(at(t, 17, 9, 0)))
	second := w.booked(t, w.both(at(t, 17, 10, 15)))
	short := w.booked(t, w.request(at(t, 17, 11, 30), booking.InPerson))
	h, err := w.Wait(t.Context(), booking.WaitRequest{
		ServiceID: w.breve.ID, Also: []int64{w.lungo.ID}, Mode: booking.InPerson, Until: at(t, 17, 0, 0),
		Person: booking.Person{Name: "Ugo", Surname: "Neri", Email: "ugo@example.org"},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.cancels(t, short) // fifteen minutes are not enough
	w.inState(t, "who waits, a quarter of an hour being free,", h, booking.Expired)
	w.cancels(t, second)
	a := w.inState(t, "who waits, an hour being free,", h, booking.Held)
	if a.Start.Format("15:04") != "10:15" || a.End.Sub(a.Start) != 55*time.Minute {
		t.Errorf("offered is %v to %v", a.Start, a.End)
	}
	if err := w.RefuseOffer(t.Context(), h.ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	w.inState(t, "who refused", h, booking.Expired)
}

// TestGrantNamesEveryService: the room says what it is about.
func TestGrantNamesEveryService(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	w.lungo.Modes = []booking.Mode{booking.InPerson, booking.Virtual}
	if _, _, err := w.SaveService(ctx, w.lungo, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	video := w.desks["Video"]
	video.Services = append(video.Services, w.lungo.ID)
	if _, _, err := w.SaveDesk(ctx, video, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	r := w.both(at(t, 17, 9, 0))
	r.Mode = booking.Virtual
	h := w.hold(t, r)
	if err := w.SetPerson(ctx, h.ID, h.Secret, maria); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Confirm(ctx, h.ID, h.Secret); err != nil {
		t.Fatal(err)
	}
	g, ok := w.tokens.get(token.HashOf(h.Secret))
	if !ok || g.Service != "Breve + Lungo" || g.EndsAt.Sub(g.StartsAt) != 55*time.Minute || !strings.Contains(g.ServiceEN, "Lungo") {
		t.Errorf("the grant is %+v", g)
	}
}
