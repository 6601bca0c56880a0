package web

import (
	"errors"
	"net/http"
	"time"

	"sportello/booking"
)

// apiBooked is an appointment as its own secret may see it: not whose it is,
// which whoever has the secret knows.
type apiBooked struct {
	ID          string        `json:"id"`
	State       booking.State `json:"state"`
	Office      string        `json:"office"`
	Service     string        `json:"service"`
	ServiceName booking.Text  `json:"service_name"`
	Mode        booking.Mode  `json:"mode"`
	Desk        string        `json:"desk"`
	Start       time.Time     `json:"start"`
	End         time.Time     `json:"end"`
	Version     int           `json:"version"`
	ChangeUntil time.Time     `json:"change_until"`
	CanChange   bool          `json:"can_change"`

	HoldExpiresAt *time.Time `json:"hold_expires_at,omitempty"`
	Secret        string     `json:"secret,omitempty"` // of a new hold, once
	Code          string     `json:"code,omitempty"`   // once booked
	ManageURL     string     `json:"manage_url,omitempty"`
	RoomURL       string     `json:"room_url,omitempty"`
}

// bookedOut shows an appointment. The links carry the secret in their fragment,
// and go to the citizen.
func (s *Server) bookedOut(a booking.Appointment, secret string) apiBooked {
	out := apiBooked{
		ID: a.ID.String(), State: a.State, Office: a.Office.Slug, Service: a.Service.Slug, ServiceName: said(a.Service.Name),
		Mode: a.Mode, Desk: a.DeskName, Start: a.Start, End: a.End, Version: a.Version,
		ChangeUntil: a.Start.Add(-a.Service.CancelUntil), CanChange: s.changeable(a),
	}
	switch {
	case s.over(a):
		out.State = booking.Expired
	case a.State == booking.Held:
		out.HoldExpiresAt = &a.HoldExpiresAt
	default:
		l := s.texts.match(a.Person.Language)
		out.Code, out.ManageURL = s.agenda.Code(secret), s.manageLink(l, secret)
		if a.Mode == booking.Virtual {
			out.RoomURL = s.roomLink(l, secret)
		}
	}
	return out
}

// apiSecret finds the appointment whose secret the request carries. What the
// site holds, or has on a waiting list, is finished there.
func (s *Server) apiSecret(r *http.Request) (booking.Appointment, string, error) {
	secret := r.Header.Get(secretHeader)
	a, err := s.agenda.EverBySecret(r.Context(), secret)
	if err == nil && (a.State == booking.Held || a.State == booking.Expired) && a.Channel != booking.ByAPI {
		err = booking.ErrNotFound
	}
	return a, secret, err
}

func (s *Server) apiHold(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Office  string    `json:"office"`
		Service string    `json:"service"`
		Also    []string  `json:"also"`
		Mode    string    `json:"mode"`
		Start   time.Time `json:"start"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	mode, err := apiMode(in.Mode)
	if err == nil && mode == "" {
		err = &booking.FieldError{Field: "mode", Code: booking.CodeRequired}
	}
	if err != nil {
		return err
	}
	_, service, err := s.serviceOf(r.Context(), in.Office, in.Service, in.Also)
	if err != nil {
		return err
	}
	// What scripts of a page know, everybody knows: then the address counts too.
	t := apiToken(r)
	if s.api.holds.over(w, r, idText(t.ID)) || len(t.Origins) > 0 && s.door.calm.over(w, r, PeerAddress(r)) {
		return errTooMany
	}
	h, err := s.agenda.Hold(r.Context(), booking.HoldRequest{
		ServiceID: service.ID, Also: service.Also, Start: in.Start, Mode: mode, Channel: booking.ByAPI, Audience: booking.Public,
	})
	if err != nil {
		return err
	}
	out := s.bookedOut(h.Appointment, h.Secret)
	out.Secret = h.Secret
	return s.answerJSON(w, r, http.StatusCreated, out)
}

// apiConfirm books what is held. Asked again it answers the same, so that a
// program which heard no answer may ask again.
func (s *Server) apiConfirm(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Person struct {
			Name     string `json:"name"`
			Surname  string `json:"surname"`
			Email    string `json:"email"`
			Phone    string `json:"phone"`
			Language string `json:"language"`
		} `json:"person"`
		Note    string `json:"note"`
		Privacy bool   `json:"privacy_acknowledged"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	a, secret, err := s.apiSecret(r)
	if err != nil {
		return err
	}
	if a.State == booking.Held {
		if !in.Privacy {
			return &booking.FieldError{Field: "privacy_acknowledged", Code: booking.CodeRequired}
		}
		if err := s.apiFill(r, a, secret, booking.Person(in.Person), in.Note); err != nil {
			return err
		}
	}
	if a, err = s.agenda.Confirm(r.Context(), a.ID, secret); err != nil {
		return err
	}
	return s.answerJSON(w, r, http.StatusOK, s.bookedOut(a, secret))
}

// apiFill keeps who comes and why. Booked meanwhile, by the same request sent
// twice, it is kept already.
func (s *Server) apiFill(r *http.Request, a booking.Appointment, secret string, p booking.Person, note string) error {
	err := s.agenda.SetNote(r.Context(), a.ID, secret, note)
	if err == nil {
		err = s.agenda.SetPerson(r.Context(), a.ID, secret, p)
	}
	if errors.Is(err, booking.ErrState) {
		return nil // Confirm says what became of it
	}
	return err
}

func (s *Server) apiAppointment(w http.ResponseWriter, r *http.Request) error {
	a, secret, err := s.apiSecret(r)
	if err != nil {
		return err
	}
	return s.answerJSON(w, r, http.StatusOK, s.bookedOut(a, secret))
}

func (s *Server) apiReschedule(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Start time.Time `json:"start"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	a, secret, err := s.apiSecret(r)
	if err != nil {
		return err
	}
	if a.State == booking.Held || a.State == booking.Expired {
		a, err = s.agenda.Rehold(r.Context(), a.ID, secret, in.Start)
	} else {
		a, err = s.agenda.Reschedule(r.Context(), a.ID, in.Start, booking.Actor{})
	}
	if err != nil {
		return err
	}
	return s.answerJSON(w, r, http.StatusOK, s.bookedOut(a, secret))
}

// apiCancel gives a hold or an appointment back; twice is once. Who has arrived
// speaks to the counter instead.
func (s *Server) apiCancel(w http.ResponseWriter, r *http.Request) error {
	a, secret, err := s.apiSecret(r)
	if err != nil {
		return err
	}
	switch a.State {
	case booking.Held, booking.Booked:
		err = s.agenda.Cancel(r.Context(), a.ID, booking.Actor{})
	case booking.Cancelled:
	default:
		err = booking.ErrState
	}
	if err != nil {
		return err
	}
	if a, err = s.agenda.Get(r.Context(), a.ID); err != nil {
		return err
	}
	return s.answerJSON(w, r, http.StatusOK, s.bookedOut(a, secret))
}
