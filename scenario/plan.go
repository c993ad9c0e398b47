package scenario

// Plan is the expansion of a scenario: what will be sent, in which order.
type Plan struct {
	Scenario *Scenario
	Digest   string // of the resolved plan without secrets, URLs, labels and description
	Path     string // as the file was named
	Source   []byte // the file as given
	Cells    []Cell // in the order of a trial
	Left     []Left // sizes left out, and why
	Warnings []Problem

	Stops      []*Condition // one for each Scenario.Stop, compiled
	Thresholds []Gate       // one for each Scenario.Thresholds
}

// Gate is a compiled threshold; Where is nil when it holds for every point.
type Gate struct {
	Expect *Condition
	Where  *Condition
}

// Cell is one cache state under test, with its own warm-up: context x hit rate x
// working set. A cell is what is sent: Real = Prompts x R, not the size asked for.
type Cell struct {
	Key           string  `json:"key"` // ctx30000_ws100000_cache100, see CellKey
	Context       int64   `json:"context"`
	HitRate       float64 `json:"hit_rate"`       // percent, as asked
	WorkingSet    int64   `json:"working_set"`    // as asked; 0 at hit rate 0, where size has no meaning
	R             int64   `json:"r"`              // tokens of each prompt
	Prefix        int64   `json:"prefix"`         // reusable tokens of each prompt, a multiple of chunk
	Prompts       int     `json:"prompts"`        // P; 0 at hit rate 0
	Real          int64   `json:"real"`           // P x R
	HotTokens     int64   `json:"hot_tokens"`     // P x prefix
	ReuseDistance int64   `json:"reuse_distance"` // P x (R + output), the cyclic one; 0 at hit rate 0
	Levels        []int   `json:"levels"`
	Origin        string  `json:"origin,omitempty"` // refined, when a bisection made it
}

// Left is a size that was left out of the plan.
type Left struct {
	Context    int64
	WorkingSet int64
	Why        string
}
