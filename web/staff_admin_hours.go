package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"sportello/booking"
)

// maxRules bounds the lines of one desk's hours.
const maxRules = 60

// hoursView is the weekly hours of a desk, in lines to edit.
type hoursView struct {
	Desk      booking.Desk
	Office    booking.Office
	Guide     *guide
	Proposed  bool // the lines are a proposal: nothing is stored yet
	Lines     []ruleLine
	Weekdays  []time.Time // Monday to Sunday, for their names
	Previewed bool        // the list below is what saving would do
	Conflicts []booking.Appointment
	Overlaps  []booking.Overlap // lines that are for the same time
	OffStep   []booking.Overlap // lines of operators that shift the starts of the public's
	Trouble   string            // "hours.from", …: what is wrong
	TroubleAt int               // in which line, from 1
}

// ruleLine is a rule as it stands in the form.
type ruleLine struct {
	Weekday           int
	From, To          string
	ValidFrom, ValidT string
	Audience          string
}

// blank says that nothing was typed in the line.
func (l ruleLine) blank() bool { return l.From == "" && l.To == "" }

func (s *Server) adminHours(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.hoursView(r)
	if err != nil {
		return err
	}
	rules, err := s.agenda.OpeningRules(r.Context(), v.Desk.ID)
	if err != nil {
		return err
	}
	for _, rule := range rules {
		v.Lines = append(v.Lines, ruleLine{
			Weekday: int(rule.Weekday), From: rule.From, To: rule.To,
			ValidFrom: dateField(rule.ValidFrom), ValidT: dateField(rule.ValidUntil), Audience: string(rule.Audience),
		})
	}
	if len(rules) == 0 {
		v.propose()
	}
	v.addBlank()
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_hours.html", v)
}

// propose fills in the mornings of a working week, so that a new desk's hours
// are corrected instead of typed.
func (v *hoursView) propose() {
	v.Proposed = true
	for day := time.Monday; day <= time.Friday; day++ {
		v.Lines = append(v.Lines, ruleLine{Weekday: int(day), From: "09:00", To: "12:30", Audience: string(booking.Public)})
	}
}

func (s *Server) hoursView(r *http.Request) (*hoursView, error) {
	v := &hoursView{}
	var err error
	if v.Desk, v.Office, err = s.adminDeskOf(r); err != nil {
		return nil, err
	}
	if v.Guide, err = s.guideOf(r.Context(), v.Office, "hours"); err != nil {
		return nil, err
	}
	monday := time.Date(2026, time.November, 2, 0, 0, 0, 0, time.UTC)
	for i := range 7 {
		v.Weekdays = append(v.Weekdays, monday.AddDate(0, 0, i))
	}
	return v, nil
}

// addBlank leaves room for new lines.
func (v *hoursView) addBlank() {
	for range 2 {
		v.Lines = append(v.Lines, ruleLine{Weekday: 1, Audience: string(booking.Public)})
	}
}

// adminHoursPost shows first what new hours do to the appointments there are;
// it stores them when asked to, after that.
func (s *Server) adminHoursPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.hoursView(r)
	if err != nil {
		return err
	}
	rules, ok := v.read(r.PostForm)
	if !ok {
		v.addBlank()
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/admin_hours.html", v)
	}
	save := r.PostFormValue("azione") == "salva"
	if save {
		v.Conflicts, err = s.agenda.SetOpeningRules(r.Context(), v.Desk.ID, rules, me.Actor(), wished(r)...)
	} else {
		v.Conflicts, err = s.agenda.PreviewOpeningRules(r.Context(), v.Desk.ID, rules)
	}
	var field *booking.FieldError
	switch {
	case errors.As(err, &field):
		v.Trouble = "hours." + field.Field
		v.addBlank()
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/admin_hours.html", v)
	case err != nil:
		return err
	case save:
		s.tell(r.Context(), "success", "staff.flash.hours", "Count", strconv.Itoa(len(v.Conflicts)))
		if !v.Guide.Open { // the first hours of a new office: see what they open
			return s.toAdmin(w, r, "/uffici/"+idText(v.Office.ID))
		}
		return s.toAdmin(w, r, "/orari/"+idText(v.Desk.ID))
	}
	steps, err := s.stepsAt(r.Context(), v.Desk)
	if err != nil {
		return err
	}
	v.Previewed, v.Overlaps, v.OffStep = true, booking.Overlaps(rules), booking.OffStep(rules, steps)
	v.addBlank()
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_hours.html", v)
}

// stepsAt are the steps of what a desk does.
func (s *Server) stepsAt(ctx context.Context, d booking.Desk) ([]time.Duration, error) {
	services, err := s.agenda.Services(ctx, d.OfficeID)
	if err != nil {
		return nil, err
	}
	var steps []time.Duration
	for _, x := range services {
		if slices.Contains(d.Services, x.ID) {
			steps = append(steps, x.Step)
		}
	}
	return steps, nil
}

// read takes the lines of the form. What does not hold together is told with
// the number of its line; the lines stay as they were typed.
func (v *hoursView) read(form url.Values) ([]booking.OpeningRule, bool) {
	var rules []booking.OpeningRule
	column := func(name string, i int) string {
		if c := form[name]; i < len(c) {
			return c[i]
		}
		return ""
	}
	wrong := func(what string) {
		if v.Trouble == "" {
			v.Trouble, v.TroubleAt = "hours."+what, len(v.Lines)
		}
	}
	for i := range min(len(form["dalle"]), maxRules) {
		line := ruleLine{
			From: column("dalle", i), To: column("alle", i), ValidFrom: column("dal", i), ValidT: column("al", i), Audience: column("per", i),
		}
		line.Weekday, _ = strconv.Atoi(column("giorno", i))
		if line.blank() {
			continue
		}
		v.Lines = append(v.Lines, line)
		rule := booking.OpeningRule{Weekday: time.Weekday(line.Weekday), From: line.From, To: line.To, Audience: booking.Audience(line.Audience)}
		var ok bool
		if rule.ValidFrom, ok = readDate(line.ValidFrom); !ok {
			wrong("valid")
		}
		if rule.ValidUntil, ok = readDate(line.ValidT); !ok {
			wrong("valid")
		}
		switch {
		case line.From == "" || line.To == "" || line.To <= line.From:
			wrong("to")
		case !rule.ValidFrom.IsZero() && !rule.ValidUntil.IsZero() && rule.ValidUntil.Before(rule.ValidFrom):
			wrong("valid")
		}
		rules = append(rules, rule)
	}
	return rules, v.Trouble == ""
}

// readDate reads a date field; an empty one is the zero time.
func readDate(text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	t, err := time.Parse(time.DateOnly, text)
	return t, err == nil && t.Year() > 1900 && t.Year() < 3000
}

// dateField writes a date for a date field.
func dateField(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}
