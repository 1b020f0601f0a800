package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The house style's sizes: past them, split by idea.
const (
	maxFunctionLines = 100
	maxFileLines     = 500
	maxPackageLines  = 2500
	medianFunction   = 12
	p90Function      = 45
)

func TestShape_FunctionsFilesAndPackagesStaySmall(t *testing.T) {
	var functions []int
	packages := map[string]int{}
	eachProductFile(t, func(path string, set *token.FileSet, f *ast.File) {
		lines := set.File(f.Pos()).LineCount()
		packages[filepath.Dir(path)] += lines
		if lines > maxFileLines {
			t.Errorf("%s has %d lines, at most %d", path, lines, maxFileLines)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1
			functions = append(functions, n)
			if n > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, at most %d", path, fn.Name.Name, n, maxFunctionLines)
			}
		}
	})
	for pkg, n := range packages {
		if n > maxPackageLines {
			t.Errorf("%s has %d lines, at most %d", pkg, n, maxPackageLines)
		}
	}
	slices.Sort(functions)
	if m := functions[len(functions)/2]; m > medianFunction {
		t.Errorf("the median function has %d lines, at most %d", m, medianFunction)
	}
	if p := functions[len(functions)*9/10]; p > p90Function {
		t.Errorf("nine in ten functions have %d lines or fewer, at most %d", p, p90Function)
	}
}

func TestShape_EveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := map[string]bool{}
	eachProductFile(t, func(path string, _ *token.FileSet, f *ast.File) {
		documented[filepath.Dir(path)] = documented[filepath.Dir(path)] || f.Doc != nil
	})
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment", pkg)
		}
	}
}

func TestShape_EveryExportedNameHasAComment(t *testing.T) {
	eachProductFile(t, func(path string, set *token.FileSet, f *ast.File) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && fn.Name.IsExported() && fn.Doc == nil && exportedReceiver(fn) && !obvious[fn.Name.Name] {
				t.Errorf("%s: %s has no comment", set.Position(fn.Pos()), fn.Name.Name)
			}
		}
	})
}

// obvious are methods whose meaning their interface fixes.
var obvious = map[string]bool{"Error": true, "Unwrap": true, "String": true, "Close": true}

func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	name, ok := t.(*ast.Ident)
	return ok && name.IsExported()
}

func eachProductFile(t *testing.T, fn func(path string, set *token.FileSet, f *ast.File)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err == nil {
			fn(path, set, f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
