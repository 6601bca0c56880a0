package web

import (
	"errors"
	"net/http"

	"sportello/booking"
)

// manageRoom leads into the room of a virtual appointment. Who came by a link
// has its secret already; who came by code and surname, such as somebody who
// booked by phone, gets one here.
func (s *Server) manageRoom(w http.ResponseWriter, r *http.Request) error {
	a, secret, done, err := s.managed(w, r)
	if done {
		return err
	}
	if secret == "" {
		secret, err = s.agenda.CitizenGrant(r.Context(), a.ID)
	}
	if errors.Is(err, booking.ErrState) { // in person, or over: its page shows how it stands
		s.backToManaged(w, r, a, "")
		return nil
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.lang(r).Path("/stanza#"+secret), http.StatusSeeOther)
	return nil
}
