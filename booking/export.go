package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// exportBatch is how many appointments of an export are in memory at once.
const exportBatch = 500

// Export gives each the appointments of a period with their persons, in the order
// of their starts, as they all were at one moment; holds are none. That somebody
// takes them away is noted, by the period and their number, before the first is
// given: prepare is called then.
func (a *Agenda) Export(ctx context.Context, p Period, actor Actor, prepare func() error, each func(Appointment) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, a.pool, options, func(tx pgx.Tx) error {
		const wanted = `a.day BETWEEN $1 AND $2 AND ($3::bigint = 0 OR a.office_id = $3) AND a.state NOT IN ('held', 'expired')`
		args := []any{dateOf(p.First), dateOf(p.Last), p.OfficeID}
		var count int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM appointment a WHERE `+wanted, args...).Scan(&count); err != nil {
			return fmt.Errorf("count: %w", err)
		}
		// Not in tx: it stands whatever becomes of the download.
		office := "*"
		if p.OfficeID != 0 {
			office = fmt.Sprint(p.OfficeID)
		}
		about := fmt.Sprintf(exportNote, office, p.First.Format(time.DateOnly), p.Last.Format(time.DateOnly), count)
		if err := a.note(ctx, a.pool, actor, "agenda.export", AboutOffice, about); err != nil {
			return err
		}
		if err := prepare(); err != nil {
			return err
		}
		after, last := time.Time{}, uuid.Nil
		for {
			list, err := a.records(ctx, tx, `WHERE `+wanted+` AND (lower(a.period), a.id) > ($4, $5)
				ORDER BY lower(a.period), a.id LIMIT $6`, append(args, after, last, exportBatch)...)
			if err != nil {
				return err
			}
			for _, r := range list {
				if err := each(r.Appointment); err != nil {
					return err
				}
			}
			if len(list) < exportBatch {
				return nil
			}
			after, last = list[exportBatch-1].Start, list[exportBatch-1].ID
		}
	})
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}
