package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/httprate"
)

// routes is the whole site. Each line is a page in Italian and in English;
// staff_routes.go and room.go add the pages of the staff and of the room.
func (s *Server) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.root)
	mux.Handle("GET /static/", s.assets)
	mux.HandleFunc("GET /favicon.ico", s.favicon)
	mux.HandleFunc("GET /robots.txt", s.robots)
	mux.HandleFunc("/", s.notFound)

	s.roomRoutes(mux)
	s.staffRoutes(mux)
}

// handlerFunc answers a request, or says why it cannot.
type handlerFunc func(w http.ResponseWriter, r *http.Request) error

// page registers a page under each language, with a deadline for its work.
func (s *Server) page(mux *http.ServeMux, pattern string, h handlerFunc) {
	s.stream(mux, pattern, func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
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
			if err := h(w, r2); err != nil {
				s.fail(w, r2, err)
			}
		})
	}
}

// limited lets an address through n times in a window and answers with a
// page afterwards.
func (s *Server) limited(n int, window time.Duration) func(handlerFunc) handlerFunc {
	limiter := httprate.NewRateLimiter(n, window, httprate.WithKeyByIP(), httprate.WithResponseHeaders(httprate.ResponseHeaders{RetryAfter: "Retry-After"}))
	return func(h handlerFunc) handlerFunc {
		return func(w http.ResponseWriter, r *http.Request) error {
			key, err := httprate.KeyByIP(r)
			if err != nil {
				return err
			}
			if limiter.OnLimit(w, r, key) {
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
