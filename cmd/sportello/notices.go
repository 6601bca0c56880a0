package main

import (
	"context"
	"fmt"
	"log/slog"

	"sportello/booking/notify"
)

// outlets are how messages leave.
type outlets struct {
	mailer notify.Mailer
	texter notify.Texter
	// box, in development, keeps what no outlet was set for.
	box *notify.Mailbox
}

// openOutlets reads the settings of mail and text messages. Nothing is
// connected yet. In development a mailbox stands in for what is not set.
func openOutlets(s settings, development bool) (outlets, error) {
	var o outlets
	if s.SMTPURL != "" {
		m, err := notify.NewSMTP(s.SMTPURL, s.MailFrom)
		if err != nil {
			return o, fmt.Errorf("SPORTELLO_SMTP_URL, SPORTELLO_MAIL_FROM: %w", err)
		}
		o.mailer = m
	}
	if s.SMSURL != "" {
		g, err := notify.NewGateway(s.SMSURL, s.SMSHeader, s.SMSBody)
		if err != nil {
			return o, fmt.Errorf("SPORTELLO_SMS_URL, SPORTELLO_SMS_HEADER, SPORTELLO_SMS_BODY: %w", err)
		}
		o.texter = g
	}
	if development && (o.mailer == nil || o.texter == nil) {
		o.box = &notify.Mailbox{Now: s.now}
		if o.mailer == nil {
			o.mailer = o.box
		}
		if o.texter == nil {
			o.texter = o.box
		}
	}
	return o, nil
}

func (o outlets) channels() notify.Channels {
	return notify.Channels{Mail: o.mailer != nil, Text: o.texter != nil}
}

// newQueue makes the queue that the agenda writes notices into.
func newQueue(s settings, o outlets) (*notify.Queue, error) {
	q, err := notify.NewQueue(notify.QueueConfig{Key: s.key("links"), Channels: o.channels(), ReminderHour: s.ReminderHour, Now: s.now})
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	return q, nil
}

// startPost begins to send what is queued, if there is a way to.
func (a *app) startPost(ctx context.Context, s settings, st stores, q *notify.Queue, o outlets, log *slog.Logger) error {
	if o.channels() == (notify.Channels{}) {
		return nil
	}
	var err error
	a.post, err = notify.Start(ctx, notify.Config{
		Pool: st.pool, Queue: q, Appointments: a.agenda, Writer: a.pages,
		Mailer: o.mailer, Texter: o.texter, Now: s.now, Logger: log.With("part", "notify"),
	})
	if err != nil {
		return fmt.Errorf("notices: %w", err)
	}
	return nil
}
