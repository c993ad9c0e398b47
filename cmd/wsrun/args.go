package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// unknownCommand says what an argument might have meant that is neither a command
// nor a scenario.
func unknownCommand(arg string, commands []string) error {
	msg := fmt.Sprintf("%q is no command and no scenario (-, *.yaml, *.yml, *.json or a directory)", arg)
	if near := nearest(arg, commands); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	} else if _, err := os.Stat(arg + ".yaml"); err == nil {
		msg += fmt.Sprintf("; did you mean %q?", arg+".yaml")
	}
	return usagef("%s\n`wsrun help` lists the commands", msg)
}

// nearest gives the name that differs from word by least, at most two edits and
// less than half of the word; empty when none is that near.
func nearest(word string, names []string) string {
	best, at := "", min(2, (len(word)-1)/2)+1
	for _, n := range names {
		if d := edits(strings.ToLower(word), n); d < at {
			best, at = n, d
		}
	}
	return best
}

// edits is the number of insertions, deletions, replacements and swaps of
// neighbours between a and b (optimal string alignment).
func edits(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
