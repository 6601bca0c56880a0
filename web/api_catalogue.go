package web

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"sportello/booking"
)

// Availability is asked for so many days at once, at most and by default.
const (
	apiMostDays = 62
	apiDays     = 30
)

type apiOffice struct {
	Slug     string       `json:"slug"`
	Name     booking.Text `json:"name"`
	Intro    booking.Text `json:"intro"`
	Address  string       `json:"address"`
	Building string       `json:"building"`
	Phone    string       `json:"phone"`
	Email    string       `json:"email"`
	TimeZone string       `json:"time_zone"`
}

type apiService struct {
	Office      string         `json:"office"`
	Slug        string         `json:"slug"`
	Name        booking.Text   `json:"name"`
	Description booking.Text   `json:"description"`
	Bring       booking.Text   `json:"bring"`
	Kind        string         `json:"kind"`
	Modes       []booking.Mode `json:"modes"`
	Duration    int            `json:"duration_minutes"`
	MinNotice   int            `json:"min_notice_minutes"`
	Horizon     int            `json:"horizon_days"`
	CancelUntil int            `json:"cancel_until_minutes"`
	URL         string         `json:"booking_url"`
}

type apiSlot struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Desks int       `json:"desks"`
}

func slotOut(s booking.Slot) apiSlot { return apiSlot{s.Start, s.End, s.Desks} }

// said is a text that is {} rather than null where there is none.
func said(t booking.Text) booking.Text {
	if t == nil {
		return booking.Text{}
	}
	return t
}

func (s *Server) apiOffices(w http.ResponseWriter, r *http.Request) error {
	list, err := s.agenda.Offices(r.Context())
	if err != nil {
		return err
	}
	out := make([]apiOffice, 0, len(list))
	for _, o := range list {
		out = append(out, apiOffice{o.Slug, said(o.Name), said(o.Intro), o.Address, o.Building, o.Phone, o.Email, o.TZ})
	}
	return s.answerJSON(w, r, http.StatusOK, map[string]any{"offices": out})
}

func (s *Server) apiServices(w http.ResponseWriter, r *http.Request) error {
	list, err := s.agenda.AllServices(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if office := q.Get("office"); office != "" {
		if _, err := s.agenda.OfficeBySlug(r.Context(), office); err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(x booking.Service) bool { return x.OfficeSlug != office })
	}
	if kind := q.Get("kind"); kind != "" {
		list = slices.DeleteFunc(list, func(x booking.Service) bool { return x.Kind != kind })
	}
	out := make([]apiService, 0, len(list))
	for _, x := range list {
		out = append(out, apiService{
			Office: x.OfficeSlug, Slug: x.Slug, Name: said(x.Name), Description: said(x.Description), Bring: said(x.Bring), Kind: x.Kind, Modes: x.Modes,
			Duration: Minutes(x.Duration), MinNotice: Minutes(x.MinNotice), Horizon: int(x.Horizon / dayLong), CancelUntil: Minutes(x.CancelUntil),
			URL: s.link("/it/prenota?" + url.Values{"ufficio": {x.OfficeSlug}, "servizio": {x.Slug}}.Encode()),
		})
	}
	return s.answerJSON(w, r, http.StatusOK, map[string]any{"services": out})
}

// apiMode reads how to meet; "" is either.
func apiMode(text string) (booking.Mode, error) {
	m := booking.Mode(text)
	if m != "" && m != booking.InPerson && m != booking.Virtual {
		return m, &booking.FieldError{Field: "mode", Code: booking.CodeInvalid}
	}
	return m, nil
}

// apiDay reads a calendar date in a zone.
func apiDay(q url.Values, name string, z *time.Location, otherwise time.Time) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return otherwise, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, z)
	if err != nil {
		return t, &booking.FieldError{Field: name, Code: booking.CodeInvalid}
	}
	return t, nil
}

func (s *Server) apiAvailability(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	office, service, err := s.serviceOf(r.Context(), q.Get("office"), q.Get("service"), q["also"])
	if err != nil {
		return err
	}
	mode, err := apiMode(q.Get("mode"))
	if err != nil {
		return err
	}
	z, err := zone(office)
	if err != nil {
		return err
	}
	y, m, d := s.now().In(z).Date()
	from, err := apiDay(q, "from", z, time.Date(y, m, d, 0, 0, 0, 0, z))
	if err != nil {
		return err
	}
	to, err := apiDay(q, "to", z, from.AddDate(0, 0, apiDays-1))
	if err != nil {
		return err
	}
	if to.Before(from) || !to.Before(from.AddDate(0, 0, apiMostDays)) {
		return &booking.FieldError{Field: "to", Code: booking.CodeInvalid}
	}
	slots, err := s.agenda.Free(r.Context(), booking.Query{
		ServiceID: service.ID, Also: service.Also, Mode: mode, Audience: booking.Public, From: from, To: to.AddDate(0, 0, 1),
	})
	if err != nil {
		return err
	}
	out := make([]apiSlot, 0, len(slots))
	for _, x := range slots {
		out = append(out, slotOut(x))
	}
	return s.answerJSON(w, r, http.StatusOK, map[string]any{"slots": out})
}

type apiFirst struct {
	Office  string       `json:"office"`
	Service string       `json:"service"`
	Mode    booking.Mode `json:"mode"`
	Start   *time.Time   `json:"start"` // null: nothing is free
	End     *time.Time   `json:"end"`
}

// apiEarliest tells who has the first free time: of one service, or of a kind
// over all offices.
func (s *Server) apiEarliest(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	var services []booking.Service
	var err error
	if kind := q.Get("kind"); kind != "" {
		if services, err = s.agenda.OfKind(r.Context(), kind); err == nil && len(services) == 0 {
			err = booking.ErrNotFound
		}
	} else {
		services = make([]booking.Service, 1)
		_, services[0], err = s.agenda.ServiceBySlug(r.Context(), q.Get("office"), q.Get("service"))
	}
	if err != nil {
		return err
	}
	ids := make([]int64, len(services))
	for i := range services {
		ids[i] = services[i].ID
	}
	list, err := s.agenda.Earliest(r.Context(), ids, booking.Public)
	if err != nil {
		return err
	}
	out := make([]apiFirst, 0, len(list))
	for _, f := range list {
		x := apiFirst{Office: f.Office.Slug, Service: f.Service.Slug, Mode: f.Mode}
		if !f.Start.IsZero() {
			x.Start, x.End = &f.Start, &f.End
		}
		out = append(out, x)
	}
	return s.answerJSON(w, r, http.StatusOK, map[string]any{"earliest": out})
}
