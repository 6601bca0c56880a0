package web

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"sportello/booking"
)

// personView is the step where the citizen says who comes.
type personView struct {
	Stepper stepper
	Recap   recap
	Back    string
	Person  booking.Person
	Privacy bool
	Errors  formErrors
}

func (s *Server) holdPerson(w http.ResponseWriter, r *http.Request) error {
	a, _, done, err := s.typing(w, r, stepPerson)
	if done {
		return err
	}
	// Who is stored already has acknowledged the notice.
	return s.showPerson(w, r, a, a.Person, a.Person.Surname != "", nil)
}

func (s *Server) showPerson(w http.ResponseWriter, r *http.Request, a booking.Appointment, p booking.Person, privacy bool, mistakes formErrors) error {
	l := s.lang(r)
	v := personView{
		Stepper: newStepper(l, stepPerson), Recap: s.recapOf(a), Back: l.Path(holdPath(a.ID, stepDetails)),
		Person: p, Privacy: privacy, Errors: mistakes,
	}
	return s.render(w, r, statusOf(mistakes), "public/person.html", Page{Data: v, Crumbs: bookingCrumbs(l), NoSwitch: len(mistakes) > 0})
}

// personMistakes names all that is plainly missing or too long at once; the
// agenda, which has the last word, stops at the first.
func personMistakes(l *Language, p booking.Person, privacy bool) formErrors {
	var e formErrors
	field := func(name, value string, limit int, required bool) {
		switch {
		case required && strings.TrimSpace(value) == "":
			e.add(name, fieldText(l, "form.", &booking.FieldError{Field: name, Code: booking.CodeRequired}))
		case utf8.RuneCountInString(value) > limit:
			e.add(name, fieldText(l, "form.", &booking.FieldError{Field: name, Code: booking.CodeTooLong}))
		}
	}
	field("name", p.Name, 100, true)
	field("surname", p.Surname, 100, true)
	field("email", p.Email, 254, false)
	field("phone", p.Phone, 40, false)
	if email := strings.TrimSpace(p.Email); email != "" && !strings.Contains(email, "@") {
		e.add("email", fieldText(l, "form.", &booking.FieldError{Field: "email", Code: booking.CodeInvalid}))
	}
	if strings.TrimSpace(p.Email) == "" && strings.TrimSpace(p.Phone) == "" {
		e.add("email", fieldText(l, "form.", &booking.FieldError{Field: "email", Code: booking.CodeEmailOrPhone}))
	}
	if !privacy {
		e.add("privacy", l.T("form.privacy.required"))
	}
	return e
}

func (s *Server) holdPersonPost(w http.ResponseWriter, r *http.Request) error {
	a, secret, err := s.held(w, r)
	if err != nil {
		return err
	}
	l := s.lang(r)
	p := booking.Person{
		Name: r.PostFormValue("name"), Surname: r.PostFormValue("surname"),
		Email: r.PostFormValue("email"), Phone: r.PostFormValue("phone"), Language: l.Code,
	}
	privacy := r.PostFormValue("privacy") != ""
	if strings.TrimSpace(p.Name+p.Surname+p.Email+p.Phone) == "" && s.saves(w, r, a) {
		return nil // there is nothing to keep yet
	}
	mistakes := personMistakes(l, p, privacy)
	if len(mistakes) == 0 {
		err = s.agenda.SetPerson(r.Context(), a.ID, secret, p)
		if !mistakes.addFrom(l, err) && err != nil && !errors.Is(err, booking.ErrState) {
			return err
		}
	}
	if len(mistakes) > 0 {
		return s.showPerson(w, r, a, p, privacy, mistakes)
	}
	if s.saves(w, r, a) {
		return nil
	}
	if s.over(a) {
		return s.holdExpired(w, r, a, stepSummary)
	}
	http.Redirect(w, r, l.Path(holdPath(a.ID, stepSummary)), http.StatusSeeOther)
	return nil
}
