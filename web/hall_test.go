package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sportello/booking"
)

func TestWalkInGetsAPlaceATicketAndACode(t *testing.T) {
	c := newCounter(t, nil)
	desk := c.as("reception")
	const page = "/it/staff/reception/senza-appuntamento"
	desk.want(desk.get(page), http.StatusOK, "anagrafe/carta-identita", "Scegli il servizio")
	shown := desk.want(desk.get(page+"?servizio=anagrafe/carta-identita"), http.StatusOK, "Primi orari liberi di oggi", "in_person@2026-11-16T")
	if strings.Contains(shown.body, "2026-11-17T") {
		t.Error("another day's times are offered")
	}
	slot := slotValue(booking.InPerson, c.free(c.service("anagrafe", "carta-identita"), booking.InPerson, 1)[0].Start)
	give := func(pairs ...string) answer {
		return desk.post(page, append([]string{"servizio", "anagrafe/carta-identita"}, pairs...)...)
	}
	to := desk.want(give("orario", slot), http.StatusSeeOther).location()
	done := desk.want(desk.get(to), http.StatusOK, "Posto assegnato", `class="st-ticket-big" translate="no">C1<`, `class="st-code-big"`, `role="img"`)
	_, rest, _ := strings.Cut(done.body, `class="st-code-big" translate="no">`)
	a, err := c.agenda.ByShortCode(t.Context(), rest[:9])
	if err != nil || a.State != booking.Arrived || a.Channel != booking.ByWalkIn {
		t.Fatalf("the code %q leads to %+v, %v", rest[:9], a, err)
	}
	desk.want(desk.get("/it/staff/reception"), http.StatusOK, "senza nome", "C1")
	clerk := c.as("anagrafe")
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusOK, "senza nome", "C1")
	clerk.want(clerk.get("/it/staff/sportello/"+a.ID.String()), http.StatusOK, "senza nome", "Senza appuntamento")

	desk.want(give("orario", slot, "nome", "Bianchi <b>"), http.StatusSeeOther) // the second counter
	desk.want(desk.get("/it/staff/reception"), http.StatusOK, "Bianchi &lt;b&gt;", "C2")
	taken := false
	for range 10 { // more than there are counters
		if again := give("orario", slot); again.status != http.StatusSeeOther {
			desk.want(again, http.StatusConflict, "appena preso", "in_person@2026-11-16T")
			taken = true
			break
		}
	}
	if !taken {
		t.Error("one time was given more often than there are counters")
	}
	desk.want(give("orario", ""), http.StatusUnprocessableEntity, "Scegli il servizio e un orario")
	desk.want(give("orario", slotValue(booking.InPerson, staffNow.AddDate(0, 0, 1))), http.StatusUnprocessableEntity, "non si può più dare")
	next := slotValue(booking.InPerson, c.free(c.service("anagrafe", "carta-identita"), booking.InPerson, 1)[0].Start)
	desk.want(give("orario", next, "nome", strings.Repeat("x", 101)), http.StatusUnprocessableEntity, `id="nome-err"`)
	desk.want(desk.get(page+"/"+c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi").ID.String()), http.StatusNotFound)
}

func TestScannerChecksIn(t *testing.T) {
	c := newCounter(t, nil)
	desk := c.as("reception")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	typed := "]Q1" + strings.ReplaceAll(c.agenda.Code(h.Secret), "-", "'") + "\r\n"
	desk.want(desk.post("/it/staff/reception/arrivo", "chi", typed), http.StatusSeeOther)
	desk.want(desk.get("/it/staff/reception"), http.StatusOK, "Segnato come arrivato: numero C1", "Rossi M.")
}

// hallScreen makes a screen's link at the reception and gives its path and secret.
func (b *browser) hallScreen(slug string) (string, string) {
	b.t.Helper()
	b.want(b.post("/it/staff/sale", "sala", slug), http.StatusSeeOther)
	shown := b.want(b.get("/it/staff/sale"), http.StatusOK, "Collegamento da aprire")
	_, rest, _ := strings.Cut(shown.body, `value="http://sportello.test`)
	link, _, _ := strings.Cut(rest, `"`)
	path, secret, _ := strings.Cut(link, "#")
	if again := b.get("/it/staff/sale"); strings.Contains(again.body, secret) {
		b.t.Error("the link is shown twice")
	}
	return path, secret
}

func TestHallScreenShowsTicketAndDeskOnly(t *testing.T) {
	c := newCounter(t, nil)
	desk, clerk, screen := c.as("reception"), c.as("anagrafe"), c.browser()
	path, secret := desk.hallScreen("anagrafe")
	if path != "/it/sala/anagrafe" || len(secret) != 48 {
		t.Fatalf("link %q", path)
	}
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	desk.want(desk.post("/it/staff/reception/"+h.ID.String()+"/arrivato"), http.StatusSeeOther)
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusOK, "C1")

	// Without the link nothing is shown; with a wrong one neither.
	screen.want(screen.get(path), http.StatusOK, "si apre con il suo collegamento", "data-secret")
	screen.want(screen.get(path+"/chiamate"), http.StatusUnauthorized)
	screen.want(screen.get(path+"/eventi"), http.StatusUnauthorized)
	screen.want(screen.post(path, "secret", h.Secret), http.StatusForbidden, "non vale per questa sala")
	screen.want(screen.post("/it/sala/tributi", "secret", secret), http.StatusForbidden, "non vale per questa sala")
	screen.want(screen.get("/it/sala/nessuna"), http.StatusNotFound)

	opened := screen.want(screen.post(path, "secret", secret), http.StatusSeeOther)
	for _, k := range opened.cookie {
		if !k.HttpOnly || !strings.HasSuffix(k.Path, "/sala/anagrafe") {
			t.Errorf("cookie %s at %s, HttpOnly %v", k.Name, k.Path, k.HttpOnly)
		}
	}
	screen.want(screen.get(path), http.StatusOK, "In attesa di chiamate", "Attiva il suono")
	events := screen.followAt(path + "/eventi")
	await(t, events, "event: resync")
	clerk.want(clerk.post("/it/staff/sportello/"+h.ID.String()+"/stato", "stato", "called"), http.StatusSeeOther)
	await(t, events, "event: agenda", "Rossi", h.ID.String())
	calls := screen.want(screen.get(path+"/chiamate"), http.StatusOK, `data-call="C1/1"`, "Sportello 1", "Numero C1, Sportello 1")
	for _, secret := range []string{"Rossi", "Mario", "Carta", h.ID.String(), c.agenda.Code(h.Secret)} {
		if strings.Contains(calls.body, secret) {
			t.Errorf("the screen shows %q", secret)
		}
	}
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusOK, "Chiama di nuovo")
	clerk.want(clerk.post("/it/staff/sportello/"+h.ID.String()+"/richiama"), http.StatusSeeOther)
	await(t, events, "event: agenda")
	screen.want(screen.get("/en/sala/anagrafe/chiamate"), http.StatusOK, `data-call="C1/2"`, "Number C1, Sportello 1")
	// In the whole building several offices have a first counter.
	building, err := c.agenda.HallBySlug(t.Context(), "palazzo-comunale")
	if err != nil || len(building.Offices) < 2 {
		t.Fatalf("building %+v, %v", building, err)
	}
	desk.want(desk.get("/it/sala/palazzo-comunale/chiamate"), http.StatusOK, "Numero C1, Anagrafe, Sportello 1")
	stranger := c.as("tributi")
	stranger.want(stranger.post("/it/staff/sportello/"+h.ID.String()+"/richiama"), http.StatusNotFound)
	stranger.want(stranger.get(path+"/chiamate"), http.StatusUnauthorized) // a clerk is no screen
	desk.want(desk.get(path+"/chiamate"), http.StatusOK, "C1")             // the reception may look

	clerk.want(clerk.post("/it/staff/sportello/"+h.ID.String()+"/stato", "stato", "served"), http.StatusSeeOther)
	clerk.want(clerk.post("/it/staff/sportello/"+h.ID.String()+"/richiama"), http.StatusSeeOther)
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusOK, "è cambiato")
	screen.want(screen.get(path+"/chiamate"), http.StatusOK, "In attesa di chiamate")

	// Taken back, it is shut at once.
	list, err := c.agenda.Displays(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("displays %v, %v", list, err)
	}
	desk.want(desk.post("/it/staff/sale/"+itoa(list[0].ID)+"/revoca"), http.StatusSeeOther)
	screen.want(screen.get(path+"/chiamate"), http.StatusUnauthorized)
	screen.want(screen.get(path), http.StatusOK, "si apre con il suo collegamento")
}

func TestReceptionOfOneOfficeMakesScreensForItOnly(t *testing.T) {
	c := newCounter(t, nil)
	office, err := c.agenda.OfficeBySlug(t.Context(), "tributi")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.agenda.AddStaff(t.Context(), booking.Staff{
		Login: "solotributi", Name: "Sara", Roles: []booking.StaffRole{booking.Reception}, Offices: []int64{office.ID},
	}, staffPassword, booking.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	all, one := c.as("reception"), c.as("solotributi")
	all.hallScreen("anagrafe")
	page := one.want(one.get("/it/staff/sale"), http.StatusOK, `value="tributi"`, "Nessuno schermo")
	if strings.Contains(page.body, `value="anagrafe"`) {
		t.Error("another office's hall is offered")
	}
	one.want(one.post("/it/staff/sale", "sala", "anagrafe"), http.StatusNotFound)
	list, err := c.agenda.Displays(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("displays %v, %v", list, err)
	}
	one.want(one.post("/it/staff/sale/"+itoa(list[0].ID)+"/revoca"), http.StatusNotFound)
	one.want(one.get("/it/sala/anagrafe/chiamate"), http.StatusUnauthorized)
	one.want(one.get("/it/sala/tributi/chiamate"), http.StatusOK)
}

func TestCitizenRatesOnceAndSeesTheTicket(t *testing.T) {
	c := newCounter(t, nil)
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	me, stranger := c.browser(), c.browser()
	to := me.want(me.post("/it/appuntamento", "secret", h.Secret), http.StatusSeeOther).location()
	me.want(me.get(to), http.StatusOK, "Quanto è stato facile", c.agenda.Code(h.Secret), `aria-label="Codice QR`)
	stranger.want(stranger.post(to+"/valutazione", "stelle", "1"), http.StatusSeeOther) // to the door
	rate := func(stars, remark string) string {
		t.Helper()
		back := me.want(me.post(to+"/valutazione", "stelle", stars, "commento", remark), http.StatusSeeOther).location()
		u, err := url.Parse(back)
		if err != nil || u.Path != to {
			t.Fatalf("back to %q, %v", back, err)
		}
		return back
	}
	me.want(me.get(rate("", "")), http.StatusOK, "Scegli un voto")
	me.want(me.get(rate("9", "")), http.StatusOK, "Scegli un voto")
	me.want(me.get(rate("4", strings.Repeat("x", 201))), http.StatusOK, "al massimo 200")
	me.want(me.get(rate("4", "Chiaro")), http.StatusOK, "Grazie")
	me.want(me.get(rate("1", "")), http.StatusOK, "Grazie")
	var stars, n int
	if err := c.pool.QueryRow(t.Context(), `SELECT max(stars), count(*) FROM rating`).Scan(&stars, &n); err != nil || stars != 4 || n != 1 {
		t.Errorf("kept %d ratings, stars %d, %v", n, stars, err)
	}
	if _, err := c.agenda.Transition(t.Context(), h.ID, booking.Arrived, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	me.want(me.get(to), http.StatusOK, "Il tuo numero in sala", "<strong>C1</strong>")
}
