package scenario

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// codeAt says which argument of the functions that note a problem is its code.
var codeAt = map[string]int{"fail": 0, "failPart": 0, "fault": 0, "faultKey": 0, "problem": 0, "whole": 0, "note": 1}

// TestCodesAreThoseOfTheSource holds Codes against the codes that stand in the source, so
// that one without an exhibit or help cannot be there, and none is listed that nothing
// gives.
func TestCodesAreThoseOfTheSource(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	shape := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	used := map[string]string{}
	fset := token.NewFileSet()
	note := func(e ast.Expr) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return
		}
		if s, err := strconv.Unquote(lit.Value); err == nil && shape.MatchString(s) {
			used[s] = fset.Position(lit.Pos()).String()
		}
	}
	all := map[string]bool{} // every text of the source that looks like a code
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name := ""
				switch fun := n.Fun.(type) {
				case *ast.Ident:
					name = fun.Name
				case *ast.SelectorExpr:
					name = fun.Sel.Name
				}
				if i, ok := codeAt[name]; ok {
					for j := i; j <= i+1 && j < len(n.Args); j++ { // some have the node first
						note(n.Args[j])
					}
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
					note(n.Value)
				}
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil && file != "codes.go" && file != "codehelp_table.go" {
					all[s] = true
				}
			}
			return true
		})
	}
	for code, place := range used {
		if strings.Contains(code, "-") && !slices.Contains(Codes(), code) {
			t.Errorf("%s: the code %q is not in Codes()", place, code)
		}
	}
	if len(used) < 40 {
		t.Errorf("%d codes were found in the source", len(used))
	}
	for _, code := range Codes() {
		if !all[code] {
			t.Errorf("%q is in Codes(), and nothing gives it", code)
		}
	}
}
