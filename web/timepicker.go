package web

import (
	"context"
	"maps"
	"net/url"
	"time"

	"sportello/booking"
)

// timePicker is the choice of a time, wherever one is chosen: in a new
// booking, for a hold, or when an appointment is moved.
type timePicker struct {
	Action string            // where the form posts
	Hidden map[string]string // what it posts along
	Modes  []modeChoice      // empty where the mode is settled
	Mode   booking.Mode      // "" while it must be chosen first

	Month      time.Time // its first day
	Weeks      [][]monthCell
	Prev, Next string // addresses of the neighbour months, "" at the ends
	Day        time.Time
	Slots      []booking.Slot
	Chosen     string // the start to keep checked

	Errors formErrors
	Taken  bool           // somebody else was quicker
	Offers []booking.Slot // what is free next instead
	None   bool           // nothing free at all
}

// modeChoice is a card that leads to the times of one mode.
type modeChoice struct {
	Mode    booking.Mode
	First   *booking.Slot // its earliest
	Href    string
	Current bool
	Soonest bool // no other mode is earlier
}

// monthCell is a day of the calendar, or the blank beside the month.
type monthCell struct {
	Date     time.Time // zero: blank
	Free     int
	Href     string // "" where nothing is free
	Selected bool
}

// pickRequest says what to choose a time for.
type pickRequest struct {
	Service booking.Service
	Zone    *time.Location
	Base    string     // the page's own path
	Keep    url.Values // what its addresses must carry along
	Query   url.Values // what the reader asked: modo, mese, giorno
	Fixed   booking.Mode
}

// pick reads what is free. The reader's wishes are only wishes: a month or a
// day that makes no sense falls back to the first one with something free.
func (s *Server) pick(ctx context.Context, p pickRequest) (timePicker, error) {
	out := timePicker{Action: p.Base, Hidden: map[string]string{}, Mode: p.Fixed}
	for k := range p.Keep {
		out.Hidden[k] = p.Keep.Get(k)
	}
	if p.Fixed == "" {
		if err := s.pickMode(ctx, p, &out); err != nil {
			return out, err
		}
		if out.Mode == "" {
			return out, nil
		}
		out.Hidden["modo"] = modeParam(out.Mode)
	}
	first, err := s.agenda.FirstFree(ctx, []int64{p.Service.ID}, out.Mode, booking.Public, 1, p.Service.Also...)
	if err != nil {
		return out, err
	}
	if len(first) == 0 {
		out.None = true
		return out, nil
	}
	start := first[0].Start.In(p.Zone)
	wished, err := time.ParseInLocation(time.DateOnly, p.Query.Get("giorno"), p.Zone)
	hasDay := err == nil
	month, err := time.ParseInLocation("2006-01", p.Query.Get("mese"), p.Zone)
	switch {
	case err == nil:
	case hasDay:
		month = firstOfMonth(wished)
	default:
		month = firstOfMonth(start)
	}
	earliest := firstOfMonth(s.now().In(p.Zone))
	latest := firstOfMonth(s.now().Add(p.Service.Horizon).In(p.Zone))
	if month.Before(earliest) || month.After(latest) {
		month = firstOfMonth(start)
	}
	days, err := s.agenda.Month(ctx, p.Service.ID, out.Mode, booking.Public, month.Year(), month.Month(), p.Service.Also...)
	if err != nil {
		return out, err
	}
	free := map[string]int{}
	for _, d := range days {
		free[d.Date.Format(time.DateOnly)] = d.Free
		if hasDay && d.Free > 0 && sameDay(d.Date, wished) {
			out.Day = wished
		}
	}
	for _, d := range days {
		if out.Day.IsZero() && d.Free > 0 {
			out.Day = time.Date(d.Date.Year(), d.Date.Month(), d.Date.Day(), 0, 0, 0, 0, p.Zone)
		}
	}
	out.Month = month
	out.Weeks = out.weeks(p, free)
	if month.After(earliest) {
		out.Prev = out.href(p, "mese", month.AddDate(0, -1, 0).Format("2006-01"), "#calendario")
	}
	if month.Before(latest) {
		out.Next = out.href(p, "mese", month.AddDate(0, 1, 0).Format("2006-01"), "#calendario")
	}
	if !out.Day.IsZero() {
		out.Slots, err = s.agenda.Free(ctx, booking.Query{
			ServiceID: p.Service.ID, Also: p.Service.Also, Mode: out.Mode, Audience: booking.Public,
			From: out.Day, To: out.Day.AddDate(0, 0, 1),
		})
	}
	return out, err
}

// pickMode offers the service's modes, each with its earliest time. One alone
// is settled by itself.
func (s *Server) pickMode(ctx context.Context, p pickRequest, out *timePicker) error {
	wished := parseMode(p.Query.Get("modo"))
	var soonest time.Time
	for _, m := range p.Service.Modes {
		c := modeChoice{Mode: m, Current: m == wished}
		if c.Current || len(p.Service.Modes) == 1 {
			out.Mode = m
		}
		first, err := s.agenda.FirstFree(ctx, []int64{p.Service.ID}, m, booking.Public, 1, p.Service.Also...)
		if err != nil {
			return err
		}
		if len(first) > 0 {
			c.First = &first[0]
			if soonest.IsZero() || first[0].Start.Before(soonest) {
				soonest = first[0].Start
			}
		}
		c.Href = p.Base + "?" + withMode(p.Keep, m).Encode() + "#calendario"
		out.Modes = append(out.Modes, c)
	}
	for i := range out.Modes {
		c := &out.Modes[i]
		c.Soonest = len(out.Modes) > 1 && c.First != nil && c.First.Start.Equal(soonest)
	}
	return nil
}

// weeks lays the month out from Monday to Sunday.
func (t *timePicker) weeks(p pickRequest, free map[string]int) [][]monthCell {
	var weeks [][]monthCell
	week := make([]monthCell, (int(t.Month.Weekday())+6)%7, 7)
	for d := t.Month; d.Month() == t.Month.Month(); d = d.AddDate(0, 0, 1) {
		cell := monthCell{Date: d, Free: free[d.Format(time.DateOnly)], Selected: !t.Day.IsZero() && sameDay(d, t.Day)}
		if cell.Free > 0 {
			cell.Href = t.href(p, "giorno", d.Format(time.DateOnly), "#orari")
		}
		week = append(week, cell)
		if len(week) == 7 {
			weeks, week = append(weeks, week), make([]monthCell, 0, 7)
		}
	}
	if len(week) > 0 {
		weeks = append(weeks, append(week, make([]monthCell, 7-len(week))...))
	}
	return weeks
}

// href is the page's own address with one wish changed.
func (t *timePicker) href(p pickRequest, name, value, anchor string) string {
	q := url.Values{name: {value}}
	for k := range p.Keep {
		q.Set(k, p.Keep.Get(k))
	}
	if p.Fixed == "" {
		q.Set("modo", modeParam(t.Mode))
	}
	return p.Base + "?" + q.Encode() + anchor
}

// withMode is keep with a mode.
func withMode(keep url.Values, m booking.Mode) url.Values {
	out := maps.Clone(keep)
	out.Set("modo", modeParam(m))
	return out
}

func firstOfMonth(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, t.Location())
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// zone is the office's time zone. Its name was checked when it was stored.
func zone(o booking.Office) (*time.Location, error) { return time.LoadLocation(o.TZ) }

// weekdayHeads are a Monday to a Sunday, for the heads of the calendar's columns.
func weekdayHeads() []time.Time {
	monday := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	out := make([]time.Time, 7)
	for i := range out {
		out[i] = monday.AddDate(0, 0, i)
	}
	return out
}
