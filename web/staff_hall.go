package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"sportello/booking"
)

// hallsView lists the halls and the screens that hang in them.
type hallsView struct {
	Halls    []booking.Hall
	Displays []booking.Display
	Link     string // shown once, right after it was made
}

const hallsPath = "/staff/sale"

// hallsOf reads what is the colleague's business.
func (s *Server) hallsOf(r *http.Request, me *colleague) (*hallsView, error) {
	halls, err := s.agenda.Halls(r.Context())
	if err != nil {
		return nil, err
	}
	displays, err := s.agenda.Displays(r.Context())
	if err != nil {
		return nil, err
	}
	foreign := func(h booking.Hall) bool {
		return slices.ContainsFunc(h.Offices, func(id int64) bool { return !me.MayOffice(id) })
	}
	v := &hallsView{Halls: slices.DeleteFunc(halls, foreign)}
	v.Displays = slices.DeleteFunc(displays, func(d booking.Display) bool { return foreign(d.Hall) })
	for i := range v.Displays {
		v.Displays[i].CreatedAt = inZone(v.Displays[i].CreatedAt, s.staff.zone)
	}
	return v, nil
}

func (s *Server) hallsPage(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.hallsOf(r, me)
	if err != nil {
		return err
	}
	if secret := s.passed(w, r); secret != "" {
		if d, err := s.agenda.DisplayBySecret(r.Context(), secret); err == nil {
			v.Link = s.link(s.lang(r).Path("/sala/" + url.PathEscape(d.Hall.Slug) + "#" + secret))
		}
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/halls.html", v)
}

// hallsPost makes a screen's link.
func (s *Server) hallsPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.hallsOf(r, me)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(v.Halls, func(h booking.Hall) bool { return h.Slug == r.PostFormValue("sala") })
	if i < 0 {
		return booking.ErrNotFound
	}
	secret, err := s.agenda.AddDisplay(r.Context(), v.Halls[i], me.Actor())
	if err != nil {
		return err
	}
	return s.passOn(w, r, hallsPath, secret)
}

func (s *Server) hallsRevoke(w http.ResponseWriter, r *http.Request, me *colleague) error {
	id, err := strconv.ParseInt(r.PathValue("display"), 10, 64)
	if err != nil {
		return errNoPage
	}
	v, err := s.hallsOf(r, me)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(v.Displays, func(d booking.Display) bool { return d.ID == id }) {
		return booking.ErrNotFound
	}
	if err := s.agenda.RevokeDisplay(r.Context(), id, me.Actor()); err != nil {
		return err
	}
	s.tell(r.Context(), "success", "staff.halls.revoked")
	http.Redirect(w, r, s.lang(r).Path(hallsPath), http.StatusSeeOther)
	return nil
}
