package explain_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/docs"
	"github.com/wsrun/wsrun/internal/explain"
	"github.com/wsrun/wsrun/internal/migrate"
	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/engine"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// explained wants a topic of this kind, with a text.
func explained(t *testing.T, kind, name string) explain.Topic {
	t.Helper()
	found := explain.Find(kind, name)
	if len(found) != 1 || found[0].Kind != kind || len(found[0].Text) < 10 {
		t.Errorf("%s %q: %+v", kind, name, found)
		return explain.Topic{}
	}
	return found[0]
}

// Every key, metric, code, class of change and option is explained.
func TestEveryNameIsExplained(t *testing.T) {
	for _, k := range scenario.Keys() {
		topic := explained(t, explain.KindKey, k.Path)
		var names []string
		for _, f := range topic.Facts {
			names = append(names, f.Name)
			if f.Text == "" {
				t.Errorf("%s: nothing under %s", k.Path, f.Name)
			}
		}
		if !slices.Contains(names, "type") || !slices.Contains(names, "a change") {
			t.Errorf("%s has %v", k.Path, names)
		}
		for _, o := range strings.Split(k.Original, ", ") {
			if o != "" && !slices.Contains(explained(t, explain.KindOption, o).Also, k.Path) {
				t.Errorf("%s does not lead to %s", o, k.Path)
			}
		}
	}
	for _, d := range metric.All() {
		name := d.Name
		if d.Open {
			name += "NAME"
		}
		topic := explained(t, explain.KindMetric, name)
		want := []string{"unit", "formula", "used in", "column"}
		for _, f := range topic.Facts {
			want = slices.DeleteFunc(want, func(n string) bool { return n == f.Name })
		}
		if len(want) > 0 {
			t.Errorf("%s lacks %v", name, want)
		}
	}
	for _, code := range scenario.Codes() {
		explained(t, explain.KindCode, code)
	}
	for _, o := range migrate.OptionNames() {
		explained(t, explain.KindOption, o)
	}
	for _, class := range scenario.DiffClasses() {
		explained(t, explain.KindClass, class)
	}
	for _, n := range engine.Canonical {
		explained(t, explain.KindMetric, n.Name)
	}
}

// codeIn finds what a pattern captures in the Go files of directories.
func codeIn(t *testing.T, pattern string, dirs ...string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	found := map[string]bool{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range re.FindAllStringSubmatch(string(src), -1) {
				found[m[1]] = true
			}
		}
	}
	out := make([]string, 0, len(found))
	for name := range found {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Every exit code that the program has is explained, and no other.
func TestExitCodes(t *testing.T) {
	codes := codeIn(t, `(?m)^\tExit\w+\s*=\s*(\d+)`, "internal/verdict")
	if len(codes) < 8 {
		t.Fatalf("exit codes: %v", codes)
	}
	for _, c := range codes {
		explained(t, explain.KindExit, c)
	}
	for _, topic := range explain.All() {
		if topic.Kind == explain.KindExit && !slices.Contains(codes, topic.Name) {
			t.Errorf("exit code %s is explained and is none", topic.Name)
		}
	}
}

// Every code of a doubt or note that the runner or the summary writes is explained, and
// no other. The codes stand in their sources as literals.
func TestDoubtsAndNotes(t *testing.T) {
	written := codeIn(t, `(?:[aA]dd(?:Graded)?\(|note\(|Code: |code :?= |codeStop\w+ += )"([a-z]+(?:-[a-z]+)*)"`, "runner", "runner/result")
	written = append(written, codeIn(t, `Valid\w+\s+Validity = "([a-z]+)"`, "runner/result")...)
	if len(written) < 35 {
		t.Fatalf("only %d codes found: %v", len(written), written)
	}
	known := map[string]bool{}
	for _, topic := range explain.All() {
		if topic.Kind == explain.KindDoubt || topic.Kind == explain.KindNote {
			known[topic.Name] = true
			if !slices.Contains(written, topic.Name) {
				t.Errorf("%s is explained, and nothing writes it", topic.Name)
			}
		}
	}
	for _, code := range written {
		if !known[code] {
			t.Errorf("%s is written, and not explained: add it to doubts.go", code)
		}
	}
}

// The columns that metrics are said to be in are those of the documentation, which is
// made of the tables that write the files.
func TestColumnsAreThere(t *testing.T) {
	doc, err := os.ReadFile("../../docs/columns.md")
	if err != nil {
		t.Fatal(err)
	}
	section := func(title string) string {
		_, rest, ok := strings.Cut(string(doc), "\n## "+title)
		if !ok {
			t.Fatalf("no section %s", title)
		}
		part, _, _ := strings.Cut(rest, "\n## ")
		return part
	}
	in := map[string]string{"summary_{ts}.csv": section("summary_"), "tiers_{ts}.csv": section("tiers_")}
	for _, topic := range explain.All() {
		for _, f := range topic.Facts {
			if f.Name != "column" {
				continue
			}
			column, file, _ := strings.Cut(f.Text, " of ")
			if !strings.Contains(in[file], "| `"+column+"` |") {
				t.Errorf("%s is said to be in %s, which %s does not have", topic.Name, column, file)
			}
		}
	}
}

// What is said to look at next is there.
func TestSeeAlsoIsThere(t *testing.T) {
	for _, topic := range explain.All() {
		for _, name := range topic.Also {
			if len(explain.Find("", name)) == 0 {
				t.Errorf("%s leads to %s, which is not explained", topic.Name, name)
			}
		}
	}
}

// Every head of a table, key of a plan and column of a file is found as it is printed. They
// stand in their sources as literals.
func TestOutputsAreExplained(t *testing.T) {
	heads := codeIn(t, `\{(?:head\{)?name: "([^"]+)"`, "internal/report")
	heads = append(heads, codeIn(t, `(?:number|text|figure|count)\("[^"]+", "([^"]+)"`, "internal/report/html")...)
	heads = append(heads, codeIn(t, `": +\{"([A-Z][^"]+)", "[^"]*", "`, "internal/report/html")...)
	for line := range strings.Lines(docs.Columns) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "| `"), "` |"); ok && strings.HasPrefix(line, "| `") {
			heads = append(heads, name)
		}
	}
	if len(heads) < 300 {
		t.Fatalf("%d heads", len(heads))
	}
	for _, h := range heads {
		if len(explain.Find("", h)) == 0 {
			t.Errorf("%q is printed, and not explained: add it to outputs.go", h)
		}
	}
}

// Words of the other outputs: states, verdicts, phases, tiers, files.
func TestWordsOfOutputs(t *testing.T) {
	for name, want := range map[string]string{
		"want/got": "hit want/got", "conc": "concurrency", "TTFT p95": "ttft.p95", "Hit rate observed": "hit_rate_observed", "transitions": "transition", "points": "point",
		"First tokens": "ttft_samples", "no verdict": "no verdict", "as told": "found", "summary_20261124_070000.csv": "summary_{ts}.csv", "fixed_ctx4000_ws0_cache0.html": "fixed_ctx{context}_ws{ws}_cache{rate}.html",
		"tier_map_4000_20261124_070000.csv": "tier_map_{context}_{ts}.csv", "tiers_20261124_070000.csv": "tiers_{ts}.csv", "scenario_digest": "digest", "hot_tokens": "hot_tokens",
	} {
		found := explain.Find("", name)
		if !slices.ContainsFunc(found, func(t explain.Topic) bool { return t.Name == want }) {
			t.Errorf("%q finds %+v, want %s", name, found, want)
		}
	}
	column := explained(t, explain.KindColumn, "avg_ttlt")
	if column.Text != "Mean TTLT of last tokens in the window." || !slices.Equal(column.Also, []string{"ttlt.avg"}) || len(column.Facts) < 4 || column.Facts[0].Text != "summary_{ts}.csv" {
		t.Errorf("%+v", column)
	}
}

// Every file of a run that is explained is in the documentation.
func TestFilesAreDocumented(t *testing.T) {
	var text []byte
	for _, doc := range []string{"scenario-files.md", "pages.md"} {
		src, err := os.ReadFile("../../docs/" + doc)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, src...)
	}
	n := 0
	for _, topic := range explain.All() {
		if ext := filepath.Ext(topic.Name); topic.Kind != explain.KindWord || !slices.Contains([]string{".json", ".wsr", ".yaml", ".csv", ".html", ".js"}, ext) {
			continue
		}
		if n++; !strings.Contains(string(text), "`"+topic.Name+"`") {
			t.Errorf("%s is in no table of files", topic.Name)
		}
	}
	if n < 18 {
		t.Errorf("%d files", n)
	}
}

// Names are found as people write them.
func TestFind(t *testing.T) {
	for _, c := range []struct{ kind, name, want string }{
		{"", "stop[0].when", "stop[].when"}, {"", "/stop/0/when", "stop[].when"}, {"", "stop.when", "stop[].when"},
		{"", "rewarm", "warmup.rewarm"}, {"", "margin", "slo.margin"}, {"", "Working_Set.Steps", "working_set.steps"},
		{"", "--chunk-size", "--chunk-size"}, {"", "chunk-size", "--chunk-size"}, {"", "loosened", "loosened / tightened"},
		{"", "130", "130"}, {"", "total.ttft.p95", "total.ttft.p95"}, {"", "best.goodput", "best.goodput"}, {"", "ttft", "ttft, ttft"},
		{"", "tier_share.hbm", "tier_share.hbm"}, {"", "edge.cpu-dram", "edge.cpu-dram"}, {"", "edge3", "edge3"}, {"", "server.kv_usage", "server.kv_usage"},
		{explain.KindMetric, "concurrency", "concurrency"}, {explain.KindKey, "concurrency", "concurrency"},
		{"", "reuse-distance", "reuse distance"}, {"", "hit-rate-low", "hit-rate-low"},
		{"", "slo", "slo, slo"}, {"", "concurrency", "concurrency, concurrency"}, {"", "mode", "mode"},
		{"", "disk_usage", ""}, {"", "gpu_memory.csv", ""}, {"", "summary_x.html", ""}, {"", "tier_map_8000.html", "tier_map_{context}.html"},
		{"", "p95", "slo.ttft.p95"}, {"", "--mode", "--mode"}, {"", "nonsense", ""}, {"", "total.nonsense", ""}, {"", "", ""}, {"", ".", ""},
		{"", "max", "working_set.max, duration.max, concurrency.max, slo.ttft.max"},
	} {
		var names []string
		for _, topic := range explain.Find(c.kind, c.name) {
			names = append(names, topic.Name)
		}
		if got := strings.Join(names, ", "); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.kind, c.name, got, c.want)
		}
	}
	for word, want := range map[string]string{"metrics": explain.KindMetric, "Exit": explain.KindExit, "codes": explain.KindCode, "wibble": ""} {
		if kind, ok := explain.KindOf(word); kind != want || ok != (want != "") {
			t.Errorf("KindOf(%q) = %q, %v", word, kind, ok)
		}
	}
}

// Whatever is asked for, there is an answer or none.
func TestFindAnything(t *testing.T) {
	names := append(explain.Names(), "gpu", "cpu", "disk", "remote")
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`(total\.|--|/)?[a-z_]{0,6}(\[\d*\]?)?(\.[a-z0-9]{0,4}){0,3}`),
			rapid.Custom(func(rt *rapid.T) string { // a name, and more
				return rapid.SampledFrom(names).Draw(rt, "begins") + rapid.StringMatching(`[a-z_.{}*]{0,9}`).Draw(rt, "ends")
			})).Draw(rt, "name")
		for _, topic := range explain.Find("", name) {
			if topic.Text == "" || topic.Name == "" {
				rt.Fatalf("%q: %+v", name, topic)
			}
		}
	})
}

// Each name finds its own topic, whatever kinds share it.
func TestEveryNameIsFound(t *testing.T) {
	for _, name := range explain.Names() {
		found := explain.Find("", name)
		if len(found) == 0 || !slices.ContainsFunc(found, func(topic explain.Topic) bool { return topic.Name == name }) {
			t.Errorf("%q: %v", name, found)
		}
	}
}

// Where a metric can be used is what the loader says.
func TestUses(t *testing.T) {
	for name, want := range map[string]string{
		"ttft.p95": "stop, thresholds; a map has it too", "edge1": "thresholds; a map has it too", "elapsed": "stop; a map has none",
		"working_set": "stop, thresholds, where; a map has none", "goodput": "stop, thresholds; a map has none", "tier_share.NAME": "stop, thresholds; a map has it too",
	} {
		got := ""
		for _, f := range explained(t, explain.KindMetric, name).Facts {
			if f.Name == "used in" {
				got = f.Text
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// No topic is wider than the page, but for examples, which are not broken.
func TestWidth(t *testing.T) {
	var b strings.Builder
	if err := explain.Write(&b, explain.All(), 80, false); err != nil {
		t.Fatal(err)
	}
	if err := explain.WriteList(&b, 80, false); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(b.String(), "\n") {
		if n := len([]rune(line)); n > 80 && !strings.HasPrefix(line, "    ") || strings.TrimRight(line, " ") != line {
			t.Errorf("%d: %q", n, line)
		}
	}
}

// Any width is borne, and nothing is lost by it.
func TestAnyWidth(t *testing.T) {
	all := explain.All()
	rapid.Check(t, func(rt *rapid.T) {
		topic := rapid.SampledFrom(all).Draw(rt, "topic")
		var narrow, wide strings.Builder
		if err := explain.Write(&narrow, []explain.Topic{topic}, rapid.IntRange(0, 200).Draw(rt, "width"), false); err != nil {
			rt.Fatal(err)
		}
		if err := explain.Write(&wide, []explain.Topic{topic}, 10000, false); err != nil {
			rt.Fatal(err)
		}
		if a, b := strings.Join(strings.Fields(narrow.String()), " "), strings.Join(strings.Fields(wide.String()), " "); a != b {
			rt.Fatalf("%s\n%s", a, b)
		}
	})
}

// A built-in profile is printed as a file that says the same.
func TestProfile(t *testing.T) {
	for _, name := range simulator.Names() {
		p, _ := simulator.Builtin(name)
		src, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		text, err := explain.Profile(src)
		if err != nil {
			t.Fatal(err)
		}
		back, problems := scenario.LoadProfile(name+".yaml", []byte(text))
		if len(problems) > 0 {
			t.Fatalf("%s\n%s", scenario.Render(problems, false), text)
		}
		got, err := simulator.DecodeProfile(back)
		if err != nil {
			t.Fatal(err)
		}
		got.Doc = p.Doc // it is a comment there
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if string(again) != string(src) {
			t.Errorf("%s:\n got %s\nwant %s\n%s", name, again, src, text)
		}
	}
	for _, bad := range []string{"", "[]", `{"a"`, `{"a": [1`, `{"doc": 1}`, `{"a": {"b": `} {
		if text, err := explain.Profile([]byte(bad)); err == nil {
			t.Errorf("%s: %s", bad, text)
		}
	}
}
