package scenario

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

// Options are what the command line adds to a file, and what a file may do.
type Options struct {
	AllowedEnv    []string // names that ${NAME} and target.api_key_env may give beside WSRUN_*
	AllowCommands bool     // warmup.reset.command may be used

	Target    string            // replaces endpoints or simulator; drops metrics and reset URLs
	OutputDir string            // replaces output.dir; may be anywhere
	Labels    map[string]string // added to labels, winning over the file's

	Set   []string                         // path=value, each laid on top of the file
	Env   func(name string) (string, bool) // the environment, for ${NAME}; nil: no variable is set
	Stdin io.Reader                        // what the path - stands for

	Tiers map[string]int64 // where tiers of an earlier run end, in tokens of reuse distance, by name: sizes may be written as shares, 0.5 tier1

	SimulatorProfiles func(name string) bool            // known profile names; nil accepts all
	ProfileNames      []string                          // for suggestions and the message
	CheckProfile      func(json []byte) error           // holds a profile file, as JSON, against the simulator's rules; nil accepts
	ReadFile          func(path string) ([]byte, error) // reads scenarios, their bases and profiles; nil: the file system
}

// Load reads one scenario file. path is as the user named it and stands in the
// problems. The plan is nil unless no problem but warnings was found; warnings
// are in the problems and in Plan.Warnings. Nothing is sent and no clock is read.
func Load(path string, src []byte, opt Options) (*Plan, []Problem) {
	s := newSource(path, src)
	l := &layers{opt: opt, main: s, of: map[*yaml.Node]*source{}, reads: map[string]bool{}}
	root := l.stack()
	if root == nil {
		return nil, l.sorted(l.problems)
	}
	w := l.walker()
	w.at[""], w.problems = place{value: root}, l.problems
	var raw rawFile
	w.value(root, reflect.ValueOf(&raw).Elem(), "")
	if follow(root).Kind != yaml.MappingNode || l.broken {
		return nil, l.sorted(w.problems) // without its base a file lacks keys: no word of those
	}
	w.checkFields(&raw)
	r := &resolver{walker: w, raw: &raw}
	sc := r.scenario()
	plan, found := expand(sc, w.clean)
	for _, f := range found {
		if f.Warning || w.clean(f.Path) {
			r.problems = append(r.problems, w.placed(f))
		}
	}
	problems := l.sorted(r.problems)
	if hasErrors(problems) {
		return nil, problems
	}
	plan.Path, plan.Source, plan.Warnings = path, src, problems
	plan.Sources, plan.places, plan.Variables = l.files, w.places(), sortedKeys(w.reads)
	plan.kept = kept{root: root, sets: l.sets, beside: r.beside, dir: s.dir, profile: w.profilePath()}
	return plan, problems
}

// LoadFiles reads the scenarios of one call: all problems of all files at once, in
// the order of the paths. Names must be unique. The plans are nil when any file
// has a problem that is not a warning, because nothing may be sent then. The path -
// is Options.Stdin.
func LoadFiles(paths []string, opt Options) ([]*Plan, []Problem) {
	var plans []*Plan
	var problems []Problem
	names, seen := map[string]*Plan{}, map[string]bool{}
	for _, path := range paths {
		if clean := filepath.Clean(path); seen[clean] {
			problems = append(problems, Problem{File: path, Code: "duplicate-file", Message: "the file is named twice in this call: leave one out"})
			continue
		} else {
			seen[clean] = true
		}
		if isBase(path) {
			problems = append(problems, Problem{File: path, Code: "base-alone", Message: "a file whose name begins with _ is a base, which is checked through the scenarios that extend it: name one of those, or take the _ off its name"})
			continue
		}
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
	problems = once(problems)
	if hasErrors(problems) {
		return nil, problems
	}
	return plans, problems
}

// isBase reports whether a file is one that others extend.
func isBase(path string) bool {
	name := filepath.Base(path)
	ext := filepath.Ext(name)
	return strings.HasPrefix(name, "_") && (ext == ".yaml" || ext == ".yml")
}

// once tells what is wrong in a file that several scenarios extend, or in a --set, one
// time, with how many they are.
func once(problems []Problem) []Problem {
	var out []Problem
	first, more := map[Problem]int{}, map[int]int{}
	for _, p := range problems {
		key := p
		key.For = ""
		i, told := first[key]
		switch {
		case !told:
			first[key] = len(out)
			out = append(out, p)
		case p.For == "": // in a scenario that others extend, and read itself
			out[i].For = ""
		default:
			more[i]++
		}
	}
	for i, n := range more {
		if out[i].For != "" {
			out[i].For += fmt.Sprintf(" and %d more", n)
		}
	}
	return out
}

func uniqueName(plan *Plan, names map[string]*Plan) []Problem {
	name := plan.Scenario.Name
	first, taken := names[name]
	if !taken {
		names[name] = plan
		return nil
	}
	p := Problem{Path: "/name", Code: "duplicate-name", Message: fmt.Sprintf("the name %q is taken by %s: names are unique within a call, because they name directories", name, first.Path)}
	return []Problem{plan.placed(p)}
}

// Files turns the arguments of a call into scenario files: a directory stands for
// its *.yaml and *.yml files in order of name, without bases (_*.yaml).
func Files(args []string) ([]string, error) {
	var out []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if arg == "-" || err != nil || !info.IsDir() {
			out = append(out, arg) // a file that cannot be read is a problem of its own
			continue
		}
		entries, err := os.ReadDir(arg)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", arg, err)
		}
		before, bases := len(out), 0
		for _, e := range entries {
			ext := filepath.Ext(e.Name())
			switch {
			case e.IsDir() || ext != ".yaml" && ext != ".yml":
			case isBase(e.Name()):
				bases++
			default:
				out = append(out, filepath.Join(arg, e.Name()))
			}
		}
		if len(out) == before && bases > 0 {
			return nil, fmt.Errorf("%s: the directory holds no scenario, only bases (_*.yaml), which are checked through the scenarios that extend them", arg)
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
	if path == "-" {
		if o.Stdin == nil {
			return nil, errors.New("there is no standard input")
		}
		return readBounded(o.Stdin)
	}
	if o.ReadFile != nil {
		return o.ReadFile(path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(info); errors.Is(err, errPipe) {
		return nil, errPipe + ": name a file, or write - and send the scenario to standard input"
	} else if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f)
}

// regular refuses what is no plain file before it is opened: a pipe would be waited for.
func regular(info fs.FileInfo) error {
	switch {
	case info.Mode().IsRegular():
		return nil
	case info.IsDir():
		return errIrregular("it is a directory: name a file in it")
	}
	return errPipe
}

// errPipe is what a path leads to that would be waited for.
const errPipe = errIrregular("it is no plain file but a pipe, a device or the like")

// errIrregular says what a path leads to that is no file.
type errIrregular string

func (e errIrregular) Error() string { return string(e) }

func readBounded(f io.Reader) ([]byte, error) {
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
	info, err := root.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(info); err != nil {
		return nil, err
	}
	f, err := root.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f)
}

func readMessage(err error) string {
	var irregular errIrregular
	switch {
	case errors.As(err, &irregular):
		return string(irregular)
	case os.IsNotExist(err):
		return "there is no such file"
	case strings.Contains(err.Error(), "escapes from parent"):
		return "a link in it leads out of the working directory: put the file itself there"
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

// sorted puts problems in reading order: the scenario's own file first, then its bases,
// then what the command line set; of those at one place the one found first stays first.
func (l *layers) sorted(problems []Problem) []Problem {
	order := map[string]int{}
	for i, f := range l.files {
		order[f.Path] = i
	}
	for i, name := range l.sets {
		order[name] = len(l.files) + i
	}
	place := func(p Problem) int {
		if i, known := order[p.File]; known {
			return i
		}
		return len(order)
	}
	sort.SliceStable(problems, func(i, j int) bool {
		if a, b := place(problems[i]), place(problems[j]); a != b {
			return a < b
		}
		return before(problems[i], problems[j])
	})
	for i := range problems {
		problems[i].Message = clipped(problems[i].Message)
	}
	return slices.Compact(problems) // the name of a base is read twice
}

// mostMessage is the length of a message in runes: one that quotes a value of a MiB
// would hide all others.
const mostMessage = 600

// clipped leaves out the middle of a message that is too long: what is wrong stands at its
// beginning, and what to do at its end.
func clipped(message string) string {
	runes := []rune(message)
	if len(runes) <= mostMessage {
		return message
	}
	half := mostMessage/2 - 1
	return string(runes[:half]) + "..." + string(runes[len(runes)-half:])
}

func sortProblems(problems []Problem) {
	sort.SliceStable(problems, func(i, j int) bool { return before(problems[i], problems[j]) })
}

// before says which of two problems of one file comes first.
func before(a, b Problem) bool {
	if a.Line != b.Line {
		return a.Line < b.Line
	}
	return a.Col < b.Col
}
