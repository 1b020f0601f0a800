package problem

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"heed/gateway/internal/intake"
)

// Every code that a caller can be given has its page, and keeps its status.
func TestKinds_HaveAPageForEveryCode(t *testing.T) {
	want := intake.Codes()
	for _, code := range slices.Concat(
		codesOf(t, "../../message", "Fault"), codesOf(t, "../../batchjson", "fail"),
		[]string{"address_syntax", "address_too_long", "fallback_channel", "missing_variable"}, // of a call's one recipient
	) {
		want[code] = 422
	}
	if len(want) < 40 {
		t.Fatalf("only %d codes found", len(want))
	}
	for _, code := range slices.Sorted(maps.Keys(want)) {
		if k, ok := KindOf(code); !ok || k.Status != want[code] {
			t.Errorf("%s: status %d, want a page with %d", code, k.Status, want[code])
		}
	}
}

// codesOf gives the codes that a package's sources put into name: a struct whose field Code is named or second, or a function's first argument.
func codesOf(t *testing.T, dir, name string) (codes []string) {
	t.Helper()
	paths, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if code := codeIn(n, name); code != "" {
				codes = append(codes, code)
			}
			return true
		})
	}
	if len(codes) == 0 {
		t.Fatalf("no codes found in %s", dir)
	}
	return codes
}

func codeIn(n ast.Node, name string) string {
	switch n := n.(type) {
	case *ast.CallExpr:
		if isNamed(n.Fun, name) && len(n.Args) > 0 {
			return text(n.Args[0])
		}
	case *ast.CompositeLit:
		if !isNamed(n.Type, name) {
			return ""
		}
		for i, e := range n.Elts {
			if field, ok := e.(*ast.KeyValueExpr); ok && isNamed(field.Key, "Code") {
				return text(field.Value)
			} else if !ok && i == 1 {
				return text(e)
			}
		}
	}
	return ""
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func text(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		s, _ := strconv.Unquote(lit.Value)
		return s
	}
	return ""
}
