package web

import "net/http"

// roomPolicy is pagePolicy with what a call needs: pictures and sound from the
// page itself (blob:) and the WebSocket of this host. 'self' covers ws: and
// wss: only in newer browsers, so the host is named as well.
func roomPolicy(host string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
		"connect-src 'self' ws://" + host + " wss://" + host + "; media-src 'self' blob:; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}

const roomPermissions = "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), geolocation=()"

// roomRoutes lists the page of the room. The page is the same for everybody
// and knows nothing of who opens it: the secret stays in the link's fragment,
// which browsers do not send, until the script gives it to the WebSocket.
func (s *Server) roomRoutes(mux *http.ServeMux) {
	s.page(mux, "GET /stanza", s.room)
}

func (s *Server) room(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Content-Security-Policy", roomPolicy(s.public.Host))
	h.Set("Permissions-Policy", roomPermissions)
	// A link with a secret must not be told to anybody, not even as an origin.
	h.Set("Referrer-Policy", "no-referrer")
	return s.render(w, r, http.StatusOK, "room/stanza.html", Page{Bundle: "room"})
}
