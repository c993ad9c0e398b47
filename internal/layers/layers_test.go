// Package layers holds one test: the import table of ARCHITECTURE.md is law.
package layers

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"sort"
	"strings"
	"testing"
)

const module = "github.com/wsrun/wsrun/"

// allowed says which of our packages a package may import, and which libraries
// live in it. A library has one home.
var allowed = map[string]struct{ ours, libs []string }{
	"runner/sample":        {},
	"scenario/metric":      {},
	"internal/stats":       {},
	"internal/term":        {libs: []string{"golang.org/x/term"}},
	"internal/nearest":     {},
	"scenario":             {ours: []string{"internal/nearest", "scenario/metric"}, libs: []string{"gopkg.in/yaml.v3", "go.yaml.in/yaml/v4", "github.com/go-playground/validator/v10", "github.com/expr-lang/expr"}},
	"scenario/plandiff":    {ours: []string{"scenario", "scenario/metric"}},
	"internal/tier":        {ours: []string{"scenario/metric", "runner/sample", "internal/stats"}},
	"schema":               {ours: []string{"scenario"}},
	"schema/internal/gen":  {ours: []string{"scenario", "scenario/metric"}, libs: []string{"github.com/invopop/jsonschema", "github.com/pb33f/ordered-map"}},
	"runner/result":        {ours: []string{"runner/sample", "runner/survey", "scenario", "scenario/metric", "internal/stats", "internal/tier"}, libs: []string{"github.com/klauspost/compress"}},
	"runner/load":          {ours: []string{"runner/sample"}},
	"runner/openai":        {ours: []string{"runner/sample"}, libs: []string{"github.com/valyala/fastjson"}},
	"runner/prompt":        {ours: []string{"runner/sample"}},
	"runner/control":       {ours: []string{"scenario/metric", "runner/sample", "internal/stats"}},
	"runner/control/lab":   {ours: []string{"runner/control", "internal/stats"}},
	"runner/survey":        {ours: []string{"runner/sample", "internal/stats"}},
	"runner/survey/lab":    {ours: []string{"runner/survey", "runner/sample"}},
	"runner/engine":        {ours: []string{"runner/sample", "scenario/metric"}, libs: []string{"github.com/prometheus/common", "github.com/prometheus/client_model"}},
	"runner":               {ours: []string{"scenario", "runner/result", "scenario/metric", "runner/sample", "internal/stats", "internal/tier", "runner/load", "runner/openai", "runner/prompt", "runner/engine", "runner/control", "runner/survey"}},
	"internal/verdict":     {ours: []string{"runner/result", "scenario/metric", "scenario", "runner/sample", "internal/stats", "internal/tier"}},
	"internal/compare":     {ours: []string{"runner/result", "scenario/metric", "scenario", "runner/sample", "internal/stats", "internal/tier"}},
	"internal/report":      {ours: []string{"runner/result", "runner/survey", "internal/tier", "internal/verdict", "internal/compare", "scenario", "scenario/plandiff", "scenario/metric", "internal/term", "runner/sample"}, libs: []string{"github.com/olekukonko/tablewriter"}},
	"internal/report/html": {ours: []string{"runner/result", "runner/survey", "runner/sample", "internal/report", "internal/tier", "internal/verdict", "scenario", "scenario/metric"}, libs: []string{"github.com/go-echarts/go-echarts/v2", "github.com/dop251/goja"}},
	"internal/migrate":     {ours: []string{"internal/nearest"}},
	"internal/starter":     {},
	"docs":                 {},
	"internal/explain":     {ours: []string{"docs", "internal/migrate", "scenario", "scenario/metric", "runner/engine", "internal/term"}},
	"internal/simulator":   {},
	"internal/layers":      {},
	"cmd/wsrun":            {ours: []string{"*"}, libs: []string{"github.com/spf13/cobra"}},
}

type pkg struct {
	ImportPath string
	Imports    []string
	GoFiles    []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,GoFiles", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		var ee *exec.ExitError
		if errors.As(err, &ee) {
			t.Fatalf("go list: %v\n%s", err, ee.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		err := dec.Decode(&p)
		if err == io.EOF {
			return pkgs
		}
		if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// violations gives each import that the table does not allow.
func violations(p pkg) []string {
	name := strings.TrimPrefix(p.ImportPath, module)
	rule, ok := allowed[name]
	if !ok {
		return []string{name + " is not in the import table: put it into ARCHITECTURE.md and here"}
	}
	var bad []string
	for _, imp := range p.Imports {
		switch {
		case strings.HasPrefix(imp, module):
			if !permits(rule.ours, strings.TrimPrefix(imp, module), false) {
				bad = append(bad, name+" must not import "+strings.TrimPrefix(imp, module))
			}
		case strings.Contains(strings.SplitN(imp, "/", 2)[0], "."):
			if !permits(rule.libs, imp, true) {
				bad = append(bad, name+" must not import "+imp+": a library has one home package")
			}
		case imp == "os/exec" && name != "cmd/wsrun" && name != "internal/layers":
			bad = append(bad, name+" must not start processes")
		}
	}
	return bad
}

func permits(list []string, imp string, prefix bool) bool {
	for _, a := range list {
		if a == "*" || a == imp || prefix && strings.HasPrefix(imp, a+"/") {
			return true
		}
	}
	return false
}

func TestImportTable(t *testing.T) {
	pkgs := list(t)
	if len(pkgs) < 15 {
		t.Fatalf("only %d packages seen", len(pkgs))
	}
	var bad []string
	for _, p := range pkgs {
		bad = append(bad, violations(p)...)
	}
	sort.Strings(bad)
	for _, b := range bad {
		t.Error(b)
	}
}

// The table refuses what it must: the test above could otherwise pass on an empty rule.
func TestTableRefuses(t *testing.T) {
	for _, p := range []pkg{
		{ImportPath: module + "runner", Imports: []string{module + "internal/report"}},
		{ImportPath: module + "internal/report", Imports: []string{module + "runner"}},
		{ImportPath: module + "runner/load", Imports: []string{module + "scenario"}},
		{ImportPath: module + "scenario", Imports: []string{"github.com/valyala/fastjson"}},
		{ImportPath: module + "internal/simulator", Imports: []string{module + "runner/sample"}},
		{ImportPath: module + "internal/newcomer"},
	} {
		if len(violations(p)) == 0 {
			t.Errorf("%s importing %v was let through", p.ImportPath, p.Imports)
		}
	}
}
