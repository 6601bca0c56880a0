package booking

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// The limits of what may be typed, in runes (e-mail: in bytes, RFC 5321
// section 4.5.3.1.3 less the angle brackets).
const (
	maxName  = 100
	maxEmail = 254
	maxPhone = 40
	maxNote  = 2000
)

// checked gives p as it is stored: trimmed, composed, with a phone number in
// E.164. A *FieldError says what cannot be accepted.
func (p Person) checked() (Person, error) {
	var err error
	if p.Name, err = checkLine("name", p.Name, maxName); err != nil {
		return p, err
	}
	if p.Surname, err = checkLine("surname", p.Surname, maxName); err != nil {
		return p, err
	}
	if fold(p.Surname) == "" { // a surname is half of the key to the appointment
		return p, &FieldError{"surname", CodeInvalid}
	}
	if p.Email, err = checkEmail(p.Email); err != nil {
		return p, err
	}
	if p.Phone, err = checkPhone(p.Phone); err != nil {
		return p, err
	}
	if p.Email == "" && p.Phone == "" {
		return p, &FieldError{"email", CodeEmailOrPhone}
	}
	switch p.Language {
	case "":
		p.Language = "it"
	case "it", "en":
	default:
		return p, &FieldError{"language", CodeInvalid}
	}
	return p, nil
}

// checkedAtTheDoor gives a walk-in's person as it is stored: a name in
// whichever of the two fields, or nothing.
func (p Person) checkedAtTheDoor() (Person, error) {
	whole := strings.TrimSpace(strings.TrimSpace(p.Surname) + " " + strings.TrimSpace(p.Name))
	if whole == "" {
		return Person{}, nil
	}
	surname, err := checkLine("surname", whole, maxName)
	if err != nil {
		return p, err
	}
	if fold(surname) == "" {
		return p, &FieldError{"surname", CodeInvalid}
	}
	return Person{Surname: surname, Language: "it"}, nil
}

// checkLine accepts one line of text that must be there.
func checkLine(field, s string, limit int) (string, error) {
	if !utf8.ValidString(s) {
		return "", &FieldError{field, CodeInvalid}
	}
	s = norm.NFC.String(strings.TrimSpace(s))
	if s == "" {
		return "", &FieldError{field, CodeRequired}
	}
	if utf8.RuneCountInString(s) > limit {
		return "", &FieldError{field, CodeTooLong}
	}
	if strings.ContainsFunc(s, unprintable) {
		return "", &FieldError{field, CodeInvalid}
	}
	return s, nil
}

// checkNote accepts lines of text, or none.
func checkNote(field, s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", &FieldError{field, CodeInvalid}
	}
	s = norm.NFC.String(strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")))
	if utf8.RuneCountInString(s) > maxNote {
		return "", &FieldError{field, CodeTooLong}
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && unprintable(r) }) {
		return "", &FieldError{field, CodeInvalid}
	}
	return s, nil
}

// unprintable says whether r would disturb the line it stands in: control
// characters, and those that turn the direction of the text around it.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// checkEmail accepts a bare address with a domain, or nothing.
func checkEmail(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	if len(s) > maxEmail {
		return "", &FieldError{"email", CodeTooLong}
	}
	addr, err := mail.ParseAddress(s)
	if err != nil || addr.Name != "" || addr.Address != s || strings.ContainsFunc(s, unprintable) {
		return "", &FieldError{"email", CodeInvalid}
	}
	if _, domain, _ := strings.Cut(s, "@"); !strings.Contains(domain, ".") {
		return "", &FieldError{"email", CodeInvalid}
	}
	return s, nil
}

// checkPhone accepts a number as people write it, and gives it in E.164; one
// without a country is Italian.
func checkPhone(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	if utf8.RuneCountInString(s) > maxPhone {
		return "", &FieldError{"phone", CodeTooLong}
	}
	n := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -./()\u00a0", r) {
			return -1
		}
		return r
	}, s)
	if rest, ok := strings.CutPrefix(n, "00"); ok {
		n = "+" + rest
	} else if !strings.HasPrefix(n, "+") {
		n = "+39" + n
	}
	if ok, err := regexp.MatchString(`^\+[1-9][0-9]{6,14}$`, n); !ok || err != nil {
		return "", &FieldError{"phone", CodeInvalid}
	}
	return n, nil
}

// fold reduces a name to what people agree on when they hear it: letters and
// digits without case, accents, spaces, apostrophes or hyphens.
func fold(s string) string {
	s = cases.Fold().String(norm.NFKD.String(s))
	return strings.Map(func(r rune) rune {
		switch r {
		case 'ł':
			return 'l'
		case 'ø':
			return 'o'
		case 'đ', 'ð':
			return 'd'
		case 'ı':
			return 'i'
		}
		if unicode.Is(unicode.Lm, r) { // U+02BC, an apostrophe that counts as a letter
			return -1
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// search is what SearchPerson looks into: the folded words of a person.
func (p Person) search() string {
	return strings.Join([]string{fold(p.Name), fold(p.Surname), fold(p.Name), strings.ToLower(p.Email), p.Phone}, " ")
}

// clean makes any input safe to send to PostgreSQL, which refuses NUL and
// broken UTF-8; nothing that is stored matches what it drops.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
