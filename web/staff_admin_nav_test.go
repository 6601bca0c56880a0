package web

import (
	"net/http"
	"strings"
	"testing"
)

// TestTheAdministratorsWayAbout: every page of the administrator leads to its
// neighbours, and says where one is.
func TestTheAdministratorsWayAbout(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("amministratore")
	for _, g := range adminGroups(false) {
		for _, p := range g.pages {
			page := b.want(b.get("/it"+p.Path), http.StatusOK, `<a href="/it`+p.Path+`" aria-current="page">`, `aria-current="true">`)
			_, nav, _ := strings.Cut(page.body, "st-grouped")
			nav, _, _ = strings.Cut(nav, "</nav>")
			if n := strings.Count(nav, `aria-current="true"`); n != 1 {
				t.Errorf("%s is in %d groups", p.Path, n)
			}
			_, pocket, _ := strings.Cut(page.body, "st-pocket")
			pocket, _, _ = strings.Cut(pocket, "</nav>")
			for _, other := range adminGroups(false) {
				for _, q := range other.pages {
					if !strings.Contains(pocket, `<a href="/it`+q.Path+`"`) {
						t.Errorf("on a phone no way leads from %s to %s", p.Path, q.Path)
					}
				}
			}
		}
	}
	// Who shares a page with the administrator is not led where they may not go.
	clerk := c.as("anagrafe")
	if page := clerk.want(clerk.get("/it"+unsettledPath), http.StatusOK); strings.Contains(page.body, "st-grouped") {
		t.Error("a clerk sees the administrator's pages")
	}
}
