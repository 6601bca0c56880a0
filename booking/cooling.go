package booking

import (
	"context"
	"fmt"
)

// What the public lets go cools, where its office says so (Office.CoolFor): the
// waiting list and the staff can have it at once, the public only some time later,
// which nobody can foretell. Programs that wait for the moment, to take it again or
// to sell it, have none to wait for. Whose it was may take it back (takeback.go). The database notes it (start_cools); whoever
// looks for free starts leaves it out. no_overlap alone still decides who gets one.

// past is true of a live appointment a that occupies nothing: a hold past its
// time. Where starts cool it does until it is ended, lest the public take what has
// not begun to cool. now and public are SQL: a time, and whether the public asks.
func past(now, public string) string {
	return `(a.state = 'held' AND a.hold_expires_at <= ` + now + ` AND NOT (` + public + `
		AND EXISTS (SELECT FROM office WHERE office.id = a.office_id AND office.cool_for > '0')))`
}

// cools is true where, to the public, a stretch of a desk's time cools. own is whose
// it may have been.
func cools(desk, stretch, now, public, own string) string {
	return `(` + public + ` AND EXISTS (SELECT FROM cooling c
		WHERE c.desk_id = ` + desk + ` AND c.occupied && ` + stretch + ` AND c.until > ` + now + ` AND c.appointment_id <> ` + own + `))`
}

// forgetCooled drops what has cooled.
func (a *Agenda) forgetCooled(ctx context.Context) error {
	if _, err := a.pool.Exec(ctx, `DELETE FROM cooling WHERE until <= $1`, a.now()); err != nil {
		return fmt.Errorf("forget what cooled: %w", err)
	}
	return nil
}
