package main

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/jackc/pgx/v5"

	"sportello/internal/devstack"
	"sportello/internal/testenv"
	"sportello/signaling/protocol"
)

// TestWithoutRedisTheCounterGoesOn: each step of a citizen, an operator, reception and
// a clerk, with a Redis that has ended, and with one that hangs.
func TestWithoutRedisTheCounterGoesOn(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*testing.T, *devstack.Redis){
		"ended": func(t *testing.T, r *devstack.Redis) {
			t.Helper()
			if err := r.Stop(); err != nil {
				t.Fatal(err)
			}
		},
		"hangs": func(t *testing.T, r *devstack.Redis) {
			t.Helper()
			if err := syscall.Kill(r.PID(), syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = syscall.Kill(r.PID(), syscall.SIGCONT) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			postgres, rdb := testenv.PostgresURL(t), testenv.RedisServer(t, shortDir(t))
			vars := serveVars(postgres, rdb.URL())
			furnish(t, vars, "-role", "operator", "-role", "reception")
			c := start(t, vars, "serve")
			w := &twins{t: t, url: "http://" + c.Listening.String(), transport: &http.Transport{}}
			t.Cleanup(w.transport.CloseIdleConnections)
			away(t, rdb)
			w.goesOn(postgres)
		})
	}
}

// goesOn plays the day of the counter.
func (w *twins) goesOn(postgres string) {
	c := w.visitor()
	c.gets("/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=video").later()
	c.posts("/it/prenota/orario", "ufficio", "anagrafe", "servizio", "cambio-residenza", "modo", "video", "inizio", c.starts()[0]).lands("/dettagli")
	secret := c.confirms(strings.TrimSuffix(c.at.Path, "/dettagli"), "Senza Redis")
	if code := w.refused(secret); code != "too-early" {
		w.t.Errorf("the door of the room says %q of an appointment of next month", code)
	}
	c.posts("/it/appuntamento", "secret", secret).wants(http.StatusOK, "Confermato")
	mine := c.at.Path
	c.gets(mine + "/sposta").later()
	c.posts(mine+"/sposta", "inizio", c.starts()[0]).wants(http.StatusOK, "è stato spostato")

	s := w.visitor()
	s.posts("/it/staff/accesso", "login", "anna", "password", twinPassword).wants(http.StatusOK, "Anna")
	s.gets("/it/staff/operatore?servizio=cambio").wants(http.StatusOK, "Cambio di residenza")
	s.posts("/it/staff/operatore", "servizio", "anagrafe/cambio-residenza", "orario", s.last(`name="orario" value="(in_person[^"]+)"`),
		"nome", "Giulia", "cognome", "Neri", "telefono", "0121 444555", "lingua", "it", "azione", "prenota").wants(http.StatusOK, "Codice da dettare")
	_, id, _ := strings.Cut(s.at.Path, "/fatto/")
	w.today(postgres, id)
	s.gets("/it/staff/reception").wants(http.StatusOK, "Neri")
	s.posts("/it/staff/reception/"+id+"/arrivato").wants(http.StatusOK, "Arrivato")
	day := s.gets("/it/staff/sportello").wants(http.StatusOK, "Neri")
	for _, state := range []string{"called", "served"} {
		day.posts("/it/staff/sportello/"+id+"/stato", "stato", state).wants(http.StatusOK, "Neri")
	}
	c.posts(mine+"/disdici").wants(http.StatusOK, "è stato disdetto")
	if code := w.refused(secret); code != "cancelled" {
		w.t.Errorf("the door of the room says %q of what was cancelled", code)
	}
}

// refused is why the door of the rooms does not open to a secret.
func (w *twins) refused(secret string) string {
	w.t.Helper()
	ws, _, err := websocket.Dial(w.t.Context(), w.url+"/ws", nil) //nolint:bodyclose // Dial closes it
	if err != nil {
		w.t.Fatal(err)
	}
	defer ws.CloseNow() //nolint:errcheck // nothing is pending
	var answer struct {
		Type, Code string
	}
	if err = wsjson.Write(w.t.Context(), ws, map[string]any{"type": "join", "version": protocol.Version, "token": secret}); err != nil {
		w.t.Fatal(err)
	}
	for answer.Type != "error" { // hello comes first
		if err = wsjson.Read(w.t.Context(), ws, &answer); err != nil {
			w.t.Fatal(err)
		}
	}
	return answer.Code
}

// today has an appointment begin now, whatever the hour and the counter's hours.
func (w *twins) today(postgres, id string) {
	w.t.Helper()
	if n := alters(w.t, postgres, `UPDATE appointment SET day = (now() AT TIME ZONE 'Europe/Rome')::date,
		period = tstzrange(now(), now() + '20 min'), occupied = tstzrange(now(), now() + '20 min') WHERE id = $1`, id); n != 1 {
		w.t.Fatalf("%d appointments begin now", n)
	}
}

// alters changes rows behind the counter's back, and says how many.
func alters(t *testing.T, postgres, sql string, args ...any) int64 {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // nothing is pending
	tag, err := conn.Exec(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	return tag.RowsAffected()
}
