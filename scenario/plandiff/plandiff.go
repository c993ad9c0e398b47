// Package plandiff says what a change of a scenario means: not which lines differ, but
// whether results still compare, whether passing became easier, what is measured more or
// less, what it costs, and what else is contacted. It works on two expanded plans, so
// that a change that changes nothing is called so. It reads no file and prints nothing.
package plandiff

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/scenario"
)

// Class says what a change means to the reader of results.
type Class string

// Classes, the most serious first.
const (
	Breaks    Class = "breaks-comparison" // points no longer pair with older results
	Loosened  Class = "loosened"          // easier to pass, or less evidence
	Reach     Class = "reach"             // what is contacted, read or run
	Tightened Class = "tightened"         // harder to pass, or more evidence
	Coverage  Class = "coverage"          // cells added or removed
	Cost      Class = "cost"              // time and tokens
	Cosmetic  Class = "cosmetic"          // nothing that is measured or judged
)

// Classes lists the classes, the most serious first.
func Classes() []Class {
	return []Class{Breaks, Loosened, Reach, Tightened, Coverage, Cost, Cosmetic}
}

// Finding is one change and what it means.
type Finding struct {
	Class Class
	// Open: which way it goes cannot be told, only that it is not the same: a condition
	// that was rewritten, auto instead of a number. Its class is Loosened where it could
	// be that, so that no gate is passed unread.
	Open  bool
	Sign  byte     // + added, - removed, ~ changed
	Key   string   // as people write it: working_set.max, thresholds[0].expect
	Text  string   // what changed, and to what effect, in one line
	Hint  string   // what to write instead, where there is something
	Notes []string // what else hangs on it
	File  string   // where the key stands now, or stood before
	Line  int      // from 1; 0 when the file does not give the key
	Col   int
	Old   bool // the place is in the old file: the key is gone
	Base  bool // File is not the scenario's own, but one that it extends, or a flag
}

// Status says what became of a scenario.
type Status string

// Statuses of a scenario.
const (
	Changed   Status = "changed"
	Unchanged Status = "unchanged"
	Added     Status = "added"
	Removed   Status = "removed"
)

// Diff is what the change of one scenario means.
type Diff struct {
	Path     string // of the new file, of the old one where it was removed
	OldPath  string // where it is another
	Name     string
	Status   Status
	Reason   string // of an added one: why there is no old side
	Findings []Finding
	Old, New scenario.Estimate // what both cost; zero where there is no side
}

// Of works out what becomes of a scenario. One side may be nil: it was added, or removed.
func Of(old, new *scenario.Plan) Diff {
	d := &differ{old: old, new: new}
	out := Diff{Status: Changed}
	switch {
	case old == nil:
		out.Status = Added
		d.old, d.blank = blank(new), true
	case new == nil:
		out.Status = Removed
		d.new, d.blank = blank(old), true
	}
	for _, p := range []*scenario.Plan{old, new} {
		if p != nil {
			out.Path, out.Name = p.Path, p.Scenario.Name
		}
	}
	if old != nil && new != nil && old.Path != new.Path {
		out.OldPath = old.Path
	}
	d.all()
	out.Old, out.New = cost(old), cost(new)
	d.costs(out.Old, out.New)
	if len(d.found) == 0 && out.Status == Changed && !sameText(old, new) {
		d.add(Finding{Class: Cosmetic, Sign: '~', Text: "no change in meaning: only comments, order or spelling"})
	}
	if len(d.found) == 0 && out.Status == Changed {
		out.Status = Unchanged
	}
	out.Findings = sorted(d.found)
	return out
}

// sorted puts the most serious first, and those of a class as they stand in the file.
func sorted(found []Finding) []Finding {
	rank := func(c Class) int { return slices.Index(Classes(), c) }
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Class), rank(b.Class)), cmp.Compare(a.Line, b.Line))
	})
	return found
}

// sameText reports whether both were read from the same text.
func sameText(a, b *scenario.Plan) bool {
	return slices.EqualFunc(a.Sources, b.Sources, func(x, y scenario.SourceFile) bool { return bytes.Equal(x.Text, y.Text) }) && bytes.Equal(a.Source, b.Source)
}

// Count gives the number of findings of a class.
func (d Diff) Count(c Class) int {
	n := 0
	for _, f := range d.Findings {
		if f.Class == c {
			n++
		}
	}
	return n
}

// differ collects the findings of one scenario.
type differ struct {
	old, new *scenario.Plan
	blank    bool // one side is not there: only what is added or removed is said
	found    []Finding
}

func (d *differ) sc() (old, new *scenario.Scenario) { return d.old.Scenario, d.new.Scenario }

// add keeps a finding that has its place already, or has none.
func (d *differ) add(f Finding) { d.found = append(d.found, f) }

// at keeps a finding at the first of the paths that the new file gives; where it gives
// none, at the nearest key above the first of them, or where the old file had it.
func (d *differ) at(f Finding, paths ...string) {
	defer func() { d.add(f) }()
	for _, path := range paths {
		if f.put(d.new, path, false) {
			return
		}
	}
	if f.Sign == '-' && f.put(d.old, paths[0], true) {
		return
	}
	for path := above(paths[0]); path != ""; path = above(path) {
		if f.put(d.new, path, false) {
			return
		}
	}
	for _, path := range paths {
		if f.put(d.old, path, true) {
			return
		}
	}
	f.put(d.new, "", false)
}

// above is the path of the key that holds a key.
func above(path string) string { return path[:strings.LastIndexByte(path, '/')] }

// put gives the finding the place of a path, where the plan's file gives it.
func (f *Finding) put(p *scenario.Plan, path string, old bool) bool {
	file, line, col := p.Place(path)
	if line == 0 {
		return false
	}
	f.File, f.Line, f.Col, f.Old, f.Base = file, line, col, old, file != p.Path
	return true
}
