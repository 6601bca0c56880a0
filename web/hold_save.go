package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
)

// savedView tells how to come back to a request that was begun.
type savedView struct {
	Recap    recap
	Link     string // absolute, with the secret in its fragment
	Continue string
	Kept     time.Time // until when what was typed is kept
}

// saves says whether the button "Salva richiesta" was pressed, and if so leads
// to the page that says how to come back.
func (s *Server) saves(w http.ResponseWriter, r *http.Request, a booking.Appointment) bool {
	if r.PostFormValue("salva") == "" {
		return false
	}
	http.Redirect(w, r, s.lang(r).Path(holdPath(a.ID, stepCount)+"/salvata"), http.StatusSeeOther)
	return true
}

func (s *Server) holdSaved(w http.ResponseWriter, r *http.Request) error {
	a, secret, err := s.held(w, r)
	if err != nil {
		return err
	}
	l := s.lang(r)
	path := l.Path(holdPath(a.ID, stepCount))
	if a.State != booking.Held && a.State != booking.Expired {
		http.Redirect(w, r, path+"/conferma", http.StatusSeeOther)
		return nil
	}
	v := savedView{Recap: s.recapOf(a), Link: s.link(path + "#" + secret), Continue: path, Kept: booking.KeptUntil(a)}
	if s.over(a) {
		v.Recap.Start = time.Time{}
	}
	s.keepSecret(w, a.ID, secret, v.Kept.Sub(s.now()))
	return s.render(w, r, http.StatusOK, "public/saved.html", Page{Data: v, Crumbs: bookingCrumbs(l)})
}

// resumeView is the door to a saved request, on a device that does not have it.
type resumeView struct {
	Action string // without the fragment, which a browser would keep
	Errors formErrors
}

func (s *Server) showResume(w http.ResponseWriter, r *http.Request, v resumeView) error {
	v.Action = r.URL.Path
	return s.render(w, r, statusOf(v.Errors), "public/resume.html", Page{Data: v, Crumbs: bookingCrumbs(s.lang(r)), NoSwitch: len(v.Errors) > 0})
}

// holdReopen takes the secret of a saved request, which the page's script has
// from the link's fragment, or the whole link as somebody pasted it.
func (s *Server) holdReopen(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	id, err := uuid.Parse(r.PathValue("hold"))
	if err != nil {
		return errNoPage
	}
	secret := strings.TrimSpace(r.PostFormValue("secret"))
	if i := strings.LastIndexByte(secret, '#'); i >= 0 {
		secret = secret[i+1:]
	}
	a, err := s.agenda.HoldBySecret(r.Context(), id, secret)
	if errors.Is(err, booking.ErrNotFound) {
		var v resumeView
		v.Errors.add("secret", s.lang(r).T("resume.bad"))
		return s.showResume(w, r, v)
	}
	if err != nil {
		return err
	}
	s.keepSecret(w, id, secret, holdKept)
	http.Redirect(w, r, s.lang(r).Path(holdPath(a.ID, stepCount)), http.StatusSeeOther)
	return nil
}
