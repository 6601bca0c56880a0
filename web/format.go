package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// calendarNames are a language's words for dates. Times come in the office's
// time zone and are shown in it, wherever the reader is.
type calendarNames struct {
	days, months [12]string // days from Sunday
}

func italianNames() calendarNames {
	return calendarNames{
		days: [12]string{"domenica", "lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato"},
		months: [12]string{
			"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno",
			"luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre",
		},
	}
}

func englishNames() calendarNames {
	return calendarNames{
		days: [12]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		months: [12]string{
			"January", "February", "March", "April", "May", "June",
			"July", "August", "September", "October", "November", "December",
		},
	}
}

// Weekday is "lunedì".
func (l *Language) Weekday(t time.Time) string { return l.names.days[t.Weekday()] }

// WeekdayShort is "lun".
func (l *Language) WeekdayShort(t time.Time) string {
	return string([]rune(l.names.days[t.Weekday()])[:3])
}

// MonthName is "novembre".
func (l *Language) MonthName(m time.Month) string { return l.names.months[m-1] }

// MonthYear is "novembre 2026".
func (l *Language) MonthYear(t time.Time) string {
	return fmt.Sprintf("%s %d", l.MonthName(t.Month()), t.Year())
}

// Date is "lunedì 23 novembre 2026"; the first of a month is "1º" in Italian.
func (l *Language) Date(t time.Time) string {
	return l.Weekday(t) + " " + l.DayMonth(t) + fmt.Sprintf(" %d", t.Year())
}

// DateShort is "lun 23 novembre".
func (l *Language) DateShort(t time.Time) string { return l.WeekdayShort(t) + " " + l.DayMonth(t) }

// DayMonth is "23 novembre".
func (l *Language) DayMonth(t time.Time) string {
	day := fmt.Sprint(t.Day())
	if l.Code == "it" && t.Day() == 1 {
		day = "1º"
	}
	return day + " " + l.MonthName(t.Month())
}

// Clock is "09:30".
func (l *Language) Clock(t time.Time) string { return t.Format("15:04") }

// Minutes is a duration in whole minutes.
func Minutes(d time.Duration) int { return int(d.Round(time.Minute) / time.Minute) }

// Span is a length of time as one says it: "12 min", "3 h 05 min", "4 g 2 h".
func (l *Language) Span(d time.Duration) string {
	m := Minutes(d)
	switch {
	case m < 60:
		return fmt.Sprintf("%d min", m)
	case m < 24*60:
		return fmt.Sprintf("%d h %02d min", m/60, m%60)
	}
	day := "d"
	if l.Code == "it" {
		day = "g"
	}
	return fmt.Sprintf("%d %s %d h", m/60/24, day, m/60%24)
}

// lines splits a text into its lines that say something.
func lines(text string) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// upperFirst begins a sentence with what the catalogues keep in lower case.
func upperFirst(s string) string {
	r := []rune(s)
	if len(r) == 0 {
		return s
	}
	return strings.ToUpper(string(r[0])) + string(r[1:])
}

// Decimal is "4,3", or "4.3" in English.
func (l *Language) Decimal(x float64) string {
	text := strconv.FormatFloat(x, 'f', 1, 64)
	if l.Code == "it" {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}
