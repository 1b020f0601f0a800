package keys

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// The layout of a secret: heed_a1b2c3d4_<43 characters of base64url>.
const (
	brand     = "heed_"
	visible   = 8
	idLen     = len(brand) + visible
	secretLen = idLen + 1 + 43
)

// idDigits has 32 letters and digits that are hard to confuse (Crockford's base 32), so a random byte picks one without bias.
const idDigits = "0123456789abcdefghjkmnpqrstvwxyz"

type digest = [sha256.Size]byte

// newSecret draws a secret; its first idLen characters are the id.
func newSecret() string {
	var random [visible + 32]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the process first
	secret := make([]byte, 0, secretLen)
	secret = append(secret, brand...)
	for _, b := range random[:visible] {
		secret = append(secret, idDigits[b%32])
	}
	secret = append(secret, '_')
	return string(base64.RawURLEncoding.AppendEncode(secret, random[visible:]))
}

// wellFormed tells whether a text has the outline of a secret, so that anything else is refused before it is hashed.
func wellFormed(secret string) bool {
	return len(secret) == secretLen && strings.HasPrefix(secret, brand) && secret[idLen] == '_'
}

// hash digests a well-formed secret without allocating.
func hash(secret string) digest {
	var b [secretLen]byte
	copy(b[:], secret)
	return sha256.Sum256(b[:])
}
