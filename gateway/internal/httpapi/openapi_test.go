package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/view"
	"heed/gateway/internal/optout/page"
	"heed/gateway/internal/optout/textin"
	"heed/gateway/internal/queue"
	"heed/suppression"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

func loadDescription(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDescription_IsValidOpenAPI31(t *testing.T) {
	doc := loadDescription(t)
	if !doc.IsOpenAPI31OrLater() {
		t.Fatal("it calls itself", doc.OpenAPI)
	}
	if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
}

func TestDescription_HasEveryRouteAndNoOther(t *testing.T) {
	doc := loadDescription(t)
	described := map[string]*openapi3.Operation{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			described[method+" "+path] = op
		}
	}
	ids := map[string]bool{}
	for _, r := range routes {
		op := described[r.method+" "+r.pattern]
		if op == nil {
			t.Errorf("%s %s is not described", r.method, r.pattern)
			continue
		}
		delete(described, r.method+" "+r.pattern)
		if op.OperationID != r.operation || ids[r.operation] {
			t.Errorf("%s %s: operation %q described as %q, or named twice", r.method, r.pattern, r.operation, op.OperationID)
		}
		ids[r.operation] = true
		if open := op.Security != nil && len(*op.Security) == 0; open != (r.scope == public) {
			t.Errorf("%s: public in the table %v, in the description %v", r.operation, r.scope == public, open)
		}
		checkParameters(t, r, op, doc.Paths.Value(r.pattern))
	}
	for path := range described {
		t.Errorf("%s is described but not served", path)
	}
}

func checkParameters(t *testing.T, r route, op *openapi3.Operation, item *openapi3.PathItem) {
	var query []string
	for _, p := range append(op.Parameters, item.Parameters...) {
		if p.Value.In == "query" {
			query = append(query, p.Value.Name)
			if !slices.Contains(strings.Fields(r.query), p.Value.Name) {
				t.Errorf("%s: parameter %s is described but not taken", r.operation, p.Value.Name)
			}
		}
	}
	if r.query != "*" && len(query) != len(strings.Fields(r.query)) {
		t.Errorf("%s takes %q, described are %v", r.operation, r.query, query)
	}
}

func TestDescription_ReasonsStatesAndSourcesAreTheCodes(t *testing.T) {
	doc := loadDescription(t)
	enum := func(name, property string) string {
		s := doc.Components.Schemas[name].Value
		if property != "" {
			s = s.Properties[property].Value
		}
		return fmt.Sprint(s.Enum...)
	}
	var states, names string
	for state := range view.Counts(queue.Counts{}) {
		states += state
	}
	for _, v := range doc.Components.Schemas["State"].Value.Enum {
		names += v.(string)
	}
	if len(states) != len(names) {
		t.Errorf("states %s", enum("State", ""))
	}
	for _, v := range doc.Components.Schemas["Reason"].Value.Enum {
		if _, bad := readRow(suppressionBody{addressBody{Channel: "sms"}, v.(string), "x"}); bad != nil {
			t.Errorf("reason %v is described but not taken", v)
		}
	}
	for source := suppression.ByAPI; source <= suppression.ByOperator; source++ {
		name := view.OfRows([]suppression.Row{{Source: source}})[0].Source
		if name == "" || !strings.Contains(enum("Row", "source"), name) {
			t.Errorf("source %d, %q, is not described", source, name)
		}
	}
}

// Every example of the description is sent to a running server, and every answer is held against the description.
func TestDescription_ExamplesRunAndAnswersFit(t *testing.T) {
	doc := loadDescription(t)
	w := start(t, func(o *Options) {
		o.Transfer = &fakeTransfer{}
		o.Page = func(context.Context, page.Request) page.Response {
			return page.Response{Status: 200, Header: [][2]string{{"Content-Type", "text/html; charset=utf-8"}}, Body: []byte("<p>")}
		}
		o.Inbound = func(context.Context, textin.Request) textin.Response {
			return textin.Response{Status: 200, Header: [][2]string{{"Content-Type", "text/xml"}}, Body: []byte("<Response/>")}
		}
	})
	w.post("/v1/topics", `{"id":"weekly","name":"Weekly"}`)
	w.post("/v1/templates", `{"id":"outage","channel":"email","class":"service","subject":"s","text":"t"}`)
	w.post("/v1/suppressions", `{"channel":"email","address":"gone@example.org","reason":"unsubscribe_all"}`)
	for _, r := range routes {
		if r.operation == "getStylesheet" {
			continue // the fake page has one content type
		}
		item := doc.Paths.Value(r.pattern)
		op := item.GetOperation(r.method)
		path, params := examplePath(r, op, item)
		for _, body := range exampleBodies(t, op) {
			got := w.do(r.method, path, "all", body.contentType, body.text)
			if got.status >= 400 {
				t.Errorf("%s with example %s: %d %s", r.operation, body.name, got.status, got.body)
				continue
			}
			checkAnswer(t, doc, r, op, item, path, params, body, got)
		}
	}
}

type exampleBody struct{ name, contentType, text string }

func exampleBodies(t *testing.T, op *openapi3.Operation) (all []exampleBody) {
	if op.RequestBody == nil {
		return []exampleBody{{name: "none"}}
	}
	for kind, media := range op.RequestBody.Value.Content {
		for name, example := range media.Examples {
			all = append(all, exampleBody{name, kind, exampleText(t, kind, example.Value.Value)})
		}
	}
	if all == nil {
		t.Errorf("%s has a body and no example", op.OperationID)
	}
	return all
}

func exampleText(t *testing.T, kind string, value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	if kind == "application/x-www-form-urlencoded" {
		form := url.Values{}
		for k, v := range value.(map[string]any) {
			form.Set(k, v.(string))
		}
		return form.Encode()
	}
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func examplePath(r route, op *openapi3.Operation, item *openapi3.PathItem) (string, map[string]string) {
	path, query, params := r.pattern, url.Values{}, map[string]string{}
	for _, p := range append(op.Parameters, item.Parameters...) {
		switch example := p.Value.Example; {
		case p.Value.In == "path":
			params[p.Value.Name] = fmt.Sprint(example)
			path = strings.Replace(path, "{"+p.Value.Name+"}", fmt.Sprint(example), 1)
		case p.Value.In == "query" && example != nil:
			query.Set(p.Value.Name, fmt.Sprint(example))
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path, params
}

func checkAnswer(t *testing.T, doc *openapi3.T, r route, op *openapi3.Operation, item *openapi3.PathItem, path string, params map[string]string, body exampleBody, got reply) {
	request, err := http.NewRequest(r.method, "https://heed.example"+path, strings.NewReader(body.text))
	if err != nil {
		t.Fatal(err)
	}
	if body.contentType != "" {
		request.Header.Set("Content-Type", body.contentType)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: params,
		Route:   &routers.Route{Spec: doc, Path: r.pattern, PathItem: item, Method: r.method, Operation: op},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if body.contentType == "application/json" {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Errorf("%s, example %s: %v", r.operation, body.name, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: got.status, Header: got.header, Options: in.Options,
		Body: io.NopCloser(bytes.NewReader(got.body)),
	}
	if !strings.Contains(got.header.Get("Content-Type"), "json") || strings.Contains(got.header.Get("Content-Type"), "ndjson") {
		out.Options.ExcludeResponseBody = true // text: the type is what there is to check
		kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
		if op.Responses.Status(got.status).Value.Content.Get(kind) == nil {
			t.Errorf("%s answers %s, which is not described", r.operation, kind)
		}
	}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Errorf("%s, example %s: %v\n%s", r.operation, body.name, err, got.body)
	}
}

func TestDescription_IsServedInBothForms(t *testing.T) {
	w := start(t)
	if got := w.do("GET", "/openapi.yaml", "", "", ""); !bytes.Equal(got.body, description) {
		t.Fatal("the YAML differs")
	}
	got := w.do("GET", "/openapi.json", "", "", "")
	doc, err := openapi3.NewLoader().LoadFromData(got.body)
	if err != nil || doc.Paths.Len() != loadDescription(t).Paths.Len() {
		t.Fatalf("the JSON differs: %v", err)
	}
	head := w.dial()
	go io.WriteString(head, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
	if r := w.read(bufio.NewReader(head), "HEAD"); r.status != 200 || len(r.body) != 0 {
		t.Fatalf("HEAD: %+v", r)
	}
}

func TestProblems_EachCodeHasAPage(t *testing.T) {
	w := start(t)
	for _, k := range problem.Kinds() {
		got := w.do("GET", "/problems/"+k.Code, "", "", "")
		if got.status != 200 || !strings.Contains(string(got.body), k.Help) || k.Title == "" || k.Help == "" || k.Status < 400 {
			t.Errorf("%s: %d", k.Code, got.status)
		}
	}
}
