package web

import (
	"errors"

	"sportello/booking"
)

// fieldError is what is wrong with one field, as the reader is told.
type fieldError struct {
	Field string // the id of the input the summary links to
	Text  string
}

// formErrors are a form's mistakes in the order of its fields.
type formErrors []fieldError

// For is the text for one field, or "".
func (e formErrors) For(field string) string {
	for _, x := range e {
		if x.Field == field {
			return x.Text
		}
	}
	return ""
}

// add appends a mistake, unless its field has one already.
func (e *formErrors) add(field, text string) {
	if e.For(field) == "" {
		*e = append(*e, fieldError{Field: field, Text: text})
	}
}

// addFrom takes over what the agenda says of a field. It reports whether err
// was such a thing; other errors are the caller's.
func (e *formErrors) addFrom(l *Language, err error) bool {
	var field *booking.FieldError
	if !errors.As(err, &field) {
		return false
	}
	e.add(field.Field, fieldText(l, "form.", field))
	return true
}

// fieldText has a text for each field and code below a key, or a general one for
// the code.
func fieldText(l *Language, below string, f *booking.FieldError) string {
	if text, ok := l.find(below + f.Field + "." + f.Code); ok {
		return text
	}
	return l.T("form.any." + f.Code)
}
