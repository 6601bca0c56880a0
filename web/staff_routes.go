package web

import "net/http"

// StaffConfig is what the staff's pages need beyond Config.
type StaffConfig struct{}

type staffState struct{}

func newStaffState(_ Config) (staffState, error) { return staffState{}, nil }

// staffRoutes lists the pages of the staff.
func (s *Server) staffRoutes(_ *http.ServeMux) {}
