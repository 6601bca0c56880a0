package web

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sportello/booking"
)

// maxPeriod bounds the days that are counted at once.
const maxPeriod = 370 * dayLong

// weekView is how full the desks are, day by day.
type weekView struct {
	Offices        []booking.Office
	OfficeID       int64
	First          time.Time
	Before, After  string
	Days           []time.Time
	Rows           []weekRow
	Bad            bool
	OfficeQuery    string
	FirstFormatted string
}

// weekRow is one desk's week.
type weekRow struct {
	Desk   string
	Office string
	Days   []booking.DeskDay
	Open   time.Duration
	Used   time.Duration
}

// percent is how much of a time is used, 0 to 100; more where appointments lie
// outside the hours there are now.
func percent(used, open time.Duration) int {
	if open <= 0 {
		return 0
	}
	return int(used * 100 / open)
}

// chosenOffice reads the office of a filter; 0 is all.
func chosenOffice(q url.Values) int64 {
	id, err := strconv.ParseInt(q.Get("ufficio"), 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

func (s *Server) adminWeek(w http.ResponseWriter, r *http.Request, me *colleague) error {
	q, lang := r.URL.Query(), s.lang(r).Code
	v := weekView{OfficeID: chosenOffice(q)}
	var err error
	if v.Offices, err = s.agenda.Offices(r.Context()); err != nil {
		return err
	}
	day, ok := readDate(q.Get("giorno"))
	if v.Bad = !ok; v.Bad || day.IsZero() {
		day = s.today()
	}
	y, m, d := day.Date()
	v.First = time.Date(y, m, d-(int(day.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	v.FirstFormatted = v.First.Format(time.DateOnly)
	v.Before, v.After = v.First.AddDate(0, 0, -7).Format(time.DateOnly), v.First.AddDate(0, 0, 7).Format(time.DateOnly)
	if v.OfficeID != 0 {
		v.OfficeQuery = "&ufficio=" + idText(v.OfficeID)
	}
	for i := range 7 {
		v.Days = append(v.Days, v.First.AddDate(0, 0, i))
	}
	list, err := s.agenda.Week(r.Context(), v.OfficeID, v.First)
	if err != nil {
		return err
	}
	names := map[int64]string{}
	for _, o := range v.Offices {
		names[o.ID] = o.Name.In(lang)
	}
	for i, x := range list {
		if i%7 == 0 {
			v.Rows = append(v.Rows, weekRow{Desk: x.Desk, Office: names[x.OfficeID]})
		}
		row := &v.Rows[len(v.Rows)-1]
		row.Days = append(row.Days, x)
		row.Open, row.Used = row.Open+x.Open, row.Used+x.Used
	}
	status := http.StatusOK
	if v.Bad {
		status = http.StatusUnprocessableEntity
	}
	return s.staffRender(w, r, me, status, "staff/admin_week.html", v)
}

// statisticsView is what a period came to.
type statisticsView struct {
	booking.Statistics

	Ratings  booking.Ratings
	Offices  []booking.Office
	OfficeID int64
	From, To string
	Total    booking.Tally
	Bad      bool

	Intervals []interval // the days, weeks or months of the period
	Over      []chart    // by them
	Spreads   []chart
	Heads     []string // the hours
	WeekRows  []heatRow
	Heat      chart
}

// Query repeats the filter.
func (v statisticsView) Query() string {
	return url.Values{"dal": {v.From}, "al": {v.To}, "ufficio": {idText(v.OfficeID)}}.Encode()
}

// period reads the days of the filter: the last thirty unless given.
func (s *Server) period(q url.Values) (booking.Period, bool) {
	y, m, d := s.today().Date()
	p := booking.Period{First: time.Date(y, m, d-30, 0, 0, 0, 0, time.UTC), Last: time.Date(y, m, d, 0, 0, 0, 0, time.UTC), OfficeID: chosenOffice(q)}
	for name, into := range map[string]*time.Time{"dal": &p.First, "al": &p.Last} {
		t, ok := readDate(q.Get(name))
		if !ok {
			return p, false
		}
		if !t.IsZero() {
			*into = t
		}
	}
	return p, !p.Last.Before(p.First) && p.Last.Sub(p.First) <= maxPeriod
}

func (s *Server) adminStatistics(w http.ResponseWriter, r *http.Request, me *colleague) error {
	p, ok := s.period(r.URL.Query())
	v := statisticsView{OfficeID: p.OfficeID, From: p.First.Format(time.DateOnly), To: p.Last.Format(time.DateOnly), Bad: !ok}
	var err error
	if v.Offices, err = s.agenda.EveryOffice(r.Context()); err != nil {
		return err
	}
	if v.Bad {
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/admin_statistics.html", v)
	}
	if v.Statistics, err = s.agenda.Statistics(r.Context(), p); err != nil {
		return err
	}
	if v.Ratings, err = s.agenda.Ratings(r.Context(), p); err != nil {
		return err
	}
	for _, x := range v.Tallies {
		v.Total.Booked += x.Booked
		v.Total.Served += x.Served
		v.Total.NoShows += x.NoShows
		v.Total.Cancelled += x.Cancelled
	}
	v.draw(s.lang(r), p)
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_statistics.html", v)
}

// adminStatisticsCSV gives the appointments of a period, without persons.
func (s *Server) adminStatisticsCSV(w http.ResponseWriter, r *http.Request, _ *colleague) error {
	p, ok := s.period(r.URL.Query())
	if !ok {
		return errBadForm
	}
	lines, err := s.agenda.Lines(r.Context(), p)
	if err != nil {
		return err
	}
	l := s.lang(r)
	var b bytes.Buffer
	out, err := newSpreadsheet(&b)
	if err != nil {
		return err
	}
	var head []string
	for _, key := range []string{"date", "time", "office", "service", "desk", "mode", "channel", "state", "lead", "waiting", "duration"} {
		head = append(head, l.T("admin.csv."+key))
	}
	rows := [][]string{head}
	minutes := func(d *time.Duration) string {
		if d == nil {
			return ""
		}
		return strconv.Itoa(Minutes(*d))
	}
	for _, x := range lines {
		rows = append(rows, []string{
			x.Start.Format(time.DateOnly), x.Start.Format("15:04"), x.Office.In(l.Code), x.Service.In(l.Code), x.Desk,
			string(x.Mode), string(x.Channel), string(x.State), strconv.Itoa(int(x.Lead.Hours())), minutes(x.Waiting), minutes(x.Took),
		})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = harmless(row[i])
		}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("csv: %w", err)
		}
	}
	out.Flush()
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="appuntamenti-%s-%s.csv"`, p.First.Format(time.DateOnly), p.Last.Format(time.DateOnly)))
	w.WriteHeader(http.StatusOK)
	writeBody(r, w, s.log, b.Bytes())
	return nil
}
