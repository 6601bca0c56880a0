package web

import (
	"net/http"
	"strings"

	ics "github.com/arran4/golang-ical"

	"sportello/booking"
)

// calendar is the appointment as an iCalendar file (RFC 5545; the method and
// the organiser it asks for, RFC 5546). The UID never changes and SEQUENCE
// follows the appointment's version, so a calendar that has the event takes a
// newer file as its update, and a cancelled one as its end. secret may be
// empty: then the file carries no link that opens anything. A file that is
// sent (REQUEST) names the attendee, as one that is fetched (PUBLISH) may not.
func (s *Server) calendar(l *Language, a booking.Appointment, secret, attendee string) (text string, method ics.Method) {
	c := ics.NewCalendarFor("Sportello Virtuale")
	e := c.AddEvent(a.ID.String() + "@" + s.public.Hostname())
	method, status := ics.MethodPublish, ics.ObjectStatusConfirmed
	if attendee != "" {
		method = ics.MethodRequest
		// Nobody is asked for an answer: who booked comes.
		e.AddAttendee("mailto:"+attendee, ics.ParticipationStatusAccepted)
	}
	if a.State == booking.Cancelled {
		method, status = ics.MethodCancel, ics.ObjectStatusCancelled
	}
	c.SetMethod(method)
	e.SetStatus(status)
	e.SetSequence(a.Version)
	e.SetDtStampTime(s.now())
	e.SetStartAt(a.Start)
	e.SetEndAt(a.End)
	e.SetSummary(a.Service.Name.In(l.Code) + " – " + s.town.Name)
	// The name goes with the property's own, as the library would put backslashes into it.
	e.SetProperty(ics.ComponentPropertyOrganizer+ics.ComponentProperty(";CN="+calendarName(s.town.Name)), "mailto:"+s.town.Email)
	e.SetDescription(s.calendarText(e, l, a, secret))
	return c.Serialize(ics.WithNewLineWindows), method
}

// calendarName writes a name as a parameter's value: in quotation marks, between
// which nothing is escaped (RFC 5545, section 3.2), and those in it as RFC 6868 has them.
func calendarName(name string) string {
	return `"` + strings.NewReplacer("^", "^^", `"`, "^'").Replace(oneLine(name)) + `"`
}

// calendarText says where, what to bring and how to change it.
func (s *Server) calendarText(e *ics.VEvent, l *Language, a booking.Appointment, secret string) string {
	// The event's times are instants, which every calendar shows in its own zone.
	text := []string{
		a.Office.Name.In(l.Code),
		l.T("ics.when", "Date", l.Date(a.Start), "Time", l.Clock(a.Start), "Zone", a.Start.Location().String()),
	}
	if a.Mode == booking.Virtual {
		e.SetLocation(l.T("mode.virtual"))
		text = append(text, l.T("ics.virtual", "Minutes", Minutes(s.joinBefore)))
		if secret != "" {
			e.SetURL(s.roomLink(l, secret))
			text = append(text, s.roomLink(l, secret))
		}
	} else {
		e.SetLocation(a.Office.Address)
	}
	if bring := lines(a.Service.Bring.In(l.Code)); len(bring) > 0 {
		text = append(text, l.T(bringTitle(a))+":\n- "+strings.Join(bring, "\n- "))
	}
	if secret != "" {
		text = append(text, l.T("ics.code", "Code", s.agenda.Code(secret)), l.T("ics.manage")+" "+s.manageLink(l, secret))
	}
	return strings.Join(text, "\n\n")
}

// bringTitle is the key of the title over what to bring.
func bringTitle(a booking.Appointment) string {
	if a.Mode == booking.Virtual {
		return "bring.title_virtual"
	}
	return "bring.title"
}

// manageLink is where an appointment is changed or cancelled.
func (s *Server) manageLink(l *Language, secret string) string {
	return s.link(l.Path("/appuntamento#" + secret))
}

// writeCalendar answers with the appointment as an iCalendar file.
func (s *Server) writeCalendar(w http.ResponseWriter, r *http.Request, a booking.Appointment, secret string) error {
	text, method := s.calendar(s.lang(r), a, secret, "")
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8; method="+string(method))
	w.Header().Set("Content-Disposition", `attachment; filename="appuntamento.ics"`)
	writeBody(r, w, s.log, []byte(text))
	return nil
}
