// Package result is the record of a run: versioned, append-only, crash-safe; and
// the summaries, computed once, here. Its frame types are the events that an
// Observer of runner.Run gets; whatever is shown is computed from them.
package result

import (
	"time"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Schema is the version of the record's content. It rises when a reader of the
// old one could misread the new one.
const Schema = 1

// Frame is one thing that happened. The concrete types are *Run, *Probe, *Cell,
// *Phase, *Change, *Request, *Period, *Scrape and *Note.
type Frame interface{ Kind() Kind }

// Kind is a frame's type byte in the file.
type Kind uint8

// Frame types, as numbered in the file. Numbers are never reused.
const (
	KindRun     Kind = 1
	KindProbe   Kind = 2
	KindCell    Kind = 3
	KindPhase   Kind = 4
	KindChange  Kind = 5
	KindRequest Kind = 6
	KindPeriod  Kind = 7
	KindScrape  Kind = 8
	KindNote    Kind = 9
)

// Unit names what is repeated and resumed: one trial of one cell.
type Unit struct {
	Cell  string `json:"cell,omitempty"`
	Trial int    `json:"trial,omitempty"` // from 1; 0 where a frame belongs to no unit
}

// Run opens a record, and opens each session that resumes it.
type Run struct {
	Schema   int                `json:"schema"`
	ID       string             `json:"id"`      // short id of the run directory
	Session  int                `json:"session"` // 1, then +1 for each resume
	Stamp    string             `json:"stamp"`   // {ts} of file names, UTC; the first session's
	Epoch    time.Time          `json:"epoch"`   // the one wall anchor; stamps count from here
	At       int64              `json:"at"`      // when this session began, ns since Epoch
	Version  string             `json:"version"` // wsrun's
	Scenario *scenario.Scenario `json:"scenario"`
	Digest   string             `json:"digest"`
	Nonce    string             `json:"nonce"`
	Cells    []scenario.Cell    `json:"cells"` // as planned, in the order of a trial
	Host     Host               `json:"host"`
	Warnings []string           `json:"warnings,omitempty"`
	Only     []string           `json:"only,omitempty"` // cells that --only left; the others are not run
}

// Host is the machine that generated the load.
type Host struct {
	Name     string  `json:"name"`
	OS       string  `json:"os"`
	Arch     string  `json:"arch"`
	CPUs     int     `json:"cpus"`
	CPULimit float64 `json:"cpu_limit"`          // CPUs that may be used (cgroup); = CPUs without a limit
	Governor string  `json:"governor,omitempty"` // CPU frequency governor
	Go       string  `json:"go"`
}

// Probe is what was found out about the server before the first cell.
type Probe struct {
	sample.Probe
}

// CellState is where a unit stands.
type CellState string

// States of a unit. Every unit that began ends in one of the others, unless the
// process died. Superseded means: what came before of this unit does not count.
const (
	CellBegin       CellState = "begin"
	CellDone        CellState = "done"
	CellFailed      CellState = "failed"      // Reason says why, e.g. "warm-up: 20 % of prompts failed"
	CellSkipped     CellState = "skipped"     // never begun: a stop condition ended it
	CellInterrupted CellState = "interrupted" // by a person, or because the run ended early
	CellSuperseded  CellState = "superseded"  // a later session does it again
)

// Cell marks a unit's begin or end.
type Cell struct {
	Unit
	At     int64         `json:"at"`
	State  CellState     `json:"state"`
	Reason string        `json:"reason,omitempty"`
	Cell   scenario.Cell `json:"spec"`
	Class  string        `json:"class,omitempty"` // failed: warm-up | server | sink ...
}

// PhaseKind is a part of a unit.
type PhaseKind string

// Parts of a unit, in order. Level phases carry their level.
const (
	PhaseReset    PhaseKind = "reset"
	PhaseSentinel PhaseKind = "sentinel"
	PhaseWarmup   PhaseKind = "warm-up"
	PhaseSettle   PhaseKind = "settle"
	PhaseVerify   PhaseKind = "verify"
	PhaseWarmIn   PhaseKind = "warm-in"
	PhaseMeasure  PhaseKind = "measure" // the measured window: a point of fixed mode
	PhaseSkipped  PhaseKind = "skipped" // a level that was not run; Reason says why
	PhaseDrain    PhaseKind = "drain"
	PhaseIngest   PhaseKind = "ingest" // one pass over new prompts: sustained, those that growth added (belongs to no point); map, Sent of them with Level in flight
	PhaseLook     PhaseKind = "look"   // map: looks at chosen depths; Notes: what is known after them, in words
)

// Phase is a finished part of a unit: window [Start, End).
type Phase struct {
	Unit
	Phase    PhaseKind  `json:"phase"`
	Level    int        `json:"level,omitempty"`
	Start    int64      `json:"start"`
	End      int64      `json:"end"`
	Notes    []string   `json:"notes,omitempty"`   // warm-in cut ...
	Reason   string     `json:"reason,omitempty"`  // skipped: why; measure: what ended it early
	Stop     string     `json:"stop,omitempty"`    // the stop condition or slo line that this level met
	Repeats  int        `json:"repeats,omitempty"` // measure: extra windows that were pooled into [Start, End)
	Missed   bool       `json:"missed,omitempty"`  // measure: the slo was missed
	Row      metric.Row `json:"row,omitempty"`     // measure: the level's total as decided
	Sent     int        `json:"sent,omitempty"`    // requests
	Failed   int        `json:"failed,omitempty"`
	Resident float64    `json:"resident,omitempty"` // verify: share of looks that were found cached, 0..1
	Looks    int        `json:"looks,omitempty"`    // verify: looks made; look: of the unit so far
	Told     int        `json:"told,omitempty"`     // verify: of these, looks that told cached tokens; 0: Resident says nothing

	// Sustained: the growth step, and what a measured one came to: [Start, End) pools
	// the verification and the hold of Level. A step that never came is PhaseSkipped.
	Step      int    `json:"step,omitempty"`      // from 0
	Converged bool   `json:"converged,omitempty"` // measure: Level was verified, and held for as long as asked
	Bracket   [2]int `json:"bracket,omitzero"`    // measure: the highest level that passed and the lowest that violated; 0: none did
	Periods   int    `json:"periods,omitempty"`   // measure: assessment periods in [Start, End)
	Search    int    `json:"search,omitempty"`    // measure: periods until a level was first verified, verification included; 0: never
}

// Change is a new concurrency target.
type Change struct {
	Unit
	At     int64  `json:"at"`
	Level  int    `json:"level"`
	Step   int    `json:"step,omitempty"` // growth step from now on, from 0
	Reason string `json:"reason,omitempty"`
}

// Request is one attempt of any phase.
type Request struct {
	sample.Request
}

// Period is one assessment window as decided: the row that slo and stop read.
type Period struct {
	Unit
	Level  int        `json:"level"`
	Index  int        `json:"index"` // from 1 within the level
	Start  int64      `json:"start"`
	End    int64      `json:"end"`
	Row    metric.Row `json:"row"`
	Fired  []string   `json:"fired,omitempty"` // stop conditions that were true
	Reason string     `json:"reason,omitempty"`

	// Sustained: what the controller decided on this period.
	Step     int    `json:"step,omitempty"`     // growth step of the period, from 0
	Decision string `json:"decision,omitempty"` // control.Kind: ramp, bisect, verify, hold, lower, grow ...
	Next     int    `json:"next,omitempty"`     // the level from now on
	NextStep int    `json:"next_step,omitempty"`
	Over     bool   `json:"over,omitempty"` // the cell is over
}

// Scrape is a reading of telemetry.
type Scrape struct {
	sample.Scrape
}

// Note is something a reader should know, in words.
type Note struct {
	Unit
	At   int64  `json:"at"`
	Code string `json:"code"` // reset-unverified, hit-rate-unverified, interrupted, stopped, resumed ...
	Text string `json:"text"`
	Fail bool   `json:"fail,omitempty"` // the run failed because of it: exit 1
}

// Kind implements Frame.
func (*Run) Kind() Kind { return KindRun }

// Kind implements Frame.
func (*Probe) Kind() Kind { return KindProbe }

// Kind implements Frame.
func (*Cell) Kind() Kind { return KindCell }

// Kind implements Frame.
func (*Phase) Kind() Kind { return KindPhase }

// Kind implements Frame.
func (*Change) Kind() Kind { return KindChange }

// Kind implements Frame.
func (*Request) Kind() Kind { return KindRequest }

// Kind implements Frame.
func (*Period) Kind() Kind { return KindPeriod }

// Kind implements Frame.
func (*Scrape) Kind() Kind { return KindScrape }

// Kind implements Frame.
func (*Note) Kind() Kind { return KindNote }

// Record is everything that was read from a record file, in file order, without
// what a later session superseded.
type Record struct {
	Run      *Run   // the first session's; Cells includes refined ones in the order they were run
	Sessions []*Run // all sessions
	Probe    *Probe // nil when the run ended before it
	Units    []*UnitRecord
	Scrapes  []*Scrape
	Notes    []*Note
	Torn     bool              // the end of the file could not be read and was dropped; Loss says what
	Outside  []*sample.Request // requests of no unit: the probe's
	Lost     int64             // bytes after the last good frame
	Loss     string            // in words, empty when nothing was lost
}

// UnitRecord is one trial of one cell.
type UnitRecord struct {
	Unit
	Spec     scenario.Cell
	Begin    int64
	End      int64     // 0 when the process died inside it
	State    CellState // CellBegin when the process died inside it
	Reason   string
	Class    string
	Phases   []*Phase
	Changes  []*Change
	Requests []*sample.Request
	Periods  []*Period
}

// Validity says whether a point may be believed.
type Validity string

// Validities, from best to worst.
const (
	ValidOK      Validity = "ok"
	ValidDoubt   Validity = "doubtful"
	ValidInvalid Validity = "invalid"
	ValidSkipped Validity = "skipped" // not measured; Point.Reasons says why
	ValidFailed  Validity = "failed"  // the unit failed before this point; Reasons says why
)

// Reason is one doubt about a point, or a note that changes no verdict.
type Reason struct {
	Code  string   // hit-rate-high, too-few-samples, over-capacity ...: stable
	Class Validity // ValidInvalid, ValidDoubt, or ValidOK for a note
	Text  string   // in words, with the numbers
	// Grade orders reasons of one code: the larger, the worse. 0 where they do not compare.
	Grade float64
}

// Point is one row of the result: a cell at one concurrency level (fixed) or at one
// size that it grew to (sustained), in one trial.
type Point struct {
	Unit
	Spec         scenario.Cell // sustained: as it is at Step (Cell.At)
	Level        int           // sustained: held, or the last one tried; 0 when unmeasured
	Start        int64         // measured window, ns since the epoch; 0, 0 when skipped or failed
	End          int64
	Repeats      int
	Row          metric.Row // final view
	Validity     Validity
	Reasons      []Reason
	Stop         string         // the slo line or stop condition met here
	Missed       bool           // the slo was missed
	Best         bool           // the best passing level of its cell and trial
	Samples      int            // first tokens in the window
	TTFTs        []float64      // seconds, of the window's first tokens, ascending: tier reads their modes
	Touched      float64        // share of the set touched since the cell's warm-up ended, 0..1
	Intended     metric.Value   // percent of the tokens sent that were meant to be found cached; null when nothing was sent
	Churn        float64        // tokens inserted per second in the window
	InputTokens  int64          // prompt tokens whose first token fell in the window
	OutputTokens int64          // output tokens whose event fell in the window
	Tier         *Tier          // map: what the row is of; nil elsewhere
	CachedTokens int64          // of InputTokens, as told; sample.Unknown when no request told
	ErrorsBy     map[string]int // failed attempts by class name

	// Sustained, as in Phase.
	Step      int
	Converged bool
	Bracket   [2]int
	Periods   int
	Search    int
}
