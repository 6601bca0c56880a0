package web

import (
	"context"
	"net/http"
	"strconv"

	"sportello/booking"
)

// retireView asks whether something is to be retired, and shows whom that
// leaves with an appointment nobody else can book any more.
type retireView struct {
	Kind      string // "office", "service" or "desk"
	Name      string
	Action    string
	Back      string
	Conflicts []booking.Appointment
}

// retiree is something that can be retired, whatever it is.
type retiree struct {
	view    retireView
	preview func(context.Context) ([]booking.Appointment, error)
	retire  func(context.Context, bool, ...booking.Aftermath) ([]booking.Appointment, error)
}

func (s *Server) retireeOf(r *http.Request, kind string, actor booking.Actor) (retiree, error) {
	ctx, lang := r.Context(), s.lang(r).Code
	x := retiree{view: retireView{Kind: kind, Action: r.URL.Path}}
	office := func(id int64) { x.view.Back = adminPath + "/uffici/" + idText(id) }
	switch kind {
	case "office":
		o, err := s.officeOfPath(r)
		if err != nil {
			return x, err
		}
		x.view.Name = o.Name.In(lang)
		office(o.ID)
		x.preview = func(ctx context.Context) ([]booking.Appointment, error) {
			return s.agenda.PreviewRetireOffice(ctx, o.ID)
		}
		x.retire = func(ctx context.Context, on bool, then ...booking.Aftermath) ([]booking.Appointment, error) {
			return s.agenda.RetireOffice(ctx, o.ID, on, actor, then...)
		}
	case "service":
		id, err := pathID(r, "service")
		if err != nil {
			return x, err
		}
		v, err := s.agenda.ServiceByID(ctx, id)
		if err != nil {
			return x, err
		}
		x.view.Name = v.Name.In(lang)
		office(v.OfficeID)
		x.preview = func(ctx context.Context) ([]booking.Appointment, error) {
			return s.agenda.PreviewRetireService(ctx, id)
		}
		x.retire = func(ctx context.Context, on bool, then ...booking.Aftermath) ([]booking.Appointment, error) {
			return s.agenda.RetireService(ctx, id, on, actor, then...)
		}
	default:
		d, o, err := s.adminDeskOf(r)
		if err != nil {
			return x, err
		}
		x.view.Name = d.Name
		office(o.ID)
		x.preview = func(ctx context.Context) ([]booking.Appointment, error) { return s.agenda.PreviewRetireDesk(ctx, d.ID) }
		x.retire = func(ctx context.Context, on bool, then ...booking.Aftermath) ([]booking.Appointment, error) {
			return s.agenda.RetireDesk(ctx, d.ID, on, actor, then...)
		}
	}
	return x, nil
}

// adminRetire retires an office, a service or a desk, or brings it back. It
// shows first who has an appointment there.
func (s *Server) adminRetire(kind string) staffHandler {
	return func(w http.ResponseWriter, r *http.Request, me *colleague) error {
		x, err := s.retireeOf(r, kind, me.Actor())
		if err != nil {
			return err
		}
		switch r.PostFormValue("azione") {
		case "salva":
			list, err := x.retire(r.Context(), true, wished(r)...)
			if err != nil {
				return err
			}
			s.tell(r.Context(), "success", "admin.flash.retired", "Count", strconv.Itoa(len(list)))
		case "riapri":
			if _, err := x.retire(r.Context(), false); err != nil {
				return err
			}
			s.tell(r.Context(), "success", "admin.flash.reopened")
		default:
			if x.view.Conflicts, err = x.preview(r.Context()); err != nil {
				return err
			}
			return s.staffRender(w, r, me, http.StatusOK, "staff/admin_retire.html", x.view)
		}
		http.Redirect(w, r, s.lang(r).Path(x.view.Back), http.StatusSeeOther)
		return nil
	}
}
