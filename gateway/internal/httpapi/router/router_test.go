package router

import (
	"strings"
	"testing"
)

var table = []Pattern{
	{"POST", "/v1/batches"}, {"GET", "/v1/batches/{id}"}, {"GET", "/v1/batches/{id}/recipients"}, {"POST", "/v1/batches/{id}/pause"},
	{"POST", "/v1/templates/{id}/versions/{version}/approve"}, {"GET", "/u/{token}"}, {"POST", "/u/{token}"}, {"GET", "/"},
}

func newRouter() *Router[Pattern] { return New(table, func(p *Pattern) Pattern { return *p }) }

func TestFind_RowParametersOrMethods(t *testing.T) {
	r := newRouter()
	check := func(method, path, pattern, first, second, allow string) {
		t.Helper()
		row, params, allowed := r.Find(method, path)
		if (row == nil) != (pattern == "") || row != nil && row.Path != pattern || params != (Params{first, second}) || allowed != allow {
			t.Errorf("%s %s: %v %q %q", method, path, row, params, allowed)
		}
	}
	check("GET", "/", "/", "", "", "")
	check("HEAD", "/v1/batches/b", "/v1/batches/{id}", "b", "", "")
	check("POST", "/v1/templates/t/versions/3/approve", "/v1/templates/{id}/versions/{version}/approve", "t", "3", "")
	check("GET", "/u/a%20b", "/u/{token}", "a%20b", "", "")
	check("OPTIONS", "/u/x", "", "", "", "GET, HEAD, POST")
	check("GET", "/v1/batches", "", "", "", "POST")
	check("GET", "/v1/batches/", "", "", "", "")
	check("GET", "/v1/batches/..%2f", "", "", "", "")
	check("GET", "//v1/batches", "", "", "", "")
	check("GET", "*", "", "", "", "")
	check("GET", "", "", "", "", "")
}

// A path fits a pattern only segment by segment, and its parameters are those segments.
func FuzzFits(f *testing.F) {
	f.Add("/v1/batches/bat_1/recipients")
	f.Add("/v1/batches//recipients")
	f.Add("//")
	f.Add("*")
	f.Add("0v1/batches/00000/")
	f.Fuzz(func(t *testing.T, path string) {
		r := newRouter()
		for _, row := range r.match(path) {
			if back := fillPattern(row.Path, parameters(row.Path, path)); back != path {
				t.Fatalf("%q fits %q as %q", path, row.Path, back)
			}
		}
	})
}

func fillPattern(pattern string, params Params) string {
	segments := strings.Split(pattern, "/")
	n := 0
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = params[n]
			n++
		}
	}
	return strings.Join(segments, "/")
}
