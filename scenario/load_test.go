package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// must loads a scenario that has no problems but warnings.
func must(t testing.TB, src string, opt Options) *Plan {
	t.Helper()
	plan, problems := Load("test.yaml", []byte(src), opt)
	if plan == nil {
		t.Fatalf("refused:\n%s", Render(problems, false))
	}
	return plan
}

func seconds(s int) Duration { return Duration(time.Duration(s) * time.Second) }

// TestDefaults holds every default against the language's reference.
func TestDefaults(t *testing.T) {
	got := must(t, minimal(""), Options{}).Scenario
	want := &Scenario{
		Version: 1, Name: "minimal",
		Target: Target{
			Endpoints: []string{"http://localhost:8000"}, Model: "auto", API: "auto", Balance: "round-robin",
			APIKeyEnv: "WSRUN_API_KEY", MetricsAuto: true, MetricsInterval: seconds(1), MaxInFlight: 2000, Replicas: 1,
			Timeouts: Timeouts{Connect: seconds(5), FirstToken: seconds(900), BetweenTokens: seconds(60), Request: seconds(1800)},
		},
		Contexts: []int64{8000}, WorkingSet: WorkingSet{Sizes: []int64{100000, 400000, 700000, 1000000}},
		HitRates: []float64{100}, OutputTokens: 256, Chunk: 256, Access: "cyclic", Seed: 42,
		Prompts: Prompts{Encoding: "auto", Salt: "cell"}, Mode: "fixed",
		Duration: Span{seconds(60), seconds(300)}, Assessment: seconds(30), Drain: seconds(30),
		Concurrency: []int{4, 8}, OnMiss: "skip",
		Warmup: Warmup{Concurrency: 16, Reset: Reset{Auto: true}, Rewarm: "per-working-set", Verify: true},
		Trials: 1, Order: "ascending", Compare: DefaultCompare(), Output: Output{Dir: "results", Requests: true, HTML: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

const everything = `
version: 1
name: everything
description: all keys
labels: {lmcache: "on", gpu: H100, tp: 8, ratio: 1.10}
target:
  endpoints: [http://gpu-1:8000/v1, http://gpu-2:8000/]
  model: llama
  api: chat
  balance: pinned
  api_key_env: WSRUN_OTHER
  headers: {X-Session-ID: "{prompt}", X-Prio: 1}
  body: {temperature: 0.5, tags: [a, 1, true, null], nested: {x: "y"}}
  metrics: [http://gpu-1:9090/metrics, http://gpu-2:9090/metrics]
  metrics_interval: 500ms
  timeouts: {connect: 1s, first_token: 1m, between_tokens: 2s, request: 5m}
  max_in_flight: 500
  kv_bytes_per_token: 327680
  replicas: 2
  gpus: 8
  tiers: [{name: hbm, capacity: 1M}, {name: cpu-dram, capacity: 512GiB, bandwidth: 50GB/s}, {name: 3fs, capacity: 1.5TiB, bandwidth: 0.5TB/s}]
contexts: [8k, 32Ki]
working_set: [100k, 1.5M]
hit_rates: [0, 50%, 99.5]
output_tokens: 64
chunk: 128
server_block: 16
access: uniform
seed: -7
prompts: {encoding: auto, salt: run}
mode: fixed
duration: 45s
assessment_period: 15s
warm_in_max: 90s
drain: 0s
concurrency: 8
on_miss: continue
warmup: {concurrency: 4, reset: {post: [/flush, http://cache:9000/flush]}, rewarm: per-level, verify: false}
repeats: 2
trials: 3
order: interleaved
slo:
  ttft: {p95: 5s, max: 20s}
  output_rate: {avg: 20, p5: 12.5}
stop:
  - ttft.p95 > 3s
  - {when: error_rate > 5% and completed > 50, periods: 2, ends: run, fail: true, reason: server is failing}
  - {when: prev.ttft.p95 > 9s, ends: level}
thresholds:
  - {expect: ttft.p95 < 2s, where: hit_rate == 50}
  - expect: edge1 > 950k
  - expect: edge.cpu-dram > 1M and edge.3fs > edge.hbm
output: {dir: out/here, requests: false, html: false}
`

func TestEveryKey(t *testing.T) {
	sc := must(t, everything, Options{}).Scenario
	want := &Scenario{
		Version: 1, Name: "everything", Description: "all keys",
		Labels: map[string]string{"lmcache": "on", "gpu": "H100", "tp": "8", "ratio": "1.10"},
		Target: Target{
			Endpoints: []string{"http://gpu-1:8000", "http://gpu-2:8000"}, Model: "llama", API: "chat", Balance: "pinned", APIKeyEnv: "WSRUN_OTHER",
			Headers: map[string]string{"X-Session-ID": "{prompt}", "X-Prio": "1"},
			Body:    map[string]any{"temperature": 0.5, "tags": []any{"a", 1.0, true, nil}, "nested": map[string]any{"x": "y"}},
			Metrics: []string{"http://gpu-1:9090/metrics", "http://gpu-2:9090/metrics"}, MetricsInterval: Duration(500 * time.Millisecond),
			Timeouts:    Timeouts{Connect: seconds(1), FirstToken: seconds(60), BetweenTokens: seconds(2), Request: seconds(300)},
			MaxInFlight: 500, KVBytesPerToken: 327680, Replicas: 2, GPUs: 8,
			Tiers: []Tier{{"hbm", 1e6, 0}, {"cpu-dram", 1677721, 50e9}, {"3fs", 5033164, 500e9}}, // floor(bytes / 327680)
		},
		Contexts: []int64{8000, 32768}, WorkingSet: WorkingSet{Sizes: []int64{100000, 1500000}}, HitRates: []float64{0, 50, 99.5},
		OutputTokens: 64, Chunk: 128, ServerBlock: 16, Access: "uniform", Seed: -7, Prompts: Prompts{"auto", "run"}, Mode: "fixed",
		Duration: Span{seconds(45), seconds(45)}, Assessment: seconds(15), WarmInMax: seconds(90), Concurrency: []int{8}, OnMiss: "continue",
		Warmup:  Warmup{Concurrency: 4, Reset: Reset{Posts: []string{"/flush", "http://cache:9000/flush"}}, Rewarm: "per-level"},
		Repeats: 2, Trials: 3, Order: "interleaved",
		SLO: SLO{TTFT: []Line{{"max", 20}, {"p95", 5}}, OutputRate: []Line{{"avg", 20}, {"p5", 12.5}}},
		Stop: []Stop{
			{When: "ttft.p95 > 3s", Ends: "cell"},
			{When: "error_rate > 5% and completed > 50", Periods: 2, Ends: "run", Fail: true, Reason: "server is failing"},
			{When: "prev.ttft.p95 > 9s", Periods: 1, Ends: "level"},
		},
		Thresholds: []Threshold{{"ttft.p95 < 2s", "hit_rate == 50"}, {"edge1 > 950k", ""}, {"edge.cpu-dram > 1M and edge.3fs > edge.hbm", ""}},
		Compare:    DefaultCompare(),
		Output:     Output{Dir: "out/here"},
	}
	if d := cmp.Diff(want, sc); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// TestAutoValues: auto and none are values like others.
func TestAutoValues(t *testing.T) {
	const target = "name: a\ntarget: {endpoints: http://a, metrics: %s, kv_bytes_per_token: auto}\ncontexts: 8k\nworking_set: 1M\nmode: fixed\nconcurrency: 1\nserver_block: auto\nwarm_in_max: auto\nwarmup: {reset: auto}\n"
	for metrics, want := range map[string]Target{"auto": {MetricsAuto: true}, "none": {}, "http://m/metrics": {Metrics: []string{"http://m/metrics"}}} {
		sc := must(t, fmt.Sprintf(target, metrics), Options{}).Scenario
		if sc.Target.MetricsAuto != want.MetricsAuto || cmp.Diff(want.Metrics, sc.Target.Metrics) != "" {
			t.Errorf("metrics: %s gave %v %v", metrics, sc.Target.MetricsAuto, sc.Target.Metrics)
		}
		if sc.ServerBlock != 0 || sc.WarmInMax != 0 || !sc.Warmup.Reset.Auto || sc.Target.KVBytesPerToken != 0 {
			t.Errorf("auto gave %+v", sc)
		}
	}
}

// TestZeroHitRateAlone: size has no meaning at hit rate 0, so none is too small.
func TestZeroHitRateAlone(t *testing.T) {
	plan := must(t, "name: a\ntarget: http://a\ncontexts: 8k\nworking_set: [1k, 2k]\nhit_rates: 0\nmode: fixed\nconcurrency: 1\n", Options{})
	if len(plan.Cells) != 1 || plan.Cells[0].Prompts != 0 {
		t.Errorf("%+v", plan.Cells)
	}
}

// TestEveryRawKeyIsTried keeps TestEveryKey complete: a key that the loader reads
// must be in its file, or in a scenario of the other shape.
func TestEveryRawKeyIsTried(t *testing.T) {
	others := everything + growing + mapping + openLoop + "extends: _base.yaml\nworking_set: {min: 1, max: 2, steps: 2, spacing: linear, refine: 1}\nsimulator: {profile: small}\nduration: {min: 1s, max: 2s}\nreset: {command: [x]}\nttft: {avg: 1s, p50: 1s, p90: 1s, p99: 1s}\noutput_rate: {p10: 1}\n"
	var look func(typ reflect.Type)
	look = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			return
		}
		for i := 0; i < typ.NumField(); i++ {
			name := yamlName(typ.Field(i))
			if name == "-" {
				continue
			}
			if !strings.Contains(others, name+":") {
				t.Errorf("no test file has the key %q of %s", name, typ)
			}
			look(typ.Field(i).Type)
		}
	}
	look(reflect.TypeOf(rawFile{}))
}

// TestJSONRoundTrip: a record carries the scenario as JSON and expands it again.
func TestJSONRoundTrip(t *testing.T) {
	for _, src := range []string{minimal(""), everything, sustainedFile(""), growing, mapFile(""), mapping} {
		plan := must(t, src, Options{})
		b, err := json.Marshal(plan.Scenario)
		if err != nil {
			t.Fatal(err)
		}
		var sc Scenario
		if err := json.Unmarshal(b, &sc); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(plan.Scenario, &sc); d != "" {
			t.Errorf("changed by JSON: -before +after\n%s", d)
		}
		again, problems := Expand(&sc)
		if again == nil {
			t.Fatalf("not expanded again:\n%s", Render(problems, false))
		}
		if d := cmp.Diff(plan.Cells, again.Cells); d != "" || plan.Digest != again.Digest {
			t.Errorf("expanded differently, digests %s and %s\n%s", plan.Digest, again.Digest, d)
		}
		if len(again.Stops) != len(sc.Stop) || len(again.Thresholds) != len(sc.Thresholds) {
			t.Error("conditions were not compiled again")
		}
	}
	if _, problems := Expand(&Scenario{Contexts: []int64{1}, WorkingSet: WorkingSet{Sizes: []int64{1}}, HitRates: []float64{100}, Chunk: 1, Stop: []Stop{{When: "ttft.p59 > 1s"}}}); len(problems) != 1 || problems[0].Path != "/stop/0/when" {
		t.Errorf("a broken condition of a record: %+v", problems)
	}
}

// TestSameText: what people do to files does not change what they mean.
func TestSameText(t *testing.T) {
	want := must(t, everything, Options{}).Scenario
	for name, src := range map[string]string{
		"byte order mark": "\ufeff" + everything,
		"CRLF":            strings.ReplaceAll(everything, "\n", "\r\n"),
		"document start":  "---" + everything,
		"document end":    everything + "...\n",
		"no last newline": strings.TrimSuffix(everything, "\n"),
		"aliases":         strings.Replace(strings.Replace(everything, "connect: 1s", "connect: &one 1s", 1), "metrics_interval: 500ms", "metrics_interval: 500ms", 1),
	} {
		if d := cmp.Diff(want, must(t, src, Options{}).Scenario); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
	sc := must(t, minimal("duration: &d 10s\nassessment_period: *d\n"), Options{}).Scenario
	if sc.Assessment != seconds(10) {
		t.Errorf("an alias gave %s", sc.Assessment)
	}
}

// TestCRLFPlaces: line ends do not move problems.
func TestCRLFPlaces(t *testing.T) {
	src := minimal("sead: 5\n")
	for _, text := range []string{src, strings.ReplaceAll(src, "\n", "\r\n"), strings.ReplaceAll(src, "\n", "\r"), "\ufeff" + src} {
		_, problems := Load("x.yaml", []byte(text), Options{})
		if len(problems) != 1 || problems[0].Line != 7 || problems[0].Col != 1 || problems[0].Source != "sead: 5" {
			t.Errorf("%q: %+v", text[:20], problems)
		}
	}
}

func codesOf(problems []Problem) string {
	var out []string
	for _, p := range problems {
		out = append(out, p.Code)
	}
	return strings.Join(out, " ")
}

func TestPermissions(t *testing.T) {
	const reset = "warmup: {reset: {command: [redis-cli, flushall]}}\n"
	const key = "name: k\ntarget: {endpoints: [http://a], api_key_env: HF_TOKEN}\ncontexts: [8k]\nworking_set: [1M]\nmode: fixed\nconcurrency: 1\n"
	if _, problems := Load("x", []byte(minimal(reset)), Options{}); codesOf(problems) != "command-not-allowed" {
		t.Errorf("a command without --allow-commands: %s", codesOf(problems))
	}
	got := must(t, minimal(reset), Options{AllowCommands: true}).Scenario.Warmup.Reset
	if d := cmp.Diff(Reset{Command: []string{"redis-cli", "flushall"}}, got); d != "" {
		t.Error(d)
	}
	if _, problems := Load("x", []byte(key), Options{}); codesOf(problems) != "env-not-allowed" {
		t.Errorf("a foreign variable without --env: %s", codesOf(problems))
	}
	must(t, key, Options{AllowedEnv: []string{"HF_TOKEN"}})
	if r := must(t, minimal("warmup: {reset: none}\n"), Options{}).Scenario.Warmup.Reset; !r.None() {
		t.Errorf("reset: none gave %+v", r)
	}
}

func TestCommandLine(t *testing.T) {
	sc := must(t, everything, Options{Target: "http://new:1/v1/", OutputDir: "/tmp/out", Labels: map[string]string{"gpu": "B200", "run": "7"}}).Scenario
	if got := strings.Join(sc.Target.Endpoints, " "); got != "http://new:1" {
		t.Errorf("--target gave %s", got)
	}
	if !sc.Target.MetricsAuto || sc.Target.Metrics != nil {
		t.Error("--target kept the old target's metrics")
	}
	if d := cmp.Diff([]string{"/flush"}, sc.Warmup.Reset.Posts); d != "" {
		t.Errorf("--target keeps paths and drops reset URLs: %s", d)
	}
	if sc.Target.Model != "llama" || sc.Target.Headers["X-Session-ID"] != "{prompt}" {
		t.Error("--target dropped the model or the headers")
	}
	if sc.Output.Dir != "/tmp/out" || sc.Labels["gpu"] != "B200" || sc.Labels["run"] != "7" || sc.Labels["lmcache"] != "on" {
		t.Errorf("%+v %v", sc.Output, sc.Labels)
	}
	if sc := must(t, minimal(""), Options{Target: "simulator"}).Scenario; sc.Target.Simulator == nil || sc.Target.Endpoints != nil {
		t.Errorf("--target simulator gave %+v", sc.Target)
	}
	if _, problems := Load("x", []byte(minimal("")), Options{Target: "nowhere"}); codesOf(problems) != "bad-url" {
		t.Errorf("--target nowhere: %s", codesOf(problems))
	}
}

func TestSimulatorProfiles(t *testing.T) {
	src := strings.Replace(minimal(""), "http://localhost:8000", "{simulator: {profile: testdata/profiles/two-tiers.yaml}}", 1)
	sim := must(t, src, Options{CheckProfile: validJSON}).Scenario.Target.Simulator
	want := `{"name":"two-tiers","model":"sim","block":16,"tiers":[{"name":"hbm","capacity":200000,"load":"0s"},{"name":"dram","capacity":600000,"load":"5µs"}],` +
		`"placement":"exclusive","eviction":"lru","base":"5ms","prefill":"50µs","decode":"2ms","queue":"free","noise":0,` +
		`"tells":{"cached_tokens":true,"usage":true,"token_ids":true,"metrics":"vllm","reset":true},"faults":{"after":10,"error_rate":20,"status":503}}`
	if sim.Profile != "two-tiers" || string(sim.Body) != want {
		t.Errorf("profile %s is\n%s\nwant\n%s", sim.Profile, sim.Body, want)
	}
	_, problems := Load("x", []byte(src), Options{CheckProfile: func([]byte) error { return errors.New("tiers shrink") }})
	if codesOf(problems) != "bad-profile" || !strings.Contains(problems[0].Message, "tiers shrink") {
		t.Errorf("the simulator's own rules: %+v", problems)
	}
	if sim := must(t, strings.Replace(minimal(""), "http://localhost:8000", "simulator", 1), museumOptions()).Scenario.Target.Simulator; sim.Profile != "small" || sim.Body != nil {
		t.Errorf("target: simulator gave %+v", sim)
	}
}

func validJSON(b []byte) error {
	if !json.Valid(b) {
		return errors.New("no JSON")
	}
	return nil
}

// TestProfileStaysInside: neither a path nor a link leads out of the working directory.
func TestProfileStaysInside(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret.yaml"), []byte("name: stolen\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Symlink(filepath.Join(outside, "secret.yaml"), "link.yaml"); err != nil {
		t.Skip(err)
	}
	for _, profile := range []string{"link.yaml", "./link.yaml", "../x.yaml", filepath.ToSlash(outside) + "/secret.yaml"} {
		src := strings.Replace(minimal(""), "http://localhost:8000", "{simulator: {profile: "+profile+"}}", 1)
		if plan, _ := Load("s.yaml", []byte(src), Options{}); plan != nil {
			t.Errorf("%s was read: %s", profile, plan.Scenario.Target.Simulator.Body)
		}
	}
}

func TestLoadFiles(t *testing.T) {
	files := map[string]string{
		"a.yaml": minimal(""),
		"b.yaml": strings.Replace(minimal("sead: 1\n"), "minimal", "other", 1),
		"c.yaml": strings.Replace(minimal(""), "minimal", "third", 1),
	}
	opt := Options{ReadFile: func(p string) ([]byte, error) {
		if s, ok := files[p]; ok {
			return []byte(s), nil
		}
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}}
	plans, problems := LoadFiles([]string{"a.yaml", "c.yaml"}, opt)
	if len(plans) != 2 || len(problems) != 0 || plans[1].Path != "c.yaml" || string(plans[1].Source) != files["c.yaml"] {
		t.Errorf("%d plans, problems %v", len(plans), problems)
	}
	files["again.yaml"] = files["a.yaml"]
	plans, problems = LoadFiles([]string{"b.yaml", "nowhere.yaml", "a.yaml", "again.yaml", "./a.yaml", "_base.yaml"}, opt)
	if plans != nil || codesOf(problems) != "unknown-key unreadable duplicate-name duplicate-file base-alone" {
		t.Errorf("plans %v, %s", plans, codesOf(problems))
	}
	if p := problems[2]; p.Line != 1 || p.Source != "name: minimal" {
		t.Errorf("a name that is taken stands at %+v", p)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.yaml", "a.yml", "_base.yaml", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := Files([]string{"-", dir, "missing.yaml"})
	want := []string{"-", filepath.Join(dir, "a.yml"), filepath.Join(dir, "b.yaml"), "missing.yaml"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	if _, err := Files([]string{empty}); err == nil {
		t.Error("a directory without scenarios was accepted")
	}
}

// TestLargeFileIsNotRead: a 100 MB file costs no more than its first MiB.
func TestLargeFileIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.yaml")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(100 << 20); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := Options{}.read(path)
	if err != nil || len(b) > MaxFileSize+4 {
		t.Errorf("read %d bytes, %v", len(b), err)
	}
	if _, problems := Load(path, b, Options{}); codesOf(problems) != "too-large" {
		t.Errorf("%s", codesOf(problems))
	}
}

// TestRulesNeverPanic: an unknown validate tag would panic at its first use.
func TestRulesNeverPanic(t *testing.T) {
	w := newWalker(newSource("x", []byte("{}")))
	w.checkFields(&rawFile{
		Target: &rawTarget{}, WorkingSet: &rawWorkingSet{}, Prompts: &rawPrompts{}, Duration: &rawSpan{}, Warmup: &rawWarmup{}, Concurrency: &rawConcurrency{Levels: List[Int]{0}}, Growth: &rawGrowth{},
		SLO: &rawSLO{TTFT: &rawTTFT{}, OutputRate: &rawRate{}}, Stop: List[rawStop]{{}}, Thresholds: List[rawThreshold]{{}}, Output: &rawOutput{},
	})
	if len(w.problems) == 0 {
		t.Error("an empty scenario broke no rule")
	}
}

func TestRenderIsSafe(t *testing.T) {
	text := Render([]Problem{{File: "a\x1b[2Jb", Line: 1, Col: 1, Len: 3, Code: "x", Message: "m\x07", Source: "\x1b]0;owned\x07"}}, false)
	if strings.ContainsAny(text, "\x1b\x07") {
		t.Errorf("control characters reach the terminal: %q", text)
	}
	if !strings.Contains(Render([]Problem{{Code: "x", Line: 1, Col: 1}}, true), "\x1b[31m^") {
		t.Error("no colour where it was asked for")
	}
	long := Problem{File: "f", Line: 1, Col: 5001, Len: 2, Source: strings.Repeat("x", 5000) + "yy" + strings.Repeat("z", 5000)}
	lines := strings.Split(Render([]Problem{long}, false), "\n")
	if len(lines[1]) > 200 || strings.Index(lines[1], "yy") != strings.Index(lines[2], "^^") {
		t.Errorf("a long line is shown as\n%s\n%s", lines[1], lines[2])
	}
}

// The output of validate may be a CI's log: a secret that was found in a file is not
// shown there, whichever problem of its line quotes it.
func TestRenderHidesSecrets(t *testing.T) {
	src := []byte("name: UP\ntarget: {endpoints: ['http://me:pazz@host'], modell: x, headers: {Authorization: Bearer hush}}\n")
	_, problems := Load("s.yaml", src, Options{})
	text := Render(problems, false)
	if strings.Contains(text, "pazz") || strings.Contains(text, "hush") || !strings.Contains(text, "modell") || !strings.Contains(text, "****") {
		t.Errorf("rendered as\n%s", text)
	}
	_, problems = Load("s.yaml", src, Options{Target: "http://me:pazz@host"})
	if text := Render(problems, false); strings.Contains(text, "pazz") {
		t.Errorf("rendered as\n%s", text)
	}
}

// A slip in one key hides no problem of the others, and a misspelt key is not missing
// as well.
func TestOneBadKeyHidesNothing(t *testing.T) {
	src := []byte(`name: s
target: {endpoints: [http://a], simulator: {profile: smal}, modell: x}
contexts: 1k
working_set: {min: 10k, maxx: 20k, steps: 0}
mode: fixed
concurrency: 2
thresholds: [{expect: "ttft.p95"}, {expct: "ttft.p95 < 1s"}]
`)
	_, problems := Load("s.yaml", src, Options{})
	got := []string{}
	for _, p := range problems {
		got = append(got, p.Path+" "+p.Code)
	}
	want := []string{"/target/simulator endpoints-with-simulator", "/target/modell unknown-key", "/working_set/maxx unknown-key", "/working_set/steps out-of-range",
		"/thresholds/0/expect condition-type", "/thresholds/1/expct unknown-key"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzLoad reads a scenario with a base, a --set and variables. Whatever they hold, there is
// a plan or a problem with a place; a plan can be revealed in the environment that it was
// loaded in, and the one file that a run keeps of it means the same.
func FuzzLoad(f *testing.F) {
	base := minimal("labels: {a: 1}\n")
	for _, file := range museum(f) {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, []byte(base), "seed=5", "x")
	}
	for _, s := range []string{minimal(""), everything, growing, mapping, mapFile("working_set: {max: 2 tier2}\n"), "a: &a [*a]", "{", "\xff\xfe\x00", "? [a]\n: b\n", "stop: |\n  error_rate > 5x\n", "\r\r\ta: 1", "- - - -", "!!binary x", "<<: {a: b}", "\u2028a: 1"} {
		f.Add([]byte(s), []byte(base), "stop[0].when=error_rate > 5%", "3s")
		f.Add([]byte("extends: _base.yaml\nname: x\n"), []byte(s), "target.headers.X=${WSRUN_X}", "a b")
	}
	f.Add([]byte("extends: _base.yaml\nlabels: null\nstop: [a: b]\n"), []byte(base), `labels."a.b"=[1`, "")
	f.Add([]byte(strings.Replace(secretFile, ", none-of-it", "", 1)), []byte(base), "target.endpoints[0]=http://${WSRUN_X}@h", "u:p@h/x?y#z")
	f.Fuzz(func(t *testing.T, src, base []byte, set, value string) {
		files := map[string]string{"_base.yaml": string(base), "fuzz.yaml": string(src)}
		opt := Options{Tiers: foundTiers, ReadFile: filesOf(files), AllowCommands: true, Env: func(name string) (string, bool) { return value, name != "WSRUN_NOT_SET" }}
		if set != "" {
			opt.Set = []string{set}
		}
		plan, problems := Load("fuzz.yaml", src, opt)
		if (plan == nil) != hasErrors(problems) {
			t.Errorf("plan %v with problems %v", plan != nil, problems)
		}
		for _, p := range problems {
			if p.Message == "" || p.Code == "" || p.File == "" || p.Line > 0 && (p.Col < 1 || p.Len < 1) {
				t.Errorf("problem %+v", p)
			}
		}
		Render(problems, false)
		if plan != nil {
			loaded(t, plan, opt)
		}
	})
}

// loaded holds a plan against what every plan must be.
func loaded(t *testing.T, plan *Plan, opt Options) {
	if len(plan.Cells) == 0 {
		t.Error("a plan without cells")
	}
	if _, _, err := Reveal(plan.Scenario, opt.Env); err != nil {
		t.Errorf("loaded, and cannot be revealed: %v", err)
	}
	kept, err := plan.Kept()
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) < 2 || kept[1].Path != MergedFile {
		return
	}
	opt.Set = nil
	again, problems := Load(MergedFile, kept[1].Text, opt)
	if again == nil {
		t.Fatalf("%s\n%s", Render(problems, false), kept[1].Text)
	}
	if d := cmp.Diff(plan.Scenario, again.Scenario); d != "" {
		t.Errorf("-was +kept\n%s\n%s", d, kept[1].Text)
	}
}
