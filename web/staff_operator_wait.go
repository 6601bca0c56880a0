package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"sportello/booking"
)

// TogetherAsked says that several services were typed, which no desk does together.
func (v *operatorView) TogetherAsked() bool { return strings.Contains(v.Query, plus) }

// operatorWait puts the caller on the waiting list of the service.
func (s *Server) operatorWait(w http.ResponseWriter, r *http.Request, me *colleague, v *operatorView) error {
	until, ok := s.parseDay(v.Until)
	if !ok {
		v.Errors["until"] = booking.CodeInvalid
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/operator.html", v)
	}
	mode := booking.Mode(r.PostFormValue("modo"))
	if mode == "" {
		mode = v.Chosen.Service.Modes[0]
	}
	hold, err := s.agenda.Wait(r.Context(), booking.WaitRequest{
		ServiceID: v.Chosen.Service.ID, Also: v.Chosen.Service.Also, Mode: mode, Until: until, Person: v.Person, Channel: booking.ByOperator, Actor: me.Actor(),
	})
	if err != nil {
		return s.operatorTrouble(w, r, me, v, mode, err)
	}
	if v.StaffNote != "" {
		var field *booking.FieldError
		err := s.agenda.SetStaffNote(r.Context(), hold.ID, "", v.StaffNote, me.Actor())
		if err != nil && !errors.As(err, &field) {
			return err
		}
	}
	return s.passOn(w, r, "/staff/operatore/fatto/"+hold.ID.String(), hold.Secret)
}

// WaitUntil is the last day that the form proposes to who waits: two weeks
// from today, or the end of what can be booked.
func (v *operatorView) WaitUntil() string {
	if v.Until != "" {
		return v.Until
	}
	const usual = 14 * 24 * time.Hour
	today, err := time.Parse(time.DateOnly, v.Today)
	if err != nil {
		return ""
	}
	return today.Add(min(usual, v.Chosen.Service.Horizon)).Format(time.DateOnly)
}
