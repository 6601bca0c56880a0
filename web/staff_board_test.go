package web

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sportello/booking"
)

func TestReceptionMarksAndTheClerkSees(t *testing.T) {
	c := newCounter(t, nil)
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	other := c.booked("anagrafe", "carta-identita", booking.InPerson, "Marta", "Rosso")
	video := c.booked("anagrafe", "cambio-residenza", booking.Virtual, "Vera", "Video")
	desk, clerk := c.as("reception"), c.as("anagrafe")

	board := desk.want(desk.get("/it/staff/reception"), http.StatusOK, "Rossi M.", "Rosso M.", "È arrivato")
	for _, secret := range []string{"0121", "321654", "Carta d", "Video V.", "Mario"} {
		if strings.Contains(mainOf(board.body), secret) {
			t.Errorf("the board shows %q: more than it needs", secret)
		}
	}
	back := desk.want(desk.post("/it/staff/reception/"+h.ID.String()+"/arrivato", "vista", "stato=due"), http.StatusSeeOther)
	if back.location() != "/it/staff/reception?stato=due" {
		t.Errorf("back to %q", back.location())
	}
	desk.want(desk.get("/it/staff/reception/elenco?stato=arrived"), http.StatusOK, "Rossi M.")
	clerk.want(clerk.get("/it/staff/sportello/elenco"), http.StatusOK, "Rossi Mario", "Arrivato", "st-row-arrived")

	// At the door: a code, a name, several, nobody, twice.
	desk.want(desk.post("/it/staff/reception/arrivo", "chi", "ross"), http.StatusSeeOther) // only Rosso is still expected
	got, err := c.agenda.Get(t.Context(), other.ID)
	if err != nil || got.State != booking.Arrived {
		t.Fatalf("state %s, %v", got.State, err)
	}
	desk.want(desk.post("/it/staff/reception/arrivo", "chi", "ross"), http.StatusOK, "Chi di loro", "Arrivato")
	coded := c.booked("tributi", c.anyService("tributi"), booking.InPerson, "Carla", "Codice")
	desk.want(desk.post("/it/staff/reception/arrivo", "chi", strings.ToLower(c.agenda.Code(coded.Secret))), http.StatusSeeOther)
	desk.want(desk.get("/it/staff/reception"), http.StatusOK, "Segnato come arrivato")
	desk.want(desk.post("/it/staff/reception/arrivo", "chi", "<b>nessuno</b>"), http.StatusOK, "non aspettiamo nessuno", "&lt;b&gt;")
	desk.want(desk.post("/it/staff/reception/"+h.ID.String()+"/arrivato"), http.StatusSeeOther)
	desk.want(desk.get("/it/staff/reception"), http.StatusOK, "è cambiato")
	desk.want(desk.post("/it/staff/reception/"+video.ID.String()+"/arrivato"), http.StatusNotFound)
}

// anyService is a service of an office that is had in person.
func (c *counter) anyService(office string) string {
	c.t.Helper()
	all, err := c.agenda.AllServices(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, s := range all {
		if s.OfficeSlug == office && s.Allows(booking.InPerson) {
			return s.Slug
		}
	}
	c.t.Fatalf("%s has no service in person", office)
	return ""
}

func TestClerkServes(t *testing.T) {
	c := newCounter(t, nil)
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	clerk, stranger := c.as("anagrafe"), c.as("tributi")
	path := "/it/staff/sportello/" + h.ID.String()
	stranger.want(stranger.get(path), http.StatusNotFound)
	stranger.want(stranger.post(path+"/stato", "stato", "called"), http.StatusNotFound)
	stranger.want(stranger.post(path+"/nota", "nota", "x"), http.StatusNotFound)

	clerk.want(clerk.get("/it/staff/sportello"), http.StatusOK, "Prossimo", "Rossi Mario")
	clerk.want(clerk.post(path+"/stato", "stato", "served"), http.StatusSeeOther) // not called yet
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusOK, "è cambiato")
	clerk.want(clerk.post(path+"/stato", "stato", "called"), http.StatusSeeOther)
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusOK, "In corso")
	clerk.want(clerk.post(path+"/nota", "nota", "Manca la foto"), http.StatusSeeOther)
	clerk.want(clerk.post(path+"/nota", "nota", strings.Repeat("x", 10_000)), http.StatusUnprocessableEntity, "troppo lungo")
	// A colleague saw the card before that note: both texts are shown, and none is lost.
	clerk.want(clerk.post(path+"/nota", "nota", "Torna alle 11"), http.StatusUnprocessableEntity, "Intanto un collega", ">Torna alle 11<", ">Manca la foto<", `name="prima" value="Manca la foto"`)
	clerk.want(clerk.get(path), http.StatusOK, ">Manca la foto<")
	clerk.want(clerk.post(path+"/nota", "prima", "Manca la foto", "nota", "Manca la foto, torna alle 11"), http.StatusSeeOther)
	clerk.want(clerk.post(path+"/stato", "stato", "served", "vista", "scheda"), http.StatusSeeOther)
	page := clerk.want(clerk.get(path), http.StatusOK, "Manca la foto", "Servito")
	if strings.Contains(page.body, "/stato") {
		t.Error("a closed appointment still has buttons")
	}
	clerk.want(clerk.post(path+"/stato", "stato", "cancelled"), http.StatusBadRequest)
	clerk.want(clerk.get("/it/staff/sportello/non-un-id"), http.StatusNotFound)

	tomorrow := staffNow.AddDate(0, 0, 1).Format(time.DateOnly)
	clerk.want(clerk.get("/it/staff/sportello?giorno="+tomorrow), http.StatusOK, "Martedì 17 novembre", "Nessun appuntamento")
}

// TestClerkSeesTheDayWithoutPresence: what is not known for a while holds nothing up.
func TestClerkSeesTheDayWithoutPresence(t *testing.T) {
	c := newCounter(t, nil)
	c.booked("anagrafe", "cambio-residenza", booking.Virtual, "Vera", "Video")
	c.lobby.hangs = true
	clerk := c.as("anagrafe")
	clerk.want(clerk.get("/it/staff/sportello"), http.StatusOK, "Video Vera", "non si vede chi è nella sala virtuale")
	c.lobby.mu.Lock()
	defer c.lobby.mu.Unlock()
	if c.lobby.patient <= 0 || c.lobby.patient > presenceWait {
		t.Errorf("the day would have waited %v", c.lobby.patient)
	}
}

func TestClerkOpensTheRoom(t *testing.T) {
	c := newCounter(t, nil)
	h := c.booked("anagrafe", "cambio-residenza", booking.Virtual, "Vera", "Video")
	clerk, stranger := c.as("anagrafe"), c.as("tributi")
	path := "/it/staff/sportello/" + h.ID.String()
	c.lobby.states[h.ID] = PresenceState{Waiting: true, Since: staffNow.Add(-3 * time.Minute)}
	clerk.want(clerk.get("/it/staff/sportello/elenco"), http.StatusOK, "In attesa dalle 08:42", "Video Vera", "Apri la stanza")

	stranger.want(stranger.post(path+"/stanza"), http.StatusNotFound)
	stranger.want(stranger.post(path+"/ospiti", "nome", "Io"), http.StatusNotFound)

	open := clerk.want(clerk.post(path+"/stanza"), http.StatusSeeOther)
	to, err := url.Parse(open.location())
	if err != nil || to.Path != "/it/stanza" || to.RawQuery != "" {
		t.Fatalf("opens %q, %v", open.location(), err)
	}
	hash, err := tokenHash(to.Fragment)
	if err != nil {
		t.Fatalf("the fragment is no secret: %v", err)
	}
	grant, err := c.agenda.GrantByHash(t.Context(), hash)
	if err != nil || grant.Role != "host" || grant.Appointment != h.ID.String() {
		t.Fatalf("grant %+v, %v", grant, err)
	}
	for name, values := range open.header {
		if name != "Location" && strings.Contains(strings.Join(values, ""), to.Fragment) {
			t.Errorf("the secret stands in %s too", name)
		}
	}

	// A guest: a link shown once, and taken back.
	clerk.want(clerk.post(path+"/ospiti", "nome", ""), http.StatusUnprocessableEntity, "obbligatorio")
	clerk.want(clerk.post(path+"/ospiti", "nome", "Interprete <i>LIS</i>"), http.StatusSeeOther)
	shown := clerk.want(clerk.get(path), http.StatusOK, "/it/stanza#", "Interprete &lt;i&gt;LIS")
	_, rest, _ := strings.Cut(shown.body, "/it/stanza#")
	secret := rest[:48]
	if again := clerk.get(path); strings.Contains(again.body, secret) {
		t.Error("the guest's link is shown twice")
	}
	guests, err := c.agenda.Guests(t.Context(), h.ID)
	if err != nil || len(guests) != 1 {
		t.Fatalf("guests %v, %v", guests, err)
	}
	revoke := path + "/ospiti/" + guests[0].GrantID.String() + "/revoca"
	stranger.want(stranger.post(revoke), http.StatusNotFound)
	elsewhere := c.booked("anagrafe", "cambio-residenza", booking.Virtual, "Altra", "Persona")
	clerk.want(clerk.post("/it/staff/sportello/"+elsewhere.ID.String()+"/ospiti/"+guests[0].GrantID.String()+"/revoca"), http.StatusNotFound)
	clerk.want(clerk.post(revoke), http.StatusSeeOther)
	clerk.want(clerk.get(path), http.StatusOK, "Revocato")
	guestHash, err := tokenHash(secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.agenda.GrantByHash(t.Context(), guestHash); err == nil {
		t.Error("the revoked link still opens the room")
	}
}

// follow opens the stream of events and gives its lines as they come.
func (b *browser) follow() <-chan string { b.t.Helper(); return b.followAt("/it/staff/eventi") }

func (b *browser) followAt(path string) <-chan string {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.http.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.client.Do(r) //nolint:bodyclose // read until the test ends, and closed then
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		b.t.Fatalf("stream: %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	lines := make(chan string, 64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(lines)
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			lines <- s.Text()
		}
	}()
	b.t.Cleanup(func() { _ = resp.Body.Close(); <-done })
	return lines
}

// await reads lines until one begins as wanted; it fails where one that must
// not come does, or none comes.
func await(t *testing.T, lines <-chan string, want string, never ...string) string {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the stream ended before %q", want)
			}
			for _, n := range never {
				if strings.Contains(line, n) {
					t.Fatalf("the stream says %q", line)
				}
			}
			if strings.HasPrefix(line, want) {
				return line
			}
		case <-limit:
			t.Fatalf("%q did not come", want)
		}
	}
}

func TestEventsTellOfChanges(t *testing.T) {
	c := newCounter(t, func(k *Config) { k.Staff.Heartbeat = 50 * time.Millisecond })
	clerk := c.as("anagrafe")
	lines := clerk.follow()
	await(t, lines, "retry:")
	await(t, lines, ":")
	// First another office's, then ours: only ours arrives, and names nobody.
	c.booked("tributi", c.anyService("tributi"), booking.InPerson, "Altrove", "Tributi")
	h := c.booked("anagrafe", "carta-identita", booking.InPerson, "Mario", "Rossi")
	office := h.Appointment.Office.ID
	tributi, err := c.agenda.OfficeBySlug(t.Context(), "tributi")
	if err != nil {
		t.Fatal(err)
	}
	await(t, lines, "event: agenda", "Rossi", h.ID.String())
	line := await(t, lines, "data:", "Rossi", h.ID.String())
	if want := `"office":` + itoa(office); !strings.Contains(line, want) || strings.Contains(line, `"office":`+itoa(tributi.ID)+",") {
		t.Errorf("event %s, want %s", line, want)
	}
	c.lobby.set(h.ID, PresenceState{Waiting: true, Since: staffNow})
	await(t, lines, "event: presence", "Rossi", h.ID.String())
	await(t, lines, ":") // and it still beats

	c.server.EndStreams()
	for range lines { // ends by itself
	}
}

func TestEventsAreLimited(t *testing.T) {
	c := newCounter(t, nil)
	desk := c.as("reception")
	for range streamsPerPerson {
		await(t, desk.follow(), "retry:")
	}
	desk.want(desk.get("/it/staff/eventi"), http.StatusTooManyRequests)
	nobody := c.browser()
	nobody.want(nobody.get("/it/staff/eventi"), http.StatusUnauthorized)
	operator := c.as("operatore")
	operator.want(operator.get("/it/staff/eventi"), http.StatusForbidden)
}
