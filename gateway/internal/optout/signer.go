package optout

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

const (
	version = "v1."
	kidSize = 6 // characters

	minSecret = 32   // bytes
	maxToken  = 1024 // characters; refuses the absurd before any work is done
)

// encoding has no '+', '/' or '=', and refuses spare bits: one token, one spelling.
var encoding = base64.RawURLEncoding.Strict()

// Signer signs and verifies what recipients bring back: links ("v1.<kid>.<payload>.<mac>"), mailboxes ("u+…") and undo tokens.
// Each kind has its own key, derived by HKDF (RFC 5869) from the secret, so that none passes for another.
type Signer struct {
	secrets []secret // the first one signs, all verify
}

type secret struct {
	kid           string
	link, mailbox *mac
	undo          cipher.AEAD
}

// NewSigner takes the signing secret (at least 32 bytes) and retired ones that still verify; links in old mail must work for at
// least 60 days (CASL), ours for as long as their secret is listed. The key id is derived from the secret.
func NewSigner(signing []byte, retired ...[]byte) (*Signer, error) {
	s := &Signer{}
	for _, raw := range append([][]byte{signing}, retired...) {
		sec, err := newSecret(raw)
		if err != nil {
			return nil, err
		}
		if s.byKid([]byte(sec.kid)) != nil {
			return nil, errors.New("optout: a signing secret is listed twice: remove one")
		}
		s.secrets = append(s.secrets, sec)
	}
	return s, nil
}

func newSecret(raw []byte) (secret, error) {
	if len(raw) < minSecret {
		return secret{}, fmt.Errorf("optout: a signing secret has %d bytes: give at least %d random ones", len(raw), minSecret)
	}
	derive := func(use string, size int) []byte {
		key, err := hkdf.Key(sha256.New, raw, nil, "heed optout "+use, size)
		if err != nil {
			panic(err) // only for sizes beyond 255 digests
		}
		return key
	}
	undo, err := newAEAD(derive("undo v1", 32))
	return secret{
		kid:     encoding.EncodeToString(derive("key id v1", 4)),
		link:    newMAC(derive("link v1", 32)),
		mailbox: newMAC(derive("mailbox v1", 32)),
		undo:    undo,
	}, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (s *Signer) byKid(kid []byte) *secret {
	for i := range s.secrets {
		if s.secrets[i].kid == string(kid) {
			return &s.secrets[i]
		}
	}
	return nil
}

// Append appends the signed token, good for a URL path as it is: letters, digits, '-', '_' and '.'.
// Requires: t.Tenant and t.Topic together have at most MaxNames bytes.
// Cost: one HMAC, no allocation beyond dst.
func (s *Signer) Append(dst []byte, t Token) []byte {
	sec := &s.secrets[0]
	var payload [maxPayload]byte
	start := len(dst)
	dst = append(append(append(dst, version...), sec.kid...), '.')
	dst = encoding.AppendEncode(dst, appendPayload(payload[:0], t))
	sum := sec.link.sum(dst[start:])
	return encoding.AppendEncode(append(dst, '.'), sum[:])
}

// Verify reads a token. Constant time in the signature, and what was not signed is not parsed.
// Errors: ErrMalformed, ErrForged. Cost: one HMAC; allocates the two names. token is not kept.
func (s *Signer) Verify(token []byte) (Token, error) {
	signed, kid, payload, given, ok := split(token)
	if !ok {
		return Token{}, ErrMalformed
	}
	sec := s.byKid(kid)
	if sec == nil || !sec.link.valid(signed, given) {
		return Token{}, ErrForged
	}
	t, ok := parsePayload(payload)
	if !ok {
		return Token{}, ErrMalformed
	}
	return t, nil
}

// split takes "v1.<kid>.<payload>.<mac>" apart; signed is all before the last dot.
func split(token []byte) (signed, kid, payload []byte, given tag, ok bool) {
	rest, isV1 := bytes.CutPrefix(token, []byte(version))
	if !isV1 || len(token) > maxToken {
		return nil, nil, nil, given, false
	}
	kid, rest, found := bytes.Cut(rest, []byte{'.'})
	text, mac, found2 := bytes.Cut(rest, []byte{'.'})
	if !found || !found2 || len(kid) != kidSize {
		return nil, nil, nil, given, false
	}
	sum, err := decode(mac)
	if err != nil || len(sum) != tagSize {
		return nil, nil, nil, given, false
	}
	payload, err = decode(text)
	return token[:len(token)-len(mac)-1], kid, payload, tag(sum), err == nil
}

// decode is encoding without its leniency towards line breaks, which base64 would skip.
func decode(text []byte) ([]byte, error) {
	if bytes.ContainsAny(text, "\r\n") {
		return nil, ErrMalformed
	}
	return encoding.AppendDecode(nil, text)
}
