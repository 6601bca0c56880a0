package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sportello/booking"
)

// dataView is what is kept of one person, for who asks for it or for its end.
type dataView struct {
	Who    string
	Asked  bool
	List   []booking.Appointment
	Errors formErrors
}

func (s *Server) adminData(w http.ResponseWriter, r *http.Request, me *colleague) error {
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_data.html", dataView{})
}

// adminDataPost finds, gives out or erases what is kept of one person. Who it
// is travels in the body: contacts do not belong in addresses and logs.
func (s *Server) adminDataPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v := dataView{Who: strings.TrimSpace(r.PostFormValue("who")), Asked: true}
	var err error
	if v.List, err = s.agenda.OfPerson(r.Context(), v.Who); err != nil {
		if !adminMistake(s.lang(r), &v.Errors, err) {
			return err
		}
		v.Asked = false
		return s.staffRender(w, r, me, http.StatusUnprocessableEntity, "staff/admin_data.html", v)
	}
	switch r.PostFormValue("azione") {
	case "esporta":
		if err := s.agenda.NoteExport(r.Context(), v.List, me.Actor()); err != nil {
			return err
		}
		return s.exportData(w, r, v.List)
	case "cancella":
		erased, left, err := s.agenda.Erase(r.Context(), v.Who, me.Actor())
		if err != nil {
			return err
		}
		kind, key := "success", "admin.flash.erased"
		if left > 0 {
			kind, key = "warning", "admin.flash.erased_left"
		}
		s.tell(r.Context(), kind, key, "Erased", strconv.Itoa(erased), "Left", strconv.Itoa(left))
		return s.toAdmin(w, r, "/dati")
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_data.html", v)
}

// exportedAppointment is an appointment as its person may take it away: GDPR,
// article 20, asks for a structured, commonly used, machine-readable format.
type exportedAppointment struct {
	ID        string    `json:"id"`
	Office    string    `json:"office"`
	Service   string    `json:"service"`
	Desk      string    `json:"desk"`
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	Mode      string    `json:"mode"`
	Channel   string    `json:"channel"`
	State     string    `json:"state"`
	CreatedAt time.Time `json:"createdAt"`
	Name      string    `json:"name"`
	Surname   string    `json:"surname"`
	Email     string    `json:"email"`
	Phone     string    `json:"phone"`
	Language  string    `json:"language"`
	Note      string    `json:"note"`
	StaffNote string    `json:"staffNote"`
}

func (s *Server) exportData(w http.ResponseWriter, r *http.Request, list []booking.Appointment) error {
	lang := s.lang(r).Code
	out := make([]exportedAppointment, 0, len(list))
	for _, a := range list {
		out = append(out, exportedAppointment{
			ID: a.ID.String(), Office: a.Office.Name.In(lang), Service: a.Service.Name.In(lang), Desk: a.DeskName,
			Start: a.Start, End: a.End, Mode: string(a.Mode), Channel: string(a.Channel), State: string(a.State), CreatedAt: a.CreatedAt,
			Name: a.Person.Name, Surname: a.Person.Surname, Email: a.Person.Email, Phone: a.Person.Phone, Language: a.Person.Language,
			Note: a.Note, StaffNote: a.StaffNote,
		})
	}
	body, err := json.MarshalIndent(map[string]any{"appointments": out}, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="dati.json"`)
	w.WriteHeader(http.StatusOK)
	writeBody(r, w, s.log, body)
	return nil
}
