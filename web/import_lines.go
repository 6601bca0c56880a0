package web

import (
	"context"
	"slices"
	"strings"
	"time"

	"sportello/booking"
)

// Why a line cannot even be asked for: texts of the catalogue under
// admin.import.why, as are booking's.
const (
	whyCells   = "cells"
	whyOffice  = "office"
	whyService = "service"
	whyDesk    = "no_desk"
	whyDay     = "day"
	whyTime    = "time"
	whyGap     = "gap"     // the clock goes past it that night
	whyTwice   = "two"     // the hour comes twice that night
	whyZone    = "zone"    // the offset is not the office's then
	whyState   = "state"   // it is over, or was cancelled
	whyMode    = "no_mode" // no word for one
)

// townIndex is what the lines of a file may name.
type townIndex struct {
	offices  []booking.Office
	services map[int64][]booking.Service
	desks    map[int64][]booking.Desk
	zones    map[string]*time.Location
	modes    map[string]booking.Mode // by every word for one
}

func (s *Server) townIndex(ctx context.Context) (*townIndex, error) {
	t := &townIndex{services: map[int64][]booking.Service{}, desks: map[int64][]booking.Desk{}, zones: map[string]*time.Location{}, modes: map[string]booking.Mode{}}
	for _, m := range []booking.Mode{booking.InPerson, booking.Virtual} {
		t.modes[string(m)] = m
		for _, l := range s.texts.languages {
			t.modes[strings.ToLower(l.T("staff.mode."+string(m)))] = m
		}
	}
	var err error
	if t.offices, err = s.agenda.EveryOffice(ctx); err != nil {
		return nil, err
	}
	for _, o := range t.offices {
		if t.services[o.ID], err = s.agenda.EveryService(ctx, o.ID); err != nil {
			return nil, err
		}
		if t.desks[o.ID], err = s.agenda.Desks(ctx, o.ID); err != nil {
			return nil, err
		}
		if t.zones[o.TZ], err = time.LoadLocation(o.TZ); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// meant says whether somebody means a thing by a text: its name in addresses, or
// in either language.
func meant(text, slug string, name booking.Text) bool {
	return text != "" && (strings.EqualFold(text, slug) || strings.EqualFold(text, name["it"]) || strings.EqualFold(text, name["en"]))
}

// theOne finds what a text means, if it means one thing.
func theOne[T any](list []T, is func(T) bool) (T, bool) {
	var found []T
	for _, x := range list {
		if is(x) {
			found = append(found, x)
		}
	}
	if len(found) != 1 {
		var none T
		return none, false
	}
	return found[0], true
}

// lines reads a whole file, those with a desk of their own first, so that lines
// which leave the choice do not take it from them.
func (t *townIndex) lines(f importFile) []booking.ImportLine {
	out := make([]booking.ImportLine, 0, len(f.Rows))
	for _, wanted := range []bool{true, false} {
		for _, row := range f.Rows {
			if (row.Cells[colDesk] != "") == wanted {
				line := t.line(row)
				line.Number = row.Number
				out = append(out, line)
			}
		}
	}
	return out
}

// line reads a line; Why of what it gives says what is wrong with it.
func (t *townIndex) line(row importRow) booking.ImportLine {
	cell := func(name string) string { return row.Cells[name] }
	var line booking.ImportLine
	line.Channel, line.Audience = booking.ByImport, booking.Operators
	line.Person = booking.Person{
		Name: cell(colName), Surname: cell(colSurname), Email: cell(colEmail), Phone: cell(colPhone), Language: strings.ToLower(cell(colLanguage)),
	}
	line.Note, line.StaffNote = cell(colNote), cell(colStaffNote)
	refused := func(why string) booking.ImportLine { line.Why = why; return line }
	if row.Long {
		return refused(whyCells)
	}
	if state := cell(colState); state != "" && !strings.EqualFold(state, string(booking.Booked)) {
		return refused(whyState)
	}
	office, ok := theOne(t.offices, func(o booking.Office) bool { return meant(cell(colOffice), o.Slug, o.Name) })
	if !ok || office.Retired {
		return refused(whyOffice)
	}
	first, also, ok := t.servicesMeant(office, cell(colService))
	if !ok {
		return refused(whyService)
	}
	line.ServiceID, line.Also = first.ID, also
	if name := cell(colDesk); name != "" {
		desk, ok := theOne(t.desks[office.ID], func(d booking.Desk) bool { return d.Name == name })
		if !ok {
			desk, ok = theOne(t.desks[office.ID], func(d booking.Desk) bool { return strings.EqualFold(d.Name, name) })
		}
		if !ok || desk.Retired {
			return refused(whyDesk)
		}
		line.DeskID = desk.ID
	}
	if word := strings.ToLower(cell(colMode)); word != "" {
		if line.Mode, ok = t.modes[word]; !ok {
			return refused(whyMode)
		}
	} else if line.Mode = booking.InPerson; !first.Allows(line.Mode) {
		line.Mode = booking.Virtual
	}
	var why string
	if line.Start, why = localTime(t.zones[office.TZ], cell(colDay), cell(colStart), cell(colZone)); why != "" {
		return refused(why)
	}
	return line
}

// servicesMeant finds a service of an office, or several joined by +.
func (t *townIndex) servicesMeant(office booking.Office, text string) (first booking.Service, also []int64, ok bool) {
	find := func(text string) (booking.Service, bool) {
		text = strings.TrimSpace(text)
		return theOne(t.services[office.ID], func(s booking.Service) bool { return !s.Retired && meant(text, s.Slug, s.Name) })
	}
	if first, ok = find(text); ok {
		return first, nil, true
	}
	for i, part := range strings.Split(text, "+") {
		s, ok := find(part)
		switch {
		case !ok:
			return first, nil, false
		case i == 0:
			first = s
		default:
			also = append(also, s.ID)
		}
	}
	return first, also, true
}

// localTime reads a day and a time as they stand on a wall: as the export
// writes them, or as a spreadsheet rewrote them in Italian, the day first. zone, where it
// is given, says which of the two is meant when an hour comes twice.
func localTime(loc *time.Location, day, clock, zone string) (t time.Time, why string) {
	d, ok := parseAny(day, time.DateOnly, "2/1/2006", "2.1.2006", "2-1-2006", "2/1/06")
	if !ok || d.Year() < 2000 || d.Year() > 2200 {
		return t, whyDay
	}
	c, ok := parseAny(clock, "15:04", "15:04:05", "15.04")
	if !ok || c.Second() != 0 {
		return t, whyTime
	}
	wall := func(t time.Time) string { return t.Format("2006-01-02 15:04") }
	t = time.Date(d.Year(), d.Month(), d.Day(), c.Hour(), c.Minute(), 0, 0, loc)
	want := d.Format(time.DateOnly) + c.Format(" 15:04")
	var all []time.Time
	for _, x := range []time.Time{t.Add(-time.Hour), t, t.Add(time.Hour)} {
		if wall(x) == want {
			all = append(all, x)
		}
	}
	if len(all) == 0 {
		return t, whyGap
	}
	if zone = strings.ToUpper(strings.ReplaceAll(zone, " ", "")); zone != "" {
		i := slices.IndexFunc(all, func(x time.Time) bool { return x.Format("UTC-07:00") == zone })
		if i < 0 {
			return t, whyZone
		}
		return all[i], ""
	}
	if len(all) > 1 {
		return t, whyTwice
	}
	return all[0], ""
}

// parseAny reads a text in the first layout that fits.
func parseAny(text string, layouts ...string) (time.Time, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
