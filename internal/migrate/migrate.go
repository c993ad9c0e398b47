// Package migrate turns a call of working_set_tester.py, the tool that wsrun grew
// from, into a scenario: same contexts, sizes, hit rates, levels and durations, each
// line with the option that it came from.
package migrate

import (
	"cmp"
	"fmt"
	"strings"
)

// Options of a translation.
type Options struct {
	Name   string // the scenario's; empty: made of --output-dir
	Else   string // the scenario's name where Name is empty and --output-dir gives none
	Schema string // what the file's first line names for the editor; empty: no such line
}

// Result is a translated call.
type Result struct {
	Name     string   // the scenario's
	Text     string   // the scenario as YAML
	RunFlags []string // flags of wsrun run that stand for options of the call: --brief, --output-dir /data
}

// Problem is one thing in the call that cannot be translated.
type Problem struct {
	Option  string // the option, as in --chunk-size; empty where the call as a whole is meant
	Message string // what is wrong, and what to do
}

func (p Problem) String() string {
	if p.Option == "" {
		return p.Message
	}
	return p.Option + ": " + p.Message
}

// Scenario translates the call in text: a command line as one would paste it into a
// shell, or a script that holds one. A call that the original could not have run as it was
// meant is a problem; all are told at once.
func Scenario(text string, opt Options) (Result, []Problem) {
	words, err := callOf(text)
	if err != nil {
		return Result{}, []Problem{{Message: err.Error()}}
	}
	c, problems := parse(words)
	if !c.dashed {
		problems = c.check()
	}
	if len(problems) > 0 {
		return Result{}, problems
	}
	w := writer{call: c, schema: opt.Schema}
	w.name = cmp.Or(opt.Name, Slug(c.text("--output-dir")), opt.Else)
	return Result{Name: w.name, Text: w.scenario(), RunFlags: w.runFlags()}, nil
}

// Slug makes a scenario's name of a directory: its last part, a-z 0-9 and hyphens.
// ./output, the original's default, says nothing and gives none.
func Slug(dir string) string {
	parts := strings.FieldsFunc(dir, func(r rune) bool { return r == '/' || r == '\\' })
	if len(parts) == 0 || dir == defaultOutputDir {
		return ""
	}
	var b strings.Builder
	for _, r := range strings.ToLower(parts[len(parts)-1]) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String()[:min(b.Len(), maxName)], "-")
}

// maxName bounds a name that is made of a directory; a person may write a longer one.
const maxName = 60

// OptionNames lists the options that are understood, those of working_set_tester.py
// first, as its help has them.
func OptionNames() []string {
	var out []string
	for _, o := range options {
		out = append(out, o.name)
	}
	return out
}

// notNeeded are options without a key: what wsrun does in their place.
var notNeeded = map[string]string{
	"--strict-time-window": "not needed: a window is always exact, and requests that straddle its border count for what they did inside",
	"--force-restart":      "not needed: a call never goes on with an older run unless --resume RUN asks for it",
	"--verbose":            "the same flag: wsrun run --verbose",
	"--brief":              "the same flag: wsrun run --brief",
	"--no-color":           "the same flag: wsrun run --no-color",
}

// NotNeeded gives what wsrun does in place of an option that has no key.
func NotNeeded(option string) (string, bool) {
	s, ok := notNeeded[option]
	return s, ok
}

func problemf(option, format string, args ...any) Problem {
	return Problem{Option: option, Message: fmt.Sprintf(format, args...)}
}
