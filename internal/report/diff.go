package report

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/plandiff"
)

// diffWidth is how wide a difference is printed where the output has no width of its own:
// it is pasted into reviews and read in logs.
const diffWidth = 80

// Diff prints what changes of scenarios mean, for people: each scenario that changed, its
// findings with the most serious first, and a sentence that sums up.
func Diff(w io.Writer, diffs []plandiff.Diff, opt Options) error {
	ew := &errWriter{w: w}
	width := opt.Width
	if width <= 0 {
		width = diffWidth
	}
	for _, d := range diffs {
		if d.Status == plandiff.Unchanged {
			continue
		}
		fmt.Fprintln(ew, term.Wrap(opt.Paint.Bold(diffPath(d.Path))+diffHead(d), "  ", width))
		for _, f := range d.Findings {
			for _, line := range diffLines(d, f, opt.Paint, width) {
				fmt.Fprintln(ew, line)
			}
		}
	}
	fmt.Fprintln(ew, term.Wrap(diffSummary(diffs), "  ", width))
	return ew.err
}

func diffPath(path string) string { return term.Clean(filepath.ToSlash(path)) }

// diffHead says what became of a scenario as a whole.
func diffHead(d plandiff.Diff) string {
	name := term.Clean(d.Name)
	switch {
	case d.Status == plandiff.Removed:
		return "  " + name + " removed"
	case d.Status == plandiff.Added && d.Reason == "":
		return "  " + name + " added"
	case d.Status == plandiff.Added:
		return "  " + name + " added: " + term.Clean(d.Reason)
	case d.OldPath != "":
		return "  " + name + ", was " + diffPath(d.OldPath)
	}
	return "  " + name
}

// classWidth is that of the longest class.
const classWidth = len(plandiff.Breaks)

// diffLines are the lines of one finding: sign, class, and what it means beside them.
func diffLines(d plandiff.Diff, f plandiff.Finding, paint term.Paint, width int) []string {
	indent := strings.Repeat(" ", 2+2+classWidth+2)
	class := fmt.Sprintf("%-*s", classWidth, f.Class)
	head := "  " + string(diffSign(f)) + " " + classPaint(paint, f.Class)(class) + "  "
	text := term.Clean(f.Text)
	if at := diffAt(d, f); at != "" {
		text += " " + paint.Dim("("+at+")")
	}
	lines := []string{head + beside(text, indent, width)}
	if f.Hint != "" {
		lines = append(lines, indent+beside(term.Clean(f.Hint), indent, width))
	}
	for _, n := range f.Notes {
		lines = append(lines, indent+beside(term.Clean(n), indent, width))
	}
	return lines
}

// beside wraps a text that stands behind an indent.
func beside(text, indent string, width int) string {
	return strings.TrimPrefix(term.Wrap(indent+text, indent, width), indent)
}

// diffSign is ? where which way a change goes cannot be told.
func diffSign(f plandiff.Finding) byte {
	if f.Open {
		return '?'
	}
	return f.Sign
}

func classPaint(p term.Paint, c plandiff.Class) func(string) string {
	switch c {
	case plandiff.Breaks:
		return p.Red
	case plandiff.Loosened, plandiff.Reach:
		return p.Yellow
	case plandiff.Tightened:
		return p.Green
	case plandiff.Cosmetic:
		return p.Dim
	}
	return func(s string) string { return s }
}

// diffAt gives the line of a finding, with its file where that is another.
func diffAt(d plandiff.Diff, f plandiff.Finding) string {
	switch {
	case f.Line == 0:
		return ""
	case scenario.OnCommandLine(f.File):
		return term.Clean(f.File)
	case f.Old && f.Base:
		return fmt.Sprintf("line %d of the old %s", f.Line, diffPath(f.File))
	case f.Old:
		return fmt.Sprintf("line %d of the old file", f.Line)
	case f.File != d.Path:
		return fmt.Sprintf("%s line %d", diffPath(f.File), f.Line)
	}
	return fmt.Sprintf("line %d", f.Line)
}

// diffSummary counts, in one sentence that can be argued about.
func diffSummary(diffs []plandiff.Diff) string {
	if len(diffs) == 0 {
		return "no scenario to hold against another"
	}
	changed := 0
	for _, d := range diffs {
		if d.Status != plandiff.Unchanged {
			changed++
		}
	}
	if changed == 0 {
		return "no change in " + Plural(len(diffs), "scenario")
	}
	var parts []string
	for _, c := range plandiff.Classes() {
		if n := diffCount(diffs, c); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, c))
		}
	}
	what := fmt.Sprintf("%d of %s changed", changed, Plural(len(diffs), "scenario"))
	if len(diffs) == 1 {
		what = "1 scenario changed"
	}
	return what + ": " + strings.Join(parts, ", ")
}

func diffCount(diffs []plandiff.Diff, c plandiff.Class) (n int) {
	for _, d := range diffs {
		n += d.Count(c)
	}
	return n
}
