package booking

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// publishWait bounds how long a booking waits for Redis.
const publishWait = 2 * time.Second

// publish makes Redis agree with PostgreSQL about the grants of an
// appointment, after a commit. What it fails to write is found by GrantByHash
// on the miss, so a failure is logged and no more.
//
// Two publishers may pass each other: the one that read first may write last.
// So each reads again after it wrote, until what it wrote is what is stored.
func (a *Agenda) publish(ctx context.Context, appointment uuid.UUID) {
	if a.tokens == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishWait)
	defer cancel()
	var written []storedGrant
	for {
		stored, err := a.storedGrants(ctx, `WHERE g.appointment_id = $1 ORDER BY g.id`, appointment)
		if err != nil {
			a.log.ErrorContext(ctx, "grants not read for publishing", "appointment", appointment, "error", err)
			return
		}
		if slices.EqualFunc(stored, written, sameGrant) {
			return
		}
		for _, g := range stored {
			if slices.ContainsFunc(written, func(w storedGrant) bool { return sameGrant(w, g) }) {
				continue
			}
			if g.revoked {
				err = a.tokens.Delete(ctx, g.hash)
			} else {
				err = a.tokens.Put(ctx, g.hash, g.Grant)
			}
			if err != nil {
				a.log.ErrorContext(ctx, "grant not published", "appointment", appointment, "error", err)
				return
			}
		}
		written = stored
	}
}

func sameGrant(a, b storedGrant) bool {
	return a.hash == b.hash && a.revoked == b.revoked && a.Queue == b.Queue &&
		a.StartsAt.Equal(b.StartsAt) && a.NotBefore.Equal(b.NotBefore) && a.NotAfter.Equal(b.NotAfter)
}
