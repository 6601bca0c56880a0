package booking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Forecast is what would become of a line of a file.
type Forecast struct {
	Refusal          // Why is empty where it would be booked
	Desk      string // where; the constraint has the last word
	End       time.Time
	OutsideIt bool // outside the desk's hours, as was asked for
}

// ForecastImport tells line by line what would be booked now, and what would not
// and why. It writes nothing.
func (a *Agenda) ForecastImport(ctx context.Context, lines []ImportLine, outsideHours bool) ([]Forecast, error) {
	f := a.newForecast(outsideHours)
	out := make([]Forecast, len(lines))
	for i, line := range lines {
		var err error
		if out[i], err = f.of(ctx, line); err != nil {
			return nil, fmt.Errorf("forecast: %w", err)
		}
	}
	return out, nil
}

// forecast goes through the lines of a file and remembers what they take.
type forecast struct {
	*Agenda
	outside  bool
	services map[string]servicePlace
	taken    map[int64][]lineSpan // by desk
	people   map[string]int       // who comes when for what → line
}

type servicePlace struct {
	service Service
	zone    *time.Location
	err     error
}

// lineSpan is the time of a desk that a line takes.
type lineSpan struct {
	from, until time.Time
	line        int
}

func (a *Agenda) newForecast(outsideHours bool) *forecast {
	return &forecast{a, outsideHours, map[string]servicePlace{}, map[int64][]lineSpan{}, map[string]int{}}
}

// of tells what would become of a line. An error is the database's.
func (f *forecast) of(ctx context.Context, line ImportLine) (Forecast, error) {
	out := Forecast{Refusal: Refusal{Line: line.Number, Why: line.Why}}
	refused := func(why string) (Forecast, error) { out.Why = why; return out, nil }
	if line.Why != "" {
		return out, nil
	}
	person, err := line.Person.checked()
	if err == nil {
		_, err = checkNote("note", line.Note)
	}
	if err == nil {
		_, err = checkNote("staff_note", line.StaffNote)
	}
	var field *FieldError
	if errors.As(err, &field) {
		return refused(field.Field + "." + field.Code)
	}
	s, zone, err := f.service(ctx, line.HoldRequest)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrNotBookable):
		return refused(BecauseRetired)
	case err != nil:
		return out, err
	}
	start, now := line.Start.In(zone), f.now()
	end := start.Add(s.Duration)
	p := place{service: s, mode: line.Mode, audience: Operators, start: start, end: end, until: end.Add(s.Buffer), day: dateOf(start)}
	out.End = end
	switch {
	case start.Before(now):
		return refused(BecausePast)
	case s.Retired:
		return refused(BecauseRetired)
	case !s.Allows(line.Mode):
		return refused(BecauseMode)
	case start.After(now.Add(s.Horizon)):
		return refused(BecauseFar)
	}
	key := fmt.Sprintf("%d %d %s %s", s.ID, start.Unix(), fold(person.Surname), fold(person.Name))
	if other, ok := f.people[key]; ok {
		out.Other = other
		return refused(BecauseTwice)
	}
	if there, err := f.isThere(ctx, p, person); err != nil || there {
		out.Why = BecauseAlready
		return out, err
	}
	desks, err := f.candidates(ctx, p, line.DeskID)
	if err != nil {
		return out, err
	}
	if len(desks) == 0 {
		return refused(BecauseDesk)
	}
	open := slices.DeleteFunc(slices.Clone(desks), func(d candidate) bool { return !d.Open })
	if len(open) == 0 && !f.outside {
		return refused(BecauseClosed)
	}
	if len(open) == 0 {
		open, out.OutsideIt = desks, true
	}
	return f.choose(out, p, open, key)
}

// choose gives a line the least loaded desk that neither the agenda nor a line
// before it has taken.
func (f *forecast) choose(out Forecast, p place, open []candidate, key string) (Forecast, error) {
	best := -1
	for i := range open {
		d := &open[i]
		for _, span := range f.taken[d.ID] {
			if dateOf(span.from.In(p.start.Location())).Equal(p.day) {
				d.Load++
			}
			if span.from.Before(p.until) && p.start.Before(span.until) {
				d.Taken, out.Other = true, span.line
			}
		}
		if !d.Taken && (best < 0 || d.Load < open[best].Load) {
			best = i
		}
	}
	if best < 0 {
		out.Why = BecauseTaken
		return out, nil
	}
	out.Other, out.Desk = 0, open[best].Name
	f.taken[open[best].ID] = append(f.taken[open[best].ID], lineSpan{p.start, p.until, out.Line})
	f.people[key] = out.Line
	return out, nil
}

// service finds what a line asks for, once for all lines that do.
func (f *forecast) service(ctx context.Context, r HoldRequest) (Service, *time.Location, error) {
	key := fmt.Sprint(r.ServiceID, r.Also)
	got, ok := f.services[key]
	if !ok {
		got.service, got.zone, got.err = f.serviceWith(ctx, r.ServiceID, r.Also)
		f.services[key] = got
	}
	return got.service, got.zone, got.err
}

// isThere says whether the same person has the same service at the same time
// already: then it is the same appointment, whatever desk it has and however it
// was booked.
func (f *forecast) isThere(ctx context.Context, p place, who Person) (bool, error) {
	rows, err := f.pool.Query(ctx, `
		SELECT p.name FROM appointment a JOIN appointment_person p ON p.appointment_id = a.id
		WHERE a.office_id = $1 AND a.day = $2 AND a.service_id = $3 AND lower(a.period) = $4 AND p.surname_key = $5
			AND a.state IN ('booked', 'arrived', 'called', 'served', 'no_show')`,
		p.service.OfficeID, p.day, p.service.ID, p.start, fold(who.Surname))
	if err != nil {
		return false, fmt.Errorf("the same: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return false, fmt.Errorf("the same: %w", err)
	}
	return slices.ContainsFunc(names, func(name string) bool { return fold(name) == fold(who.Name) }), nil
}

// candidate is a desk that does a service in a mode.
type candidate struct {
	ID    int64
	Name  string
	Open  bool // has hours for it
	Taken bool
	Load  int // live appointments of the day
}

// candidates lists the desks that do what p asks for, open or not, the least
// loaded first; only is the one desk that is wanted, or 0.
func (a *Agenda) candidates(ctx context.Context, p place, only int64) ([]candidate, error) {
	rows, err := a.pool.Query(ctx, `
		WITH pick AS (SELECT $3::timestamptz AS start, $4::timestamptz AS ends, $5::interval AS step)
		SELECT d.id, d.name,
			EXISTS (SELECT FROM desk_day dd WHERE dd.desk_id = d.id AND dd.day = $6 AND dd.audience = 'operators' AND `+pickOpens()+`),
			EXISTS (SELECT FROM appointment a WHERE a.desk_id = d.id AND a.occupied && tstzrange($3, $7) AND a.state IN `+live+`
				AND NOT (a.state = 'held' AND a.hold_expires_at <= $8)),
			(SELECT count(*) FROM appointment a WHERE a.desk_id = d.id AND a.day = $6 AND a.state IN `+live+`) AS load
		FROM pick CROSS JOIN desk d JOIN desk_service ds ON ds.desk_id = d.id AND ds.service_id = $1
		WHERE d.retired_at IS NULL AND $2 = ANY(d.modes) AND ($9::bigint = 0 OR d.id = $9) AND `+doesAll("$10")+`
		ORDER BY load, d.id`,
		p.service.ID, p.mode, p.start, p.end, p.service.Step, p.day, p.until, a.now(), only, none(p.service.Also))
	if err != nil {
		return nil, fmt.Errorf("candidates: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
	if err != nil {
		return nil, fmt.Errorf("candidates: %w", err)
	}
	return list, nil
}

// holdOutside holds a start outside the hours of the desks that do the service,
// on purpose. All else is as in hold.
func (a *Agenda) holdOutside(ctx context.Context, r HoldRequest, actor Actor) (Hold, error) {
	p, err := a.placeAt(ctx, r.ServiceID, r.Also, r.Mode, Operators, r.Start)
	if err != nil {
		return Hold{}, fmt.Errorf("hold outside hours: %w", err)
	}
	desks, err := a.candidates(ctx, p, r.DeskID)
	if err != nil {
		return Hold{}, fmt.Errorf("hold outside hours: %w", err)
	}
	if len(desks) == 0 {
		return Hold{}, fmt.Errorf("hold outside hours: %w", ErrNotBookable)
	}
	for _, d := range desks {
		if d.Taken {
			continue
		}
		if err := a.expireStale(ctx, d.ID, p, uuid.Nil); err != nil {
			return Hold{}, err
		}
		h, won, err := a.holdWith(ctx, func(h newHold) (bool, error) { return a.insertAnyhow(ctx, p, d.ID, h) }, r.Channel, actor)
		if err != nil {
			return Hold{}, fmt.Errorf("hold outside hours: %w", err)
		}
		if !won {
			continue
		}
		if h.Appointment, err = a.Get(ctx, h.ID); err != nil {
			return Hold{}, fmt.Errorf("hold outside hours: %w", err)
		}
		return h, nil
	}
	return Hold{}, fmt.Errorf("hold outside hours: %w", &SlotTakenError{})
}
