package web

import (
	"errors"
	"net/http"
	"strconv"

	"sportello/booking"
)

// ratingView is the question at the end of a booking, "Quanto è stato facile
// usare questo servizio?", in the words of the model for municipal sites.
type ratingView struct {
	Action string // "" where there is nothing to ask
	Thanks bool
	Error  string // what was wrong with the answer before
	Scale  []int
	// Together are the services that the one answer is for; nil where there is but one.
	Together booking.Text
}

// ratingOf asks where it can still be answered. Address is where the answer goes.
func ratingOf(a booking.Appointment, r *http.Request, address string) ratingView {
	v := ratingView{Thanks: a.Rated, Error: r.URL.Query().Get("valutazione"), Scale: []int{1, 2, 3, 4, 5}}
	if v.Error != "stelle" && v.Error != "testo" {
		v.Error = ""
	}
	if len(a.Service.Also) > 0 {
		v.Together = a.Service.Name
	}
	switch a.State {
	case booking.Held, booking.Expired, booking.Cancelled:
	case booking.Booked, booking.Arrived, booking.Called, booking.Served, booking.NoShow:
		if !a.Rated {
			v.Action = address
		}
	}
	return v
}

func (s *Server) holdRate(w http.ResponseWriter, r *http.Request) error {
	a, _, err := s.held(w, r)
	if err != nil {
		return err
	}
	return s.rate(w, r, a, s.lang(r).Path(holdPath(a.ID, stepCount)+"/conferma"))
}

func (s *Server) manageRate(w http.ResponseWriter, r *http.Request) error {
	a, _, done, err := s.managed(w, r)
	if done {
		return err
	}
	return s.rate(w, r, a, s.lang(r).Path("/appuntamento/"+a.ID.String()))
}

func (s *Server) rate(w http.ResponseWriter, r *http.Request, a booking.Appointment, back string) error {
	stars, err := strconv.Atoi(r.PostFormValue("stelle"))
	if err != nil {
		stars = 0
	}
	var field *booking.FieldError
	err = s.agenda.Rate(r.Context(), a.ID, stars, r.PostFormValue("commento"))
	switch {
	case errors.As(err, &field) && field.Field == "stars":
		back += "?valutazione=stelle"
	case errors.As(err, &field):
		back += "?valutazione=testo"
	case err != nil && !errors.Is(err, booking.ErrState): // a second click: the thanks are shown
		return err
	}
	http.Redirect(w, r, back+"#valutazione", http.StatusSeeOther)
	return nil
}
