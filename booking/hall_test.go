package booking_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sportello/booking"
)

func (w *world) walkIn(start time.Time, surname string) booking.BookRequest {
	return booking.BookRequest{
		HoldRequest: booking.HoldRequest{
			ServiceID: w.breve.ID, Start: start, Mode: booking.InPerson, Channel: booking.ByWalkIn, Audience: booking.Operators,
		},
		Person: booking.Person{Surname: surname},
	}
}

func TestWalkInsTakeTheirPlaceLikeAnyone(t *testing.T) {
	w := newWorld(t, monday.Add(64*time.Minute)) // 09:04
	ctx := t.Context()
	h, err := w.Book(ctx, w.walkIn(at(t, 16, 9, 15), ""))
	if err != nil {
		t.Fatal(err)
	}
	if a := h.Appointment; a.State != booking.Arrived || a.Ticket != "A1" || a.Channel != booking.ByWalkIn || a.Person.Surname != "" || a.ArrivedAt.IsZero() {
		t.Errorf("walked in: %+v", a)
	}
	if a, err := w.ByShortCode(ctx, w.Code(h.Secret)); err != nil || a.ID != h.ID {
		t.Errorf("by code: %v", err)
	}
	named, err := w.Book(ctx, w.walkIn(at(t, 16, 9, 15), " Mario   Rossi "))
	if err != nil || named.Appointment.Person.Surname != "Mario   Rossi" || named.Appointment.Ticket != "A2" {
		t.Fatalf("named: %+v, %v", named.Appointment, err)
	}
	// Both desks are taken: the constraint binds those who walk in too, and
	// whoever loses leaves nothing behind.
	_, err = w.Book(ctx, w.walkIn(at(t, 16, 9, 15), ""))
	wantErr(t, "a third at the same time", err, booking.ErrSlotTaken)
	for name, r := range map[string]booking.BookRequest{
		"tomorrow": w.walkIn(at(t, 17, 9, 15), ""), "past": w.walkIn(at(t, 16, 9, 0), ""), "outside hours": w.walkIn(at(t, 16, 14, 0), ""),
	} {
		_, err = w.Book(ctx, r)
		wantErr(t, name, err, booking.ErrNotBookable)
	}
	virtual := w.walkIn(at(t, 16, 9, 15), "")
	virtual.Mode = booking.Virtual
	_, err = w.Book(ctx, virtual)
	wantErr(t, "by video", err, booking.ErrNotBookable)
	_, err = w.Book(ctx, w.walkIn(at(t, 16, 9, 30), strings.Repeat("x", 101)))
	wantField(t, "long name", err, "surname", booking.CodeTooLong)
	_, err = w.Book(ctx, w.walkIn(at(t, 16, 9, 30), "..."))
	wantField(t, "name of no letters", err, "surname", booking.CodeInvalid)
	// An operator still has to say who is on the phone.
	phone := w.walkIn(at(t, 16, 9, 30), "")
	phone.Channel = booking.ByOperator
	_, err = w.Book(ctx, phone)
	wantField(t, "operator without a name", err, "name", booking.CodeRequired)
}

// TestTicketsAreGivenOnce lets everybody arrive at the same moment.
func TestTicketsAreGivenOnce(t *testing.T) {
	w := newWorld(t, monday)
	var holds []booking.Hold
	for i := range 8 {
		holds = append(holds, w.booked(t, w.request(at(t, 16, 9, 15).Add(time.Duration(i)*15*time.Minute), booking.InPerson)))
	}
	video := w.booked(t, w.request(at(t, 16, 9, 30), booking.Virtual))
	var all sync.WaitGroup
	for _, h := range holds {
		all.Go(func() {
			if _, err := w.Transition(t.Context(), h.ID, booking.Arrived, booking.Actor{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, h := range holds {
		a, err := w.Get(t.Context(), h.ID)
		if err != nil {
			t.Fatal(err)
		}
		seen[a.Ticket] = true
	}
	for _, want := range strings.Fields("A1 A2 A3 A4 A5 A6 A7 A8") {
		if !seen[want] {
			t.Errorf("ticket %s was not given: %v", want, seen)
		}
	}
	if a, err := w.Transition(t.Context(), video.ID, booking.Arrived, booking.Actor{}); err != nil || a.Ticket != "" {
		t.Errorf("by video: ticket %q, %v", a.Ticket, err)
	}
	// A new day begins at one.
	w.clock.set(monday.AddDate(0, 0, 1))
	tomorrow := w.booked(t, w.request(at(t, 17, 9, 30), booking.InPerson))
	if a, err := w.Transition(t.Context(), tomorrow.ID, booking.Arrived, booking.Actor{}); err != nil || a.Ticket != "A1" {
		t.Errorf("the next day: ticket %q, %v", a.Ticket, err)
	}
}

func TestCallsInTheHall(t *testing.T) {
	w := newWorld(t, monday.Add(time.Hour))
	ctx := t.Context()
	first, second := w.booked(t, w.request(at(t, 16, 10, 0), booking.InPerson)), w.booked(t, w.request(at(t, 16, 10, 15), booking.InPerson))
	hall, err := w.HallBySlug(ctx, "ufficio")
	if err != nil {
		t.Fatal(err)
	}
	building, err := w.HallBySlug(ctx, "a")
	if err != nil || building.Office != 0 || len(building.Offices) != 1 {
		t.Fatalf("building %+v, %v", building, err)
	}
	_, err = w.HallBySlug(ctx, "altrove")
	wantErr(t, "no such hall", err, booking.ErrNotFound)
	_, err = w.CallAgain(ctx, first.ID, booking.Actor{})
	wantErr(t, "again before the first call", err, booking.ErrState)
	step := func(h booking.Hold, states ...booking.State) {
		t.Helper()
		for _, s := range states {
			w.clock.add(time.Second)
			if _, err := w.Transition(ctx, h.ID, s, booking.Actor{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	shows := func(want string) {
		t.Helper()
		var got []string
		for _, h := range []booking.Hall{hall, building} {
			calls, err := w.Calls(ctx, h, 10)
			if err != nil {
				t.Fatal(err)
			}
			got = got[:0]
			for _, c := range calls {
				got = append(got, fmt.Sprintf("%s/%d %s", c.Ticket, c.Number, c.Desk))
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("%s shows %v, want %s", h.Slug, got, want)
			}
		}
	}
	step(first, booking.Arrived)
	step(second, booking.Arrived)
	shows("")
	step(first, booking.Called)
	step(second, booking.Called)
	shows("A2/1 Uno, A1/1 Uno")
	changes, err := w.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	<-changes
	w.clock.add(time.Second)
	if a, err := w.CallAgain(ctx, first.ID, booking.Actor{}); err != nil || a.Calls != 2 {
		t.Fatalf("again: %d calls, %v", a.Calls, err)
	}
	if c := <-changes; c.Appointment != first.ID {
		t.Errorf("a second call tells of %v", c)
	}
	shows("A1/2 Uno, A2/1 Uno")
	step(second, booking.Served)
	shows("A1/2 Uno")
	// The day ends and begins at the office's midnight, an hour before London's.
	w.clock.set(at(t, 16, 23, 59))
	shows("A1/2 Uno")
	w.clock.set(at(t, 17, 0, 1))
	shows("")
	if _, err := w.pool.Exec(ctx, `UPDATE appointment SET day = '2026-11-17' WHERE id = $1`, first.ID); err != nil {
		t.Fatal(err)
	}
	shows("A1/2 Uno")
}

func TestDisplaysAreOpenedByTheirLinkOnly(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	hall, err := w.HallBySlug(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := w.AddDisplay(ctx, hall, booking.Actor{StaffID: w.clerk(t).ID})
	if err != nil {
		t.Fatal(err)
	}
	var stored int
	if err := w.pool.QueryRow(ctx, `SELECT count(*) FROM hall_display d WHERE d::text LIKE '%' || $1 || '%'`, secret).Scan(&stored); err != nil || stored != 0 {
		t.Errorf("the secret itself is stored: %d, %v", stored, err)
	}
	d, err := w.DisplayBySecret(ctx, secret)
	if err != nil || d.Hall.Slug != "a" {
		t.Fatalf("display %+v, %v", d, err)
	}
	appointment := w.booked(t, w.request(at(t, 16, 10, 0), booking.InPerson))
	for name, wrong := range map[string]string{"empty": "", "damaged": secret[1:], "of an appointment": appointment.Secret} {
		_, err = w.DisplayBySecret(ctx, wrong)
		wantErr(t, name, err, booking.ErrNotFound)
	}
	for range 2 {
		if err := w.RevokeDisplay(ctx, d.ID, booking.Actor{}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.DisplayBySecret(ctx, secret)
	wantErr(t, "revoked", err, booking.ErrNotFound)
	if list, err := w.Displays(ctx); err != nil || len(list) != 0 {
		t.Errorf("displays %v, %v", list, err)
	}
	wantErr(t, "no such display", w.RevokeDisplay(ctx, 999, booking.Actor{}), booking.ErrNotFound)
}

func TestRatingIsGivenOnceAndLeadsBackToNobody(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	h := w.booked(t, w.request(at(t, 16, 10, 0), booking.InPerson))
	wantField(t, "no stars", w.Rate(ctx, h.ID, 0, ""), "stars", booking.CodeRequired)
	wantField(t, "long", w.Rate(ctx, h.ID, 3, strings.Repeat("è", 201)), "remark", booking.CodeTooLong)
	if err := w.Rate(ctx, h.ID, 4, strings.Repeat("è", 200)); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "twice", w.Rate(ctx, h.ID, 5, ""), booking.ErrState)
	held := w.hold(t, w.request(at(t, 16, 10, 15), booking.InPerson))
	wantErr(t, "of a hold", w.Rate(ctx, held.ID, 5, ""), booking.ErrState)
	var row string
	if err := w.pool.QueryRow(ctx, `SELECT r::text FROM rating r`).Scan(&row); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(row, "2026-11-16") {
		t.Errorf("the rating is of another day: %s", row)
	}
	if strings.Contains(row, h.ID.String()) || strings.Contains(row, ":") {
		t.Errorf("the rating knows whose or when: %s", row)
	}
}

func TestRatingsOfAPeriod(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	for i, stars := range []int{5, 4, 4} {
		h := w.booked(t, w.request(at(t, 16, 10, 15*i), booking.InPerson))
		if err := w.Rate(ctx, h.ID, stars, strings.Repeat("bene ", i)); err != nil {
			t.Fatal(err)
		}
	}
	today := booking.Period{First: monday, Last: monday}
	r, err := w.Ratings(ctx, today)
	if err != nil || r.Stars != [5]int{0, 0, 0, 2, 1} || r.Count() != 3 || r.Average() < 4.3 || r.Average() > 4.4 || len(r.Remarks) != 2 {
		t.Errorf("ratings %+v, %v", r, err)
	}
	for _, elsewhere := range []booking.Period{
		{First: monday, Last: monday, OfficeID: w.office.ID + 1},
		{First: monday.AddDate(0, 0, 1), Last: monday.AddDate(0, 0, 1)},
	} {
		if r, err := w.Ratings(ctx, elsewhere); err != nil || r.Count() != 0 || r.Average() != 0 || len(r.Remarks) != 0 {
			t.Errorf("ratings of %+v: %+v, %v", elsewhere, r, err)
		}
	}
	// The stars stay, what was written goes with the rest that may name somebody.
	w.clock.add(32 * 24 * time.Hour)
	if err := w.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	if r, err := w.Ratings(ctx, today); err != nil || r.Count() != 3 || len(r.Remarks) != 0 {
		t.Errorf("ratings kept for long: %+v, %v", r, err)
	}
}

func TestScannersType(t *testing.T) {
	w := newWorld(t, monday)
	h := w.booked(t, w.request(at(t, 16, 10, 0), booking.InPerson))
	code := w.Code(h.Secret)
	for name, typed := range map[string]string{
		"as printed": code, "with Enter": code + "\r\n", "no dash": strings.ReplaceAll(code, "-", ""),
		"another keyboard": strings.ReplaceAll(code, "-", "'"), "caps lock": strings.ToLower(code),
		"with what was read": "]Q1" + code, "…on another keyboard": "+q3" + strings.ReplaceAll(code, "-", "'"),
	} {
		if a, err := w.ByShortCode(t.Context(), typed); err != nil || a.ID != h.ID {
			t.Errorf("%s (%q): %v", name, typed, err)
		}
	}
	_, err := w.ByShortCode(t.Context(), "QQ"+code)
	wantErr(t, "another prefix", err, booking.ErrNotFound)
}

// TestLettersTellOfficesOfATownApart makes more offices than there are single letters.
func TestLettersTellOfficesOfATownApart(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	const insert = `INSERT INTO office (town_id, slug, name) SELECT $1, $2 || n, '{}' FROM generate_series(1, $3::int) n`
	var first, second int64
	if err := w.pool.QueryRow(ctx, `SELECT town_id FROM office`).Scan(&first); err != nil {
		t.Fatal(err)
	}
	if err := w.pool.QueryRow(ctx, `INSERT INTO town (slug, name) VALUES ('altro', 'Altro') RETURNING id`).Scan(&second); err != nil {
		t.Fatal(err)
	}
	for town, n := range map[int64]int{first: 30, second: 3} {
		if _, err := w.pool.Exec(ctx, insert, town, fmt.Sprintf("t%d-", town), n); err != nil {
			t.Fatal(err)
		}
	}
	for town, want := range map[int64]string{
		first: "A B C D E F G H J K L M N P R S T U V W X Y Z AA AB AC AD AE AF AG AH", second: "A B C",
	} {
		var got string
		if err := w.pool.QueryRow(ctx, `SELECT string_agg(letter, ' ' ORDER BY length(letter), letter) FROM office WHERE town_id = $1`, town).Scan(&got); err != nil || got != want {
			t.Errorf("letters %s, want %s; %v", got, want, err)
		}
	}
	// And when they are used up, offices are made all the same.
	if _, err := w.pool.Exec(ctx, insert, second, "x", 600); err != nil {
		t.Fatal(err)
	}
}
