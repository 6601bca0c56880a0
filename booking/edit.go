package booking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"
)

// The limits of a service's rules. They keep a slip of the finger from
// closing an office, and a table of starts from growing without bound.
const (
	maxDuration = 8 * time.Hour
	maxBuffer   = 4 * time.Hour
	minStep     = 5 * time.Minute
	maxLead     = 60 * 24 * time.Hour // of notice and of the limit to cancel
	maxHorizon  = 365 * 24 * time.Hour
	maxPosition = 9999
)

// editing is how a change to the catalogue is made: by whom, and what for those
// whom it affects; or only looked at.
type editing struct {
	actor   Actor
	then    []Aftermath
	preview bool
}

// looking is editing that is taken back.
var looking = editing{preview: true} //nolint:gochecknoglobals // a constant in all but name

// edit makes a change to the catalogue, and notes it; a preview takes it back.
// It lists the appointments to come that the change does not fit.
func (a *Agenda) edit(ctx context.Context, e editing, change func(pgx.Tx) ([]Appointment, error)) ([]Appointment, error) {
	var affected []Appointment
	err := a.rebuilding(ctx, func(tx pgx.Tx) (err error) {
		if affected, err = change(tx); err != nil {
			return err
		}
		if e.preview {
			return errPreview
		}
		if err := a.unask(ctx, tx); err != nil {
			return err
		}
		return a.after(ctx, tx, affected, e.then, e.actor)
	})
	if e.preview && errors.Is(err, errPreview) {
		return affected, nil
	}
	if err != nil {
		return nil, err
	}
	// New desks, or a longer horizon, have days to be made.
	if err := a.RollForward(ctx); err != nil {
		a.log.WarnContext(ctx, "days not made yet", "error", err)
	}
	return affected, nil
}

// gateLock is the advisory lock, per some of the offices (edit_gate), that holds share
// while they share an office's row, and that an edit of an office takes before the row.
// Those who share a row alone would let an edit wait as long as they overlap.
const gateLock = 0x5b07_0021

// closeGate has holds of an office wait for an edit, which waits for those under way.
// Triggers do the same for what the office has, before they raise its revision.
func closeGate(ctx context.Context, tx pgx.Tx, office int64) error {
	if _, err := tx.Exec(ctx, `SELECT close_gates(ARRAY[$1::bigint])`, office); err != nil {
		return fmt.Errorf("close the gate: %w", err)
	}
	return nil
}

// lockDays takes the office of a scope and its desk-days to come, as whoever edits what
// bookings rely on must before anything else: see doc.go on the order of locks.
func (a *Agenda) lockDays(ctx context.Context, tx pgx.Tx, s scope) error {
	office := s.Office
	if s.Desk != 0 {
		err := tx.QueryRow(ctx, `SELECT office_id FROM desk WHERE id = $1`, s.Desk).Scan(&office)
		if errors.Is(err, pgx.ErrNoRows) {
			err = ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("desk: %w", err)
		}
	}
	if err := closeGate(ctx, tx, office); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `SELECT FROM office WHERE id = $1 FOR NO KEY UPDATE`, office)
	if err != nil {
		return fmt.Errorf("lock office: %w", err)
	}
	_, err = tx.Exec(ctx, `
		SELECT FROM desk_day dd JOIN desk d ON d.id = dd.desk_id
		WHERE dd.day >= $1 AND ($2::bigint = 0 OR d.office_id = $2) AND ($3::bigint = 0 OR d.id = $3)
		ORDER BY dd.desk_id, dd.day, dd.audience FOR UPDATE OF dd`, a.today(), s.Office, s.Desk)
	if err != nil {
		return fmt.Errorf("lock days: %w", err)
	}
	return nil
}

// settle ends the holds, and lists the appointments to come, for which misfit
// is true: a condition on appointment a, service s and desk d.
func (a *Agenda) settle(ctx context.Context, tx pgx.Tx, misfit string, args ...any) ([]Appointment, error) {
	now := len(args) + 1
	args = append(args, a.now())
	_, err := tx.Exec(ctx, fmt.Sprintf(`
		UPDATE appointment h SET state = 'expired', version = h.version + 1, changed_at = $%[1]d, changed_by = NULL
		FROM appointment a JOIN service s ON s.id = a.service_id JOIN desk d ON d.id = a.desk_id
		WHERE h.id = a.id AND a.state = 'held' AND NOT a.outside_hours AND (%[2]s)`, now, misfit), args...)
	if err != nil {
		return nil, fmt.Errorf("end holds: %w", err)
	}
	list, err := a.records(ctx, tx, fmt.Sprintf(`
		WHERE a.state IN ('booked', 'arrived', 'called') AND upper(a.period) > $%d AND (%s)
		ORDER BY lower(a.period), a.id`, now, misfit), args...)
	if err != nil {
		return nil, err
	}
	return appointments(list), nil
}

// checkText accepts a text in Italian and, if it is there, in English. The
// field is told with the language: "name_it".
func checkText(field string, t Text, required bool, check func(field, s string) (string, error)) (Text, error) {
	out := Text{}
	for _, lang := range []string{"it", "en"} {
		s := strings.TrimSpace(t[lang])
		if s == "" {
			if required && lang == "it" {
				return nil, &FieldError{field + "_it", CodeRequired}
			}
			continue
		}
		s, err := check(field+"_"+lang, s)
		if err != nil {
			return nil, err
		}
		out[lang] = s
	}
	return out, nil
}

func nameLine(field, s string) (string, error) { return checkLine(field, s, maxName) }

// checkOptional accepts one line of text, or none.
func checkOptional(field, s string, limit int) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	return checkLine(field, s, limit)
}

// checkModes accepts some of the modes, each once.
func checkModes(modes []Mode) ([]Mode, error) {
	var out []Mode
	for _, m := range []Mode{InPerson, Virtual} {
		if slices.Contains(modes, m) {
			out = append(out, m)
		}
	}
	switch {
	case len(out) == 0:
		return nil, &FieldError{"modes", CodeRequired}
	case slices.ContainsFunc(modes, func(m Mode) bool { return m != InPerson && m != Virtual }):
		return nil, &FieldError{"modes", CodeInvalid}
	}
	return out, nil
}

// slugOf makes a part of an address of a name: "Carta d'identità" becomes
// "carta-d-identita".
func slugOf(name string) string {
	const longest = 60
	words := strings.FieldsFunc(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return ' '
	}, strings.ToLower(norm.NFKD.String(name))), unicode.IsSpace)
	slug := strings.Join(words, "-")
	if len(slug) > longest {
		slug = strings.TrimRight(slug[:longest], "-")
	}
	if slug == "" {
		slug = "x"
	}
	return slug
}

// freeSlug adds a number to a slug until it is nobody's. Whoever calls it
// edits alone (rebuilding).
func freeSlug(ctx context.Context, tx pgx.Tx, slug, taken string, args ...any) (string, error) {
	for n := 1; ; n++ {
		try := slug
		if n > 1 {
			try = fmt.Sprintf("%s-%d", slug, n)
		}
		var there bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (`+taken+`)`, append([]any{try}, args...)...).Scan(&there); err != nil {
			return "", fmt.Errorf("slug: %w", err)
		}
		if !there {
			return try, nil
		}
	}
}

// changed is what an UPDATE by id did: ErrNotFound where nothing.
func changed(rows int64, err error, what string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, notFoundIfForeign(err))
	}
	if rows == 0 {
		return fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	return nil
}
