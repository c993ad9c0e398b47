package survey

import (
	"math"
	"slices"
	"sort"
)

// Levels are tried on a grid of log TTFT.
const (
	levelStep  = 0.05
	levelsDown = 130 // grid points below the cold level: TTFT down to 1/665 of a cold prompt's
	levelsUp   = 14
	levels     = levelsDown + levelsUp + 1
)

// curve is what was seen by depth.
type curve struct {
	columns []*column // by depth, ascending
	origin  float64   // log TTFT of the lowest level of the grid
	begun   bool
}

// column is what was seen at one depth.
type column struct {
	depth int
	looks []int     // indexes into Survey.looks
	fits  []float64 // log likelihood of its answers, by level of the grid
}

// index is the level of the grid next to a log TTFT.
func (c *curve) index(y float64) int {
	return min(max(int(math.Round((y-c.origin)/levelStep)), 0), levels-1)
}

// find is where a depth stands, or belongs.
func (c *curve) find(depth int) (int, bool) {
	i := sort.Search(len(c.columns), func(i int) bool { return c.columns[i].depth >= depth })
	return i, i < len(c.columns) && c.columns[i].depth == depth
}

// at is the column of a depth, nil where nothing was seen.
func (c *curve) at(depth int) *column {
	if i, ok := c.find(depth); ok {
		return c.columns[i]
	}
	return nil
}

// add takes in a look.
func (c *curve) add(s *Survey, look int) {
	l := s.looks[look]
	y := math.Log(l.TTFT)
	if !c.begun {
		c.begun, c.origin = true, y-levelsDown*levelStep
		if len(s.cold) > 0 {
			c.origin = s.coldLevel() - levelsDown*levelStep
		}
	}
	i, ok := c.find(l.Depth)
	if !ok {
		c.columns = slices.Insert(c.columns, i, &column{depth: l.Depth, fits: make([]float64, levels)})
	}
	col := c.columns[i]
	col.looks = append(col.looks, look)
	c.weigh(s, col, y)
}

// weigh adds an answer to a column's likelihoods.
func (c *curve) weigh(s *Survey, col *column, y float64) {
	for i := range col.fits {
		col.fits[i] += s.noise.log(y - c.origin - float64(i)*levelStep)
	}
}

// again takes all likelihoods again: the spread has changed, or looks were dropped.
func (c *curve) again(s *Survey) {
	for _, col := range c.columns {
		clear(col.fits)
		for _, look := range col.looks {
			c.weigh(s, col, math.Log(s.looks[look].TTFT))
		}
	}
}

// drop leaves out the looks that were blurred and stood within twice their blur of a
// bracket: the order there was restored after they were asked for.
func (c *curve) drop(s *Survey, lo, hi int) {
	keep := c.columns[:0]
	for _, col := range c.columns {
		col.looks = slices.DeleteFunc(col.looks, func(look int) bool {
			b := 2 * s.looks[look].blur
			return b > 0 && col.depth >= lo-b && col.depth <= hi+b
		})
		if len(col.looks) > 0 {
			keep = append(keep, col)
		}
	}
	clear(c.columns[len(keep):])
	c.columns = keep
	c.again(s)
}

// values appends the log TTFTs seen from one column to another (exclusive).
func (c *curve) values(s *Survey, from, to int) (ys []float64) {
	for _, col := range c.columns[from:to] {
		for _, look := range col.looks {
			ys = append(ys, math.Log(s.looks[look].TTFT))
		}
	}
	return ys
}

// between counts the looks at depths from lo to hi.
func (c *curve) between(lo, hi int) (n int) {
	from, _ := c.find(lo)
	for _, col := range c.columns[from:] {
		if col.depth > hi {
			break
		}
		n += len(col.looks)
	}
	return n
}
