package token

import (
	"context"
	"errors"
	"time"
)

// Role is what a grant lets its bearer do in the room.
type Role string

// The roles of a grant.
const (
	RoleHost    Role = "host"
	RoleCitizen Role = "citizen"
	RoleGuest   Role = "guest"
)

// Grant is the right to enter one room, for one identity, in one window.
type Grant struct {
	Appointment string `json:"appointment"` // UUID
	Room        string `json:"room"`        // UUID of the room
	// Identity is who holds the seat: one live session per identity.
	Identity    string `json:"identity"`
	Role        Role   `json:"role"`
	DisplayName string `json:"displayName"`
	// Interpreter says that the guest was invited to interpret.
	Interpreter bool `json:"interpreter,omitempty"`
	// Queue is the counter's line that a citizen waits in: "desk:{id}".
	Queue   string `json:"queue"`
	Office  string `json:"office"`  // name, in Italian
	Service string `json:"service"` // name, in Italian
	// The same in English; empty where there is none.
	OfficeEN  string `json:"officeEn,omitempty"`
	ServiceEN string `json:"serviceEn,omitempty"`
	// StartsAt and EndsAt are the appointment's; the window in which the grant
	// opens the room is NotBefore to NotAfter.
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

// Why a secret does not open the room.
var (
	ErrDamaged   = errors.New("token: secret is damaged")
	ErrUnknown   = errors.New("token: no such grant")
	ErrTooEarly  = errors.New("token: not yet valid")
	ErrTooLate   = errors.New("token: no longer valid")
	ErrCancelled = errors.New("token: cancelled or revoked")
)

// Hash is the SHA-256 of a secret: what is stored.
type Hash [32]byte

// Source is where grants come from when the store has none: PostgreSQL.
// It returns ErrUnknown, or ErrCancelled for a grant that was taken back.
type Source interface {
	GrantByHash(ctx context.Context, h Hash) (Grant, error)
}
