package web

import (
	"net/http"
	"strconv"
	"time"

	"sportello/booking"
)

// auditShown is how many entries a page of the audit log has.
const auditShown = 100

// auditView is what the staff did, the latest first.
type auditView struct {
	Entries  []booking.AuditEntry
	Staff    []booking.Account
	Day, Who string // the filter as it was chosen
	Today    string
	More     int64 // the id to go on from, or 0
	Bad      bool  // the day cannot be read
}

// WhoID is the chosen member of the staff.
func (v auditView) WhoID() int64 {
	id, err := strconv.ParseInt(v.Who, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (s *Server) adminAudit(w http.ResponseWriter, r *http.Request, me *colleague) error {
	q := r.URL.Query()
	v := auditView{Day: q.Get("giorno"), Who: q.Get("chi"), Today: s.today().Format(time.DateOnly)}
	var err error
	if v.Staff, err = s.agenda.Accounts(r.Context()); err != nil {
		return err
	}
	ask := booking.AuditQuery{To: s.now().Add(dayLong), StaffID: v.WhoID(), Limit: auditShown + 1}
	day, ok := readDate(v.Day)
	switch {
	case !ok:
		v.Bad, v.Day = true, ""
	case v.Day != "":
		y, m, d := day.Date()
		ask.From = time.Date(y, m, d, 0, 0, 0, 0, s.staff.zone)
		ask.To = time.Date(y, m, d+1, 0, 0, 0, 0, s.staff.zone)
	}
	if n, err := strconv.ParseInt(q.Get("prima"), 10, 64); err == nil && n > 0 {
		ask.Before = n
	}
	status := http.StatusUnprocessableEntity
	if !v.Bad {
		status = http.StatusOK
		if v.Entries, err = s.agenda.Audit(r.Context(), ask); err != nil {
			return err
		}
	}
	if len(v.Entries) > auditShown {
		v.Entries = v.Entries[:auditShown]
		v.More = v.Entries[auditShown-1].ID
	}
	for i := range v.Entries {
		v.Entries[i].At = v.Entries[i].At.In(s.staff.zone)
	}
	return s.staffRender(w, r, me, status, "staff/admin_audit.html", v)
}
