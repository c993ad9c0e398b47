package report

import (
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner/result"
)

// The sentences of the console that the pages say in the same words.

// TransitionLines gives what was found of each series, as the console prints it: its
// transitions, or the sentence that says why there is none.
func TransitionLines(sum *result.Summary) []string { return transitionLines(sum) }

// Doubt is one footnote of the console: why points are not simply ok.
type Doubt struct {
	Code  string
	Class result.Validity // the worst that a point is for it
	Text  string          // its worst case, or the first few that do not compare
	// Points is how many have it, each trial of its own; Counted says that Text tells it.
	Points  int
	Counted bool
}

// Doubts gives the footnotes of all points, the gravest class first; within a class as
// they are read in the table.
func Doubts(sum *result.Summary) []Doubt {
	t := &table{sum: sum}
	var out []Doubt
	for _, m := range sum.Merged {
		for _, p := range m.Points {
			for _, r := range p.Reasons {
				i := slices.IndexFunc(out, func(d Doubt) bool { return d.Code == r.Code })
				if i < 0 {
					i = len(out)
					text := t.reason(r)[len(r.Code)+len(": "):]
					out = append(out, Doubt{Code: r.Code, Class: r.Class, Text: text, Counted: strings.HasSuffix(text, " points)")})
				}
				out[i].Points++
				if gravity(r.Class) > gravity(out[i].Class) {
					out[i].Class = r.Class
				}
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Doubt) int { return gravity(b.Class) - gravity(a.Class) })
	return out
}

// gravity orders validities by how much a reader has to know of them.
func gravity(v result.Validity) int {
	return slices.Index([]result.Validity{result.ValidOK, result.ValidSkipped, result.ValidDoubt, result.ValidInvalid, result.ValidFailed}, v)
}

// AgainstText names the points that did not pass a threshold, or why there is no
// verdict, as the console does; no more than most points.
func AgainstText(f verdict.Finding, most int) string { return against(f, most) }

// HeldText is the level of a row as the console prints it: of a set that grows the level
// held, with the range or the bracket that is known of it.
func HeldText(m *result.Merged) string { return heldText(m) }

// Clean makes text of a server or a user fit for one line.
func Clean(s string) string { return term.Clean(s) }
