package result

import (
	"math"

	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Headline is a finished run in a few figures: what the history of a results folder
// shows of it without its record. All but Thresholds and Exit comes from the summary.
type Headline struct {
	Points     PointCounts     `json:"points"`     // one per trial, cell and level (sustained: size)
	Thresholds ThresholdCounts `json:"thresholds"` // set by who holds them
	Exit       *int            `json:"exit"`       // the exit code; null: nobody has set it

	Edges []Edge `json:"edges"`          // of each series, by context, hit rate and level, nearest first
	None  string `json:"none,omitempty"` // where no series has an edge: why, as the first one says it

	TTFTp95          GeoMean `json:"ttft_p95"`          // seconds, over ok and doubtful points
	OutputThroughput GeoMean `json:"output_throughput"` // tokens/s, likewise

	BestOutput  *Best `json:"best_output"`  // tokens/s, of all that is ok or doubtful, the median over trials; null: there is none
	BestGoodput *Best `json:"best_goodput"` // requests/s, likewise; null as well where the slo has no line to count it by
}

// PointCounts is how many points there are of each validity.
type PointCounts struct {
	OK       int `json:"ok"`
	Doubtful int `json:"doubtful"`
	Invalid  int `json:"invalid"`
	Skipped  int `json:"skipped"`
	Failed   int `json:"failed"`
}

// ThresholdCounts is how many thresholds came to each verdict.
type ThresholdCounts struct {
	Pass      int `json:"pass"`
	Fail      int `json:"fail"`
	NoVerdict int `json:"no_verdict"`
}

// Edge is one transition of a series over its trials, all in tokens of reuse distance.
type Edge struct {
	Context int64   `json:"context"`
	HitRate float64 `json:"hit_rate"` // percent, as asked
	Level   int     `json:"level"`    // sustained: the one at which TTFT was compared; 0: it was not
	Number  int     `json:"number"`   // from 1, as in edge1, edge2
	From    string  `json:"from"`     // tiers, as the first trial that found it names them
	To      string  `json:"to"`
	Lo      int64   `json:"lo"` // the bracket that holds those of all trials that found it: a range, no interval
	Hi      int64   `json:"hi"`
	Found   int     `json:"found"`  // trials that found it
	Trials  int     `json:"trials"` // trials of the series
	Text    string  `json:"text"`   // the sentence of the first trial that found it, its notes included
}

// GeoMean is the geometric mean of a figure over points, so that each point weighs alike
// whatever its size. It compares between runs that measured the same points.
type GeoMean struct {
	Value   *float64 `json:"value"`              // null: no point has the figure
	AtLeast bool     `json:"at_least,omitempty"` // a lower bound is among the points' figures
	Points  int      `json:"points"`             // how many took part; a figure of zero, which has no logarithm, does not
}

// Best is the largest value of a figure, and where it was seen.
type Best struct {
	Value      float64 `json:"value"`
	AtLeast    bool    `json:"at_least,omitempty"`
	Cell       string  `json:"cell"`
	Context    int64   `json:"context"`
	HitRate    float64 `json:"hit_rate"`    // percent, as asked
	WorkingSet int64   `json:"working_set"` // tokens as asked; 0 at hit rate 0
	Level      int     `json:"level"`
}

// HeadlineOf makes the headline of a summary: the same one of the same summary. The
// caller holds the thresholds and knows the exit code.
func HeadlineOf(s *Summary) *Headline {
	h := &Headline{
		Edges:            edgesOf(s.Series),
		TTFTp95:          geometric(s.Points, "ttft.p95"),
		OutputThroughput: geometric(s.Points, "output_throughput"),
		BestOutput:       bestOf(s.Merged, "output_throughput"),
		BestGoodput:      bestOf(s.Merged, "goodput"),
	}
	for _, p := range s.Points {
		h.Points.count(p.Validity)
	}
	if len(h.Edges) == 0 && len(s.Series) > 0 {
		h.None = s.Series[0].None
	}
	return h
}

func (c *PointCounts) count(v Validity) {
	switch v {
	case ValidOK:
		c.OK++
	case ValidDoubt:
		c.Doubtful++
	case ValidInvalid:
		c.Invalid++
	case ValidSkipped:
		c.Skipped++
	case ValidFailed:
		c.Failed++
	}
}

// edgesOf puts the trials of each series together; a summary has them side by side.
func edgesOf(all []*Series) []Edge {
	out := []Edge{}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].SeriesKey == all[0].SeriesKey {
			n++
		}
		for i := 0; ; i++ {
			e := edgeOver(all[:n], i)
			if e.Found == 0 {
				break
			}
			out = append(out, e)
		}
		all = all[n:]
	}
	return out
}

// edgeOver gives transition i of a series over its trials; Found is 0 where none has it.
func edgeOver(trials []*Series, i int) Edge {
	e := Edge{Context: trials[0].Context, HitRate: trials[0].HitRate, Number: i + 1, Trials: len(trials)}
	for _, s := range trials {
		if i >= len(s.Transitions) {
			continue
		}
		t := s.Transitions[i]
		if e.Found++; e.Found == 1 {
			e.Level, e.From, e.To, e.Text = s.LevelOf(i), t.From, t.To, tier.Sentence(t)
			e.Lo, e.Hi = t.Lo, t.Hi
		}
		e.Lo, e.Hi = min(e.Lo, t.Lo), max(e.Hi, t.Hi)
	}
	return e
}

// geometric gives the geometric mean of a metric over the points that may be believed.
func geometric(points []*Point, name string) GeoMean {
	var m GeoMean
	sum := 0.0
	for _, p := range points {
		if v := p.Row.Get(name); p.Usable() && v.Known() && v.V > 0 {
			m.Points++
			m.AtLeast = m.AtLeast || v.State == metric.AtLeast
			sum += math.Log(v.V)
		}
	}
	if v := math.Exp(sum / float64(m.Points)); m.Points > 0 && !math.IsInf(v, 0) {
		m.Value = &v
	}
	return m
}

// bestOf gives the largest value of a metric among what may be believed, the first of
// equals.
func bestOf(merged []*Merged, name string) *Best {
	var best *Best
	for _, m := range merged {
		if v := m.Row.Get(name); m.Usable() && v.Known() && (best == nil || v.V > best.Value) {
			best = bestAt(m.Spec, m.Level, v)
		}
	}
	return best
}

func bestAt(c scenario.Cell, level int, v metric.Value) *Best {
	return &Best{Value: v.V, AtLeast: v.State == metric.AtLeast, Cell: c.Key, Context: c.Context, HitRate: c.HitRate, WorkingSet: c.WorkingSet, Level: level}
}
