package plandiff

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/scenario"
)

// axis is one of the four lists that span a matrix.
type axis int

// The axes, in the order in which a plan nests them.
const (
	contexts axis = iota
	hits
	sizes
	loads // concurrency levels, or rates
	axisCount
)

// anyValue stands for all values of an axis, where the values themselves are another
// finding.
const anyValue = -1

// coord is a point by what was asked: tokens, percent, tokens, and requests in flight or
// per second. A size is 0 at hit rate 0 and in a map, a load 0 where it is found.
type coord [axisCount]float64

// axisKey is the key of an axis.
func (d *differ) axisKey(a axis) string {
	_, new := d.sc()
	switch a {
	case contexts:
		return "contexts"
	case hits:
		return "hit_rates"
	case loads:
		if len(new.Rates) > 0 {
			return "rate"
		}
		return "concurrency"
	}
	return "working_set"
}

// coords lists the points of a plan. loads is false where the levels of two plans are
// not of one kind.
func coords(p *scenario.Plan, levels bool) []coord {
	var out []coord
	add := func(c scenario.Cell, size int64, load float64) {
		out = append(out, coord{float64(c.Context), c.HitRate, float64(size), load})
	}
	for _, c := range p.Cells {
		switch {
		case len(c.Steps) > 0:
			for _, s := range c.Steps {
				add(c, s.WorkingSet, 0)
			}
		case p.Scenario.Mode == "map":
			add(c, 0, 0)
		case !levels:
			add(c, c.WorkingSet, 0)
		default:
			for _, l := range c.Levels {
				add(c, c.WorkingSet, float64(l))
			}
			for _, r := range c.Rates {
				add(c, c.WorkingSet, r)
			}
		}
	}
	return out
}

// coverage tells which points were added and removed. Contexts are the same that are
// sent with the same tokens, sizes those that pair; sizes that moved are told apart.
func (d *differ) coverage() {
	old, new := d.sc()
	open := (len(old.Rates) > 0) != (len(new.Rates) > 0)
	levels := d.blank || old.Mode == new.Mode && !open
	before, after := coords(d.old, levels), coords(d.new, levels)
	if d.blank {
		d.spread(nil, after, '+')
		d.spread(nil, before, '-')
		return
	}
	if (old.Mode == "map") != (new.Mode == "map") {
		before, after = contextsOnly(before), contextsOnly(after)
	}
	if open && old.Mode == new.Mode {
		d.loadKind()
	}
	rename := d.sizeNames()
	d.sendSame(before, after)
	for i := range before {
		before[i][sizes] = rename(before[i][sizes], true)
	}
	for i := range after {
		after[i][sizes] = rename(after[i][sizes], false)
	}
	before, after = d.replaced(before, after)
	d.spread(before, after, '+')
	d.spread(after, before, '-')
	d.far()
}

// loadKind tells that requests are sent by another rule.
func (d *differ) loadKind() {
	_, new := d.sc()
	f := Finding{Class: Breaks, Sign: '~', Key: "concurrency", Text: "concurrency instead of rate: requests come when others end, not when they are due; no point pairs with older results"}
	if len(new.Rates) > 0 {
		f.Key, f.Text = "rate", "rate instead of concurrency: requests come when they are due, not when others end; no point pairs with older results"
	}
	d.at(f, pointer(f.Key))
}

// contextsOnly forgets what a map does not have: only contexts can be held against it.
func contextsOnly(list []coord) []coord {
	for i := range list {
		list[i] = coord{list[i][contexts]}
	}
	return list
}

// sendSame gives old contexts the name of a new one that is sent with the same tokens:
// then the points pair.
func (d *differ) sendSame(before, after []coord) {
	_, new := d.sc()
	tokens := func(context float64) int64 { return scenario.CellOf(new, int64(context), 0, 0).R }
	byTokens, said := map[int64]float64{}, map[float64]bool{}
	for _, c := range after {
		byTokens[tokens(c[contexts])] = c[contexts]
	}
	for i, c := range before {
		was := c[contexts]
		name, ok := byTokens[tokens(was)]
		if !ok || name == was {
			continue
		}
		before[i][contexts] = name
		if !said[was] {
			said[was] = true
			a, b := axisValue(contexts, was), axisValue(contexts, name)
			d.at(changed(Coverage, "contexts", a, b, fmt.Sprintf("sent as the same %d tokens", tokens(was))), d.axisPaths(contexts, []float64{name}, '~')...)
		}
	}
}

// far tells a map that looks to another distance.
func (d *differ) far() {
	old, new := d.sc()
	if old.Mode != "map" || new.Mode != "map" || old.Map.Max == new.Map.Max {
		return
	}
	f := changed(Coverage, "working_set.max", scenario.FormatSize(old.Map.Max), scenario.FormatSize(new.Map.Max), "edges are looked for farther out")
	if new.Map.Max < old.Map.Max {
		f = changed(Coverage, "working_set.max", scenario.FormatSize(old.Map.Max), scenario.FormatSize(new.Map.Max), "edges beyond are no longer looked for")
	}
	d.at(f, "/working_set/max")
}

// spread tells the points that to has and from has not: one finding for each product of
// axes, at the key that brought them.
func (d *differ) spread(from, to []coord, sign byte) {
	have, known := map[coord]bool{}, [axisCount]map[float64]bool{}
	cells := map[[3]float64]bool{}
	for a := range known {
		known[a] = map[float64]bool{}
	}
	for _, c := range from {
		have[c], cells[[3]float64(c[:3])] = true, true
		for a, v := range c {
			known[a][v] = true
		}
	}
	byAxis := [axisCount][]coord{}
	for _, c := range to {
		if !have[c] {
			a := broughtBy(c, known)
			byAxis[a] = append(byAxis[a], c)
		}
		have[c] = true
	}
	for _, a := range []axis{contexts, hits, sizes, loads} {
		for _, p := range fold(byAxis[a]) {
			d.product(p, a, to, cells, sign)
		}
	}
}

// broughtBy gives the axis whose value is new, the outermost first.
func broughtBy(c coord, known [axisCount]map[float64]bool) axis {
	if len(known[contexts]) == 0 {
		return contexts // everything is new
	}
	for _, a := range []axis{contexts, hits, loads} {
		if !known[a][c[a]] {
			return a
		}
	}
	return sizes
}

// product tells one product of axes.
func (d *differ) product(p box, by axis, all []coord, cells map[[3]float64]bool, sign byte) {
	fresh := 0
	for _, c := range p.cells() {
		if !cells[c] {
			fresh++
		}
	}
	points := p.size()
	what := count(points, "point")
	if fresh > 0 {
		what = count(fresh, "cell")
		if points != fresh {
			what += " (" + count(points, "point") + ")"
		}
	}
	what += " " + more(sign)
	if p.open() {
		what = more(sign) + " points"
	}
	key := d.axisKey(by)
	f := Finding{Class: Coverage, Sign: sign, Key: key, Text: what + ": " + d.axesText(p, by, all)}
	d.at(f, d.axisPaths(by, p[by], sign)...)
}

func more(sign byte) string {
	if sign == '-' {
		return "fewer"
	}
	return "more"
}

// axisPaths gives where a value of an axis may stand: its element, or the key.
func (d *differ) axisPaths(a axis, values []float64, sign byte) []string {
	path := pointer(d.axisKey(a))
	if sign == '-' {
		return []string{path}
	}
	_, new := d.sc()
	var list []float64
	switch a {
	case contexts:
		list = floats(new.Contexts)
	case hits:
		list = new.HitRates
	case loads:
		if list = new.Rates; len(list) == 0 {
			list = floats(new.Concurrency)
		}
	default:
		list = floats(new.WorkingSet.Sizes)
	}
	if i := slices.Index(list, values[0]); i >= 0 {
		return []string{path + "/" + strconv.Itoa(i), path + "/max", path}
	}
	return []string{path}
}

func floats[T int | int64](list []T) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = float64(v)
	}
	return out
}

// axesText writes a product, the axis that brought it first.
func (d *differ) axesText(p box, by axis, all []coord) string {
	var parts []string
	order := []axis{by}
	for a := contexts; a < axisCount; a++ {
		if a != by {
			order = append(order, a)
		}
	}
	for _, a := range order {
		if s := d.axisText(a, p[a], all, a == by); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " × ")
}

// Of an axis so many values are written out: of one that is there whole, and of any.
const (
	fewListed  = 2
	mostListed = 6
)

func (d *differ) axisText(a axis, values []float64, all []coord, leads bool) string {
	_, new := d.sc()
	if len(values) == 1 && values[0] == 0 && (a == sizes || a == loads) || a == hits && new.Mode == "map" {
		return "" // it is not asked for
	}
	noun := [...]string{"context", "hit rate", "working set", d.loadNoun()}[a]
	if values[0] == anyValue {
		return "all " + noun + "s"
	}
	whole := map[float64]bool{}
	for _, c := range all {
		whole[c[a]] = true
	}
	if !leads && len(values) > fewListed && len(values) == len(whole) {
		return "all " + count(len(values), noun)
	}
	if len(values) > mostListed {
		return count(len(values), noun) + " " + axisValue(a, values[0]) + " to " + axisValue(a, values[len(values)-1])
	}
	var words []string
	for _, v := range values {
		words = append(words, axisValue(a, v))
	}
	if len(words) > 1 {
		noun += "s"
	}
	return noun + " " + strings.Join(words, ", ")
}

func (d *differ) loadNoun() string {
	if d.axisKey(loads) == "rate" {
		return "rate"
	}
	return "level"
}

func axisValue(a axis, v float64) string {
	switch a {
	case hits:
		return percent(v)
	case loads:
		return number(v)
	}
	return scenario.FormatSize(int64(v))
}

// box is a product of axes: the values of each.
type box [axisCount][]float64

func (b box) size() int {
	n := 1
	for _, values := range b {
		n *= len(values)
	}
	return n
}

// open reports whether an axis stands for values that are told elsewhere: then its points
// cannot be counted.
func (b box) open() bool {
	for _, values := range b {
		if values[0] == anyValue {
			return true
		}
	}
	return false
}

// cells lists the cells of a product.
func (b box) cells() (out [][3]float64) {
	for _, c := range b[contexts] {
		for _, h := range b[hits] {
			for _, s := range b[sizes] {
				out = append(out, [3]float64{c, h, s})
			}
		}
	}
	return out
}

// fold writes points as products of axes, as few as merging one axis after the other
// finds in its best order.
func fold(points []coord) (best []box) {
	if len(points) == 0 {
		return nil
	}
	for _, order := range orders {
		boxes := make([]box, len(points))
		for i, p := range points {
			for a, v := range p {
				boxes[i][a] = []float64{v}
			}
		}
		for _, a := range order {
			boxes = merge(boxes, a)
		}
		if best == nil || len(boxes) < len(best) {
			best = boxes
		}
	}
	slices.SortFunc(best, func(x, y box) int {
		return cmp.Or(slices.Compare(x[0], y[0]), slices.Compare(x[1], y[1]), slices.Compare(x[2], y[2]), slices.Compare(x[3], y[3]))
	})
	return best
}

// orders are those in which axes are merged.
var orders = [][]axis{{loads, sizes, hits, contexts}, {sizes, loads, hits, contexts}, {hits, sizes, loads, contexts}, {contexts, hits, sizes, loads}, {loads, contexts, hits, sizes}, {sizes, contexts, hits, loads}}

// merge joins boxes that differ in one axis only.
func merge(boxes []box, a axis) []box {
	var out []box
	at := map[string]int{}
	for _, b := range boxes {
		key := b.without(a)
		i, seen := at[key]
		if !seen {
			at[key] = len(out)
			out = append(out, b)
			continue
		}
		out[i][a] = append(out[i][a], b[a]...)
	}
	for i := range out {
		slices.Sort(out[i][a])
		out[i][a] = slices.Compact(out[i][a])
	}
	return out
}

// without names a box by its other axes.
func (b box) without(skip axis) string {
	var s []byte
	for a, values := range b {
		if axis(a) == skip {
			continue
		}
		for _, v := range values {
			s = append(strconv.AppendFloat(s, v, 'g', -1, 64), ',')
		}
		s = append(s, ';')
	}
	return string(s)
}
