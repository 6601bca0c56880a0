package web

import (
	"strconv"
	"time"

	"sportello/booking"
)

// Up to how many days a chart has a column for each day, or for each week.
const (
	byDay  = 45
	byWeek = 200
)

// interval is a day, a week from Monday or a month, and what was booked for it.
type interval struct {
	First, Last time.Time
	ByChannel   [4]int // as in channels
	ByMode      [2]int // as in modes
	NoShows     int
}

// Booked is all of them.
func (i interval) Booked() int { return total(i.ByChannel[:]) }

func chartChannels() [4]booking.Channel {
	return [4]booking.Channel{booking.ByWeb, booking.ByOperator, booking.ByWalkIn, booking.ByAPI}
}

func chartModes() [2]booking.Mode { return [2]booking.Mode{booking.InPerson, booking.Virtual} }

// intervals parts a period, the empty parts too.
func intervals(p booking.Period, days []booking.DayTally) []interval {
	long := int(p.Last.Sub(p.First)/dayLong) + 1
	var out []interval
	for day := p.First; !day.After(p.Last); {
		next := day.AddDate(0, 0, 1)
		switch {
		case long > byWeek:
			next = time.Date(day.Year(), day.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		case long > byDay:
			next = day.AddDate(0, 0, 7-(int(day.Weekday())+6)%7)
		}
		last := next.AddDate(0, 0, -1)
		if last.After(p.Last) {
			last = p.Last
		}
		out = append(out, interval{First: day, Last: last})
		day = next
	}
	i := 0
	for _, d := range days {
		for i < len(out)-1 && d.Day.After(out[i].Last) {
			i++
		}
		for n, c := range chartChannels() {
			if c == d.Channel {
				out[i].ByChannel[n] += d.Booked
			}
		}
		for n, m := range chartModes() {
			if m == d.Mode {
				out[i].ByMode[n] += d.Booked
			}
		}
		out[i].NoShows += d.NoShows
	}
	return out
}

// draw makes the charts of the statistics.
func (v *statisticsView) draw(l *Language, p booking.Period) {
	v.Intervals = intervals(p, v.Days)
	var channels, modes, missed []column
	booked, noShows := most{}, most{}
	for _, x := range v.Intervals {
		name := x.name()
		channels = append(channels, column{name, x.ByChannel[:]})
		modes = append(modes, column{name, x.ByMode[:]})
		missed = append(missed, column{name, []int{x.NoShows}})
		booked.see(x.Booked(), l.Date(x.First))
		noShows.see(x.NoShows, l.Date(x.First))
	}
	var byChannel, byMode []chartKey
	for i, c := range chartChannels() {
		byChannel = append(byChannel, chartKey{strconv.Itoa(i), l.T("admin.channel." + string(c))})
	}
	for i, m := range chartModes() {
		byMode = append(byMode, chartKey{strconv.Itoa(i), l.T("staff.mode." + string(m))})
	}
	t := func(key string) string { return l.T("admin.stat." + key) }
	v.Over = []chart{
		columns("c-canale", t("chart_channel"), booked.tell(l), channels, byChannel),
		columns("c-modo", t("chart_mode"), booked.tell(l), modes, byMode),
		columns("c-assenti", t("chart_no_shows"), noShows.tell(l), missed, []chartKey{{"1", t("no_shows")}}),
	}
	for _, x := range []struct {
		id, key string
		spread  booking.Spread
		bounds  [7]time.Duration
	}{
		{"c-attesa", "waiting", v.Waiting, booking.MinuteBounds()},
		{"c-durata", "duration", v.Duration, booking.MinuteBounds()},
		{"c-anticipo", "lead", v.Lead, booking.LeadBounds()},
	} {
		var rows []column
		for i, n := range x.spread.Bins {
			rows = append(rows, column{binName(l, x.bounds, i), []int{n}})
		}
		gist := t("chart_none")
		if x.spread.Count > 0 {
			gist = l.T("admin.stat.chart_spread", "Count", x.spread.Count, "Median", l.Span(x.spread.Median), "Ninety", l.Span(x.spread.Ninety))
		}
		v.Spreads = append(v.Spreads, lying(x.id, t(x.key), gist, rows, "0"))
	}
	v.Heads, v.WeekRows = heatOf(l, v.Week)
	full := most{}
	for _, r := range v.WeekRows {
		for j, n := range r.Cells {
			full.see(n, r.Name+" "+v.Heads[j]+":00")
		}
	}
	gist := t("chart_none")
	if full.n > 0 {
		gist = l.T("admin.stat.chart_full", "Percent", full.n, "When", full.where)
	}
	v.Heat = heat("c-ore", t("by_hour"), gist, v.Heads, v.WeekRows)
}

// name is short, for an axis.
func (i interval) name() string {
	if i.First.Day() == 1 && i.Last.Sub(i.First) > 20*dayLong {
		return strconv.Itoa(int(i.First.Month())) + "/" + i.First.Format("06")
	}
	return strconv.Itoa(i.First.Day()) + "/" + strconv.Itoa(int(i.First.Month()))
}

// heatOf makes rows of days and columns of hours of the loads.
func heatOf(l *Language, week []booking.WeekdayLoad) (heads []string, rows []heatRow) {
	if len(week) == 0 {
		return nil, nil
	}
	first, last := 24, 0
	for _, x := range week {
		first, last = min(first, x.Hour), max(last, x.Hour)
	}
	for h := first; h <= last; h++ {
		heads = append(heads, strconv.Itoa(h))
	}
	monday := time.Date(2026, time.November, 2, 0, 0, 0, 0, time.UTC)
	for i, x := range week {
		if i == 0 || x.Weekday != week[i-1].Weekday {
			row := heatRow{Name: l.WeekdayShort(monday.AddDate(0, 0, (int(x.Weekday)+6)%7)), Cells: make([]int, len(heads))}
			for j := range row.Cells {
				row.Cells[j] = -1
			}
			rows = append(rows, row)
		}
		rows[len(rows)-1].Cells[x.Hour-first] = percent(x.Used, x.Open)
	}
	return heads, rows
}

// At is the share of an hour, of those that the cells are for.
func (r heatRow) At(heads []string, hour int) int {
	first, err := strconv.Atoi(heads[0])
	if i := hour - first; err == nil && i >= 0 && i < len(r.Cells) {
		return r.Cells[i]
	}
	return -1
}

// binName says from when to when a part of a Spread goes: "5–10 min".
func binName(l *Language, bounds [7]time.Duration, i int) string {
	short := func(d time.Duration) (number, unit string) {
		switch {
		case d >= dayLong:
			return strconv.Itoa(int(d / dayLong)), " " + l.T("admin.stat.days")
		case d >= 2*time.Hour:
			return strconv.Itoa(int(d / time.Hour)), " h"
		}
		return strconv.Itoa(Minutes(d)), " min"
	}
	switch i {
	case 0:
		n, unit := short(bounds[0])
		return "< " + n + unit
	case len(bounds):
		n, unit := short(bounds[i-1])
		return "≥ " + n + unit
	}
	from, one := short(bounds[i-1])
	to, other := short(bounds[i])
	if one != other {
		from += one
	}
	return from + "–" + to + other
}

// most remembers where something was the most.
type most struct {
	n, sum int
	where  string
}

func (m *most) see(n int, where string) {
	m.sum += max(n, 0)
	if n > m.n {
		m.n, m.where = n, where
	}
}

func (m *most) tell(l *Language) string {
	if m.n == 0 {
		return l.T("admin.stat.chart_none")
	}
	return l.T("admin.stat.chart_most", "Sum", m.sum, "Most", m.n, "When", m.where)
}
