package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sportello/booking"
)

// lateAfter is how long after its start somebody who is not here is late.
const lateAfter = 5 * time.Minute

const scanPermissions = "camera=(self), microphone=(), geolocation=()"

// receptionView is the board: who is expected today, and who is here. It has
// what is needed to greet somebody and to show the way, and no more: no
// contacts, no reason, no notes.
type receptionView struct {
	Now       time.Time
	Buildings []string
	Offices   []booking.Office
	Building  string
	Office    int64
	Filter    string // "", "due", "late", "arrived", "called"
	Back      string // the query of this view
	Counts    map[string]int
	Rows      []arrival
	Live      string // where the fragment is
	Events    string

	Typed   string // what was typed at the door
	Matches []arrival
	Nobody  bool
}

// arrival is a line of the board.
type arrival struct {
	ID     string
	Start  time.Time
	Name   string // surname, and the initial of the name
	Office booking.Text
	Desk   string
	State  string // "due", "late", "arrived", "called", "done"
	Since  time.Time
	Ticket string // what the hall's screen calls them by
}

func (s *Server) receptionPage(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.receptionView(r, me, r.URL.Query())
	if err != nil {
		return err
	}
	// Its camera may read the code of a confirmation; no other page of the staff has one.
	w.Header().Set("Permissions-Policy", scanPermissions)
	return s.staffRender(w, r, me, http.StatusOK, "staff/reception.html", v)
}

func (s *Server) receptionFragment(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.receptionView(r, me, r.URL.Query())
	if err != nil {
		return err
	}
	return s.staffFragment(w, r, "staff/reception.html", "board", v)
}

func (s *Server) receptionView(r *http.Request, me *colleague, q url.Values) (*receptionView, error) {
	v := &receptionView{Now: s.today(), Counts: map[string]int{}, Building: q.Get("edificio"), Filter: q.Get("stato")}
	offices, err := s.myOffices(r.Context(), me)
	if err != nil {
		return nil, err
	}
	for _, o := range offices {
		if !slices.Contains(v.Buildings, o.Building) {
			v.Buildings = append(v.Buildings, o.Building)
		}
	}
	if !slices.Contains(v.Buildings, v.Building) {
		v.Building = ""
	}
	for _, o := range offices {
		if v.Building == "" || o.Building == v.Building {
			v.Offices = append(v.Offices, o)
		}
	}
	v.Office, _ = strconv.ParseInt(q.Get("ufficio"), 10, 64)
	if !slices.ContainsFunc(v.Offices, func(o booking.Office) bool { return o.ID == v.Office }) {
		v.Office = 0
	}
	if !slices.Contains([]string{"due", "late", "arrived", "called"}, v.Filter) {
		v.Filter = ""
	}
	v.Back = v.query(v.Filter)
	v.Live = s.lang(r).Path("/staff/reception/elenco") + "?" + v.Back
	v.Events = s.lang(r).Path("/staff/eventi")
	all, err := s.arrivals(r, v.Offices, v.Building, v.Office)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		v.Counts[a.State]++
		v.Counts["all"]++
		if v.Filter == "" || a.State == v.Filter {
			v.Rows = append(v.Rows, a)
		}
	}
	return v, nil
}

// query is the view's address with another filter, as its links need it.
func (v *receptionView) query(filter string) string {
	q := url.Values{}
	if v.Building != "" {
		q.Set("edificio", v.Building)
	}
	if v.Office != 0 {
		q.Set("ufficio", strconv.FormatInt(v.Office, 10))
	}
	if filter != "" {
		q.Set("stato", filter)
	}
	return q.Encode()
}

// With is the address of the board with another filter.
func (v *receptionView) With(filter string) string { return "?" + v.query(filter) }

// arrivals lists today's visitors of some offices. Who comes by video does
// not come to the door.
func (s *Server) arrivals(r *http.Request, offices []booking.Office, building string, office int64) ([]arrival, error) {
	list, err := s.agenda.List(r.Context(), booking.AgendaQuery{Day: s.today(), OfficeID: office, Building: building})
	if err != nil {
		return nil, err
	}
	var out []arrival
	for _, a := range list {
		if a.Mode == booking.InPerson && slices.ContainsFunc(offices, func(o booking.Office) bool { return o.ID == a.Office.ID }) {
			out = append(out, s.arrival(a))
		}
	}
	return out, nil
}

func (s *Server) arrival(a booking.Appointment) arrival {
	row := arrival{ID: a.ID.String(), Start: a.Start, Name: shortName(a.Person), Office: a.Office.Name, Desk: a.DeskName, Ticket: a.Ticket}
	switch a.State {
	case booking.Booked, booking.Held:
		row.State = "due"
		if s.now().Sub(a.Start) >= lateAfter {
			row.State = "late"
		}
	case booking.Arrived:
		row.State, row.Since = "arrived", inZone(a.ArrivedAt, s.staff.zone)
	case booking.Called:
		row.State, row.Since = "called", inZone(a.CalledAt, s.staff.zone)
	case booking.Served, booking.NoShow, booking.Cancelled, booking.Expired:
		row.State = "done"
	}
	return row
}

// shortName is enough to greet somebody: "Rossi M.".
func shortName(p booking.Person) string {
	name := []rune(p.Name)
	if len(name) == 0 {
		return p.Surname
	}
	return p.Surname + " " + string(name[0]) + "."
}

// receptionArrived marks one line of the board.
func (s *Server) receptionArrived(w http.ResponseWriter, r *http.Request, me *colleague) error {
	a, err := s.myAppointment(r, me)
	if err != nil {
		return err
	}
	if a.Mode != booking.InPerson || a.Start.Format(time.DateOnly) != s.today().Format(time.DateOnly) {
		return booking.ErrNotFound // not on the board
	}
	return s.markArrived(w, r, me, a)
}

func (s *Server) markArrived(w http.ResponseWriter, r *http.Request, me *colleague, a booking.Appointment) error {
	here, err := s.agenda.Transition(r.Context(), a.ID, booking.Arrived, me.Actor())
	switch {
	case errors.Is(err, booking.ErrState):
		s.tell(r.Context(), "warning", "staff.flash.state")
	case err != nil:
		return err
	default:
		s.tell(r.Context(), "success", "staff.flash.arrived", "Ticket", here.Ticket, "Time", a.Start.Format("15:04"), "Desk", a.DeskName, "Office", a.Office.Name.In(s.lang(r).Code))
	}
	back, err := url.ParseQuery(r.PostFormValue("vista"))
	if err != nil {
		back = url.Values{}
	}
	http.Redirect(w, r, s.lang(r).Path("/staff/reception")+"?"+back.Encode(), http.StatusSeeOther)
	return nil
}

// receptionCheckIn takes what a visitor says at the door: a code or a name.
// One who is expected is marked at once; of several, reception chooses.
func (s *Server) receptionCheckIn(w http.ResponseWriter, r *http.Request, me *colleague) error {
	back, err := url.ParseQuery(r.PostFormValue("vista"))
	if err != nil {
		return errBadForm
	}
	typed := truncate(strings.TrimSpace(r.PostFormValue("chi")), 100)
	found, err := s.atTheDoor(r, me, typed)
	if err != nil {
		return err
	}
	if len(found) == 1 && (found[0].State == booking.Booked || found[0].State == booking.Held) {
		return s.markArrived(w, r, me, found[0])
	}
	v, err := s.receptionView(r, me, back)
	if err != nil {
		return err
	}
	v.Typed, v.Nobody = typed, len(found) == 0
	for _, a := range found {
		v.Matches = append(v.Matches, s.arrival(a))
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/reception.html", v)
}

// atTheDoor finds today's appointments in person that a code or a name means.
func (s *Server) atTheDoor(r *http.Request, me *colleague, typed string) ([]booking.Appointment, error) {
	today := s.today().Format(time.DateOnly)
	mine := func(a booking.Appointment) bool {
		return a.Mode == booking.InPerson && a.Start.Format(time.DateOnly) == today && me.MayOffice(a.Office.ID)
	}
	a, err := s.agenda.ByShortCode(r.Context(), typed)
	switch {
	case err == nil && mine(a):
		return []booking.Appointment{a}, nil
	case err != nil && !errors.Is(err, booking.ErrNotFound):
		return nil, err
	}
	words := strings.Fields(foldText(typed))
	if len(words) == 0 {
		return nil, nil
	}
	list, err := s.agenda.List(r.Context(), booking.AgendaQuery{Day: s.today()})
	if err != nil {
		return nil, err
	}
	var open, others []booking.Appointment
	for _, a := range list {
		name := strings.Fields(foldText(a.Person.Name + " " + a.Person.Surname))
		begins := func(word string) bool {
			return slices.ContainsFunc(name, func(n string) bool { return strings.HasPrefix(n, word) })
		}
		if !mine(a) || slices.ContainsFunc(words, func(w string) bool { return !begins(w) }) {
			continue
		}
		if a.State == booking.Booked {
			open = append(open, a)
		} else {
			others = append(others, a)
		}
	}
	if len(open) > 0 {
		return open, nil
	}
	return others, nil
}
