package booking

import "errors"

// What can go wrong with a request, as told to the caller. Everything else is
// a wrapped error of the database or the network.
var (
	ErrNotFound        = errors.New("booking: not found")
	ErrSlotTaken       = errors.New("booking: slot is taken")
	ErrNotBookable     = errors.New("booking: start cannot be booked")
	ErrHoldExpired     = errors.New("booking: hold has expired")
	ErrIncomplete      = errors.New("booking: details of the person are missing")
	ErrTooMany         = errors.New("booking: this contact has as many appointments as the office allows")
	ErrTooLateToChange = errors.New("booking: too late to change")
	ErrState           = errors.New("booking: not possible in this state")
	ErrForbidden       = errors.New("booking: the office does not allow it")
	ErrBadLogin        = errors.New("booking: login or password is wrong")
	ErrLoginTaken      = errors.New("booking: login is taken")
	ErrLastAdmin       = errors.New("booking: somebody must remain an administrator")
)

// SlotTakenError says that somebody else has the slot, and what is free next.
// errors.Is(err, ErrSlotTaken) holds for it.
type SlotTakenError struct {
	Next []Slot // soonest first, from the wished start on; may be empty
}

// Error implements error.
func (*SlotTakenError) Error() string { return ErrSlotTaken.Error() }

// Unwrap lets errors.Is find ErrSlotTaken.
func (*SlotTakenError) Unwrap() error { return ErrSlotTaken }

// The codes of a FieldError.
const (
	CodeRequired     = "required"
	CodeTooLong      = "too_long"
	CodeInvalid      = "invalid"
	CodeEmailOrPhone = "email_or_phone" // neither of the two was given
	CodeTaken        = "taken"          // somebody or something else has it
	CodeWaits        = "waits"          // this contact is on the waiting list already
	CodeChanged      = "changed"        // somebody else changed it meanwhile
)

// FieldError says which field of a form cannot be accepted, and why.
type FieldError struct {
	Field string // "name", "surname", "email", "phone", "language", "note", "staff_note", "until"; of staff "login", "password", "role"; of hours "from", "to", "valid", "audience", "weekday"; of closures "days", "hours", "reason"; of offices, services and desks as in the forms of the administrator
	Code  string // one of the Code constants
}

// Error implements error.
func (e *FieldError) Error() string { return "booking: field " + e.Field + ": " + e.Code }
