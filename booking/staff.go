package booking

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

const staffColumns = `st.id, st.login, st.name,
	ARRAY(SELECT role FROM staff_role r WHERE r.staff_id = st.id ORDER BY 1),
	ARRAY(SELECT office_id FROM staff_office so WHERE so.staff_id = st.id ORDER BY 1),
	ARRAY(SELECT desk_id FROM staff_desk sd WHERE sd.staff_id = st.id ORDER BY 1)`

// Authenticate finds who signs in. ErrBadLogin, after the same work, whether
// the login is unknown, disabled, or the password wrong.
func (a *Agenda) Authenticate(ctx context.Context, login, password string) (Staff, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT st.id, st.password_hash FROM staff st WHERE st.login = $1 AND st.disabled_at IS NULL`, loginKey(login))
	if err != nil {
		return Staff{}, fmt.Errorf("authenticate: %w", err)
	}
	type account struct {
		ID   int64
		Hash string
	}
	acc, err := one(rows, pgx.RowToStructByPos[account], "authenticate")
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Staff{}, err
	}
	good, err := a.guard.matches(ctx, password, acc.Hash)
	if err != nil {
		return Staff{}, fmt.Errorf("authenticate: %w", err)
	}
	if !good {
		return Staff{}, fmt.Errorf("authenticate: %w", ErrBadLogin)
	}
	return a.StaffByID(ctx, acc.ID)
}

// StaffByID finds a member of the staff who may sign in, or ErrNotFound.
func (a *Agenda) StaffByID(ctx context.Context, id int64) (Staff, error) {
	return a.staffBy(ctx, "st.id", id)
}

// StaffByLogin finds a member of the staff who may sign in, or ErrNotFound.
func (a *Agenda) StaffByLogin(ctx context.Context, login string) (Staff, error) {
	return a.staffBy(ctx, "st.login", loginKey(login))
}

func (a *Agenda) staffBy(ctx context.Context, column string, value any) (Staff, error) {
	rows, err := a.pool.Query(ctx, `SELECT `+staffColumns+` FROM staff st WHERE `+column+` = $1 AND st.disabled_at IS NULL`, value)
	if err != nil {
		return Staff{}, fmt.Errorf("staff: %w", err)
	}
	return one(rows, pgx.RowToStructByPos[Staff], "staff")
}

// AllStaff lists who may sign in, by login.
func (a *Agenda) AllStaff(ctx context.Context) ([]Staff, error) {
	rows, err := a.pool.Query(ctx, `SELECT `+staffColumns+` FROM staff st WHERE st.disabled_at IS NULL ORDER BY st.login`)
	if err != nil {
		return nil, fmt.Errorf("all staff: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Staff])
	if err != nil {
		return nil, fmt.Errorf("all staff: %w", err)
	}
	return list, nil
}

// The limits of a password, in runes: NIST SP 800-63B-4 section 3.1.1.2 asks
// for 8 at least where another factor may be added, and for 64 to be allowed.
const (
	minPassword = 8
	maxPassword = 256
)

// AddStaff makes an account; s.ID is ignored. A *FieldError says what cannot
// be accepted; ErrLoginTaken, that somebody has the login.
func (a *Agenda) AddStaff(ctx context.Context, s Staff, password string, actor Actor) (Staff, error) {
	s.Login = loginKey(s.Login)
	if ok, err := regexp.MatchString(`^[a-z0-9][a-z0-9._-]{0,63}$`, s.Login); !ok || err != nil {
		return Staff{}, fmt.Errorf("add staff: %w", &FieldError{"login", CodeInvalid})
	}
	var err error
	if s.Name, err = checkLine("name", s.Name, maxName); err != nil {
		return Staff{}, fmt.Errorf("add staff: %w", err)
	}
	for _, r := range s.Roles {
		if r != Clerk && r != Operator && r != Reception && r != Administrator {
			return Staff{}, fmt.Errorf("add staff: %w", &FieldError{"role", CodeInvalid})
		}
	}
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return Staff{}, fmt.Errorf("add staff: %w", &FieldError{"password", CodeInvalid})
	case n > maxPassword:
		return Staff{}, fmt.Errorf("add staff: %w", &FieldError{"password", CodeTooLong})
	}
	hash, err := a.guard.hash(ctx, password)
	if err != nil {
		return Staff{}, fmt.Errorf("add staff: %w", err)
	}
	var id int64
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO staff (login, name, password_hash, created_at) VALUES ($1, $2, $3, $4) RETURNING id`,
			s.Login, s.Name, hash, a.now()).Scan(&id)
		if state, _ := sqlState(err); state == stateUnique {
			return ErrLoginTaken
		}
		if err != nil {
			return err
		}
		if err := assign(ctx, tx, id, s); err != nil {
			return err
		}
		return a.note(ctx, tx, actor, "staff.add", AboutStaff, id)
	})
	if err != nil {
		return Staff{}, fmt.Errorf("add staff: %w", err)
	}
	return a.StaffByID(ctx, id)
}

// loginKey is a login as it is stored: it is typed in any case.
func loginKey(s string) string { return strings.ToLower(strings.TrimSpace(clean(s))) }
