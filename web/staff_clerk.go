package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
)

// clerkView is the day of a clerk's desks.
type clerkView struct {
	Now           time.Time
	Day           time.Time
	Today         bool
	Previous      string
	Following     string
	Desks         []string
	Rows          []clerkRow
	Next          *clerkRow // who should come now
	Current       []clerkRow
	Waiting       []clerkRow // in the virtual lobby
	Done, ToCome  int
	Live, Events  string
	PresenceKnown bool
}

// clerkRow is one appointment of the day.
type clerkRow struct {
	booking.Appointment
	Presence PresenceState
	Late     bool
	Ready    bool // is here, or waits in the lobby
	RoomOpen bool // the citizen can be in by now
}

// Key is the part of the catalogue's key that names the row's state.
func (c clerkRow) Key() string {
	switch {
	case c.Late:
		return "late"
	case c.Presence.Waiting && c.Presence.Away && c.State == booking.Booked:
		return "away"
	case c.Presence.Waiting && c.State == booking.Booked:
		return "waiting"
	}
	return string(c.State)
}

// Open says whether something is still to be done.
func (c clerkRow) Open() bool {
	return c.State == booking.Booked || c.State == booking.Arrived || c.State == booking.Called
}

// Virtual says whether they meet in the room.
func (c clerkRow) Virtual() bool { return c.Mode == booking.Virtual }

func (s *Server) clerkPage(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.clerkView(r, me)
	if err != nil {
		return err
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/clerk.html", v)
}

func (s *Server) clerkFragment(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v, err := s.clerkView(r, me)
	if err != nil {
		return err
	}
	return s.staffFragment(w, r, "staff/clerk.html", "day", v)
}

func (s *Server) clerkView(r *http.Request, me *colleague) (*clerkView, error) {
	now := s.today()
	v := &clerkView{Now: now, Day: now, PresenceKnown: true}
	if day, ok := s.parseDay(r.URL.Query().Get("giorno")); ok {
		v.Day = day
	}
	day := v.Day.Format(time.DateOnly)
	v.Today = day == now.Format(time.DateOnly)
	v.Previous, v.Following = v.Day.AddDate(0, 0, -1).Format(time.DateOnly), v.Day.AddDate(0, 0, 1).Format(time.DateOnly)
	v.Live = s.lang(r).Path("/staff/sportello/elenco")
	if !v.Today {
		v.Live += "?giorno=" + url.QueryEscape(day)
	}
	v.Events = s.lang(r).Path("/staff/eventi")
	desks, err := s.myDesks(r.Context(), me)
	if err != nil {
		return nil, err
	}
	if len(desks) == 0 {
		return v, nil
	}
	var ids []int64
	for _, d := range desks {
		ids, v.Desks = append(ids, d.ID), append(v.Desks, d.Name)
	}
	list, err := s.agenda.List(r.Context(), booking.AgendaQuery{Day: v.Day, DeskIDs: ids})
	if err != nil {
		return nil, err
	}
	here, known := s.presenceOf(r.Context(), list)
	v.PresenceKnown = known
	for _, a := range list {
		v.Rows = append(v.Rows, s.clerkRow(a, here[a.ID]))
	}
	v.sortOut()
	return v, nil
}

// clerkRow adds to an appointment what the moment makes of it.
func (s *Server) clerkRow(a booking.Appointment, p PresenceState) clerkRow {
	// Moments are shown by the town's clock, whatever the database's is.
	zone := s.staff.zone
	a.ArrivedAt, a.CalledAt, a.ClosedAt = inZone(a.ArrivedAt, zone), inZone(a.CalledAt, zone), inZone(a.ClosedAt, zone)
	p.Since = inZone(p.Since, zone)
	row := clerkRow{Appointment: a, Presence: p}
	row.Ready = a.State == booking.Arrived || p.Waiting && !p.Away
	row.Late = a.State == booking.Booked && !p.Waiting && s.now().Sub(a.Start) >= lateAfter
	row.RoomOpen = row.Virtual() && !s.now().Before(a.Start.Add(-s.joinBefore)) && row.Open()
	return row
}

// inZone is t by a zone's clock; zero stays zero.
func inZone(t time.Time, zone *time.Location) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(zone)
}

// sortOut finds who is with the clerk, who waits and who comes next: the
// first in time of those who are here, else the first who may still come.
func (v *clerkView) sortOut() {
	var expected *clerkRow
	for i := range v.Rows {
		row := &v.Rows[i]
		switch {
		case row.State == booking.Called:
			v.Current = append(v.Current, *row)
		case !row.Open():
			v.Done++
			continue
		case row.Ready && v.Next == nil:
			v.Next = row
		case expected == nil && row.End.After(v.Now):
			expected = row
		}
		v.ToCome++
		if row.Presence.Waiting {
			v.Waiting = append(v.Waiting, *row)
		}
	}
	if v.Next == nil {
		v.Next = expected
	}
	if !v.Today {
		v.Next = nil
	}
	slices.SortStableFunc(v.Waiting, func(a, b clerkRow) int {
		if a.Presence.Away != b.Presence.Away {
			if a.Presence.Away {
				return 1
			}
			return -1
		}
		return a.Presence.Since.Compare(b.Presence.Since)
	})
}

// myDesks are the desks that somebody works at.
func (s *Server) myDesks(ctx context.Context, me *colleague) ([]booking.Desk, error) {
	offices, err := s.agenda.EveryOffice(ctx) // the retired have appointments still
	if err != nil {
		return nil, err
	}
	var mine []booking.Desk
	for _, o := range offices {
		desks, err := s.agenda.Desks(ctx, o.ID)
		if err != nil {
			return nil, err
		}
		for _, d := range desks {
			if slices.Contains(me.Desks, d.ID) || len(me.Desks) == 0 && slices.Contains(me.Offices, o.ID) {
				mine = append(mine, d)
			}
		}
	}
	return mine, nil
}

// presenceWait is how long a Redis that hangs may hold up the clerk's day.
const presenceWait = 500 * time.Millisecond

// presenceOf asks who is in the lobby for the virtual ones of a list. Where it
// cannot be known the day is shown all the same, and says so.
func (s *Server) presenceOf(ctx context.Context, list []booking.Appointment) (map[uuid.UUID]PresenceState, bool) {
	var ids []uuid.UUID
	for _, a := range list {
		if a.Mode == booking.Virtual {
			ids = append(ids, a.ID)
		}
	}
	if len(ids) == 0 || s.staff.presence == nil {
		return nil, true
	}
	asking, cancel := context.WithTimeout(ctx, presenceWait)
	defer cancel()
	here, err := s.staff.presence.Get(asking, ids)
	if err != nil {
		s.log.WarnContext(ctx, "presence is not known", "error", err.Error())
		return nil, false
	}
	return here, true
}

// clerkOwn is the appointment of the path, where it is at one of the clerk's
// desks.
func (s *Server) clerkOwn(r *http.Request, me *colleague) (booking.Appointment, error) {
	a, err := s.myAppointment(r, me)
	if err != nil {
		return a, err
	}
	desks, err := s.myDesks(r.Context(), me)
	if err != nil {
		return a, err
	}
	if !slices.ContainsFunc(desks, func(d booking.Desk) bool { return d.ID == a.DeskID }) {
		return booking.Appointment{}, booking.ErrNotFound
	}
	return a, nil
}
