package result

import (
	"slices"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// Collector makes a Record of frames: the reader's half, and an Observer for those
// who want the record of a run without a file. It keeps the frames that it is
// given. It is for one goroutine.
type Collector struct {
	rec   Record
	units map[Unit]*UnitRecord
	cells map[string]bool // keys in rec.Run.Cells
}

// NewCollector gives an empty one.
func NewCollector() *Collector {
	return &Collector{units: map[Unit]*UnitRecord{}, cells: map[string]bool{}}
}

// Record gives what was observed so far. It goes on growing.
func (c *Collector) Record() *Record { return &c.rec }

// Observe adds one frame.
func (c *Collector) Observe(f Frame) {
	switch f := f.(type) {
	case *Run:
		c.session(f)
	case *Probe:
		c.rec.Probe = f // of a later session: it is what its cells met
	case *Cell:
		c.cell(f)
	case *Phase:
		u := c.unit(f.Unit)
		u.Phases = append(u.Phases, f)
	case *Change:
		u := c.unit(f.Unit)
		u.Changes = append(u.Changes, f)
	case *Request:
		c.request(&f.Request)
	case *Period:
		u := c.unit(f.Unit)
		u.Periods = append(u.Periods, f)
	case *Scrape:
		c.rec.Scrapes = append(c.rec.Scrapes, f)
	case *Note:
		c.rec.Notes = append(c.rec.Notes, f)
	}
}

// session adds a session. Record.Run is the first one's, with cells of its own,
// since refined ones are added to them.
func (c *Collector) session(f *Run) {
	c.rec.Sessions = append(c.rec.Sessions, f)
	if c.rec.Run == nil {
		first := *f
		first.Cells = slices.Clone(f.Cells)
		c.rec.Run = &first
		for _, cell := range f.Cells {
			c.cells[cell.Key] = true
		}
	}
}

// cell begins or ends a unit. A unit that begins again, with or without a word that
// it is superseded, is done again from the start: two halves are never mixed.
func (c *Collector) cell(f *Cell) {
	c.planned(f.Cell)
	if old := c.units[f.Unit]; old != nil && (f.State == CellSuperseded || f.State == CellBegin) {
		c.drop(f.Unit)
	}
	if f.State == CellSuperseded {
		return
	}
	u := c.unit(f.Unit)
	u.State, u.Spec = f.State, f.Cell
	if f.State == CellBegin {
		u.Begin = f.At
		return
	}
	u.End, u.Reason, u.Class = f.At, f.Reason, f.Class
}

// planned adds a cell that the plan did not have: a refined one.
func (c *Collector) planned(cell scenario.Cell) {
	if c.rec.Run == nil || cell.Key == "" || c.cells[cell.Key] {
		return
	}
	c.cells[cell.Key] = true
	c.rec.Run.Cells = append(c.rec.Run.Cells, cell)
}

// drop forgets everything of a unit so far.
func (c *Collector) drop(u Unit) {
	gone := c.units[u]
	delete(c.units, u)
	c.rec.Units = slices.DeleteFunc(c.rec.Units, func(r *UnitRecord) bool { return r == gone })
	c.rec.Notes = slices.DeleteFunc(c.rec.Notes, func(n *Note) bool { return n.Unit == u && u.Cell != "" })
}

// unit gives the record of a unit, and begins it when a frame of it comes before
// its Cell frame.
func (c *Collector) unit(u Unit) *UnitRecord {
	if r := c.units[u]; r != nil {
		return r
	}
	r := &UnitRecord{Unit: u, State: CellBegin}
	if c.rec.Run != nil {
		for _, cell := range c.rec.Run.Cells {
			if cell.Key == u.Cell {
				r.Spec = cell
			}
		}
	}
	c.units[u] = r
	c.rec.Units = append(c.rec.Units, r)
	return r
}

func (c *Collector) request(r *sample.Request) {
	if r.Cell == "" {
		c.rec.Outside = append(c.rec.Outside, r)
		return
	}
	u := c.unit(Unit{Cell: r.Cell, Trial: int(r.Trial)})
	u.Requests = append(u.Requests, r)
}

// Finished reports whether a unit needs nothing more: it is done, was skipped, or
// failed by what was measured (warm-up). A unit that failed because the server or
// the disk did is done again by a session that resumes the run.
func (rec *Record) Finished(u Unit) bool {
	for _, r := range rec.Units {
		if r.Unit == u {
			return r.finished()
		}
	}
	return false
}

// ClassWarmup is the class of a unit that failed because its warm-up did: a finding
// about the server. Units that failed otherwise are done again on resume.
const ClassWarmup = "warm-up"

func (u *UnitRecord) finished() bool {
	switch u.State {
	case CellDone, CellSkipped:
		return true
	case CellFailed:
		return u.Class == ClassWarmup
	}
	return false
}

// HalfDone lists the units that began and are not finished, in the order in which
// they were run: a session that resumes the run marks them superseded and does
// them again.
func (rec *Record) HalfDone() []Unit {
	var out []Unit
	for _, u := range rec.Units {
		if !u.finished() {
			out = append(out, u.Unit)
		}
	}
	return out
}
