package scenario

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files of the museum")

// museumOptions are what the museum's files are loaded with.
func museumOptions() Options {
	return Options{
		SimulatorProfiles: func(name string) bool { return name == "small" || name == "h100-70b" },
		ProfileNames:      []string{"h100-70b", "small"},
		Env: func(name string) (string, bool) {
			v, set := map[string]string{"WSRUN_HOST": "gpu 1", "WSRUN_PORT": "x:8000", "WSRUN_TWO_LINES": "a\nb", "WSRUN_MAX": "5x", "WSRUN_LIMIT": "300"}[name]
			return v, set
		},
	}
}

// foundTiers are what an earlier run found, for sizes that are shares of it.
var foundTiers = map[string]int64{"tier1": 203_001, "tier2": 812_000, "hbm": 203_001, "dram": 812_000}

// museumOptionsOf are those of one file: found-tiers*.yaml are loaded with tiers.
func museumOptionsOf(file string) Options {
	opt := museumOptions()
	if strings.HasPrefix(filepath.Base(file), "found-tiers") {
		opt.Tiers = foundTiers
	}
	return opt
}

// museum gives the files of the museum that are scenarios of their own.
func museum(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/museum/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no museum: %v", err)
	}
	return files
}

// exhibit is one call of the museum, whose problems stand in {name}.txt.
type exhibit struct {
	name  string
	paths []string
	opt   Options
}

// told keeps what each exhibit's call said: several tests look at all of them.
var told = map[string][]Problem{}

// problems are those of the call, and what a run of it would refuse.
func (x exhibit) problems() []Problem {
	if problems, ok := told[x.name]; ok {
		return problems
	}
	plans, problems := LoadFiles(x.paths, x.opt)
	for _, p := range plans {
		problems = append(problems, NotYet(p)...)
	}
	told[x.name] = problems
	return problems
}

// exhibits are the files, the folders (a call that names several files, or what is
// read beside a file), and what no file should show: the calls are made here.
func exhibits(t testing.TB) []exhibit {
	t.Helper()
	var out []exhibit
	for _, file := range museum(t) {
		out = append(out, exhibit{strings.TrimSuffix(filepath.Base(file), ".yaml"), []string{filepath.ToSlash(file)}, museumOptionsOf(file)})
	}
	entries, err := os.ReadDir("testdata/museum")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		dir := filepath.Join("testdata/museum", entry.Name())
		paths, err := Files([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		for i := range paths {
			paths[i] = filepath.ToSlash(paths[i])
		}
		out = append(out, exhibit{filepath.Base(dir), paths, museumOptionsOf(dir)})
	}
	large := museumOptions()
	large.ReadFile = func(string) ([]byte, error) { return []byte(strings.Repeat("# a very long file\n", 1<<16)), nil }
	set := museumOptions()
	set.Set = []string{"working_set.max=5x", "stop[2].when=error_rate > 5%", "contexts.min=1k", "extends=_other.yaml", "seed", "labels.\"a b\"=1", "target.timeots.connect=1s", "slo={ttft: {p95: 1}}", "hit_rates[1]=101", "description=[a", "trials="}
	one := "testdata/museum/extends/a.yaml"
	return append(out,
		exhibit{"call-set", []string{"testdata/museum/duplicate-name/" + "a.yaml"}, set},
		exhibit{"call-base-alone", []string{"testdata/museum/extends/_base.yaml"}, museumOptions()},
		exhibit{"call-duplicate-file", []string{one, "./" + one}, museumOptions()},
		exhibit{"call-too-large", []string{"record.wsr"}, large},
		exhibit{"call-unreadable", []string{"testdata/museum/swep.yaml"}, museumOptions()})
}

// TestMuseum holds what people see of each exhibit's problems against the text kept
// beside it, and fails for a text without an exhibit.
func TestMuseum(t *testing.T) {
	kept, err := filepath.Glob("testdata/museum/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	for _, file := range kept {
		texts[filepath.ToSlash(file)] = true
	}
	for _, x := range exhibits(t) {
		golden := "testdata/museum/" + x.name + ".txt"
		delete(texts, golden)
		t.Run(x.name, func(t *testing.T) {
			problems := x.problems()
			got := Render(problems, false)
			if got == "" {
				t.Error("an exhibit without a problem")
			}
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	for file := range texts {
		t.Errorf("%s is the text of nothing: remove it", file)
	}
}

// TestMuseumHoldsEveryCode fails for a problem code that no exhibit shows, and for a
// code that is not in the list.
func TestMuseumHoldsEveryCode(t *testing.T) {
	seen := map[string]bool{}
	for _, x := range exhibits(t) {
		problems := x.problems()
		for _, p := range problems {
			seen[p.Code] = true
			if !slices.Contains(Codes(), p.Code) {
				t.Errorf("%s: code %q is not in Codes()", x.name, p.Code)
			}
		}
	}
	for _, code := range Codes() {
		if !seen[code] {
			t.Errorf("nothing in the museum shows %q", code)
		}
	}
	if !slices.IsSorted(Codes()) {
		t.Error("Codes() is not in order")
	}
}

// ours are names of Go in a message.
var ours = regexp.MustCompile(`\b(main|scenario|ast|yaml)\.[A-Z]|^yaml:`)

// TestMuseumMessages holds the sentences to what a person needs: they end,
// are one line, do not shout, and speak of the file, not of our code.
func TestMuseumMessages(t *testing.T) {
	for _, x := range exhibits(t) {
		problems := x.problems()
		for _, p := range problems {
			m := p.Message
			switch {
			case strings.HasSuffix(m, ".") || strings.HasSuffix(m, ":") || strings.Contains(m, "  ") || strings.Contains(m, "\n"):
				t.Errorf("%s: %q does not end, or is no line", x.name, m)
			case strings.Contains(strings.ReplaceAll(m, "!=", ""), "!") && !strings.Contains(p.Source, "!"):
				t.Errorf("%s: %q shouts", x.name, m)
			case strings.Contains(m, "?:") || strings.Contains(m, "%!"):
				t.Errorf("%s: %q has odd marks", x.name, m)
			case ours.MatchString(m):
				t.Errorf("%s: %q speaks of our code", x.name, m)
			}
		}
	}
}

// minimal is a valid scenario with more keys.
func minimal(more string) string {
	return "name: minimal\ntarget: http://localhost:8000\ncontexts: [8k]\nworking_set: {min: 100k, max: 1M, steps: 4}\nmode: fixed\nconcurrency: [4, 8]\n" + more
}
