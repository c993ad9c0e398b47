package plandiff

import (
	"slices"
	"strconv"

	"github.com/wsrun/wsrun/scenario"
)

// judgeRules are about what is acceptable, what ends a search and what passes.
func judgeRules() []rule {
	return []rule{
		{keys: "slo slo.ttft.max slo.ttft.avg slo.ttft.p50 slo.ttft.p90 slo.ttft.p95 slo.ttft.p99 slo.output_rate.avg slo.output_rate.p5 slo.output_rate.p10", diff: slo},
		plainly("slo.margin", func(sc *scenario.Scenario) string { return percent(sc.SLO.Margin) }, "the search keeps to another level"),
		{keys: "stop stop[].when stop[].periods stop[].ends stop[].fail stop[].reason", lone: always, diff: stops},
		{keys: "thresholds thresholds[].expect thresholds[].where", lone: always, diff: thresholds},
		{keys: "compare.gate compare.gate[].metric compare.gate[].where", lone: always, diff: gates},
		evidence("compare.tolerance", func(sc *scenario.Scenario) string { return percent(sc.Compare.Tolerance) },
			func(sc *scenario.Scenario) (float64, bool) { return -sc.Compare.Tolerance, true }, "a smaller change is a regression", "a larger change is no regression"),
		evidence("compare.alpha", func(sc *scenario.Scenario) string { return number(sc.Compare.Alpha) },
			func(sc *scenario.Scenario) (float64, bool) { return sc.Compare.Alpha, true }, "less evidence is enough to call a regression", "more evidence is needed to call a regression"),
		{keys: "arrivals", diff: func(d *differ) {
			old, new := d.sc()
			if a, b := old.Arrivals, new.Arrivals; a != b && a != "" && b != "" { // else the load is of another kind
				d.at(changed(d.classOf("arrivals"), "arrivals", a, b, "requests come in other bursts"), "/arrivals")
			}
		}},
	}
}

// slo: a limit is easier or harder to hold; in sustained mode it sets the level that is
// held, so that no point pairs.
func slo(d *differ) {
	old, new := d.sc()
	lines := func(family string, a, b []scenario.Line, upper bool, write func(float64) string) {
		limits := func(list []scenario.Line) map[string]float64 {
			out := map[string]float64{}
			for _, l := range list {
				out[l.Stat] = l.Limit
			}
			return out
		}
		was, is := limits(a), limits(b)
		for _, stat := range bothKeys(was, is) {
			x, before := was[stat]
			y, after := is[stat]
			if before && after && x == y {
				continue
			}
			key := "slo." + family + "." + stat
			f := limit(key, x, y, before, after, upper, write)
			if new.Mode == "sustained" && old.Mode == "sustained" {
				f.Class, f.Text = d.classOf("slo"), f.Text+"; it sets the level that is held"
			}
			d.at(f, pointer(key), "/slo")
		}
	}
	lines("ttft", old.SLO.TTFT, new.SLO.TTFT, true, secondsText)
	lines("output_rate", old.SLO.OutputRate, new.SLO.OutputRate, false, number)
}

// secondsText writes a limit as a scenario does.
func secondsText(v float64) string { return scenario.Duration(v*1e9 + 0.5).String() }

func limit(key string, x, y float64, before, after, upper bool, write func(float64) string) Finding {
	switch {
	case !before:
		return Finding{Class: Tightened, Sign: '+', Key: key, Text: key + " " + write(y) + " added: harder to hold"}
	case !after:
		return Finding{Class: Loosened, Sign: '-', Key: key, Text: key + " " + write(x) + " removed: easier to hold"}
	case (y > x) == upper:
		return changed(Loosened, key, write(x), write(y), "easier to hold")
	}
	return changed(Tightened, key, write(x), write(y), "harder to hold")
}

// match pairs the entries of two lists: equal ones first, then those that like says
// belong together, then what is left in its order. -1: no partner.
func match[T any](a, b []T, equal, like func(x, y T) bool) (pairs [][2]int) {
	partner := make([]int, len(b))
	for j := range partner {
		partner[j] = -1
	}
	used := make([]bool, len(a))
	for _, fits := range []func(x, y T) bool{equal, like} {
		for j := range b {
			for i := range a {
				if partner[j] < 0 && !used[i] && fits(a[i], b[j]) {
					partner[j], used[i] = i, true
				}
			}
		}
	}
	for j := range b {
		pairs = append(pairs, [2]int{partner[j], j})
	}
	for i := range a {
		if !used[i] {
			pairs = append(pairs, [2]int{i, -1})
		}
	}
	return leftInOrder(pairs)
}

// leftInOrder makes pairs of what was removed and what was added, where both are there:
// a line that was rewritten is one change.
func leftInOrder(pairs [][2]int) (out [][2]int) {
	var gone []int
	for _, p := range pairs {
		if p[1] < 0 {
			gone = append(gone, p[0])
		}
	}
	for _, p := range pairs {
		if p[0] < 0 && len(gone) > 0 {
			p[0], gone = gone[0], gone[1:]
		}
		if p[1] >= 0 {
			out = append(out, p)
		}
	}
	for _, i := range gone {
		out = append(out, [2]int{i, -1})
	}
	return out
}

// kin reports whether two conditions are about the same metrics.
func kin(a, b *scenario.Condition) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.Equal(a.Names(), b.Names())
}

// stopLine is a stop with its condition.
type stopLine struct {
	scenario.Stop
	cond *scenario.Condition
	path string
}

func stopLines(p *scenario.Plan) (out []stopLine) {
	for i, s := range p.Scenario.Stop {
		out = append(out, stopLine{s, p.Stops[i], "stop[" + strconv.Itoa(i) + "]"})
	}
	return out
}

// stops: one that fails the run is a line to pass; any other decides what a search costs.
func stops(d *differ) {
	a, b := stopLines(d.old), stopLines(d.new)
	equal := func(x, y stopLine) bool { return x.Stop == y.Stop }
	like := func(x, y stopLine) bool { return kin(x.cond, y.cond) && x.Fail == y.Fail }
	for _, pair := range match(a, b, equal, like) {
		i, j := pair[0], pair[1]
		switch {
		case i < 0:
			d.at(single(b[j], '+'), listPaths("stop", j, "when")...)
		case j < 0:
			d.at(single(a[i], '-'), listPaths("stop", i, "when")...)
		case a[i].Stop != b[j].Stop:
			d.stop(a[i], b[j], j)
		}
	}
}

func listPaths(list string, i int, parts ...string) []string {
	base := "/" + list + "/" + strconv.Itoa(i)
	var out []string
	for _, p := range parts {
		out = append(out, base+"/"+p)
	}
	return append(out, base)
}

// single is the finding of a stop that was added or removed.
func single(s stopLine, sign byte) Finding {
	f := Finding{Class: Cost, Sign: sign, Key: s.path, Text: s.path + " " + s.When + " added: may end a " + ended(s.Stop) + " earlier"}
	switch {
	case sign == '+' && s.Fail:
		f.Class, f.Text = Tightened, s.path+" "+s.When+" added: fails the run"
	case sign == '-' && s.Fail:
		f.Class, f.Text = Loosened, s.path+" "+s.When+" removed: no longer fails the run"
	case sign == '-':
		f.Text = s.path + " " + s.When + " removed: no longer ends a " + ended(s.Stop)
	}
	return f
}

func ended(s scenario.Stop) string {
	if s.Ends == "run" {
		return "run"
	}
	return s.Ends + "'s search"
}

// stop tells each part of a stop that has changed.
func (d *differ) stop(a, b stopLine, j int) {
	if a.Fail != b.Fail {
		f := Finding{Class: Tightened, Sign: '~', Key: b.path + ".fail", Text: b.path + ".fail false -> true: " + b.When + " now fails the run"}
		if a.Fail {
			f.Class, f.Text = Loosened, b.path+".fail true -> false: "+b.When+" no longer fails the run"
		}
		d.at(f, listPaths("stop", j, "fail", "when")...)
	}
	judged := a.Fail && b.Fail
	if a.When != b.When {
		if f, meant := firing(b.path+".when", a, b, judged); meant {
			d.at(f, listPaths("stop", j, "when")...)
		}
	}
	if a.Periods != b.Periods {
		d.at(periods(b.path+".periods", a.Periods, b.Periods, judged), listPaths("stop", j, "periods", "when")...)
	}
	if a.Ends != b.Ends {
		d.at(changed(Cost, b.path+".ends", a.Ends, b.Ends, "what it ends"), listPaths("stop", j, "ends", "when")...)
	}
	if a.Reason != b.Reason {
		d.at(Finding{Class: Cosmetic, Sign: '~', Key: b.path + ".reason", Text: b.path + ".reason: other words"}, listPaths("stop", j, "reason", "when")...)
	}
}

// firing is the finding of a condition that fires in more cases, or in fewer.
func firing(key string, a, b stopLine, fails bool) (f Finding, meant bool) {
	words := [3]string{"fires sooner", "fires later: takes longer", "rewritten: whether it fires sooner or later cannot be told, please read"}
	classes := [3]Class{Cost, Cost, Cost}
	if fails {
		words = [3]string{"fails in more cases", "fails in fewer cases", "rewritten: whether it fails in more or fewer cases cannot be told, please read"}
		classes = [3]Class{Tightened, Loosened, Loosened}
	}
	which := 2
	switch Compare(a.cond, b.cond) {
	case Same:
		return Finding{}, false
	case Weaker:
		which = 0
	case Stronger:
		which = 1
	}
	f = rewrote(classes[which], key, a.When, b.When, words[which])
	f.Open = which == 2
	return f, true
}

// periods: a condition that must hold for longer fires later. 0 is the finished level.
func periods(key string, a, b int, fails bool) Finding {
	f := changed(Cost, key, periodText(a), periodText(b), "fires later: takes longer")
	more := b > a
	if !more {
		f = changed(Cost, key, periodText(a), periodText(b), "fires sooner")
	}
	switch {
	case a == 0 || b == 0:
		f.Open = true
		f = changed(Cost, key, periodText(a), periodText(b), "judged on something else, please read")
		f.Open = true
		if fails {
			f.Class = Loosened
		}
	case fails && more:
		f = changed(Loosened, key, periodText(a), periodText(b), "fails in fewer cases")
	case fails:
		f = changed(Tightened, key, periodText(a), periodText(b), "fails in more cases")
	}
	return f
}

func periodText(n int) string {
	if n == 0 {
		return "the finished level"
	}
	return strconv.Itoa(n)
}
