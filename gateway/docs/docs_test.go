// Package docs holds no code: its test keeps the pages true where they name things of the tree.
package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"heed/gateway/internal/httpapi/problem"
)

var (
	link     = regexp.MustCompile(`\]\(([^)#:]+)(?:#([^)]+))?\)`)
	goFile   = regexp.MustCompile(`[\w/]*\w\.go\b`)
	testName = regexp.MustCompile("`(Test\\w+)`")
	codeRow  = regexp.MustCompile("(?m)^\\| `\\w+` \\| \\d{3} \\| .* \\|$")
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

func TestPages_LinksLead(t *testing.T) {
	for path, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target := filepath.Join(filepath.Dir(path), m[1])
			linked, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			} else if m[2] != "" && !hasHeading(string(linked), m[2]) {
				t.Errorf("%s: %s has no heading #%s", path, target, m[2])
			}
		}
	}
}

func TestPages_NameFilesAndTestsThatExist(t *testing.T) {
	files, code := tree(t)
	for path, text := range pages(t) {
		if filepath.Dir(path) == "decisions" { // they tell of their day
			continue
		}
		for _, name := range goFile.FindAllString(text, -1) {
			if !strings.Contains(files, "/"+name+"\n") {
				t.Errorf("%s: there is no file %s", path, name)
			}
		}
		for _, m := range testName.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(code, "func "+m[1]+"(") {
				t.Errorf("%s: there is no test %s", path, m[1])
			}
		}
	}
}

func TestDecisions_AreAllInTheIndex(t *testing.T) {
	all := pages(t)
	for path := range all {
		name := filepath.Base(path)
		if filepath.Dir(path) == "decisions" && name != "README.md" && !strings.Contains(all["decisions/README.md"], "("+name+")") {
			t.Errorf("decisions/README.md does not name %s", name)
		}
	}
}

func TestAPI_ListsEveryCodeAsItIs(t *testing.T) {
	var want []string
	for _, k := range problem.Kinds() {
		want = append(want, fmt.Sprintf("| `%s` | %d | %s |", k.Code, k.Status, k.Help))
	}
	got := codeRow.FindAllString(pages(t)["api.md"], -1)
	for _, row := range want {
		if !slices.Contains(got, row) {
			t.Errorf("api.md lacks the line\n%s", row)
		}
	}
	for _, row := range got {
		if !slices.Contains(want, row) {
			t.Errorf("api.md has a line that is not in the table of refusals\n%s", row)
		}
	}
}

// pages gives the text of each page by its path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	walk(t, ".", ".md", func(path, text string) { all[path] = text })
	if len(all) < 8 {
		t.Fatalf("only %d pages found", len(all))
	}
	return all
}

// tree gives the paths of the module's Go files, a line each, and the text of its tests.
func tree(t *testing.T) (files, tests string) {
	t.Helper()
	var paths, code strings.Builder
	walk(t, "../..", ".go", func(path, text string) {
		paths.WriteString("/" + filepath.ToSlash(path) + "\n")
		if strings.HasSuffix(path, "_test.go") {
			code.WriteString(text)
		}
	})
	return paths.String(), code.String()
}

func walk(t *testing.T, root, suffix string, visit func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil {
			visit(path, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hasHeading reports whether a page has a heading with this anchor: lower case, hyphens for spaces, no punctuation.
func hasHeading(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		plain := strings.Map(func(r rune) rune {
			if strings.ContainsRune(",.:?!'()`\"&", r) {
				return -1
			}
			return r
		}, strings.ToLower(m[1]))
		if strings.ReplaceAll(plain, " ", "-") == anchor {
			return true
		}
	}
	return false
}
