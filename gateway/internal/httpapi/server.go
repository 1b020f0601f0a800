// Package httpapi is the gateway's public front: the send API, the suppression list, topics and templates for callers with an API
// key; unsubscribe links, provider webhooks and the API's description for everybody. It is the only importer of fasthttp.
//
// Promises. One table (routes) drives routing, authorisation, metric labels and the description's test. A request is looked at in
// this order: framing, path, method, query, key, scope, the key's open calls, and only then its body, which is bounded in bytes,
// memory, growth and pace. Every refusal is a problem+json (RFC 9457) from one table with a request id. Nothing of a request is kept
// after its answer: what parts below need longer they copy. A panic in a handler is one caller's 500. An early answer to a
// body that was not read closes the connection, so that its bytes are never taken for a request.
//
// The packages below hold what needs no fasthttp: problem (the one table of refusals), wire (what makes connections and bodies safe), router,
// query, strictjson, ndjson (how a request is read), keyring and bulkcheck (what is asked of the list), view (what is answered).
// Here are the handlers, a file a subject, and server.go, which leads a request to them.
//
// Not here: TLS and HTTP/2 (a proxy in front does both), browsers' cross-origin calls, sessions. Nothing is logged per request.
//
// fasthttp is used with StreamRequestBody, so handlers run before the body is read (but its first 8 KiB), and the key is checked
// in time without HeaderReceived.
package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"math"
	"net"
	"runtime/debug"
	"sync/atomic"

	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/router"
	"heed/gateway/internal/httpapi/wire"
	"heed/gateway/internal/keys"

	"github.com/valyala/fasthttp"
)

const (
	headerBytes = 8 << 10 // request line and headers; also what is read of a body before its handler runs
	prefetched  = 8 << 10
	reserve     = 32 << 20 // bytes kept for small bodies of one kind
)

// Server is the public front. Safe for concurrent use.
type Server struct {
	o        Options
	fast     *fasthttp.Server
	router   *router.Router[route]
	bulk     *wire.Memory // bodies of sends, and of all that outgrows a reserve
	listed   *wire.Memory // a reserve: small bodies about the list, of callers with a key
	outside  *wire.Memory // a reserve: pages and webhooks
	arrived  *wire.Memory // bodies that are here already: bounded by Options.Concurrency, as fasthttp's own memory
	slots    slots
	streams  chan struct{}   // a token for each NDJSON batch that is coming in
	base     context.Context // of every call; ends when a shutdown runs out of time
	abort    context.CancelFunc
	listener atomic.Pointer[wire.Listener]
	stopped  atomic.Bool
}

// New makes a server. It starts nothing. Errors name each part that is missing.
func New(o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Server{o: o, router: router.New(routes, pattern), slots: slots{max: int64(o.CallsPerKey), bytes: max(o.BodyMemory/2, 2*o.BatchBytes)}}
	s.bulk, s.arrived = wire.NewMemory(o.BodyMemory), wire.NewMemory(math.MaxInt64)
	s.listed, s.outside = wire.NewReserve(reserve, s.bulk), wire.NewReserve(reserve, s.bulk)
	s.streams = make(chan struct{}, maxStreams)
	s.base, s.abort = context.WithCancel(context.Background())
	s.fast = &fasthttp.Server{
		Name:                         "heed",
		Handler:                      s.serve,
		ErrorHandler:                 s.unreadable,
		Logger:                       quiet{o.Log},
		ReadTimeout:                  o.ReadTimeout,
		WriteTimeout:                 o.WriteTimeout,
		IdleTimeout:                  o.IdleTimeout,
		Concurrency:                  o.Concurrency,
		MaxRequestsPerConn:           o.RequestsPerCon,
		ReadBufferSize:               headerBytes,
		MaxRequestBodySize:           prefetched, // past which bodies are streams; their limits are the routes'
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		CloseOnShutdown:              true,
		SecureErrorLogMessage:        true,
		NoDefaultContentType:         true,
	}
	return s, nil
}

// Serve answers on ln until Shutdown, and then returns nil. One listener a server.
func (s *Server) Serve(ln net.Listener) error {
	l := wire.NewListener(ln, s.o.ConnsPerIP, s.o.WriteTimeout)
	if !s.listener.CompareAndSwap(nil, l) {
		return errors.Join(errors.New("httpapi: the server has served before"), ln.Close())
	}
	if s.stopped.Load() { // Shutdown came first and may not have seen the listener
		return ln.Close()
	}
	return s.fast.Serve(l)
}

// Shutdown stops accepting and waits for the calls that run, each connection closing after its answer. When ctx ends first, the calls'
// contexts end and every connection is closed, and ctx's error is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.abort()
	s.stopped.Store(true)
	err := s.fast.ShutdownWithContext(ctx)
	l := s.listener.Load()
	if l == nil {
		return err
	}
	l.Listener.Close() // if Serve was about to begin, fasthttp did not know it yet
	if ctx.Err() != nil {
		s.abort()
		l.CloseAll()
	}
	return err
}

// serve is the whole of a request. fasthttp does not recover panics, and one would end the process.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	c := s.newCall(ctx)
	defer c.settle()
	defer func() {
		if r := recover(); r != nil {
			s.o.Log.Error("panic in a handler", "request_id", c.requestID, "operation", c.operation(), "panic", panicType(r), "stack", string(debug.Stack()))
			s.refuse(c, problem.New("internal", "The request id leads to the cause."))
		}
	}()
	if err := s.answer(c); err != nil {
		s.refuse(c, err)
	}
}

// panicType is what may be logged of a panic: the runtime's own errors in full; of other values, which may hold a caller's bytes, the kind.
func panicType(r any) string {
	if err, ok := r.(interface{ RuntimeError() }); ok {
		return err.(error).Error()
	}
	return "a value of our own"
}

// answer leads a request to its handler, in the order that the package comment promises.
func (s *Server) answer(c *call) error {
	h := &c.ctx.Request.Header
	if err := wire.CheckFraming(h.Protocol(), h.RawHeaders()); err != nil {
		c.ctx.SetConnectionClose()
		return err
	}
	if err := s.find(c); err != nil {
		return err
	}
	if err := c.parseQuery(); err != nil {
		return err
	}
	if err := s.authorise(c); err != nil {
		return err
	}
	if c.route.scope != 0 {
		if err := s.slots.take(c); err != nil {
			return err
		}
	}
	return c.route.handle(s, c)
}

// refuse answers with a problem and logs its cause if there is one.
func (s *Server) refuse(c *call, err error) {
	p := problem.Of(err)
	if p.Cause != nil {
		s.o.Log.Error("call not served", "request_id", c.requestID, "operation", c.operation(), "code", p.Code, "cause", p.Cause)
	}
	c.respondProblem(p)
}

// unreadable answers what fasthttp could not read as a request; it closes the connection afterwards.
func (s *Server) unreadable(ctx *fasthttp.RequestCtx, err error) {
	c := s.newCall(ctx)
	c.conn().Linger()
	var small *fasthttp.ErrSmallBuffer
	var timeout net.Error
	switch {
	case errors.As(err, &small):
		s.refuse(c, problem.New("header_too_large", "The request line and the headers may have 8 KiB together."))
	case errors.As(err, &timeout) && timeout.Timeout():
		s.refuse(c, problem.New("request_timeout", "The request came too slowly."))
	default:
		s.refuse(c, problem.New("bad_request", "This is not an HTTP/1.1 request that we can read."))
	}
	s.o.Observe("unreadable", ctx.Response.StatusCode(), 0)
}

// newRequestID is 128 random bits.
func newRequestID() string { return "req_" + rand.Text() }

// quiet keeps fasthttp's words and drops its values, which hold parts of requests (even with SecureErrorLogMessage, the URI).
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, _ ...any) { q.log.Debug("connection fault", "kind", format) }

var _ checker = (*keys.Store)(nil)
