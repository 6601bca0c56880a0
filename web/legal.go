package web

import "net/http"

func (s *Server) privacy(w http.ResponseWriter, r *http.Request) error {
	return s.legal(w, r, "public/privacy.html", "nav.privacy")
}

func (s *Server) accessibility(w http.ResponseWriter, r *http.Request) error {
	return s.legal(w, r, "public/accessibility.html", "nav.accessibility")
}

func (s *Server) legal(w http.ResponseWriter, r *http.Request, page, title string) error {
	return s.render(w, r, http.StatusOK, page, Page{Crumbs: []Crumb{{Text: s.lang(r).T(title)}}})
}
