package booking_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"sportello/booking"
	"sportello/booking/token"
)

func TestPersonInput(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	h := w.hold(t, w.request(at(t, 17, 9, 0), booking.Virtual))
	for _, c := range []struct {
		what        string
		p           booking.Person
		field, code string // none: accepted
	}{
		{"plain", booking.Person{Name: "Ada", Surname: "Rossi", Email: "ada@example.org"}, "", ""},
		{"phone only", booking.Person{Name: "Ada", Surname: "Rossi", Phone: "0121-361.111"}, "", ""},
		{"foreign phone", booking.Person{Name: "Ada", Surname: "Rossi", Phone: "0041 (79) 123 45 67"}, "", ""},
		{"other alphabets", booking.Person{Name: "Ольга", Surname: "李", Phone: "+393331234567", Language: "en"}, "", ""},
		{"markup is text", booking.Person{Name: "<script>alert(1)</script>", Surname: "O'Brien & Söhne", Phone: "+393331234567"}, "", ""},
		{"a hundred runes", booking.Person{Name: strings.Repeat("è", 100), Surname: "R", Phone: "+393331234567"}, "", ""},
		{"ten thousand", booking.Person{Name: strings.Repeat("a", 10_000), Surname: "R", Phone: "+393331234567"}, "name", booking.CodeTooLong},
		{"no name", booking.Person{Surname: "R", Phone: "+393331234567"}, "name", booking.CodeRequired},
		{"blank surname", booking.Person{Name: "A", Surname: " \t\u00a0", Phone: "+393331234567"}, "surname", booking.CodeRequired},
		{"surname of signs", booking.Person{Name: "A", Surname: "'-'", Phone: "+393331234567"}, "surname", booking.CodeInvalid},
		{"control character", booking.Person{Name: "A\x00da", Surname: "R", Phone: "+393331234567"}, "name", booking.CodeInvalid},
		{"line break", booking.Person{Name: "A", Surname: "R\r\nBcc: x", Phone: "+393331234567"}, "surname", booking.CodeInvalid},
		{"turned text", booking.Person{Name: "A\u202eda", Surname: "R", Phone: "+393331234567"}, "name", booking.CodeInvalid},
		{"broken UTF-8", booking.Person{Name: "A\xff", Surname: "R", Phone: "+393331234567"}, "name", booking.CodeInvalid},
		{"neither e-mail nor phone", booking.Person{Name: "A", Surname: "R"}, "email", booking.CodeEmailOrPhone},
		{"e-mail with a name", booking.Person{Name: "A", Surname: "R", Email: "Ada <ada@example.org>"}, "email", booking.CodeInvalid},
		{"two e-mails", booking.Person{Name: "A", Surname: "R", Email: "a@example.org, b@example.org"}, "email", booking.CodeInvalid},
		{"e-mail with a header", booking.Person{Name: "A", Surname: "R", Email: "a@example.org\r\nBcc: b@example.org"}, "email", booking.CodeInvalid},
		{"e-mail without a domain", booking.Person{Name: "A", Surname: "R", Email: "ada@localhost"}, "email", booking.CodeInvalid},
		{"long e-mail", booking.Person{Name: "A", Surname: "R", Email: strings.Repeat("a", 250) + "@b.it"}, "email", booking.CodeTooLong},
		{"letters for a phone", booking.Person{Name: "A", Surname: "R", Phone: "chiamami"}, "phone", booking.CodeInvalid},
		{"short phone", booking.Person{Name: "A", Surname: "R", Phone: "112"}, "phone", booking.CodeInvalid},
		{"long phone", booking.Person{Name: "A", Surname: "R", Phone: strings.Repeat("1", 41)}, "phone", booking.CodeTooLong},
		{"another language", booking.Person{Name: "A", Surname: "R", Phone: "+393331234567", Language: "fr"}, "language", booking.CodeInvalid},
	} {
		err := w.SetPerson(ctx, h.ID, h.Secret, c.p)
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		}
		wantField(t, c.what, err, c.field, c.code)
	}
	wantField(t, "long note", w.SetNote(ctx, h.ID, h.Secret, strings.Repeat("è", 2001)), "note", booking.CodeTooLong)
	wantField(t, "note with NUL", w.SetNote(ctx, h.ID, h.Secret, "a\x00"), "note", booking.CodeInvalid)
	if err := w.SetNote(ctx, h.ID, h.Secret, strings.Repeat("è", 2000)); err != nil {
		t.Errorf("note of 2000 runes: %v", err)
	}
	_, err := w.Book(ctx, booking.BookRequest{HoldRequest: w.request(at(t, 17, 9, 15), booking.Virtual)})
	wantField(t, "an operator's empty form", err, "name", booking.CodeRequired)
	if got := len(w.freeOn(t, at(t, 17, 9, 0), booking.Virtual, booking.Public)); got != 3 {
		t.Errorf("%d starts are free: the empty form took one", got)
	}
}

func TestByCode(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	h := w.booked(t, w.request(at(t, 17, 9, 0), booking.InPerson))
	code := w.Code(h.Secret)
	if !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`).MatchString(code) {
		t.Fatalf("code %q", code)
	}
	misread := strings.NewReplacer("0", "o", "1", "l").Replace(strings.ToLower(strings.ReplaceAll(code, "-", " ")))
	for _, c := range []struct{ code, surname string }{
		{code, "D'Àngelo Rossi"},
		{code, "d'angelo rossi"},
		{code, " DANGELO-ROSSI "},
		{code, "D’Angelo  Rossi"},
		{code, "D\u02bcAngelo Rossi"},
		{code, "d a\u0300ngelorossi"},
		{misread, "D'Angelo Rossi"},
	} {
		if a, err := w.ByCode(ctx, c.code, c.surname); err != nil || a.ID != h.ID {
			t.Errorf("%q of %q: %v", c.code, c.surname, err)
		}
	}
	held := w.hold(t, w.request(at(t, 17, 9, 15), booking.InPerson))
	if err := w.SetPerson(ctx, held.ID, held.Secret, maria); err != nil {
		t.Fatal(err)
	}
	other := "0000-0000"
	for _, c := range []struct{ code, surname string }{
		{code, "Rossi"},
		{code, ""},
		{other, "D'Angelo Rossi"},
		{"", "D'Angelo Rossi"},
		{"", ""},
		{"\x00\xff", "\x00\xff"},
		{strings.Repeat(code, 1000), "D'Angelo Rossi"},
		{w.Code(held.Secret), "D'Angelo Rossi"},
	} {
		_, err := w.ByCode(ctx, c.code, c.surname)
		wantErr(t, c.code+" of "+c.surname, err, booking.ErrNotFound)
	}
	for _, s := range []string{"", "x", "\x00", h.Secret[:47], h.Secret + "A", token.NewSecret()} {
		_, err := w.BySecret(ctx, s)
		wantErr(t, "secret "+s, err, booking.ErrNotFound)
	}
}

func TestListAndSearch(t *testing.T) {
	w := newWorld(t, monday)
	clerk := w.clerk(t)
	ctx := t.Context()
	w.hold(t, w.request(at(t, 16, 9, 30), booking.Virtual))
	today := w.booked(t, w.request(at(t, 16, 9, 0), booking.InPerson))
	r := booking.BookRequest{
		HoldRequest: w.request(at(t, 17, 9, 0), booking.Virtual), Note: "nota", StaffNote: "al telefono", Actor: booking.Actor{StaffID: clerk.ID},
		Person: booking.Person{Name: "Zoë", Surname: "Müller_100%", Email: "Zoe.M@example.org"},
	}
	r.Channel, r.Audience = booking.ByOperator, booking.Operators
	tomorrow, err := w.Book(ctx, r)
	if err != nil || tomorrow.Appointment.State != booking.Booked || tomorrow.Appointment.StaffNote != "al telefono" || w.Code(tomorrow.Secret) == "" {
		t.Fatalf("book: %+v, %v", tomorrow.Appointment, err)
	}
	for _, c := range []struct {
		what string
		q    booking.AgendaQuery
		want []booking.Hold
	}{
		{"today", booking.AgendaQuery{}, []booking.Hold{today}},
		{"tomorrow", booking.AgendaQuery{Day: at(t, 17, 23, 59)}, []booking.Hold{tomorrow}},
		{"the building", booking.AgendaQuery{Building: "A"}, []booking.Hold{today}},
		{"another building", booking.AgendaQuery{Building: "B"}, nil},
		{"the office", booking.AgendaQuery{OfficeID: w.office.ID}, []booking.Hold{today}},
		{"another office", booking.AgendaQuery{OfficeID: w.office.ID + 1}, nil},
		{"the desk", booking.AgendaQuery{Day: at(t, 17, 0, 0), DeskIDs: []int64{w.desks["Video"].ID}}, []booking.Hold{tomorrow}},
		{"another desk", booking.AgendaQuery{Day: at(t, 17, 0, 0), DeskIDs: []int64{w.desks["Uno"].ID}}, nil},
		{"those arrived", booking.AgendaQuery{States: []booking.State{booking.Arrived}}, nil},
		{"a name, any day", booking.AgendaQuery{Text: "zoe mull"}, []booking.Hold{tomorrow}},
		{"a name across words", booking.AgendaQuery{Text: "dangelo"}, []booking.Hold{today}},
		{"an e-mail", booking.AgendaQuery{Text: "ZOE.m@"}, []booking.Hold{tomorrow}},
		{"a phone", booking.AgendaQuery{Text: "333 1234"}, []booking.Hold{today}},
		{"a pattern", booking.AgendaQuery{Text: "%.%"}, nil},
		{"nothing to find", booking.AgendaQuery{Text: "\x00\xff nessuno"}, nil},
	} {
		list, err := w.List(ctx, c.q)
		if err != nil || len(list) != len(c.want) || len(list) == 1 && list[0].ID != c.want[0].ID {
			t.Errorf("%s: %d found, %v", c.what, len(list), err)
		}
	}
	people, err := w.SearchPerson(ctx, "muller", nil, 5)
	if err != nil || len(people) != 1 || people[0].Email != "Zoe.M@example.org" {
		t.Errorf("people %+v, %v", people, err)
	}
	if people, err = w.SearchPerson(ctx, " ' ", nil, 5); err != nil || people != nil {
		t.Errorf("people of nothing: %+v, %v", people, err)
	}
	for _, c := range []struct{ before, note, code string }{
		{"", "porta una copia", ""},
		{"", "ha il cane", booking.CodeChanged}, // who wrote this never saw the copy
		{"", "porta una copia", ""},             // sent twice
		{"porta una copia\r\n", "porta due copie", ""},
	} {
		var field *booking.FieldError
		err := w.SetStaffNote(ctx, today.ID, c.before, c.note, booking.Actor{StaffID: clerk.ID})
		if c.code == "" && err != nil || c.code != "" && (!errors.As(err, &field) || field.Code != c.code) {
			t.Fatalf("%q in place of %q: %v", c.note, c.before, err)
		}
	}
	if a, err := w.Get(ctx, today.ID); err != nil || a.StaffNote != "porta due copie" || a.Version != today.Appointment.Version {
		t.Errorf("staff note %q, version %d, %v", a.StaffNote, a.Version, err)
	}
}
