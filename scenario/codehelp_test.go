package scenario

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// noFileShows are the codes whose example is no part of one scenario file: a call, or
// what a file is as a whole.
var noFileShows = []string{"bad-extends", "bad-profile", "bad-set", "base-alone", "condition-too-long", "duplicate-file", "duplicate-name", "encoding", "empty-file", "not-supported-yet", "too-large", "unreadable"}

var topKey = regexp.MustCompile(`(?m)^([a-z_]+):`)

// exampleFile puts the lines of an example into a small scenario, in place of its keys.
func exampleFile(lines string) string {
	base := []string{"name: minimal", "target: http://localhost:8000", "contexts: [8k]", "working_set: {min: 100k, max: 500k, steps: 4}", "mode: fixed", "concurrency: [4, 8]"}
	given := map[string]bool{}
	for _, m := range topKey.FindAllStringSubmatch(lines, -1) {
		given[m[1]] = true
	}
	if given["mode"] && !strings.Contains(lines, "mode: fixed") || given["rate"] {
		given["concurrency"] = true // levels belong to mode: fixed
	}
	var out []string
	for _, line := range base {
		if key, _, _ := strings.Cut(line, ":"); !given[key] {
			out = append(out, line)
		}
	}
	return strings.Join(append(out, lines, ""), "\n")
}

func exampleOptions(code string, right bool) Options {
	opt := museumOptions()
	opt.AllowCommands = right
	if code != "tiers-not-given" || right {
		opt.Tiers = foundTiers
	}
	return opt
}

// TestCodeHelp: each code is explained, and its examples are what they claim to be.
func TestCodeHelp(t *testing.T) {
	for _, code := range Codes() {
		text, ok := CodeHelp(code)
		if !ok || strings.Contains(text, "\n\n\n") || strings.Contains(text, "!\n") {
			t.Errorf("%s: no help, or none that reads well:\n%s", code, text)
		}
		if h := codeHelps[code]; slices.Contains(noFileShows, code) {
			if h.wrong == "" || h.right == "" || h.wrong == h.right {
				t.Errorf("%s: no example", code)
			}
			continue
		}
		h := codeHelps[code]
		for _, c := range []struct {
			lines string
			right bool
		}{{h.wrong, false}, {h.right, true}} {
			src := exampleFile(c.lines)
			_, problems := Load("example.yaml", []byte(src), exampleOptions(code, c.right))
			shown := slices.ContainsFunc(problems, func(p Problem) bool { return p.Code == code })
			if shown == c.right || c.right && hasErrors(problems) {
				t.Errorf("%s, right %v: in\n%s\nfound\n%s", code, c.right, src, Render(problems, false))
			}
		}
	}
	for code := range codeHelps {
		if !slices.Contains(Codes(), code) {
			t.Errorf("help for %q, which is no code", code)
		}
	}
	if _, ok := CodeHelp("no-such-code"); ok {
		t.Error("help for what is no code")
	}
}
