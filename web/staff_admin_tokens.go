package web

import (
	"net/http"
	"net/url"
	"strings"

	"sportello/booking"
)

// tokensView are the rights of the municipality's own programs.
type tokensView struct {
	Tokens []booking.APIToken
	Scopes []booking.Scope
	Form   formValues
	Errors formErrors
	Secret string // shown once, right after it was made
	API    string // where programs find the document
}

const tokensPath = adminPath + "/api"

func (s *Server) adminTokens(w http.ResponseWriter, r *http.Request, me *colleague) error {
	v := tokensView{Form: formValues{url.Values{"scopes": {string(booking.ScopeRead)}}}, Secret: s.passed(w, r)}
	return s.showTokens(w, r, me, v)
}

func (s *Server) showTokens(w http.ResponseWriter, r *http.Request, me *colleague, v tokensView) error {
	noStore(w)
	v.API, v.Scopes = s.link(apiPath+"/openapi.json"), []booking.Scope{booking.ScopeRead, booking.ScopeBook}
	var err error
	if v.Tokens, err = s.agenda.APITokens(r.Context()); err != nil {
		return err
	}
	for i := range v.Tokens {
		v.Tokens[i].CreatedAt = inZone(v.Tokens[i].CreatedAt, s.staff.zone)
	}
	return s.staffRender(w, r, me, statusOf(v.Errors), "staff/admin_tokens.html", v)
}

func (s *Server) adminTokensPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	f := formValues{r.PostForm}
	wanted := booking.APIToken{Name: f.Get("name"), Origins: strings.Fields(f.Get("origins"))}
	for _, x := range f.Values["scopes"] {
		wanted.Scopes = append(wanted.Scopes, booking.Scope(x))
	}
	_, secret, err := s.agenda.AddAPIToken(r.Context(), wanted, me.Actor())
	v := tokensView{Form: f}
	if adminMistake(s.lang(r), &v.Errors, err) {
		return s.showTokens(w, r, me, v)
	}
	if err != nil {
		return err
	}
	return s.passOn(w, r, tokensPath, secret)
}

func (s *Server) adminTokenRevoke(w http.ResponseWriter, r *http.Request, me *colleague) error {
	id, err := pathID(r, "token")
	if err != nil {
		return err
	}
	if err := s.agenda.RevokeAPIToken(r.Context(), id, me.Actor()); err != nil {
		return err
	}
	s.tell(r.Context(), "success", "admin.tokens.revoked")
	return s.toAdmin(w, r, "/api")
}
