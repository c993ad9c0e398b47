// Package scenario says what a scenario file means: strict loading with
// positions, defaults, conditions, and expansion into a Plan. It sends nothing
// and reads no clock.
package scenario

import "time"

// Scenario is a resolved scenario: all defaults are filled in, sizes are tokens,
// durations are time.Duration. It survives a JSON round trip unchanged, because
// a record carries it and is read without the file.
type Scenario struct {
	Version     int               `json:"version"`
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`

	Target       Target      `json:"target"`
	Contexts     []int64     `json:"contexts"`
	WorkingSet   WorkingSet  `json:"working_set"`
	HitRates     []float64   `json:"hit_rates"`
	OutputTokens int64       `json:"output_tokens"`
	Chunk        int64       `json:"chunk"`
	ServerBlock  int64       `json:"server_block"`  // 0 = auto
	Access       string      `json:"access"`        // cyclic | uniform | depth | zipf (see prompt laws); a map asks by depth
	Zipf         float64     `json:"zipf,omitzero"` // access zipf: the exponent
	Seed         int64       `json:"seed"`
	Prompts      Prompts     `json:"prompts"`
	Mode         string      `json:"mode"`     // fixed | sustained | map
	Duration     Span        `json:"duration"` // fixed: of a level's window; sustained: of the whole cell, Min = Max
	Assessment   Duration    `json:"assessment_period"`
	WarmInMax    Duration    `json:"warm_in_max"` // 0 = auto: max(60s, 3 x p95 latency seen)
	Drain        Duration    `json:"drain"`
	Concurrency  []int       `json:"concurrency"`        // fixed: the levels
	Rates        []float64   `json:"rates,omitempty"`    // fixed, open loop: requests/s, instead of levels
	Arrivals     string      `json:"arrivals,omitempty"` // poisson | constant, with Rates
	Search       Search      `json:"search,omitzero"`    // sustained: where the controller looks
	Growth       Growth      `json:"growth,omitzero"`    // sustained
	Map          Survey      `json:"map,omitzero"`       // map
	OnMiss       string      `json:"on_miss"`            // skip | continue
	Warmup       Warmup      `json:"warmup"`
	Repeats      int         `json:"repeats"`
	Trials       int         `json:"trials"`
	Order        string      `json:"order"` // ascending | shuffled | interleaved
	SLO          SLO         `json:"slo"`
	Stop         []Stop      `json:"stop,omitempty"`
	Thresholds   []Threshold `json:"thresholds,omitempty"`
	Compare      Compare     `json:"compare,omitzero"` // zero in records of older versions: see DefaultCompare
	Output       Output      `json:"output"`
}

// Search is where the controller of sustained mode looks for the concurrency that the
// slo bears.
type Search struct {
	Start int `json:"start"` // the lowest level, and the first
	Step  int `json:"step"`
	Max   int `json:"max"`
}

// Growth says how the working set grows in sustained mode.
type Growth struct {
	By      string   `json:"by"`                // convergence | time
	Prompts string   `json:"prompts"`           // cold | prewarmed
	Hold    int      `json:"hold"`              // periods that each size is held after its verification
	HoldFor Duration `json:"hold_for,omitzero"` // the same as a time, where it was given as one; Hold is then rounded up
	AtEnd   string   `json:"at_end"`            // stop | hold (stay at the last size until the duration is over)
}

// Survey says how mode map looks for the tiers' edges.
type Survey struct {
	Max        int64   `json:"max"`        // how far, as asked: the largest reuse distance in tokens
	Resolution float64 `json:"resolution"` // share of an edge's lower end, 0.02 for 2 %: a narrower bracket is not looked for
	Looks      int     `json:"looks"`      // at each depth; 0 = as many as the spread of TTFT asks for
	Policy     bool    `json:"policy"`     // also find out how the cache evicts and admits
}

// Duration is a time.Duration that reads and prints as text ("30s") in JSON.
type Duration time.Duration

// Span is a measured window: Min = Max when it was given plainly.
type Span struct {
	Min Duration `json:"min"`
	Max Duration `json:"max"`
}

// Exact reports whether the window has one length only.
func (s Span) Exact() bool { return s.Min == s.Max }

// Target is the server under test. Exactly one of Endpoints and Simulator is set.
type Target struct {
	Endpoints       []string          `json:"endpoints,omitempty"` // without trailing / or /v1
	Simulator       *Simulator        `json:"simulator,omitempty"`
	Model           string            `json:"model"`            // auto or a name
	API             string            `json:"api"`              // auto | completions | chat
	Engine          string            `json:"engine,omitempty"` // empty: auto, found out by the probe
	Balance         string            `json:"balance"`
	APIKeyEnv       string            `json:"api_key_env"`
	Headers         map[string]string `json:"headers,omitempty"`
	Body            map[string]any    `json:"body,omitempty"`
	Metrics         []string          `json:"metrics,omitempty"` // URLs, one for all, for each endpoint or for each replica; MetricsAuto: {endpoint}/metrics
	MetricsAuto     bool              `json:"metrics_auto"`
	MetricsInterval Duration          `json:"metrics_interval"`
	Timeouts        Timeouts          `json:"timeouts"`
	TLS             *TLS              `json:"tls,omitempty"`
	MaxInFlight     int               `json:"max_in_flight"`
	KVBytesPerToken float64           `json:"kv_bytes_per_token"` // 0 = auto
	Replicas        int               `json:"replicas,omitempty"` // servers behind each endpoint; 0 in records of older versions: see Spread
	GPUs            int               `json:"gpus,omitempty"`     // of all servers together; 0 = not told
	Tiers           []Tier            `json:"tiers,omitempty"`    // stated, nearest first
}

// TLS says how https endpoints are spoken to. Files are PEM, below the working directory;
// what is in them is no part of a scenario.
type TLS struct {
	CAFile   string `json:"ca_file,omitempty"` // authorities to trust instead of the system's
	CertFile string `json:"cert_file,omitempty"`
	KeyFile  string `json:"key_file,omitempty"`
	Insecure bool   `json:"insecure,omitempty"` // the server's certificate is not checked
}

// Tier is a cache tier as the scenario states it.
type Tier struct {
	Name      string  `json:"name"`
	Capacity  int64   `json:"capacity"`            // tokens: the tier's own size in one replica
	Bandwidth float64 `json:"bandwidth,omitempty"` // bytes/s; 0 = not stated
}

// Spread is the number of replicas that a working set is spread over: a tier's edge
// moves by it. A router spreads prompts over its replicas; of several endpoints only
// pinned prompts are spread, else each endpoint meets every prompt.
func (t *Target) Spread() int64 {
	n := int64(max(1, t.Replicas))
	if t.Balance == "pinned" {
		n *= int64(max(1, len(t.Endpoints)))
	}
	return n
}

// TierNames gives the names of the stated tiers, nearest first.
func (t *Target) TierNames() []string {
	var names []string
	for _, tier := range t.Tiers {
		names = append(names, tier.Name)
	}
	return names
}

// Simulator names the built-in server's profile: a name or a resolved profile.
type Simulator struct {
	Profile string `json:"profile"`        // a name
	Body    []byte `json:"body,omitempty"` // the profile itself as JSON (simulator.Profile), when it came from a file
}

// Timeouts of one request.
type Timeouts struct {
	Connect       Duration `json:"connect"`
	FirstToken    Duration `json:"first_token"`
	BetweenTokens Duration `json:"between_tokens"`
	Request       Duration `json:"request"`
}

// WorkingSet holds the sizes asked for, ascending, in tokens: as listed, or as Linspace
// or Logspace spread them.
type WorkingSet struct {
	Sizes  []int64 `json:"sizes"`
	Refine int     `json:"refine"`
}

// Prompts says how prompts are made.
type Prompts struct {
	Encoding string `json:"encoding"` // auto
	Salt     string `json:"salt"`     // cell | run | none
}

// Warmup says how the cache is brought into its state.
type Warmup struct {
	Concurrency int    `json:"concurrency"`
	Reset       Reset  `json:"reset"`
	Rewarm      string `json:"rewarm"` // per-working-set | per-level | once
	Verify      bool   `json:"verify"`
}

// Reset says how the cache is emptied: by the engine's own call (Auto), by POSTs,
// by a command, or not at all.
type Reset struct {
	Auto    bool     `json:"auto,omitempty"`
	Posts   []string `json:"posts,omitempty"` // a path (on every endpoint) or a URL
	Command []string `json:"command,omitempty"`
}

// None reports whether nothing is reset.
func (r Reset) None() bool { return !r.Auto && len(r.Posts) == 0 && len(r.Command) == 0 }

// SLO says what is acceptable. Lines name metrics of the catalogue.
type SLO struct {
	TTFT       []Line  `json:"ttft,omitempty"`        // seconds; upper limits
	OutputRate []Line  `json:"output_rate,omitempty"` // tokens/s; lower limits
	Margin     float64 `json:"margin,omitempty"`      // percent that the controller keeps clear of each limit; sustained
}

// Empty reports whether there is no limit.
func (s SLO) Empty() bool { return len(s.TTFT)+len(s.OutputRate) == 0 }

// Line is one limit on a statistic (max, avg, p50 ... of ttft; avg, p5, p10 of output_rate).
type Line struct {
	Stat  string  `json:"stat"`
	Limit float64 `json:"limit"`
}

// Stop is a condition that ends a search early.
type Stop struct {
	When    string `json:"when"`
	Periods int    `json:"periods"` // consecutive periods; 0: judged on the finished level
	Ends    string `json:"ends"`    // level | cell | sweep | run
	Fail    bool   `json:"fail,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Threshold is a pass or fail line over points.
type Threshold struct {
	Expect string `json:"expect"`
	Where  string `json:"where,omitempty"`
}

// Compare is what a comparison of two runs holds them against.
type Compare struct {
	Gate      []GateLine `json:"gate,omitempty"`
	Tolerance float64    `json:"tolerance"` // percent: a change up to it is no regression
	Alpha     float64    `json:"alpha"`     // how often chance alone may call a change a regression, over all gated metrics
}

// GateLine is a metric that must not become worse, and the points where.
type GateLine struct {
	Metric string `json:"metric"`
	Where  string `json:"where,omitempty"` // empty: all points
}

// DefaultCompare is what a scenario without the key compare has.
func DefaultCompare() Compare { return Compare{Tolerance: 3, Alpha: 0.05} }

// Output says where results go.
type Output struct {
	Dir      string `json:"dir"`
	Requests bool   `json:"requests"`
	HTML     bool   `json:"html"` // write pages
}
