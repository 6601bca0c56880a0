package web

import (
	"net/http"
	"strings"

	ics "github.com/arran4/golang-ical"

	"sportello/booking"
)

// writeCalendar answers with the appointment as an iCalendar file (RFC 5545;
// the method and the organiser it asks for, RFC 5546). The UID never changes
// and SEQUENCE follows the appointment's version, so a calendar that has the
// event takes a newer file as its update, and a cancelled one as its end.
// secret may be empty: then the file carries no link that opens anything.
func (s *Server) writeCalendar(w http.ResponseWriter, r *http.Request, a booking.Appointment, secret string) error {
	l := s.lang(r)
	c := ics.NewCalendarFor("Sportello Virtuale")
	e := c.AddEvent(a.ID.String() + "@" + s.public.Hostname())
	method, status := ics.MethodPublish, ics.ObjectStatusConfirmed
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
	e.SetOrganizer("mailto:"+s.town.Email, ics.WithCN(s.town.Name))
	text := []string{a.Office.Name.In(l.Code)}
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
	title := "bring.title"
	if a.Mode == booking.Virtual {
		title = "bring.title_virtual"
	}
	if bring := lines(a.Service.Bring.In(l.Code)); len(bring) > 0 {
		text = append(text, l.T(title)+":\n- "+strings.Join(bring, "\n- "))
	}
	if secret != "" {
		text = append(text, l.T("ics.code", "Code", s.agenda.Code(secret)), l.T("ics.manage")+" "+s.link(l.Path("/appuntamento#"+secret)))
	}
	e.SetDescription(strings.Join(text, "\n\n"))
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8; method="+string(method))
	w.Header().Set("Content-Disposition", `attachment; filename="appuntamento.ics"`)
	writeBody(r, w, s.log, []byte(c.Serialize(ics.WithNewLineWindows)))
	return nil
}
