package booking

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
)

// passwordGuard hashes passwords, a few at a time: argon2id takes 64 MiB for
// each, and whoever floods the login must not take them all.
type passwordGuard struct {
	slots  chan struct{}
	params *argon2id.Params
	decoy  func() (string, error) // the hash that unknown logins are compared with
}

func newPasswordGuard() *passwordGuard {
	// RFC 9106, section 4, its second recommendation: 64 MiB, 3 passes, 4 lanes.
	params := &argon2id.Params{Memory: 64 * 1024, Iterations: 3, Parallelism: 4, SaltLength: 16, KeyLength: 32}
	return &passwordGuard{
		slots:  make(chan struct{}, max(2, runtime.NumCPU())),
		params: params,
		decoy: sync.OnceValues(func() (string, error) {
			return argon2id.CreateHash("nobody has this password", params)
		}),
	}
}

// acquire waits for one of the slots.
func (g *passwordGuard) acquire(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *passwordGuard) hash(ctx context.Context, password string) (string, error) {
	if err := g.acquire(ctx); err != nil {
		return "", err
	}
	defer func() { <-g.slots }()
	hash, err := argon2id.CreateHash(password, g.params)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// matches compares a password with a hash; an empty hash matches nothing,
// after the same work.
func (g *passwordGuard) matches(ctx context.Context, password, hash string) (bool, error) {
	if err := g.acquire(ctx); err != nil {
		return false, err
	}
	defer func() { <-g.slots }()
	against := hash
	if hash == "" {
		decoy, err := g.decoy()
		if err != nil {
			return false, fmt.Errorf("compare password: %w", err)
		}
		against = decoy
	}
	if utf8.RuneCountInString(password) > maxPassword {
		password = "" // none is that long
	}
	same, err := argon2id.ComparePasswordAndHash(password, against)
	if err != nil {
		return false, fmt.Errorf("compare password: %w", err)
	}
	return same && hash != "", nil
}
