package plandiff

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/scenario"
)

// sizeNames holds the sizes of both plans against each other, tells what moved, and gives
// the name under which a size of the old or the new plan takes part in the coverage:
// sizes that pair have one name, and where sizes moved all have the same.
func (d *differ) sizeNames() func(size float64, old bool) float64 {
	same := func(size float64, _ bool) float64 { return size }
	old, new := d.sc()
	a, b := old.WorkingSet.Sizes, new.WorkingSet.Sizes
	if slices.Equal(a, b) || len(a) == 0 || len(b) == 0 {
		return same
	}
	p := d.pairSizes(a, b)
	if p.lost > 0 && p.gained > 0 && (d.ranged(d.old) || d.ranged(d.new) || len(p.names) == 0) {
		d.moved(p)
		return func(size float64, _ bool) float64 {
			if size > 0 {
				return anyValue
			}
			return size
		}
	}
	d.nudged(p)
	return func(size float64, old bool) float64 {
		if to, ok := p.names[int64(size)]; ok && old {
			return float64(to)
		}
		return size
	}
}

// ranged reports whether a file gives its sizes as min, max and steps.
func (d *differ) ranged(p *scenario.Plan) bool {
	_, line, _ := p.Place("/working_set/steps")
	return line > 0
}

// pairing is how the sizes of two plans belong together, each expanded with all else as
// it is now.
type pairing struct {
	a, b         []int64         // old and new sizes
	names        map[int64]int64 // by old size: the new one that it pairs with
	near         [][2]int64      // those of them that are sent otherwise
	lost, gained int             // without a partner: old ones, new ones
}

// pairSizes pairs sizes in the context where the fewest do.
func (d *differ) pairSizes(a, b []int64) pairing {
	_, new := d.sc()
	var worst pairing
	seen := map[int64]bool{}
	for _, c := range d.new.Cells {
		if c.HitRate == 0 || seen[c.Context] {
			continue
		}
		seen[c.Context] = true
		if p := pairAt(new, c, a, b); worst.names == nil || p.lost > worst.lost {
			worst = p
		}
	}
	if worst.names == nil {
		worst = pairing{a: a, b: b, names: map[int64]int64{}} // hit rate 0 alone: no size has a meaning
	}
	return worst
}

// pairAt pairs sizes by the reuse distances that they have at a cell's context.
func pairAt(sc *scenario.Scenario, at scenario.Cell, a, b []int64) pairing {
	ids := func(list []int64) (kept []int64, out []scenario.PointID) {
		for _, size := range list {
			if size >= at.Context { // a smaller one is left out
				c := scenario.CellOf(sc, at.Context, size, at.HitRate)
				kept, out = append(kept, size), append(out, scenario.PointID{ReuseDistance: c.ReuseDistance})
			}
		}
		return kept, out
	}
	p := pairing{names: map[int64]int64{}}
	var x, y []scenario.PointID
	p.a, x = ids(a)
	p.b, y = ids(b)
	for _, pair := range scenario.Pair(x, y) {
		i, j := pair[0], pair[1]
		p.names[p.a[i]] = p.b[j]
		if x[i] != y[j] {
			p.near = append(p.near, [2]int64{p.a[i], p.b[j]})
		}
	}
	p.lost, p.gained = len(p.a)-len(p.names), len(p.b)-len(p.names)
	return p
}

// nudged tells sizes that have other names and still pair: those that are sent otherwise,
// else those of which the same prompts are sent.
func (d *differ) nudged(p pairing) {
	key, change := d.sizeChange()
	f := Finding{Class: Coverage, Sign: '~', Key: key}
	var renamed [][2]int64
	for _, size := range p.a {
		if to, ok := p.names[size]; ok && to != size {
			renamed = append(renamed, [2]int64{size, to})
		}
	}
	switch {
	case len(p.near) > 0:
		verb := "pair"
		if len(p.near) == 1 {
			verb = "pairs"
		}
		f.Text = fmt.Sprintf("%s moves %s (%s), which still %s with older results (within %s)", change, count(len(p.near), "size"), spanOf(p.near), verb, percent(round(100*(scenario.PairTolerance-1))))
	case len(renamed) > 0:
		f.Text = fmt.Sprintf("%s gives %s another name (%s); the same prompts are sent", change, count(len(renamed), "size"), spanOf(renamed))
	default:
		return
	}
	d.at(f, pointer(key))
}

// moved is the one finding of sizes that no longer pair.
func (d *differ) moved(p pairing) {
	key, change := d.sizeChange()
	var shift [][2]int64
	if len(p.a) == len(p.b) {
		for i := range p.a {
			if p.a[i] != p.b[i] {
				shift = append(shift, [2]int64{p.a[i], p.b[i]})
			}
		}
	}
	text := fmt.Sprintf("%s moves %d of %s (%s)", change, len(shift), count(len(p.a), "size"), spanOf(shift))
	if len(shift) == 0 {
		text = fmt.Sprintf("%s: %s instead of %s", change, ends(p.b), ends(p.a))
	}
	d.at(Finding{Class: Breaks, Sign: '~', Key: key, Text: fmt.Sprintf("%s; %d of %d still pair with older results", text, len(p.names), len(p.b)), Hint: d.hint()}, pointer(key))
}

// spanOf writes moved sizes, the first and the last.
func spanOf(moved [][2]int64) string {
	write := func(m [2]int64) string {
		if threeDigits(m[0]) == threeDigits(m[1]) {
			return scenario.FormatSize(m[0]) + " -> " + scenario.FormatSize(m[1])
		}
		return short(m[0]) + " -> " + short(m[1])
	}
	switch n := len(moved); n {
	case 0:
		return ""
	case 1:
		return write(moved[0])
	default:
		return write(moved[0]) + " ... " + write(moved[n-1])
	}
}

// ends writes how many sizes there are, and from where to where.
func ends(list []int64) string {
	switch n := len(list); n {
	case 0:
		return "no size"
	case 1:
		return "1 size, " + short(list[0])
	default:
		return count(n, "size") + " from " + short(list[0]) + " to " + short(list[n-1])
	}
}

// short writes a size for people: exact where a scenario would write it so, else to
// three digits.
func short(n int64) string {
	if s := scenario.FormatSize(n); len(s) <= 5 {
		return s
	}
	return threeDigits(n)
}

func threeDigits(n int64) string {
	for _, u := range []struct {
		per  float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v := float64(n) / u.per; v >= 1 {
			digits := max(0, 2-int(math.Log10(v)))
			return strconv.FormatFloat(v, 'f', digits, 64) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// sizeChange names the key that moved sizes, and what became of it.
func (d *differ) sizeChange() (key, change string) {
	old, new := d.sc()
	if !d.ranged(d.old) || !d.ranged(d.new) {
		return "working_set", "working_set"
	}
	if a, b := old.Target.KVBytesPerToken, new.Target.KVBytesPerToken; a != b && a > 0 && b > 0 {
		// Sizes in bytes hold the fewer tokens the more bytes a token takes.
		if x, y := float64(old.WorkingSet.Sizes[0])*a, float64(new.WorkingSet.Sizes[0])*b; math.Abs(x-y) <= a+b {
			return "target.kv_bytes_per_token", "target.kv_bytes_per_token " + number(a) + " -> " + number(b)
		}
	}
	a, b := forms(old, new)
	var keys, words []string
	for _, k := range []struct{ key, old, new string }{
		{"max", scenario.FormatSize(a.max), scenario.FormatSize(b.max)},
		{"min", scenario.FormatSize(a.min), scenario.FormatSize(b.min)},
		{"steps", strconv.Itoa(a.steps), strconv.Itoa(b.steps)},
		{"spacing", a.spacing(), b.spacing()},
	} {
		if k.old != k.new {
			keys = append(keys, "working_set."+k.key)
			words = append(words, k.key+" "+k.old+" -> "+k.new)
		}
	}
	if len(keys) == 0 {
		return "working_set", "working_set"
	}
	if len(keys) == 1 {
		return keys[0], "working_set." + words[0]
	}
	return keys[0], "working_set " + strings.Join(words, ", ")
}

// form is a range of sizes as min, max, steps and spacing say it.
type form struct {
	min, max int64
	steps    int
	log      bool
}

func (f form) spacing() string {
	if f.log {
		return "log"
	}
	return "linear"
}

func (f form) sizes() []int64 {
	if f.log {
		return slices.Compact(scenario.Logspace(f.min, f.max, f.steps))
	}
	return scenario.Linspace(f.min, f.max, f.steps)
}

// forms gives the ranges that both plans' sizes were spread from. Two sizes are the same
// whatever their spacing: it is then that of the other plan.
func forms(old, new *scenario.Scenario) (a, b form) {
	a, b = formOf(old.WorkingSet.Sizes), formOf(new.WorkingSet.Sizes)
	switch {
	case a.steps <= 2:
		a.log = b.log
	case b.steps <= 2:
		b.log = a.log
	}
	return a, b
}

func formOf(list []int64) form {
	f := form{min: list[0], max: list[len(list)-1], steps: len(list)}
	f.log = !slices.Equal(f.sizes(), list)
	return f
}
