package booking

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// maxOpen bounds what an office may set.
const maxOpenLimit = 1000

// lockContact is the first key of the advisory locks of contacts; the second is the contact's hash.
const lockContact = 7

// checkOpen fails with ErrTooMany where the person of r has as many
// appointments to come at this office as it allows. It runs after r's own row
// was booked, in the same transaction; of two at once for one contact the
// second waits for the first, and then sees it.
func (a *Agenda) checkOpen(ctx context.Context, tx pgx.Tx, r record) error {
	if r.Channel != ByWeb && r.Channel != ByAPI || r.Office.MaxOpen == 0 {
		return nil
	}
	if err := lockContacts(ctx, tx, r.Person); err != nil {
		return err
	}
	var open int
	err := tx.QueryRow(ctx, `
		SELECT count(*) FROM appointment a JOIN appointment_person p ON p.appointment_id = a.id
		WHERE a.office_id = $1 AND a.id <> $2 AND a.state IN ('booked', 'arrived', 'called') AND upper(a.period) > $3
			AND ((p.email <> '' AND lower(p.email) = $4) OR (p.phone <> '' AND p.phone = $5))`,
		r.Office.ID, r.ID, a.now(), strings.ToLower(r.Person.Email), r.Person.Phone).Scan(&open)
	if err != nil {
		return fmt.Errorf("count open: %w", err)
	}
	if open >= r.Office.MaxOpen {
		return ErrTooMany
	}
	return nil
}

// lockContacts lets one transaction at a time deal with a person's e-mail
// address and phone number.
func lockContacts(ctx context.Context, tx pgx.Tx, p Person) error {
	contacts := []string{strings.ToLower(p.Email), p.Phone}
	slices.Sort(contacts) // so that two with both in common cannot wait for each other
	for _, contact := range contacts {
		if contact == "" {
			continue
		}
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1::int, hashtext($2))`, lockContact, contact); err != nil {
			return fmt.Errorf("lock contact: %w", err)
		}
	}
	return nil
}
