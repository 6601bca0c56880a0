package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestTheAdministratorIssuesTokens(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	const page = "/it/staff/amministrazione/api"
	b.want(b.get(page), http.StatusOK, "Nessun token", "/api/v1/openapi.json")
	b.want(b.post(page, "name", " "), http.StatusUnprocessableEntity)
	b.want(b.post(page, "name", "App"), http.StatusUnprocessableEntity, "Scegli almeno una cosa")
	for _, bad := range []string{"boh", "https://*", "https://x.example/pagina", "https://io@x.example", "javascript:x", "null"} {
		b.want(b.post(page, "name", "App", "scopes", "read", "origins", bad), http.StatusUnprocessableEntity, "Scrivi indirizzi come")
	}
	b.want(b.post(page, "name", "App", "scopes", "all"), http.StatusUnprocessableEntity)
	b.want(b.post(page, "name", "App <b>", "scopes", "read", "scopes", "book", "origins", "https://WWW.comune.example:443/ http://localhost:3000"), http.StatusSeeOther)
	shown := b.want(b.get(page), http.StatusOK, "Si vede solo adesso", "App &lt;b&gt;", "https://www.comune.example", "http://localhost:3000", "mai usato")
	secret := regexp.MustCompile(`sportello_[\w-]{48}`).FindString(shown.body)
	if secret == "" {
		t.Fatal("no token is shown")
	}
	if shown.header.Get("Cache-Control") != "no-store" {
		t.Error("the page may be cached")
	}
	if again := b.get(page); strings.Contains(again.body, secret) {
		t.Error("the token is shown twice")
	}
	program := c.browser()
	asks := func() answer {
		return program.do(http.MethodGet, "/api/v1/offices", map[string]string{"Authorization": "Bearer " + secret}, nil)
	}
	program.want(asks(), http.StatusOK, `"anagrafe"`)
	b.want(b.get(page), http.StatusOK, "usato l’ultima volta")
	id := regexp.MustCompile(`/api/(\d+)/revoca`).FindStringSubmatch(b.get(page).body)
	if len(id) != 2 {
		t.Fatal("no way to revoke")
	}
	b.want(b.post(page+"/999999/revoca"), http.StatusNotFound)
	b.want(b.post(page+"/"+id[1]+"/revoca"), http.StatusSeeOther)
	b.want(b.get(page), http.StatusOK, "Nessun token", "Token revocato")
	program.want(asks(), http.StatusUnauthorized)
	var kept int
	err := c.pool.QueryRow(t.Context(), `SELECT count(*) FROM api_token x WHERE strpos(x::text, $1) > 0 OR strpos(x::text, $2) > 0`,
		secret, strings.TrimPrefix(secret, "sportello_")).Scan(&kept)
	if err != nil || kept != 0 {
		t.Errorf("%d rows have the secret, %v", kept, err)
	}
	log := b.want(b.get("/it/staff/amministrazione/registro"), http.StatusOK, "Token creato", "Token revocato")
	if strings.Contains(log.body, secret) {
		t.Error("the log has the token")
	}
}
