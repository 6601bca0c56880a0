package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
)

const (
	importPath = agendaPath + "/importa"
	// importStep is how long lines are booked before the page answers; what is
	// left is done at the next press. importTimeout bounds the page.
	importStep    = 20 * time.Second
	importTimeout = 45 * time.Second
)

// importView is a file before it is booked, while it is and afterwards.
type importView struct {
	booking.Import
	Rows    []importLineView
	Books   int // lines that would be booked
	There   int // that are in the agenda
	Refuses int
	Unknown []string
	Outside bool // shown as if lines outside hours were to be booked
	Busy    bool // another file is being booked
	Left    int
}

// importLineView is a line of a file and what would become of it.
type importLineView struct {
	Number int
	Cells  map[string]string
	booking.Forecast
	Text  string   // why not
	Notes []string // what its reader should know although it is booked
}

// adminImport takes a file that was sent. Nothing is booked by it.
func (s *Server) adminImport(w http.ResponseWriter, r *http.Request, me *colleague) error {
	bad := func(err error) error {
		var trouble *fileError
		if !errors.As(err, &trouble) {
			return err
		}
		v := s.newAgendaView()
		v.Trouble = s.lang(r).T("admin.import.file."+trouble.Kind, "Line", trouble.Line, "Missing", strings.Join(trouble.Missing, ", "), "Lines", importLines)
		return s.showAgenda(w, r, me, http.StatusUnprocessableEntity, v)
	}
	raw, err := sentFile(r)
	if err != nil {
		return bad(err)
	}
	text, err := decodeImport(raw)
	if err != nil {
		return bad(err)
	}
	file, err := parseImport(text)
	if err != nil {
		return bad(err)
	}
	id, err := s.agenda.KeepImport(r.Context(), text, len(file.Rows), me.Actor())
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.lang(r).Path(importPath+"/"+id.String()), http.StatusSeeOther)
	return nil
}

// sentFile reads the file of a form, in memory.
func sentFile(r *http.Request) ([]byte, error) {
	err := r.ParseMultipartForm(importBytes) //nolint:gosec // limitBody bounds it
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &fileError{Kind: "large"}
	case err != nil:
		return nil, errBadForm
	}
	file, header, err := r.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) {
		return nil, &fileError{Kind: "empty"}
	}
	if err != nil {
		return nil, errBadForm
	}
	defer func() { _ = file.Close() }()
	if header.Size > importBytes {
		return nil, &fileError{Kind: "large"}
	}
	raw, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("web: file: %w", err)
	}
	return raw, nil
}

// importOf finds the file of the path, and what it asks for.
func (s *Server) importOf(r *http.Request, me *colleague) (booking.Import, importFile, []booking.ImportLine, error) {
	id, err := uuid.Parse(r.PathValue("import"))
	if err != nil {
		return booking.Import{}, importFile{}, nil, errNoPage
	}
	im, err := s.agenda.ImportByID(r.Context(), id, me.Actor())
	if err != nil {
		return im, importFile{}, nil, err
	}
	file, err := parseImport(im.Content)
	if err != nil {
		return im, file, nil, err
	}
	town, err := s.townIndex(r.Context())
	if err != nil {
		return im, file, nil, err
	}
	return im, file, town.lines(file), nil
}

// adminImportPage is the preview of a file, or how far its booking is.
func (s *Server) adminImportPage(w http.ResponseWriter, r *http.Request, me *colleague) error {
	im, file, lines, err := s.importOf(r, me)
	if err != nil {
		return err
	}
	l := s.lang(r)
	v := importView{Import: im, Unknown: file.Unknown, Outside: r.URL.Query().Get("fuori") == "1", Busy: r.URL.Query().Get("occupato") == "1", Left: im.Lines - im.Done}
	if im.BegunAt != nil {
		v.Rows = refusedRows(l, im, file)
		return s.staffRender(w, r, me, http.StatusOK, "staff/admin_import.html", v)
	}
	found, err := s.agenda.ForecastImport(r.Context(), lines, v.Outside)
	if err != nil {
		return err
	}
	cells := cellsOf(file)
	for i, f := range found {
		row := importLineView{Number: f.Line, Cells: cells[f.Line], Forecast: f, Text: whyText(l, f.Refusal)}
		switch f.Why {
		case "":
			v.Books++
			row.Notes = lineNotes(l, lines[i], row)
		case booking.BecauseAlready:
			v.There++
		default:
			v.Refuses++
		}
		v.Rows = append(v.Rows, row)
	}
	slices.SortFunc(v.Rows, func(a, b importLineView) int { return a.Number - b.Number })
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_import.html", v)
}

// lineNotes says what the reader of a preview may not expect of a line that is booked.
func lineNotes(l *Language, line booking.ImportLine, row importLineView) []string {
	var notes []string
	if end := row.Cells[colEnd]; end != "" {
		if c, ok := parseAny(end, "15:04", "15:04:05", "15.04"); !ok || c.Format("15:04") != row.End.Format("15:04") {
			notes = append(notes, l.T("admin.import.note.end", "End", row.End.Format("15:04")))
		}
	}
	if row.OutsideIt {
		notes = append(notes, l.T("admin.import.note.outside"))
	}
	if line.Mode == booking.Virtual {
		notes = append(notes, l.T("admin.import.note.virtual"))
	}
	return notes
}

func cellsOf(file importFile) map[int]map[string]string {
	cells := make(map[int]map[string]string, len(file.Rows))
	for _, row := range file.Rows {
		cells[row.Number] = row.Cells
	}
	return cells
}

// refusedRows are the lines that were not booked, as a file has them.
func refusedRows(l *Language, im booking.Import, file importFile) []importLineView {
	cells := cellsOf(file)
	rows := make([]importLineView, 0, len(im.Refused))
	for _, x := range im.Refused {
		rows = append(rows, importLineView{Number: x.Line, Cells: cells[x.Line], Forecast: booking.Forecast{Refusal: x}, Text: whyText(l, x)})
	}
	slices.SortFunc(rows, func(a, b importLineView) int { return a.Number - b.Number })
	return rows
}

// whyText says why a line is not booked.
func whyText(l *Language, x booking.Refusal) string {
	if x.Why == "" {
		return ""
	}
	if field, code, ok := strings.Cut(x.Why, "."); ok {
		return fieldText(l, "form.", &booking.FieldError{Field: field, Code: code})
	}
	key := "admin.import.why." + x.Why
	if x.Other != 0 {
		key += "_line"
	}
	return l.T(key, "Other", x.Other)
}

// adminImportPost books a file, shows it anew with other wishes, or forgets it.
func (s *Server) adminImportPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	im, _, lines, err := s.importOf(r, me)
	if err != nil {
		return err
	}
	to := s.lang(r).Path(importPath + "/" + im.ID.String())
	outside := r.PostFormValue("fuori") == "1"
	switch r.PostFormValue("azione") {
	case "elimina":
		if err := s.agenda.DropImport(r.Context(), im.ID, me.Actor()); err != nil {
			return err
		}
		s.tell(r.Context(), "success", "admin.import.dropped")
		to = s.lang(r).Path(agendaPath)
	case "anteprima":
		if outside {
			to += "?fuori=1"
		}
	case "conferma":
		if err := s.agenda.BeginImport(r.Context(), im.ID, outside, r.PostFormValue("avvisa") == "1", me.Actor()); err != nil {
			return err
		}
		_, err := s.agenda.RunImport(r.Context(), im.ID, lines, me.Actor(), s.importStep)
		if errors.Is(err, booking.ErrBusy) {
			to += "?occupato=1"
		} else if err != nil {
			return err
		}
	default:
		return errBadForm
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// adminImportRefused gives the lines that were not booked as a file, each with the
// reason, to be mended and brought again.
func (s *Server) adminImportRefused(w http.ResponseWriter, r *http.Request, me *colleague) error {
	im, file, _, err := s.importOf(r, me)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	out, err := newSpreadsheet(&b)
	if err != nil {
		return err
	}
	names := append([]string{colLine, colReason}, appointmentColumns()...)
	list := [][]string{names}
	persons := 0
	for _, row := range refusedRows(s.lang(r), im, file) {
		if row.Cells[colName]+row.Cells[colSurname]+row.Cells[colEmail]+row.Cells[colPhone]+row.Cells[colNote] != "" {
			persons++
		}
		line := []string{strconv.Itoa(row.Number), row.Text}
		for _, name := range names[2:] {
			line = append(line, asText(row.Cells[name]))
		}
		list = append(list, line)
	}
	if err := out.WriteAll(list); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	if persons > 0 { // before they leave
		if err := s.agenda.NoteRefused(r.Context(), persons, me.Actor()); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="righe-non-importate.csv"`)
	w.WriteHeader(http.StatusOK)
	writeBody(r, w, s.log, b.Bytes())
	return nil
}

// adminImportModel gives a file with nothing but the header, to be filled in.
func (s *Server) adminImportModel(w http.ResponseWriter, r *http.Request, _ *colleague) error {
	var b bytes.Buffer
	out, err := newAppointmentWriter(&b, nil)
	if err != nil {
		return err
	}
	if err := out.flush(); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="modello-appuntamenti.csv"`)
	w.WriteHeader(http.StatusOK)
	writeBody(r, w, s.log, b.Bytes())
	return nil
}
