package httpapi

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/wire"
	"heed/gateway/internal/keys"
)

// checker is the part of keys.Store that is needed here.
type checker interface {
	Check(secret string) (keys.Principal, error)
}

// authorise finds out who calls and whether the route is theirs. It runs before a byte of the body is asked for.
func (s *Server) authorise(c *call) error {
	if c.route.scope == 0 {
		return nil
	}
	secret, ok := bearer(string(c.ctx.Request.Header.Peek("Authorization")))
	if !ok {
		c.header("WWW-Authenticate", `Bearer realm="heed"`)
		return problem.New("unauthorized", "Send Authorization: Bearer with an API key.")
	}
	p, err := s.o.Keys.Check(secret)
	switch {
	case errors.Is(err, keys.ErrUnknown):
		c.header("WWW-Authenticate", `Bearer realm="heed", error="invalid_token"`)
		return problem.New("unauthorized", "The API key is unknown, expired or revoked.")
	case err != nil:
		return fmt.Errorf("check api key: %w", err)
	}
	c.principal = p
	if p.Scopes&c.route.scope == 0 {
		c.header("WWW-Authenticate", fmt.Sprintf(`Bearer realm="heed", error="insufficient_scope", scope="%s"`, strings.ReplaceAll(c.route.scope.String(), ",", " ")))
		return problem.New("insufficient_scope", "The key needs one of these scopes: "+c.route.scope.String()+".")
	}
	return nil
}

// bearer takes the token out of an Authorization value (RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1).
func bearer(value string) (token string, ok bool) {
	scheme, token, ok := strings.Cut(value, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " ,\t") {
		return "", false
	}
	return token, true
}

// slots bounds the calls that one key has open at a time and the memory of their bodies, so that one tenant cannot take all of the
// gateway. Keys are few and ours, so the map stays small.
type slots struct {
	max   int64
	bytes int64
	keys  sync.Map // key id -> *slot
}

// slot is what one key has in hand.
type slot struct {
	open  atomic.Int64
	share wire.Share
}

// take takes a slot, which call.end gives back. Without a free one it answers a 429.
func (s *slots) take(c *call) error {
	v, ok := s.keys.Load(c.principal.KeyID)
	if !ok {
		v, _ = s.keys.LoadOrStore(c.principal.KeyID, &slot{share: wire.Share{Most: s.bytes}})
	}
	mine := v.(*slot)
	left := s.max - mine.open.Add(1)
	// draft-ietf-httpapi-ratelimit-headers-11: the quota counts calls at once, so a slot is free as soon as one ends.
	c.header("RateLimit-Policy", fmt.Sprintf(`"key";q=%d;qu="concurrent-requests"`, s.max))
	c.header("RateLimit", fmt.Sprintf(`"key";r=%d;t=1`, max(left, 0)))
	if left < 0 {
		mine.open.Add(-1)
		p := problem.New("rate_limited", fmt.Sprintf("This key has %d calls open, the most it may have.", s.max))
		p.RetryAfter = time.Second
		return p
	}
	c.leave, c.share = func() { mine.open.Add(-1) }, &mine.share
	return nil
}
