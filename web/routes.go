package web

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// routes is the whole site. Each line is a page in Italian and in English;
// staff_routes.go, room.go and hall.go add the pages of the staff, of the room
// and of the screens in the halls.
func (s *Server) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.root)
	mux.Handle("GET /static/", s.assets)
	mux.HandleFunc("GET /favicon.ico", s.favicon)
	mux.HandleFunc("GET /robots.txt", s.robots)
	mux.HandleFunc("/", s.notFound)

	s.page(mux, "GET /{$}", s.home)
	s.page(mux, "GET /uffici/{office}", s.officePage)
	s.page(mux, "GET /privacy", s.privacy)
	s.page(mux, "GET /accessibilita", s.accessibility)

	// Booking, step by step. Before the hold everything stands in the query.
	s.page(mux, "GET /prenota", s.bookPlace)
	s.page(mux, "GET /prenota/orario", s.bookTime)
	s.page(mux, "POST /prenota/orario", s.bookTimePost)
	s.page(mux, "GET "+waitPath, s.wait)
	s.page(mux, "POST "+waitPath, s.waitPost)
	// From the hold on, its id is in the path and its secret in a cookie.
	s.page(mux, "GET /prenota/h/{hold}", s.bookResume)
	s.page(mux, "POST /prenota/h/{hold}", s.limited("reopen", 10, time.Minute)(s.holdReopen))
	s.page(mux, "GET /prenota/h/{hold}/salvata", s.holdSaved)
	s.page(mux, "GET /prenota/h/{hold}/orario", s.holdTime)
	s.page(mux, "POST /prenota/h/{hold}/orario", s.holdTimePost)
	s.page(mux, "GET /prenota/h/{hold}/dettagli", s.holdDetails)
	s.page(mux, "POST /prenota/h/{hold}/dettagli", s.holdDetailsPost)
	s.page(mux, "GET /prenota/h/{hold}/richiedente", s.holdPerson)
	s.page(mux, "POST /prenota/h/{hold}/richiedente", s.holdPersonPost)
	s.page(mux, "GET /prenota/h/{hold}/riepilogo", s.holdSummary)
	s.page(mux, "POST /prenota/h/{hold}/riepilogo", s.holdConfirm)
	s.page(mux, "GET /prenota/h/{hold}/conferma", s.holdDone)
	s.page(mux, "GET /prenota/h/{hold}/appuntamento.ics", s.holdCalendar)
	s.page(mux, "POST /prenota/h/{hold}/valutazione", s.holdRate)

	// An existing appointment, by link or by code and surname.
	guess := s.limited("guess", 10, time.Minute)
	s.page(mux, "GET /appuntamento", s.manageEntry)
	s.page(mux, "POST /appuntamento", guess(s.manageOpen))
	s.page(mux, "POST /appuntamento/esci", s.manageClose)
	s.page(mux, "GET /appuntamento/{id}", s.manage)
	s.page(mux, "GET /appuntamento/{id}/disdici", s.manageCancel)
	s.page(mux, "POST /appuntamento/{id}/disdici", s.manageCancelPost)
	s.page(mux, "POST /appuntamento/{id}/riprendi", s.limited("take-back", 10, 10*time.Minute)(s.manageTakeBack))
	s.page(mux, "GET /appuntamento/{id}/sposta", s.manageMove)
	s.page(mux, "POST /appuntamento/{id}/sposta", s.manageMovePost)
	s.page(mux, "POST /appuntamento/{id}/accetta", s.waitingAnswer(s.takeOffer))
	s.page(mux, "POST /appuntamento/{id}/rifiuta", s.waitingAnswer(s.refuseOffer))
	s.page(mux, "POST /appuntamento/{id}/lascia", s.waitingAnswer(s.leaveList))
	s.page(mux, "POST /appuntamento/{id}/stanza", s.manageRoom)
	s.page(mux, "GET /appuntamento/{id}/appuntamento.ics", s.manageCalendar)
	s.page(mux, "POST /appuntamento/{id}/valutazione", s.manageRate)

	// A desk's agenda for calendar programs: {feed} is the secret and ".ics".
	s.page(mux, "GET /calendario/{feed}", s.limited("feed", 60, time.Minute)(s.feed))

	s.apiRoutes(mux)
	s.embedRoutes(mux)
	s.roomRoutes(mux)
	s.hallRoutes(mux)
	s.staffRoutes(mux)
}

// handlerFunc answers a request, or says why it cannot.
type handlerFunc func(w http.ResponseWriter, r *http.Request) error

// page registers a page under each language, with a deadline for its work.
func (s *Server) page(mux *http.ServeMux, pattern string, h handlerFunc) {
	s.pageWithin(mux, pattern, pageTimeout, h)
}

func (s *Server) pageWithin(mux *http.ServeMux, pattern string, limit time.Duration, h handlerFunc) {
	s.stream(mux, pattern, func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		return h(w, r.WithContext(ctx))
	})
}

// stream is page for an answer that stays open, such as events.
func (s *Server) stream(mux *http.ServeMux, pattern string, h handlerFunc) {
	method, path, _ := strings.Cut(pattern, " ")
	for _, l := range s.texts.languages {
		mux.HandleFunc(method+" /"+l.Code+path, func(w http.ResponseWriter, r *http.Request) {
			r2 := r.WithContext(context.WithValue(r.Context(), ctxLanguage, l))
			// Nothing on a page may be kept by a shared cache, and what names a
			// person not even by the browser: see noStore.
			w.Header().Set("Cache-Control", "private, no-cache")
			// Read here, a form is that of every copy of the request, fail's too.
			err := parseForm(r2)
			if err == nil {
				err = h(w, r2)
			}
			if err != nil {
				s.fail(w, r2, err)
			}
		})
	}
}

// limited lets an address through n times in a window and answers with a
// page afterwards.
func (s *Server) limited(name string, n int, window time.Duration) func(handlerFunc) handlerFunc {
	limiter := s.limits.limit(name, n, window)
	return func(h handlerFunc) handlerFunc {
		return func(w http.ResponseWriter, r *http.Request) error {
			if limiter.over(w, r, PeerAddress(r)) {
				return errTooMany
			}
			return h(w, r)
		}
	}
}

// noStore keeps a page with personal data out of every cache.
func noStore(w http.ResponseWriter) { w.Header().Set("Cache-Control", "no-store") }

func (s *Server) root(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept-Language")
	http.Redirect(w, r, "/"+s.texts.match(r.Header.Get("Accept-Language")).Code+"/", http.StatusFound)
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) { s.fail(w, r, errNoPage) }

func (s *Server) robots(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	writeBody(r, w, s.log, []byte("User-agent: *\nDisallow: /it/staff/\nDisallow: /en/staff/\n"))
}
