package booking

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"

	"sportello/booking/token"
)

// crockford is Douglas Crockford's base32 alphabet: no I, L, O or U, so that
// a code survives being dictated.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// codeLength is in characters of 5 bits.
const codeLength = 8

// Code gives the short code of a secret, as XXXX-XXXX.
func (a *Agenda) Code(secret string) string {
	mac := hmac.New(sha256.New, a.opt.Pepper)
	mac.Write([]byte("code" + secret))
	sum := mac.Sum(nil)
	var bits uint64
	for _, b := range sum[:5] {
		bits = bits<<8 | uint64(b)
	}
	code := make([]byte, codeLength)
	for i := range code {
		code[codeLength-1-i] = crockford[bits>>(5*i)&31]
	}
	return string(code[:4]) + "-" + string(code[4:])
}

// codeHash is what is stored of a short code. Forty bits are too few to be
// hashed without a key.
func (a *Agenda) codeHash(code string) []byte {
	mac := hmac.New(sha256.New, a.opt.Pepper)
	mac.Write([]byte(plainCode(code)))
	return mac.Sum(nil)
}

// plainCode undoes what happens to a code between two people: lower case,
// blanks, dashes, and letters taken for digits. A scanner that is set to name
// what it read puts "]Q1" or the like before it (ISO/IEC 15424), of which the
// bracket may have become any sign on another country's keyboard.
func plainCode(code string) string {
	var b strings.Builder
	for _, r := range strings.ToUpper(code) {
		switch {
		case r == 'O':
			b.WriteByte('0')
		case r == 'I', r == 'L':
			b.WriteByte('1')
		case strings.ContainsRune(crockford, r):
			b.WriteRune(r)
		}
	}
	plain := b.String()
	if len(plain) == codeLength+2 && plain[0] == 'Q' && plain[1] >= '0' && plain[1] <= '9' {
		plain = plain[2:]
	}
	return plain
}

// hashOf gives the hash of a secret, or ErrNotFound for what cannot be one.
func hashOf(secret string) (token.Hash, error) {
	h, err := token.Check(secret)
	if err != nil {
		return h, ErrNotFound
	}
	return h, nil
}

// surnameHash gives surnames one length, for comparing in constant time.
func (a *Agenda) surnameHash(key string) []byte {
	mac := hmac.New(sha256.New, a.opt.Pepper)
	mac.Write([]byte("surname" + key))
	return mac.Sum(nil)
}
