package httpapi

import (
	"io"

	"heed/gateway/internal/httpapi/bulkcheck"
	"heed/gateway/internal/httpapi/keyring"
	"heed/gateway/internal/httpapi/strictjson"
	"heed/suppression/policy"
)

// addressBlock is the longest line of a list of addresses.
const addressBlock = 64 << 10

// checkAddresses is POST /v1/suppressions/check: would a message of this kind go out?
func (s *Server) checkAddresses(c *call) error {
	kind, err := c.needType(typeJSON, typeNDJSON, typeJSONL)
	if err != nil {
		return err
	}
	if kind == typeJSON {
		return s.checkWhole(c)
	}
	return s.checkStream(c)
}

func (s *Server) checkWhole(c *call) error {
	raw, err := c.readBody(s.o.BatchBytes)
	if err != nil {
		return err
	}
	var in bulkcheck.Question
	if err := strictjson.Decode(raw, &in); err != nil {
		return err
	}
	k, err := bulkcheck.New(s.checkParts(c), in)
	if err != nil {
		return err
	}
	out, err := k.Whole(c.context(), in.Addresses)
	if err != nil {
		return err
	}
	c.respond(200, typeJSON, out)
	return nil
}

// checkStream takes NDJSON: line 1 the question, then an address a line. The answer is written while the rest is read, on the connection's
// goroutine, after the handler has returned and before fasthttp lets go of the request; so a client must read while it writes.
func (s *Server) checkStream(c *call) error {
	b, err := c.openBody(0)
	if err != nil {
		return err
	}
	l, err := c.openLines(b, addressBlock)
	if err != nil {
		return err
	}
	answers, err := bulkcheck.NewStream(s.base, s.checkParts(c), l, c.requestID)
	if err != nil {
		return err
	}
	c.stream(typeNDJSON, io.NopCloser(answers))
	return nil
}

func (s *Server) checkParts(c *call) bulkcheck.Parts {
	tenant := c.principal.Tenant
	return bulkcheck.Parts{
		List: s.o.List, Table: s.o.Policy, Now: s.o.Now(),
		Ring: func(channel policy.Channel) *keyring.Ring { return s.keyring(tenant, channel) },
	}
}

// keyring is a tenant's ring of a channel.
func (s *Server) keyring(tenant string, channel policy.Channel) *keyring.Ring {
	email, sms := s.o.Keyers(tenant)
	if channel == policy.SMS {
		return keyring.New(channel, sms, s.o.Region(tenant))
	}
	return keyring.New(channel, email, "")
}
