package signaling

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/google/uuid"
)

// sealer makes resume secrets: a session's id with a MAC under a key of this
// process. Nothing has to be stored to know one again, and one cannot be made
// from the id, which others in the room see.
type sealer struct{ key []byte }

func newSealer() *sealer {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (Go 1.24)
	return &sealer{key}
}

func (s *sealer) mac(id uuid.UUID) []byte {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte("resume"))
	m.Write(id[:])
	return m.Sum(nil)
}

func (s *sealer) seal(id uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(append(id[:], s.mac(id)...))
}

func (s *sealer) open(secret string) (uuid.UUID, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	if err != nil || len(b) != 16+sha256.Size {
		return uuid.Nil, false
	}
	id := uuid.UUID(b[:16])
	return id, hmac.Equal(b[16:], s.mac(id))
}
