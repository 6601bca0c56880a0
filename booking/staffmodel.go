package booking

import "time"

// StaffRole is what a member of the staff may do.
type StaffRole string

// The roles of the staff.
const (
	Clerk         StaffRole = "clerk"
	Operator      StaffRole = "operator"
	Reception     StaffRole = "reception"
	Administrator StaffRole = "administrator"
)

// Staff is a member of the staff.
type Staff struct {
	ID      int64
	Login   string
	Name    string
	Roles   []StaffRole
	Offices []int64
	Desks   []int64
}

// Has says whether s has role r.
func (s Staff) Has(r StaffRole) bool {
	for _, x := range s.Roles {
		if x == r {
			return true
		}
	}
	return false
}

// OpeningRule is a desk's hours on one day of the week, in local time.
type OpeningRule struct {
	ID       int64
	DeskID   int64
	Weekday  time.Weekday
	From, To string // "08:30"; To may be "24:00"
	// ValidFrom and ValidUntil are the first and the last day, as calendar
	// dates; zero is without end.
	ValidFrom, ValidUntil time.Time
	Audience              Audience // Public hours are open to operators too
}

// Closure closes desks for whole days, whatever their hours.
type Closure struct {
	ID       int64
	OfficeID int64     // 0: of all offices, unless DeskID is set
	DeskID   int64     // 0: all desks
	From, To time.Time // first and last day, as calendar dates
	Reason   Text
	Holiday  bool // found by the calendar, not entered by hand
	// FromTime and ToTime ("15:04") are the hours that a closure of part of its days
	// takes, the same on each; empty: the whole days.
	FromTime, ToTime string
}

// Demo is the ready-made appointment of a demonstration.
type Demo struct {
	Appointment Appointment
	Secret      string // the citizen's
	Clerk       Staff  // who works at its desk
}
