package web

import (
	"html"
	"net/http"
	"net/url"
	"strings"

	"sportello/booking"
)

// The entry to the booking on other pages of the town is a plain link; a small
// script of ours adds the next free time to it. Both addresses stand on pages
// that we do not see, and so stay as they are.
const (
	embedScript = "/embed.js"
	embedNext   = "/embed/next"
)

// embedAnswer is what the script writes beside a link.
type embedAnswer struct {
	Text string `json:"text"`
}

func (s *Server) embedRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+embedScript, s.embedFile)
	next := s.limited("embed", 240, pageTimeout*6)(s.embedNextFree)
	mux.HandleFunc("GET "+embedNext, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*") // it says what everybody may know
		if err := next(w, r); err != nil {
			s.apiFail(w, r, err)
		}
	})
}

// embedFile serves the script under a name that does not change.
func (s *Server) embedFile(w http.ResponseWriter, r *http.Request) {
	if !s.assets.has("embed.js") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	r2 := r.Clone(r.Context())
	r2.URL.Path = s.assets.url("embed.js")
	s.assets.ServeHTTP(shortLived{w}, r2)
}

// shortLived keeps a file with a lasting name from being kept for a year.
type shortLived struct{ http.ResponseWriter }

func (w shortLived) WriteHeader(status int) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.ResponseWriter.WriteHeader(status)
}

// embedNextFree says, as a sentence in the link's language, when the service of
// a link can be had first. It takes the link's own query.
func (s *Server) embedNextFree(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	l := s.texts.match(q.Get("lang"))
	var services []booking.Service
	var err error
	if kind := q.Get("tipo"); kind != "" {
		if services, err = s.agenda.OfKind(r.Context(), kind); err == nil && len(services) == 0 {
			err = booking.ErrNotFound
		}
	} else {
		services = make([]booking.Service, 1)
		_, services[0], err = s.agenda.ServiceBySlug(r.Context(), q.Get("ufficio"), q.Get("servizio"))
	}
	if err != nil {
		return err
	}
	places, err := s.firstPlaces(r.Context(), l, services)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=60")
	return s.answerJSON(w, r, http.StatusOK, embedAnswer{s.embedText(l, places)})
}

// embedText names the first time in each mode of whoever has the soonest.
func (s *Server) embedText(l *Language, places []*firstPlace) string {
	if len(places) == 0 {
		return l.T("embed.none")
	}
	var parts []string
	for _, m := range places[0].Modes {
		if !m.Start.IsZero() {
			parts = append(parts, l.T("embed.first", "Mode", strings.ToLower(l.T("mode."+string(m.Mode))), "Date", l.Date(m.Start), "Time", l.Clock(m.Start)))
		}
	}
	if len(parts) == 0 {
		return l.T("embed.none")
	}
	text := l.T("embed.next") + " " + strings.Join(parts, "; ") + "."
	if len(places) > 1 {
		text += " " + places[0].Office.Name.In(l.Code) + "."
	}
	return text
}

// embedView shows what to copy into a page of the town's site.
type embedView struct {
	Offices []adminOffice
	Chosen  string
	Lang    string
	Link    string
	Label   string
	Code    string // of the link
	Script  string // once a page
	Origin  string // for the page's Content-Security-Policy
}

func (s *Server) adminEmbed(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v := embedView{Chosen: r.URL.Query().Get("servizio"), Lang: r.URL.Query().Get("lingua"), Origin: s.public.Scheme + "://" + s.public.Host}
	l := s.texts.match(v.Lang)
	v.Lang = l.Code
	var err error
	if v.Offices, err = s.adminOffices(r, false); err != nil {
		return err
	}
	for _, o := range v.Offices {
		for _, x := range o.Services {
			if o.Office.Retired || x.Retired || v.Chosen != "" && v.Chosen != idText(x.ID) || v.Link != "" {
				continue
			}
			v.Chosen = idText(x.ID)
			v.Link = s.link(l.Path("/prenota?" + url.Values{"ufficio": {x.OfficeSlug}, "servizio": {x.Slug}}.Encode()))
			v.Label = l.T("embed.label", "Service", x.Name.In(l.Code))
		}
	}
	if v.Link == "" && v.Chosen != "" {
		return booking.ErrNotFound
	}
	v.Code = `<a data-sportello data-element="appointment-booking" href="` + html.EscapeString(v.Link) + `">` + html.EscapeString(v.Label) + `</a>`
	v.Script = `<script src="` + s.link(embedScript) + `" defer></script>`
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_embed.html", v)
}
