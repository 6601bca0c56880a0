package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"time"

	"sportello/booking"
)

// timeView is the page that chooses a time.
type timeView struct {
	Stepper   stepper
	Recap     recap
	Picker    timePicker
	Back      string
	Heads     []time.Time
	Together  togetherView
	Elsewhere []*firstPlace // other offices that do the same
	Wait      string        // the page of the waiting list; "" where the reader holds a slot
}

// offersCount is how many free times are offered in place of a lost one.
const offersCount = 6

func (s *Server) bookTime(w http.ResponseWriter, r *http.Request) error {
	return s.showTime(w, r, r.URL.Query(), nil)
}

// showTime shows the times of the service that q names; a non-nil cause says
// why the reader is here again.
func (s *Server) showTime(w http.ResponseWriter, r *http.Request, q url.Values, cause error) error {
	l := s.lang(r)
	office, service, err := s.asked(r.Context(), q)
	if errors.Is(err, booking.ErrNotBookable) { // not in one appointment
		q.Del("anche")
		office, service, err = s.asked(r.Context(), q)
		cause = cmp.Or(cause, booking.ErrNotBookable)
	}
	if errors.Is(err, booking.ErrNotFound) && cause == nil {
		http.Redirect(w, r, l.Path("/prenota?"+url.Values{"ufficio": {q.Get("ufficio")}, "avanti": {"1"}, "scegli": {"1"}}.Encode()), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	z, err := zone(office)
	if err != nil {
		return err
	}
	keep := keepAsked(q, office, service)
	picker, err := s.pick(r.Context(), pickRequest{
		Service: service, Zone: z, Base: l.Path("/prenota/orario"), Keep: keep, Query: q,
	})
	if err != nil {
		return err
	}
	status := picker.explain(l, cause, q.Get("inizio"))
	together, err := s.togetherOf(r.Context(), l.Path("/prenota/orario"), keep, service)
	if err != nil {
		return err
	}
	elsewhere, err := s.elsewhere(r.Context(), l, service)
	if err != nil {
		return err
	}
	wait := l.Path(waitPath + "?" + withMode(keep, picker.Mode).Encode())
	keep.Del("anche")
	keep.Set("cambia", "1")
	v := timeView{
		Stepper: newStepper(l, stepTime), Picker: picker, Back: l.Path("/prenota?" + keep.Encode()), Heads: weekdayHeads(),
		Recap:    recap{Office: office, Service: service, Mode: picker.Mode},
		Together: together, Elsewhere: elsewhere, Wait: wait,
	}
	return s.render(w, r, status, "public/time.html", Page{Data: v, Crumbs: bookingCrumbs(l), NoSwitch: cause != nil})
}

// errNoChoice says that the form came without a time.
var errNoChoice = errors.New("web: no time was chosen")

// explain puts a cause into the page and gives the status that fits it.
func (t *timePicker) explain(l *Language, cause error, chosen string) int {
	var taken *booking.SlotTakenError
	switch {
	case cause == nil:
		return http.StatusOK
	case errors.As(cause, &taken):
		t.Taken, t.Offers = true, taken.Next[:min(len(taken.Next), offersCount)]
		return http.StatusConflict
	case errors.Is(cause, errNoChoice):
		t.Errors.add("orari", l.T("time.choose"))
	default:
		t.Errors.add("orari", l.T("time.not_bookable"))
	}
	t.Chosen = chosen
	return http.StatusUnprocessableEntity
}

// chosenStart reads the time that a form chose.
func chosenStart(r *http.Request) (time.Time, error) {
	value := r.PostFormValue("inizio")
	if value == "" {
		return time.Time{}, errNoChoice
	}
	start, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}, booking.ErrNotBookable
	}
	return start, nil
}

// forReader says whether an error is one that the page of the times explains.
func forReader(err error) bool {
	return errors.Is(err, errNoChoice) || errors.Is(err, booking.ErrSlotTaken) || errors.Is(err, booking.ErrNotBookable)
}

// bookTimePost holds the chosen slot. From here on the hold is in the path.
func (s *Server) bookTimePost(w http.ResponseWriter, r *http.Request) error {
	l := s.lang(r)
	start, err := chosenStart(r)
	var hold booking.Hold
	if err == nil {
		var service booking.Service
		_, service, err = s.asked(r.Context(), r.PostForm)
		if errors.Is(err, booking.ErrNotBookable) {
			return s.showTime(w, r, r.PostForm, err)
		}
		if err != nil {
			return err
		}
		if err := s.door.admit(w, r); errors.Is(err, errProof) {
			return s.showProof(w, r)
		} else if err != nil {
			return err
		}
		hold, err = s.agenda.Hold(r.Context(), booking.HoldRequest{
			ServiceID: service.ID, Also: service.Also, Start: start, Mode: parseMode(r.PostFormValue("modo")),
			Channel: booking.ByWeb, Audience: booking.Public,
		})
	}
	if forReader(err) {
		q := r.PostForm
		if !start.IsZero() && !q.Has("giorno") {
			q.Set("giorno", start.Format(time.DateOnly))
		}
		return s.showTime(w, r, q, err)
	}
	if err != nil {
		return err
	}
	s.keepHold(w, hold)
	http.Redirect(w, r, l.Path(holdPath(hold.ID, stepDetails)), http.StatusSeeOther)
	return nil
}
