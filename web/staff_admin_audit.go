package web

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sportello/booking"
)

// auditShown is how many entries a page of the audit log has.
const auditShown = 100

// auditOf is what the log can be asked for alone: a kind and an id.
var auditOf = regexp.MustCompile(`^[a-z]{1,20}/[0-9a-f-]{1,36}$`)

// auditView is what the staff did, the latest first.
type auditView struct {
	Rows     []auditRow
	Staff    []booking.Account
	Day, Who string // the filter as it was chosen
	Of       string // what alone is shown, as in auditRow.Of
	Today    string
	More     int64 // the id to go on from, or 0
	Bad      bool  // the day cannot be read
}

// auditRow is an entry in words.
type auditRow struct {
	booking.AuditEntry
	About  string // what the object is called; empty where it is none of one thing
	Number string // of what was taken out or put in: its days, how many
	Rest   string // of the object, what neither says
	Of     string // "appointment/0193…", asks for all that was done to it
}

// auditRow says an entry in a reader's language, by the clock of the staff.
func (s *Server) auditRow(l *Language, e booking.AuditEntry) auditRow {
	e.At = e.At.In(s.staff.zone)
	x, counted := e.About, auditCount(l, e)
	var name []string
	if !x.Start.IsZero() {
		start := x.Start.In(s.staff.zone)
		name = append(name, l.Date(start)+", "+l.Clock(start))
	}
	if e.Kind == booking.AboutClosure && !x.First.IsZero() {
		name = append(name, auditDays(l, x), x.Reason.In(l.Code))
	}
	if !x.First.IsZero() && len(x.Office) == 0 && x.Name == "" {
		name = append(name, l.T("staff.closures.all"))
	}
	name = append(name, x.Service.In(l.Code), x.Name, x.Office.In(l.Code))
	row := auditRow{AuditEntry: e, About: dotted(name), Number: dotted(counted)}
	id, rest, _ := strings.Cut(e.Object, " ")
	if row.About == "" {
		rest = e.Object
	} else if of := e.Kind + "/" + id; auditOf.MatchString(of) {
		row.Of = of
	}
	if row.Number == "" {
		row.Rest = rest
	}
	return row
}

// auditCount says what was taken out or put in: the days, and how much.
func auditCount(l *Language, e booking.AuditEntry) []string {
	x := e.About
	switch e.Action {
	case "agenda.export":
		if !x.First.IsZero() {
			return []string{auditDays(l, x), l.T("admin.data.found", "Count", x.Booked)}
		}
	case "agenda.import":
		if x.Lines > 0 {
			return []string{l.T("admin.import.booked", "Count", x.Booked), l.T("admin.audit.lines", "Count", x.Lines)}
		}
	case "agenda.refused":
		if x.Lines > 0 {
			return []string{l.T("admin.import.refused", "Count", x.Lines)}
		}
	}
	return nil
}

func auditDays(l *Language, x booking.AuditSubject) string {
	if x.Last.Equal(x.First) {
		return l.Date(x.First)
	}
	return l.Date(x.First) + " – " + l.Date(x.Last)
}

// dotted is what is not empty of parts, in one line.
func dotted(parts []string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " · ")
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
	if v.Of = auditOf.FindString(q.Get("di")); v.Of != "" {
		ask.Kind, ask.Object, _ = strings.Cut(v.Of, "/")
	}
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
	if v.Bad {
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/admin_audit.html", v)
	}
	entries, err := s.agenda.Audit(r.Context(), ask)
	if err != nil {
		return err
	}
	if len(entries) > auditShown {
		entries = entries[:auditShown]
		v.More = entries[auditShown-1].ID
	}
	l := s.lang(r)
	for _, e := range entries {
		v.Rows = append(v.Rows, s.auditRow(l, e))
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_audit.html", v)
}
