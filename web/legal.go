package web

import (
	"net/http"
	"slices"

	"sportello/booking"
)

// privacyView tells how long it is kept whose an appointment was.
type privacyView struct {
	Days   int              // by the town's setting
	Others []booking.Office // with a setting of their own
	// Unknown: the offices cannot be asked now. The rest of the notice is there all the same.
	Unknown bool
}

func (s *Server) privacy(w http.ResponseWriter, r *http.Request) error {
	v := privacyView{Days: s.agenda.RetentionDays()}
	all, err := s.agenda.EveryOffice(r.Context()) // what was booked at the retired is kept as well
	if v.Unknown = err != nil && unavailable(err); err != nil && !v.Unknown {
		return err
	}
	v.Others = slices.DeleteFunc(all, func(o booking.Office) bool { return o.RetentionDays == 0 || o.RetentionDays == v.Days })
	return s.legal(w, r, "public/privacy.html", "nav.privacy", v)
}

func (s *Server) accessibility(w http.ResponseWriter, r *http.Request) error {
	return s.legal(w, r, "public/accessibility.html", "nav.accessibility", nil)
}

func (s *Server) legal(w http.ResponseWriter, r *http.Request, page, title string, data any) error {
	return s.render(w, r, http.StatusOK, page, Page{Crumbs: []Crumb{{Text: s.lang(r).T(title)}}, Data: data})
}
