package web

import (
	"bufio"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"sportello/booking"
)

const (
	agendaPath = "/staff/amministrazione/agenda"
	// exportTimeout bounds a download, however slow the line.
	exportTimeout = 5 * time.Minute
	// exportStall is how long a reader may take for the next part of it.
	exportStall = 30 * time.Second
)

// agendaView is the page where appointments leave as a file, and come in.
type agendaView struct {
	Offices  []booking.Office
	OfficeID int64
	From, To string
	Bad      bool   // the days cannot be read
	Trouble  string // why the file that was sent cannot be read
	Columns  []string
	Lines    int // that a file may have
}

// newAgendaView is the page as it opens: the next days.
func (s *Server) newAgendaView() agendaView {
	today := s.today()
	return agendaView{From: today.Format(time.DateOnly), To: today.AddDate(0, 0, 30).Format(time.DateOnly)}
}

func (s *Server) adminAgenda(w http.ResponseWriter, r *http.Request, me *colleague) error {
	return s.showAgenda(w, r, me, http.StatusOK, s.newAgendaView())
}

func (s *Server) showAgenda(w http.ResponseWriter, r *http.Request, me *colleague, status int, v agendaView) error {
	v.Columns, v.Lines = appointmentColumns(), importLines
	var err error
	if v.Offices, err = s.agenda.EveryOffice(r.Context()); err != nil {
		return err
	}
	return s.staffRender(w, r, me, status, "staff/admin_agenda.html", v)
}

// adminAgendaExport gives the appointments of a period with their persons. It is
// asked for by POST, since it is noted.
func (s *Server) adminAgendaExport(w http.ResponseWriter, r *http.Request, me *colleague) error {
	p, ok := s.period(r.PostForm)
	if !ok {
		v := agendaView{OfficeID: chosenOffice(r.PostForm), From: r.PostFormValue("dal"), To: r.PostFormValue("al"), Bad: true}
		return s.showAgenda(w, r, me, http.StatusUnprocessableEntity, v)
	}
	name := []string{"appuntamenti"}
	slugs := map[int64]string{}
	offices, err := s.agenda.EveryOffice(r.Context())
	if err != nil {
		return err
	}
	for _, o := range offices {
		services, err := s.agenda.EveryService(r.Context(), o.ID)
		if err != nil {
			return err
		}
		for _, x := range services {
			slugs[x.ID] = x.Slug
		}
		if o.ID == p.OfficeID {
			name = append(name, o.Slug)
		}
	}
	if p.OfficeID != 0 && len(name) == 1 {
		return booking.ErrNotFound
	}
	name = append(name, p.First.Format(time.DateOnly), p.Last.Format(time.DateOnly))

	body := bufio.NewWriterSize(&patient{w, http.NewResponseController(w)}, 32<<10)
	var out *appointmentWriter
	err = s.agenda.Export(r.Context(), p, me.Actor(), func() error {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.csv"`, strings.Join(name, "-")))
		w.WriteHeader(http.StatusOK)
		var err error
		out, err = newAppointmentWriter(body, slugs)
		return err
	}, func(a booking.Appointment) error { return out.write(a) })
	if err == nil {
		err = out.flush()
	}
	if err == nil {
		err = body.Flush()
	}
	if err != nil && out != nil {
		// Part of it is on its way: a connection that breaks is not taken for a whole file.
		s.log.WarnContext(r.Context(), "export broken off", slog.String("request", requestID(r.Context())), slog.String("error", err.Error()))
		panic(http.ErrAbortHandler)
	}
	return err
}

// patient writes an answer that is longer than the server's deadline, as long
// as its reader goes on reading.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	// A server without deadlines needs none prolonged.
	_ = p.control.SetWriteDeadline(time.Now().Add(exportStall))
	return p.ResponseWriter.Write(b)
}
