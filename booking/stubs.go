package booking

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"sportello/booking/token"
)

var errTODO = errors.New("booking: not implemented")

type hub struct{}

func newHub(*pgxpool.Pool, *slog.Logger) *hub { return &hub{} }
func (*hub) close()                           {}

type passwordGuard struct{}

func newPasswordGuard() *passwordGuard { return &passwordGuard{} }

var _ = io.EOF

func Migrate(ctx context.Context, pool *pgxpool.Pool) error            { return errTODO }
func SeedFiles() fs.FS                                                 { return nil }
func (a *Agenda) Seed(ctx context.Context, fsys fs.FS) error           { return errTODO }
func (a *Agenda) SeedStaff(ctx context.Context, password string) error { return errTODO }
func (a *Agenda) DemoAppointment(ctx context.Context) (Demo, error)    { return Demo{}, errTODO }
func (a *Agenda) Maintain(ctx context.Context) error                   { return errTODO }
func (a *Agenda) Run(ctx context.Context) error                        { return errTODO }

func (a *Agenda) Offices(ctx context.Context) ([]Office, error) { return nil, errTODO }
func (a *Agenda) OfficeBySlug(ctx context.Context, slug string) (Office, error) {
	return Office{}, errTODO
}
func (a *Agenda) Services(ctx context.Context, officeID int64) ([]Service, error) {
	return nil, errTODO
}
func (a *Agenda) AllServices(ctx context.Context) ([]Service, error) { return nil, errTODO }
func (a *Agenda) ServiceBySlug(ctx context.Context, officeSlug, serviceSlug string) (Office, Service, error) {
	return Office{}, Service{}, errTODO
}
func (a *Agenda) Desks(ctx context.Context, officeID int64) ([]Desk, error) { return nil, errTODO }

func (a *Agenda) Free(ctx context.Context, q Query) ([]Slot, error) { return nil, errTODO }
func (a *Agenda) Month(ctx context.Context, serviceID int64, mode Mode, audience Audience, year int, month time.Month) ([]Day, error) {
	return nil, errTODO
}
func (a *Agenda) FirstFree(ctx context.Context, serviceIDs []int64, mode Mode, audience Audience, n int) ([]Slot, error) {
	return nil, errTODO
}

func (a *Agenda) Hold(ctx context.Context, r HoldRequest) (Hold, error) { return Hold{}, errTODO }
func (a *Agenda) HoldBySecret(ctx context.Context, id uuid.UUID, secret string) (Appointment, error) {
	return Appointment{}, errTODO
}
func (a *Agenda) SetNote(ctx context.Context, id uuid.UUID, secret, note string) error {
	return errTODO
}
func (a *Agenda) SetPerson(ctx context.Context, id uuid.UUID, secret string, p Person) error {
	return errTODO
}
func (a *Agenda) Rehold(ctx context.Context, id uuid.UUID, secret string, start time.Time) (Appointment, error) {
	return Appointment{}, errTODO
}
func (a *Agenda) Confirm(ctx context.Context, id uuid.UUID, secret string) (Appointment, error) {
	return Appointment{}, errTODO
}
func (a *Agenda) Code(secret string) string { return "" }
func (a *Agenda) BySecret(ctx context.Context, secret string) (Appointment, error) {
	return Appointment{}, errTODO
}
func (a *Agenda) ByCode(ctx context.Context, code, surname string) (Appointment, error) {
	return Appointment{}, errTODO
}
func (a *Agenda) Cancel(ctx context.Context, id uuid.UUID, actor Actor) error { return errTODO }
func (a *Agenda) Reschedule(ctx context.Context, id uuid.UUID, start time.Time, actor Actor) (Appointment, error) {
	return Appointment{}, errTODO
}

func (a *Agenda) Book(ctx context.Context, r BookRequest) (Hold, error) { return Hold{}, errTODO }
func (a *Agenda) List(ctx context.Context, q AgendaQuery) ([]Appointment, error) {
	return nil, errTODO
}
func (a *Agenda) Get(ctx context.Context, id uuid.UUID) (Appointment, error) {
	return Appointment{}, errTODO
}
func (a *Agenda) SearchPerson(ctx context.Context, text string, limit int) ([]Person, error) {
	return nil, errTODO
}
func (a *Agenda) Transition(ctx context.Context, id uuid.UUID, to State, actor Actor) (Appointment, error) {
	return Appointment{}, errTODO
}
func (a *Agenda) SetStaffNote(ctx context.Context, id uuid.UUID, note string, actor Actor) error {
	return errTODO
}
func (a *Agenda) HostGrant(ctx context.Context, id uuid.UUID, s Staff) (string, error) {
	return "", errTODO
}
func (a *Agenda) GuestGrant(ctx context.Context, id uuid.UUID, name string, actor Actor) (string, uuid.UUID, error) {
	return "", uuid.Nil, errTODO
}
func (a *Agenda) Guests(ctx context.Context, id uuid.UUID) ([]Guest, error) { return nil, errTODO }
func (a *Agenda) RevokeGrant(ctx context.Context, grantID uuid.UUID, actor Actor) error {
	return errTODO
}
func (a *Agenda) GrantByHash(ctx context.Context, h token.Hash) (token.Grant, error) {
	return token.Grant{}, errTODO
}
func (a *Agenda) Watch(ctx context.Context) (<-chan Change, error) { return nil, errTODO }

func (a *Agenda) Authenticate(ctx context.Context, login, password string) (Staff, error) {
	return Staff{}, errTODO
}
func (a *Agenda) StaffByID(ctx context.Context, id int64) (Staff, error) { return Staff{}, errTODO }
func (a *Agenda) AllStaff(ctx context.Context) ([]Staff, error)          { return nil, errTODO }
func (a *Agenda) AddStaff(ctx context.Context, s Staff, password string) (Staff, error) {
	return Staff{}, errTODO
}
func (a *Agenda) OpeningRules(ctx context.Context, deskID int64) ([]OpeningRule, error) {
	return nil, errTODO
}
func (a *Agenda) SetOpeningRules(ctx context.Context, deskID int64, rules []OpeningRule) ([]Appointment, error) {
	return nil, errTODO
}
func (a *Agenda) Closures(ctx context.Context) ([]Closure, error) { return nil, errTODO }
func (a *Agenda) AddClosure(ctx context.Context, c Closure) ([]Appointment, error) {
	return nil, errTODO
}
func (a *Agenda) RemoveClosure(ctx context.Context, id int64) error { return errTODO }
