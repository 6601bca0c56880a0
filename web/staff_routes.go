package web

import (
	"net/http"
	"time"

	"sportello/booking"
)

// staffRoute is one line of the staff's list of pages.
type staffRoute struct {
	Pattern string // as in routes.go, below /{lang}
	Roles   []booking.StaffRole
	Handler staffHandler
	// Background marks what a page asks for by itself: it does not count as
	// somebody being at the keyboard.
	Background bool
	// Stream marks an answer that stays open.
	Stream bool
	// Within bounds the work of a page that needs longer than others.
	Within time.Duration
}

// staffHandler answers a request of somebody who is signed in and may ask.
type staffHandler func(w http.ResponseWriter, r *http.Request, me *colleague) error

// staffPages is the whole staff side, but for signing in: every line says who
// may have it, and a test asks for each of them in every role.
func (s *Server) staffPages() []staffRoute {
	everybody := []booking.StaffRole{booking.Clerk, booking.Operator, booking.Reception, booking.Administrator}
	clerk := []booking.StaffRole{booking.Clerk}
	operator := []booking.StaffRole{booking.Operator}
	reception := []booking.StaffRole{booking.Reception}
	administrator := []booking.StaffRole{booking.Administrator}
	settlers := []booking.StaffRole{booking.Clerk, booking.Operator, booking.Administrator}
	halls := []booking.StaffRole{booking.Reception, booking.Administrator}
	return []staffRoute{
		{Pattern: "GET /staff/{$}", Roles: everybody, Handler: s.staffMenu},
		{
			Pattern: "GET /staff/eventi", Handler: s.staffEvents, Background: true, Stream: true,
			Roles: []booking.StaffRole{booking.Clerk, booking.Reception},
		},

		{Pattern: "GET " + unsettledPath, Roles: settlers, Handler: s.unsettledPage},
		{Pattern: "POST " + unsettledPath, Roles: settlers, Handler: s.unsettledAsk},
		{Pattern: "POST " + unsettledPath + "/{id}", Roles: operator, Handler: s.answerOffer},

		{Pattern: "GET /staff/operatore", Roles: operator, Handler: s.operatorPage},
		{Pattern: "GET /staff/operatore/orari", Roles: operator, Handler: s.operatorSlots},
		{Pattern: "POST /staff/operatore", Roles: operator, Handler: s.operatorPost},
		{Pattern: "POST /staff/operatore/cerca", Roles: operator, Handler: s.operatorSearch},
		{Pattern: "GET /staff/operatore/fatto/{id}", Roles: operator, Handler: s.operatorDone},
		{Pattern: "GET /staff/operatore/appuntamento/{id}", Roles: operator, Handler: changingAt(s.atOperator(), s.changeCard)},
		{Pattern: "POST /staff/operatore/appuntamento/{id}/disdici", Roles: operator, Handler: changingAt(s.atOperator(), s.changeCancel)},
		{Pattern: "POST /staff/operatore/appuntamento/{id}/lascia", Roles: operator, Handler: s.operatorLeave},
		{Pattern: "POST /staff/operatore/appuntamento/{id}/sposta", Roles: operator, Handler: changingAt(s.atOperator(), s.changeMove)},

		{Pattern: "GET /staff/reception", Roles: reception, Handler: s.receptionPage},
		{Pattern: "GET /staff/reception/elenco", Roles: reception, Handler: s.receptionFragment, Background: true},
		{Pattern: "POST /staff/reception/arrivo", Roles: reception, Handler: s.receptionCheckIn},
		{Pattern: "POST /staff/reception/{id}/arrivato", Roles: reception, Handler: s.receptionArrived},
		{Pattern: "GET /staff/reception/senza-appuntamento", Roles: reception, Handler: s.walkInPage},
		{Pattern: "POST /staff/reception/senza-appuntamento", Roles: reception, Handler: s.walkInPost},
		{Pattern: "GET /staff/reception/senza-appuntamento/{id}", Roles: reception, Handler: s.walkInDone},
		{Pattern: "GET /staff/sale", Roles: halls, Handler: s.hallsPage},
		{Pattern: "POST /staff/sale", Roles: halls, Handler: s.hallsPost},
		{Pattern: "POST /staff/sale/{display}/revoca", Roles: halls, Handler: s.hallsRevoke},

		{Pattern: "GET /staff/sportello", Roles: clerk, Handler: s.clerkPage},
		{Pattern: "GET /staff/sportello/elenco", Roles: clerk, Handler: s.clerkFragment, Background: true},
		{Pattern: "GET /staff/sportello/pausa", Roles: clerk, Handler: s.breakPage},
		{Pattern: "POST /staff/sportello/pausa", Roles: clerk, Handler: s.breakPost},
		{Pattern: "POST /staff/sportello/pausa/{closure}/togli", Roles: clerk, Handler: s.breakRemove},
		{Pattern: "GET /staff/sportello/{id}", Roles: clerk, Handler: s.clerkAppointment},
		{Pattern: "POST /staff/sportello/{id}/stato", Roles: clerk, Handler: s.clerkTransition},
		{Pattern: "POST /staff/sportello/{id}/richiama", Roles: clerk, Handler: s.clerkCallAgain},
		{Pattern: "GET /staff/sportello/{id}/cambia", Roles: clerk, Handler: changingAt(s.atClerk(), s.changeCard)},
		{Pattern: "POST /staff/sportello/{id}/cambia/sposta", Roles: clerk, Handler: changingAt(s.atClerk(), s.changeMove)},
		{Pattern: "POST /staff/sportello/{id}/cambia/disdici", Roles: clerk, Handler: changingAt(s.atClerk(), s.changeCancel)},
		{Pattern: "POST /staff/sportello/{id}/storico", Roles: clerk, Handler: s.clerkHistory},
		{Pattern: "POST /staff/sportello/{id}/nota", Roles: clerk, Handler: s.clerkNote},
		{Pattern: "POST /staff/sportello/{id}/stanza", Roles: clerk, Handler: s.clerkRoom},
		{Pattern: "POST /staff/sportello/{id}/ospiti", Roles: clerk, Handler: s.clerkGuest},
		{Pattern: "POST /staff/sportello/{id}/ospiti/{grant}/revoca", Roles: clerk, Handler: s.clerkRevoke},

		{Pattern: "GET /staff/amministrazione", Roles: administrator, Handler: s.adminPage},
		{Pattern: "GET /staff/amministrazione/uffici/nuovo", Roles: administrator, Handler: s.adminOfficeNew},
		{Pattern: "POST /staff/amministrazione/uffici/nuovo", Roles: administrator, Handler: s.adminOfficePost},
		{Pattern: "GET /staff/amministrazione/uffici/{office}", Roles: administrator, Handler: s.adminOffice},
		{Pattern: "POST /staff/amministrazione/uffici/{office}", Roles: administrator, Handler: s.adminOfficePost},
		{Pattern: "POST /staff/amministrazione/uffici/{office}/stato", Roles: administrator, Handler: s.adminRetire("office")},
		{Pattern: "GET /staff/amministrazione/uffici/{office}/servizi/nuovo", Roles: administrator, Handler: s.adminServiceNew},
		{Pattern: "POST /staff/amministrazione/uffici/{office}/servizi/nuovo", Roles: administrator, Handler: s.adminServicePost},
		{Pattern: "GET /staff/amministrazione/servizi/{service}", Roles: administrator, Handler: s.adminService},
		{Pattern: "POST /staff/amministrazione/servizi/{service}", Roles: administrator, Handler: s.adminServicePost},
		{Pattern: "POST /staff/amministrazione/servizi/{service}/stato", Roles: administrator, Handler: s.adminRetire("service")},
		{Pattern: "GET /staff/amministrazione/uffici/{office}/sportelli/nuovo", Roles: administrator, Handler: s.adminDeskNew},
		{Pattern: "POST /staff/amministrazione/uffici/{office}/sportelli/nuovo", Roles: administrator, Handler: s.adminDeskPost},
		{Pattern: "GET /staff/amministrazione/sportelli/{desk}", Roles: administrator, Handler: s.adminDesk},
		{Pattern: "POST /staff/amministrazione/sportelli/{desk}", Roles: administrator, Handler: s.adminDeskPost},
		{Pattern: "GET /staff/amministrazione/sportelli/{desk}/calendario", Roles: administrator, Handler: s.adminFeeds},
		{Pattern: "POST /staff/amministrazione/sportelli/{desk}/calendario", Roles: administrator, Handler: s.adminFeedsPost},
		{Pattern: "POST /staff/amministrazione/sportelli/{desk}/calendario/{feed}/revoca", Roles: administrator, Handler: s.adminFeedRevoke},
		{Pattern: "POST /staff/amministrazione/sportelli/{desk}/stato", Roles: administrator, Handler: s.adminRetire("desk")},
		{Pattern: "GET /staff/amministrazione/orari/{desk}", Roles: administrator, Handler: s.adminHours},
		{Pattern: "POST /staff/amministrazione/orari/{desk}", Roles: administrator, Handler: s.adminHoursPost},
		{Pattern: "GET /staff/amministrazione/settimana", Roles: administrator, Handler: s.adminWeek},
		{Pattern: "GET /staff/amministrazione/statistiche", Roles: administrator, Handler: s.adminStatistics},
		{Pattern: "GET /staff/amministrazione/statistiche/csv", Roles: administrator, Handler: s.adminStatisticsCSV},
		{Pattern: "GET /staff/amministrazione/incorpora", Roles: administrator, Handler: s.adminEmbed},
		{Pattern: "GET /staff/amministrazione/api", Roles: administrator, Handler: s.adminTokens},
		{Pattern: "POST /staff/amministrazione/api", Roles: administrator, Handler: s.adminTokensPost},
		{Pattern: "POST /staff/amministrazione/api/{token}/revoca", Roles: administrator, Handler: s.adminTokenRevoke},
		{Pattern: "GET /staff/amministrazione/registro", Roles: administrator, Handler: s.adminAudit},
		{Pattern: "GET /staff/amministrazione/dati", Roles: administrator, Handler: s.adminData},
		{Pattern: "POST /staff/amministrazione/dati", Roles: administrator, Handler: s.adminDataPost},
		{Pattern: "GET " + agendaPath, Roles: administrator, Handler: s.adminAgenda},
		{Pattern: "POST " + agendaPath + "/esporta", Roles: administrator, Handler: s.adminAgendaExport, Within: exportTimeout},
		{Pattern: "GET " + agendaPath + "/modello.csv", Roles: administrator, Handler: s.adminImportModel},
		{Pattern: "POST " + importPath, Roles: administrator, Handler: s.adminImport, Within: importTimeout},
		{Pattern: "GET " + importPath + "/{import}", Roles: administrator, Handler: s.adminImportPage, Within: importTimeout},
		{Pattern: "POST " + importPath + "/{import}", Roles: administrator, Handler: s.adminImportPost, Within: importTimeout},
		{Pattern: "GET " + importPath + "/{import}/righe.csv", Roles: administrator, Handler: s.adminImportRefused},
		{Pattern: "GET /staff/amministrazione/chiusure", Roles: administrator, Handler: s.adminClosures},
		{Pattern: "POST /staff/amministrazione/chiusure", Roles: administrator, Handler: s.adminClosuresPost},
		{Pattern: "POST /staff/amministrazione/chiusure/{closure}/togli", Roles: administrator, Handler: s.adminClosureRemove},
		{Pattern: "GET /staff/amministrazione/persone", Roles: administrator, Handler: s.adminStaff},
		{Pattern: "POST /staff/amministrazione/persone", Roles: administrator, Handler: s.adminStaffAdd},
		{Pattern: "GET /staff/amministrazione/persone/{staff}", Roles: administrator, Handler: s.adminAccount},
		{Pattern: "POST /staff/amministrazione/persone/{staff}", Roles: administrator, Handler: s.adminAccountPost},
		{Pattern: "POST /staff/amministrazione/persone/{staff}/stato", Roles: administrator, Handler: s.adminAccountState},
		{Pattern: "POST /staff/amministrazione/persone/{staff}/password", Roles: administrator, Handler: s.adminStaffPassword},

		{Pattern: "GET /staff/posta", Roles: administrator, Handler: s.mailboxPage},
		{Pattern: "GET /staff/posta/{number}", Roles: administrator, Handler: s.mailboxLetter},
		{Pattern: "GET /staff/posta/{number}/appuntamento.ics", Roles: administrator, Handler: s.mailboxCalendar},
	}
}

// staffRoutes registers the staff's pages.
func (s *Server) staffRoutes(mux *http.ServeMux) {
	s.page(mux, "GET /staff", func(w http.ResponseWriter, r *http.Request) error {
		http.Redirect(w, r, s.lang(r).Path("/staff/"), http.StatusSeeOther)
		return nil
	})
	s.page(mux, "GET /staff/accesso", s.withSession(s.loginPage))
	s.page(mux, "POST /staff/accesso", s.withSession(s.loginPost))
	s.page(mux, "POST /staff/esci", s.withSession(s.logout))
	for _, route := range s.staffPages() {
		h := s.withSession(s.signedIn(route))
		if route.Stream {
			s.stream(mux, route.Pattern, s.signedInStream(route))
			continue
		}
		s.pageWithin(mux, route.Pattern, defaultTo(route.Within, pageTimeout), h)
	}
}

// staffMenu leads to the one page of somebody with one role, and lists the
// pages of somebody with several.
func (s *Server) staffMenu(w http.ResponseWriter, r *http.Request, me *colleague) error {
	nav := staffNav(me.Staff, "")
	if len(nav) == 1 {
		http.Redirect(w, r, s.lang(r).Path(nav[0].Path), http.StatusSeeOther)
		return nil
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/menu.html", nav)
}

// navItem is a page of the staff's navigation.
type navItem struct {
	Role    booking.StaffRole
	Path    string
	Icon    string
	Current bool
}

// staffNav lists the pages that somebody's roles open.
func staffNav(me booking.Staff, current string) []navItem {
	all := []navItem{
		{Role: booking.Clerk, Path: "/staff/sportello", Icon: "it-calendar"},
		{Role: booking.Operator, Path: "/staff/operatore", Icon: "it-telephone"},
		{Role: booking.Reception, Path: "/staff/reception", Icon: "it-user"},
		{Role: booking.Administrator, Path: "/staff/amministrazione", Icon: "it-settings"},
	}
	var mine []navItem
	for _, item := range all {
		if me.Has(item.Role) {
			item.Current = current == item.Path || len(current) > len(item.Path) && current[:len(item.Path)+1] == item.Path+"/"
			mine = append(mine, item)
		}
	}
	return mine
}

// today is the town's day and moment.
func (s *Server) today() time.Time { return s.now().In(s.staff.zone) }
