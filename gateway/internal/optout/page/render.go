package page

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"

	"heed/gateway/internal/optout"
	"heed/suppression/policy"
)

//go:embed page.html
var layout string

//go:embed heed.css
var stylesheet []byte

// view is a page: a heading, some lines and at most one button.
type view struct {
	Lang, Dir string
	Heading   string
	Result    bool // the answer to an act: announced, and given the focus
	Lines     []string
	Button    *button
}

// button is a form of one field.
type button struct {
	Action, Name, Value, Label string
	Quiet                      bool // not the page's main act
}

func (p *Pages) subject(t optout.Token) subject {
	s := subject{Kind: "email", Scope: "all", brand: t.Tenant, list: t.Topic}
	if t.Channel == policy.SMS {
		s.Kind = "sms"
	}
	if t.Topic != "" {
		s.Scope = "topic"
	}
	if p.o.Names == nil {
		return s
	}
	brand, list := p.o.Names(t.Tenant, t.Topic)
	s.brand, s.list = cmp.Or(brand, s.brand), cmp.Or(list, s.list)
	return s
}

func askView(say messages, s subject, token string) view {
	return view{
		Lang: say["lang"], Dir: say["dir"],
		Heading: say["ask."+s.Kind],
		Lines:   []string{say.text("ask."+s.Kind+"."+s.Scope, s), say["ask.note"]},
		Button:  confirm(say, token),
	}
}

func confirm(say messages, token string) *button {
	return &button{Action: ChoicePath + token, Name: confirmField, Value: confirmPage, Label: say["ask.button"]}
}

// againView is the page of one who has left. Its button does no harm, and helps if somebody takes the opt-out back meanwhile.
func againView(say messages, s subject, token string) view {
	v := leftView(say, s)
	v.Result, v.Button = false, confirm(say, token)
	v.Button.Quiet = true
	return v
}

// leftView is true of everybody whose act was taken without an undo.
func leftView(say messages, s subject) view {
	return view{
		Lang: say["lang"], Dir: say["dir"],
		Heading: say["left.heading"], Result: true,
		Lines: []string{say.text("left."+s.Kind+"."+s.Scope, s), say["ask.note"]},
	}
}

func doneView(say messages, s subject, undo string) view {
	return view{
		Lang: say["lang"], Dir: say["dir"],
		Heading: say["done.heading"], Result: true,
		Lines:  []string{say.text("done."+s.Kind+"."+s.Scope, s), say["done.note"]},
		Button: &button{Action: UndoPath, Name: undoField, Value: undo, Label: say["done.button"], Quiet: true},
	}
}

func noticeView(say messages, name string) view {
	return view{
		Lang: say["lang"], Dir: say["dir"],
		Heading: say[name+".heading"], Result: true,
		Lines: []string{say[name+".text"]},
	}
}

type renderer struct{ layout *template.Template }

func newRenderer() (renderer, error) {
	t, err := template.New("page").Parse(layout)
	return renderer{t}, err
}

func (r renderer) page(status int, v view) Response {
	var b bytes.Buffer
	if err := r.layout.Execute(&b, v); err != nil {
		panic("page: the layout does not fit its view: " + err.Error())
	}
	return Response{Status: status, Header: headers("text/html; charset=utf-8"), Body: b.Bytes()}
}

func text(status int, body string) Response {
	return Response{Status: status, Header: headers("text/plain; charset=utf-8"), Body: []byte(body)}
}

// headers keep a page from being framed, stored, indexed, or from telling others the link that led to it (CSP 3, Referrer Policy,
// RFC 9111 §5.2.2.5).
func headers(contentType string) [][2]string {
	return [][2]string{
		{"Content-Type", contentType},
		{"Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"},
		{"Referrer-Policy", "no-referrer"},
		{"Cache-Control", "no-store"},
		{"X-Robots-Tag", "noindex"},
		{"X-Content-Type-Options", "nosniff"},
	}
}
