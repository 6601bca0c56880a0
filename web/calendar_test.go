package web

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"

	"sportello/booking"
)

// readByOthers reads a calendar with a parser that is not the one that wrote it, and
// has it write what it read, by which it says whether all is there that RFC 5545
// demands. Lines end with CRLF and have 75 octets at most.
func readByOthers(t *testing.T, text string) *ical.Calendar {
	t.Helper()
	if !strings.HasSuffix(text, "END:VCALENDAR\r\n") {
		t.Errorf("it ends with %q", text[max(0, len(text)-20):])
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 75 || strings.ContainsAny(line, "\r\n") || strings.ToValidUTF8(line, "") != line {
			t.Errorf("line of %d octets: %q", len(line), line)
		}
	}
	c, err := ical.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := ical.NewEncoder(&bytes.Buffer{}).Encode(c); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	return c
}

// TestCalendarsAreReadByOthers: with signs in every text that mean something to the format.
func TestCalendarsAreReadByOthers(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.server.town.Name = `Comune di Sant'Angelo, L'Aquila; "Città": uffici`
	c := w.citizen()
	c.books("presenza")
	secret := c.secret()
	a, err := c.agenda.BySecret(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	a.Service.Name = booking.Text{"it": `Carta d'identità; certificati, "copie" \ altro`}
	a.Service.Bring = booking.Text{"it": "Codice fiscale, marca da bollo; " + strings.Repeat("è già così ", 20) + "\n" + strings.Repeat("👩🏽‍⚕️", 20)}
	a.Office.Address = `Via dell'Olmo 1, scala B; piano 2: "interno" \ 3`
	l := w.server.texts.languages[0]

	for _, x := range []struct {
		attendee, method, status string
		state                    booking.State
	}{
		{"", "PUBLISH", "CONFIRMED", booking.Booked},
		{"maria.d'angelo+casa@example.it", "REQUEST", "CONFIRMED", booking.Booked},
		{"maria.d'angelo+casa@example.it", "CANCEL", "CANCELLED", booking.Cancelled},
	} {
		a.State = x.state
		text, _ := w.server.calendar(l, a, secret, x.attendee)
		cal := readByOthers(t, text)
		if got := cal.Props.Get(ical.PropMethod).Value; got != x.method {
			t.Errorf("method %s, want %s", got, x.method)
		}
		events := cal.Events()
		if len(events) != 1 {
			t.Fatalf("%s: %d events", x.method, len(events))
		}
		e := events[0]
		for name, want := range map[string]string{
			ical.PropSummary: a.Service.Name.In("it") + " – " + w.server.town.Name, ical.PropLocation: a.Office.Address, ical.PropStatus: x.status,
		} {
			if got, err := e.Props.Text(name); err != nil || got != want {
				t.Errorf("%s: %s is %q, want %q; %v", x.method, name, got, want, err)
			}
		}
		for _, line := range strings.Split(a.Service.Bring.In("it"), "\n") {
			if got, err := e.Props.Text(ical.PropDescription); err != nil || !strings.Contains(got, strings.TrimSpace(line)) {
				t.Errorf("%s: the description lacks %q: %q, %v", x.method, line, got, err)
			}
		}
		// Outlook and Gmail show no invitation without them (RFC 5546, section 3.2.2).
		organizer := e.Props.Get(ical.PropOrganizer)
		// The caret stands for a quotation mark (RFC 6868).
		if cn := strings.ReplaceAll(organizer.Params.Get(ical.ParamCommonName), "^'", `"`); cn != w.server.town.Name || organizer.Value != "mailto:"+w.server.town.Email {
			t.Errorf("%s: organizer %q, %s", x.method, cn, organizer.Value)
		}
		guest := e.Props.Get(ical.PropAttendee)
		if (guest != nil) != (x.attendee != "") || guest != nil && guest.Value != "mailto:"+x.attendee {
			t.Errorf("%s: attendee %v", x.method, guest)
		}
		start, err1 := e.DateTimeStart(nil)
		end, err2 := e.DateTimeEnd(nil)
		if err1 != nil || err2 != nil || !start.Equal(a.Start) || !end.Equal(a.End) || start.Location() != time.UTC {
			t.Errorf("%s: from %v to %v; %v, %v", x.method, start, end, err1, err2)
		}
	}

	for _, list := range [][]booking.Appointment{nil, {a}} {
		cal := readByOthers(t, w.server.feedText(l, booking.Desk{Name: "Sportello 1, piano; terra"}, a.Office, list))
		if len(cal.Events()) != len(list) || cal.Props.Get(ical.PropMethod) != nil {
			t.Errorf("%d events of %d", len(cal.Events()), len(list))
		}
		every := cal.Props.Get(ical.PropRefreshInterval)
		if d, err := every.Duration(); err != nil || d != feedEvery || every.Params.Get(ical.ParamValue) != "DURATION" {
			t.Errorf("to be read again every %v, %v", d, err)
		}
		if name, err := cal.Props.Text(ical.PropName); err != nil || !strings.HasPrefix(name, "Sportello 1, piano; terra – ") {
			t.Errorf("name %q, %v", name, err)
		}
	}
}
