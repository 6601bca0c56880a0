package web

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"sportello/booking"
)

// The columns of a file of appointments. The names are the same in every
// language, so that a file can be taken from one installation to another.
const (
	colDay       = "data"         // 2026-11-23
	colStart     = "ora"          // 09:30, by the clock on the office's wall
	colEnd       = "fine"         // 09:45
	colZone      = "fuso"         // UTC+01:00: tells the two hours apart that come twice in autumn
	colOffice    = "ufficio"      // as in the addresses of pages: anagrafe
	colService   = "servizio"     // carta-identita, or several joined by +
	colDesk      = "sportello"    // its name
	colMode      = "modo"         // in_person, virtual
	colState     = "stato"        // booked, served …
	colName      = "nome"         //
	colSurname   = "cognome"      //
	colEmail     = "email"        //
	colPhone     = "telefono"     // +390121321654
	colLanguage  = "lingua"       // it, en
	colNote      = "motivo"       // what the citizen wrote
	colStaffNote = "nota_interna" // what the staff wrote
)

func appointmentColumns() []string {
	return []string{
		colDay, colStart, colEnd, colZone, colOffice, colService, colDesk, colMode, colState,
		colName, colSurname, colEmail, colPhone, colLanguage, colNote, colStaffNote,
	}
}

// appointmentWriter writes appointments as lines of a file.
type appointmentWriter struct {
	out  *csv.Writer
	slug map[int64]string // of services
}

// newAppointmentWriter begins a file with its header.
func newAppointmentWriter(w io.Writer, slugs map[int64]string) (*appointmentWriter, error) {
	out, err := newSpreadsheet(w)
	if err != nil {
		return nil, err
	}
	if err := out.Write(appointmentColumns()); err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	return &appointmentWriter{out, slugs}, nil
}

func (w *appointmentWriter) write(a booking.Appointment) error {
	services := []string{a.Service.Slug}
	for _, id := range a.Service.Also {
		services = append(services, w.slug[id])
	}
	row := []string{
		a.Start.Format(time.DateOnly), a.Start.Format("15:04"), a.End.Format("15:04"), a.Start.Format("UTC-07:00"),
		a.Office.Slug, strings.Join(services, "+"), a.DeskName, string(a.Mode), string(a.State),
		a.Person.Name, a.Person.Surname, a.Person.Email, a.Person.Phone, a.Person.Language, a.Note, a.StaffNote,
	}
	for i := range row {
		row[i] = asText(row[i])
	}
	if err := w.out.Write(row); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	return nil
}

func (w *appointmentWriter) flush() error {
	w.out.Flush()
	if err := w.out.Error(); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	return nil
}

// newSpreadsheet begins a file that spreadsheets set to Italian open by a double click.
func newSpreadsheet(w io.Writer) (*csv.Writer, error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil { // spreadsheets take it for UTF-8
		return nil, fmt.Errorf("csv: %w", err)
	}
	out := csv.NewWriter(w)
	out.Comma = ';'
	return out, nil
}

// harmless keeps a spreadsheet from taking a text for a formula. Plain numbers
// stay numbers.
func harmless(text string) string {
	if _, err := strconv.Atoi(text); err == nil {
		return text
	}
	return asText(text)
}

// asText is harmless for what is no number, whatever it looks like: a phone
// number would lose its +.
func asText(text string) string {
	if isFormula(text) {
		return "'" + text
	}
	return text
}

// fromText takes back what asText did.
func fromText(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && isFormula(rest) {
		return rest
	}
	return cell
}

// isFormula says whether a spreadsheet may take a text for a formula (OWASP,
// CSV injection): a name can begin with what it likes. Marks of asText that it
// brings along count as part of the text.
func isFormula(text string) bool {
	text = strings.TrimLeft(text, "'")
	return text != "" && strings.ContainsAny(text[:1], "=+-@\t\r\n|%") || strings.HasPrefix(text, "＝")
}
