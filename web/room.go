package web

import "net/http"

// roomRoutes lists the page of the room.
func (s *Server) roomRoutes(_ *http.ServeMux) {}
