package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/intake"
)

const maxIdempotencyKey = 255

// idempotencyKey reads the header; "" if there is none (draft-ietf-httpapi-idempotency-key-header-07).
func (c *call) idempotencyKey() (string, error) {
	key := string(c.ctx.Request.Header.Peek("Idempotency-Key"))
	if len(key) > maxIdempotencyKey || strings.IndexFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		return "", problem.Parameter("Idempotency-Key", "Use at most 255 printable ASCII characters.")
	}
	return key, nil
}

// identity ties a key to the whole call: what is asked, how, and the digest of the body.
func (c *call) identity(key string, body [32]byte) *intake.Idempotency {
	h := sha256.New()
	h.Write([]byte(c.route.operation + "\n" + c.query["dry_run"] + "\n" + c.query["validation"] + "\n" + c.query["results"] + "\n"))
	h.Write(body[:])
	return &intake.Idempotency{Key: key, Digest: [32]byte(h.Sum(nil))}
}

// declaredDigest reads Content-Digest (RFC 9530 §2): the SHA-256 of the body as it goes over the wire. ok is false without the header.
func (c *call) declaredDigest() (d [32]byte, ok bool, err error) {
	value := string(c.ctx.Request.Header.Peek("Content-Digest"))
	if value == "" {
		return d, false, nil
	}
	d, ok = parseDigest(value)
	if !ok {
		return d, false, problem.Parameter("Content-Digest", "Use sha-256=:<base64 of 32 bytes>:.")
	}
	return d, true, nil
}

// parseDigest takes sha-256 out of a dictionary of byte sequences (RFC 8941 §3.2); other algorithms are passed over.
func parseDigest(value string) (d [32]byte, ok bool) {
	for item := range strings.SplitSeq(value, ",") {
		name, seq, _ := strings.Cut(strings.TrimSpace(item), "=")
		if name != "sha-256" || len(seq) < 2 || seq[0] != ':' || seq[len(seq)-1] != ':' {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(seq[1 : len(seq)-1])
		if err != nil || len(raw) != len(d) {
			return d, false
		}
		return [32]byte(raw), true
	}
	return d, false
}
