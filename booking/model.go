package booking

import (
	"time"

	"github.com/google/uuid"
)

// Text is a text in several languages, by language code ("it", "en").
type Text map[string]string

// In gives the text in lang, or in Italian where lang is missing.
func (t Text) In(lang string) string {
	if s := t[lang]; s != "" {
		return s
	}
	return t["it"]
}

// Mode is how citizen and clerk meet.
type Mode string

// The modes of an appointment.
const (
	InPerson Mode = "in_person"
	Virtual  Mode = "virtual"
)

// Channel is where an appointment came from.
type Channel string

// The channels.
const (
	ByWeb      Channel = "web"
	ByOperator Channel = "operator"
	ByWalkIn   Channel = "walk_in"
	ByAPI      Channel = "api"    // the municipality's own site or app
	ByImport   Channel = "import" // a file that the administrator brought
)

// Audience is whom opening hours are for. Operators see both.
type Audience string

// The audiences.
const (
	Public    Audience = "public"
	Operators Audience = "operators"
)

// State is where an appointment stands.
//
//	held → booked → arrived → called → served
//	held → expired        booked|arrived|called → no_show        held|booked|arrived → cancelled
//
// A virtual appointment goes booked → called without arriving.
type State string

// The states.
const (
	Held      State = "held"
	Booked    State = "booked"
	Arrived   State = "arrived"
	Called    State = "called"
	Served    State = "served"
	NoShow    State = "no_show"
	Cancelled State = "cancelled"
	Expired   State = "expired"
)

// Office is an office of the municipality.
type Office struct {
	ID       int64
	Slug     string
	Name     Text
	Intro    Text // one or two sentences
	Address  string
	Building string // reception boards are per building
	Phone    string
	Email    string
	TZ       string // IANA name
	Position int    // order in lists
	// MaxOpen is how many appointments to come one e-mail address or phone number
	// may have by the web or the API; 0 is any number.
	MaxOpen int
	// OfferFor is how long, by day, a slot is kept for whom the waiting list offers it (zero: 3 hours).
	OfferFor time.Duration
	// CoolFor is how long at most what the public lets go is kept from the public:
	// each time a part of it that nobody can foretell. 0 is not at all.
	CoolFor time.Duration
	Letter  string // what its tickets begin with; empty: the first that is free
	// History lets its clerks look up who came before.
	History bool
	// RetentionDays is how long after an appointment it is kept whose it was; 0 is the town's setting.
	RetentionDays int
	Retired       bool // hidden from booking
}

// Service is what an office is asked for.
type Service struct {
	ID          int64
	OfficeID    int64
	OfficeSlug  string
	Slug        string
	Name        Text
	Description Text
	Bring       Text // what to bring, a line per item
	Duration    time.Duration
	Buffer      time.Duration // the desk needs it after the appointment
	Step        time.Duration // starts are multiples of it from the opening
	MinNotice   time.Duration // no start earlier than now + MinNotice
	Horizon     time.Duration // no start later than now + Horizon
	CancelUntil time.Duration // changes and cancelling end this long before the start
	Modes       []Mode
	Position    int
	// Kind is a word that the services have in common which do the same at
	// several offices ("carta-d-identita"); "" where there is but this one.
	Kind string
	// Also are the other services of the same appointment; what is said above is
	// then of all together (see Together).
	Also    []int64 `db:"-"`
	Retired bool    // hidden from booking, as is all of a retired office
}

// Allows says whether the service can be had in mode m.
func (s Service) Allows(m Mode) bool {
	for _, x := range s.Modes {
		if x == m {
			return true
		}
	}
	return false
}

// Desk is one unit of an office's capacity: a counter, or a virtual counter.
type Desk struct {
	ID       int64
	OfficeID int64
	Name     string
	Modes    []Mode // how it can be used
	Services []int64
	Retired  bool // takes no more bookings
}

// Slot is a free start.
type Slot struct {
	ServiceID int64
	Start     time.Time // in the office's time zone
	End       time.Time
	Desks     int // free desks at that start
}

// Day is a day of the month calendar.
type Day struct {
	Date time.Time // midnight in the office's time zone
	Free int       // free starts
}

// Person is who comes. Kept apart from the appointment, so that identity can
// be purged alone.
type Person struct {
	Name     string
	Surname  string
	Email    string // e-mail or phone suffices
	Phone    string
	Language string // "it" or "en"
}

// Appointment is a held, booked or past appointment.
type Appointment struct {
	ID            uuid.UUID
	Room          uuid.UUID
	Office        Office
	Service       Service
	DeskID        int64
	DeskName      string
	Start         time.Time // in the office's time zone
	End           time.Time
	Mode          Mode
	Channel       Channel
	State         State
	HoldExpiresAt time.Time // of a held one
	Note          string    // what the citizen wrote
	StaffNote     string    // what the operator or clerk wrote
	Person        Person    // zero before it is given, and after it is purged
	CreatedAt     time.Time
	ArrivedAt     time.Time // zero until it happens
	CalledAt      time.Time
	ClosedAt      time.Time // served, no-show or cancelled
	// AskedAt is when the citizen was asked to take another time, since the desk
	// cannot keep this one; zero where they were not, or have answered.
	AskedAt time.Time
	// Ticket is by what somebody is called in the hall ("A7"): empty until they
	// are here. Calls is how often they were called.
	Ticket string
	Calls  int
	Rated  bool // somebody said how easy it was
	// Version rises with every change of time or state (the SEQUENCE of the .ics).
	Version int
}
