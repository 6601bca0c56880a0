package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"sportello/booking"
)

// StaffConfig is what the staff's pages need beyond Config.
type StaffConfig struct {
	// Sessions keeps who is signed in: scs's store in PostgreSQL, so that a
	// restart signs nobody out. Nil keeps them in memory.
	Sessions scs.Store
	// Presence tells who waits in the virtual lobby. Nil shows none.
	Presence Presence
	// Idle ends a session that nobody has used (2 hours), Lifetime any session
	// (12 hours). A board that hangs in the hall is signed in for longer.
	Idle, Lifetime, BoardLifetime time.Duration
	// LoginsPerAddress and LoginsPerName bound the tries in five minutes that fail:
	// of one address, and of a name from one address, so that nobody can lock
	// somebody else out. From everywhere a name has ten times as many.
	LoginsPerAddress, LoginsPerName int
	// Heartbeat is how often a silent stream of events says that it lives.
	Heartbeat time.Duration
}

const (
	sessionStaff = "staff" // int64
	sessionSeen  = "seen"  // int64, seconds since 1970
	sessionFlash = "flash" // string, see flash
	flashLink    = "Link"
	loginWindow  = 5 * time.Minute
)

// staffState is what the staff's pages keep between requests.
type staffState struct {
	sessions  *scs.SessionManager
	presence  Presence
	zone      *time.Location
	config    StaffConfig
	byAddress *limit
	byName    *limit // from one address
	byNameAll *limit
	streams   *streams
}

func newStaffState(c Config, l *limits) (staffState, error) {
	k := c.Staff
	k.Idle = defaultTo(k.Idle, 2*time.Hour)
	k.Lifetime = defaultTo(k.Lifetime, 12*time.Hour)
	k.BoardLifetime = defaultTo(k.BoardLifetime, 8*24*time.Hour)
	k.LoginsPerAddress = defaultTo(k.LoginsPerAddress, 30)
	k.LoginsPerName = defaultTo(k.LoginsPerName, 10)
	k.Heartbeat = defaultTo(k.Heartbeat, 20*time.Second)
	if k.Sessions == nil {
		k.Sessions = memstore.New()
	}
	zone, err := time.LoadLocation(c.Town.TZ)
	if err != nil {
		return staffState{}, fmt.Errorf("web: time zone of the town: %w", err)
	}
	m := scs.New()
	m.Store = k.Sessions
	m.HashTokenInStore = true
	m.Lifetime = k.Lifetime
	m.Cookie.Name = "sv_staff"
	m.Cookie.Secure = strings.HasPrefix(c.PublicURL, "https://")
	m.Cookie.Persist = false
	return staffState{
		sessions: m, presence: k.Presence, zone: zone, config: k,
		byAddress: l.limit("logins", k.LoginsPerAddress, loginWindow),
		byName:    l.limit("login-names", k.LoginsPerName, loginWindow),
		byNameAll: l.limit("login-names-all", 10*k.LoginsPerName, loginWindow),
		streams:   newStreams(),
	}, nil
}

func defaultTo[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// colleague is who is signed in.
type colleague struct {
	booking.Staff
	Nav []navItem
	// Flash is what the last POST has to say; it is shown once.
	Flash *flash
}

// Administrates says whether the administrator's pages are theirs.
func (c *colleague) Administrates() bool { return c.Has(booking.Administrator) }

// Actor is the colleague as the agenda records it.
func (c *colleague) Actor() booking.Actor { return booking.Actor{StaffID: c.ID} }

// MayOffice says whether an office's appointments are the colleague's
// business. No office assigned means all of them: a small town's operator
// answers for everybody.
func (c *colleague) MayOffice(id int64) bool {
	return len(c.Offices) == 0 || slices.Contains(c.Offices, id)
}

// withSession loads the session before h and stores what h changed in it.
func (s *Server) withSession(h handlerFunc) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		noStore(w)
		var err error
		loaded := false
		m := *s.staff.sessions
		m.ErrorFunc = func(_ http.ResponseWriter, r *http.Request, e error) {
			if loaded { // the answer is on its way: it cannot become another
				s.log.ErrorContext(r.Context(), "session not stored", slog.String("error", e.Error()))
				return
			}
			err = fmt.Errorf("session: %w", e)
		}
		m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			loaded = true
			err = h(w, r)
		})).ServeHTTP(w, r)
		return err
	}
}

// signedIn lets in who is signed in and has one of the route's roles.
func (s *Server) signedIn(route staffRoute) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		me, err := s.whoIs(r, route.Background)
		switch {
		case errors.Is(err, errSignedOut) && route.Background:
			// A script asks: it shows a link, and keeps what stands on the page.
			w.WriteHeader(http.StatusUnauthorized)
			return nil
		case errors.Is(err, errSignedOut) && r.Method != http.MethodPost:
			// A form is not sent away so: what stands in it would be lost.
			http.Redirect(w, r, s.lang(r).Path("/staff/accesso?dove="+url.QueryEscape(r.URL.RequestURI())), http.StatusSeeOther)
			return nil
		case err != nil:
			return err
		}
		if !slices.ContainsFunc(route.Roles, me.Has) {
			return s.refuse(w, r, me)
		}
		return route.Handler(w, r, me)
	}
}

// signedInStream is signedIn for an answer that stays open: the session is
// read, never written, because nothing could be stored at its end.
func (s *Server) signedInStream(route staffRoute) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		noStore(w)
		var token string
		if c, err := r.Cookie(s.staff.sessions.Cookie.Name); err == nil {
			token = c.Value
		}
		ctx, err := s.staff.sessions.Load(r.Context(), token)
		if err != nil {
			return fmt.Errorf("session: %w", err)
		}
		return s.signedIn(route)(w, r.WithContext(ctx))
	}
}

var errSignedOut = errors.New("web: nobody is signed in")

// whoIs reads who is signed in, as the agenda knows them now: a role taken
// away or an account closed counts from the next click.
func (s *Server) whoIs(r *http.Request, background bool) (*colleague, error) {
	ctx, m := r.Context(), s.staff.sessions
	id := m.GetInt64(ctx, sessionStaff)
	if id == 0 {
		return nil, errSignedOut
	}
	staff, err := s.agenda.StaffByID(ctx, id)
	if errors.Is(err, booking.ErrNotFound) {
		return nil, errSignedOut
	}
	if err != nil {
		return nil, err
	}
	now := s.now()
	seen := time.Unix(m.GetInt64(ctx, sessionSeen), 0)
	if now.Sub(seen) > s.staff.config.Idle && !isBoard(staff) {
		return nil, errSignedOut
	}
	if !background && now.Sub(seen) > time.Minute {
		m.Put(ctx, sessionSeen, now.Unix())
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return &colleague{Staff: staff, Nav: staffNav(staff, "/"+path)}, nil
}

// isBoard says whether somebody's account shows the reception's board and
// nothing else: it may hang in the hall for a week with nobody touching it.
func isBoard(m booking.Staff) bool {
	return len(m.Roles) == 1 && m.Roles[0] == booking.Reception
}

// refuse answers with a page that names the pages one does have.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, me *colleague) error {
	s.log.WarnContext(r.Context(), "staff page refused", slog.Int64("staff", me.ID), slog.String("route", r.Pattern))
	return s.staffRender(w, r, me, http.StatusForbidden, "staff/forbidden.html", nil)
}

// flash is a sentence about the POST that came before.
type flash struct {
	Kind string // "success" or "warning"
	Text string
	// Link leads to what it speaks of, where that is elsewhere.
	Link, LinkText string
}

// tell keeps a sentence, a text of the catalogue and its values, for the page
// that follows a redirect. It lies in the session, so it names no citizen. The
// value "Link" is a path; its text stands under the key with ".link".
func (s *Server) tell(ctx context.Context, kind, key string, pairs ...string) {
	s.staff.sessions.Put(ctx, sessionFlash, strings.Join(append([]string{kind, key}, pairs...), "\x1f"))
}

func (s *Server) told(ctx context.Context, l *Language) *flash {
	parts := strings.Split(s.staff.sessions.PopString(ctx, sessionFlash), "\x1f")
	if len(parts) < 2 {
		return nil
	}
	pairs := make([]any, 0, len(parts))
	for _, p := range parts[2:] {
		pairs = append(pairs, p)
	}
	f := &flash{Kind: parts[0], Text: l.T(parts[1], pairs...)}
	if i := slices.Index(parts, flashLink); i > 0 && i+1 < len(parts) {
		f.Link, f.LinkText = parts[i+1], l.T(parts[1]+".link", pairs...)
	}
	return f
}

// staffRender writes a page of the staff's.
func (s *Server) staffRender(w http.ResponseWriter, r *http.Request, me *colleague, status int, name string, data any) error {
	if me.Flash == nil {
		me.Flash = s.told(r.Context(), s.lang(r))
	}
	return s.render(w, r, status, name, Page{Data: data, Bundle: "staff", Staff: me, NoSwitch: r.Method != http.MethodGet})
}

// endSessions signs somebody out everywhere but in the session of the token
// given. The store is gone through, since it knows sessions only by token.
func (s *Server) endSessions(ctx context.Context, staff int64, except string) error {
	store, ok := s.staff.config.Sessions.(scs.IterableStore)
	if !ok {
		return errors.New("web: the store of sessions cannot be gone through")
	}
	all, err := store.All()
	if err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	sum := sha256.Sum256([]byte(except)) // as scs hashes the tokens it stores
	keep := base64.RawURLEncoding.EncodeToString(sum[:])
	for token, data := range all {
		_, values, err := s.staff.sessions.Codec.Decode(data)
		if err != nil {
			s.log.WarnContext(ctx, "session cannot be read", slog.String("error", err.Error()))
			continue
		}
		if id, ok := values[sessionStaff].(int64); ok && id == staff && token != keep {
			if err := s.staff.config.Sessions.Delete(token); err != nil {
				return fmt.Errorf("end session: %w", err)
			}
		}
	}
	return nil
}

// streams counts the open streams of each member of the staff.
type streams struct {
	mu   sync.Mutex
	open map[int64]int
	done chan struct{}
	once sync.Once
}

func newStreams() *streams { return &streams{open: map[int64]int{}, done: make(chan struct{})} }

// enter takes a place; leave gives it back.
func (t *streams) enter(id int64, limit int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[id] >= limit {
		return false
	}
	t.open[id]++
	return true
}

func (t *streams) leave(id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[id]--; t.open[id] <= 0 {
		delete(t.open, id)
	}
}

// EndStreams closes the streams of events, which would otherwise hold up the
// shutdown of the HTTP server. Pages open them again elsewhere.
func (s *Server) EndStreams() { s.staff.streams.once.Do(func() { close(s.staff.streams.done) }) }
