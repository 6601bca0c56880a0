package notify

import (
	"context"
	"errors"

	"sportello/booking"
)

// Letter is what there is to tell.
type Letter struct {
	Kind        booking.NoticeKind
	Appointment booking.Appointment // as it stands
	Secret      string              // empty where no link can be given
}

// Message is a letter in words, in the language of the person.
type Message struct {
	Subject string
	Plain   string // the mail as text
	HTML    string // the mail as a page
	Short   string // the text message
	// Calendar is the iCalendar file to attach, or nil. Its METHOD is Method.
	Calendar []byte
	Method   string
}

// Writer puts letters into words: *web.Server.
type Writer interface {
	Write(l Letter) (Message, error)
}

// Mail is an e-mail to send.
type Mail struct {
	ID      string // the same at every attempt
	To      string
	ReplyTo string // or empty
	Message
}

// Text is a text message to send.
type Text struct {
	ID   string // the same at every attempt
	To   string // E.164
	Body string
}

// ErrRefused says that this recipient will never be reached.
var ErrRefused = errors.New("notify: recipient refused for good")

// Mailer sends e-mails. Its errors name no person.
type Mailer interface {
	Mail(ctx context.Context, m Mail) error
}

// Texter sends text messages. Its errors name no person.
type Texter interface {
	Text(ctx context.Context, t Text) error
}

// Channel is how somebody is reached.
type Channel string

// The channels. Nobody is written to twice.
const (
	NoChannel Channel = ""
	ByMail    Channel = "mail"
	ByText    Channel = "text"
)

// Channels are those that are set up.
type Channels struct{ Mail, Text bool }

// For says how a person is reached: by e-mail before text message.
func (c Channels) For(p booking.Person) Channel {
	switch {
	case c.Mail && p.Email != "":
		return ByMail
	case c.Text && p.Phone != "":
		return ByText
	}
	return NoChannel
}
