package booking_test

import (
	"slices"
	"testing"
	"time"

	"sportello/booking"
)

// TestAnEditAsksWhomItLeaves: retiring and editing what is offered ask in the
// transaction of the change, where it is wished; undone, the time is confirmed again.
func TestAnEditAsksWhomItLeaves(t *testing.T) {
	t.Parallel()
	type change func(*world, *testing.T, ...booking.Aftermath) ([]booking.Appointment, error)
	act := booking.Actor{}
	edits := map[string]struct {
		do, undo change
		hard     bool // the desk cannot keep it: it is to be settled though nobody was asked
	}{
		"a desk is retired": {
			hard: true,
			do: func(w *world, t *testing.T, then ...booking.Aftermath) ([]booking.Appointment, error) {
				return w.RetireDesk(t.Context(), w.desks["Video"].ID, true, act, then...)
			},
			undo: func(w *world, t *testing.T, _ ...booking.Aftermath) ([]booking.Appointment, error) {
				return w.RetireDesk(t.Context(), w.desks["Video"].ID, false, act)
			},
		},
		"an office is retired": {
			hard: true,
			do: func(w *world, t *testing.T, then ...booking.Aftermath) ([]booking.Appointment, error) {
				return w.RetireOffice(t.Context(), w.office.ID, true, act, then...)
			},
			undo: func(w *world, t *testing.T, _ ...booking.Aftermath) ([]booking.Appointment, error) {
				return w.RetireOffice(t.Context(), w.office.ID, false, act)
			},
		},
		"a service is retired": {
			do: func(w *world, t *testing.T, then ...booking.Aftermath) ([]booking.Appointment, error) {
				return w.RetireService(t.Context(), w.breve.ID, true, act, then...)
			},
			undo: func(w *world, t *testing.T, _ ...booking.Aftermath) ([]booking.Appointment, error) {
				return w.RetireService(t.Context(), w.breve.ID, false, act)
			},
		},
		"a service takes longer": {
			do:   saves(func(s *booking.Service) { s.Duration = 20 * time.Minute }),
			undo: saves(func(*booking.Service) {}),
		},
		"a service is not offered by video any more": {
			do:   saves(func(s *booking.Service) { s.Modes = []booking.Mode{booking.InPerson} }),
			undo: saves(func(*booking.Service) {}),
		},
		"a desk does not do it any more": {
			hard: true,
			do: func(w *world, t *testing.T, then ...booking.Aftermath) ([]booking.Appointment, error) {
				d := w.desks["Video"]
				d.Services = slices.DeleteFunc(slices.Clone(d.Services), func(id int64) bool { return id == w.breve.ID })
				_, list, err := w.SaveDesk(t.Context(), d, act, then...)
				return list, err
			},
			undo: func(w *world, t *testing.T, _ ...booking.Aftermath) ([]booking.Appointment, error) {
				_, list, err := w.SaveDesk(t.Context(), w.desks["Video"], act)
				return list, err
			},
		},
		"a desk changes its mode": {
			hard: true,
			do: func(w *world, t *testing.T, then ...booking.Aftermath) ([]booking.Appointment, error) {
				d := w.desks["Video"]
				d.Modes = []booking.Mode{booking.InPerson}
				_, list, err := w.SaveDesk(t.Context(), d, act, then...)
				return list, err
			},
			undo: func(w *world, t *testing.T, _ ...booking.Aftermath) ([]booking.Appointment, error) {
				_, list, err := w.SaveDesk(t.Context(), w.desks["Video"], act)
				return list, err
			},
		},
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, told := heard(t)
			h := w.booked(t, w.request(tuesday(t, 9, 0), booking.Virtual))
			d, err := w.DeskByID(t.Context(), w.desks["Video"].ID)
			if err != nil {
				t.Fatal(err)
			}
			w.desks["Video"] = d
			// Without the wish nobody hears of it.
			if list, err := edit.do(w, t); err != nil || len(list) != 1 || told.last().Kind != booking.NoticeConfirmed {
				t.Fatalf("%d affected, %v, told %+v", len(list), err, told.last())
			}
			silent := 0
			if edit.hard {
				silent = 1
			}
			w.unsettled(t, silent)
			if _, err := edit.undo(w, t); err != nil {
				t.Fatal(err)
			}
			w.unsettled(t, 0)
			if list, err := edit.do(w, t, booking.AskAnother); err != nil || len(list) != 1 {
				t.Fatalf("%d affected, %v", len(list), err)
			}
			if n := told.last(); n.Kind != booking.NoticeDisplaced || n.Appointment != h.ID {
				t.Errorf("told %+v", n)
			}
			if list := w.unsettled(t, 1); list[0].AskedAt.IsZero() {
				t.Error("not asked")
			}
			if _, err := edit.undo(w, t); err != nil {
				t.Fatal(err)
			}
			w.unsettled(t, 0)
			if n := told.last(); n.Kind != booking.NoticeConfirmed || n.Appointment != h.ID {
				t.Errorf("undone, told %+v", n)
			}
		})
	}
}

// saves is the short service as it was, with a change.
func saves(change func(*booking.Service)) func(*world, *testing.T, ...booking.Aftermath) ([]booking.Appointment, error) {
	return func(w *world, t *testing.T, then ...booking.Aftermath) ([]booking.Appointment, error) {
		s := w.breve
		change(&s)
		_, list, err := w.SaveService(t.Context(), s, booking.Actor{}, then...)
		return list, err
	}
}

// TestTheLastClerkOfADesk: taking the role, the desk or the account away says
// first whose appointments nobody would be there for; a colleague changes that.
func TestTheLastClerkOfADesk(t *testing.T) {
	t.Parallel()
	w, _ := heard(t)
	ctx := t.Context()
	anna := w.clerk(t)
	if _, err := w.AddStaff(ctx, booking.Staff{Login: "capo", Name: "Capo", Roles: []booking.StaffRole{booking.Administrator}}, "correct horse", booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	h := w.booked(t, w.request(tuesday(t, 9, 0), booking.Virtual))
	elsewhere := anna
	elsewhere.Desks = []int64{w.desks["Uno"].ID}
	operator := anna
	operator.Roles = []booking.StaffRole{booking.Operator}
	stranded := func(want int) {
		t.Helper()
		for name, preview := range map[string]func() ([]booking.Appointment, error){
			"another desk":   func() ([]booking.Appointment, error) { return w.PreviewStaff(ctx, elsewhere) },
			"no clerk":       func() ([]booking.Appointment, error) { return w.PreviewStaff(ctx, operator) },
			"account closed": func() ([]booking.Appointment, error) { return w.PreviewDisableStaff(ctx, anna.ID) },
		} {
			list, err := preview()
			if err != nil || len(list) != want || want == 1 && list[0].ID != h.ID {
				t.Errorf("%s: %d stranded, want %d; %v", name, len(list), want, err)
			}
		}
	}
	stranded(1)
	if got, err := w.StaffByID(ctx, anna.ID); err != nil || len(got.Desks) != 2 || len(got.Roles) != 2 {
		t.Errorf("looking changed the account: %+v, %v", got, err)
	}
	if list, err := w.PreviewStaff(ctx, anna); err != nil || len(list) != 0 {
		t.Errorf("as she is: %d stranded, %v", len(list), err)
	}
	// A colleague of the whole office does her desks as well.
	if _, err := w.AddStaff(ctx, booking.Staff{Login: "bruno", Name: "Bruno", Roles: []booking.StaffRole{booking.Clerk}, Offices: []int64{w.office.ID}}, "correct horse", booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	stranded(0)
}
