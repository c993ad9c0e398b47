package schema_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/wsrun/wsrun/schema"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Scenario()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	const id = "https://github.com/wsrun/wsrun/schema/scenario.schema.json"
	if err := c.AddResource(id, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readYAML reads a file as an editor would; readable is false where it is no YAML.
func readYAML(t *testing.T, file string) (doc any, readable bool) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(src, &v); err != nil {
		return nil, false
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, false
	}
	if doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	return doc, true
}

func TestExamplesFit(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("../examples/scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		doc, ok := readYAML(t, file)
		if strings.HasPrefix(filepath.Base(file), "_") && ok {
			doc.(map[string]any)["extends"] = "_another.yaml" // a base lacks what those that extend it have
		}
		if err := s.Validate(doc); !ok || err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Why a schema lets something through.
const (
	condition  = "a condition is a text to a schema"
	order      = "a schema cannot hold two values against each other"
	arithmetic = "it takes reckoning"
	world      = "it hangs on the command line, the environment, other files or what this version does"
	reading    = "it is gone once YAML is read"
	scattered  = "it hangs on texts in several places"
)

// unseen are the codes of problems that a schema never sees.
var unseen = map[string]string{
	"condition-constant": condition, "condition-construct": condition, "condition-dimension": condition, "condition-literal": condition, "condition-name": condition,
	"condition-scope": condition, "condition-syntax": condition, "condition-type": condition, "goodput-without-slo": condition, "where-unmet": condition,
	"above-max-in-flight": order, "concurrency-range": order, "duration-range": order, "not-ascending": order, "period-longer-than-duration": order,
	"empty-decade": arithmetic, "hit-rate-moved": arithmetic, "hit-rate-rounds-to-zero": arithmetic, "map-too-short": arithmetic, "may-not-converge": arithmetic,
	"no-size-left": arithmetic, "same-cell": arithmetic, "size-left-out": arithmetic, "too-many-points": arithmetic,
	"bad-profile": world, "bad-variable": world, "command-not-allowed": world, "env-not-allowed": world, "not-supported-yet": world, "outside-working-directory": world,
	"secret-in-file": world, "tiers-not-given": world, "unknown-profile": world, "unknown-tier": world, "unset-variable": world,
	"explicit-tag": reading, "second-document": reading,
	"needs-kv-bytes": scattered, "tls-without-https": scattered,
}

// fits are the files that a schema lets through although a problem in them has a code
// that it sees elsewhere, and why.
var fits = map[string]string{
	"body-number": reading, "condition-slips": condition,
	"gib-order": order, "found-tiers-order": order, "working-set-range-equal": order, "working-set-range-min-max": order,
	"gib-small": arithmetic, "growth-hold-long": arithmetic, "metrics-replicas": arithmetic, "sustained-too-long": arithmetic,
	"found-tiers": world, "variables": world,
	"two-equal-endpoints": "a URL with a / at its end is the same",
	"reset-url":           "a path and a URL are both texts",
}

// codeAtEnd is the code of a problem in the museum's text.
var codeAtEnd = regexp.MustCompile(`(?m) \[(?:/\S* )?([a-z]+-[a-z-]+|encoding|syntax|unreadable)\]$`)

// TestMuseum walks the whole museum: what a schema can refuse it refuses, and a reason
// stands beside what it cannot.
func TestMuseum(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("../scenario/testdata/museum/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no museum: %v", err)
	}
	let := map[string]bool{}
	for _, file := range files {
		doc, readable := readYAML(t, file)
		if !readable {
			continue // an editor's own YAML parser reports it
		}
		text, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		seen := ""
		for _, m := range codeAtEnd.FindAllStringSubmatch(string(text), -1) {
			if unseen[m[1]] == "" {
				seen = m[1]
			}
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		let[name] = s.Validate(doc) == nil
		if let[name] && seen != "" && fits[name] == "" {
			t.Errorf("%s fits the schema, and shows %q, which a schema can see", name, seen)
		}
	}
	for name, why := range fits {
		if !let[name] {
			t.Errorf("%s is refused, or not in the museum; the table says it fits: %s", name, why)
		}
	}
}

// TestModes: what a mode needs, and what it has not. Without a mode a scenario is
// sustained.
func TestModes(t *testing.T) {
	s := compiled(t)
	base := map[string]any{"name": "a", "target": "simulator", "contexts": "8k", "working_set": "1M"}
	slo := map[string]any{"ttft": map[string]any{"p95": "5s"}}
	search := map[string]any{"start": json.Number("2")}
	span := map[string]any{"min": "1s", "max": "2s"}
	for _, c := range []struct {
		what string
		fits bool
		more map[string]any
	}{
		{"nothing but names", false, map[string]any{}},
		{"an slo", true, map[string]any{"slo": slo}},
		{"an slo, sustained", true, map[string]any{"slo": slo, "mode": "sustained", "concurrency": search, "growth": map[string]any{"hold": "5m"}, "duration": "1h"}},
		{"levels without a mode", false, map[string]any{"slo": slo, "concurrency": json.Number("8")}},
		{"a range of durations without a mode", false, map[string]any{"slo": slo, "duration": span}},
		{"repeats without a mode", false, map[string]any{"slo": slo, "repeats": json.Number("1")}},
		{"fixed", true, map[string]any{"mode": "fixed", "concurrency": json.Number("8"), "duration": span, "repeats": json.Number("1")}},
		{"fixed levels", true, map[string]any{"mode": "fixed", "concurrency": []any{json.Number("8")}, "duration": "1m"}},
		{"level 0", false, map[string]any{"mode": "fixed", "concurrency": []any{json.Number("0")}}},
		{"fixed without levels", false, map[string]any{"mode": "fixed"}},
		{"fixed search", false, map[string]any{"mode": "fixed", "concurrency": search}},
		{"fixed without sizes", false, map[string]any{"mode": "fixed", "concurrency": json.Number("8"), "working_set": nil}},
		{"fixed, by depth", true, map[string]any{"mode": "fixed", "concurrency": json.Number("8"), "access": "depth"}},
		{"sustained, by depth", false, map[string]any{"slo": slo, "access": "depth"}},
		{"sustained without sizes", false, map[string]any{"slo": slo, "working_set": nil}},
		{"fixed map", false, map[string]any{"mode": "fixed", "concurrency": json.Number("8"), "map": map[string]any{}}},
		{"map", true, map[string]any{"mode": "map", "working_set": nil}},
		{"map, how far", true, map[string]any{"mode": "map", "working_set": map[string]any{"max": "5M"}, "map": map[string]any{"looks": json.Number("3"), "resolution": "1%", "policy": true}, "warmup": map[string]any{"concurrency": json.Number("4")}}},
		{"map of sizes", false, map[string]any{"mode": "map"}},
		{"map with levels", false, map[string]any{"mode": "map", "working_set": nil, "concurrency": json.Number("8")}},
		{"map, verified", false, map[string]any{"mode": "map", "working_set": nil, "warmup": map[string]any{"verify": true}}},
		{"rates", true, map[string]any{"mode": "fixed", "rate": []any{json.Number("5"), json.Number("0.5")}, "arrivals": "constant"}},
		{"rates and levels", false, map[string]any{"mode": "fixed", "rate": json.Number("5"), "concurrency": json.Number("8")}},
		{"a share for a percentage", false, map[string]any{"slo": slo, "hit_rates": []any{json.Number("0.9")}}},
		{"percentages", true, map[string]any{"slo": slo, "hit_rates": []any{json.Number("0"), "0.9%", json.Number("1"), json.Number("99.5"), json.Number("100")}}},
		{"more than all", false, map[string]any{"slo": slo, "hit_rates": json.Number("100.5")}},
		{"a share for a resolution", false, map[string]any{"mode": "map", "working_set": nil, "map": map[string]any{"resolution": json.Number("0.02")}}},
		{"a resolution of 0", false, map[string]any{"mode": "map", "working_set": nil, "map": map[string]any{"resolution": json.Number("0")}}},
		{"a block of no tokens", false, map[string]any{"slo": slo, "server_block": json.Number("0")}},
		{"a block", true, map[string]any{"slo": slo, "server_block": json.Number("16")}},
		{"rates without a mode", false, map[string]any{"slo": slo, "rate": json.Number("5")}},
		{"zipf", true, map[string]any{"slo": slo, "access": map[string]any{"zipf": json.Number("1.1")}}},
		{"zipf without an exponent", false, map[string]any{"slo": slo, "access": map[string]any{}}},
		{"a range without steps", false, map[string]any{"slo": slo, "working_set": map[string]any{"min": "100k", "max": "1M"}}},
		{"a range", true, map[string]any{"slo": slo, "working_set": map[string]any{"min": "40GiB", "max": "1TiB", "steps": json.Number("3"), "spacing": "log"}}},
		{"variables", true, map[string]any{"slo": slo, "seed": "${WSRUN_SEED:-42}", "target": "${WSRUN_URL}", "contexts": []any{"8k", "${WSRUN_CTX}"}, "drain": "${WSRUN_DRAIN}", "output": map[string]any{"html": "${WSRUN_HTML}"}}},
		{"a base", true, map[string]any{"extends": "_base.yaml", "name": nil, "target": nil, "contexts": nil, "working_set": nil}},
		{"a base whose keys are taken away", true, map[string]any{"extends": "_base.yaml", "target": map[string]any{"simulator": null, "tiers": null}, "slo": null, "labels": null, "stop": null}},
		{"nothing to take away", false, map[string]any{"slo": slo, "stop": null}},
		{"nothing to take away below", false, map[string]any{"slo": map[string]any{"ttft": slo["ttft"], "output_rate": null}}},
		{"nothing to take away in a list", false, map[string]any{"slo": slo, "thresholds": []any{map[string]any{"expect": "ttft.p95 < 2s", "where": null}}}},
		{"a null in a body", true, map[string]any{"slo": slo, "target": map[string]any{"endpoints": "http://a", "body": map[string]any{"tags": []any{null}}}}},
		{"a base, an unknown key", false, map[string]any{"extends": "_base.yaml", "modus": "fixed"}},
		{"a known model", true, map[string]any{"slo": slo, "target": map[string]any{"simulator": map[string]any{}, "kv_bytes_per_token": map[string]any{"model": "deepseek-v3", "dtype": "fp8"}}}},
		{"an unknown model", false, map[string]any{"slo": slo, "target": map[string]any{"simulator": map[string]any{}, "kv_bytes_per_token": "llama-9"}}},
		{"a certificate without its key", false, map[string]any{"slo": slo, "target": map[string]any{"endpoints": "https://a", "tls": map[string]any{"cert_file": "c.pem"}}}},
		{"fixed with a margin", false, map[string]any{"mode": "fixed", "concurrency": json.Number("8"), "slo": map[string]any{"ttft": slo["ttft"], "margin": "5%"}}},
		{"sustained, bisected", false, map[string]any{"slo": slo, "working_set": map[string]any{"min": "100k", "max": "1M", "steps": json.Number("3"), "refine": json.Number("1")}}},
		{"sustained, warmed for each level", false, map[string]any{"slo": slo, "warmup": map[string]any{"rewarm": "per-level"}}},
		{"map, when warmed", false, map[string]any{"mode": "map", "working_set": nil, "warmup": map[string]any{"rewarm": "once"}}},
		{"fixed growth", false, map[string]any{"mode": "fixed", "concurrency": json.Number("8"), "growth": map[string]any{}}},
	} {
		doc := maps.Clone(base)
		maps.Copy(doc, c.more)
		maps.DeleteFunc(doc, func(_ string, v any) bool { return v == nil })
		doc = written(doc).(map[string]any)
		if err := s.Validate(doc); (err == nil) != c.fits {
			t.Errorf("%s: fits: %v, want %v (%v)", c.what, err == nil, c.fits, err)
		}
	}
}

// null stands for null in a table of keys whose nil means that a key is not there.
var null = json.RawMessage("null")

// written puts nulls in place of null.
func written(v any) any {
	switch v := v.(type) {
	case json.RawMessage:
		return nil
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = written(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = written(e)
		}
		return out
	}
	return v
}

// TestEveryKeyIsDescribed: an editor shows a sentence for each key.
func TestEveryKeyIsDescribed(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(schema.Scenario(), &doc); err != nil {
		t.Fatal(err)
	}
	var look func(path string, v any)
	look = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, child := range v {
				if key == "if" || key == "then" || key == "else" {
					continue // what a mode needs, of keys that are described above
				}
				if key != "properties" {
					look(path, child)
					continue
				}
				for name, p := range child.(map[string]any) {
					d, _ := p.(map[string]any)["description"].(string)
					if !strings.HasSuffix(d, ".") {
						t.Errorf("%s/%s has no description", path, name)
					}
					look(path+"/"+name, p)
				}
			}
		case []any:
			for _, child := range v {
				look(path, child)
			}
		}
	}
	look("", doc)
}

// TestCopies: callers cannot spoil the embedded text.
func TestCopies(t *testing.T) {
	schema.Scenario()[0] = 'x'
	if schema.Scenario()[0] != '{' {
		t.Error("Scenario gives its own bytes away")
	}
}
