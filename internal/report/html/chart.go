package html

// Chart is one picture of a page. Option is an echarts option without any data, built with
// go-echarts; the page's script makes its series from the page's table, as Bind says.
type Chart struct {
	ID     string         `json:"id"` // unique in its page, [a-z0-9_]+
	Title  string         `json:"title"`
	Text   string         `json:"text,omitempty"` // one sentence: how to read it
	Tall   bool           `json:"tall,omitempty"` // 1.5 x the usual height
	Option map[string]any `json:"option"`
	Bind   Bind           `json:"bind"`
}

// Kind says how rows become series.
type Kind string

// Kinds of charts.
const (
	Lines  Kind = "lines"  // y over x, one line per group and statistic
	Stack  Kind = "stack"  // bars, one per x, stacked
	Heat   Kind = "heat"   // x category, y log bins, shade = share: the distribution column of a row
	Matrix Kind = "matrix" // x and y categories, shade = value
	Time   Kind = "time"   // y over time, one line per column, linked zoom
)

// Bind says which columns of a table fill a chart. Keys are those of Column.Key.
type Bind struct {
	Kind  Kind     `json:"kind"`
	Table string   `json:"table"`           // Table.ID
	X     string   `json:"x,omitempty"`     // column; empty: the chosen option of the control "x"
	By    string   `json:"by,omitempty"`    // column whose values are told apart by colour
	Unit  []string `json:"unit"`            // of the left axis, and of the right one where there is one
	Y     []Y      `json:"y"`               // one for each series template in Option, in its order
	Where []string `json:"where,omitempty"` // controls that choose rows by their Key
	Refs  []Ref    `json:"refs,omitempty"`  // thresholds, drawn across
	Marks []string `json:"marks,omitempty"` // transitions, capacities, recompute, recomputed (the TTFT p50 of the table tiers' recompute), best (a vertical line at rows whose best is 1); growth, ingest, holds, decisions
	// Join draws points in the order of this column rather than of x: a curve whose x is a result.
	Join string `json:"join,omitempty"`
	// Stacked piles the series up as areas: parts of a whole over time. Its templates say so.
	Stacked bool `json:"-"`
	// Loose draws every row as a point, and no line between them. Its templates say so.
	Loose bool `json:"-"`
}

// Y is one statistic: a column, and what it is called in legends.
type Y struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	// Stat puts it under the control "stats", which shows and hides statistics.
	Stat string `json:"stat,omitempty"`
	Axis int    `json:"axis,omitempty"` // 1: the right axis
	// Lo and Hi, columns, draw a band behind the line: the range of the statistic.
	Lo string `json:"lo,omitempty"`
	Hi string `json:"hi,omitempty"`
	// Lower says that lower is better: a speed-up is then reference / value.
	Lower bool `json:"lower,omitempty"`
	// Dash (solid, dashed, dotted) is its line where Stat does not say it.
	Dash string `json:"-"`
	// Step draws steps over time: the value holds from the x of the row before it to its own.
	Step bool `json:"-"`
}

// Ref is a limit drawn across a chart.
type Ref struct {
	Y    float64 `json:"y"`
	Name string  `json:"name"`
	Axis int     `json:"axis,omitempty"`
}

// Control is something that a reader chooses. Without a script there are none, and the
// table shows everything.
type Control struct {
	ID    string `json:"id"` // level, x, rates, stats, speedup, log, trial ...
	Label string `json:"label"`
	Kind  string `json:"kind"` // one | many | switch
	// Key is the column whose value must be the chosen one (one), or among those (many). Empty: it says how to draw.
	Key     string   `json:"key,omitempty"`
	Options []Option `json:"options,omitempty"`
	Default []string `json:"default"` // values; a switch is on with "on"
}

// Option is one value of a control. Of the control "x" it names the column to draw over.
type Option struct {
	Value string  `json:"value"`
	Label string  `json:"label"`
	Key   string  `json:"key,omitempty"`   // x: column of the points
	Scale float64 `json:"scale,omitempty"` // x: what its values, and those of Lo, Hi and At, are multiplied by; 0: 1
	Unit  string  `json:"unit,omitempty"`  // x: unit after scaling
	Lo    string  `json:"lo,omitempty"`    // x: columns of the transitions table
	Hi    string  `json:"hi,omitempty"`
	At    string  `json:"at,omitempty"` // x: column of the capacities table
	// Match chooses rows by another column than Key: "best" is the rows whose best is 1.
	Match string `json:"match,omitempty"`
}

// View is what the script is told of a page: its controls and charts.
type View struct {
	Controls []Control `json:"controls,omitempty"`
	Charts   []Chart   `json:"charts,omitempty"`
	// Kind names a set of charts that several views of one file share: Charts then stands
	// in the first view of that kind only.
	Kind string `json:"kind,omitempty"`
	// Provenance is the line printed on saved pictures.
	Provenance string `json:"provenance"`
}
