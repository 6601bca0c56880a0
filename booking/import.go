package booking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// importKept is how long a file of appointments is kept, from when it was read.
const importKept = time.Hour

// ErrBusy says that another file is being booked.
var ErrBusy = errors.New("booking: another file is being booked")

// ImportLine is a line of a file, as the appointment that it asks for.
type ImportLine struct {
	Number int    // in the file
	Why    string // why it cannot even be asked for; empty where it can
	BookRequest
}

// Refusal says why a line of a file is not booked.
type Refusal struct {
	Line  int    `json:"line"`
	Why   string `json:"why"`             // a Because constant, a reason of ImportLine, or a field and its code: "email.invalid"
	Other int    `json:"other,omitempty"` // the line of the same file that is in the way
}

// Why a line is not booked.
const (
	BecausePast    = "past"
	BecauseFar     = "too_far"
	BecauseMode    = "mode"    // the service is not had in it
	BecauseDesk    = "desk"    // no such desk does the service so
	BecauseClosed  = "closed"  // outside hours, or at no whole step from their beginning
	BecauseTaken   = "taken"   // by an appointment, or by another line
	BecauseTwice   = "twice"   // another line is the same
	BecauseRetired = "retired" // no longer offered
	// BecauseAlready is no fault: the same appointment is in the agenda.
	BecauseAlready = "already"
)

// Import is a file of appointments between being read and being forgotten.
type Import struct {
	ID           uuid.UUID
	Content      string // as its reader gave it
	Lines        int
	BegunAt      *time.Time // nil until it is confirmed
	OutsideHours bool       // book lines outside hours as well
	Tell         bool       // send the persons a confirmation
	Done         int        // lines that were dealt with
	Booked       int
	Already      int
	Refused      []Refusal
}

// Finished says that every line was dealt with.
func (i Import) Finished() bool { return i.BegunAt != nil && i.Done >= i.Lines }

// KeepImport keeps a file of so many lines for an hour, for the one who brought it.
func (a *Agenda) KeepImport(ctx context.Context, content string, lines int, actor Actor) (uuid.UUID, error) {
	id := uuid.New()
	_, err := a.pool.Exec(ctx, `INSERT INTO agenda_import (id, staff_id, expires_at, content, lines) VALUES ($1, $2, $3, $4, $5)`,
		id, actor.StaffID, a.now().Add(importKept), content, lines)
	if err != nil {
		return uuid.Nil, fmt.Errorf("keep import: %w", notFoundIfForeign(err))
	}
	return id, nil
}

// ImportByID finds a file of the actor's own, or ErrNotFound.
func (a *Agenda) ImportByID(ctx context.Context, id uuid.UUID, actor Actor) (Import, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT id, content, lines, begun_at, outside_hours, tell, done, booked, already, refused
		FROM agenda_import WHERE id = $1 AND staff_id = $2 AND expires_at > $3`, id, actor.StaffID, a.now())
	if err != nil {
		return Import{}, fmt.Errorf("import: %w", err)
	}
	return one(rows, pgx.RowToStructByPos[Import], "import")
}

// DropImport forgets a file of the actor's own.
func (a *Agenda) DropImport(ctx context.Context, id uuid.UUID, actor Actor) error {
	_, err := a.pool.Exec(ctx, `DELETE FROM agenda_import WHERE id = $1 AND staff_id = $2`, id, actor.StaffID)
	if err != nil {
		return fmt.Errorf("drop import: %w", err)
	}
	return nil
}

// dropImports forgets the files whose hour is over.
func (a *Agenda) dropImports(ctx context.Context) error {
	if _, err := a.pool.Exec(ctx, `DELETE FROM agenda_import WHERE expires_at <= $1`, a.now()); err != nil {
		return fmt.Errorf("drop imports: %w", err)
	}
	return nil
}

// BeginImport settles how a file is booked: it is confirmed. What was settled
// before stays.
func (a *Agenda) BeginImport(ctx context.Context, id uuid.UUID, outsideHours, tell bool, actor Actor) error {
	_, err := a.pool.Exec(ctx, `
		UPDATE agenda_import SET begun_at = $3, outside_hours = $4, tell = $5
		WHERE id = $1 AND staff_id = $2 AND begun_at IS NULL`, id, actor.StaffID, a.now(), outsideHours, tell)
	if err != nil {
		return fmt.Errorf("begin import: %w", err)
	}
	return nil
}

// RunImport books the lines of a file that was begun, one after the other as any
// booking, for as long as it may take; another call goes on from there. Where
// the program ended in between, the lines done since are found in the agenda and
// not booked again. ErrBusy while another file is being booked.
func (a *Agenda) RunImport(ctx context.Context, id uuid.UUID, lines []ImportLine, actor Actor, within time.Duration) (Import, error) {
	conn, err := a.pool.Acquire(ctx)
	if err != nil {
		return Import{}, fmt.Errorf("import: %w", err)
	}
	defer conn.Release()
	var mine bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(importLock)).Scan(&mine); err != nil {
		return Import{}, fmt.Errorf("import: %w", err)
	}
	if !mine {
		return Import{}, ErrBusy
	}
	defer func() {
		if _, err := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(importLock)); err != nil {
			_ = conn.Conn().Close(context.WithoutCancel(ctx)) // the lock goes with it
		}
	}()
	im, err := a.ImportByID(ctx, id, actor)
	if err != nil {
		return Import{}, err
	}
	if im.BegunAt == nil || len(lines) != im.Lines {
		return im, fmt.Errorf("import: %w", ErrState)
	}
	before, failed := im.Done, error(nil)
	for end := time.Now().Add(within); im.Done < im.Lines; {
		line := lines[im.Done]
		line.OutsideHours, line.Quiet, line.Actor = im.OutsideHours, !im.Tell, actor
		why, err := a.importLine(ctx, line)
		if err != nil {
			failed = err
			break
		}
		switch im.Done++; why {
		case "":
			im.Booked++
		case BecauseAlready:
			im.Already++
		default:
			im.Refused = append(im.Refused, Refusal{Line: line.Number, Why: why})
		}
		if time.Now().After(end) {
			break
		}
	}
	if im.Done == before {
		return im, failed
	}
	// Whoever asked may have gone away; what is booked stays booked.
	ctx = context.WithoutCancel(ctx)
	about := fmt.Sprintf(importNote, im.Booked, im.Done)
	err = a.noted(ctx, actor, "agenda.import", AboutAppointment, about, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE agenda_import SET done = $2, booked = $3, already = $4, refused = $5 WHERE id = $1`,
			id, im.Done, im.Booked, im.Already, append([]Refusal{}, im.Refused...))
		return err
	})
	if err = errors.Join(failed, err); err != nil {
		return im, fmt.Errorf("import: %w", err)
	}
	return im, nil
}

// NoteRefused notes that the actor took so many lines away as a file, with the
// persons in them, which no booking keeps.
func (a *Agenda) NoteRefused(ctx context.Context, lines int, actor Actor) error {
	if err := a.note(ctx, a.pool, actor, "agenda.refused", AboutAppointment, lines); err != nil {
		return fmt.Errorf("note refused: %w", err)
	}
	return nil
}

// importLine books one line, or says why not.
func (a *Agenda) importLine(ctx context.Context, line ImportLine) (why string, err error) {
	f := a.newForecast(line.OutsideHours)
	found, err := f.of(ctx, line)
	if err != nil || found.Why != "" {
		return found.Why, err
	}
	_, err = a.Book(ctx, line.BookRequest)
	var field *FieldError
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &field):
		return field.Field + "." + field.Code, nil
	case errors.Is(err, ErrSlotTaken), errors.Is(err, ErrHoldExpired), errors.Is(err, ErrState):
		return BecauseTaken, nil
	case errors.Is(err, ErrNotBookable):
		return BecauseClosed, nil
	case errors.Is(err, ErrNotFound):
		return BecauseRetired, nil
	}
	return "", err
}
