// Package router finds the row of a table of routes that a path and a method name.
//
// Paths are compared as they came: no decoding, no cleaning, so that a proxy's rules about a path and ours concern the same bytes.
// Pure; a Router is safe for concurrent use.
package router

import (
	"slices"
	"strings"
)

// Pattern is how a row says what it is for.
type Pattern struct {
	Method string // GET answers HEAD too
	Path   string // segments in braces are parameters, of which there are at most two
}

// Params are the values of a pattern's parameters, in order.
type Params [2]string

// Router is a table made ready for look-up.
type Router[T any] struct {
	fixed  map[string][]entry[T]
	shaped map[int][]entry[T] // with parameters, by number of segments
}

type entry[T any] struct {
	Pattern
	row *T
}

// New makes a router of a table; pattern reads a row's.
func New[T any](table []T, pattern func(*T) Pattern) *Router[T] {
	r := &Router[T]{fixed: map[string][]entry[T]{}, shaped: map[int][]entry[T]{}}
	for i := range table {
		e := entry[T]{pattern(&table[i]), &table[i]}
		if !strings.Contains(e.Path, "{") {
			r.fixed[e.Path] = append(r.fixed[e.Path], e)
			continue
		}
		n := strings.Count(e.Path, "/")
		r.shaped[n] = append(r.shaped[n], e)
	}
	return r
}

// Find gives the row for a method and a path, and the path's parameters. Without one row is nil, and allow names the methods that the
// path is known for as the header Allow has them (RFC 9110 §10.2.1); it is empty if the path is not known at all.
func (r *Router[T]) Find(method, path string) (row *T, params Params, allow string) {
	if method == "HEAD" {
		method = "GET"
	}
	entries := r.match(path)
	for _, e := range entries {
		if e.Method == method {
			return e.row, parameters(e.Path, path), ""
		}
	}
	return nil, Params{}, methods(entries)
}

// match gives the rows whose pattern fits the path.
func (r *Router[T]) match(path string) (fitting []entry[T]) {
	if path == "" || path[0] != '/' { // "*", or a URI with a host, which only proxies are sent
		return nil
	}
	if known := r.fixed[path]; known != nil {
		return known
	}
	for _, e := range r.shaped[strings.Count(path, "/")] {
		if fits(e.Path, path) {
			fitting = append(fitting, e)
		}
	}
	return fitting
}

// fits compares segment by segment; a parameter takes 1 to 2,048 unreserved characters (RFC 3986 §2.3). A token takes any, for the
// page that explains broken links has to be shown for them.
func fits(pattern, path string) bool {
	for pattern != "" {
		var want, got string
		want, pattern, _ = strings.Cut(pattern[1:], "/")
		got, path, _ = strings.Cut(path[1:], "/")
		if pattern != "" {
			pattern, path = "/"+pattern, "/"+path
		}
		if want != got && !(want == "{token}" && got != "") && !(want != "" && want[0] == '{' && unreserved(got)) {
			return false
		}
	}
	return true
}

func unreserved(s string) bool {
	return len(s) > 0 && len(s) <= 2048 && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r))
	}) < 0
}

// parameters takes the values of a pattern's parameters out of a path that fits it.
func parameters(pattern, path string) (values Params) {
	n := 0
	for pattern != "" {
		var want, got string
		want, pattern, _ = strings.Cut(pattern, "/")
		got, path, _ = strings.Cut(path, "/")
		if strings.HasPrefix(want, "{") {
			values[n] = got
			n++
		}
	}
	return values
}

func methods[T any](entries []entry[T]) string {
	var names []string
	for _, e := range entries {
		names = append(names, e.Method)
		if e.Method == "GET" {
			names = append(names, "HEAD")
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
