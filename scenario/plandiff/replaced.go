package plandiff

import (
	"slices"
	"strings"
)

// replaced tells the axes none of whose old values is left: no point pairs then, which is
// one finding, and not all points gone and as many new ones. Such an axis takes no further
// part.
func (d *differ) replaced(before, after []coord) (left, now []coord) {
	for _, a := range []axis{contexts, hits, loads} {
		was, is := valuesOf(before, a), valuesOf(after, a)
		if len(was) == 0 || len(is) == 0 || slices.ContainsFunc(was, func(v float64) bool { return slices.Contains(is, v) }) {
			continue
		}
		d.at(changed(Breaks, d.axisKey(a), listText(a, was), listText(a, is), "no point pairs with older results"), pointer(d.axisKey(a)))
		forget(before, a)
		forget(after, a)
		if a == hits && was[len(was)-1]*is[len(is)-1] == 0 {
			forget(before, sizes) // of a hit rate 0 there is one size only
			forget(after, sizes)
		}
	}
	return before, after
}

// valuesOf lists the values of an axis in ascending order; a load that is not asked for is
// none.
func valuesOf(list []coord, a axis) (out []float64) {
	for _, c := range list {
		if a != loads || c[a] > 0 {
			out = append(out, c[a])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func forget(list []coord, a axis) {
	for i := range list {
		list[i][a] = anyValue
	}
}

// listText writes the values of an axis, or how many and from where to where.
func listText(a axis, values []float64) string {
	if n := len(values); n > mostListed {
		return count(n, "value") + " from " + axisValue(a, values[0]) + " to " + axisValue(a, values[n-1])
	}
	var words []string
	for _, v := range values {
		words = append(words, axisValue(a, v))
	}
	return strings.Join(words, ", ")
}

// alsoLost names, beside what changed the points since found had said entries, the
// thresholds that lost theirs: beside the first that took some away.
func (d *differ) alsoLost(said int) {
	if d.blank || len(d.found) == said {
		return
	}
	at := said
	if i := slices.IndexFunc(d.found[said:], func(f Finding) bool { return f.Sign != '+' }); i >= 0 {
		at += i
	}
	d.found[at].Notes = append(d.found[at].Notes, d.lostPoints()...)
}
