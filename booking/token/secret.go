package token

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

const (
	randomBytes   = 32
	checksumBytes = 4
	// SecretLength is how many characters a secret has.
	SecretLength = (randomBytes + checksumBytes) * 4 / 3
)

// NewSecret makes the secret of a new link: base64url of 32 random bytes and
// the first 4 bytes of their SHA-256.
func NewSecret() string {
	var b [randomBytes + checksumBytes]byte
	_, _ = rand.Read(b[:randomBytes]) // never fails (Go 1.24: it aborts the program instead)
	sum := sha256.Sum256(b[:randomBytes])
	copy(b[randomBytes:], sum[:checksumBytes])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Check tells a whole secret from a damaged one and gives the hash it is
// stored under. It returns ErrDamaged when length, alphabet or checksum is
// off: a link that lost a character on its way, not an appointment that never
// was.
func Check(secret string) (Hash, error) {
	if len(secret) != SecretLength {
		return Hash{}, ErrDamaged
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	// The decoder skips line breaks; the length then comes out short.
	if err != nil || len(b) != randomBytes+checksumBytes {
		return Hash{}, ErrDamaged
	}
	// The checksum guards against copying errors, not against an adversary:
	// it says nothing about a secret that is not in the secret itself.
	sum := sha256.Sum256(b[:randomBytes])
	if !bytes.Equal(sum[:checksumBytes], b[randomBytes:]) {
		return Hash{}, ErrDamaged
	}
	return HashOf(secret), nil
}

// HashOf is the hash that a secret is stored under. It does not look whether
// the secret is a whole one: see Check.
func HashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// String is the hash in hex, as it stands in Redis.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }
