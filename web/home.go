package web

import (
	"net/http"

	"sportello/booking"
)

// officeWithServices is an office and what can be asked of it.
type officeWithServices struct {
	Office   booking.Office
	Services []booking.Service
}

// catalogueOfServices lists the offices that offer something, with it.
func (s *Server) catalogueOfServices(r *http.Request) ([]officeWithServices, error) {
	offices, err := s.agenda.Offices(r.Context())
	if err != nil {
		return nil, err
	}
	services, err := s.agenda.AllServices(r.Context())
	if err != nil {
		return nil, err
	}
	byOffice := map[int64][]booking.Service{}
	for _, service := range services {
		byOffice[service.OfficeID] = append(byOffice[service.OfficeID], service)
	}
	var out []officeWithServices
	for _, office := range offices {
		if own := byOffice[office.ID]; len(own) > 0 {
			out = append(out, officeWithServices{Office: office, Services: own})
		}
	}
	return out, nil
}

func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	offices, err := s.catalogueOfServices(r)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "public/home.html", Page{Data: map[string]any{"Offices": offices}})
}
