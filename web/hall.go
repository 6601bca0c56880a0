package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sportello/booking"
)

const (
	// displayCookie carries a screen's secret, bound to the path of its hall.
	displayCookie = "sala"
	// displayKept is as long as browsers keep a cookie at most: a screen hangs
	// until somebody takes its right away.
	displayKept = 400 * 24 * time.Hour
	// callsShown is what can be read from across a hall.
	callsShown = 6
	// streamsPerDisplay bounds the streams of one screen's link.
	streamsPerDisplay = 8
)

// hallRoutes are the screens in the halls. They show a ticket and a desk, and
// never a name; who may see them is asked at each request, since a screen's
// right can be taken back.
func (s *Server) hallRoutes(mux *http.ServeMux) {
	guess := s.limited("hall", 10, time.Minute)
	s.page(mux, "GET /sala/{hall}", s.hallPage)
	s.page(mux, "POST /sala/{hall}", guess(s.hallOpen))
	s.page(mux, "GET /sala/{hall}/chiamate", s.hallCalls)
	s.stream(mux, "GET /sala/{hall}/eventi", s.hallEvents)
}

// hallView is what a screen shows.
type hallView struct {
	Hall         booking.Hall
	Open         bool // the right was shown
	Bad          bool // a link was, but not a good one
	Now          time.Time
	Calls        []booking.Call
	Live, Events string
}

// hallRight finds the hall of the path, and who watches it: a screen with its
// link, or somebody of the reception. watcher is 0 for nobody.
func (s *Server) hallRight(r *http.Request) (h booking.Hall, watcher int64, err error) {
	ctx := r.Context()
	if h, err = s.agenda.HallBySlug(ctx, r.PathValue("hall")); err != nil {
		return h, 0, err
	}
	for _, c := range r.CookiesNamed(displayCookie) {
		d, err := s.agenda.DisplayBySecret(ctx, c.Value)
		if err == nil && d.Hall.Slug == h.Slug {
			return h, -d.ID, nil // apart from the staff's numbers
		}
		if err != nil && !errors.Is(err, booking.ErrNotFound) {
			return h, 0, err
		}
	}
	me, err := s.atTheBoard(r)
	if err != nil || me == nil {
		return h, 0, err
	}
	if !me.Has(booking.Reception) || slices.ContainsFunc(h.Offices, func(id int64) bool { return !me.MayOffice(id) }) {
		return h, 0, nil
	}
	return h, me.ID, nil
}

// atTheBoard is who is signed in, or nobody. The session is only read.
func (s *Server) atTheBoard(r *http.Request) (*colleague, error) {
	c, err := r.Cookie(s.staff.sessions.Cookie.Name)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // nobody
	}
	ctx, err := s.staff.sessions.Load(r.Context(), c.Value)
	if err != nil {
		return nil, err
	}
	me, err := s.whoIs(r.WithContext(ctx), true)
	if errors.Is(err, errSignedOut) {
		return nil, nil //nolint:nilnil // nobody
	}
	return me, err
}

// hallPage is the screen. Without a right it waits for the link's secret,
// which its script finds in the fragment and posts.
func (s *Server) hallPage(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	h, watcher, err := s.hallRight(r)
	if err != nil {
		return err
	}
	v, err := s.hallView(r, h, watcher != 0)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "hall/sala.html", Page{Data: v, Bundle: "hall"})
}

func (s *Server) hallView(r *http.Request, h booking.Hall, open bool) (*hallView, error) {
	base := s.lang(r).Path("/sala/" + url.PathEscape(h.Slug))
	v := &hallView{Hall: h, Open: open, Now: s.today(), Live: base + "/chiamate", Events: base + "/eventi"}
	if !open {
		return v, nil
	}
	var err error
	v.Calls, err = s.agenda.Calls(r.Context(), h, callsShown)
	for i := range v.Calls {
		v.Calls[i].At = inZone(v.Calls[i].At, s.staff.zone)
	}
	return v, err
}

// hallOpen takes the secret of a screen's link and keeps it in a cookie.
func (s *Server) hallOpen(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	h, err := s.agenda.HallBySlug(r.Context(), r.PathValue("hall"))
	if err != nil {
		return err
	}
	secret := r.PostFormValue("secret")
	d, err := s.agenda.DisplayBySecret(r.Context(), secret)
	if err == nil && d.Hall.Slug != h.Slug {
		err = booking.ErrNotFound
	}
	if errors.Is(err, booking.ErrNotFound) {
		v, err := s.hallView(r, h, false)
		if err != nil {
			return err
		}
		v.Bad = true
		return s.render(w, r, http.StatusForbidden, "hall/sala.html", Page{Data: v, Bundle: "hall"})
	}
	if err != nil {
		return err
	}
	for _, l := range s.texts.languages {
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the public address: http in development
			Name: displayCookie, Value: secret, Path: l.Path("/sala/" + url.PathEscape(h.Slug)), MaxAge: int(displayKept / time.Second),
			HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode,
		})
	}
	http.Redirect(w, r, s.lang(r).Path("/sala/"+url.PathEscape(h.Slug)), http.StatusSeeOther)
	return nil
}

// hallCalls is the part of the screen that changes.
func (s *Server) hallCalls(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	h, watcher, err := s.hallRight(r)
	if err != nil {
		return err
	}
	if watcher == 0 {
		w.WriteHeader(http.StatusUnauthorized) // the script says so, and keeps what stands there
		return nil
	}
	v, err := s.hallView(r, h, true)
	if err != nil {
		return err
	}
	body, err := s.fragment(s.lang(r), "hall/sala.html", "calls", v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	writeBody(r, w, s.log, body)
	return nil
}

// hallEvents tells a screen that something changed in its offices.
func (s *Server) hallEvents(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	h, watcher, err := s.hallRight(r)
	if err != nil {
		return err
	}
	if watcher == 0 {
		w.WriteHeader(http.StatusUnauthorized)
		return nil
	}
	return s.streamChanges(w, r, watcher, streamsPerDisplay, nil, func(office int64) bool { return slices.Contains(h.Offices, office) })
}
