package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/explain"
	"github.com/wsrun/wsrun/runner/result"
)

// byFiles are the flags whose value is any file, which is what a shell offers by itself.
var byFiles = []string{"log", "from-flags", "write"}

// Every flag that takes a value says how it is completed, or is one whose value is any
// file; and every command that people may call says it of its arguments.
func TestEverythingCompletes(t *testing.T) {
	root := newApp(nil, nil, nil, nil).root()
	for _, c := range append(root.Commands(), root) {
		if c.Hidden || c.Name() == "completion" {
			continue
		}
		if c.ValidArgsFunction == nil {
			t.Errorf("%s: nothing says how its arguments are completed: see complete.go", c.Name())
		}
		for _, name := range valueFlags(c) {
			_, said := c.GetFlagCompletionFunc(name)
			if want := !slices.Contains(byFiles, name); said != want {
				t.Errorf("%s --%s: completed %v, want %v", c.Name(), name, said, want)
			}
		}
	}
}

// The values of --format are read from its help: each is one that the command takes.
func TestFormats(t *testing.T) {
	for usage, want := range map[string]string{
		"output on stdout: text or json":                                 "text json",
		"output on stdout: text, json or lines (one cell a line)":        "text json lines",
		"output on stdout: text, markdown, json or github (annotations)": "text markdown json github",
		"": "",
	} {
		if got := strings.Join(formats(usage), " "); got != want {
			t.Errorf("%q: %q, want %q", usage, got, want)
		}
	}
	root := newApp(nil, nil, nil, nil).root()
	for _, c := range root.Commands() {
		f := c.Flags().Lookup("format")
		if f == nil {
			continue
		}
		for _, name := range append(formats(f.Usage), f.DefValue) {
			a := &app{flags: flags{format: name}}
			if err := a.oneFormat(formats(f.Usage)...); err != nil || len(formats(f.Usage)) < 2 {
				t.Errorf("%s --format %s: %v", c.Name(), name, err)
			}
		}
	}
}

// What is offered for wsrun explain is explained.
func TestOfferedTopicsAreExplained(t *testing.T) {
	kinds := []string{""}
	for _, k := range explain.Kinds() {
		kinds = append(kinds, strings.Fields(k)[0])
	}
	for _, kind := range kinds {
		var args []string
		if kind != "" {
			args = []string{kind}
		}
		names, _ := explained(nil, args, "")
		if len(names) == 0 {
			t.Errorf("nothing of kind %q is offered", kind)
		}
		k, _ := explain.KindOf(kind)
		for _, name := range names {
			_, isKind := explain.KindOf(name)
			if len(explain.Find(k, name)) == 0 && name != "profile" && !(kind == "" && isKind) {
				t.Errorf("%s %s is offered and not explained", kind, name)
			}
		}
	}
}

// Run directories are offered with how they ended, the newest first; where there is none
// the shell offers directories.
func TestRunDirs(t *testing.T) {
	t.Chdir(t.TempDir())
	for dir, state := range map[string]string{"results/a/20260101_000000-aa": "done", "results/c/20260102_000000-bb": "interrupted", "results/b/20260103_000000-cc": "", "other/[x]/r": "done"} {
		dir = filepath.FromSlash(dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, result.RecordFile), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if state != "" {
			if err := result.WriteManifest(dir, result.Manifest{Schema: result.Schema, State: state}); err != nil {
				t.Fatal(err)
			}
		}
	}
	unfinished := func(state string) bool { return state != result.StateDone }
	for _, c := range []struct {
		begun  string
		wanted func(string) bool
		want   string
		files  cobra.ShellCompDirective
	}{
		{"", nil, "results/b/20260103_000000-cc\tnot ended|results/c/20260102_000000-bb\tinterrupted|results/a/20260101_000000-aa\tdone", onlyThese | cobra.ShellCompDirectiveKeepOrder},
		{"", unfinished, "results/b/20260103_000000-cc\tnot ended|results/c/20260102_000000-bb\tinterrupted", onlyThese | cobra.ShellCompDirectiveKeepOrder},
		{"results/a/20260101", nil, "results/a/20260101_000000-aa\tdone", onlyThese | cobra.ShellCompDirectiveKeepOrder},
		{"other/[", nil, "other/[x]/r\tdone", onlyThese | cobra.ShellCompDirectiveKeepOrder},
		{"nowhere", nil, "", cobra.ShellCompDirectiveFilterDirs},
	} {
		got, files := runDirs(c.begun, c.wanted)
		if strings.Join(got, "|") != c.want || files != c.files {
			t.Errorf("%q: %q, directive %d; want %q, %d", c.begun, strings.Join(got, "|"), files, c.want, c.files)
		}
	}
}
