package booking_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sportello/booking"
)

// line is a line of a file: the short service for somebody, at a desk or any.
func (w *world) line(number int, start time.Time, desk int64, surname string) booking.ImportLine {
	return booking.ImportLine{Number: number, BookRequest: booking.BookRequest{
		HoldRequest: booking.HoldRequest{
			ServiceID: w.breve.ID, Start: start, Mode: booking.InPerson, Channel: booking.ByImport, Audience: booking.Operators, DeskID: desk,
		},
		Person: booking.Person{Name: "Anna", Surname: surname, Phone: "0121 123456"},
	}}
}

// whys is what a forecast says, and where.
func (w *world) whys(t *testing.T, lines []booking.ImportLine, outside bool) string {
	t.Helper()
	list, err := w.ForecastImport(t.Context(), lines, outside)
	if err != nil {
		t.Fatal(err)
	}
	var s string
	for _, f := range list {
		s += fmt.Sprintf("%d:%s%s ", f.Line, f.Why, f.Desk)
	}
	return s
}

// imported keeps lines and books them all.
func (w *world) imported(t *testing.T, lines []booking.ImportLine, outside bool, actor booking.Actor) booking.Import {
	t.Helper()
	id, err := w.KeepImport(t.Context(), "a file", len(lines), actor)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.BeginImport(t.Context(), id, outside, false, actor); err != nil {
		t.Fatal(err)
	}
	im, err := w.RunImport(t.Context(), id, lines, actor, time.Minute)
	if err != nil || !im.Finished() {
		t.Fatalf("import %+v, %v", im, err)
	}
	return im
}

// TestForecastIsKept: what is booked is what the preview said, desk by desk.
func TestForecastIsKept(t *testing.T) {
	w := newWorld(t, monday)
	actor := booking.Actor{StaffID: w.clerk(t).ID}
	uno, due, nine := w.desks["Uno"].ID, w.desks["Due"].ID, at(t, 17, 9, 0)
	w.booked(t, w.request(at(t, 17, 9, 15), booking.InPerson)) // at Uno
	lines := []booking.ImportLine{
		w.line(2, nine, due, "Due"),
		w.line(3, nine, due, "Ancora"),
		w.line(4, nine, uno, "Uno"),
		w.line(5, nine, 0, "Nessuno"),
		w.line(6, at(t, 17, 9, 15), 0, "Libero"),
		w.line(7, at(t, 17, 9, 15), 0, "Tardi"),
		w.line(8, at(t, 17, 9, 5), 0, "A metà"),
		w.line(9, at(t, 17, 10, 0), due, "Chiuso"),
		w.line(10, at(t, 17, 11, 0), w.desks["Video"].ID, "Altrove"),
		w.line(11, at(t, 18, 9, 0), 0, "Primo"),
		w.line(12, at(t, 18, 9, 30), 0, "Secondo"),
		w.line(13, monday.Add(-time.Hour), 0, "Ieri"),
		w.line(14, monday.AddDate(0, 6, 0), 0, "Lontano"),
	}
	const want = "2:Due 3:taken 4:Uno 5:taken 6:Due 7:taken 8:closed 9:closed 10:desk 11:Uno 12:Due 13:past 14:too_far "
	if got := w.whys(t, lines, false); got != want {
		t.Errorf("forecast %s\nwant %s", got, want)
	}
	im := w.imported(t, lines, false, actor)
	got := map[int]string{}
	for _, x := range im.Refused {
		got[x.Line] = x.Why
	}
	list, err := w.List(t.Context(), booking.AgendaQuery{Text: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		for _, line := range lines {
			if line.Person.Surname == a.Person.Surname {
				got[line.Number] = a.DeskName
			}
		}
		if a.Channel != booking.ByImport || a.State != booking.Booked {
			t.Errorf("imported %+v", a)
		}
	}
	var kept string
	for _, line := range lines {
		kept += fmt.Sprintf("%d:%s ", line.Number, got[line.Number])
	}
	if kept != want {
		t.Errorf("booked   %s\nforecast %s", kept, want)
	}
	if im.Booked != 5 || im.Already != 0 {
		t.Errorf("import %+v", im)
	}
	w.assertNoOverlap(t)
}

func TestImportOutsideHours(t *testing.T) {
	w := newWorld(t, monday)
	actor := booking.Actor{StaffID: w.clerk(t).ID}
	night := at(t, 17, 20, 5)
	lines := []booking.ImportLine{w.line(2, night, 0, "Uno"), w.line(3, night, 0, "Due"), w.line(4, night, 0, "Tre")}
	lines[1].Also = []int64{w.lungo.ID}
	if got := w.whys(t, lines, false); got != "2:closed 3:closed 4:closed " {
		t.Errorf("without the tick %s", got)
	}
	if got := w.whys(t, lines, true); got != "2:Uno 3:Due 4:taken " {
		t.Errorf("with it %s", got)
	}
	im := w.imported(t, lines, true, actor)
	if im.Booked != 2 || len(im.Refused) != 1 || im.Refused[0] != (booking.Refusal{Line: 4, Why: booking.BecauseTaken}) {
		t.Errorf("import %+v", im)
	}
	list, err := w.List(t.Context(), booking.AgendaQuery{Text: "due"})
	if err != nil || len(list) != 1 || list[0].End.Sub(list[0].Start) != 55*time.Minute || list[0].DeskName != "Due" {
		t.Errorf("both services are %+v, %v", list, err)
	}
	// They are outside on purpose: no change of hours calls them in question.
	conflicts, err := w.SetOpeningRules(t.Context(), w.desks["Uno"].ID, nil, actor)
	if err != nil || len(conflicts) != 0 {
		t.Errorf("conflicts %v, %v", conflicts, err)
	}
	w.assertNoOverlap(t)
}

// TestImportTwiceBooksOnce: a whole file again, one broken off before it could say
// how far it was, and two who press at once.
func TestImportTwiceBooksOnce(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	actor := booking.Actor{StaffID: w.clerk(t).ID}
	var lines []booking.ImportLine
	for i := range 8 {
		lines = append(lines, w.line(i+2, at(t, 17, 9, 0).Add(time.Duration(i/2)*15*time.Minute), 0, fmt.Sprint("Rossi ", i)))
	}
	id, err := w.KeepImport(ctx, "a file", len(lines), actor)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.RunImport(ctx, id, lines, actor, time.Minute); !errors.Is(err, booking.ErrState) {
		t.Fatalf("not confirmed: %v", err)
	}
	if err := w.BeginImport(ctx, id, false, false, actor); err != nil {
		t.Fatal(err)
	}
	// Its program ended after some lines and before it wrote so.
	for _, line := range lines[:3] {
		if _, err := w.Book(ctx, line.BookRequest); err != nil {
			t.Fatal(err)
		}
	}
	results := make(chan error, 4)
	for range cap(results) {
		go func() {
			_, err := w.RunImport(ctx, id, lines, actor, time.Minute)
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil && !errors.Is(err, booking.ErrBusy) {
			t.Error(err)
		}
	}
	im, err := w.ImportByID(ctx, id, actor)
	if err != nil || im.Booked != 5 || im.Already != 3 || len(im.Refused) != 0 || !im.Finished() {
		t.Errorf("import %+v, %v", im, err)
	}
	again := w.imported(t, lines, false, actor)
	if again.Booked != 0 || again.Already != 8 {
		t.Errorf("again %+v", again)
	}
	// Whose appointment was cancelled may come again.
	list, err := w.List(ctx, booking.AgendaQuery{Text: "rossi4"})
	if err != nil || len(list) != 1 {
		t.Fatalf("list %v, %v", list, err)
	}
	if err := w.Cancel(ctx, list[0].ID, actor); err != nil {
		t.Fatal(err)
	}
	if im := w.imported(t, lines, false, actor); im.Booked != 1 || im.Already != 7 {
		t.Errorf("after a cancellation %+v", im)
	}
}

func TestImportIsForgotten(t *testing.T) {
	w := newWorld(t, monday)
	ctx := t.Context()
	actor := booking.Actor{StaffID: w.clerk(t).ID}
	id, err := w.KeepImport(ctx, "Rossi", 1, actor)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ImportByID(ctx, id, booking.Actor{StaffID: actor.StaffID + 1}); !errors.Is(err, booking.ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
	w.clock.add(59 * time.Minute)
	w.maintain(t)
	if _, err := w.ImportByID(ctx, id, actor); err != nil {
		t.Error(err)
	}
	w.clock.add(2 * time.Minute)
	if _, err := w.ImportByID(ctx, id, actor); !errors.Is(err, booking.ErrNotFound) {
		t.Errorf("after an hour: %v", err)
	}
	w.maintain(t)
	var left int
	if err := w.pool.QueryRow(ctx, `SELECT count(*) FROM agenda_import`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d are left, %v", left, err)
	}
}
