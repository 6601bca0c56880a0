package booking

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sportello/booking/token"
)

// Scope is what an API token allows.
type Scope string

// The scopes.
const (
	ScopeRead Scope = "read" // offices, services, free times
	ScopeBook Scope = "book" // holds and appointments
)

// tokenPrefix tells a token from other secrets, for people and for scanners
// that look for what was published by mistake.
const tokenPrefix = "sportello_"

// The limits of what a token's form may say.
const maxOrigins = 10

// APIToken is the right of one of the municipality's own programs.
type APIToken struct {
	ID        int64
	Name      string
	Scopes    []Scope
	Origins   []string // of pages whose scripts may use it; empty: none
	CreatedAt time.Time
	UsedOn    time.Time // the last day it was used; zero before that
}

// Allows says whether the token has a scope.
func (t APIToken) Allows(s Scope) bool { return slices.Contains(t.Scopes, s) }

// checked gives t as it is stored, or a *FieldError.
func (t APIToken) checked() (APIToken, error) {
	var err error
	if t.Name, err = checkLine("name", t.Name, maxName); err != nil {
		return t, err
	}
	for _, s := range t.Scopes {
		if s != ScopeRead && s != ScopeBook {
			return t, &FieldError{"scopes", CodeInvalid}
		}
	}
	if slices.Sort(t.Scopes); len(t.Scopes) == 0 {
		return t, &FieldError{"scopes", CodeRequired}
	}
	t.Scopes = slices.Compact(t.Scopes)
	origins := []string{}
	for _, o := range t.Origins {
		if o, err = checkOrigin(o); err != nil {
			return t, err
		}
		if !slices.Contains(origins, o) {
			origins = append(origins, o)
		}
	}
	if t.Origins = origins; len(origins) > maxOrigins {
		return t, &FieldError{"origins", CodeTooLong}
	}
	return t, nil
}

// checkOrigin accepts an origin as browsers write it (RFC 6454, section 6.2).
func checkOrigin(text string) (string, error) {
	u, err := url.Parse(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), "/"))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" ||
		u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.Contains(u.Host, "*") {
		return "", &FieldError{"origins", CodeInvalid}
	}
	if p := u.Port(); u.Scheme == "https" && p == "443" || u.Scheme == "http" && p == "80" {
		u.Host = strings.TrimSuffix(u.Host, ":"+p)
	}
	return u.Scheme + "://" + u.Host, nil
}

// AddAPIToken makes a token and gives its secret, which is nowhere stored.
func (a *Agenda) AddAPIToken(ctx context.Context, t APIToken, actor Actor) (APIToken, string, error) {
	t, err := t.checked()
	if err != nil {
		return t, "", fmt.Errorf("add token: %w", err)
	}
	secret := token.NewSecret()
	hash, err := hashOf(secret)
	if err != nil {
		return t, "", err
	}
	t.CreatedAt = a.now()
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			INSERT INTO api_token (name, hash, scopes, origins, created_at, created_by)
			VALUES ($1, $2, $3, $4, $5, nullif($6::bigint, 0)) RETURNING id`,
			t.Name, hash[:], t.Scopes, t.Origins, t.CreatedAt, actor.StaffID).Scan(&t.ID)
		if err != nil {
			return notFoundIfForeign(err)
		}
		return a.note(ctx, tx, actor, "token.add", AboutToken, t.ID)
	})
	if err != nil {
		return t, "", fmt.Errorf("add token: %w", err)
	}
	return t, tokenPrefix + secret, nil
}

const tokenColumns = `id, name, scopes, origins, created_at, coalesce(used_on, '0001-01-01')` //nolint:gosec // columns, no secret

// APITokens lists the tokens that can be used, the latest first.
func (a *Agenda) APITokens(ctx context.Context) ([]APIToken, error) {
	rows, err := a.pool.Query(ctx, `SELECT `+tokenColumns+` FROM api_token WHERE revoked_at IS NULL ORDER BY id DESC`)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[APIToken])
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return list, nil
}

// APITokenBySecret finds the token that a program came with, or ErrNotFound,
// and notes the day.
func (a *Agenda) APITokenBySecret(ctx context.Context, secret string) (APIToken, error) {
	bare, ok := strings.CutPrefix(secret, tokenPrefix)
	if !ok {
		return APIToken{}, fmt.Errorf("token: %w", ErrNotFound)
	}
	hash, err := hashOf(bare)
	if err != nil {
		return APIToken{}, fmt.Errorf("token: %w", err)
	}
	rows, err := a.pool.Query(ctx, `SELECT `+tokenColumns+` FROM api_token WHERE hash = $1 AND revoked_at IS NULL`, hash[:])
	if err != nil {
		return APIToken{}, fmt.Errorf("token: %w", err)
	}
	t, err := one(rows, pgx.RowToStructByPos[APIToken], "token")
	if err != nil {
		return t, err
	}
	if today := dateOf(a.now().UTC()); t.UsedOn.Before(today) {
		if _, err := a.pool.Exec(ctx, `UPDATE api_token SET used_on = $2 WHERE id = $1`, t.ID, today); err != nil {
			return t, fmt.Errorf("token: %w", err)
		}
	}
	return t, nil
}

// AllowedOrigin says whether some token may be used by scripts of an origin:
// what a browser asks before it says which token it has.
func (a *Agenda) AllowedOrigin(ctx context.Context, origin string) (bool, error) {
	var allowed bool
	err := a.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM api_token WHERE $1 = ANY(origins) AND revoked_at IS NULL)`, clean(origin)).Scan(&allowed)
	if err != nil {
		return false, fmt.Errorf("allowed origin: %w", err)
	}
	return allowed, nil
}

// RevokeAPIToken takes a token back. Done twice it is done once.
func (a *Agenda) RevokeAPIToken(ctx context.Context, id int64, actor Actor) error {
	err := a.noted(ctx, actor, "token.revoke", AboutToken, id, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE api_token SET revoked_at = coalesce(revoked_at, $2), revoked_by = coalesce(revoked_by, nullif($3::bigint, 0))
			WHERE id = $1`, id, a.now(), actor.StaffID)
		return changed(tag.RowsAffected(), err, "token")
	})
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	return nil
}
