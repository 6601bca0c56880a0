package booking_test

import (
	"strings"
	"testing"

	"sportello/booking"
)

func TestStaff(t *testing.T) {
	w := newWorld(t, monday)
	anna := w.clerk(t)
	ctx := t.Context()
	if anna.Login != "anna" || !anna.Has(booking.Clerk) || anna.Has(booking.Administrator) || len(anna.Desks) != 2 || anna.Offices[0] != w.office.ID {
		t.Errorf("added %+v", anna)
	}
	got, err := w.Authenticate(ctx, " ANNA ", "correct horse")
	if err != nil || got.ID != anna.ID {
		t.Errorf("authenticate: %+v, %v", got, err)
	}
	for _, c := range [][2]string{
		{"anna", "correct hors"},
		{"anna", ""},
		{"nobody", "correct horse"},
		{"", ""},
		{"nobody", "nobody has this password"},
		{"anna\x00", "correct horse"},
		{"anna", strings.Repeat("x", 100_000)},
	} {
		_, err := w.Authenticate(ctx, c[0], c[1])
		wantErr(t, c[0], err, booking.ErrBadLogin)
	}
	_, err = w.AddStaff(ctx, booking.Staff{Login: "Anna", Name: "Altra"}, "correct horse", booking.Actor{})
	wantErr(t, "a login twice", err, booking.ErrLoginTaken)
	for _, c := range []struct {
		s               booking.Staff
		password, field string
	}{
		{booking.Staff{Login: "a b", Name: "A"}, "correct horse", "login"},
		{booking.Staff{Login: "ab", Name: ""}, "correct horse", "name"},
		{booking.Staff{Login: "ab", Name: "A", Roles: []booking.StaffRole{"king"}}, "correct horse", "role"},
		{booking.Staff{Login: "ab", Name: "A"}, "short", "password"},
	} {
		_, err := w.AddStaff(ctx, c.s, c.password, booking.Actor{})
		code := booking.CodeInvalid
		if c.field == "name" {
			code = booking.CodeRequired
		}
		wantField(t, c.field, err, c.field, code)
	}
	_, err = w.AddStaff(ctx, booking.Staff{Login: "ab", Name: "A", Desks: []int64{1 << 40}}, "correct horse", booking.Actor{})
	wantErr(t, "a desk that is not", err, booking.ErrNotFound)
	if list, err := w.AllStaff(ctx); err != nil || len(list) != 1 {
		t.Errorf("all staff: %d, %v: a failed one was kept", len(list), err)
	}
	if err := w.SetPassword(ctx, anna.ID, "battery staple", booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	_, err = w.Authenticate(ctx, "anna", "correct horse")
	wantErr(t, "the old password", err, booking.ErrBadLogin)
	if _, err := w.Authenticate(ctx, "anna", "battery staple"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	_, err = w.StaffByID(ctx, -1)
	wantErr(t, "nobody", err, booking.ErrNotFound)
}
