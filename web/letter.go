package web

import (
	"bytes"
	"fmt"
	"strings"

	"sportello/booking"
	"sportello/booking/notify"
)

// letterView is what an e-mail says. Its text and its page are made of the
// same, so that nobody reads less.
type letterView struct {
	Subject  string
	Title    string
	Greeting string
	Lead     string
	Rows     []letterRow
	Links    []letterLink // the first is the one that matters
	ListHead string
	List     []string
	Foot     []string
}

type (
	letterRow  struct{ Label, Value string }
	letterLink struct{ Text, URL string }
)

// Write implements notify.Writer.
func (s *Server) Write(letter notify.Letter) (notify.Message, error) {
	a := letter.Appointment
	l, ok := s.texts.byCode(a.Person.Language)
	if !ok {
		l = s.texts.languages[0]
	}
	v := s.letter(l, letter)
	m := notify.Message{Subject: v.Subject, Plain: v.plain(), Short: s.shortLetter(l, letter)}
	set, err := s.pages.page(l, "mail/letter.html")
	if err != nil {
		return m, err
	}
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, "mail", Page{Data: v, Lang: l, Town: s.town}); err != nil {
		return m, fmt.Errorf("web: write a letter: %w", err)
	}
	m.HTML = b.String()
	// A reminder finds the event where the confirmation put it; who waits has none, and who is asked to move keeps it until they answer.
	if letter.Kind != booking.NoticeReminder && !waits(letter) && letter.Kind != booking.NoticeDisplaced {
		text, method := s.calendar(l, a, letter.Secret, a.Person.Email)
		m.Calendar, m.Method = []byte(text), string(method)
	}
	return m, nil
}

// waits says whether a letter is about a slot that is yet to be had.
func waits(letter notify.Letter) bool {
	return letter.Kind == booking.NoticeWaiting || letter.Kind == booking.NoticeOffered || letter.Kind == booking.NoticeClosed
}

// letter says what there is to say in l.
func (s *Server) letter(l *Language, letter notify.Letter) letterView {
	a, kind := letter.Appointment, string(letter.Kind)
	v := letterView{
		Subject: oneLine(l.T("mail.subject_"+kind, "Service", a.Service.Name.In(l.Code), "Date", l.DateShort(a.Start), "Time", l.Clock(a.Start))),
		Title:   l.T("mail.title_" + kind), Lead: l.T("mail.lead_" + kind),
		Greeting: l.T("mail.greeting", "Name", strings.TrimSpace(a.Person.Name+" "+a.Person.Surname)),
		Rows: []letterRow{
			{l.T("mail.when"), upperFirst(l.Date(a.Start)) + ", " + l.T("mail.time", "From", l.Clock(a.Start), "To", l.Clock(a.End))},
			{l.T("mail.service"), a.Service.Name.In(l.Code)},
			{l.T("mail.office"), a.Office.Name.In(l.Code)},
			{l.T("mail.where"), s.whereOf(l, a)},
		},
		Foot: []string{l.T("mail.sender", "Town", s.town.Name), l.T("mail.not_you")},
	}
	switch letter.Kind {
	case booking.NoticeWaiting, booking.NoticeClosed: // there is no time yet
		v.Rows = v.Rows[1:]
	case booking.NoticeOffered:
		end := booking.OfferEnds(a)
		v.Lead = l.T("mail.lead_offered", "Date", l.Date(end), "Time", l.Clock(end))
	case booking.NoticeConfirmed, booking.NoticeMoved, booking.NoticeCancelled, booking.NoticeReminder, booking.NoticeDisplaced:
	}
	if letter.Kind == booking.NoticeClosed {
		v.Links = []letterLink{{l.T("nav.book"), s.link(l.Path("/prenota"))}}
		return v
	}
	if letter.Kind == booking.NoticeCancelled {
		v.Links = []letterLink{{l.T("manage.again"), s.link(l.Path("/prenota?ufficio=" + a.Office.Slug + "&servizio=" + a.Service.Slug))}}
		return v
	}
	if letter.Kind == booking.NoticeDisplaced {
		return s.askInLetter(l, v, letter)
	}
	if letter.Secret != "" {
		v.Rows = append(v.Rows, letterRow{l.T("done.code"), s.agenda.Code(letter.Secret)})
		if a.Mode == booking.Virtual && !waits(letter) {
			v.Links = append(v.Links, letterLink{l.T("mail.room", "Minutes", Minutes(s.joinBefore)), s.roomLink(l, letter.Secret)})
		}
		v.Links = append(v.Links, letterLink{l.T("mail.manage"), s.manageLink(l, letter.Secret)})
		v.Foot = append([]string{l.T("mail.secret")}, v.Foot...)
	} else {
		v.Links = append(v.Links, letterLink{l.T("mail.manage_code"), s.link(l.Path("/appuntamento"))})
	}
	v.ListHead, v.List = l.T(bringTitle(a)), lines(a.Service.Bring.In(l.Code))
	return v
}

// askInLetter ends the letter to whom the office asks to take another time.
func (s *Server) askInLetter(l *Language, v letterView, letter notify.Letter) letterView {
	to := s.link(l.Path("/appuntamento"))
	if letter.Secret != "" {
		v.Rows = append(v.Rows, letterRow{l.T("done.code"), s.agenda.Code(letter.Secret)})
		to = s.manageLink(l, letter.Secret)
		v.Foot = append([]string{l.T("mail.secret")}, v.Foot...)
	}
	v.Links = []letterLink{{l.T("displaced.choose"), to}}
	return v
}

// whereOf is the place, or that there is none to go to.
func (s *Server) whereOf(l *Language, a booking.Appointment) string {
	if a.Mode == booking.Virtual {
		return l.T("mode.virtual")
	}
	return l.T("mode.in_person") + ", " + a.Office.Address
}

// shortLetter is the text message: the code, which serves on any telephone,
// and the room's link, since a video call needs a clever one anyway.
func (s *Server) shortLetter(l *Language, letter notify.Letter) string {
	a := letter.Appointment
	text := l.T("mail.short_"+string(letter.Kind), "Town", s.town.Name, "Service", a.Service.Name.In(l.Code),
		"Date", l.DateShort(a.Start), "Time", l.Clock(a.Start), "Where", s.whereOf(l, a))
	if letter.Kind == booking.NoticeOffered {
		end := booking.OfferEnds(a)
		text += " " + l.T("mail.short_answer", "Date", l.DateShort(end), "Time", l.Clock(end), "Link", s.link(l.Path("/appuntamento")))
	}
	if letter.Kind == booking.NoticeDisplaced {
		text += " " + l.T("mail.short_choose", "Link", s.link(l.Path("/appuntamento")))
	}
	if letter.Kind == booking.NoticeCancelled || letter.Kind == booking.NoticeClosed {
		return oneLine(text)
	}
	if letter.Secret != "" {
		text += " " + l.T("ics.code", "Code", s.agenda.Code(letter.Secret)) + "."
		if a.Mode == booking.Virtual && !waits(letter) && letter.Kind != booking.NoticeDisplaced {
			text += " " + l.T("mail.short_room") + " " + s.roomLink(l, letter.Secret)
		}
	}
	return oneLine(text)
}

// plain is the letter as text.
func (v letterView) plain() string {
	var b strings.Builder
	line := func(parts ...string) { b.WriteString(strings.Join(parts, "") + "\n") }
	line(v.Greeting)
	line()
	line(v.Lead)
	line()
	for _, r := range v.Rows {
		line(r.Label, ": ", r.Value)
	}
	for _, x := range v.Links {
		line()
		line(x.Text, ":")
		line(x.URL)
	}
	if len(v.List) > 0 {
		line()
		line(v.ListHead, ":")
		for _, item := range v.List {
			line("- ", item)
		}
	}
	line()
	line("-- ")
	for _, f := range v.Foot {
		line(f)
	}
	return b.String()
}

// oneLine keeps a text that others may have typed on its line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
