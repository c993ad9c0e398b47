package main

import (
	"cmp"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/explain"
	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/internal/starter"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// completer gives what a shell may put in the place of a word that was begun, and what
// else the shell may offer there.
type completer func(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective)

// Nothing else, and no space behind what ends in = or is a part of a list.
const (
	onlyThese = cobra.ShellCompDirectiveNoFileComp
	openEnd   = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
)

// complete tells each command what its arguments and the values of its flags can be.
// What a command has said itself stands.
func (a *app) complete(root *cobra.Command) {
	for _, c := range append(root.Commands(), root) {
		if f := a.arguments(c.Name()); f != nil && c.ValidArgsFunction == nil {
			c.ValidArgsFunction = f
		}
		for _, name := range valueFlags(c) {
			complete := a.flagValues(name, c.Flags().Lookup(name).Usage)
			if _, said := c.GetFlagCompletionFunc(name); said || complete == nil {
				continue
			}
			if err := c.RegisterFlagCompletionFunc(name, complete); err != nil {
				panic(err) // the flag is there: it was looked up
			}
		}
	}
}

// valueFlags lists the flags of a command that take a value.
func valueFlags(c *cobra.Command) []string {
	var out []string
	for _, word := range strings.Fields(c.Flags().FlagUsages()) {
		name, long := strings.CutPrefix(word, "--")
		if f := c.Flags().Lookup(name); long && f != nil && f.Value.Type() != "bool" && !slices.Contains(out, name) {
			out = append(out, name) // some are named in the help of others
		}
	}
	return out
}

// arguments completes what stands after a command.
func (a *app) arguments(command string) completer {
	switch command {
	case "wsrun":
		return commandOrScenario
	case "run", "validate", "plan", "diff":
		return scenarioFiles
	case "report", "tiers":
		return func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, onlyThese
			}
			return runDirs(begun, nil)
		}
	case "init":
		return directories
	case "explain":
		return explained
	case "help":
		return func(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, onlyThese
			}
			return beginning(begun, commandNames(c.Root())), onlyThese
		}
	case "schema", "version", "simulate":
		return nothing
	}
	return nil
}

// flagValues completes the value of a flag; nil where the shell's own way, files, is
// right.
func (a *app) flagValues(name, usage string) completer {
	switch name {
	case "format":
		return oneOf(formats(usage)...)
	case "fail-on":
		return failOnClasses
	case "set":
		return setPaths
	case "only":
		return a.cells
	case "resume":
		return func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			return runDirs(begun, func(state string) bool { return state != result.StateDone })
		}
	case "tiers":
		return func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			return runDirs(begun, nil)
		}
	case "output-dir", "svg":
		return directories
	case "mode":
		return oneOf(starter.Modes()...)
	case "target":
		return oneOf(starter.Simulator)
	case "profile":
		return func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			return beginning(begun, simulator.Names()), cobra.ShellCompDirectiveDefault // or a file
		}
	case "log", "from-flags", "write":
		return nil
	}
	return nothing
}

func nothing(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, onlyThese
}

func directories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// scenarioFiles lets the shell offer what looks like a scenario, and directories.
func scenarioFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

// commandOrScenario completes the first word of a call. A shell would take the names of
// commands for file extensions beside those of scenarioFiles: where a command begins so,
// the files are listed here.
func commandOrScenario(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || len(beginning(begun, commandNames(c))) == 0 {
		return scenarioFiles(c, args, begun)
	}
	found, err := filepath.Glob(escapeGlob.Replace(begun) + "*")
	if err != nil {
		return nil, onlyThese
	}
	var out []string
	for _, path := range found {
		if looksLikeScenario(path) && !strings.HasSuffix(path, schemaFile) {
			out = append(out, path)
		}
	}
	return out, onlyThese
}

// oneOf completes one of a few words.
func oneOf(words ...string) completer {
	return func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return beginning(begun, words), onlyThese
	}
}

// beginning keeps the words that begin so.
func beginning(begun string, words []string) []string {
	var out []string
	for _, w := range words {
		if strings.HasPrefix(w, begun) {
			out = append(out, w)
		}
	}
	return out
}

var inBrackets = regexp.MustCompile(`\([^)]*\)`)

// formats reads the values of --format from its help, which every command words as
// "output on stdout: text, json or lines (one cell a line)".
func formats(usage string) []string {
	_, list, _ := strings.Cut(inBrackets.ReplaceAllString(usage, ""), ":")
	return strings.Fields(strings.NewReplacer(",", " ", " or ", " ").Replace(list))
}

// failOnClasses completes the last of several classes with commas between them.
func failOnClasses(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	at := strings.LastIndexByte(begun, ',') + 1
	given := strings.Split(begun[:at], ",")
	var out []string
	for _, class := range strings.Split(classList(), ", ") {
		if !slices.Contains(given, class) && strings.HasPrefix(class, begun[at:]) {
			out = append(out, begun[:at]+class)
		}
	}
	return out, openEnd
}

// setPaths completes --set: the key, then, where there are only so many, its value. Of a
// list the first element stands for all.
func setPaths(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	given, value, valued := strings.Cut(begun, "=")
	var out []string
	for _, k := range scenario.Keys() {
		name := strings.ReplaceAll(k.Path, "[]", "[0]")
		switch {
		case name == "extends": // cannot be set
		case valued && sameKey(name, given):
			for _, v := range settable(k) {
				if strings.HasPrefix(v, value) {
					out = append(out, given+"="+v)
				}
			}
		case !valued && k.Type != "map" && strings.HasPrefix(name, given):
			out = append(out, name+"=\t"+k.Description)
		}
	}
	if valued {
		return out, onlyThese
	}
	return out, openEnd
}

var anyIndex = regexp.MustCompile(`\[\d+\]`)

func sameKey(name, given string) bool { return name == anyIndex.ReplaceAllString(given, "[0]") }

// settable gives the values that a key can have, where they can be listed.
func settable(k scenario.Key) []string {
	if k.Type == "true or false" {
		return []string{"true", "false"}
	}
	return k.Values
}

// cells completes --only with the cells of the scenarios on the line. A scenario that is
// not valid has none.
func (a *app) cells(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if slices.Contains(args, "-") {
		return nil, onlyThese
	}
	files, err := scenario.Files(args)
	if err != nil {
		return nil, onlyThese
	}
	opt, err := a.loadOptions()
	if err != nil {
		return nil, onlyThese
	}
	plans, _ := scenario.LoadFiles(files, opt)
	var out []string
	for _, p := range plans {
		for _, c := range p.Cells {
			if strings.HasPrefix(c.Key, begun) {
				out = append(out, c.Key)
			}
		}
	}
	return out, onlyThese | cobra.ShellCompDirectiveKeepOrder
}

// runDirs completes run directories, the newest first, with how they
// ended; wanted leaves some out by that. Where none begins so, directories are offered:
// one may be below them.
func runDirs(begun string, wanted func(state string) bool) ([]string, cobra.ShellCompDirective) {
	below := escapeGlob.Replace(filepath.FromSlash(begun)) + "*"
	patterns := []string{below, filepath.Join(below, "*"), filepath.Join(below, "*", "*")}
	if begun == "" { // not the whole of where one happens to be
		patterns = []string{filepath.Join("results", "*", "*")}
	}
	var out []string
	for _, p := range patterns {
		found, err := filepath.Glob(filepath.Join(p, result.RecordFile))
		if err != nil {
			continue // what was begun is no path
		}
		for _, record := range found {
			dir := filepath.Dir(record)
			state := "not ended"
			if m, err := result.ReadManifest(filepath.Join(dir, result.ManifestFile)); err == nil && m.State != "" {
				state = m.State
			}
			if wanted == nil || wanted(state) {
				out = append(out, filepath.ToSlash(dir)+"\t"+state)
			}
		}
	}
	if len(out) == 0 {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	slices.SortFunc(out, func(x, y string) int { // a run is named by when it began
		return cmp.Or(strings.Compare(path.Base(y), path.Base(x)), strings.Compare(x, y))
	})
	return out, onlyThese | cobra.ShellCompDirectiveKeepOrder
}

// escapeGlob makes a path that was typed stand for itself in a pattern.
var escapeGlob = strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]")

// explained completes what wsrun explain takes: a name, or a kind of them and a name.
// Names of several words are left out: a shell would not put them in quotes.
func explained(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	var names []string
	switch {
	case len(args) == 0:
		names = append(topicNames(""), "profile")
		for _, kind := range explain.Kinds() {
			names = append(names, strings.Fields(kind)[0])
		}
	case len(args) > 1:
	case args[0] == "profile":
		names = simulator.Names()
	default:
		if kind, ok := explain.KindOf(args[0]); ok {
			names = topicNames(kind)
		}
	}
	names = beginning(begun, names)
	slices.Sort(names)
	return slices.Compact(names), onlyThese
}

// topicNames lists the names of one kind, or of all, as they can be typed: without
// brackets, and options of the original, where they are asked for, without dashes.
func topicNames(kind string) []string {
	var out []string
	for _, t := range explain.All() {
		name := strings.ReplaceAll(t.Name, "[]", "")
		switch {
		case kind != "" && t.Kind != kind, kind == "" && t.Kind == explain.KindOption:
			continue
		case t.Kind == explain.KindClass && strings.Contains(name, " / "):
			out = append(out, strings.Split(name, " / ")...)
		case !strings.Contains(name, " "):
			out = append(out, strings.TrimPrefix(name, "--"))
		}
	}
	return out
}
