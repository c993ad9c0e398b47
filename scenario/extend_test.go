package scenario

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

// filesOf reads from a map, as Options.ReadFile.
func filesOf(files map[string]string) func(string) ([]byte, error) {
	return func(p string) ([]byte, error) {
		if s, ok := files[filepath.ToSlash(p)]; ok {
			return []byte(s), nil
		}
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}
}

// loadMap loads the first of some files.
func loadMap(t testing.TB, files map[string]string, name string, opt Options) (*Plan, []Problem) {
	t.Helper()
	opt.ReadFile = filesOf(files)
	return Load(name, []byte(files[name]), opt)
}

func TestMerge(t *testing.T) {
	base := "description: from the base\n" + minimal("labels: {a: 1, b: 2}\nseed: 7\nslo: {ttft: {p95: 5s, p99: 9s}}\nstop: [error_rate > 5%]\n")
	for _, c := range []struct{ name, child, want string }{
		{"maps merge", "labels: {b: 3, c: 4}", "labels: {a: 1, b: 3, c: 4}"},
		{"deeper maps merge", "slo: {ttft: {p95: 1s}}", "slo: {ttft: {p95: 1s, p99: 9s}}"},
		{"lists replace", "stop: [completed > 9]", "stop: [completed > 9]"},
		{"null deletes", "stop: null\nslo: {ttft: {p95: ~}}\nlabels: null", "stop: []\nslo: {ttft: {p99: 9s}}\nlabels: {}"},
		{"null of what is not there", "thresholds: null\nlabels: {z: null}\nworking_set: {spacing: null}", ""},
		{"a list over a map", "working_set: [200k, 300k]", "working_set: [200k, 300k]"},
		{"a map over a list", "contexts: 16k", "contexts: 16k"},
		{"a map over a short target keeps its URL", "target: {model: m}", "target: {endpoints: [http://localhost:8000], model: m}"},
		{"a URL over a target", "target: simulator", "target: simulator"},
	} {
		want := must(t, overlay(t, base, c.want), Options{})
		got, problems := loadMap(t, map[string]string{"d/_base.yaml": base, "d/child.yaml": "extends: _base.yaml\n" + c.child + "\n"}, "d/child.yaml", Options{})
		if got == nil {
			t.Errorf("%s: %s", c.name, Render(problems, false))
			continue
		}
		if d := cmp.Diff(want.Scenario, got.Scenario); d != "" || want.Digest != got.Digest {
			t.Errorf("%s: -want +got\n%s", c.name, d)
		}
	}
}

// overlay replaces whole keys of a file.
func overlay(t *testing.T, base, keys string) string {
	t.Helper()
	m, over := map[string]any{}, map[string]any{}
	for text, into := range map[string]*map[string]any{base: &m, keys: &over} {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range over {
		m[k] = v
	}
	b, err := yaml.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A key has its place in the file that says it, over several bases, in folders of their own.
func TestPlacesOfBases(t *testing.T) {
	files := map[string]string{
		"s/one.yaml":             "extends: ../bases/two.yaml\nname: one\nworking_set:\n  max: 2M\n",
		"bases/two.yaml":         "extends: deep/_three.yaml\nname: two\nconcurrency: [1, 2]\n",
		"bases/deep/_three.yaml": minimal("seed: 7\n"),
	}
	plan, problems := loadMap(t, files, "s/one.yaml", Options{Set: []string{"chunk=128"}})
	if plan == nil {
		t.Fatal(Render(problems, false))
	}
	for path, want := range map[string]spot{
		"/name":            {"s/one.yaml", 2, 1},
		"/working_set/max": {"s/one.yaml", 4, 3},
		"/working_set/min": {"bases/deep/_three.yaml", 4, 15},
		"/concurrency":     {"bases/two.yaml", 3, 1},
		"/concurrency/1":   {"bases/two.yaml", 3, 18},
		"/seed":            {"bases/deep/_three.yaml", 7, 1},
		"/chunk":           {"--set chunk=128", 1, 1},
		"/order":           {},
	} {
		if file, line, col := plan.Place(path); (spot{file, line, col}) != want {
			t.Errorf("%s stands at %s:%d:%d, want %v", path, file, line, col, want)
		}
	}
	var sources []string
	for _, f := range plan.Sources {
		if sources = append(sources, f.Path); string(f.Text) != files[f.Path] {
			t.Errorf("%s was kept as %q", f.Path, f.Text)
		}
	}
	if d := cmp.Diff([]string{"s/one.yaml", "bases/two.yaml", "bases/deep/_three.yaml"}, sources); d != "" {
		t.Error(d)
	}

	// A name that is taken is shown where it stands: in the base.
	files["a.yaml"], files["b.yaml"], files["_n.yaml"] = "extends: _n.yaml\n", "extends: _n.yaml\nseed: 9\n", minimal("")
	opt := Options{ReadFile: filesOf(files)}
	_, problems = LoadFiles([]string{"a.yaml", "b.yaml"}, opt)
	if len(problems) != 1 || problems[0].Code != "duplicate-name" || problems[0].File != "_n.yaml" || problems[0].Line != 1 || problems[0].For != "b.yaml" {
		t.Errorf("%+v", problems)
	}
}

func TestExtendsIsRefused(t *testing.T) {
	long := map[string]string{}
	for i := range 12 {
		long[fmt.Sprintf("%d.yaml", i)] = fmt.Sprintf("extends: %d.yaml\n", i+1)
	}
	bomb := func(key string) string {
		return key + ": &a [" + strings.Repeat("x, ", 6000) + "]\nlabels: {" + key + ": *a}\n"
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		code  string
		file  string
		says  string
	}{
		{"itself", map[string]string{"0.yaml": "extends: ./0.yaml\n"}, "bad-extends", "0.yaml", "0.yaml -> 0.yaml"},
		{"a long chain", long, "bad-extends", "8.yaml", "more than 8 files"},
		{"nothing", map[string]string{"0.yaml": "extends: ''\n"}, "bad-extends", "0.yaml", "names a YAML file"},
		{"an absolute path", map[string]string{"0.yaml": "extends: /etc/_x.yaml\n"}, "outside-working-directory", "0.yaml", "leaves the working directory"},
		{"a path upwards", map[string]string{"0.yaml": "extends: a/../../_x.yaml\n"}, "outside-working-directory", "0.yaml", "leaves the working directory"},
		{"a list as base", map[string]string{"0.yaml": "extends: 1.yaml\n", "1.yaml": "- a\n"}, "bad-extends", "0.yaml", "found a list"},
		{"an empty base", map[string]string{"0.yaml": "extends: 1.yaml\n", "1.yaml": "# nothing\n"}, "empty-file", "1.yaml", "holds nothing"},
		{"a base of 100 MB", map[string]string{"0.yaml": "extends: 1.yaml\n", "1.yaml": strings.Repeat("# long\n", 1<<18)}, "too-large", "1.yaml", "bytes"},
		{"a base that is no text", map[string]string{"0.yaml": "extends: 1.yaml\n", "1.yaml": "\xff\xfe"}, "encoding", "1.yaml", "UTF-8"},
		{"a variable that is not set", map[string]string{"0.yaml": "extends: _${WSRUN_NOT_SET}.yaml\n"}, "unset-variable", "0.yaml", "WSRUN_NOT_SET"},
		{"bombs that go off together", map[string]string{"0.yaml": "extends: 1.yaml\n" + bomb("b"), "1.yaml": bomb("a")}, "too-many-aliases", "0.yaml", "with all bases"},
	} {
		plan, problems := loadMap(t, c.files, "0.yaml", Options{})
		if plan != nil || len(problems) == 0 {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		if p := problems[0]; p.Code != c.code || p.File != c.file || !strings.Contains(p.Message, c.says) {
			t.Errorf("%s: %s", c.name, Render(problems, false))
		}
		for i, p := range problems {
			if i > 0 && p == problems[i-1] {
				t.Errorf("%s: told twice: %s", c.name, p.Message)
			}
			if p.Code == "missing-key" {
				t.Errorf("%s: keys of a base that was not read are called missing: %s", c.name, p.Message)
			}
		}
	}
}

// What is no plain file below the working directory is refused, and not waited for.
func TestBaseIsAPlainFile(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "_secret.yaml"), []byte(minimal("")), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir("dir.yaml", 0o700); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"dir.yaml": "it is a directory"}
	if err := os.Symlink(filepath.Join(outside, "_secret.yaml"), "_link.yaml"); err == nil {
		want["_link.yaml"] = "_link.yaml"
	}
	if makePipe("_pipe.yaml") == nil {
		want["_pipe.yaml"] = "a pipe, a device"
	}
	for name, says := range want {
		done := make(chan []Problem, 1)
		go func() {
			_, problems := Load("s.yaml", []byte("extends: "+name+"\nname: s\n"), Options{})
			_, alone := LoadFiles([]string{"./" + name}, Options{})
			done <- append(problems, alone...)
		}()
		select {
		case problems := <-done:
			if len(problems) < 2 || problems[0].Code != "bad-extends" || !strings.Contains(problems[0].Message, says) || strings.Contains(Render(problems, false), "minimal") {
				t.Errorf("%s: %s", name, Render(problems, false))
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: it is waited for", name)
		}
	}
}

// A scenario that is named by its absolute path, or that comes from standard input, finds
// its base all the same.
func TestBaseOfAbsolutePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("s", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"s/_b.yaml": minimal(""), "s/a.yaml": "extends: _b.yaml\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	plans, problems := LoadFiles([]string{filepath.Join(here, "s", "a.yaml")}, Options{})
	if len(plans) != 1 || plans[0].Scenario.Name != "minimal" {
		t.Errorf("%s", Render(problems, false))
	}
	plans, problems = LoadFiles([]string{"-"}, Options{Stdin: strings.NewReader("extends: s/_b.yaml\n")})
	if len(plans) != 1 || plans[0].Scenario.Name != "minimal" {
		t.Errorf("%s", Render(problems, false))
	}
	if _, problems = LoadFiles([]string{"-"}, Options{}); codesOf(problems) != "unreadable" {
		t.Errorf("no standard input: %s", codesOf(problems))
	}
}

// TestMergeAsMaps holds merging against the same on plain maps; a file laid on itself
// changes nothing, and nothing that was given is changed.
func TestMergeAsMaps(t *testing.T) {
	var reference func(under, over any) any
	reference = func(under, over any) any {
		u, isMap := under.(map[string]any)
		o, both := over.(map[string]any)
		if !isMap || !both {
			return over
		}
		out := maps.Clone(u)
		for k, v := range o {
			if out[k] = reference(u[k], v); v == nil {
				delete(out, k)
			}
		}
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		under, over := drawMap(t, 3), drawMap(t, 3)
		values := func(n *yaml.Node) (v any) {
			if err := n.Decode(&v); err != nil {
				t.Fatal(err)
			}
			return v
		}
		l := &layers{of: map[*yaml.Node]*source{}, main: newSource("x", nil)}
		u, o := values(under), values(over)
		if d := cmp.Diff(reference(u, o), values(l.merge(under, over, ""))); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
		if d := cmp.Diff(u, values(l.merge(under, under, ""))); d != "" {
			t.Errorf("a file on itself: -want +got\n%s", d)
		}
		if d := cmp.Diff([]any{u, o}, []any{values(under), values(over)}); d != "" {
			t.Errorf("merging changed what it was given:\n%s", d)
		}
	})
}

// drawMap draws a map without nulls: those are no values, and depend on what is below.
func drawMap(t *rapid.T, depth int) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, key := range []string{"a", "b", "c"} {
		var val *yaml.Node
		switch k := rapid.IntRange(0, 4).Draw(t, "kind"); {
		case k == 0:
			continue
		case k == 1 && depth > 0:
			val = drawMap(t, depth-1)
		case k == 2:
			val = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "n"))}}}
		default:
			val = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "n"))}
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, val)
	}
	return n
}

// What is wrong in a scenario that others extend is told once where it is read itself too.
func TestOnceForAScenarioThatIsABase(t *testing.T) {
	files := map[string]string{"a.yaml": minimal("seed: [1]\n"), "b.yaml": "extends: a.yaml\nname: b\n"}
	for _, order := range [][]string{{"a.yaml", "b.yaml"}, {"b.yaml", "a.yaml"}} {
		_, problems := LoadFiles(order, Options{ReadFile: filesOf(files)})
		if len(problems) != 1 || problems[0].File != "a.yaml" || problems[0].For != "" {
			t.Errorf("%v: %s", order, Render(problems, false))
		}
	}
}

// An element of a list is named by its list, and null takes no element away.
func TestNullInAList(t *testing.T) {
	files := map[string]string{"_a.yaml": minimal(""), "b.yaml": "extends: _a.yaml\nname: b\ncontexts: [null]\n"}
	_, problems := LoadFiles([]string{"b.yaml"}, Options{ReadFile: filesOf(files)})
	if len(problems) != 1 || problems[0].Message != "contexts[0] has no value: write one, or take the element out of the list" {
		t.Error(Render(problems, false))
	}
}
