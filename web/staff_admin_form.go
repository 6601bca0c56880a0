package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sportello/booking"
)

// formValues is a form as it was typed, or as what is stored fills it.
type formValues struct{ url.Values }

// Ticked says whether a box of that name and value is ticked.
func (f formValues) Ticked(name string, value any) bool {
	want := ""
	switch v := value.(type) {
	case int64:
		want = strconv.FormatInt(v, 10)
	case string:
		want = v
	case booking.StaffRole:
		want = string(v)
	}
	return slices.Contains(f.Values[name], want)
}

func (f formValues) text(name string) booking.Text {
	t := booking.Text{}
	for _, lang := range []string{"it", "en"} {
		if s := strings.TrimSpace(f.Get(name + "_" + lang)); s != "" {
			t[lang] = s
		}
	}
	return t
}

func (f formValues) setText(name string, t booking.Text) {
	f.Set(name+"_it", t["it"])
	f.Set(name+"_en", t["en"])
}

// length reads a whole number of units; what is none becomes a length that
// nobody accepts.
func (f formValues) length(name string, unit time.Duration) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(f.Get(name)), 10, 20)
	if err != nil {
		return -1
	}
	return time.Duration(n) * unit
}

func (f formValues) setLength(name string, d, unit time.Duration) {
	f.Set(name, strconv.FormatInt(int64(d/unit), 10))
}

func (f formValues) number(name string) int {
	text := strings.TrimSpace(f.Get(name))
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

func (f formValues) modes() []booking.Mode {
	var out []booking.Mode
	for _, m := range f.Values["modes"] {
		out = append(out, booking.Mode(m))
	}
	return out
}

func modeValues(modes []booking.Mode) []string {
	var out []string
	for _, m := range modes {
		out = append(out, string(m))
	}
	return out
}

func idValues(ids []int64) []string {
	var out []string
	for _, id := range ids {
		out = append(out, strconv.FormatInt(id, 10))
	}
	return out
}

// adminMistake adds what the agenda says of a field of the administrator's
// forms. It reports whether err was such a thing.
func adminMistake(l *Language, e *formErrors, err error) bool {
	var field *booking.FieldError
	if !errors.As(err, &field) {
		return false
	}
	e.add(field.Field, fieldText(l, "admin.error.", field))
	return true
}

// pathID is the number of a path.
func pathID(r *http.Request, name string) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil || id <= 0 {
		return 0, errNoPage
	}
	return id, nil
}

func idText(id int64) string { return strconv.FormatInt(id, 10) }

const adminPath = "/staff/amministrazione"

func (s *Server) toAdmin(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, s.lang(r).Path(adminPath+path), http.StatusSeeOther)
	return nil
}
