package survey

import (
	"math"
	"slices"

	"github.com/wsrun/wsrun/internal/stats"
)

// Bracket says between which depths a level ends: the deepest that was still of it,
// and the first that was not.
type Bracket struct {
	Lo, Hi             int   // prompts
	LoTokens, HiTokens int64 // reuse distance as sent
}

// Tier is a level at which prompts are found again.
type Tier struct {
	Name    string           // as the server tells it; empty when it does not
	From    *Bracket         // where the tier before it ends; nil for the first
	To      *Bracket         // where it ends; nil when it reached as far as the survey did
	TTFT    Level            // of its looks
	MsPer1k float64          // added ms per 1,000 reused tokens against the tier before; NaN for the first
	Sources map[string]int64 // tokens told by source, of all its looks; nil when not told
	Gradual bool             // it does not end at an edge: To is from where nine tenths are found to where one tenth is
	Half    int              // Gradual: the depth at which half is found
	Unsure  bool             // new prompts, asked for as a sweep does, have not shown the end where it seems to be
	Used    *Bracket         // where prompts that were asked for out of turn were told to be lost, earlier than To: a hit does not always renew; nil where none were
}

// Level is the TTFT at one level.
type Level struct {
	P50, P95 float64 // seconds; NaN without looks
	N        int     // looks
}

// Map is what a survey has found.
type Map struct {
	Tiers   []Tier  // nearest first; empty when there is no reuse at any distance
	Cold    Level   // of prompts that are not found again: looks beyond the last edge, or new prompts where there was none
	ColdMs  float64 // what recomputing costs against the last tier, added ms per 1,000 reused tokens; NaN where no edge of the last tier was found
	Ready   bool    // the survey came to its end
	Stopped string  // why it did not, in words
	Reached Bracket // how far it looked: Hi is the deepest
	NoReuse bool    // nothing was found again at any distance
	NoEdge  bool    // the last tier holds everything that was sent

	Count   Count
	PerEdge float64 // requests sent over prompts of the largest edge; NaN without one
	Prefill float64 // prompt tokens/s of the ingest; NaN when unknown
	Spread  float64 // standard deviation of log TTFT inside a level
	First   Moved   // the level of the newest prompts, at first and at the end
	Last    Moved   // the level of the deepest
	Steady  bool
	Shared  bool // another client's tokens are in the server's counters
	Policy  *Policy
}

// throughput of the ingest.
type throughput struct {
	tokens  int64
	seconds float64
}

// Result gives what is known now. It can be asked for at any time.
func (s *Survey) Result() Map {
	size := s.size
	if s.reached > 0 {
		size = s.reached
	}
	m := Map{Ready: s.phase == over && s.stop == "", Stopped: s.stop, Count: s.count,
		Reached: s.tokens(size, size), ColdMs: math.NaN(), PerEdge: math.NaN(), Prefill: math.NaN(),
		Spread: s.noise.sd, First: s.ends.Shallow, Last: s.ends.Deep, Shared: s.count.Foreign > 0, Policy: s.policy.result()}
	m.Steady = !s.ends.asked || s.phase == ending || m.First.Steady && m.Last.Steady
	if s.ingest.seconds > 0 {
		m.Prefill = float64(s.ingest.tokens) / s.ingest.seconds
	}
	fit, edges := s.known()
	edges = slices.Clone(edges)
	for i := range edges {
		edges[i].close(s.r.Miss)
	}
	s.fill(&m, fit, edges)
	if m.Cold.N == 0 {
		m.Cold = level(slices.Clone(s.cold))
	}
	if n := len(edges); n > 0 {
		m.PerEdge = float64(s.count.Sent()-s.count.Policy) / float64(edges[n-1].hi)
	}
	return m
}

// known gives the levels and edges of now.
func (s *Survey) known() ([]segment, []edge) {
	if s.phase == over || s.phase == ending || s.phase == onPolicy || s.phase == cleaning {
		if s.fit != nil && s.stop == "" {
			return s.fit, s.edges
		}
	}
	if len(s.curve.columns) == 0 {
		return nil, nil
	}
	fit := s.merge(s.absorb(s.segments()), s.oneLevel)
	return fit, s.bounds(fit)
}

// fill puts levels and edges into a map.
func (s *Survey) fill(m *Map, fit []segment, edges []edge) {
	for i, g := range fit {
		cold := s.isCold(g) && i == len(fit)-1
		ys, src, reused := s.seen(i, edges)
		lv := level(ys)
		if cold {
			m.Cold = lv
			if n := len(m.Tiers); n > 0 {
				m.ColdMs = perThousand(m.Tiers[n-1].TTFT.P50, lv.P50, s.reused())
			}
			m.NoReuse = len(fit) == 1
			continue
		}
		t := Tier{Name: s.told.name(g.cat), TTFT: lv, MsPer1k: math.NaN(), Sources: src}
		if i > 0 {
			t.From = m.Tiers[i-1].To
			t.MsPer1k = perThousand(m.Tiers[i-1].TTFT.P50, lv.P50, reused)
		}
		if i < len(edges) {
			e := edges[i]
			if t.Gradual = e.gradual; e.gradual && s.slope != nil {
				t.Half = s.slope.half
			}
			b := s.tokens(e.lo, e.hi)
			t.To = &b
			t.Unsure = e.unsure
			if e.used != nil {
				b := s.tokens(e.used[0], e.used[1])
				t.Used = &b
			}
		} else {
			m.NoEdge = true
		}
		m.Tiers = append(m.Tiers, t)
	}
}

// seen gives what was seen of level i, outside the brackets: log TTFTs, tokens by
// source, and the tokens that a hit reuses.
func (s *Survey) seen(i int, edges []edge) (ys []float64, src map[string]int64, reused float64) {
	lo, hi := 1, s.size
	if i > 0 {
		lo = edges[i-1].hi
	}
	if i < len(edges) {
		hi = edges[i].lo
	}
	for k := range s.looks {
		l := &s.looks[k]
		if l.Depth < lo || l.Depth > hi {
			continue
		}
		ys = append(ys, math.Log(l.TTFT))
		for name, n := range l.sources() {
			if src == nil {
				src = make(map[string]int64)
			}
			src[name] += n
		}
	}
	return ys, src, s.reused()
}

// reused is the number of tokens that a full hit reuses: told, else the whole prompt.
func (s *Survey) reused() float64 {
	if s.told.most > 0 {
		return float64(s.told.most)
	}
	for i := range s.looks {
		if n := s.looks[i].Prompt; n > 0 {
			return float64(n)
		}
	}
	return float64(s.o.PromptTokens)
}

// tokens gives a bracket of depths with its reuse distances.
func (s *Survey) tokens(lo, hi int) Bracket {
	return Bracket{lo, hi, int64(lo) * s.o.PromptTokens, int64(hi) * s.o.PromptTokens}
}

// level gives the quantiles of log TTFTs, which it sorts, in seconds.
func level(ys []float64) Level {
	slices.Sort(ys)
	for i, y := range ys {
		ys[i] = math.Exp(y)
	}
	return Level{P50: stats.Quantile(ys, 0.5), P95: stats.Quantile(ys, 0.95), N: len(ys)}
}

// perThousand is the added ms per 1,000 reused tokens between two TTFTs.
func perThousand(before, after, tokens float64) float64 {
	return (after - before) * 1e3 / (tokens / 1e3)
}
