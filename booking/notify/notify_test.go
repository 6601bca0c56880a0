package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sportello/booking"
	"sportello/booking/notify"
	"sportello/booking/token"
	"sportello/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

const town = `{
  "town": {"slug": "prova", "name": "Prova", "patron": {"name": {"it": "Patrono"}, "month": 12, "day": 1}},
  "offices": [{"slug": "ufficio", "name": {"it": "Ufficio"}, "building": "A", "position": 1,
    "services": [{"slug": "breve", "name": {"it": "Breve"}, "duration": "15m", "step": "15m", "minNotice": "0s", "horizon": "1440h", "cancelUntil": "0s", "modes": ["in_person", "virtual"]}],
    "desks": [{"name": "Uno", "modes": ["in_person", "virtual"], "hours": [{"days": [1,2,3,4,5], "from": "09:00", "to": "12:00"}]}]}]}`

// nowhere takes the grants that nobody asks for.
type nowhere struct{}

func (nowhere) Put(context.Context, token.Hash, token.Grant) error { return nil }
func (nowhere) Delete(context.Context, token.Hash) error           { return nil }

// plainWriter writes what a test wants to read.
type plainWriter struct{}

func (plainWriter) Write(l notify.Letter) (notify.Message, error) {
	text := fmt.Sprintf("%s %s %s", l.Kind, l.Appointment.Start.Format("02 15:04"), l.Secret)
	return notify.Message{Subject: string(l.Kind), Plain: text, HTML: "<p>" + text + "</p>", Short: text}, nil
}

// failing stands before a Mailer and fails for as long as it is told to.
type failing struct {
	notify.Mailer

	mu       sync.Mutex
	err      error
	after    bool // the mail goes out all the same
	attempts chan error
}

func (f *failing) Mail(ctx context.Context, m notify.Mail) error {
	f.mu.Lock()
	err, after := f.err, f.after
	f.err = nil
	f.mu.Unlock()
	if err == nil || after {
		if sent := f.Mailer.Mail(ctx, m); sent != nil {
			err = sent
		}
	}
	select {
	case f.attempts <- err:
	default:
	}
	return err
}

// world is an agenda whose citizens are written to. Its clock stands at 08:00
// in Rome on Monday 2037-11-16 and is turned by hand; years from now, since
// river knows when a reminder is due by its own clock.
type world struct {
	*booking.Agenda
	t       *testing.T
	pool    *pgxpool.Pool
	queue   *notify.Queue
	server  *testenv.MailServer
	mailer  *failing
	texter  notify.Texter
	service booking.Service
	postman *notify.Postman
	logs    *lockedBuffer

	mu  sync.Mutex
	now time.Time
}

// lockedBuffer lets many write and one read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) turn(to time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = to
}

var key = bytes.Repeat([]byte{7}, 32) //nolint:gochecknoglobals // a constant in all but name

func newWorld(t *testing.T, channels notify.Channels) *world {
	t.Helper()
	w := &world{t: t, now: at(16, 8, 0), server: testenv.Mail(t), logs: &lockedBuffer{}}
	w.pool = testenv.PostgresPrepared(t, "schema", booking.Migrate)
	var err error
	if w.queue, err = notify.NewQueue(notify.QueueConfig{Key: key, Channels: channels, ReminderHour: 10, Now: w.clock}); err != nil {
		t.Fatal(err)
	}
	w.Agenda = booking.New(w.pool, nowhere{}, booking.Options{Pepper: []byte("pepper"), Now: w.clock, Notifier: w.queue})
	t.Cleanup(w.Close)
	if err := w.Seed(t.Context(), fstest.MapFS{"town.json": {Data: []byte(town)}}); err != nil {
		t.Fatal(err)
	}
	if _, w.service, err = w.ServiceBySlug(t.Context(), "ufficio", "breve"); err != nil {
		t.Fatal(err)
	}
	smtp, err := notify.NewSMTP(w.server.URL(), "Prova <sportello@prova.example>")
	if err != nil {
		t.Fatal(err)
	}
	w.mailer = &failing{Mailer: smtp, attempts: make(chan error, 64)}
	return w
}

// at is a local time of November 2037.
func at(day, hour, minute int) time.Time {
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		panic(err)
	}
	return time.Date(2037, 11, day, hour, minute, 0, 0, rome)
}

// start begins to send.
func (w *world) start() {
	w.t.Helper()
	var err error
	w.postman, err = notify.Start(w.t.Context(), notify.Config{
		Pool: w.pool, Queue: w.queue, Appointments: w.Agenda, Writer: plainWriter{}, Mailer: w.mailer, Texter: w.texter, Now: w.clock,
		Logger:     slog.New(slog.NewTextHandler(w.logs, nil)),
		RetryAfter: func(int) time.Duration { return 10 * time.Millisecond },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.stop)
}

// stop ends the sending, with all that is under way.
func (w *world) stop() {
	if w.postman == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), time.Minute)
	defer cancel()
	if err := w.postman.Stop(ctx); err != nil {
		w.t.Error(err)
	}
	w.postman = nil
}

// nothingLeft stops, and looks whether all has come to its end.
func (w *world) nothingLeft(states string) {
	w.t.Helper()
	w.stop()
	w.server.None()
	if got := w.jobs(); got != states {
		w.t.Errorf("jobs: %s, want %s", got, states)
	}
	if w.t.Failed() {
		w.t.Log(w.logs)
	}
}

// jobs lists the jobs as "confirmed completed, reminder scheduled".
func (w *world) jobs() string {
	w.t.Helper()
	rows, err := w.pool.Query(context.WithoutCancel(w.t.Context()), `SELECT (args->>'notice') || ' ' || state FROM river_job ORDER BY id`)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(list, ", ")
}

func (w *world) links() (n int) {
	w.t.Helper()
	if err := w.pool.QueryRow(w.t.Context(), `SELECT count(*) FROM appointment_link`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) book(start time.Time, p booking.Person) booking.Hold {
	w.t.Helper()
	p.Name, p.Surname, p.Language = "Maria", "Rossi", "it"
	h, err := w.Book(w.t.Context(), booking.BookRequest{
		HoldRequest: booking.HoldRequest{ServiceID: w.service.ID, Start: start, Mode: booking.Virtual, Channel: booking.ByOperator, Audience: booking.Public},
		Person:      p,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *world) cancel(h booking.Hold) {
	w.t.Helper()
	if err := w.Cancel(w.t.Context(), h.ID, booking.Actor{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) move(h booking.Hold, to time.Time) {
	w.t.Helper()
	if _, err := w.Reschedule(w.t.Context(), h.ID, to, booking.Actor{}); err != nil {
		w.t.Fatal(err)
	}
}

// next waits for a mail with a subject and a text in it.
func (w *world) next(subject string, texts ...string) testenv.Received {
	w.t.Helper()
	m := w.server.Next()
	if !strings.Contains(m.Data, "Subject: "+subject+"\r\n") {
		w.t.Fatalf("not %s:\n%s", subject, m.Data)
	}
	for _, text := range texts {
		if !strings.Contains(strings.ReplaceAll(m.Data, "=\r\n", ""), text) {
			w.t.Errorf("the mail lacks %q:\n%s", text, m.Data)
		}
	}
	return m
}

var byMail = booking.Person{Email: "maria@example.it"} //nolint:gochecknoglobals // test data

var mailOnly = notify.Channels{Mail: true} //nolint:gochecknoglobals // test data

func TestEachChangeIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	w.start()
	h := w.book(at(19, 9, 0), byMail)
	m := w.next("confirmed", "19 09:00", h.Secret)
	if m.To != "maria@example.it" || m.From != "sportello@prova.example" {
		t.Errorf("from %s to %s", m.From, m.To)
	}
	// Confirmed twice, told once.
	if _, err := w.Confirm(t.Context(), h.ID, h.Secret); err != nil {
		t.Fatal(err)
	}
	w.move(h, at(20, 9, 15))
	w.next("moved", "20 09:15", h.Secret)
	w.cancel(h)
	w.cancel(h)
	w.next("cancelled", "20 09:15")
	w.nothingLeft("confirmed completed, reminder scheduled, moved completed, reminder scheduled, cancelled completed")
	if n := w.links(); n != 0 {
		t.Errorf("%d links are kept of a cancelled appointment", n)
	}
	for _, secret := range []string{"maria", "Rossi", h.Secret} {
		if strings.Contains(w.logs.String(), secret) {
			t.Errorf("the log has %s:\n%s", secret, w.logs)
		}
		var n int
		if err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job j WHERE j::text ILIKE '%' || $1 || '%'`, secret).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d jobs have %s, %v", n, secret, err)
		}
	}
}

// breaking fails after the notice was queued, as a lost connection would.
type breaking struct{ booking.Notifier }

var errBroken = errors.New("broken")

func (b breaking) Notify(ctx context.Context, tx pgx.Tx, n booking.Notice) error {
	if err := b.Notifier.Notify(ctx, tx, n); err != nil {
		return err
	}
	return errBroken
}

func TestRolledBackIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	w.start()
	broken := booking.New(w.pool, nowhere{}, booking.Options{Pepper: []byte("pepper"), Now: w.clock, Notifier: breaking{w.queue}})
	defer broken.Close()
	_, err := broken.Book(t.Context(), booking.BookRequest{
		HoldRequest: booking.HoldRequest{ServiceID: w.service.ID, Start: at(19, 9, 0), Mode: booking.Virtual, Audience: booking.Public},
		Person:      booking.Person{Name: "Maria", Surname: "Rossi", Email: "maria@example.it"},
	})
	if !errors.Is(err, errBroken) {
		t.Fatalf("booked: %v", err)
	}
	h := w.book(at(19, 9, 30), byMail)
	w.next("confirmed", "19 09:30")
	if err := broken.Cancel(t.Context(), h.ID, booking.Actor{}); !errors.Is(err, errBroken) {
		t.Fatalf("cancelled: %v", err)
	}
	if _, err := broken.Reschedule(t.Context(), h.ID, at(19, 10, 0), booking.Actor{}); !errors.Is(err, errBroken) {
		t.Fatalf("moved: %v", err)
	}
	w.nothingLeft("confirmed completed, reminder scheduled")
	if n := w.links(); n != 1 {
		t.Errorf("%d links", n)
	}
}

func TestServerDownIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	w.server.Stop()
	w.start()
	h := w.book(at(19, 9, 0), byMail)
	for range 2 {
		if err := w.attempt(); err == nil {
			t.Fatal("sent to nobody")
		}
	}
	w.server.Start()
	w.next("confirmed", h.Secret)
	w.nothingLeft("confirmed completed, reminder scheduled")
}

// attempt waits for the outcome of one.
func (w *world) attempt() error {
	w.t.Helper()
	select {
	case err := <-w.mailer.attempts:
		return err
	case <-time.After(time.Minute):
		w.t.Fatalf("nothing is tried:\n%s", w.logs)
		return nil
	}
}

// TestCrashAfterSending: the server has the mail, the job is not noted as
// done. It is sent again, with the Message-ID by which servers know it.
func TestCrashAfterSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	w.mailer.err, w.mailer.after = errBroken, true
	w.start()
	w.book(at(19, 9, 0), byMail)
	first, second := w.next("confirmed"), w.next("confirmed")
	id := func(m testenv.Received) string {
		_, rest, _ := strings.Cut(m.Data, "Message-ID: ")
		id, _, _ := strings.Cut(rest, "\r\n")
		return id
	}
	if id(first) == "" || id(first) != id(second) {
		t.Errorf("Message-ID %q, then %q", id(first), id(second))
	}
	w.nothingLeft("confirmed completed, reminder scheduled")
}

func TestOvertakenNoticesAreLetGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	moved, cancelled := w.book(at(19, 9, 0), byMail), w.book(at(19, 9, 15), byMail)
	w.move(moved, at(20, 9, 0))
	w.cancel(cancelled)
	// Only now somebody works: the confirmations are not true any more.
	w.start()
	got := w.server.Next().Data + w.server.Next().Data
	for _, want := range []string{"Subject: moved", "Subject: cancelled"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	w.nothingLeft("confirmed completed, reminder scheduled, confirmed completed, reminder scheduled, moved completed, reminder scheduled, cancelled completed")
}

// due makes the reminders due, as the clock would.
func (w *world) due() {
	w.t.Helper()
	_, err := w.pool.Exec(w.t.Context(), `UPDATE river_job SET scheduled_at = now(), state = 'available' WHERE state = 'scheduled'`)
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) scheduled() []time.Time {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT scheduled_at FROM river_job WHERE args->>'notice' = 'reminder' ORDER BY id`)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func TestReminderFollowsTheAppointment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	w.turn(at(16, 11, 0))
	tomorrow := w.book(at(17, 9, 0), byMail) // its reminder was due an hour ago
	if got := w.scheduled(); len(got) != 0 {
		t.Fatalf("reminders %v of an appointment of tomorrow", got)
	}
	w.cancel(tomorrow)
	h := w.book(at(19, 9, 0), byMail)
	w.move(h, at(20, 9, 0))
	w.move(h, at(19, 9, 0)) // and back: one reminder for that start
	gone := w.book(at(19, 9, 30), byMail)
	w.cancel(gone)
	got := w.scheduled()
	if len(got) != 3 || !got[0].Equal(at(18, 10, 0)) || !got[1].Equal(at(19, 10, 0)) || !got[2].Equal(at(18, 10, 0)) {
		t.Fatalf("reminders at %v", got)
	}
	if _, err := w.pool.Exec(t.Context(), `DELETE FROM river_job WHERE args->>'notice' <> 'reminder'`); err != nil {
		t.Fatal(err)
	}
	w.turn(at(18, 10, 0))
	w.due()
	w.start()
	w.next("reminder", "19 09:00", h.Secret)
	w.nothingLeft("reminder completed, reminder completed, reminder completed")
}

func TestReminderKeepsItsHourAcrossTheClocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	rome := at(1, 0, 0).Location()
	w.turn(time.Date(2038, 3, 15, 8, 0, 0, 0, rome))
	if err := w.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The clocks go forward on Sunday, 28 March.
	w.book(time.Date(2038, 3, 29, 9, 0, 0, 0, rome), byMail)
	if got := w.scheduled(); len(got) != 1 || !got[0].Equal(time.Date(2038, 3, 28, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("reminder at %v", got)
	}
}

func TestWhoCannotBeReachedIsNotQueued(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	h := w.book(at(19, 9, 0), booking.Person{Phone: "333 1234567"})
	w.move(h, at(20, 9, 0))
	w.cancel(h)
	if got, n := w.jobs(), w.links(); got != "" || n != 0 {
		t.Errorf("jobs %q and %d links for nobody", got, n)
	}
}

func TestNothingIsSetUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, notify.Channels{})
	w.book(at(19, 9, 0), booking.Person{Email: "maria@example.it", Phone: "333 1234567"})
	if got, n := w.jobs(), w.links(); got != "" || n != 0 {
		t.Errorf("jobs %q and %d links without a channel", got, n)
	}
}

func TestRefusedForGoodIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	w.server.Answer(func(command string) string {
		if strings.HasPrefix(command, "RCPT TO:<nobody@") {
			return "550 5.1.1 <nobody@example.it>: who is that"
		}
		return ""
	})
	w.start()
	w.book(at(19, 9, 0), booking.Person{Email: "nobody@example.it"})
	if err := w.attempt(); !errors.Is(err, notify.ErrRefused) {
		t.Errorf("refused: %v", err)
	}
	w.nothingLeft("confirmed cancelled, reminder scheduled")
	if strings.Contains(w.logs.String(), "nobody@") {
		t.Errorf("the log has the address:\n%s", w.logs)
	}
}

func TestBusyServerIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	var mu sync.Mutex
	busy := 2
	w.server.Answer(func(command string) string {
		mu.Lock()
		defer mu.Unlock()
		if command == "." && busy > 0 {
			busy--
			return "451 4.3.0 later"
		}
		return ""
	})
	w.start()
	w.book(at(19, 9, 0), byMail)
	w.next("confirmed")
	w.nothingLeft("confirmed completed, reminder scheduled")
}

func TestLinksGoWithTheAppointment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	h := w.book(at(19, 9, 0), byMail)
	kept := w.book(at(20, 9, 0), byMail)
	purged := w.book(at(20, 9, 15), byMail)
	var sealed []byte
	if err := w.pool.QueryRow(t.Context(), `SELECT sealed FROM appointment_link WHERE appointment_id = $1`, h.ID).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte(h.Secret)) {
		t.Error("the secret is stored in clear")
	}
	if _, err := w.pool.Exec(t.Context(), `DELETE FROM appointment_person WHERE appointment_id = $1`, purged.ID); err != nil {
		t.Fatal(err)
	}
	w.turn(at(19, 9, 15))
	if err := w.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left []byte
	if err := w.pool.QueryRow(t.Context(), `SELECT uuid_send(appointment_id) FROM appointment_link`).Scan(&left); err != nil || !bytes.Equal(left, kept.ID[:]) || w.links() != 1 {
		t.Errorf("links left: %d, %v", w.links(), err)
	}
}

// TestForeignSealDoesNotOpen: rows exchanged, or sealed under another key,
// give no link; the rest is told all the same.
func TestForeignSealDoesNotOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	a, b := w.book(at(19, 9, 0), byMail), w.book(at(19, 9, 15), byMail)
	_, err := w.pool.Exec(t.Context(), `
		UPDATE appointment_link l SET sealed = o.sealed FROM appointment_link o WHERE o.appointment_id = $2 AND l.appointment_id = $1`, a.ID, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	for range 2 {
		m := w.next("confirmed")
		if strings.Contains(m.Data, "19 09:00") && strings.Contains(m.Data, b.Secret) {
			t.Errorf("another's link was sent:\n%s", m.Data)
		}
	}
	w.nothingLeft("confirmed completed, reminder scheduled, confirmed completed, reminder scheduled")
}

// TestKilledProcessLeavesNothingUnsent: a job that a dead process was working
// is taken up by the next.
func TestKilledProcessLeavesNothingUnsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	h := w.book(at(19, 9, 0), byMail)
	_, err := w.pool.Exec(t.Context(), `
		UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now() - interval '10 minutes', attempted_by = '{dead}'
		WHERE state = 'available'`)
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	w.next("confirmed", h.Secret)
	w.nothingLeft("confirmed completed, reminder scheduled")
}

// TestOverdue: what nobody can send is late from its first try on, a reminder is not
// before its day.
func TestOverdue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mailOnly)
	late := func() time.Duration {
		t.Helper()
		d, err := notify.Overdue(t.Context(), w.pool)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := late(); d != 0 {
		t.Errorf("nothing waits, and it is %v late", d)
	}
	w.book(at(19, 9, 0), byMail)
	// The confirmation failed an hour ago and goes again in ten minutes.
	_, err := w.pool.Exec(t.Context(), `
		UPDATE river_job SET state = 'retryable', scheduled_at = now() + interval '10 minutes',
			errors = ARRAY[jsonb_build_object('at', now() - interval '1 hour', 'attempt', 1, 'error', 'x', 'trace', '')]
		WHERE state = 'available'`)
	if err != nil {
		t.Fatal(err)
	}
	if d := late(); d < time.Hour || d > 2*time.Hour {
		t.Errorf("%v late, want an hour", d)
	}
	if _, err := w.pool.Exec(t.Context(), `UPDATE river_job SET state = 'completed', finalized_at = now() WHERE state = 'retryable'`); err != nil {
		t.Fatal(err)
	}
	if d := late(); d != 0 {
		t.Errorf("only the reminder waits, and it is %v late", d)
	}
}
