package httpapi

import (
	"bytes"
	"io"
	"strings"

	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/wire"
	"heed/gateway/internal/optout/page"
	"heed/gateway/internal/optout/textin"

	"github.com/valyala/fasthttp"
)

// page serves what recipients see. The routes only say that a path is there and how long a body may be; the pages answer.
func (s *Server) page(c *call) error {
	body, err := c.formBody()
	if err != nil {
		return err
	}
	return s.respondPage(c, c.pageRequest(body))
}

// click serves POST /u/{token} and /p/{token}. A good token acts whatever the body is (RFC 8058 §3.1), so of the body only what came of
// its first 64 KiB is passed on, as it came. A bad token needs no body: none is waited for.
func (s *Server) click(c *call) error {
	var body []byte
	if c.arrived() || s.opens(c) {
		body = c.anyBody()
	}
	return s.respondPage(c, c.pageRequest(body))
}

// opens tells whether there is a page behind the path, which there is for good tokens only. GET changes nothing.
func (s *Server) opens(c *call) bool {
	if s.o.Page == nil {
		return false
	}
	r := c.pageRequest(nil)
	r.Method = fasthttp.MethodGet
	return s.o.Page(c.context(), r).Status == fasthttp.StatusOK
}

// anyBody is what can be had of a body. No fault of it is reported: nothing hangs on it.
func (c *call) anyBody() []byte {
	from := c.ctx.RequestBodyStream()
	if from == nil {
		return nil
	}
	memory, room := c.memory()
	var err error
	if c.buffer, err = memory.Take(room, nil); err != nil {
		return nil
	}
	if c.body, err = wire.Open(wire.Source{From: from, Conn: c.conn(), Length: int64(c.ctx.Request.Header.ContentLength())}, 0); err != nil {
		return nil
	}
	c.buffer.Fill(io.LimitReader(c.body, c.route.limit))
	return bytes.Clone(c.buffer.B)
}

func (c *call) pageRequest(body []byte) page.Request {
	path, _, _ := strings.Cut(string(c.ctx.Request.Header.RequestURI()), "?")
	return page.Request{
		Method: string(c.ctx.Method()), Path: path, ContentType: string(c.ctx.Request.Header.ContentType()), Body: body,
		AcceptLanguage: string(c.ctx.Request.Header.Peek("Accept-Language")),
	}
}

func (s *Server) respondPage(c *call, in page.Request) error {
	if s.o.Page == nil {
		return problem.New("not_found", "This gateway serves no pages.")
	}
	r := s.o.Page(c.context(), in)
	if r.Err != nil {
		s.o.Log.Error("opt-out not recorded", "request_id", c.requestID, "operation", c.operation(), "cause", r.Err)
	}
	c.respondPlain(r.Status, r.Header, r.Body)
	return nil
}

// inbound serves POST /v1/inbound/twilio. The answer is the handler's: 2xx only after the effect is durable.
func (s *Server) inbound(c *call) error {
	if s.o.Inbound == nil {
		return problem.New("not_found", "This gateway takes no texts.")
	}
	body, err := c.formBody()
	if err != nil {
		return err
	}
	_, query, _ := strings.Cut(string(c.ctx.Request.Header.RequestURI()), "?")
	r := s.o.Inbound(c.context(), textin.Request{
		Query: query, ContentType: string(c.ctx.Request.Header.ContentType()),
		Signature: string(c.ctx.Request.Header.Peek("X-Twilio-Signature")), Body: body,
	})
	if r.Err != nil {
		s.o.Log.Error("text not taken", "request_id", c.requestID, "cause", r.Err)
	}
	c.respondPlain(r.Status, r.Header, r.Body)
	return nil
}

// formBody reads the body of an outsider, if the route takes one, and copies it: handlers may keep it.
func (c *call) formBody() ([]byte, error) {
	if c.route.limit == 0 {
		return nil, nil
	}
	raw, err := c.readBody(c.route.limit)
	return append([]byte(nil), raw...), err
}

// respondPlain sets an answer of a part that knows its own headers.
func (c *call) respondPlain(status int, header [][2]string, body []byte) {
	c.ctx.SetStatusCode(status)
	for _, h := range header {
		c.header(h[0], h[1])
	}
	c.ctx.Response.SetBody(body)
}

// welcome is GET /.
func (s *Server) welcome(c *call) error {
	c.respond(200, "text/plain; charset=utf-8", []byte("This is Heed, a messaging gateway that heeds.\n\n"+
		"The API is described at "+s.o.PublicURL+"/openapi.yaml (and .json).\n"+
		"Every error names its own page, such as "+s.o.PublicURL+"/problems/no_room\n"))
	return nil
}

// explainProblem is GET /problems/{code}: what the type of a problem+json points to.
func (s *Server) explainProblem(c *call) error {
	k, ok := problem.KindOf(c.params[0])
	if !ok {
		return problem.New("not_found", "There is no problem with this code.")
	}
	c.respond(200, "text/plain; charset=utf-8", k.Page())
	return nil
}
