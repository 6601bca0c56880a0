package booking

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// SetPassword gives somebody a new password. A *FieldError says why it cannot
// be accepted. Whoever keeps sessions must end theirs.
func (a *Agenda) SetPassword(ctx context.Context, id int64, password string, actor Actor) error {
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return fmt.Errorf("set password: %w", &FieldError{"password", CodeInvalid})
	case n > maxPassword:
		return fmt.Errorf("set password: %w", &FieldError{"password", CodeTooLong})
	}
	hash, err := a.guard.hash(ctx, password)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return a.noted(ctx, actor, "staff.password", AboutStaff, id, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE staff SET password_hash = $2 WHERE id = $1 AND disabled_at IS NULL`, id, hash)
		return changed(tag.RowsAffected(), err, "set password")
	})
}
