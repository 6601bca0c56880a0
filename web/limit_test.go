package web

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/altcha-org/altcha-lib-go"

	"sportello/internal/testenv"
	"sportello/web/tally"
)

// TestProcessesLimitTogether: what one counted, the other knows; a proof is good
// for one of them. Without Redis each counts for itself, and says so once.
func TestProcessesLimitTogether(t *testing.T) {
	rdb := testenv.Redis(t)
	var said bytes.Buffer
	process := func() *limits {
		return &limits{shared: tally.New(rdb), secret: []byte("secret"), log: slog.New(slog.NewTextHandler(&said, nil))}
	}
	one, other := newDoorman(process(), 2, time.Now), newDoorman(process(), 2, time.Now)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	over := func(d *doorman, key string) bool { return d.calm.over(httptest.NewRecorder(), r, key) }
	if over(one, "192.0.2.1") || over(other, "192.0.2.1") || !over(one, "192.0.2.1") || !over(other, "192.0.2.1") {
		t.Error("two processes do not count together")
	}
	if over(one, "192.0.2.2") || one.most.over(httptest.NewRecorder(), r, "192.0.2.1") {
		t.Error("other addresses, or other limits, are counted with it")
	}
	w := httptest.NewRecorder()
	if !other.calm.over(w, r, "192.0.2.1") || w.Header().Get("Retry-After") != "600" {
		t.Errorf("come again after %q", w.Header().Get("Retry-After"))
	}
	keys, err := rdb.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 || strings.Contains(strings.Join(keys, " "), "192.0.2") {
		t.Errorf("Redis has %v, %v", keys, err)
	}

	puzzle, err := one.challenge()
	if err != nil {
		t.Fatal(err)
	}
	found, err := altcha.SolveChallenge(puzzle.Challenge, puzzle.Salt, altcha.SHA256, int(puzzle.MaxNumber), 0, nil)
	if err != nil || found == nil {
		t.Fatalf("no solution: %v", err)
	}
	proof, err := json.Marshal(altcha.Payload{Algorithm: puzzle.Algorithm, Challenge: puzzle.Challenge, Number: int64(found.Number), Salt: puzzle.Salt, Signature: puzzle.Signature})
	if err != nil {
		t.Fatal(err)
	}
	if !one.solved(t.Context(), string(proof)) || other.solved(t.Context(), string(proof)) {
		t.Error("a proof is good for each process")
	}

	if err := rdb.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if got := over(one, "192.0.2.1"); got != (i == 2) {
			t.Errorf("without Redis a process does not count for itself: %v at %d", got, i)
		}
	}
	if one.solved(t.Context(), string(proof)) {
		t.Error("without Redis a proof that was used here is good again")
	}
	if n := strings.Count(said.String(), "each process for itself"); n != 1 || strings.Contains(said.String(), "192.0.2") {
		t.Errorf("%d times: %s", n, said.String())
	}
}
