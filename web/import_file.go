package web

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const (
	// importBytes and importLines bound a file of appointments.
	importBytes = 1 << 20
	importLines = 2000

	// The columns that the file of refused lines has besides. They are for its reader.
	colLine   = "riga"
	colReason = "esito"
)

// fileError says why a file cannot be read at all; Kind is a text of the
// catalogue, admin.import.file.{Kind}.
type fileError struct {
	Kind    string // "empty", "large", "many", "binary", "broken", "columns"
	Line    int    // of "broken"
	Missing []string
}

// Error implements error.
func (e *fileError) Error() string { return "web: file of appointments: " + e.Kind }

// importFile is a file of appointments as it was read.
type importFile struct {
	Rows    []importRow
	Unknown []string // columns that mean nothing here
}

// importRow is a line of it.
type importRow struct {
	Number int // as a spreadsheet counts: the header is 1
	Cells  map[string]string
	Long   bool // it has more cells than the header
}

// decodeImport makes UTF-8 of what a spreadsheet may have written: UTF-8 or
// UTF-16, with the mark that says so, or what Windows takes for plain text here.
func decodeImport(raw []byte) (string, error) {
	decoder := unicode.BOMOverride(charmap.Windows1252.NewDecoder())
	if utf8.Valid(raw) {
		decoder = unicode.UTF8BOM.NewDecoder()
	}
	text, _, err := transform.Bytes(decoder, raw)
	switch {
	case err != nil || bytes.IndexByte(text, 0) >= 0:
		return "", &fileError{Kind: "binary"}
	case len(bytes.TrimSpace(text)) == 0:
		return "", &fileError{Kind: "empty"}
	}
	return strings.ToValidUTF8(string(text), "\uFFFD"), nil
}

// parseImport reads a file of appointments that decodeImport made UTF-8 of. A
// *fileError says why it cannot be read.
func parseImport(text string) (importFile, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = separatorOf(text)
	r.FieldsPerRecord = -1
	var f importFile
	var head []string
	for number := 1; ; number++ {
		line, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			return f, &fileError{Kind: "broken", Line: broken.Line}
		}
		if err != nil {
			return f, fmt.Errorf("csv: %w", err)
		}
		if head == nil {
			if head, f.Unknown, err = headOf(line); err != nil {
				return f, err
			}
			continue
		}
		if strings.TrimSpace(strings.Join(line, "")) == "" {
			continue
		}
		if len(f.Rows) == importLines {
			return f, &fileError{Kind: "many"}
		}
		row := importRow{Number: number, Cells: map[string]string{}}
		for i, cell := range line {
			if i < len(head) {
				row.Cells[head[i]] = fromText(strings.TrimSpace(cell))
			} else if cell != "" {
				row.Long = true
			}
		}
		f.Rows = append(f.Rows, row)
	}
	if len(f.Rows) == 0 {
		return f, &fileError{Kind: "empty"}
	}
	return f, nil
}

// separatorOf finds by the header which of ; , and TAB stands between cells.
func separatorOf(text string) rune {
	head, _, _ := strings.Cut(text, "\n")
	best, most := ';', 0
	for _, sep := range []rune{';', ',', '\t'} {
		known := 0
		for cell := range strings.SplitSeq(head, string(sep)) {
			if slices.Contains(appointmentColumns(), columnName(cell)) {
				known++
			}
		}
		if known > most {
			best, most = sep, known
		}
	}
	return best
}

// columnName is a cell of the header as it is meant.
func columnName(cell string) string {
	return strings.ToLower(strings.Trim(cell, " \t\r\n\"\ufeff"))
}

// headOf reads the header: what the columns are, and which mean nothing.
func headOf(line []string) (head, unknown []string, err error) {
	known := appointmentColumns()
	for _, cell := range line {
		name := columnName(cell)
		if slices.Contains(head, name) && name != "" {
			return nil, nil, &fileError{Kind: "double", Missing: []string{name}}
		}
		head = append(head, name)
		if name != "" && name != colLine && name != colReason && !slices.Contains(known, name) {
			unknown = append(unknown, strings.TrimSpace(cell))
		}
	}
	var missing []string
	for _, name := range []string{colDay, colStart, colOffice, colService, colName, colSurname} {
		if !slices.Contains(head, name) {
			missing = append(missing, name)
		}
	}
	if !slices.Contains(head, colEmail) && !slices.Contains(head, colPhone) {
		missing = append(missing, colEmail+"/"+colPhone)
	}
	if missing != nil {
		return nil, nil, &fileError{Kind: "columns", Missing: missing}
	}
	return head, unknown, nil
}
