package scenario

import (
	"slices"
	"strings"
	"testing"
)

// originalOptions are the options of working_set_tester.py that a key stands for
// (design: Original option -> scenario key). The others have no key: a plain call never
// resumes (--force-restart), windows are always exact (--strict-time-window), and
// --verbose, --brief and --no-color are flags here too.
var originalOptions = []string{
	"--api-endpoint", "--context-sizes", "--min-working-set-size", "--max-working-set-size", "--working-set-increments", "--mode",
	"--assessment-period", "--fixed-concurrency-levels", "--start-concurrency", "--concurrency-increment", "--max-concurrency",
	"--init-concurrency", "--reinit-strategy", "--init-strategy", "--max-ttft", "--ttft-metric", "--min-tokens-per-req",
	"--tokens-per-req-metric", "--cache-hit-rates", "--chunk-size", "--random-working-set-selection", "--output-tokens", "--seed",
	"--num-retries", "--test-duration", "--ramp-duration", "--tokenizer", "--kv-cache-quantization", "--endpoint-selection",
	"--output-dir", "--skip-graphs",
}

// TestKeysAreComplete: each key says what it is, and what a change of it means in each
// mode that has it.
func TestKeysAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		switch {
		case seen[k.Path]:
			t.Errorf("%s is listed twice", k.Path)
		case !strings.HasSuffix(k.Description, "."):
			t.Errorf("%s: no sentence describes it", k.Path)
		case k.Type == "" || len(k.Modes) == 0 || len(k.Class) != len(k.Modes):
			t.Errorf("%s: type %q, modes %v, classes %v", k.Path, k.Type, k.Modes, k.Class)
		}
		seen[k.Path] = true
		for mode, classes := range k.Class {
			for _, class := range strings.Split(classes, ", ") {
				if !slices.Contains(DiffClasses(), class) {
					t.Errorf("%s: %s: %q is no diff class", k.Path, mode, class)
				}
			}
		}
	}
	for _, path := range []string{"name", "target", "target.endpoints", "target.tiers[].capacity", "working_set.min", "stop[].when", "slo.ttft.p95", "warmup.reset.post", "compare.gate[].metric", "growth.hold", "map.looks"} {
		if !seen[path] {
			t.Errorf("%s is missing", path)
		}
	}
}

// TestKeyModes: which modes have a key is what the loader goes by.
func TestKeyModes(t *testing.T) {
	for path, want := range map[string]string{
		"name": "fixed sustained map", "growth.by": "sustained", "rate": "fixed", "arrivals": "fixed", "map.policy": "map", "working_set.refine": "fixed",
		"working_set.max": "fixed sustained map", "working_set.min": "fixed sustained", "slo.ttft.p95": "fixed sustained", "slo.margin": "sustained",
		"concurrency": "fixed sustained", "concurrency.start": "sustained", "duration.min": "fixed", "stop[].ends": "fixed sustained", "warmup.rewarm": "fixed", "warmup.verify": "fixed sustained",
	} {
		k := key(t, path)
		if got := strings.Join(k.Modes, " "); got != want {
			t.Errorf("%s: modes %s, want %s", path, got, want)
		}
	}
}

// TestKeyWords pins what the tables say of a few keys of each kind.
func TestKeyWords(t *testing.T) {
	for path, want := range map[string]string{
		"mode": "one of fixed, sustained, map", "contexts": "number of tokens, or a list", "target.tiers": "list of maps", "stop": "list of: condition, or a map",
		"drain": "duration", "warmup.verify": "true or false", "labels": "map of text", "slo": "map",
	} {
		if got := key(t, path).Type; got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if k := key(t, "slo.ttft.p95"); k.Class[fixed] != "loosened / tightened" || k.Class[sustained] != "breaks-comparison" {
		t.Errorf("classes of %s: %v", k.Path, k.Class)
	}
	if k := key(t, "order"); k.Default != "ascending" || !slices.Equal(k.Values, []string{"ascending", "shuffled", "interleaved"}) {
		t.Errorf("%+v", k)
	}
}

// TestOriginalOptionsHaveKeys: people who move over find each option again.
func TestOriginalOptionsHaveKeys(t *testing.T) {
	named := map[string]bool{}
	for _, k := range Keys() {
		for _, o := range strings.Split(k.Original, ", ") {
			if o != "" && !slices.Contains(originalOptions, o) {
				t.Errorf("%s: the original has no option %s", k.Path, o)
			}
			named[o] = true
		}
	}
	for _, o := range originalOptions {
		if !named[o] {
			t.Errorf("no key stands for %s", o)
		}
	}
}

func key(t *testing.T, path string) Key {
	t.Helper()
	for _, k := range Keys() {
		if k.Path == path {
			return k
		}
	}
	t.Fatalf("no key %s", path)
	return Key{}
}

// exampleBases are scenarios into which an example can be set: each list of maps has one.
var exampleBases = map[string]string{
	fixed: `name: base
target: {endpoints: [https://gpu-1:8000], kv_bytes_per_token: llama-3.1-70b, tiers: [{name: first, capacity: 1M}]}
contexts: [8k]
working_set: {min: 1M, max: 2M, steps: 4}
mode: fixed
concurrency: [4, 8]
slo: {ttft: {p95: 5s}}
stop: [{when: error_rate > 5%}]
thresholds: [{expect: ttft.p95 < 2s}]
compare: {gate: [{metric: ttft.p95}]}
`,
	sustained: sustainedFile(""),
	mapped:    mapFile(""),
}

// beside is what an example needs beside itself.
var beside = map[string][]string{
	"target.tls.cert_file": {"target.tls.key_file=k.pem"}, "target.tls.key_file": {"target.tls.cert_file=c.pem"},
	"target.kv_bytes_per_token.dtype": {"target.kv_bytes_per_token={model: deepseek-v3}"}, "target.kv_bytes_per_token.tensor_parallel": {"target.kv_bytes_per_token={model: deepseek-v3}"},
	"rate": {"concurrency=null"}, "arrivals": {"concurrency=null", "rate=[5, 10]"},
	"target": {"working_set.min=1M"}, "target.simulator": {"target.endpoints=null"}, "target.simulator.profile": {"target.endpoints=null"},
}

// TestExamplesOfKeys: what the tables show as an example can be written, in a mode that
// has the key.
func TestExamplesOfKeys(t *testing.T) {
	opt := Options{Tiers: foundTiers, AllowCommands: true, AllowedEnv: []string{"GATEWAY_KEY"}, ReadFile: func(string) ([]byte, error) { return []byte("name: mine\n"), nil }}
	tried := 0
	for _, k := range Keys() {
		if k.Path == "extends" {
			continue // it names another file
		}
		for _, example := range k.Examples {
			opt.Set = append(slices.Clone(beside[k.Path]), strings.ReplaceAll(k.Path, "[]", "[0]")+"="+example)
			var found []Problem
			if !slices.ContainsFunc(k.Modes, func(mode string) bool {
				plan, problems := Load("x.yaml", []byte(exampleBases[mode]), opt)
				found = append(found, problems...)
				return plan != nil
			}) {
				t.Errorf("%s: %s: %s", k.Path, example, Render(found, false))
			}
			tried++
		}
	}
	if tried < 100 {
		t.Errorf("%d examples", tried)
	}
}
