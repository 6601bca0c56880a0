package web

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"sportello/booking"
)

// send sends a file as the form does.
func (b *browser) send(content string) answer {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "appuntamenti.csv")
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := part.Write([]byte(content)); err != nil {
		b.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		b.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.http.URL+"/it"+importPath, &body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	return b.read(r)
}

// preview sends a file and opens its preview.
func (b *browser) preview(content string) (path string, page answer) {
	b.t.Helper()
	path = b.want(b.send(content), http.StatusSeeOther).location()
	return path, b.want(b.get(path), http.StatusOK)
}

const importHead = "data;ora;ufficio;servizio;nome;cognome;email;telefono;sportello;modo;fuso;stato;motivo\n"

var (
	// importedRow is a row of a preview: the line's number in the file, and its outcome with tags.
	importedRow = regexp.MustCompile(`<th scope="row" [^>]*><span [^>]*>Riga </span>(\d+)</th>\s*<td [^>]*>(.*?)</td>`)
	tag         = regexp.MustCompile(`<[^>]*>`)
)

// outcomes reads the table of a preview: line → outcome.
func outcomes(page string) map[string]string {
	out := map[string]string{}
	for _, row := range importedRow.FindAllStringSubmatch(page, -1) {
		out[row[1]] = html.UnescapeString(strings.Join(strings.Fields(tag.ReplaceAllString(row[2], "")), " "))
	}
	return out
}

func (c *counter) appointments() int {
	c.t.Helper()
	var n int
	if err := c.pool.QueryRow(c.t.Context(), `SELECT count(*) FROM appointment`).Scan(&n); err != nil {
		c.t.Fatal(err)
	}
	return n
}

// TestEachRefusalOfAnImport: what cannot be booked says why, and nothing is
// written by looking at it.
func TestEachRefusalOfAnImport(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	s := c.service("anagrafe", "carta-identita")
	free := c.free(s, booking.InPerson, 40)
	there := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	day := func(t time.Time) string { return t.Format("02/01/2006;15:04") }
	at := day(there.Appointment.Start)
	later := free[len(free)-1].Start
	desk := there.Appointment.DeskName
	var taken booking.Appointment // all desks of a start, for whoever comes by a file
	for range 20 {
		h, err := c.agenda.Book(t.Context(), booking.BookRequest{
			HoldRequest: booking.HoldRequest{ServiceID: s.ID, Start: free[8].Start, Mode: booking.InPerson, Channel: booking.ByOperator, Audience: booking.Operators},
			Person:      booking.Person{Name: "Uno", Surname: "Prima", Phone: "0121 1234567"},
		})
		if errors.Is(err, booking.ErrSlotTaken) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		taken = h.Appointment
	}
	lines := []struct{ line, want string }{
		{day(later) + ";anagrafe;carta-identita;Anna;Bianchi;;0121 1234567;;;;;", "Da prenotare"},
		{day(later) + ";Anagrafe;" + s.Name["it"] + ";anna;BIANCHI;anna@example.it;;;;;;", "No È uguale alla riga 2"},
		{at + ";anagrafe;carta-identita;mario;rossi;altro@example.it;;;;;booked;", "Già in agenda"},
		{day(later) + ";nessuno;carta-identita;A;B;;0121 1234567;;;;;", "No L’ufficio non c’è"},
		{day(later) + ";anagrafe;imu;A;B;;0121 1234567;;;;;", "No Il servizio non c’è in questo ufficio"},
		{day(later) + ";anagrafe;carta-identita;A;B;;0121 1234567;Nessuno;;;;", "No Lo sportello non c’è in questo ufficio"},
		{"16/11/2026;08:30;anagrafe;carta-identita;A;B;;0121 1234567;;;;;", "No L’ora è già passata"},
		{"28/03/2027;02:30;anagrafe;carta-identita;A;B;;0121 1234567;;;;;", "No Quel giorno l’ora non esiste: si passa all’ora legale"},
		{"25/10/2026;02:30;anagrafe;carta-identita;A;B;;0121 1234567;;;;;", "No Quel giorno l’ora c’è due volte: scrivi nella colonna fuso UTC+02:00 per la prima, UTC+01:00 per la seconda"},
		{"25/10/2026;02:30;anagrafe;carta-identita;A;B;;0121 1234567;;;UTC+02:00;;", "No L’ora è già passata"},
		{day(later) + ";anagrafe;carta-identita;A;B;;0121 1234567;;;UTC+02:00;;", "No Il fuso non è quello dell’ufficio in quel giorno"},
		{day(later)[:10] + ";03:30;anagrafe;carta-identita;A;B;;0121 1234567;;;;;", "No È fuori dall’orario, o non a un inizio previsto"},
		{day(taken.Start) + ";anagrafe;carta-identita;A;B;;0121 1234567;;;;;", "No Il posto è già occupato"},
		{at + ";anagrafe;carta-identita;A;B;;0121 1234567;" + desk + ";;;;", "No Il posto è già occupato"},
		{day(free[12].Start) + ";anagrafe;carta-identita;A;Primo;;0121 1234567;" + desk + ";;;;", "Da prenotare"},
		{day(free[12].Start) + ";anagrafe;carta-identita;A;Secondo;;0121 1234567;" + desk + ";;;;", "No Il posto è già occupato dalla riga 16"},
		{day(later) + ";anagrafe;carta-identita;A;B;senza chiocciola;;;;;;", "No L’e-mail non è completa: deve essere come nome@esempio.it"},
		{day(later) + ";anagrafe;carta-identita;A;B;;boh;;;;;", "No Il telefono non è valido: scrivi solo cifre, con il prefisso se non è italiano"},
		{day(later) + ";anagrafe;carta-identita;A;B;;;;;;;", "No Scrivi un’e-mail oppure un telefono"},
		{day(later) + ";anagrafe;carta-identita;;B;;0121 1234567;;;;;", "No Scrivi il nome"},
		{day(later) + ";anagrafe;carta-identita;A;;;0121 1234567;;;;;", "No Scrivi il cognome"},
		{day(later) + ";anagrafe;carta-identita;" + strings.Repeat("a", 101) + ";B;;0121 1234567;;;;;", "No Il nome è troppo lungo: al massimo 100 caratteri"},
		{day(later) + ";anagrafe;carta-identita;A;B;;0121 1234567;;;;;" + strings.Repeat("x", 2001), "No Il testo è troppo lungo: al massimo 2000 caratteri"},
		{day(later) + ";anagrafe;carta-identita;A;B;;0121 1234567;;;;cancelled;", "No Solo gli appuntamenti con stato booked, o senza stato, si importano"},
		{day(later) + ";anagrafe;carta-identita;A;B;;0121 1234567;;telepatia;;;", "No Il modo non è valido: in_person o virtual"},
		{"domani;09:00;anagrafe;carta-identita;A;B;;0121 1234567;;;;;", "No La data non è valida: scrivila come 23/11/2026"},
		{"11/25/2026;09:00;anagrafe;carta-identita;A;B;;0121 1234567;;;;;", "No La data non è valida: scrivila come 23/11/2026"},
		{"25/11/2026;9;anagrafe;carta-identita;A;B;;0121 1234567;;;;;", "No L’ora non è valida: scrivila come 09:30"},
		{"25/11/2031;09:00;anagrafe;carta-identita;A;B;;0121 1234567;;;;;", "No È oltre l’ultimo giorno prenotabile del servizio"},
		{day(later) + ";anagrafe;carta-identita+imu;A;B;;0121 1234567;;;;;", "No Il servizio non c’è in questo ufficio"},
		{day(later) + ";anagrafe;carta-identita+carta-identita;A;B;;0121 1234567;;;;;", "No Il servizio non è più offerto, o i servizi non si fanno insieme"},
		{day(later) + ";anagrafe;carta-identita;A;B;;0121 1234567;;;;;;;troppe", "No La riga ha più celle dell’intestazione"},
		{day(later) + ";anagrafe;carta-identita;A;B;;0121 1234567;;virtual;;;", "No Il servizio non si fa in questo modo"},
	}
	file := importHead
	for _, x := range lines {
		file += x.line + "\n"
	}
	before := c.appointments()
	path, page := b.preview(file)
	got := outcomes(page.body)
	for i, x := range lines {
		if number := fmt.Sprint(i + 2); got[number] != x.want {
			t.Errorf("line %s, %s: %q, want %q", number, truncate(x.line, 80), got[number], x.want)
		}
	}
	b.want(page, http.StatusOK, "2 appuntamenti da prenotare", "Una riga già in agenda")
	b.want(b.get("/en"+strings.TrimPrefix(path, "/it")), http.StatusOK, "The office has no such desk", "2 appointments to book")
	if n := c.appointments(); n != before {
		t.Errorf("looking booked %d", n-before)
	}
	// With the tick, a desk is had outside its hours.
	shown := b.want(b.get(b.want(b.post(path, "fuori", "1", "azione", "anteprima"), http.StatusSeeOther).location()), http.StatusOK, `value="1" checked`)
	if got := outcomes(shown.body)["13"]; got != "Da prenotare · fuori orario" {
		t.Errorf("outside hours with the tick: %q", got)
	}
	// It is another administrator's business no more than a stranger's.
	if _, err := c.agenda.AddStaff(t.Context(), booking.Staff{Login: "altra", Name: "Altra", Roles: []booking.StaffRole{booking.Administrator}}, staffPassword, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	other := c.as("altra")
	other.want(other.get(path), http.StatusNotFound)
	other.want(other.post(path, "azione", "conferma"), http.StatusNotFound)
	other.want(other.get(path+"/righe.csv"), http.StatusNotFound)
	b.want(b.post(path, "azione", "elimina"), http.StatusSeeOther)
	b.want(b.get(path), http.StatusNotFound)
}

func TestImportBooksWhatItCan(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	s := c.service("anagrafe", "carta-identita")
	free := c.free(s, booking.InPerson, 30)
	row := func(i int, surname string) string {
		return free[i].Start.Format("2006-01-02;15:04") + ";anagrafe;carta-identita;=Anna;" + surname + ";;'+39 0121 123456;;;;;\n"
	}
	file := importHead + row(5, "Bianchi") + row(10, "Verdi") + row(15, "Neri") + strings.Replace(row(20, "Gialli"), "anagrafe", "altrove", 1)
	path, page := b.preview(file)
	b.want(page, http.StatusOK, "3 appuntamenti da prenotare", "Una riga non prenotabile")
	// Meanwhile somebody takes every desk of the second.
	for {
		_, err := c.agenda.Book(t.Context(), booking.BookRequest{
			HoldRequest: booking.HoldRequest{ServiceID: s.ID, Start: free[10].Start, Mode: booking.InPerson, Channel: booking.ByOperator, Audience: booking.Operators},
			Person:      booking.Person{Name: "Uno", Surname: "Prima", Phone: "0121 1234567"},
		})
		if errors.Is(err, booking.ErrSlotTaken) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.server.importStep = 0 // a line at a press
	b.want(b.post(path, "azione", "conferma"), http.StatusSeeOther)
	b.want(b.get(path), http.StatusOK, "Fatte 1 righe di 4", "Un appuntamento prenotato", "Continua")
	c.server.importStep = time.Minute
	b.want(b.post(path, "azione", "conferma"), http.StatusSeeOther)
	b.want(b.get(path), http.StatusOK, "Importazione finita", "2 appuntamenti prenotati", "2 righe non prenotate", "Il posto è già occupato", "L’ufficio non c’è")
	b.want(b.post(path, "azione", "conferma"), http.StatusSeeOther) // pressed twice: nothing more
	b.want(b.get(path), http.StatusOK, "2 appuntamenti prenotati")

	if log := b.want(b.get("/it/staff/amministrazione/registro"), http.StatusOK); strings.Contains(log.body, "Righe non importate") {
		t.Error("a download is noted before there was one")
	}
	answer := b.want(b.get(path+"/righe.csv"), http.StatusOK)
	b.want(b.get("/it/staff/amministrazione/registro"), http.StatusOK, "Righe non importate scaricate", ">2 righe non prenotate</td>")
	refused := rowsOf(t, answer.body)
	if len(refused) != 2 || refused[0]["riga"] != "3" || refused[0]["esito"] != "Il posto è già occupato" || refused[0]["cognome"] != "Verdi" ||
		refused[0]["nome"] != "'=Anna" || refused[1]["ufficio"] != "altrove" {
		t.Errorf("refused %v", refused)
	}
	// Mended, it can be brought again; the first file brought again books nothing.
	mended, page := b.preview(strings.Replace(answer.body, "altrove", "anagrafe", 1))
	b.want(page, http.StatusOK, "Un appuntamento da prenotare")
	b.want(b.post(mended, "azione", "conferma"), http.StatusSeeOther)
	b.want(b.get(mended), http.StatusOK, "Un appuntamento prenotato")
	before := c.appointments()
	again, page := b.preview(file)
	b.want(page, http.StatusOK, "0 appuntamenti da prenotare", "2 righe già in agenda")
	b.want(b.post(again, "azione", "conferma"), http.StatusSeeOther)
	b.want(b.get(again), http.StatusOK, "0 appuntamenti prenotati", "2 righe già in agenda")
	if n := c.appointments(); n != before {
		t.Errorf("the same file booked %d more", n-before)
	}

	found, err := c.agenda.List(t.Context(), booking.AgendaQuery{Text: "bianchi"})
	if err != nil || len(found) != 1 || found[0].Channel != booking.ByImport || found[0].Person.Name != "=Anna" || found[0].Person.Phone != "+390121123456" {
		t.Errorf("found %+v, %v", found, err)
	}
	log := b.want(b.get("/it/staff/amministrazione/registro"), http.StatusOK, "Appuntamenti importati", "2 appuntamenti prenotati · 4 righe lette</td>")
	if strings.Contains(log.body, "Bianchi") {
		t.Error("the log names a person")
	}
	b.want(b.get("/it/staff/amministrazione/statistiche?dal=2026-11-16&al=2026-12-31"), http.StatusOK, "Importati da file")
}

// TestAgendaGoesRound: what one installation exports, another with the same
// offices imports, and exports the same again.
func TestAgendaGoesRound(t *testing.T) {
	from, to := newCounter(t, nil), newCounter(t, nil)
	s, also := from.service("anagrafe", "carta-identita"), from.service("anagrafe", "certificati")
	free := from.free(s, booking.InPerson, 60)
	people := []booking.Person{
		{Name: "=1+1", Surname: "'=D’Àngelo; \"Rossi\"", Email: "anna@example.it", Language: "en"},
		{Name: "Łucja", Surname: "'ndrangheta", Phone: "+48 123456789", Language: "it"},
		{Name: "-", Surname: "@Neri", Email: "neri@example.it", Phone: "0121 123456"},
	}
	for i, p := range people {
		r := booking.BookRequest{
			HoldRequest: booking.HoldRequest{ServiceID: s.ID, Start: free[i*9].Start, Mode: booking.InPerson, Channel: booking.ByOperator, Audience: booking.Operators},
			Person:      p, Note: "=nota\n\nseconda; riga\t\"x\"", StaffNote: "\"'+interna",
		}
		if i == 1 {
			r.Also = []int64{also.ID}
		}
		if _, err := from.agenda.Book(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	from.booked("anagrafe", "cambio-residenza", booking.Virtual, "Vera", "Video")
	export := func(c *counter) string {
		b := c.as("amministratore")
		return b.want(b.post("/it"+agendaPath+"/esporta", "dal", "2026-11-16", "al", "2027-03-31"), http.StatusOK).body
	}
	first := export(from)
	b := to.as("amministratore")
	path, page := b.preview(first)
	b.want(page, http.StatusOK, "4 appuntamenti da prenotare")
	b.want(b.post(path, "azione", "conferma"), http.StatusSeeOther)
	b.want(b.get(path), http.StatusOK, "4 appuntamenti prenotati")
	if second := export(to); second != first {
		t.Errorf("it came back as\n%s\nof\n%s", second, first)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	line := "2026-11-25;09:00;anagrafe;carta-identita;A;B;;0121 123456;;;;;\n"
	for name, x := range map[string]struct{ file, want string }{
		"empty":           {"", "Scegli un file"},
		"the header only": {importHead, "Scegli un file"},
		"no columns":      {"nome;cognome\nA;B\n", "Mancano queste colonne: data, ora, ufficio, servizio, email/telefono"},
		"a column twice":  {strings.Replace(importHead, "email", "nome", 1) + line, "Questa colonna c’è due volte: nome"},
		"a picture":       {"\x89PNG\r\n\x1a\n\x00\x00\x00", "Non è un file di testo"},
		"open quotes":     {importHead + "2026-11-25;\"09:00;anagrafe\n", "controlla le virgolette"},
		"too many lines":  {importHead + strings.Repeat(line, importLines+1), "al massimo 2000"},
		"too large":       {importHead + strings.Repeat(line, 20_000), "al massimo 1 MB"},
		"far too large":   {importHead + strings.Repeat(line, 60_000), "al massimo 1 MB"},
	} {
		if got := b.send(x.file); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, x.want) || !strings.Contains(got.body, `id="file-error"`) {
			t.Errorf("%s: status %d\n%s", name, got.status, mainOf(got.body))
		}
	}
	b.want(b.post("/it"+importPath, "file", "x"), http.StatusBadRequest)
	if n := rowsOf(t, b.want(b.get("/it"+agendaPath+"/modello.csv"), http.StatusOK).body); len(n) != 0 {
		t.Errorf("the empty file has %v", n)
	}
}

// TestImportReadsWhatSpreadsheetsWrite: the encodings and separators of them.
func TestImportReadsWhatSpreadsheetsWrite(t *testing.T) {
	plain := "Data;ORA; ufficio ;servizio;nome;cognome;telefono;colore\r\n25/11/2026;9.30;anagrafe;carta-identita;Zoë;\"D’Angelò; jr\";'+39 0121;blu\r\n\r\n;;;;;;;\r\n"
	windows, err := charmap.Windows1252.NewEncoder().String(plain)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(plain)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]string{
		"UTF-8": plain, "with a mark": "\ufeff" + plain, "Windows-1252": windows, "UTF-16": wide,
		"tabs": strings.ReplaceAll(strings.ReplaceAll(plain, "; jr", "@"), ";", "\t"), "commas": strings.ReplaceAll(strings.ReplaceAll(plain, "; jr", "@"), ";", ","),
	} {
		text, err := decodeImport([]byte(raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f, err := parseImport(text)
		if err != nil || len(f.Rows) != 1 {
			t.Errorf("%s: %+v, %v", name, f, err)
			continue
		}
		cells := f.Rows[0].Cells
		surname := strings.ReplaceAll(cells[colSurname], "@", "; jr")
		if cells[colName] != "Zoë" || surname != "D’Angelò; jr" || cells[colPhone] != "+39 0121" || !slices.Equal(f.Unknown, []string{"colore"}) || f.Rows[0].Number != 2 {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestLocalTime(t *testing.T) {
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ day, clock, zone, want, why string }{
		{"2026-11-23", "09:30", "", "2026-11-23T09:30:00+01:00", ""},
		{"1/7/2026", "9.05", "utc+02:00", "2026-07-01T09:05:00+02:00", ""},
		{"01.07.26", "9:05", "", "", whyDay},
		{"01/07/26", "9:05:00", "", "2026-07-01T09:05:00+02:00", ""},
		{"2026-07-01", "09:05:30", "", "", whyTime},
		{"2026-07-01", "24:00", "", "", whyTime},
		{"30/2/2026", "09:00", "", "", whyDay},
		{"2027-03-28", "01:59", "", "2027-03-28T01:59:00+01:00", ""},
		{"2027-03-28", "02:00", "", "", whyGap},
		{"2027-03-28", "02:59", "UTC+01:00", "", whyGap},
		{"2027-03-28", "03:00", "", "2027-03-28T03:00:00+02:00", ""},
		{"2027-10-31", "01:59", "", "2027-10-31T01:59:00+02:00", ""},
		{"2027-10-31", "02:00", "", "", whyTwice},
		{"2027-10-31", "02:30", "UTC+02:00", "2027-10-31T02:30:00+02:00", ""},
		{"2027-10-31", "02:30", "UTC+01:00", "2027-10-31T02:30:00+01:00", ""},
		{"2027-10-31", "02:30", "UTC+00:00", "", whyZone},
		{"2027-10-31", "03:00", "", "2027-10-31T03:00:00+01:00", ""},
	} {
		got, why := localTime(rome, x.day, x.clock, x.zone)
		if why != x.why || why == "" && got.Format(time.RFC3339) != x.want {
			t.Errorf("%s %s %s: %v, %q; want %s, %q", x.day, x.clock, x.zone, got, why, x.want, x.why)
		}
	}
}
