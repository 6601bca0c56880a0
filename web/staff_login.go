package web

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sportello/booking"
)

// maxPassword bounds what is hashed, in bytes; the agenda bounds it in letters.
const maxPassword = 1024

// loginForm is the page to sign in.
type loginForm struct {
	Login   string
	Next    string
	Bad     bool // name or password is wrong; which of them is not told
	TooMany bool
}

func (s *Server) loginPage(w http.ResponseWriter, r *http.Request) error {
	if me, err := s.whoIs(r, false); err == nil {
		http.Redirect(w, r, s.lang(r).Path(firstPage(me.Staff)), http.StatusSeeOther)
		return nil
	} else if !errors.Is(err, errSignedOut) {
		return err
	}
	return s.loginRender(w, r, http.StatusOK, loginForm{Next: safeNext(s.lang(r), r.FormValue("dove"))})
}

func (s *Server) loginRender(w http.ResponseWriter, r *http.Request, status int, f loginForm) error {
	return s.render(w, r, status, "staff/login.html", Page{Data: f, Bundle: "staff"})
}

func (s *Server) loginPost(w http.ResponseWriter, r *http.Request) error {
	login, password := strings.TrimSpace(r.PostFormValue("login")), r.PostFormValue("password")
	f := loginForm{Login: truncate(login, 100), Next: safeNext(s.lang(r), r.PostFormValue("dove"))}
	// All are counted whether the name exists or not, so that the answer
	// tells nothing about it.
	address, name := PeerAddress(r), strings.ToLower(f.Login)
	there := name + "\n" + address
	if s.staff.byAddress.over(w, r, address) || s.staff.byName.over(w, r, there) || s.staff.byNameAll.over(w, r, name) {
		s.log.WarnContext(r.Context(), "too many logins")
		f.TooMany = true
		return s.loginRender(w, r, http.StatusTooManyRequests, f)
	}
	if login == "" || len(login) > 100 || password == "" || len(password) > maxPassword {
		f.Bad = true
		return s.loginRender(w, r, http.StatusUnprocessableEntity, f)
	}
	who, err := s.agenda.Authenticate(r.Context(), login, password)
	if errors.Is(err, booking.ErrBadLogin) {
		f.Bad = true
		return s.loginRender(w, r, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	// A whole town hall that signs in at eight comes from one address.
	s.staff.byAddress.welcome(w, r, address)
	s.staff.byName.welcome(w, r, there)
	s.staff.byNameAll.welcome(w, r, name)
	if err := s.startSession(r, who); err != nil {
		return err
	}
	s.log.InfoContext(r.Context(), "signed in", slog.Int64("staff", who.ID))
	to := f.Next
	if to == "" {
		to = s.lang(r).Path(firstPage(who))
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// startSession begins a session under a new token, so that one that somebody
// planted before is worth nothing.
func (s *Server) startSession(r *http.Request, who booking.Staff) error {
	ctx, m := r.Context(), s.staff.sessions
	if err := m.Clear(ctx); err != nil {
		return err
	}
	if err := m.RenewToken(ctx); err != nil {
		return err
	}
	life := s.staff.config.Lifetime
	if isBoard(who) {
		life = s.staff.config.BoardLifetime
	}
	m.SetDeadline(ctx, time.Now().Add(life).UTC())
	m.Put(ctx, sessionStaff, who.ID)
	m.Put(ctx, sessionSeen, s.now().Unix())
	return nil
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	if err := s.staff.sessions.Destroy(r.Context()); err != nil {
		return err
	}
	// What the browser may have kept of the pages goes too.
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, s.lang(r).Path("/staff/accesso"), http.StatusSeeOther)
	return nil
}

// firstPage is where somebody begins: the page of the only role, or the menu.
func firstPage(who booking.Staff) string {
	if nav := staffNav(who, ""); len(nav) == 1 {
		return nav[0].Path
	}
	return "/staff/"
}

// safeNext accepts a page of the staff's to return to, and nothing that leads
// elsewhere.
func safeNext(l *Language, next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || strings.Contains(next, "\\") ||
		!strings.HasPrefix(u.Path, l.Path("/staff/")) || strings.Contains(u.Path, "..") || strings.HasPrefix(u.Path, l.Path("/staff/accesso")) {
		return ""
	}
	return u.RequestURI()
}

// truncate shortens what is shown back, by runes.
func truncate(text string, n int) string {
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	return string(r[:n])
}
