package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSet(t *testing.T) {
	base := minimal("labels: {a: 1, a.b: 2}\nstop:\n  - error_rate > 5%\n  - {when: completed > 9, reason: enough}\nslo: {ttft: {p95: 5s}}\n")
	for _, c := range []struct {
		set  []string
		want string // keys of a file that extends base
	}{
		{[]string{"working_set.max=2M"}, "working_set: {max: 2M}"},
		{[]string{"working_set.max=2M", "working_set.max=3M"}, "working_set: {max: 3M}"},
		{[]string{"concurrency=7"}, "concurrency: 7"},
		{[]string{"concurrency=[1, 2]"}, "concurrency: [1, 2]"},
		{[]string{"concurrency[1]=9"}, "concurrency: [4, 9]"},
		{[]string{"concurrency.1=9", "concurrency[2]=10"}, "concurrency: [4, 9, 10]"},
		{[]string{"concurrency[0]=null"}, "concurrency: [8]"},
		{[]string{"contexts[1]=16k"}, "contexts: [8k, 16k]"},
		{[]string{`labels."a.b"=3`, "labels.c=x y", `labels."d"="["`}, `labels: {a: 1, a.b: 3, c: x y, d: "["}`},
		{[]string{"labels.a=null", "labels.z=null"}, "labels: {a.b: 2, a: null}"},
		{[]string{"stop[0].periods=2"}, "stop: [{when: error_rate > 5%, periods: 2}, {when: completed > 9, reason: enough}]"},
		{[]string{"stop.1.reason=more", "stop[2]=error_rate > 90%"}, "stop: [error_rate > 5%, {when: completed > 9, reason: more}, error_rate > 90%]"},
		{[]string{"thresholds[0].expect=ttft.p95 < 2s", "thresholds[0].where=hit_rate == 100"}, "thresholds: [{expect: ttft.p95 < 2s, where: hit_rate == 100}]"},
		{[]string{"target.model=m"}, "target: {model: m}"},
		{[]string{"target.endpoints[1]=http://b"}, "target: {endpoints: [http://localhost:8000, http://b]}"},
		{[]string{"target={model: m, timeouts: {connect: 1s}}"}, "target: {model: m, timeouts: {connect: 1s}}"},
		{[]string{"target=simulator"}, "target: simulator"},
		{[]string{"target.endpoints=null", "target.simulator.profile=small"}, "target: {endpoints: null, simulator: {profile: small}}"},
		{[]string{"slo=null"}, "slo: null"},
		{[]string{"slo.ttft.p99=9s", "slo.output_rate.avg=1.5"}, "slo: {ttft: {p99: 9s}, output_rate: {avg: 1.5}}"},
		{[]string{"description=\"\""}, "description: ''"},
		{[]string{"description=a = b"}, "description: a = b"},
		{[]string{"description=|-\n  two\n  lines"}, "description: \"two\\nlines\""},
		{[]string{"slo=\nttft:\n  avg: 1s\n  p95: 2s"}, "slo: {ttft: {avg: 1s, p95: 2s}}"},
		{[]string{"duration.max=10m"}, "duration: {max: 10m}"},
		{[]string{"description=${WSRUN_X:-here}"}, "description: here"},
	} {
		want, problems := loadMap(t, map[string]string{"s.yaml": "extends: _b.yaml\n" + c.want + "\n", "_b.yaml": base}, "s.yaml", Options{})
		if want == nil {
			t.Fatalf("%s: %s", c.want, Render(problems, false))
		}
		got, problems := Load("s.yaml", []byte(base), Options{Set: c.set})
		if got == nil {
			t.Errorf("%q: %s", c.set, Render(problems, false))
			continue
		}
		if d := cmp.Diff(want.Scenario, got.Scenario); d != "" {
			t.Errorf("%q: -want +got\n%s", c.set, d)
		}
	}
}

// Of the file, --set and the other flags the last word is the flags'.
func TestSetComesBeforeFlags(t *testing.T) {
	sc := must(t, minimal(""), Options{Set: []string{"target.model=m", "target.endpoints[0]=http://set", "output.dir=set", "labels.a=set", "labels.b=set"},
		Target: "http://flag", OutputDir: "flag", Labels: map[string]string{"a": "flag"}}).Scenario
	if got := sc.Target.Endpoints[0] + " " + sc.Target.Model + " " + sc.Output.Dir + " " + sc.Labels["a"] + " " + sc.Labels["b"]; got != "http://flag m flag flag set" {
		t.Error(got)
	}
}

func TestSetIsRefused(t *testing.T) {
	for _, c := range []struct {
		set  string
		code string
		at   string // what is underlined, as far as it goes
		says string
	}{
		{"working_set.max=5x", "bad-size", "5x", "unit"},
		{"wrking_set.max=5M", "unknown-key", "wrking_set", "working_set"},
		{"working_set.mx=5M", "unknown-key", "mx", "max"},
		{"wrong=null", "unknown-key", "wrong", "unknown key"},
		{"é.x=1", "unknown-key", "é", "unknown key"},
		{"labels.é=[1]", "wrong-type", "[", "labels.é"},
		{"seed", "bad-set", "s", "there is no ="},
		{"=5", "bad-set", "=", "a key is missing"},
		{"", "bad-set", "", "a key is missing"},
		{"a..b=1", "bad-set", ".", "a key is missing"},
		{"a.=1", "bad-set", "=", "a key is missing"},
		{"a[x]=1", "bad-set", "[x]", "no place in a list"},
		{"a[1=1", "bad-set", "[", "not closed"},
		{`labels."x=1`, "bad-set", `"`, "not closed"},
		{"concurrency[0]x=1", "bad-set", "x", "missing here"},
		{"concurrency[3]=1", "bad-set", "[3]", "the next one is concurrency[2]"},
		{"concurrency[99999999999999999999]=1", "bad-set", "[", "no place in a list"},
		{"concurrency.max=1", "bad-set", "max", "is a list"},
		{"seed=", "bad-set", "=", "there is no value"},
		{"seed= ", "bad-set", "=", "there is no value"},
		{"description=# hi", "bad-set", "# hi", "is a comment"},
		{"description={", "syntax", "{", "expected node content"},
		{"target.simulator.profile=small", "endpoints-with-simulator", "profile", "endpoints is in s.yaml: --set target.endpoints=null takes it away"},
		{"extends=x.yaml", "bad-set", "extends", "settled before"},
		{"description=[a", "syntax", "[", "not closed"},
		{"description=!!str x", "explicit-tag", "!!str", "tag"},
		{"labels={a: &x [*x]}", "too-many-aliases", "*x", "contains itself"},
		{"labels={a: 1, a: 2}", "duplicate-key", "a", "twice"},
		{"description=${HOME}", "env-not-allowed", "${HOME}", "may not be read"},
		{"trials=0", "out-of-range", "0", "at least 1"},
		{"slo.ttft.p95=\n  - 1", "wrong-type", "- 1", "duration"},
		{strings.Repeat("a.", 60) + "b=1", "bad-set", "a", "deep"},
	} {
		plan, problems := Load("s.yaml", []byte(minimal("")), Options{Set: []string{"seed=5", c.set}})
		if plan != nil || len(problems) != 1 {
			t.Errorf("%q: %s", c.set, Render(problems, false))
			continue
		}
		p := problems[0]
		under := ""
		if rs := []rune(p.Source); p.Col-1 <= len(rs) {
			under = string(rs[p.Col-1:])
		}
		if p.Code != c.code || p.For != "s.yaml" || !strings.HasPrefix(p.File, "--set ") || !strings.HasPrefix(under, c.at) || !strings.Contains(p.Message, c.says) {
			t.Errorf("%q: at %q: %s", c.set, under, Render(problems, false))
		}
	}
}

// TestMergedIsTheSame: the one file that a run keeps asks for the same as all that it is
// made of, and needs no base.
func TestMergedIsTheSame(t *testing.T) {
	sets := []string{"working_set.max=2M", "stop[0].when=error_rate > 7%", "labels.\"a b\"=\"#1: x\"", "slo=null", "slo.ttft.p95=3s", "description=|\n  two\n  lines", "target.headers.X-A=\"${WSRUN_T}: [\"", "target.body={a: null, b: ['y', \"no\", 1e3]}", "chunk=128", "hit_rates=[50, 100%]", "seed=-1", "target.model=m"}
	files := map[string]string{"d/_base.yaml": "# why\n" + minimal("labels: &l {on: 'on', n: \"007\", t: 2020-01-01}\ntarget: {endpoints: [http://a], body: {meta: *l}}\nslo: {ttft: {p95: 5s}}\n"),
		"d/child.yaml": "extends: _base.yaml # the base\nname: child\nslo: {ttft: {p95: null, p99: 8s}}\n"}
	files["d/_base.yaml"] = strings.Replace(files["d/_base.yaml"], "target: http://localhost:8000\n", "", 1)
	env := envOf(map[string]string{"WSRUN_T": "secret"})
	rapid.Check(t, func(rt *rapid.T) {
		opt := Options{Env: env, Set: rapid.SliceOfN(rapid.SampledFrom(sets), 0, 5).Draw(rt, "set"), ReadFile: filesOf(files)}
		plan, problems := Load("d/child.yaml", []byte(files["d/child.yaml"]), opt)
		if plan == nil {
			rt.Fatal(Render(problems, false))
		}
		kept, err := plan.Kept()
		if err != nil {
			rt.Fatal(err)
		}
		byName := map[string]string{}
		for _, f := range kept {
			byName[f.Path] = string(f.Text)
		}
		if byName[KeptFile] != files["d/child.yaml"] || byName["_base.yaml"] != files["d/_base.yaml"] {
			rt.Fatalf("kept %v", byName)
		}
		again, problems := Load(MergedFile, []byte(byName[MergedFile]), Options{Env: env, ReadFile: filesOf(nil)})
		if again == nil {
			rt.Fatalf("%s\n%s", Render(problems, false), byName[MergedFile])
		}
		if d := cmp.Diff(plan.Scenario, again.Scenario); d != "" || plan.Digest != again.Digest {
			rt.Fatalf("-was +kept\n%s\n%s", d, byName[MergedFile])
		}
		if strings.Contains(byName[MergedFile], "secret") {
			rt.Fatal("the value of a variable is kept")
		}
	})
}

// Bases and profiles are kept where the scenario finds them; what lies elsewhere is kept
// beside, and never in place of a file of the run.
func TestKeptNames(t *testing.T) {
	t.Chdir(t.TempDir())
	files := map[string]string{
		"s/a.yaml":              "extends: ../bases/_up.yaml\nname: a\n",
		"bases/_up.yaml":        "extends: scenario.yaml\ntarget: {simulator: {profile: profiles/p.yaml}}\n",
		"bases/scenario.yaml":   strings.Replace(minimal(""), "target: http://localhost:8000\n", "", 1),
		"bases/profiles/p.yaml": "name: p\n",
		"s/b.yaml":              strings.Replace(minimal(""), "http://localhost:8000", "{simulator: {profile: ./run.json}}", 1),
		"s/run.json":            "{name: p}",
	}
	for _, c := range []struct{ file, want string }{
		{"s/a.yaml", "scenario.yaml scenario.merged.yaml beside/_up.yaml beside/scenario.yaml beside/p.yaml"},
		{"s/b.yaml", "scenario.yaml beside/run.json"},
	} {
		plan, problems := loadMap(t, files, c.file, Options{})
		if plan == nil {
			t.Fatal(Render(problems, false))
		}
		kept, err := plan.Kept()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range kept {
			if names = append(names, f.Path); !filepath.IsLocal(f.Path) {
				t.Errorf("%s would be written outside", f.Path)
			}
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s keeps %s, want %s", c.file, got, c.want)
		}
		if len(kept) > 1 && kept[1].Path == MergedFile && !strings.Contains(string(kept[1].Text), "profile: ../bases/profiles/p.yaml") {
			t.Errorf("the profile is not where the scenario finds it:\n%s", kept[1].Text)
		}
	}
}

// What is wrong with --target is told once for all files, and not as a place in one of them.
func TestTargetIsRefused(t *testing.T) {
	files := map[string]string{"a.yaml": minimal(""), "b.yaml": strings.Replace(minimal(""), "name: minimal", "name: b", 1)}
	for target, says := range map[string]string{
		"gpu-1:8000":                  "write http://gpu-1:8000",
		"http://u:hush@h":             "--set 'target.endpoints=http://user:${WSRUN_PASSWORD}@host:8000'",
		"http://u:${WSRUN_X}@gpu:800": "no variables are read here",
	} {
		_, problems := LoadFiles([]string{"a.yaml", "b.yaml"}, Options{Target: target, ReadFile: filesOf(files)})
		if len(problems) != 1 || !OnCommandLine(problems[0].File) || problems[0].For != "a.yaml and 1 more" || !strings.Contains(problems[0].Message, says) || strings.Contains(problems[0].Message, "hush") {
			t.Errorf("%s: %s", target, Render(problems, false))
		}
	}
}

// A text that ends too early is marked at its end: there is no line after it.
func TestSyntaxAtTheEnd(t *testing.T) {
	for src, want := range map[string]string{
		"name: a\nlabels: {":         "2:9 {",
		"name: a\nlabels: {\n\n  \n": "2:9 {",
		"{{{{\n":                     "1:4 {",
		"name: \"a\\qb\"\n":          "1:9 write \\\\",
	} {
		_, problems := Load("s.yaml", []byte(src), Options{})
		place, says, _ := strings.Cut(want, " ")
		if p := problems[0]; len(problems) != 1 || p.Code != "syntax" || fmt.Sprintf("%d:%d", p.Line, p.Col) != place || !strings.Contains(p.Message, says) || p.Source == "" {
			t.Errorf("%q: %s", src, Render(problems, false))
		}
	}
}

// A scenario stays below the working directory; whoever calls wsrun may name any place.
func TestSetLeavesTheWorkingDirectory(t *testing.T) {
	away := filepath.Join(t.TempDir(), "p.yaml")
	if err := os.WriteFile(away, []byte("name: p\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	src := strings.Replace(minimal(""), "target: http://localhost:8000", "target: simulator", 1)
	plan := must(t, src, Options{Set: []string{"output.dir=/elsewhere", "target.simulator.profile=" + away}})
	if plan.Scenario.Output.Dir != "/elsewhere" || plan.Scenario.Target.Simulator.Body == nil {
		t.Errorf("%+v %+v", plan.Scenario.Output, plan.Scenario.Target)
	}
	kept, err := plan.Kept()
	if err != nil || len(kept) != 3 || kept[2].Path != "beside/p.yaml" || !strings.Contains(string(kept[1].Text), "profile: "+away) {
		t.Errorf("%v %v", kept, err)
	}
	inFile := strings.Replace(src, "simulator", "{simulator: {profile: \""+away+"\"}}", 1) + "output: {dir: /elsewhere}\n"
	if _, problems := Load("s.yaml", []byte(inFile), Options{}); len(problems) != 2 || problems[0].Code != "outside-working-directory" || problems[1].Code != "outside-working-directory" {
		t.Error(Render(problems, false))
	}
}
