package scenario

import (
	"flag"
	"os"
	"path/filepath"
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

func museum(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/museum/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no museum: %v", err)
	}
	return files
}

// TestMuseum holds what people see of each file's problems against the text kept
// beside it.
func TestMuseum(t *testing.T) {
	for _, file := range museum(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, problems := LoadFiles([]string{filepath.ToSlash(file)}, museumOptionsOf(file))
			got := Render(problems, false)
			if got == "" {
				t.Error("a museum file without a problem")
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
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
}

// TestMuseumHoldsEveryCode fails for a problem code that no file shows, and for a
// code that is not in the list.
func TestMuseumHoldsEveryCode(t *testing.T) {
	seen := map[string]bool{}
	note := func(problems []Problem) {
		for _, p := range problems {
			seen[p.Code] = true
			if !slices.Contains(Codes(), p.Code) {
				t.Errorf("code %q is not in Codes()", p.Code)
			}
		}
	}
	for _, file := range museum(t) {
		_, problems := LoadFiles([]string{file}, museumOptionsOf(file))
		note(problems)
	}
	// What no single small file can show.
	valid := minimal("")
	_, problems := Load("large.yaml", []byte(strings.Repeat("# a very long file\n", 1<<16)), Options{})
	note(problems)
	_, problems = LoadFiles([]string{"testdata/missing.yaml"}, Options{})
	note(problems)
	_, problems = LoadFiles([]string{"a.yaml", "b.yaml"}, Options{ReadFile: func(string) ([]byte, error) { return []byte(valid), nil }})
	note(problems)
	_, problems = Load("long.yaml", []byte(minimal("stop: ["+strings.Repeat("error_rate > 5 or ", 300)+"error_rate > 5]\n")), Options{})
	note(problems)
	for _, code := range Codes() {
		if !seen[code] {
			t.Errorf("no museum file shows %q", code)
		}
	}
}

// minimal is a valid scenario with more keys.
func minimal(more string) string {
	return "name: minimal\ntarget: http://localhost:8000\ncontexts: [8k]\nworking_set: {min: 100k, max: 1M, steps: 4}\nmode: fixed\nconcurrency: [4, 8]\n" + more
}
