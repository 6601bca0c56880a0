package web

import (
	"net/http"
	"strconv"

	"sportello/booking/notify"
)

// Mailbox holds the messages that development keeps instead of sending:
// *notify.Mailbox.
type Mailbox interface {
	List() []notify.Posted
	Get(number int) (notify.Posted, bool)
}

// letterPolicy lets a mail's page use the styles written into it, as a mail
// program would, and nothing else.
const letterPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// mailboxPage lists what would have been sent.
func (s *Server) mailboxPage(w http.ResponseWriter, r *http.Request, me *colleague) error {
	if s.mailbox == nil {
		return errNoPage
	}
	list := s.mailbox.List()
	for i := range list {
		list[i].At = list[i].At.In(s.staff.zone)
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/mailbox.html", list)
}

func (s *Server) posted(r *http.Request) (notify.Posted, error) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || s.mailbox == nil {
		return notify.Posted{}, errNoPage
	}
	p, ok := s.mailbox.Get(number)
	if !ok {
		return p, errNoPage
	}
	return p, nil
}

// mailboxLetter shows a mail's HTML as a mail program would.
func (s *Server) mailboxLetter(w http.ResponseWriter, r *http.Request, _ *colleague) error {
	p, err := s.posted(r)
	if err != nil || p.HTML == "" {
		return errNoPage
	}
	w.Header().Set("Content-Security-Policy", letterPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	writeBody(r, w, s.log, []byte(p.HTML))
	return nil
}

// mailboxCalendar gives the attachment.
func (s *Server) mailboxCalendar(w http.ResponseWriter, r *http.Request, _ *colleague) error {
	p, err := s.posted(r)
	if err != nil || p.Calendar == nil {
		return errNoPage
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8; method="+p.Method)
	w.Header().Set("Content-Disposition", `attachment; filename="appuntamento.ics"`)
	writeBody(r, w, s.log, p.Calendar)
	return nil
}
