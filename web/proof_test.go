package web

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/altcha-org/altcha-lib-go"

	"sportello/booking"
)

// solve does what the page's script does.
func (c *citizen) solve() string {
	c.t.Helper()
	var puzzle altcha.Challenge
	if err := json.Unmarshal([]byte(html.UnescapeString(c.find(`data-proof="([^"]+)"`))), &puzzle); err != nil {
		c.t.Fatal(err)
	}
	found, err := altcha.SolveChallenge(puzzle.Challenge, puzzle.Salt, altcha.SHA256, int(puzzle.MaxNumber), 0, nil)
	if err != nil || found == nil {
		c.t.Fatalf("no solution: %v", err)
	}
	payload, err := json.Marshal(altcha.Payload{
		Algorithm: puzzle.Algorithm, Challenge: puzzle.Challenge, Number: int64(found.Number), Salt: puzzle.Salt, Signature: puzzle.Signature,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return string(payload)
}

func TestABusyAddressMustProveItsWork(t *testing.T) {
	c := newTown(t).citizen()
	for range defaultHoldRate {
		c.holds("presenza")
	}
	c.get("/it/prenota/orario?ufficio=" + testOffice + "&servizio=" + c.service() + "&modo=presenza&giorno=2031-11-20")
	choice := c.choice("presenza", c.starts()[0])
	asked := func(form url.Values) {
		t.Helper()
		c.post("/it/prenota/orario", form).shows(http.StatusTooManyRequests, "Un momento, un controllo automatico",
			`name="inizio" value="`+choice.Get("inizio")+`"`, "Serve JavaScript per questo controllo")
	}
	with := func(proof string) url.Values {
		form := url.Values{"prova": {proof}}
		for k, v := range choice {
			form[k] = v
		}
		return form
	}
	asked(choice)
	proof := c.solve()
	asked(with("{}"))
	asked(with(`{"algorithm":"SHA-256","challenge":"00","number":1,"salt":"a?expires=99999999999&","signature":"00"}`))
	c.post("/it/prenota/orario", with(proof)).shows(http.StatusOK).onStep("/dettagli")
	asked(with(proof)) // each proof is good once

	late := c.solve()
	c.wait(proofKept + time.Second)
	asked(with(late))
	c.post("/it/prenota/orario", with(c.solve())).shows(http.StatusOK).onStep("/dettagli")
}

func TestProofsAreRememberedAsLongAsTheyAreGood(t *testing.T) {
	now := time.Now()
	d := newDoorman(&limits{secret: []byte("secret")}, 1, func() time.Time { return now })
	answer := func() string {
		t.Helper()
		puzzle, err := d.challenge()
		if err != nil {
			t.Fatal(err)
		}
		found, err := altcha.SolveChallenge(puzzle.Challenge, puzzle.Salt, altcha.SHA256, int(puzzle.MaxNumber), 0, nil)
		if err != nil || found == nil {
			t.Fatalf("no solution: %v", err)
		}
		p, err := json.Marshal(altcha.Payload{Algorithm: puzzle.Algorithm, Challenge: puzzle.Challenge, Number: int64(found.Number), Salt: puzzle.Salt, Signature: puzzle.Signature})
		if err != nil {
			t.Fatal(err)
		}
		return string(p)
	}
	first := answer()
	if !d.solved(t.Context(), first) || d.solved(t.Context(), first) {
		t.Error("a proof is not good exactly once")
	}
	now = now.Add(proofKept - time.Second)
	second := answer()
	if !d.solved(t.Context(), second) {
		t.Error("a good proof is refused")
	}
	now = now.Add(2 * time.Second) // the first has expired, the second has not
	if d.solved(t.Context(), first) || d.solved(t.Context(), second) {
		t.Error("a used proof is accepted again")
	}
	now = now.Add(2 * proofKept)
	if !d.solved(t.Context(), answer()) || len(d.spent)+len(d.older) > 3 {
		t.Errorf("%d proofs are kept", len(d.spent)+len(d.older))
	}
}

func TestAContactWithEnoughAppointmentsIsSentToThem(t *testing.T) {
	c := newTown(t).citizen()
	office, err := c.agenda.OfficeBySlug(t.Context(), testOffice)
	if err != nil {
		t.Fatal(err)
	}
	office.MaxOpen = 1
	if _, err := c.agenda.SaveOffice(t.Context(), office, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	c.books("presenza")
	secret := c.secret()
	hold := c.holds("video")
	c.post(hold+"/dettagli", url.Values{"note": {"Un'altra domanda."}})
	c.post(hold+"/richiedente", maria())
	c.post(hold+"/riepilogo", url.Values{}).shows(http.StatusConflict, "Hai già altri appuntamenti", "c’è già un appuntamento", "Un'altra domanda.")
	// One appointment less, and the same page goes on.
	first, err := c.agenda.BySecret(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.agenda.Cancel(t.Context(), first.ID, booking.Actor{}); err != nil {
		t.Fatal(err)
	}
	c.post(hold+"/riepilogo", url.Values{}).onStep("/conferma").shows(http.StatusOK, "Appuntamento confermato")
}
