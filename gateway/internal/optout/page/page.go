// Package page is what a recipient's mail program and browser meet: the one-click endpoint (RFC 8058), the small page behind the
// link in the body, and undo. It turns a Request value into a Response value and knows no HTTP server.
//
// It promises: GET, HEAD and OPTIONS change nothing on any path, however often and by whomever they are asked; a POST with a
// good token acts at once, whatever its body says; success is answered only after the act is durable (P1); no cookie, no
// redirect, no script, no request to others. One-click answers the same for an address that had left already; the page says so,
// to whoever holds the link, and then offers no undo.
//
// It keeps no evidence, offers no topics to choose from and speaks English only, yet: a language is one more file in messages/.
//
// Pages is safe for concurrent use. Sources: RFC 8058, RFC 9110, WCAG 2.2, 16 CFR 316.5 (one page, no login, no reason asked).
package page

import (
	"context"
	"net/http"
	"strings"
	"time"

	"heed/gateway/internal/optout"
	"heed/suppression"
)

// The paths served. A token follows OneClickPath (the List-Unsubscribe header) and ChoicePath (the link in the body).
const (
	OneClickPath = "/u/"
	ChoicePath   = "/p/"
	UndoPath     = "/undo"
	StylePath    = "/assets/heed.css"
)

// Request is what matters of an HTTP request. Nothing of it is kept.
type Request struct {
	Method         string
	Path           string // raw, without the query
	ContentType    string
	Body           []byte
	AcceptLanguage string
}

// Response is a whole HTTP response. On HEAD the body is to be left out.
type Response struct {
	Status int
	Header [][2]string
	Body   []byte
	Err    error // why the list could not take the act (Status 503): for the log, without an address; else nil
}

// Options of New.
type Options struct {
	Signer *optout.Signer
	Desk   *optout.Desk
	// Names gives the names a person knows a tenant and a topic by. "" or a nil function: their ids are shown.
	Names func(tenant, topic string) (brand, list string)
	Now   func() time.Time
}

// Pages answers for the paths above.
type Pages struct {
	o         Options
	renderer  renderer
	languages languages
}

// New reads the embedded files; an error means that one of them is broken.
func New(o Options) (*Pages, error) {
	r, err := newRenderer()
	if err != nil {
		return nil, err
	}
	l, err := newLanguages()
	if err != nil {
		return nil, err
	}
	return &Pages{o: o, renderer: r, languages: l}, nil
}

// Handle answers a request for one of the paths above; another path is 404.
func (p *Pages) Handle(ctx context.Context, r Request) Response {
	if token, ok := strings.CutPrefix(r.Path, OneClickPath); ok {
		return p.link(ctx, r, token, p.oneClick)
	}
	if token, ok := strings.CutPrefix(r.Path, ChoicePath); ok {
		return p.link(ctx, r, token, p.choice)
	}
	switch r.Path {
	case UndoPath:
		return p.undo(ctx, r)
	case StylePath:
		return p.style(r)
	}
	return text(http.StatusNotFound, "No such page.\n")
}

// link serves both links to one token: they differ in how a POST answers, since one speaks to programs and one to people.
func (p *Pages) link(ctx context.Context, r Request, token string, post func(context.Context, Request, string) Response) Response {
	switch r.Method {
	case http.MethodPost:
		return post(ctx, r, token)
	case http.MethodGet, http.MethodHead:
		return p.ask(r, token)
	}
	return others(r.Method, "GET, HEAD, OPTIONS, POST")
}

// others answers the methods a path has no act for (RFC 9110 §9.3.7, §15.5.6).
func others(method, allow string) Response {
	resp := text(http.StatusMethodNotAllowed, "Method not allowed. Use one of: "+allow+"\n")
	if method == http.MethodOptions {
		resp = Response{Status: http.StatusNoContent}
	}
	resp.Header = append(resp.Header, [2]string{"Allow", allow})
	return resp
}

// ask shows the page with the button, and to one who has left, that this is so. If the list cannot say, the button is what counts.
func (p *Pages) ask(r Request, token string) Response {
	say := p.languages.choose(r.AcceptLanguage)
	t, err := p.o.Signer.Verify([]byte(token))
	if err != nil {
		return p.failure(say, err)
	}
	if left, err := p.o.Desk.Left(t); err == nil && left {
		return p.renderer.page(http.StatusOK, againView(say, p.subject(t), token))
	}
	return p.renderer.page(http.StatusOK, askView(say, p.subject(t), token))
}

// oneClick is RFC 8058 §3.1: one POST, no redirect, no cookie, a short text.
func (p *Pages) oneClick(ctx context.Context, r Request, token string) Response {
	if _, _, err := p.stop(ctx, r, token, suppression.ByOneClick); err != nil {
		return shortFailure(err)
	}
	return text(http.StatusOK, "You are unsubscribed.\n")
}

// choice is the button of the page.
func (p *Pages) choice(ctx context.Context, r Request, token string) Response {
	say := p.languages.choose(r.AcceptLanguage)
	t, undo, err := p.stop(ctx, r, token, suppression.ByPage)
	if err != nil {
		return p.failure(say, err)
	}
	if undo == "" {
		return p.renderer.page(http.StatusOK, leftView(say, p.subject(t)))
	}
	return p.renderer.page(http.StatusOK, doneView(say, p.subject(t), undo))
}

// stop honours every POST with a good token: the law leaves no room to refuse, so a body we do not understand, or none, only
// changes what is recorded as the source, by the path it came to.
func (p *Pages) stop(ctx context.Context, r Request, token string, path suppression.Source) (optout.Token, string, error) {
	t, err := p.o.Signer.Verify([]byte(token))
	if err != nil {
		return t, "", err
	}
	undo, err := p.o.Desk.Stop(ctx, t, sourceOf(r, path), p.o.Now())
	return t, undo, err
}

func sourceOf(r Request, path suppression.Source) suppression.Source {
	form, _ := ParseForm(r.ContentType, r.Body)
	switch {
	case form["List-Unsubscribe"] == "One-Click": // RFC 8058 §3.1
		return suppression.ByOneClick
	case form[confirmField] == confirmPage:
		return suppression.ByPage
	}
	return path
}

func (p *Pages) undo(ctx context.Context, r Request) Response {
	if r.Method != http.MethodPost {
		return others(r.Method, "OPTIONS, POST")
	}
	say := p.languages.choose(r.AcceptLanguage)
	form, err := ParseForm(r.ContentType, r.Body)
	if err != nil {
		return p.failure(say, optout.ErrMalformed)
	}
	if err := p.o.Desk.Undo(ctx, form[undoField], p.o.Now()); err != nil {
		return p.failure(say, err)
	}
	return p.renderer.page(http.StatusOK, noticeView(say, "undone"))
}

func (p *Pages) style(r Request) Response {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return others(r.Method, "GET, HEAD, OPTIONS")
	}
	return Response{Status: http.StatusOK, Body: stylesheet, Header: [][2]string{
		{"Content-Type", "text/css; charset=utf-8"},
		{"Cache-Control", "public, max-age=3600"},
		{"X-Content-Type-Options", "nosniff"},
	}}
}
