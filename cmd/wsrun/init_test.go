package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
)

// A starter of each mode runs on the simulator, and finds what there is to find (which
// level a machine bears is not the test's). So that it takes seconds, each is cut down: to one size, or to a tenth of the simulator.
func TestStartersRun(t *testing.T) {
	ci := [2]string{"\ntarget: simulator\n", "\ntarget: {simulator: {profile: ci}}\n"}
	for mode, c := range map[string]struct {
		name    string
		smaller [][2]string
		args    []string
		found   string // on stdout
	}{
		"fixed":     {"sweep", [][2]string{ci}, []string{"--only", "ctx4000_ws100000_cache100"}, "over-capacity"},
		"sustained": {"sustained", [][2]string{{"[100k, 400k, 1M]", "[100k]"}}, nil, "no transition: one point only"},
		"map":       {"map", [][2]string{ci, {"max: 2M", "max: 200k"}}, nil, "recompute"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := workdir(t, nil)
			must(t, 0, dir, "init", "--mode", mode, "--target", "simulator")
			file := filepath.Join(dir, firstScenario)
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := string(src)
			for _, r := range c.smaller {
				if !strings.Contains(text, r[0]) {
					t.Fatalf("no %q in\n%s", r[0], text)
				}
				text = strings.Replace(text, r[0], r[1], 1)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			e := must(t, 0, dir, append([]string{"run", firstScenario}, c.args...)...)
			sum := result.Summarise(readRecord(t, runDir(t, dir, c.name)))
			if len(sum.Failures()) > 0 {
				t.Errorf("failures: %v", sum.Failures())
			}
			if !strings.Contains(e.stdout, c.found) {
				t.Errorf("no %q in\n%s", c.found, e.stdout)
			}
		})
	}
}
