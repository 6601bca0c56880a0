package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
)

const (
	manageCookie = "gestione"
	secretCookie = "gestione_segreto" //nolint:gosec // a name
	// manageKept is how long somebody who proved that an appointment is theirs
	// can act on it without proving it again.
	manageKept = 30 * time.Minute
)

// sign gives the proof for an appointment: its id and an end, under our key.
// The surname and code that somebody typed need not be kept for it.
func (s *Server) sign(id uuid.UUID, until time.Time) string {
	body := id.String() + "." + strconv.FormatInt(until.Unix(), 10)
	return body + "." + base64.RawURLEncoding.EncodeToString(s.mac(body))
}

func (s *Server) mac(body string) []byte {
	m := hmac.New(sha256.New, s.secret)
	m.Write([]byte("manage\x00" + body))
	return m.Sum(nil)
}

// proven says whether a cookie proves the right to appointment id.
func (s *Server) proven(value string, id uuid.UUID) bool {
	cut := strings.LastIndexByte(value, '.')
	if cut < 0 {
		return false
	}
	sum, err := base64.RawURLEncoding.DecodeString(value[cut+1:])
	if err != nil || !hmac.Equal(sum, s.mac(value[:cut])) {
		return false
	}
	subject, until, _ := strings.Cut(value[:cut], ".")
	end, err := strconv.ParseInt(until, 10, 64)
	return err == nil && subject == id.String() && s.now().Unix() < end
}

// admit lets the browser manage an appointment for a while. secret is empty
// where a code and a surname opened it.
func (s *Server) admit(w http.ResponseWriter, id uuid.UUID, secret string) {
	s.manageCookies(w, s.sign(id, s.now().Add(manageKept)), secret)
}

func (s *Server) manageCookies(w http.ResponseWriter, proof, secret string) {
	for _, l := range s.texts.languages {
		for name, value := range map[string]string{manageCookie: proof, secretCookie: secret} {
			c := &http.Cookie{ //nolint:gosec // Secure follows the public address: http in development
				Name: name, Value: value, Path: l.Path("/appuntamento"), HttpOnly: true, Secure: s.secure(),
				SameSite: http.SameSiteLaxMode, MaxAge: int(manageKept / time.Second),
			}
			if value == "" {
				c.MaxAge = -1
			}
			http.SetCookie(w, c)
		}
	}
}

// managed finds the appointment of a manage page. Where the proof is missing
// or old, done says that the reader was sent to give it again.
func (s *Server) managed(w http.ResponseWriter, r *http.Request) (a booking.Appointment, secret string, done bool, err error) {
	noStore(w)
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return a, "", true, errNoPage
	}
	if !slices.ContainsFunc(r.CookiesNamed(manageCookie), func(c *http.Cookie) bool { return s.proven(c.Value, id) }) {
		http.Redirect(w, r, s.lang(r).Path("/appuntamento?di-nuovo=1"), http.StatusSeeOther)
		return a, "", true, nil
	}
	if a, err = s.agenda.Get(r.Context(), id); err != nil {
		return a, "", true, err
	}
	if c, err := r.Cookie(secretCookie); err == nil {
		secret = c.Value
	}
	return a, secret, false, nil
}
