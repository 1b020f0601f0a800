package message

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Signer signs mails of one domain (RFC 6376, RFC 8463) with each of its keys: relaxed/relaxed, SHA-256, no length, no times, so that a mail
// signed again has the same bytes. Safe for concurrent use.
//
// Written by hand because it canonicalises and hashes the body once for all keys and keeps its scratch in dst: next to go-msgauth, the
// oracle of its tests, that leaves little but the signature itself (BenchmarkSigner).
type Signer struct{ keys []signingKey }

// SigningKey is one DKIM key.
type SigningKey struct {
	Domain, Selector string
	PEM              []byte // PKCS#8 private key: RSA of 2,048 bits or more, or Ed25519
}

// signingKey is a parsed key and the beginning of its DKIM-Signature.
type signingKey struct {
	crypto.Signer
	hash   crypto.Hash // 0 for Ed25519, which signs the digest as its message (RFC 8463 §3)
	prefix string
}

// signed are the fields a signature covers where they are there (RFC 6376 §5.4.1, RFC 8058 §3, RFC 9477 §3). The first four are always named, once
// more than they occur, so that none can be added on the way (§8.15).
var signed = [...]string{
	"from", "to", "subject", "date",
	"message-id", "mime-version", "content-type", "content-transfer-encoding", "reply-to", "list-unsubscribe", "list-unsubscribe-post", "list-id",
	"feedback-id", "auto-submitted", "cfbl-address", "cfbl-feedback-id",
}

const oversigned = 4

var (
	errNoKeys    = errors.New("message: no DKIM key")
	errNoBody    = errors.New("message: cannot sign: no empty line after the header")
	errNoFrom    = errors.New("message: cannot sign: no From field")
	errTwice     = errors.New("message: cannot sign: a field is there twice")
	errMalformed = errors.New("message: cannot sign: a header line has no name")
)

// NewSigner parses keys, all of one domain. Errors name the key's selector and say what to change; they hold nothing of the key.
func NewSigner(keys []SigningKey) (*Signer, error) {
	if len(keys) == 0 {
		return nil, errNoKeys
	}
	s := &Signer{}
	for _, k := range keys {
		if !strings.EqualFold(k.Domain, keys[0].Domain) {
			return nil, fmt.Errorf("message: DKIM key %q: its domain is %q, the first key's %q; use a signer for each domain", k.Selector, k.Domain, keys[0].Domain)
		}
		parsed, err := parseKey(k)
		if err != nil {
			return nil, fmt.Errorf("message: DKIM key %q of %q: %w", k.Selector, k.Domain, err)
		}
		s.keys = append(s.keys, parsed)
	}
	return s, nil
}

func parseKey(k SigningKey) (signingKey, error) {
	if !hostName(k.Domain) || !hostName(k.Selector) {
		return signingKey{}, errors.New("domain and selector must be host names")
	}
	private, err := privateKey(k.PEM)
	if err != nil {
		return signingKey{}, err
	}
	key := signingKey{Signer: private, hash: crypto.SHA256}
	algorithm := "rsa"
	if _, ok := private.(ed25519.PrivateKey); ok {
		key.hash, algorithm = 0, "ed25519"
	}
	key.prefix = "DKIM-Signature: v=1; a=" + algorithm + "-sha256; c=relaxed/relaxed;\r\n\td=" + k.Domain + "; s=" + k.Selector + ";\r\n\th="
	return key, nil
}

// AppendSigned appends the mail with its DKIM-Signature fields in front. mail must have CRLF line ends, as AppendEmail writes them, and may not
// overlap dst. On an error dst is returned as it was. Cost: the signatures (about 20 µs with Ed25519, 1 ms with RSA-2048) and some microseconds.
func (s *Signer) AppendSigned(dst, mail []byte) ([]byte, error) {
	fields, body, err := splitMail(mail)
	if err != nil {
		return dst, err
	}
	bodyHash := hashBody(dst, body)
	out := dst
	for i := range s.keys {
		if out, err = s.keys[i].appendSignature(out, &fields, bodyHash); err != nil {
			return dst, err
		}
	}
	return append(out, mail...), nil
}

// signedFields holds a mail's fields in the order of signed; nil for those that are not there.
type signedFields [len(signed)][]byte

// splitMail finds the fields to sign and the body.
func splitMail(mail []byte) (fields signedFields, body []byte, err error) {
	for rest := mail; ; {
		if len(rest) >= 2 && rest[0] == '\r' && rest[1] == '\n' {
			if fields[0] == nil {
				return fields, nil, errNoFrom
			}
			return fields, rest[2:], nil
		}
		field := rest[:fieldLength(rest)]
		if len(field) == 0 {
			return fields, nil, errNoBody
		}
		rest = rest[len(field):]
		if err := fields.note(field); err != nil {
			return fields, nil, err
		}
	}
}

// note keeps a field that is signed. Two of a kind could be shown one and signed the other.
func (f *signedFields) note(field []byte) error {
	colon := bytes.IndexByte(field, ':')
	if colon < 0 {
		return errMalformed
	}
	for i, name := range signed {
		if len(name) == colon && strings.EqualFold(string(field[:colon]), name) {
			if f[i] != nil {
				return errTwice
			}
			f[i] = field
		}
	}
	return nil
}

// hashBody is the bh= of a body; scratch is free space after its length.
func hashBody(scratch, body []byte) [sha256.Size]byte {
	canonical := appendRelaxedBody(scratch, body)
	return sha256.Sum256(canonical[len(scratch):])
}

// appendSignature appends a DKIM-Signature field. What is hashed is built behind it and cut off again.
func (k *signingKey) appendSignature(dst []byte, fields *signedFields, bodyHash [sha256.Size]byte) ([]byte, error) {
	begin := len(dst)
	dst = append(dst, k.prefix...)
	dst = appendNames(dst, fields)
	dst = append(dst, ";\r\n\tbh="...)
	dst = base64.StdEncoding.AppendEncode(dst, bodyHash[:])
	dst = append(dst, ";\r\n\tb="...)
	digest := k.digest(dst, fields, begin)
	signature, err := k.Sign(rand.Reader, digest[:], k.hash)
	if err != nil {
		return nil, fmt.Errorf("message: sign: %w", err)
	}
	return append(appendBase64Lines(dst, signature), '\r', '\n'), nil
}

// digest hashes the signed fields and the unfinished DKIM-Signature, which begins at begin and ends dst (RFC 6376 §3.7).
func (k *signingKey) digest(dst []byte, fields *signedFields, begin int) [sha256.Size]byte {
	canonical := dst
	for _, f := range fields {
		if f != nil {
			canonical = appendRelaxedField(canonical, f)
		}
	}
	canonical = appendRelaxedField(canonical, dst[begin:])
	return sha256.Sum256(canonical[len(dst) : len(canonical)-len("\r\n")])
}

// appendNames appends the value of h=, a name a line where the line would grow long. A field that is not there may be named and counts as
// absent (§5.4); the oversigned ones are.
func appendNames(dst []byte, fields *signedFields) []byte {
	lineBegin := len(dst) - len("\th=")
	add := func(name string) {
		if last := dst[len(dst)-1]; last != '=' {
			dst = append(dst, ':')
		}
		if len(dst)-lineBegin+len(name) > maxLine {
			dst = append(dst, "\r\n\t"...)
			lineBegin = len(dst)
		}
		dst = append(dst, name...)
	}
	for i, f := range fields {
		if f != nil {
			add(signed[i])
		}
	}
	for _, name := range signed[:oversigned] {
		add(name)
	}
	return dst
}

// appendBase64Lines folds a signature into lines of at most maxLine.
func appendBase64Lines(dst, b []byte) []byte {
	const bytesPerLine = 54 // 72 digits
	for len(b) > bytesPerLine {
		dst = append(base64.StdEncoding.AppendEncode(dst, b[:bytesPerLine]), "\r\n\t"...)
		b = b[bytesPerLine:]
	}
	return base64.StdEncoding.AppendEncode(dst, b)
}
