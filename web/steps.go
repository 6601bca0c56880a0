package web

import (
	"time"

	"sportello/booking"
)

// step is one of the steps of a booking, in the order and with the names of
// the Italian model for municipal sites, except that the service is chosen
// with the place: how long it takes decides which times are free.
type step int

const (
	stepPlace step = iota
	stepTime
	stepDetails
	stepPerson
	stepSummary
	stepCount
)

// key is the step's part of catalogue keys.
func (s step) key() string {
	return [stepCount]string{"place", "time", "details", "person", "summary"}[s]
}

// stepMark is one entry of the stepper.
type stepMark struct {
	Label   string
	Number  int
	Current bool
	Done    bool
}

// stepper lists the steps as seen from the current one.
type stepper struct {
	Marks   []stepMark
	Number  int
	Count   int
	Current string
}

func newStepper(l *Language, current step) stepper {
	out := stepper{Number: int(current) + 1, Count: int(stepCount)}
	for x := stepPlace; x < stepCount; x++ {
		label := l.T("step." + x.key())
		out.Marks = append(out.Marks, stepMark{Label: label, Number: int(x) + 1, Current: x == current, Done: x < current})
		if x == current {
			out.Current = label
		}
	}
	return out
}

// recap is the card beside the form: what was chosen so far.
type recap struct {
	Office  booking.Office
	Service booking.Service
	Mode    booking.Mode // "" before it is chosen
	Start   time.Time    // zero before it is chosen
	End     time.Time
	// Expires and Left tell how long the slot is held; zero where it is not.
	Expires time.Time
	Left    time.Duration
}

// LeftMinutes and LeftSeconds are what is left, as a clock shows it.
func (r recap) LeftMinutes() int { return int(r.Left / time.Minute) }

// LeftSeconds is the rest after LeftMinutes.
func (r recap) LeftSeconds() int { return int(r.Left%time.Minute) / int(time.Second) }

func (s *Server) recapOf(a booking.Appointment) recap {
	c := recap{Office: a.Office, Service: a.Service, Mode: a.Mode, Start: a.Start, End: a.End}
	if a.State == booking.Held {
		if left := a.HoldExpiresAt.Sub(s.now()); left > 0 {
			c.Expires, c.Left = a.HoldExpiresAt, left
		}
	}
	return c
}

// crumbs of every booking page.
func bookingCrumbs(l *Language) []Crumb { return []Crumb{{Text: l.T("nav.book")}} }

// The words for a mode in addresses.
const (
	modeInPerson = "presenza"
	modeVirtual  = "video"
)

// modeParam writes a mode into an address.
func modeParam(m booking.Mode) string {
	if m == booking.Virtual {
		return modeVirtual
	}
	return modeInPerson
}

// parseMode reads it back; anything else is no mode.
func parseMode(s string) booking.Mode {
	switch s {
	case modeInPerson:
		return booking.InPerson
	case modeVirtual:
		return booking.Virtual
	default:
		return ""
	}
}
