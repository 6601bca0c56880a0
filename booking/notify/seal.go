package notify

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// sealer seals secrets with AES-256-GCM. What it seals for one appointment
// opens for no other.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (sealer, error) {
	const aes256 = 32
	if len(key) != aes256 {
		return sealer{}, fmt.Errorf("notify: the key has %d bytes, not %d", len(key), aes256)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, fmt.Errorf("notify: key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return sealer{}, fmt.Errorf("notify: key: %w", err)
	}
	return sealer{aead}, nil
}

func (s sealer) seal(id uuid.UUID, secret string) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return s.aead.Seal(nonce, nonce, []byte(secret), id[:])
}

func (s sealer) open(id uuid.UUID, sealed []byte) (string, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return "", errors.New("notify: sealed secret is too short")
	}
	secret, err := s.aead.Open(nil, sealed[:n], sealed[n:], id[:])
	if err != nil {
		return "", fmt.Errorf("notify: sealed with another key: %w", err)
	}
	return string(secret), nil
}
