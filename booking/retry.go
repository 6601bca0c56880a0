package booking

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// The SQLSTATEs that have a meaning here.
const (
	stateForeignKey = "23503"
	stateUnique     = "23505"
	stateExclusion  = "23P01"
	stateDeadlock   = "40P01"
)

// sqlState gives the SQLSTATE of an error and the constraint it names.
func sqlState(err error) (state, constraint string) {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code, pg.ConstraintName
	}
	return "", ""
}

// notFoundIfForeign maps a reference to a row that is not there.
func notFoundIfForeign(err error) error {
	if s, _ := sqlState(err); s == stateForeignKey {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return err
}

// retry runs fn again where PostgreSQL broke a deadlock by ending it. The
// order of the locks (doc.go) should leave none; this is the belt to it.
func (a *Agenda) retry(ctx context.Context, fn func() error) error {
	const tries = 5
	var err error
	for range tries {
		err = fn()
		if s, _ := sqlState(err); s != stateDeadlock || ctx.Err() != nil {
			return err
		}
		a.log.WarnContext(ctx, "deadlock broken, trying again")
	}
	return err
}
