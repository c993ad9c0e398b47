package migrate

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Widths of the written file, in characters.
const (
	pageWidth  = 100 // of comments
	maxComment = 44  // the column at which a line's comment stands at most
)

// head writes what the file is, and the call that it was made of.
func (w *writer) head(b *strings.Builder) {
	if w.schema != "" {
		fmt.Fprintf(b, "# yaml-language-server: $schema=%s\n#\n", w.schema)
	}
	b.WriteString("# Made by wsrun init --from-flags. Behind each key is the option of\n# working_set_tester.py that it comes from. The call was:\n")
	rest := "#  "
	for i, word := range w.call.words {
		q := Quote(word)
		// An option stands on one line with its values, where they fit.
		need := len(q) + 1
		if isOption(word) {
			for _, v := range w.call.words[i+1:] {
				if isOption(v) {
					break
				}
				need += len(Quote(v)) + 1
			}
		}
		if len(rest) > 3 && len(rest)+min(need, pageWidth-20) > pageWidth {
			b.WriteString(rest + "\n")
			rest = "#  "
		}
		rest += " " + q
	}
	b.WriteString(rest + "\n")
	for _, name := range w.call.twice {
		fmt.Fprintf(b, "# %s was given more than once: the last counts, as it did there.\n", name)
	}
	for _, name := range w.call.none {
		fmt.Fprintf(b, "# %s None, as the original's own script writes it, is as if it were not given.\n", name)
	}
	fmt.Fprintf(b, "name: %s\n", Scalar(w.name))
}

// tail tells of the options that no key stands for.
func (w *writer) tail(b *strings.Builder) {
	if len(w.unused) == 0 {
		return
	}
	b.WriteString("\n# Options of the call that no key here stands for:\n")
	for _, u := range w.unused {
		wrap(b, u.text+": "+u.why, "#   ", "#     ")
	}
}

// align writes lines with their comments in one column. A comment that has a line of its
// own is wrapped.
func align(b *strings.Builder, lines []line) {
	column := 0
	for _, l := range lines {
		if n := len([]rune(l.text)); l.why != "" && n <= maxComment {
			column = max(column, n)
		}
	}
	for _, l := range lines {
		switch {
		case l.text == "":
			wrap(b, l.why, "# ", "# ")
		case l.why == "":
			b.WriteString(l.text + "\n")
		default:
			fmt.Fprintf(b, "%-*s  # %s\n", column, l.text, l.why)
		}
	}
}

// wrap writes a text as lines that fit the page.
func wrap(b *strings.Builder, text, first, next string) {
	out := first
	for i, word := range strings.Fields(text) {
		if i > 0 && len(out)+1+len(word) > pageWidth {
			b.WriteString(strings.TrimRight(out, " ") + "\n")
			out = next
		} else if i > 0 {
			out += " "
		}
		out += word
	}
	b.WriteString(out + "\n")
}

// bare is what YAML reads as it is written, in a flow list too.
var bare = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9./:_-]*[A-Za-z0-9/]$`)

// yamlWords are read as something else than text, by this YAML or an older one.
var yamlWords = map[string]bool{"true": true, "false": true, "null": true, "yes": true, "no": true, "on": true, "off": true}

// Scalar writes a text as YAML, in quotes where it would be read as something else.
func Scalar(s string) string {
	if bare.MatchString(s) && !yamlWords[strings.ToLower(s)] {
		return s
	}
	return strconv.Quote(s)
}

// safeWord needs no quotes in a shell.
var safeWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,@%+-]+$`)

// Quote writes a word as a shell takes it, on one line: what cannot be printed is
// written as Go would.
func Quote(s string) string {
	if safeWord.MatchString(s) {
		return s
	}
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
