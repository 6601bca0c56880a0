package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sportello/booking"
)

// officeView is an office with all that belongs to it, and its form.
type officeView struct {
	Office   booking.Office // zero for a new one
	Guide    *guide         // nil for a new one
	Services []booking.Service
	Desks    []adminDesk
	Form     formValues
	Errors   formErrors
}

// defaultMaxOpen is what the form of a new office proposes: enough for a
// family, too few to deal in appointments.
const defaultMaxOpen = 5

func (s *Server) adminOfficeNew(w http.ResponseWriter, r *http.Request, me *colleague) error {
	return s.showOffice(w, r, me, booking.Office{}, formValues{url.Values{"max_open": {strconv.Itoa(defaultMaxOpen)}, "offer_for": {"180"}}}, nil)
}

func (s *Server) adminOffice(w http.ResponseWriter, r *http.Request, me *colleague) error {
	o, err := s.officeOfPath(r)
	if err != nil {
		return err
	}
	f := formValues{url.Values{}}
	f.setText("name", o.Name)
	f.setText("intro", o.Intro)
	f.Set("address", o.Address)
	f.Set("building", o.Building)
	f.Set("phone", o.Phone)
	f.Set("email", o.Email)
	f.Set("position", strconv.Itoa(o.Position))
	f.Set("max_open", strconv.Itoa(o.MaxOpen))
	f.setLength("offer_for", o.OfferFor, time.Minute)
	f.setLength("cool_for", o.CoolFor, time.Minute)
	f.Set("letter", o.Letter)
	f.Set("retention_days", strconv.Itoa(o.RetentionDays))
	if o.History {
		f.Set("history", "1")
	}
	return s.showOffice(w, r, me, o, f, nil)
}

func (s *Server) officeOfPath(r *http.Request) (booking.Office, error) {
	id, err := pathID(r, "office")
	if err != nil {
		return booking.Office{}, err
	}
	return s.agenda.OfficeByID(r.Context(), id)
}

func (s *Server) showOffice(w http.ResponseWriter, r *http.Request, me *colleague, o booking.Office, f formValues, mistakes formErrors) error {
	v := officeView{Office: o, Form: f, Errors: mistakes}
	if o.ID != 0 {
		var err error
		if v.Guide, err = s.guideOf(r.Context(), o, "office"); err != nil {
			return err
		}
		row, err := s.adminOfficeRow(r, o, true)
		if err != nil {
			return err
		}
		v.Services, v.Desks = row.Services, row.Desks
	}
	return s.staffRender(w, r, me, statusOf(mistakes), "staff/admin_office.html", v)
}

func (s *Server) adminOfficePost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	var o booking.Office
	if r.PathValue("office") != "" {
		var err error
		if o, err = s.officeOfPath(r); err != nil {
			return err
		}
	}
	isNew := o.ID == 0
	f := formValues{r.PostForm}
	o.Name, o.Intro = f.text("name"), f.text("intro")
	o.Address, o.Building = f.Get("address"), f.Get("building")
	o.Phone, o.Email = f.Get("phone"), f.Get("email")
	o.Position, o.MaxOpen = f.number("position"), f.number("max_open")
	o.Letter, o.History, o.RetentionDays = f.Get("letter"), f.Get("history") != "", f.number("retention_days")
	if o.OfferFor = f.length("offer_for", time.Minute); f.Get("offer_for") == "" {
		o.OfferFor = 0 // as usual
	}
	if o.CoolFor = f.length("cool_for", time.Minute); f.Get("cool_for") == "" {
		o.CoolFor = 0
	}
	saved, err := s.agenda.SaveOffice(r.Context(), o, me.Actor())
	var mistakes formErrors
	if adminMistake(s.lang(r), &mistakes, err) {
		return s.showOffice(w, r, me, o, f, mistakes)
	}
	if err != nil {
		return err
	}
	s.tell(r.Context(), "success", "admin.flash.office", "Name", saved.Name.In(s.lang(r).Code))
	path := adminPath + "/uffici/" + idText(saved.ID)
	if isNew {
		if path, err = s.after(r.Context(), saved.ID); err != nil {
			return err
		}
	}
	return s.toAdmin(w, r, strings.TrimPrefix(path, adminPath))
}
