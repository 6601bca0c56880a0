package booking

import (
	"context"
	"fmt"
	"unicode/utf8"
)

// SetPassword gives somebody a new password. A *FieldError says why it cannot
// be accepted. Whoever keeps sessions must end theirs.
func (a *Agenda) SetPassword(ctx context.Context, id int64, password string) error {
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
	tag, err := a.pool.Exec(ctx, `UPDATE staff SET password_hash = $2 WHERE id = $1 AND disabled_at IS NULL`, id, hash)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("set password: %w", ErrNotFound)
	}
	return nil
}
