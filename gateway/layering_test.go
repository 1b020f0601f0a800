package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed is the table of imports inside the module: imports go one way, peers never meet. Packages not in the table may import nothing of ours.
// Tests may import more (a test imports what it drives); the table is about the product.
var allowed = map[string][]string{
	"suppression/policy":         {},
	"suppression/address":        {},
	"suppression/filter":         {"suppression/address"},
	"suppression/internal/store": {"suppression/address"},
	"suppression":                {"suppression/address", "suppression/policy", "suppression/filter", "suppression/internal/store"},

	"senders":           {},
	"senders/smtprelay": {"senders"},
	"senders/twilio":    {"senders"},

	"gateway/internal/batch":     {"suppression/policy"},
	"gateway/internal/batchjson": {},
	"gateway/internal/keys":      {},
	"gateway/internal/sandbox":   {},
	"gateway/internal/config":    {},

	"gateway/internal/queue/format": {},
	"gateway/internal/queue/ready":  {},
	"gateway/internal/queue/watch":  {},
	"gateway/internal/queue/live":   {"gateway/internal/queue/format", "gateway/internal/queue/ready"},

	"gateway/internal/queue":   {"gateway/internal/queue/*"},
	"gateway/internal/catalog": {"gateway/internal/queue", "suppression/policy"},
	"gateway/internal/message": {"gateway/internal/batch", "suppression/policy"},

	"gateway/internal/optout":        {"suppression", "suppression/policy"},
	"gateway/internal/optout/page":   {"gateway/internal/optout", "suppression", "suppression/policy"},
	"gateway/internal/optout/mailin": {"gateway/internal/optout", "suppression"},
	"gateway/internal/optout/textin": {"gateway/internal/optout", "suppression"},

	"gateway/internal/transfer": {"gateway/internal/catalog", "gateway/internal/queue", "suppression", "suppression/address", "suppression/policy"},
	"gateway/internal/intake": {"gateway/internal/batch", "gateway/internal/batchjson", "gateway/internal/catalog", "gateway/internal/keys",
		"gateway/internal/message", "gateway/internal/queue", "suppression", "suppression/address", "suppression/policy"},

	"gateway/internal/dispatch": {"gateway/internal/batch", "gateway/internal/batchjson", "gateway/internal/message", "gateway/internal/queue",
		"senders", "suppression", "suppression/policy"},
	"gateway/internal/httpapi/problem": {"gateway/internal/batch", "gateway/internal/batchjson", "gateway/internal/catalog", "gateway/internal/intake",
		"gateway/internal/queue", "gateway/internal/transfer"},
	"gateway/internal/httpapi/wire":       {"gateway/internal/httpapi/problem"},
	"gateway/internal/httpapi/router":     {},
	"gateway/internal/httpapi/query":      {"gateway/internal/httpapi/problem"},
	"gateway/internal/httpapi/strictjson": {"gateway/internal/httpapi/problem"},
	"gateway/internal/httpapi/ndjson":     {"gateway/internal/httpapi/problem"},
	"gateway/internal/httpapi/view":       {"gateway/internal/batch", "gateway/internal/queue", "suppression"},
	"gateway/internal/httpapi/keyring":    {"suppression", "suppression/address", "suppression/policy"},
	"gateway/internal/httpapi/bulkcheck": {"gateway/internal/httpapi/keyring", "gateway/internal/httpapi/ndjson", "gateway/internal/httpapi/problem",
		"gateway/internal/httpapi/strictjson", "suppression", "suppression/policy"},
	"gateway/internal/httpapi": {"gateway/internal/httpapi/*", "gateway/internal/batch", "gateway/internal/batchjson", "gateway/internal/catalog",
		"gateway/internal/intake", "gateway/internal/keys", "gateway/internal/queue", "gateway/internal/transfer", "gateway/internal/optout/page", "gateway/internal/optout/textin",
		"suppression", "suppression/address", "suppression/policy"},
	"gateway/internal/ops": {},

	"gateway/internal/app": {"gateway/internal/*", "senders", "senders/*", "suppression", "suppression/*"},
	"gateway/internal/cli": {"gateway/internal/app", "gateway/internal/config", "gateway/internal/keys", "gateway/internal/message"},
	"gateway":              {"gateway/internal/cli"},
}

// sole names who alone may import a module from outside; a trailing /… covers everything below.
var sole = map[string][]string{
	"github.com/cockroachdb/pebble/v2":               {"suppression/internal/store", "gateway/internal/queue"},
	"github.com/valyala/fasthttp":                    {"gateway/internal/httpapi"},
	"github.com/bits-and-blooms/bloom/v3":            {"suppression/filter"},
	"github.com/twilio/twilio-go/rest/api/v2010":     {"senders/twilio"},
	"github.com/spf13/cobra":                         {"gateway/internal/cli"},
	"github.com/prometheus/client_golang/prometheus": {"gateway/internal/ops"},
}

// pure packages have neither I/O nor a clock.
var pure = []string{"suppression/policy", "suppression/address", "suppression/filter", "gateway/internal/batch", "gateway/internal/batchjson", "gateway/internal/message",
	"gateway/internal/queue/format", "gateway/internal/queue/live", "gateway/internal/queue/ready"}

func TestLayering_ImportsGoOneWay(t *testing.T) {
	for pkg, imports := range productImports(t) {
		list, known := allowed[pkg]
		if !known && len(imports) > 0 {
			t.Errorf("%s is not in the table of allowed imports", pkg)
		}
		for _, imp := range imports {
			if ours, ok := strings.CutPrefix(imp, "heed/"); ok && !permits(list, ours) {
				t.Errorf("%s may not import %s", pkg, ours)
			}
			if owners, ok := sole[imp]; ok && !slices.Contains(owners, pkg) {
				t.Errorf("%s may not import %s: only %v may", pkg, imp, owners)
			}
		}
	}
}

func TestLayering_PurePackagesTouchNothing(t *testing.T) {
	for pkg, imports := range productImports(t) {
		for _, imp := range imports {
			if slices.Contains(pure, pkg) && slices.Contains([]string{"os", "net", "net/http", "log", "log/slog", "os/exec"}, imp) {
				t.Errorf("%s is pure and may not import %s", pkg, imp)
			}
		}
	}
}

func TestLayering_TableHasNoDeadEntries(t *testing.T) {
	found := productImports(t)
	for pkg, permissions := range allowed {
		imports, ok := found[pkg]
		if !ok {
			t.Errorf("%s is in the table but not in the tree", pkg)
			continue
		}
		for _, p := range permissions {
			if !strings.HasSuffix(p, "/*") && !slices.Contains(imports, "heed/"+p) {
				t.Errorf("%s may import %s and does not: take it out of the table", pkg, p)
			}
		}
	}
}

func permits(list []string, imp string) bool {
	return slices.ContainsFunc(list, func(a string) bool {
		below, wild := strings.CutSuffix(a, "/*")
		return a == imp || wild && strings.HasPrefix(imp, below+"/")
	})
}

// productImports maps each package of the product (tests, test kits and the bench left out) to what it imports.
func productImports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !isProduct(path) {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), "../"))
		found[pkg] = append(found[pkg], paths(f.Imports)...)
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("read the tree: %d packages, %v", len(found), err)
	}
	return found
}

func isProduct(path string) bool {
	kit := strings.Contains(path, "test/") || strings.HasPrefix(path, "../bench/")
	return strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !kit
}

func paths(specs []*ast.ImportSpec) []string {
	var out []string
	for _, s := range specs {
		p, _ := strconv.Unquote(s.Path.Value)
		out = append(out, p)
	}
	return out
}
