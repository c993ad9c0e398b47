package scenario

import (
	"strings"
)

// Plan is the expansion of a scenario: what will be sent, in which order.
type Plan struct {
	Scenario  *Scenario
	Digest    string       // of the resolved plan without secrets, URLs, labels and description
	Path      string       // as the file was named
	Source    []byte       // the file as given
	Sources   []SourceFile // what the scenario was read from: the file itself, then every base, nearest first; nil for a record's
	Cells     []Cell       // in the order of a trial
	Variables []string     // names of the environment variables that the scenario reads, sorted
	Left      []Left       // sizes left out, and why
	Warnings  []Problem

	Stops      []*Condition // one for each Scenario.Stop, compiled
	Thresholds []Gate       // one for each Scenario.Thresholds
	Gated      []*Condition // the where of each Scenario.Compare.Gate; nil: all points

	kept   kept            // what its files are made of
	places map[string]spot // where each key that was given stands, by path
}

// SourceFile is a file that a scenario was read from.
type SourceFile struct {
	Path string // as it stands in problems
	Text []byte
}

// spot is a place in a file.
type spot struct {
	file      string
	line, col int
}

// Place says where a key stands, /working_set/max or /stop/0/when: the file, the line and
// the column (from 1, in runes) of the key, of the value where it has none of its own (an
// element of a list, a short form). Line and column are 0 where no file gives the key.
func (p *Plan) Place(path string) (file string, line, col int) {
	at := p.places[path]
	return at.file, at.line, at.col
}

// Gate is a compiled threshold; Where is nil when it holds for every point.
type Gate struct {
	Expect *Condition
	Where  *Condition
}

// placed gives a problem the place of the key at its path.
func (p *Plan) placed(at Problem) Problem {
	where := p.places[at.Path]
	if at.File = where.file; at.File == "" {
		at.File = p.Path
		return at
	}
	for _, f := range p.Sources {
		if f.Path == at.File {
			if f.Path != p.Path {
				at.For = p.Path
			}
			return newSource(f.Path, f.Text).place(at, where.line, where.col, len(at.Path)-1-strings.LastIndexByte(at.Path, '/'))
		}
	}
	at.For = p.Path
	return at
}

// Cell is one cache state under test, with its own warm-up: context x hit rate x
// working set. A cell is what is sent: Real = Prompts x R, not the size asked for.
type Cell struct {
	Key           string    `json:"key"` // ctx30000_ws100000_cache100, see CellKey
	Context       int64     `json:"context"`
	HitRate       float64   `json:"hit_rate"`       // percent, as asked
	WorkingSet    int64     `json:"working_set"`    // as asked; 0 at hit rate 0, where size has no meaning
	R             int64     `json:"r"`              // tokens of each prompt
	Prefix        int64     `json:"prefix"`         // reusable tokens of each prompt, a multiple of chunk
	Prompts       int       `json:"prompts"`        // P; 0 at hit rate 0
	Real          int64     `json:"real"`           // P x R
	HotTokens     int64     `json:"hot_tokens"`     // P x prefix
	ReuseDistance int64     `json:"reuse_distance"` // P x (R + output), the cyclic one; 0 at hit rate 0
	Levels        []int     `json:"levels"`
	Rates         []float64 `json:"rates,omitempty"`  // open loop: requests/s, instead of levels
	Origin        string    `json:"origin,omitempty"` // refined, when a bisection made it

	// Steps are the sizes that the working set grows through, ascending (sustained).
	// The cell's own size figures are then those of the largest.
	Steps []Step `json:"steps,omitempty"`
}

// Step is one size of a growing working set.
type Step struct {
	WorkingSet    int64 `json:"working_set"` // as asked
	Prompts       int   `json:"prompts"`
	Real          int64 `json:"real"`           // Prompts x R
	HotTokens     int64 `json:"hot_tokens"`     // Prompts x prefix
	ReuseDistance int64 `json:"reuse_distance"` // Prompts x (R + output)
}

// At gives the cell as it is at one of its steps: the size figures are that step's. A
// cell without steps is itself.
func (c Cell) At(step int) Cell {
	if step < 0 || step >= len(c.Steps) {
		return c
	}
	s := c.Steps[step]
	c.WorkingSet, c.Prompts, c.Real, c.HotTokens, c.ReuseDistance = s.WorkingSet, s.Prompts, s.Real, s.HotTokens, s.ReuseDistance
	return c
}

// loads is how many levels or rates the cell is measured at, each in a window of its own.
func (c Cell) loads() int { return len(c.Levels) + len(c.Rates) }

// Left is a size that was left out of the plan.
type Left struct {
	Context    int64
	WorkingSet int64
	Why        string
}
