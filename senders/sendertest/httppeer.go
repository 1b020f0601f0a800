package sendertest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"
)

// HTTPPeer is an HTTP server that answers every request as its script says.
//
// A script is an answer as it reads on the wire, with "\n" for line ends: a status line ("429 Too Many Requests"), header lines, an empty
// line, the body. Or it is one word: "close" ends the connection once the request is read, "hang" never answers, "endless" answers 200 with a
// body without end.
type HTTPPeer struct {
	URL string

	server *httptest.Server
	done   chan struct{}
	took   chan struct{}
	mu     struct {
		sync.Mutex
		script string
		bodies []string
		heads  []*http.Request
	}
}

// NewHTTPPeer starts a peer; it ends with the test.
func NewHTTPPeer(t testing.TB, script string) *HTTPPeer {
	p := &HTTPPeer{done: make(chan struct{}), took: make(chan struct{}, maxTook)}
	p.mu.script = script
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	p.URL = p.server.URL
	t.Cleanup(func() {
		close(p.done)
		p.server.CloseClientConnections()
		p.server.Close()
	})
	return p
}

// Script changes the answer to later requests.
func (p *HTTPPeer) Script(script string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.script = script
}

// Wire returns the bodies of all requests, one after the other.
func (p *HTTPPeer) Wire() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return []byte(strings.Join(p.mu.bodies, "\n"))
}

// Took gives a value for each request read whole, before it is answered; the first 10,000 of them.
func (p *HTTPPeer) Took() <-chan struct{} { return p.took }

// maxTook bounds the notices that wait to be read.
const maxTook = 10_000

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Requests returns the requests so far; their bodies have been read.
func (p *HTTPPeer) Requests() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*http.Request(nil), p.mu.heads...)
}

func (p *HTTPPeer) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	p.mu.Lock()
	p.mu.bodies = append(p.mu.bodies, string(body))
	p.mu.heads = append(p.mu.heads, r)
	script := p.mu.script
	p.mu.Unlock()
	notify(p.took)
	switch script {
	case "close":
		panic(http.ErrAbortHandler)
	case "hang":
		<-p.done
		panic(http.ErrAbortHandler)
	case "endless":
		p.endless(w)
	default:
		answer(w, script)
	}
}

func (p *HTTPPeer) endless(w http.ResponseWriter) {
	piece := []byte(strings.Repeat(" ", 4096))
	for {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

func answer(w http.ResponseWriter, script string) {
	head, body, _ := strings.Cut(strings.TrimLeft(script, "\n"), "\n\n")
	lines := strings.Split(head, "\n")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		w.Header().Set(textproto.TrimString(name), textproto.TrimString(value))
	}
	var status int
	if _, err := fmt.Sscan(lines[0], &status); err != nil {
		status = http.StatusNotImplemented
	}
	w.WriteHeader(status)
	io.WriteString(w, body)
}
