package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/aa"
	"github.com/rickar/cal/v2/it"
)

// holiday is one day off.
type holiday struct {
	day    time.Time // midnight UTC
	reason Text
}

// saintFrancisSince is the first year in which 4 October is a holiday again:
// law no. 151 of 8 October 2025.
const saintFrancisSince = 2026

// nationalHolidays lists the holidays of Italy in a year: law no. 260 of 27
// May 1949 as amended. Sundays among them are listed too.
func nationalHolidays(year int) []holiday {
	named := []struct {
		*cal.Holiday
		en string
	}{
		{it.Capodanno, "New Year's Day"},
		{it.Epifania, "Epiphany"},
		{aa.Easter.Clone(&cal.Holiday{Name: "Pasqua"}), "Easter Sunday"},
		{it.Pasquetta, "Easter Monday"},
		{it.FestaDellaLiberazione, "Liberation Day"},
		{it.FestaDelLavoro, "Labour Day"},
		{it.FestaDellaRepubblica, "Republic Day"},
		{it.Assunzione, "Assumption Day"},
		{&cal.Holiday{
			Name: "San Francesco d'Assisi", Month: time.October, Day: 4,
			Func: cal.CalcDayOfMonth, StartYear: saintFrancisSince,
		}, "Saint Francis of Assisi"},
		{it.TuttiISanti, "All Saints' Day"},
		{it.Immacolata, "Immaculate Conception"},
		{it.Natale, "Christmas Day"},
		{it.SantoStefano, "Saint Stephen's Day"},
	}
	var list []holiday
	for _, h := range named {
		if actual, _ := h.Calc(year); !actual.IsZero() {
			list = append(list, holiday{dateOf(actual), Text{"it": h.Name, "en": h.en}})
		}
	}
	return list
}

// Patron says when a town keeps the feast of its patron saint: on a day of
// the year (Month, Day), or on the Nth Weekday of a month (-1: the last) and
// Offset days from there.
type Patron struct {
	Name    Text         `json:"name"`
	Month   time.Month   `json:"month"`
	Day     int          `json:"day,omitempty"`
	Weekday time.Weekday `json:"weekday,omitempty"` // 0 is Sunday
	Nth     int          `json:"nth,omitempty"`
	Offset  int          `json:"offset,omitempty"`
}

// in gives the day of the feast in a year.
func (p Patron) in(year int) holiday {
	h := cal.Holiday{Month: p.Month, Day: p.Day, Func: cal.CalcDayOfMonth}
	if p.Nth != 0 {
		h = cal.Holiday{Month: p.Month, Weekday: p.Weekday, Offset: p.Nth, Func: cal.CalcWeekdayOffset}
	}
	actual, _ := h.Calc(year)
	return holiday{dateOf(actual).AddDate(0, 0, p.Offset), p.Name}
}

// addHolidays enters the holidays of some years as closures, where they are
// not entered yet.
func (a *Agenda) addHolidays(ctx context.Context, tx pgx.Tx, from, to int) error {
	rows, err := tx.Query(ctx, `SELECT id, patron FROM town ORDER BY id`)
	if err != nil {
		return fmt.Errorf("towns: %w", err)
	}
	type town struct {
		ID     int64
		Patron *Patron
	}
	towns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[town])
	if err != nil {
		return fmt.Errorf("towns: %w", err)
	}
	add := func(town int64, h holiday) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO closure (town_id, days, reason, holiday)
			VALUES (nullif($1::bigint, 0), daterange($2, $2, '[]'), $3, true) ON CONFLICT DO NOTHING`, town, h.day, h.reason)
		if err != nil {
			return fmt.Errorf("holiday: %w", err)
		}
		return nil
	}
	for year := from; year <= to; year++ {
		for _, h := range nationalHolidays(year) {
			if err := add(0, h); err != nil {
				return err
			}
		}
		for _, t := range towns {
			if t.Patron == nil {
				continue
			}
			if err := add(t.ID, t.Patron.in(year)); err != nil {
				return err
			}
		}
	}
	return nil
}
