package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/nearest"
)

// usageError is a wrong call: exit 2.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// looksLikeScenario reports whether an argument in the place of a command is a
// scenario: -, *.yaml, *.yml, *.json or a directory.
func looksLikeScenario(arg string) bool {
	switch filepath.Ext(arg) {
	case ".yaml", ".yml", ".json":
		return true
	}
	if arg == "-" {
		return true
	}
	st, err := os.Stat(arg)
	return err == nil && st.IsDir()
}

// laterCommands are planned: who has read of them should not look for a slip.
var laterCommands = []string{"probe", "compare", "verdict", "export", "calibrate"}

// unknownCommand says what an argument might have meant that is neither a command
// nor a scenario.
func unknownCommand(arg string, commands []string) error {
	if slices.Contains(laterCommands, arg) {
		return usagef("%s is not supported yet\n`wsrun help` lists the commands", arg)
	}
	msg := fmt.Sprintf("%q is no command and no scenario (-, *.yaml, *.yml, *.json or a directory)", arg)
	if near := nearest.Name(arg, commands); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	} else if _, err := os.Stat(arg + ".yaml"); err == nil {
		msg += fmt.Sprintf("; did you mean %q?", arg+".yaml")
	}
	return usagef("%s\n`wsrun help` lists the commands", msg)
}

// unknownFlag says what a flag that cannot be read might have meant.
func unknownFlag(c *cobra.Command, err error) error {
	_, name, unknown := strings.Cut(err.Error(), "unknown flag: --")
	if !unknown {
		return usagef("%v", err)
	}
	var names []string
	for _, word := range strings.Fields(c.Flags().FlagUsages()) {
		if n, ok := strings.CutPrefix(word, "--"); ok {
			names = append(names, n)
		}
	}
	hint := fmt.Sprintf("\n`%s --help` lists the flags", c.CommandPath())
	if near := nearest.Name(name, names); near != "" {
		hint = fmt.Sprintf("; did you mean --%s?", near)
	}
	return usagef("%v%s", err, hint)
}

// notEmpty refuses flags that are given without a value: an unset variable in a
// script must not quietly mean the default.
func notEmpty(c *cobra.Command, names ...string) error {
	for _, name := range names {
		if f := c.Flags().Lookup(name); f != nil && f.Changed && f.Value.String() == "" {
			return usagef("--%s is empty: give it a value or leave it out (is a variable unset?)", name)
		}
	}
	return nil
}

// helpCommand is cobra's, but for a topic that does not exist it is a wrong call.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{Use: "help [COMMAND]", Short: "Help about any command", RunE: func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return root.Help()
		}
		for _, c := range root.Commands() {
			if c.Name() == args[0] && !c.Hidden {
				return c.Help()
			}
		}
		return unknownCommand(args[0], commandNames(root))
	}}
}
