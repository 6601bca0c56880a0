package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"sportello/booking"
)

// unsettledPath is the list of those whom a closure, a break or new hours
// leave without their time.
const unsettledPath = "/staff/da-sistemare"

// unsettledView is who is still to be settled, in three parts by what is to be
// done: to be asked, asked and silent, or without any contact we can write to.
type unsettledView struct {
	Rows   []unsettledRow
	Offers []booking.Appointment // slots kept for people of the waiting list whom nobody can write to
	ToAsk  int                   // who can be written to and was not
}

// unsettledRow is one appointment that its desk cannot keep.
type unsettledRow struct {
	booking.Appointment
	Reached bool   // they have a mail or text message
	Page    string // where the reader can move or cancel it
}

// Key names what is known of the citizen's answer.
func (u unsettledRow) Key() string {
	switch {
	case !u.Reached:
		return "phone"
	case u.AskedAt.IsZero():
		return "unasked"
	}
	return "asked"
}

// unsettledOf lists them for one of the staff: all of them for administrators, those
// of their offices for operators, and those of their desks for who is only a clerk.
func (s *Server) unsettledOf(r *http.Request, me *colleague) (*unsettledView, error) {
	v := &unsettledView{}
	all := me.Has(booking.Administrator) || me.Has(booking.Operator)
	desks := []int64{}
	mine, err := s.myDesks(r.Context(), me)
	if err != nil {
		return nil, err
	}
	for _, d := range mine {
		desks = append(desks, d.ID)
	}
	if all {
		desks = nil
	}
	list, err := s.agenda.Unsettled(r.Context(), desks)
	if err != nil {
		return nil, err
	}
	if me.Has(booking.Operator) {
		offers, err := s.agenda.Offered(r.Context())
		if err != nil {
			return nil, err
		}
		for _, a := range offers {
			if s.channels.For(a.Person) == "" && me.MayOffice(a.Office.ID) {
				a.HoldExpiresAt = inZone(booking.OfferEnds(a), s.staff.zone)
				v.Offers = append(v.Offers, a)
			}
		}
	}
	l := s.lang(r)
	for _, a := range list {
		if !me.Has(booking.Administrator) && !me.MayOffice(a.Office.ID) {
			continue
		}
		a.AskedAt = inZone(a.AskedAt, s.staff.zone)
		row := unsettledRow{Appointment: a, Reached: s.channels.For(a.Person) != ""}
		switch {
		case me.Has(booking.Operator) && me.MayOffice(a.Office.ID):
			row.Page = l.Path("/staff/operatore/appuntamento/" + a.ID.String())
		case !all:
			row.Page = l.Path("/staff/sportello/" + a.ID.String() + "/cambia")
		}
		if row.Reached && a.AskedAt.IsZero() && a.State == booking.Booked {
			v.ToAsk++
		}
		v.Rows = append(v.Rows, row)
	}
	return v, nil
}

func (s *Server) unsettledPage(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.unsettledOf(r, me)
	if err != nil {
		return err
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/unsettled.html", v)
}

// unsettledAsk asks those who were not asked yet, of those whom the reader
// sees and somebody can write to.
func (s *Server) unsettledAsk(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.unsettledOf(r, me)
	if err != nil {
		return err
	}
	var ids []uuid.UUID
	for _, row := range v.Rows {
		if row.Reached {
			ids = append(ids, row.ID)
		}
	}
	asked, err := s.agenda.AskToMove(r.Context(), ids, me.Actor())
	if err != nil {
		return err
	}
	s.tell(r.Context(), "success", "unsettled.flash.asked", "Count", strconv.Itoa(asked))
	http.Redirect(w, r, s.lang(r).Path(unsettledPath), http.StatusSeeOther)
	return nil
}

// answerOffer takes or refuses a slot for a caller of the waiting list.
func (s *Server) answerOffer(w http.ResponseWriter, r *http.Request, me *colleague) error {
	a, err := s.myAppointment(r, me)
	if err != nil {
		return err
	}
	key := "unsettled.flash.taken"
	if r.PostFormValue("azione") == "rifiuta" {
		key = "unsettled.flash.refused"
		err = s.agenda.RefuseOffer(r.Context(), a.ID, me.Actor())
	} else {
		_, err = s.agenda.TakeOffer(r.Context(), a.ID, me.Actor())
	}
	switch {
	case errors.Is(err, booking.ErrHoldExpired), errors.Is(err, booking.ErrState):
		s.tell(r.Context(), "warning", "staff.flash.state")
	case err != nil:
		return err
	default:
		s.tell(r.Context(), "success", key)
	}
	http.Redirect(w, r, s.lang(r).Path(unsettledPath), http.StatusSeeOther)
	return nil
}

// wished reads from the form of a change what is to be done for those whom it
// affects.
func wished(r *http.Request) []booking.Aftermath {
	if r.PostFormValue("chiedi") == "" {
		return nil
	}
	return []booking.Aftermath{booking.AskAnother}
}
