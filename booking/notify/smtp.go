package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

const (
	portSMTP  = 587 // submission, RFC 6409
	portSMTPS = 465 // submissions, RFC 8314
	smtpTime  = 30 * time.Second
)

// SMTP sends mails through a mail server. It implements Mailer.
type SMTP struct {
	host    string
	options []mail.Option
	from    *netmail.Address
}

// NewSMTP reads the server's address: smtp://user:password@host:port or
// smtps://…. A password is only ever sent over TLS; without one, TLS is used
// where the server offers it. Errors do not quote the address.
func NewSMTP(address, from string) (*SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, errors.New("notify: not an address of a mail server (smtp://user:password@host:587 or smtps://…)")
	}
	s := &SMTP{host: u.Hostname()}
	if s.from, err = netmail.ParseAddress(from); err != nil {
		return nil, fmt.Errorf("notify: %q is no sender's address", from)
	}
	port, policy := portSMTP, mail.TLSOpportunistic
	if u.Scheme == "smtps" {
		port = portSMTPS
		s.options = append(s.options, mail.WithSSL())
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil {
			return nil, errors.New("notify: the mail server's port is no number")
		}
	}
	if user := u.User.Username(); user != "" {
		password, _ := u.User.Password()
		policy = mail.TLSMandatory
		s.options = append(s.options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(user), mail.WithPassword(password))
	}
	s.options = append(s.options, mail.WithTLSPolicy(policy), mail.WithPort(port), mail.WithTimeout(smtpTime))
	if _, err := mail.NewClient(s.host, s.options...); err != nil {
		return nil, fmt.Errorf("notify: mail server: %w", err)
	}
	return s, nil
}

// Mail implements Mailer.
func (s *SMTP) Mail(ctx context.Context, m Mail) error {
	msg, err := s.compose(m)
	if err != nil {
		return err
	}
	// One connection a mail: a counter's mails are few, and far between.
	client, err := mail.NewClient(s.host, s.options...)
	if err != nil {
		return fmt.Errorf("notify: mail server: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err != nil && !msg.IsDelivered() { // accepted counts, whatever the parting was like
		return withoutNames(err)
	}
	return nil
}

// compose makes the mail: text and HTML for people, the event for their
// calendar as a part of its own (RFC 6047) and as a file.
func (s *SMTP) compose(m Mail) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	if err := msg.To(m.To); err != nil {
		return nil, fmt.Errorf("%w: the address cannot be used", ErrRefused)
	}
	if m.ReplyTo != "" {
		// A mistyped address of the office must not cost the citizen the mail.
		_ = msg.ReplyTo(m.ReplyTo)
	}
	_, domain, _ := strings.Cut(s.from.Address, "@")
	msg.SetMessageIDWithValue(m.ID + "@" + domain)
	msg.SetDate()
	msg.Subject(m.Subject)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday answers it
	msg.SetBodyString(mail.TypeTextPlain, m.Plain)
	msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	if m.Calendar != nil {
		msg.AddAlternativeString(mail.ContentType("text/calendar; method="+m.Method), string(m.Calendar))
		err := msg.AttachReader("appuntamento.ics", strings.NewReader(string(m.Calendar)), mail.WithFileContentType("application/ics"))
		if err != nil {
			return nil, fmt.Errorf("notify: attach: %w", err)
		}
	}
	return msg, nil
}

// withoutNames says what went wrong without the server's own words, which may
// quote the recipient.
func withoutNames(err error) error {
	var sent *mail.SendError
	if errors.As(err, &sent) {
		if sent.Reason == mail.ErrSMTPRcptTo && !sent.IsTemp() {
			return fmt.Errorf("%w: %d %s", ErrRefused, sent.ErrorCode(), sent.EnhancedStatusCode())
		}
		return fmt.Errorf("notify: mail server: %s: %d %s", sent.Reason, sent.ErrorCode(), sent.EnhancedStatusCode())
	}
	var network *net.OpError
	if errors.As(err, &network) {
		return fmt.Errorf("notify: mail server: %w", network)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("notify: mail server: %w", err)
	}
	return errors.New("notify: mail server: greeting, TLS or sign-in failed")
}
