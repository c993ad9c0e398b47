package scenario

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/scenario/metric"
)

const conditionsDoc = "../docs/conditions.md"

// unitWords are the units of metrics, for the table.
var unitWords = map[metric.Unit]string{metric.Number: "as told", metric.Seconds: "time", metric.Tokens: "tokens", metric.Percent: "percent", metric.TokensPerSecond: "tokens/s",
	metric.RequestsPerSecond: "requests/s", metric.GBPerSecond: "GB/s", metric.Count: "count"}

// namesTable is the table of names: which stand where, by the rules that
// TestEveryNameEverywhere holds against the loader.
func namesTable() string {
	var b strings.Builder
	b.WriteString("| name | unit | stop | expect | where | in a map | what |\n|---|---|---|---|---|---|---|\n")
	mark := map[bool]string{true: "yes", false: ""}
	family := ""
	for _, d := range append(metric.All(), metric.Telemetry()...) {
		name := d.Name
		if strings.HasSuffix(name, ".") {
			name += "NAME"
		}
		row := fmt.Sprintf("| %s | %s | %s | %s | %s |", unitWords[d.Unit], mark[mayStand("fixed", inStop, "", name)], mark[mayStand("fixed", inExpect, "", name)],
			mark[mayStand("fixed", inWhere, "", name)], mark[mayStand("map", inExpect, "", name)])
		switch stem, stat, _ := strings.Cut(d.Name, "."); {
		case d.Quantile > 0 && family == stem, stat == "max":
			continue // stands beside the first of its family
		case stat == "avg":
			family = stem
			stats := "avg p50 p90 p95 p99 max"
			if stem == "output_rate" {
				stats = "avg p5 p10"
			}
			fmt.Fprintf(&b, "| `%s.` %s %s %s |\n", stem, stats, row, strings.TrimSuffix(strings.TrimSuffix(d.Doc, ", mean"), ", avg"))
		case strings.HasPrefix(name, "edge") && name != "edge1" && name != "edge.NAME":
		case name == "edge1":
			fmt.Fprintf(&b, "| `edge1` to `edge9` %s %s |\n", row, strings.Replace(d.Doc, "transition 1", "that transition", 1))
		default:
			fmt.Fprintf(&b, "| `%s` %s %s |\n", name, row, d.Doc)
		}
	}
	return b.String()
}

// TestConditionsDoc holds the page's table against the catalogue, and its examples
// against the compiler.
func TestConditionsDoc(t *testing.T) {
	page, err := os.ReadFile(conditionsDoc)
	if err != nil {
		t.Fatal(err)
	}
	between := regexp.MustCompile(`(?s)(<!-- names:[^\n]*-->\n).*(<!-- /names -->)`)
	want := between.ReplaceAll(page, []byte("${1}"+strings.ReplaceAll(namesTable(), "$", "$$")+"${2}"))
	if !between.Match(page) {
		t.Fatal("the page has no place for the table")
	}
	if *update {
		if err := os.WriteFile(conditionsDoc, want, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(page) != string(want) {
		t.Error("docs/conditions.md is not what the catalogue says: go test ./scenario -run ConditionsDoc -update writes it")
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	if example == nil {
		t.Fatal("the page has no example")
	}
	if plan, problems := Load("page.yaml", []byte(minimal(string(example[1]))), Options{}); plan == nil {
		t.Errorf("the example: %s", Render(problems, false))
	}
	for text, scope := range map[string]Scope{"1s < ttft.p95": StopScope, "not (ttft.p95 > 3s)": StopScope, "hit_rate == 100": WhereScope, "ttft.p95 > 3s or error_rate > 50%": StopScope, "edge1 > 950k": ExpectScope, "edge1 < 950k": ExpectScope} {
		if _, err := Compile(text, scope); err != nil || !strings.Contains(string(page), text) {
			t.Errorf("%s: %v, or not on the page", text, err)
		}
	}
	for text := range map[string]bool{"ttft.p95 > 3": true, "context < 1m": true, "error_rate > 150": true, "ttft.p95 >= 0s": true} {
		if _, err := Compile(text, StopScope); err == nil || !strings.Contains(string(page), "`"+text+"`") {
			t.Errorf("%s is read, or not on the page", text)
		}
	}
}
