package web

import (
	"net/http"
)

func (s *Server) officePage(w http.ResponseWriter, r *http.Request) error {
	l := s.lang(r)
	office, err := s.agenda.OfficeBySlug(r.Context(), r.PathValue("office"))
	if err != nil {
		return err
	}
	services, err := s.agenda.Services(r.Context(), office.ID)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "public/office.html", Page{
		Data:   officeWithServices{Office: office, Services: services},
		Crumbs: []Crumb{{Text: l.T("home.offices"), Path: l.Path("/#uffici")}, {Text: office.Name.In(l.Code)}},
	})
}
