package httpapi

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/query"
	"heed/gateway/internal/httpapi/router"
	"heed/gateway/internal/httpapi/wire"
	"heed/gateway/internal/keys"

	"github.com/go-json-experiment/json"
	"github.com/valyala/fasthttp"
)

// call is one request on its way. For the connection's goroutine only.
type call struct {
	server    *Server
	ctx       *fasthttp.RequestCtx
	route     *route // nil until found
	params    router.Params
	query     query.Values
	principal keys.Principal
	requestID string
	began     time.Time
	body      *wire.Body
	buffer    *wire.Buffer
	share     *wire.Share // of the key; nil without one
	leave     func()      // gives the key's slot back
	cancel    context.CancelFunc
	streaming bool // the answer is written, and the body perhaps read, after the handler has returned
}

func (s *Server) newCall(ctx *fasthttp.RequestCtx) *call {
	c := &call{server: s, ctx: ctx, began: time.Now()}
	c.requestID = string(ctx.Request.Header.Peek("X-Request-Id"))
	if !saneRequestID(c.requestID) {
		c.requestID = newRequestID()
	}
	c.header("X-Request-Id", c.requestID)
	c.header("X-Content-Type-Options", "nosniff")
	return c
}

// saneRequestID tells whether a caller's request id may stand in our logs and headers.
func saneRequestID(id string) bool {
	return len(id) > 0 && len(id) <= 128 && strings.IndexFunc(id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}) < 0
}

func (c *call) operation() string {
	if c.route == nil {
		return "unknown"
	}
	return c.route.operation
}

// conn is the connection as our listener made it.
func (c *call) conn() *wire.Conn { return c.ctx.Conn().(*wire.Conn) }

func (c *call) header(name, value string) { c.ctx.Response.Header.Set(name, value) }

// context is for the parts below: it ends after CallTimeout, or when a shutdown runs out of time. (RequestCtx would never end.)
func (c *call) context() context.Context {
	ctx, cancel := context.WithTimeout(c.server.base, c.server.o.CallTimeout)
	if c.cancel != nil {
		c.cancel()
	}
	c.cancel = cancel
	return ctx
}

// respond sets the answer. body may be reused afterwards.
func (c *call) respond(status int, contentType string, body []byte) {
	c.ctx.Response.ResetBody()
	c.ctx.SetStatusCode(status)
	c.ctx.Response.Header.SetContentType(contentType)
	c.ctx.Response.SetBody(body)
	if c.route == nil || c.route.scope != 0 {
		c.header("Cache-Control", "no-store")
	}
}

// respondJSON sets an answer of our own types, whose encoding cannot fail but for a bug.
func (c *call) respondJSON(status int, v any) error {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	c.respond(status, typeJSON, body)
	return nil
}

// respondProblem sets the answer of a refusal.
func (c *call) respondProblem(p *problem.Problem) {
	if s := p.RetrySeconds(); s > 0 {
		c.header("Retry-After", strconv.Itoa(s))
	}
	if p.Allow != "" {
		c.header("Allow", p.Allow)
	}
	c.respond(p.Status, problem.ContentType, p.Document(c.server.o.PublicURL, c.requestID))
}

// stream sets an answer that is produced while it is written. r is read by the connection's goroutine; an error of r's ends the
// connection without the final chunk, so that the client sees that something is missing.
func (c *call) stream(contentType string, r io.ReadCloser) {
	c.streaming = true
	c.ctx.SetStatusCode(fasthttp.StatusOK)
	c.ctx.Response.Header.SetContentType(contentType)
	c.header("Cache-Control", "no-store")
	c.ctx.SetBodyStream(&answerStream{call: c, ReadCloser: r}, -1)
}

// answerStream ends the call when its answer is written.
type answerStream struct {
	call *call
	io.ReadCloser
}

func (a *answerStream) Close() error {
	err := a.ReadCloser.Close()
	a.call.end()
	return err
}

// settle ends a call whose handler has returned. A body that was not read to its end would be parsed as the connection's next
// request (fasthttp v1.74.0 does not discard it), so the connection closes, unless the rest is in memory already.
func (c *call) settle() {
	if c.streaming {
		return
	}
	if !c.drained() {
		c.ctx.SetConnectionClose()
		c.conn().Linger()
	}
	c.end()
}

// drained tells whether the body's end has been read. Of a body that fasthttp has read already, which cannot block, it reads the rest.
func (c *call) drained() bool {
	if c.body != nil && c.body.Ended() {
		return true
	}
	from := c.ctx.RequestBodyStream()
	if from == nil {
		return true
	}
	length := c.ctx.Request.Header.ContentLength()
	if length < 0 || length > prefetched || c.body != nil && c.body.Failed() {
		return false
	}
	_, err := io.Copy(io.Discard, from)
	return err == nil
}

// end gives back what the call holds and counts it.
func (c *call) end() {
	if c.body != nil {
		c.body.Release()
	}
	if c.buffer != nil {
		c.buffer.Release()
		c.buffer = nil
	}
	if c.cancel != nil {
		c.cancel()
	}
	if c.leave != nil {
		c.leave()
		c.leave = nil
	}
	c.server.o.Observe(c.operation(), c.ctx.Response.StatusCode(), time.Since(c.began))
}
