package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sportello/booking"
)

// sellsOut books what is free of the test service until Thursday, and gives
// the bookings; the last can still be cancelled.
func (c *citizen) sellsOut() (day time.Time, all []booking.Hold) {
	c.t.Helper()
	_, service, err := c.agenda.ServiceBySlug(c.t.Context(), testOffice, c.service())
	if err != nil {
		c.t.Fatal(err)
	}
	for {
		free, err := c.agenda.FirstFree(c.t.Context(), []int64{service.ID}, booking.Virtual, booking.Public, 1)
		if err != nil || len(free) == 0 {
			c.t.Fatal(err)
		}
		if day = townStart.AddDate(0, 0, 3); free[0].Start.YearDay() > day.YearDay() {
			return day, all
		}
		h, err := c.agenda.Book(c.t.Context(), booking.BookRequest{
			HoldRequest: booking.HoldRequest{ServiceID: service.ID, Start: free[0].Start, Mode: booking.Virtual, Channel: booking.ByOperator, Audience: booking.Public},
			Person:      booking.Person{Name: "Ada", Surname: "Gallo", Phone: "333 7654321", Language: "it"},
		})
		if err != nil {
			c.t.Fatal(err)
		}
		all = append(all, h)
	}
}

func (c *citizen) waitForm(until time.Time) url.Values {
	f := maria()
	f.Set("ufficio", testOffice)
	f.Set("servizio", c.service())
	f.Set("modo", "video")
	f.Set("until", until.Format(time.DateOnly))
	return f
}

func TestWaitingListWithoutAScript(t *testing.T) {
	t.Parallel()
	c := newTown(t).citizen()
	day, taken := c.sellsOut()
	c.get("/it/prenota/orario?ufficio="+testOffice+"&servizio="+c.service()+"&modo=video").shows(http.StatusOK, "Avvisami se si libera un posto")
	c.get(c.find(`href="(/it/prenota/avvisami[^"]*)"`)).shows(http.StatusOK, "Fino a che giorno ti serve")
	// What is wrong is said at once, and nothing typed is lost.
	bad := c.waitForm(day)
	bad.Set("until", "domani")
	bad.Del("privacy")
	c.post("/it/prenota/avvisami", bad).shows(http.StatusUnprocessableEntity, "Indica un giorno", "D'Angelo Rossi")
	for _, mode := range []string{"", "piccione"} { // of a tab from before the service was changed
		bad = c.waitForm(day)
		bad.Set("modo", mode)
		c.post("/it/prenota/avvisami", bad).shows(http.StatusUnprocessableEntity, "controlla la modalità", "D'Angelo Rossi")
	}
	c.post("/it/prenota/avvisami", c.waitForm(day.AddDate(2, 0, 0))).shows(http.StatusUnprocessableEntity, "Indica un giorno")

	c.post("/it/prenota/avvisami", c.waitForm(day)).shows(http.StatusOK, "Il tuo posto in lista: 1")
	page := c.at.Path
	code := c.find(`sv-code-small">([^<]+)<`)
	again := c.citizen()
	again.post("/it/prenota/avvisami", c.waitForm(day)).shows(http.StatusUnprocessableEntity, "sei già in lista d’attesa")

	// Somebody cancels; who has no mail comes back with the code.
	if err := c.agenda.Cancel(t.Context(), taken[len(taken)-1].ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	again.post("/it/appuntamento", url.Values{"code": {strings.ToLower(code)}, "surname": {"d'angelo rossi"}}).
		shows(http.StatusOK, "C’è un posto per te", "Lo teniamo per te fino a")
	c.get(page + "/appuntamento.ics").shows(http.StatusNotFound)
	again.post(page+"/accetta", url.Values{}).shows(http.StatusOK, "Confermato", "Entra nella stanza")
	again.post(page+"/accetta", url.Values{}).shows(http.StatusOK, "Confermato")
}

func TestMailsOfTheWaitingList(t *testing.T) {
	w := newPostTown(t)
	c := w.citizen()
	day, taken := c.sellsOut()
	c.post("/it/prenota/avvisami", c.waitForm(day)).shows(http.StatusOK, "ti scriviamo")
	m := w.next()
	if !strings.HasPrefix(m.subject, "Lista d’attesa: ") || m.part != nil || m.file != nil {
		t.Errorf("subject %q", m.subject)
	}
	m.says("Quando si libera un posto", "http://sportello.test/it/appuntamento#")
	if err := w.agenda.Cancel(t.Context(), taken[len(taken)-1].ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	m = w.next()
	if !strings.HasPrefix(m.subject, "C’è un posto: ") {
		t.Errorf("subject %q", m.subject)
	}
	m.says("Lo teniamo per te fino a", "http://sportello.test/it/appuntamento#")
	c.post(c.at.Path+"/accetta", url.Values{}).shows(http.StatusOK, "Confermato")
	m = w.next()
	if !strings.HasPrefix(m.subject, "Appuntamento confermato: ") {
		t.Errorf("subject %q", m.subject)
	}
	m.says("http://sportello.test/it/stanza#") // the link of the first mail, kept since
}

func TestLeavingTheWaitingList(t *testing.T) {
	t.Parallel()
	c := newTown(t).citizen()
	day, taken := c.sellsOut()
	c.post("/it/prenota/avvisami", c.waitForm(day)).shows(http.StatusOK)
	page := c.at.Path
	if err := c.agenda.Cancel(t.Context(), taken[len(taken)-1].ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	// With its buffer the freed time has room for one later start, offered next.
	c.post(page+"/rifiuta", url.Values{}).shows(http.StatusOK, "C’è un posto per te")
	c.post(page+"/rifiuta", url.Values{}).shows(http.StatusOK, "Sei in lista d’attesa")
	c.post(page+"/accetta", url.Values{}).shows(http.StatusOK, "Questo posto non è più disponibile")
	c.post(page+"/lascia", url.Values{}).shows(http.StatusOK, "Non sei più in lista d’attesa")
	c.post(page+"/lascia", url.Values{}).shows(http.StatusOK, "Non sei più in lista d’attesa")
	// Nobody else's place can be taken, left or seen.
	other := c.citizen()
	for _, what := range []string{"", "/accetta", "/lascia", "/rifiuta"} {
		if what == "" {
			other.get(page)
		} else {
			other.post(page+what, url.Values{})
		}
		other.onStep("/it/appuntamento")
	}
}

// TestWhoWaitsForARetiredServiceIsTold: by mail, and on the page of their place.
func TestWhoWaitsForARetiredServiceIsTold(t *testing.T) {
	t.Parallel()
	w := newPostTown(t)
	c := w.citizen()
	day, _ := c.sellsOut()
	c.post("/it/prenota/avvisami", c.waitForm(day)).shows(http.StatusOK, "Il tuo posto in lista: 1")
	page := c.at.Path
	if m := w.next(); !strings.HasPrefix(m.subject, "Lista d’attesa: ") {
		t.Errorf("the first mail is %q", m.subject)
	}
	_, service, err := w.agenda.ServiceBySlug(t.Context(), testOffice, c.service())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.agenda.PreviewRetireService(t.Context(), service.ID); err != nil {
		t.Fatal(err)
	}
	c.get(page).shows(http.StatusOK, "Il tuo posto in lista: 1") // a preview tells nobody
	if _, err := w.agenda.RetireService(t.Context(), service.ID, true, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	m := w.next()
	if !strings.HasPrefix(m.subject, "Lista d’attesa chiusa: ") {
		t.Errorf("the next mail is %q", m.subject)
	}
	m.says("Maria", "non offre più questo servizio", "http://sportello.test/it/prenota")
	c.get(page).shows(http.StatusOK, "Non sei più in lista d’attesa", "non offre più questo servizio")
}

// TestAnOfferBeyondTheLimitSaysWhy: who has as many appointments as the office
// allows cannot take the slot, and reads so.
func TestAnOfferBeyondTheLimitSaysWhy(t *testing.T) {
	t.Parallel()
	c := newTown(t).citizen()
	c.books("presenza")
	office, err := c.agenda.OfficeBySlug(t.Context(), testOffice)
	if err != nil {
		t.Fatal(err)
	}
	office.MaxOpen = 1
	if _, err := c.agenda.SaveOffice(t.Context(), office, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	c.post("/it/prenota/avvisami", c.waitForm(townStart.AddDate(0, 0, 3))).shows(http.StatusOK, "C’è un posto per te")
	page := c.at.Path
	c.post(page+"/accetta", url.Values{}).shows(http.StatusOK, "Hai già altri appuntamenti", "C’è un posto per te")
	c.hasNot("Questo posto non è più disponibile")
}
