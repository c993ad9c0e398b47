package schema_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
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

// instance reads a YAML file as an editor would.
func instance(t *testing.T, file string) any {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(src, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestExamplesFit(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("../examples/scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "_") {
			continue // a base lacks what those that extend it have
		}
		if err := s.Validate(instance(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestMuseum: the schema refuses what the loader refuses, where a schema can; it
// accepts what only the loader can know to be wrong.
func TestMuseum(t *testing.T) {
	s := compiled(t)
	for file, fits := range map[string]bool{
		"a-list": false, "bad-name": false, "bad-value": false, "comments-only": false, "concurrency-map": false,
		"durations": false, "empty-lists": false, "map-other-keys": false, "map-other-keys-2": false, "map-values": false, "fixed-map": false, "sustained-depth": false, "missing-keys": false, "mode-sustained": false, "no-mode": false, "no-value": false,
		"fixed-other-keys": false, "growth-hold": false, "growth-values": false, "search-values": false, "sustained-default-keys": false, "sustained-other-keys": false,
		"not-supported-yet": true, "numbers": false, "out-of-range": false,
		"percent": false, "percent-text": false, "simulator-typo": false, "sizes": false, "target-tiers": false, "unknown-key": false, "unquoted-template": false, "wrong-type": false,
		"map-too-short": true, "tiers-not-given": true, "found-tiers-order": true, "map-endpoints": true, "map-conditions": true, "depth-refine": true, "may-not-converge": true, "target-tiers-bytes": true, "tier-conditions": true, "search-cap": true, "search-range": true, "sustained-conditions": true, "sustained-period": true,
		"conditions": true, "duration-range": true, "hit-rates": true, "levels": true, "lists": true, "period": true, "profile-name": true,
		"rewarm-once": true, "same-cell": true, "secrets": true, "thresholds": false, "working-set-range-min-max": true,
	} {
		err := s.Validate(instance(t, "../scenario/testdata/museum/"+file+".yaml"))
		if (err == nil) != fits {
			t.Errorf("%s: fits the schema: %v, want %v (%v)", file, err == nil, fits, err)
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
		{"fixed growth", false, map[string]any{"mode": "fixed", "concurrency": json.Number("8"), "growth": map[string]any{}}},
	} {
		doc := maps.Clone(base)
		maps.Copy(doc, c.more)
		maps.DeleteFunc(doc, func(_ string, v any) bool { return v == nil })
		if err := s.Validate(doc); (err == nil) != c.fits {
			t.Errorf("%s: fits: %v, want %v (%v)", c.what, err == nil, c.fits, err)
		}
	}
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
