package scenario

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

// Options are what the command line adds to a file, and what a file may do.
type Options struct {
	AllowedEnv    []string // names that target.api_key_env may give beside WSRUN_*
	AllowCommands bool     // warmup.reset.command may be used

	Target    string            // replaces endpoints or simulator; drops metrics and reset URLs
	OutputDir string            // replaces output.dir; may be anywhere
	Labels    map[string]string // added to labels, winning over the file's

	Tiers map[string]int64 // where tiers of an earlier run end, in tokens of reuse distance, by name: sizes may be written as shares, 0.5 tier1

	SimulatorProfiles func(name string) bool            // known profile names; nil accepts all
	ProfileNames      []string                          // for suggestions and the message
	CheckProfile      func(json []byte) error           // holds a profile file, as JSON, against the simulator's rules; nil accepts
	ReadFile          func(path string) ([]byte, error) // reads scenario and profile files; nil: the file system
}

// Load reads one scenario file. path is as the user named it and stands in the
// problems. The plan is nil unless no problem but warnings was found; warnings
// are in the problems and in Plan.Warnings. Nothing is sent and no clock is read.
func Load(path string, src []byte, opt Options) (*Plan, []Problem) {
	s := newSource(path, src)
	root, problems := s.parse()
	if root == nil {
		return nil, problems
	}
	w := newWalker(s)
	w.at[""], w.tiers = place{value: root}, opt.Tiers
	var raw rawFile
	if w.value(root, reflect.ValueOf(&raw).Elem(), ""); follow(root).Kind != yaml.MappingNode {
		return nil, w.problems
	}
	w.checkFields(&raw)
	r := &resolver{walker: w, raw: &raw, opt: opt}
	sc := r.scenario()
	plan, found := expand(sc, w.clean)
	for _, f := range found {
		if f.Warning || w.clean(f.Path) {
			r.problems = append(r.problems, w.placed(f))
		}
	}
	sortProblems(r.problems)
	if hasErrors(r.problems) {
		return nil, r.problems
	}
	plan.Path, plan.Source, plan.Warnings = path, src, r.problems
	plan.Sources, plan.places = []SourceFile{{path, src}}, w.places()
	return plan, r.problems
}

// LoadFiles reads the scenarios of one call: all problems of all files at once, in
// the order of the paths. Names must be unique. The plans are nil when any file
// has a problem that is not a warning, because nothing may be sent then.
func LoadFiles(paths []string, opt Options) ([]*Plan, []Problem) {
	var plans []*Plan
	var problems []Problem
	names := map[string]string{}
	for _, path := range paths {
		src, err := opt.read(path)
		if err != nil {
			problems = append(problems, Problem{File: path, Code: "unreadable", Message: readMessage(err)})
			continue
		}
		plan, found := Load(path, src, opt)
		if plan != nil {
			found = append(found, uniqueName(plan, names)...)
		}
		problems = append(problems, found...)
		plans = append(plans, plan)
	}
	if hasErrors(problems) {
		return nil, problems
	}
	return plans, problems
}

func uniqueName(plan *Plan, names map[string]string) []Problem {
	name := plan.Scenario.Name
	first, taken := names[name]
	if !taken {
		names[name] = plan.Path
		return nil
	}
	s := newSource(plan.Path, plan.Source)
	p := Problem{File: plan.Path, Path: "/name", Code: "duplicate-name", Message: fmt.Sprintf("the name %q is taken by %s: names are unique within a call, because they name directories", name, first)}
	for i, line := range s.lines {
		if strings.HasPrefix(line, "name:") {
			p = s.place(p, i+1, 1, len("name"))
			break
		}
	}
	return []Problem{p}
}

// Files turns the arguments of a call into scenario files: a directory stands for
// its *.yaml and *.yml files in order of name, without bases (_*.yaml).
func Files(args []string) ([]string, error) {
	var out []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil || !info.IsDir() {
			out = append(out, arg) // a file that cannot be read is a problem of its own
			continue
		}
		entries, err := os.ReadDir(arg)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", arg, err)
		}
		before := len(out)
		for _, e := range entries {
			ext := filepath.Ext(e.Name())
			if !e.IsDir() && (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(e.Name(), "_") {
				out = append(out, filepath.Join(arg, e.Name()))
			}
		}
		if len(out) == before {
			return nil, fmt.Errorf("%s: the directory holds no scenario (*.yaml, *.yml)", arg)
		}
	}
	return out, nil
}

// read gives a file's bytes, a little more than may be used at most, so that a
// 100 MB file costs nothing and is still seen to be too large.
func (o Options) read(path string) ([]byte, error) {
	if o.ReadFile != nil {
		return o.ReadFile(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f)
}

func readBounded(f fs.File) ([]byte, error) {
	return io.ReadAll(io.LimitReader(f, MaxFileSize+4))
}

// readBelow reads a file that a scenario names. The file system's own root keeps
// links from leading out of the working directory.
func (o Options) readBelow(path string) ([]byte, error) {
	if o.ReadFile != nil {
		return o.ReadFile(path)
	}
	root, err := os.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f)
}

func readMessage(err error) string {
	switch {
	case os.IsNotExist(err):
		return "there is no such file"
	case os.IsPermission(err):
		return "the file may not be read: check its permissions"
	}
	return "the file cannot be read: " + err.Error()
}

func hasErrors(problems []Problem) bool {
	for _, p := range problems {
		if !p.Warning {
			return true
		}
	}
	return false
}

// sortProblems puts problems in reading order; of those at one place the one
// found first stays first.
func sortProblems(problems []Problem) {
	sort.SliceStable(problems, func(i, j int) bool {
		a, b := problems[i], problems[j]
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
}
