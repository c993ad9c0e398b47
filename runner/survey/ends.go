package survey

import (
	"math"
	"slices"

	"github.com/wsrun/wsrun/internal/stats"
)

// ends is the second look at both ends of the stack, when the map is known: a level
// that has moved since means drift, or somebody else's traffic.
type ends struct {
	asked   bool
	from    int // the first of these looks
	n       int // at each end
	Shallow Moved
	Deep    Moved
}

// Moved is one end's level before and at the end of a survey.
type Moved struct {
	Before, After float64 // median TTFT, seconds; 0 when unknown
	Steady        bool    // it moved by no more than Rules.Moved, or by no more than chance does
}

// finish looks at both ends, then closes the map.
func (s *Survey) finish() {
	if !s.ends.asked {
		s.ends.asked, s.ends.from = true, len(s.looks)
		s.ends.n = LevelLooks(s.noise.sd, 12)
		if s.told.any {
			s.ends.n = 2
		}
		for _, d := range []int{1, s.size} {
			for range s.ends.n {
				s.queue = append(s.queue, Action{Kind: Ask, Depth: d})
			}
		}
		if steep := func(e edge) bool { return e.steep }; s.slope == nil && s.clean == nil && !slices.ContainsFunc(s.edges, steep) {
			s.phase = searching // once more, with these looks
		}
		return
	}
	first, last := s.fit[0], s.fit[len(s.fit)-1]
	s.ends.Shallow = s.moved(s.before(first.first, first.last), 1)
	deep := s.before(last.first, last.last)
	if s.isCold(last) {
		deep = append(deep, s.cold...)
	}
	s.ends.Deep = s.moved(deep, s.size)
	s.reached = s.size
	if s.o.Policy {
		s.confirm(onPolicy)
		return
	}
	s.confirm(over)
}

// before gives the log TTFTs seen at depths from first to last before the second look.
func (s *Survey) before(first, last int) (ys []float64) {
	for _, l := range s.looks[:s.ends.from] {
		if l.Depth >= first && l.Depth <= last {
			ys = append(ys, math.Log(l.TTFT))
		}
	}
	return ys
}

// moved holds the second look at a depth against what was seen before.
func (s *Survey) moved(before []float64, depth int) Moved {
	var after []float64
	for _, l := range s.looks[s.ends.from:] {
		if l.Depth == depth {
			after = append(after, math.Log(l.TTFT))
		}
	}
	if len(before) == 0 || len(after) == 0 {
		return Moved{Steady: true}
	}
	a, b := stats.Median(before), stats.Median(after)
	chance, d := s.byChance(3, len(before), len(after)), math.Abs(b-a)
	return Moved{Before: math.Exp(a), After: math.Exp(b), Steady: d <= math.Log(1+s.r.Moved) || d <= chance}
}
