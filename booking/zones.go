package booking

import (
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // containers may have no zone files
)

// zones remembers the time zones that offices use.
type zones struct{ m sync.Map }

// load gives the zone of an IANA name.
func (z *zones) load(name string) (*time.Location, error) {
	if loc, ok := z.m.Load(name); ok {
		return loc.(*time.Location), nil //nolint:forcetypeassert // only these are stored
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone: %w", err)
	}
	z.m.Store(name, loc)
	return loc, nil
}

// dateOf gives the calendar date of t in its own location as midnight UTC,
// which is how PostgreSQL's date travels.
func dateOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
