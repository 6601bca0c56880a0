package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/altcha-org/altcha-lib-go"
)

// How much one address may take before it is asked for work, and before it is
// turned away. Many people share an address: a library, an office, a mobile
// network. Nobody at a keyboard holds a place every minute for ten minutes.
const (
	holdWindow      = 10 * time.Minute
	defaultHoldRate = 10
	mostHolds       = 100
	// proofWork is the largest number to look for: half as many hashes on average,
	// about a second on an old phone.
	proofWork = 200_000
	proofKept = 5 * time.Minute
)

// doorman watches how many places each address takes, and asks the busy ones
// for a proof of work.
type doorman struct {
	key        string
	calm, most *limit
	now        func() time.Time

	mu sync.Mutex
	// spent are the challenges that were used here, for when nothing is shared. The
	// older half is forgotten when all in it have expired.
	spent, older map[string]struct{}
	turned       time.Time
}

func newDoorman(l *limits, calm int, now func() time.Time) *doorman {
	return &doorman{
		key: "proof of work:" + string(l.secret), now: now,
		calm:  l.limit("calm", calm, holdWindow),
		most:  l.limit("most", mostHolds, holdWindow),
		spent: map[string]struct{}{}, older: map[string]struct{}{},
	}
}

// challenge makes a new puzzle (https://altcha.org, SHA-256).
func (d *doorman) challenge() (altcha.Challenge, error) {
	expires := d.now().Add(proofKept)
	return altcha.CreateChallenge(altcha.ChallengeOptions{
		Algorithm: altcha.SHA256, MaxNumber: proofWork, HMACKey: d.key, Expires: &expires,
	})
}

// solved says whether a payload solves a challenge of ours that was not used
// before, and marks it as used.
func (d *doorman) solved(ctx context.Context, payload string) bool {
	if payload == "" || len(payload) > 1000 {
		return false
	}
	var p altcha.Payload
	if json.Unmarshal([]byte(payload), &p) != nil {
		return false
	}
	// The library looks at the real clock; ours may be turned by tests.
	expires := altcha.ExtractParams(p).Get("expires")
	if ok, err := altcha.VerifySolutionSafe(p, d.key, false); err != nil || !ok || !d.before(expires) {
		return false
	}
	if first, asked := d.calm.ask(ctx, func(ctx context.Context, s Shared) (bool, error) { return s.Once(ctx, "proof:"+p.Challenge, proofKept) }); asked && !first {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.now(); now.Sub(d.turned) > proofKept {
		d.older, d.spent, d.turned = d.spent, map[string]struct{}{}, now
	}
	_, used := d.spent[p.Challenge]
	_, usedBefore := d.older[p.Challenge]
	d.spent[p.Challenge] = struct{}{}
	return !used && !usedBefore
}

// before says whether a moment, in Unix seconds, is still to come.
func (d *doorman) before(expires string) bool {
	var at int64
	return json.Unmarshal([]byte(expires), &at) == nil && d.now().Unix() < at
}

// proofView is the page on which a browser works before it may take a place.
type proofView struct {
	Stepper   stepper
	Action    string
	Hidden    url.Values
	Challenge string // JSON
	Minutes   int    // how long to wait instead
	Back      string
}

// errProof says that a proof of work is wanted first.
var errProof = errors.New("web: proof of work is wanted")

// admit lets an address take a place. It fails with errProof where it took many
// and brings no proof, and with errTooMany where no proof helps.
func (d *doorman) admit(w http.ResponseWriter, r *http.Request) error {
	address := PeerAddress(r)
	switch {
	case d.most.over(w, r, address):
		return errTooMany
	case !d.calm.over(w, r, address), d.solved(r.Context(), r.PostFormValue("prova")):
		return nil
	}
	return errProof
}

// showProof asks the browser to work, and keeps what was chosen.
func (s *Server) showProof(w http.ResponseWriter, r *http.Request) error {
	l := s.lang(r)
	c, err := s.door.challenge()
	if err != nil {
		return err
	}
	puzzle, err := json.Marshal(c)
	if err != nil {
		return err
	}
	hidden := url.Values{}
	for k, v := range r.PostForm {
		if k != "prova" {
			hidden[k] = v
		}
	}
	noStore(w)
	v := proofView{
		Stepper: newStepper(l, stepTime), Action: r.URL.Path, Hidden: hidden, Challenge: string(puzzle),
		Minutes: Minutes(holdWindow), Back: l.Path("/prenota/orario?" + url.Values{"ufficio": hidden["ufficio"], "servizio": hidden["servizio"]}.Encode()),
	}
	return s.render(w, r, http.StatusTooManyRequests, "public/proof.html", Page{Data: v, Crumbs: bookingCrumbs(l), NoSwitch: true})
}
