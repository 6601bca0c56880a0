package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/httprate"
)

// Shared is what the processes of one counter know together (web/tally).
type Shared interface {
	// Take counts one more of a key within a window, or says false where there are
	// as many as there may be.
	Take(ctx context.Context, key string, most int, window time.Duration) (bool, error)
	// Give takes back what Take has counted.
	Give(ctx context.Context, key string, window time.Duration) error
	// Once is true the first time that a key is used, for as long as it is kept.
	Once(ctx context.Context, key string, keep time.Duration) (bool, error)
}

// aside is how long what is shared is not asked after it failed: a page that waited
// for it once need not wait each time.
const aside = 5 * time.Second

// limits makes the limits of a server. They count together with the other
// processes where something is shared, and each process for itself where nothing
// is, or while it cannot be reached.
type limits struct {
	shared Shared
	secret []byte
	log    *slog.Logger

	mu    sync.Mutex
	until time.Time // it failed: do not ask before
}

// ask asks what is shared. asked is false where it cannot be.
func (l *limits) ask(ctx context.Context, question func(context.Context, Shared) (bool, error)) (answer, asked bool) {
	if l.shared == nil {
		return false, false
	}
	l.mu.Lock()
	wait := time.Now().Before(l.until)
	l.mu.Unlock()
	if wait {
		return false, false
	}
	answer, err := question(ctx, l.shared)
	if err == nil || ctx.Err() != nil {
		return answer, err == nil
	}
	l.mu.Lock()
	l.until = time.Now().Add(aside)
	l.mu.Unlock()
	l.log.WarnContext(ctx, "limits are counted by each process for itself", slog.String("error", err.Error()))
	return false, false
}

// hidden is a key by which an address or a name can be counted, not read.
func (l *limits) hidden(name, key string) string {
	mac := hmac.New(sha256.New, l.secret)
	mac.Write([]byte("limit:" + name + ":" + key))
	return name + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// limit lets a key through so many times in a window.
type limit struct {
	*limits
	name   string
	most   int
	window time.Duration
	alone  *httprate.RateLimiter
}

func (l *limits) limit(name string, most int, window time.Duration) *limit {
	return &limit{l, name, most, window, httprate.NewRateLimiter(most, window, httprate.WithResponseHeaders(httprate.ResponseHeaders{RetryAfter: "Retry-After"}))}
}

// over counts a request, or says that there were too many, and when to come again.
func (l *limit) over(w http.ResponseWriter, r *http.Request, key string) bool {
	ok, asked := l.ask(r.Context(), func(ctx context.Context, s Shared) (bool, error) {
		return s.Take(ctx, l.hidden(l.name, key), l.most, l.window)
	})
	if !asked {
		return l.alone.OnLimit(w, r, key)
	}
	if !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(l.window.Seconds())))
	}
	return !ok
}

// welcome takes back what over has counted, so that only those count who were not
// let in.
func (l *limit) welcome(w http.ResponseWriter, r *http.Request, key string) {
	_, asked := l.ask(r.Context(), func(ctx context.Context, s Shared) (bool, error) {
		return true, s.Give(ctx, l.hidden(l.name, key), l.window)
	})
	if !asked {
		l.alone.OnLimit(w, r.WithContext(httprate.WithIncrement(r.Context(), -1)), key)
	}
}
