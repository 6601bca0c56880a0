package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sportello/booking"
)

func TestSignInAndOut(t *testing.T) {
	c := newCounter(t, nil)
	b := c.browser()
	asked := b.want(b.get("/it/staff/sportello?giorno=2026-11-17"), http.StatusSeeOther)
	if asked.location() != "/it/staff/accesso?dove=%2Fit%2Fstaff%2Fsportello%3Fgiorno%3D2026-11-17" {
		t.Fatalf("sent to %q", asked.location())
	}
	b.want(b.get(asked.location()), http.StatusOK, `value="/it/staff/sportello?giorno=2026-11-17"`)
	b.want(b.post("/it/staff/accesso", "login", "anagrafe", "password", "sbagliata"), http.StatusUnprocessableEntity, "non corretti", `value="anagrafe"`)
	b.want(b.post("/it/staff/accesso", "login", "nessuno", "password", staffPassword), http.StatusUnprocessableEntity, "non corretti")

	in := b.want(b.post("/it/staff/accesso", "login", "Anagrafe", "password", staffPassword, "dove", "/it/staff/sportello?giorno=2026-11-17"), http.StatusSeeOther)
	if in.location() != "/it/staff/sportello?giorno=2026-11-17" {
		t.Fatalf("signed in and sent to %q", in.location())
	}
	cookie := in.cookie[slices.IndexFunc(in.cookie, func(k *http.Cookie) bool { return k.Name == "sv_staff" })]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.MaxAge != 0 {
		t.Errorf("session cookie %+v", cookie)
	}
	var plain int
	if err := c.pool.QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE token = $1`, cookie.Value).Scan(&plain); err != nil || plain != 0 {
		t.Errorf("the store holds the token itself (%d, %v)", plain, err)
	}
	page := b.want(b.get("/it/staff/sportello"), http.StatusOK, "Anna Ferrero")
	if got := page.header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("Cache-Control %q", got)
	}

	b.want(b.post("/it/staff/esci"), http.StatusSeeOther)
	b.want(b.get("/it/staff/sportello"), http.StatusSeeOther)
	// The token itself is dead, not only the browser's cookie.
	old := b.do(http.MethodGet, "/it/staff/sportello", map[string]string{"Cookie": "sv_staff=" + cookie.Value}, nil)
	b.want(old, http.StatusSeeOther)
}

func TestSignInRenewsTheToken(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("operatore")
	planted := b.get("/it/staff/operatore")
	if planted.status != http.StatusOK {
		t.Fatal(planted.status)
	}
	again := b.post("/it/staff/accesso", "login", "operatore", "password", staffPassword)
	b.want(again, http.StatusSeeOther)
	var sessions int
	if err := c.pool.QueryRow(t.Context(), `SELECT count(*) FROM sessions`).Scan(&sessions); err != nil || sessions != 1 {
		t.Errorf("%d sessions, %v; the first should be gone", sessions, err)
	}
}

func TestSignInOverHTTPSKeepsTheCookieToIt(t *testing.T) {
	c := newCounter(t, func(k *Config) { k.PublicURL = "https://sportello.test" })
	in := c.browser().post("/it/staff/accesso", "login", "operatore", "password", staffPassword)
	if i := slices.IndexFunc(in.cookie, func(k *http.Cookie) bool { return k.Name == "sv_staff" }); i < 0 || !in.cookie[i].Secure {
		t.Errorf("cookies %v", in.cookie)
	}
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	l := &Language{Code: "it"}
	for next, want := range map[string]string{
		"/it/staff/reception?stato=late": "/it/staff/reception?stato=late",
		"https://altrove.example/":       "",
		"//altrove.example/it/staff/x":   "",
		"/it/staff/../../altrove":        "",
		`/it/staff/\altrove.example`:     "",
		"/en/staff/reception":            "",
		"/it/staff/accesso":              "",
		"javascript:alert(1)":            "",
	} {
		if got := safeNext(l, next); got != want {
			t.Errorf("safeNext(%q) = %q, want %q", next, got, want)
		}
	}
}

func TestSignInIsLimited(t *testing.T) {
	const page = "/it/staff/accesso"
	// try signs in from an address, as the proxy in front tells it.
	try := func(b *browser, address, login, password string) answer {
		b.t.Helper()
		return b.do(http.MethodPost, page, map[string]string{"X-Forwarded-For": address}, url.Values{"login": {login}, "password": {password}})
	}
	behindProxy := func(change func(*Config)) func(*Config) {
		return func(k *Config) {
			k.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			change(k)
		}
	}
	t.Run("per name", func(t *testing.T) {
		c := newCounter(t, behindProxy(func(k *Config) { k.Staff.LoginsPerName = 3 }))
		b := c.browser()
		for range 3 {
			b.want(try(b, "192.0.2.1", "tributi", "x"), http.StatusUnprocessableEntity)
		}
		b.want(try(b, "192.0.2.1", "TRIBUTI", staffPassword), http.StatusTooManyRequests, "Troppi tentativi")
		b.want(try(b, "192.0.2.1", "operatore", staffPassword), http.StatusSeeOther)
		// Whose name it is is not locked out by somebody elsewhere, until many are at it.
		b.want(try(b, "192.0.2.2", "tributi", staffPassword), http.StatusSeeOther)
		for i := range 27 {
			b.want(try(b, fmt.Sprintf("198.51.100.%d", i), "tributi", "x"), http.StatusUnprocessableEntity)
		}
		b.want(try(b, "192.0.2.2", "tributi", staffPassword), http.StatusTooManyRequests)
	})
	t.Run("per address", func(t *testing.T) {
		c := newCounter(t, behindProxy(func(k *Config) { k.Staff.LoginsPerAddress = 2 }))
		b := c.browser()
		for range 4 { // those who get in do not count
			b.want(try(b, "192.0.2.1", "operatore", staffPassword), http.StatusSeeOther)
		}
		for _, login := range []string{"a", "b"} {
			b.want(try(b, "192.0.2.1", login, "x"), http.StatusUnprocessableEntity)
		}
		b.want(try(b, "192.0.2.1", "operatore", staffPassword), http.StatusTooManyRequests)
		b.want(try(b, "192.0.2.2", "operatore", staffPassword), http.StatusSeeOther)
	})
}

func TestSessionsEndWhenIdle(t *testing.T) {
	var passed time.Duration
	c := newCounter(t, func(k *Config) { k.Now = func() time.Time { return staffNow.Add(passed) } })
	clerk, board := c.as("anagrafe"), c.as("reception")
	passed = 119 * time.Minute
	clerk.want(clerk.get("/it/staff/sportello/elenco"), http.StatusOK) // the page asks by itself: nobody is there
	passed = 121 * time.Minute
	clerk.want(clerk.get("/it/staff/sportello/elenco"), http.StatusUnauthorized)
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusSeeOther)
	passed = 7 * 24 * time.Hour
	board.want(board.get("/it/staff/reception/elenco"), http.StatusOK) // a board hangs for a week
}

// TestEachRoleSeesItsPagesOnly asks for every page of the staff in every role.
func TestEachRoleSeesItsPagesOnly(t *testing.T) {
	c := newCounter(t, nil)
	people := map[booking.StaffRole]*browser{
		booking.Clerk: c.as("anagrafe"), booking.Operator: c.as("operatore"),
		booking.Reception: c.as("reception"), booking.Administrator: c.as("amministratore"),
	}
	a := c.booked("anagrafe", "cambio-residenza", booking.Virtual, "Mario", "Rossi")
	fill := strings.NewReplacer("{id}", a.ID.String(), "{desk}", "1", "{closure}", "999999", "{staff}", "999999", "{office}", "1", "{service}", "1", "{grant}", a.ID.String(), "{display}", "999999", "{token}", "999999", "{import}", a.ID.String(), "{$}", "")
	nobody := c.browser()
	for _, route := range c.server.staffPages() {
		if route.Stream {
			continue // never ends; TestEvents… has it
		}
		method, path, _ := strings.Cut(route.Pattern, " ")
		path = "/it" + fill.Replace(path)
		signedOut := http.StatusSeeOther
		if route.Background || method == http.MethodPost {
			signedOut = http.StatusUnauthorized
		}
		if got := nobody.do(method, path, nil, nil); got.status != signedOut || strings.Contains(got.body, "Rossi") {
			t.Errorf("%s for nobody: %d", route.Pattern, got.status)
		}
		for role, b := range people {
			got := b.do(method, path, nil, nil)
			allowed := slices.Contains(route.Roles, role)
			if refused := got.status == http.StatusForbidden; refused == allowed {
				t.Errorf("%s as %s: status %d, allowed %v", route.Pattern, role, got.status, allowed)
			}
			if !allowed && (strings.Contains(got.body, "Rossi") || !strings.Contains(got.body, "non è fra le tue")) {
				t.Errorf("%s as %s: the refusal says the wrong thing", route.Pattern, role)
			}
			if got.status >= http.StatusInternalServerError {
				t.Errorf("%s as %s: status %d", route.Pattern, role, got.status)
			}
		}
	}
}

func TestSeveralRolesGetAMenu(t *testing.T) {
	c := newCounter(t, nil)
	_, err := c.agenda.AddStaff(t.Context(), booking.Staff{
		Login: "tuttofare", Name: "Teresa Tuttofare", Roles: []booking.StaffRole{booking.Operator, booking.Reception},
	}, staffPassword, booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	b := c.browser()
	in := b.want(b.post("/it/staff/accesso", "login", "tuttofare", "password", staffPassword), http.StatusSeeOther)
	menu := b.want(b.get(in.location()), http.StatusOK, "/it/staff/operatore", "/it/staff/reception")
	if strings.Contains(menu.body, "/it/staff/amministrazione") || strings.Contains(menu.body, `"/it/staff/sportello"`) {
		t.Error("the menu shows pages of other roles")
	}
}

func TestOtherSitesCannotPost(t *testing.T) {
	c := newCounter(t, nil)
	b := c.as("reception")
	a := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	path := "/it/staff/reception/" + a.ID.String() + "/arrivato"
	for _, header := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://altrove.example"}} {
		b.want(b.do(http.MethodPost, path, header, nil), http.StatusForbidden)
	}
	got, err := c.agenda.Get(t.Context(), a.ID)
	if err != nil || got.State != booking.Booked {
		t.Fatalf("state %s, %v", got.State, err)
	}
	b.want(b.do(http.MethodPost, path, map[string]string{"Sec-Fetch-Site": "same-origin"}, nil), http.StatusSeeOther)
}
