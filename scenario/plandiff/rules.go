package plandiff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wsrun/wsrun/scenario"
)

// rule says what a change of one key, or of several that hang together, means.
type rule struct {
	keys string // of scenario.Keys, the first one leading, separated by spaces
	lone lone   // whether it is said where one side is not there
	diff func(d *differ)
}

// lone says where a rule speaks although a scenario has but one side.
type lone uint8

const (
	never   lone = iota
	whenNew      // of what a new scenario reaches; one that is gone reaches nothing
	always       // of what was added or removed
)

// gone reports whether the scenario was removed.
func (d *differ) gone() bool { return d.blank && len(d.new.Cells) == 0 }

// rules are in the order of the reference. A test holds them against scenario.Keys.
func rules() []rule {
	return slices.Concat(headRules(), targetRules(), reachRules(), shapeRules(), timeRules(), modeRules(), judgeRules())
}

// keys are those of the language by their path.
var keys = func() map[string]scenario.Key {
	out := map[string]scenario.Key{}
	for _, k := range scenario.Keys() {
		out[k.Path] = k
	}
	return out
}()

// all runs every rule whose key both modes have.
func (d *differ) all() {
	for _, r := range rules() {
		lead, _, _ := strings.Cut(r.keys, " ")
		if d.blank && r.lone == never || d.gone() && r.lone == whenNew || !d.has(lead) {
			continue
		}
		r.diff(d)
	}
}

// has reports whether both scenarios' modes have the key.
func (d *differ) has(key string) bool {
	old, new := d.sc()
	modes := keys[key].Modes
	return slices.Contains(modes, old.Mode) && slices.Contains(modes, new.Mode)
}

// pointer is the path of a key in a file.
func pointer(key string) string { return "/" + strings.ReplaceAll(key, ".", "/") }

// classOf gives the usual class of a key, from its tag; Tightened or Loosened is the
// rule's own business.
func (d *differ) classOf(key string) Class {
	_, new := d.sc()
	class, _, _ := strings.Cut(keys[key].Class[new.Mode], ", ")
	return Class(class)
}

// get reads the value of a key from a resolved scenario, as people write it.
type get func(*scenario.Scenario) string

// plainly makes the rule of a key whose class hangs on nothing but the mode.
func plainly(key string, value get, why string) rule {
	return rule{keys: key, diff: func(d *differ) {
		old, new := d.sc()
		if a, b := value(old), value(new); a != b {
			d.at(changed(d.classOf(key), key, a, b, why), pointer(key))
		}
	}}
}

// changed makes the finding of a key that has another value.
func changed(class Class, key, old, new, why string) Finding {
	f := Finding{Class: class, Sign: '~', Key: key, Text: key + " " + word(old) + " -> " + word(new)}
	if why != "" {
		f.Text += ": " + why
	}
	return f
}

// rewrote makes the finding of a condition that reads otherwise: an arrow between two
// conditions would read as one of their signs.
func rewrote(class Class, key, old, new, why string) Finding {
	return Finding{Class: class, Sign: '~', Key: key, Text: key + " " + new + ", was " + old + ": " + why}
}

// word gives a value that is empty a name.
func word(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// measure reads a key that is more or less; ok is false where it is auto.
type measure func(*scenario.Scenario) (v float64, ok bool)

// evidence makes the rule of a key of which more is more evidence, or harder to pass.
// more and less say what each means.
func evidence(key string, value get, size measure, more, less string) rule {
	return rule{keys: key, diff: func(d *differ) {
		old, new := d.sc()
		a, b := value(old), value(new)
		if a == b {
			return
		}
		x, known := size(old)
		y, told := size(new)
		d.at(towards(key, a, b, y-x, known && told, more, less), pointer(key), pointer(key)+"/min", pointer(key)+"/max")
	}}
}

// towards makes the finding of a change to more (tightened) or less (loosened).
func towards(key, old, new string, by float64, known bool, more, less string) Finding {
	switch {
	case !known || by == 0:
		f := changed(Loosened, key, old, new, "which way this goes cannot be told before the run")
		f.Open = true
		return f
	case by > 0:
		return changed(Tightened, key, old, new, more)
	}
	return changed(Loosened, key, old, new, less)
}

func seconds(d scenario.Duration) float64 { return time.Duration(d).Seconds() }
func number(v float64) string             { return strconv.FormatFloat(v, 'f', -1, 64) }
func percent(v float64) string            { return scenario.FormatPercent(v) + "%" }

// count gives a number with its noun: 1 cell, 2 cells.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// auto gives a number, or auto for 0.
func auto(v float64) string {
	if v == 0 {
		return "auto"
	}
	return number(v)
}

func headRules() []rule {
	return []rule{
		plainly("version", func(sc *scenario.Scenario) string { return strconv.Itoa(sc.Version) }, ""),
		{keys: "name", diff: renamed},
		{keys: "description", diff: func(d *differ) {
			if old, new := d.sc(); old.Description != new.Description {
				d.at(Finding{Class: d.classOf("description"), Sign: '~', Key: "description", Text: "description: other words"}, "/description")
			}
		}},
		{keys: "labels", diff: labels},
		{keys: "mode", diff: mode},
	}
}

// renamed: results live in a directory of the scenario's name.
func renamed(d *differ) {
	old, new := d.sc()
	if old.Name == new.Name {
		return
	}
	dir := strings.TrimRight(new.Output.Dir, "/") + "/" + new.Name + "/"
	d.at(changed(d.classOf("name"), "name", old.Name, new.Name, "history starts anew in "+dir), "/name")
}

// labels tells the keys: what they say is anybody's text.
func labels(d *differ) {
	old, new := d.sc()
	for _, key := range bothKeys(old.Labels, new.Labels) {
		a, before := old.Labels[key]
		b, after := new.Labels[key]
		f := Finding{Class: d.classOf("labels"), Key: "labels." + key}
		switch {
		case before && after && a == b:
			continue
		case !before:
			f.Sign, f.Text = '+', f.Key+" added"
		case !after:
			f.Sign, f.Text = '-', f.Key+" removed"
		default:
			f.Sign, f.Text = '~', f.Key+" has another value"
		}
		d.at(f, "/labels/"+escaped(key), "/labels")
	}
}

// bothKeys gives the keys of two maps, sorted, each once.
func bothKeys[V any](a, b map[string]V) []string {
	var out []string
	for _, m := range []map[string]V{a, b} {
		for k := range m {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// escaped writes a free key as a part of a path (RFC 6901).
func escaped(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }

// mode: nothing of one mode's result stands beside another's.
func mode(d *differ) {
	old, new := d.sc()
	if old.Mode != new.Mode {
		d.at(changed(d.classOf("mode"), "mode", old.Mode, new.Mode, "no point pairs with older results; keys that only one of the modes has are not listed"), "/mode")
	}
}

// shapeRules are about what is sent, and in which order.
func shapeRules() []rule {
	return []rule{
		{keys: "working_set working_set.min working_set.max working_set.steps working_set.spacing contexts hit_rates concurrency rate", lone: always, diff: func(d *differ) {
			said := len(d.found)
			d.coverage()
			d.alsoLost(said)
		}},
		plainly("working_set.refine", func(sc *scenario.Scenario) string { return strconv.Itoa(sc.WorkingSet.Refine) }, "points that bisections add"),
		plainly("output_tokens", func(sc *scenario.Scenario) string { return scenario.FormatSize(sc.OutputTokens) }, "another request, and another reuse distance"),
		{keys: "chunk", diff: chunk},
		plainly("server_block", func(sc *scenario.Scenario) string { return auto(float64(sc.ServerBlock)) }, "prompts are fitted to the engine's blocks"),
		{keys: "access access.zipf", diff: func(d *differ) {
			old, new := d.sc()
			if a, b := access(old), access(new); a != b {
				d.at(changed(d.classOf("access"), "access", a, b, "prompts are used again in another order"), "/access/zipf", "/access")
			}
		}},
		{keys: "seed", diff: seed},
		plainly("prompts.encoding", func(sc *scenario.Scenario) string { return sc.Prompts.Encoding }, ""),
		plainly("prompts.salt", func(sc *scenario.Scenario) string { return sc.Prompts.Salt }, "what a cache already holds when a cell begins"),
		{keys: "order", diff: order},
	}
}

func access(sc *scenario.Scenario) string {
	if sc.Zipf > 0 {
		return sc.Access + " " + number(sc.Zipf)
	}
	return sc.Access
}

// chunk changes something only where a context or a prefix is rounded to another
// number of tokens.
func chunk(d *differ) {
	old, new := d.sc()
	if old.Chunk == new.Chunk {
		return
	}
	f := changed(Cosmetic, "chunk", strconv.FormatInt(old.Chunk, 10), strconv.FormatInt(new.Chunk, 10), "nothing that is sent is rounded to another length")
	for _, c := range d.new.Cells {
		was := scenario.CellOf(old, c.Context, c.WorkingSet, c.HitRate)
		if was.R != c.R || was.Prefix != c.Prefix {
			f = changed(d.classOf("chunk"), "chunk", strconv.FormatInt(old.Chunk, 10), strconv.FormatInt(new.Chunk, 10), fmt.Sprintf("context %s at hit rate %s is sent as %d tokens of which %d are reused, was %d of which %d",
				scenario.FormatSize(c.Context), percent(c.HitRate), c.R, c.Prefix, was.R, was.Prefix))
			break
		}
	}
	d.at(f, "/chunk")
}

// seed breaks a comparison where it decides the order of cells; else it only draws
// other tokens, and other prompts of the same law.
func seed(d *differ) {
	old, new := d.sc()
	if old.Seed == new.Seed {
		return
	}
	a, b := strconv.FormatInt(old.Seed, 10), strconv.FormatInt(new.Seed, 10)
	f := changed(Cosmetic, "seed", a, b, "other tokens are drawn")
	switch {
	case old.Order == "shuffled" && new.Order == "shuffled" && !d.sameOrder():
		f = changed(Breaks, "seed", a, b, "the cells are run in another order (order: shuffled)")
	case new.Access != "cyclic" && d.has("access"):
		f.Text += ", and prompts in another random order of the same law"
	}
	d.at(f, "/seed")
}

// order matters where cells follow others.
func order(d *differ) {
	old, new := d.sc()
	if old.Order == new.Order {
		return
	}
	f := changed(d.classOf("order"), "order", old.Order, new.Order, "each cell follows another one, and drift falls on other sizes")
	if d.sameOrder() {
		f = changed(Cosmetic, "order", old.Order, new.Order, "the cells are run in the same order")
	}
	d.at(f, "/order")
}

// sameOrder reports whether the cells that both plans have follow each other alike.
func (d *differ) sameOrder() bool {
	keysOf := func(p, other *scenario.Plan) (out []string) {
		in := map[string]bool{}
		for _, c := range other.Cells {
			in[c.Key] = true
		}
		for _, c := range p.Cells {
			if in[c.Key] {
				out = append(out, c.Key)
			}
		}
		return out
	}
	return slices.Equal(keysOf(d.old, d.new), keysOf(d.new, d.old))
}

// modeRules are about how a level is found, and how a cache is filled and looked at.
func modeRules() []rule {
	return []rule{
		plainly("on_miss", func(sc *scenario.Scenario) string { return sc.OnMiss }, "whether levels above one that misses the slo are measured"),
		plainly("concurrency.start", func(sc *scenario.Scenario) string { return strconv.Itoa(sc.Search.Start) }, "the search knows no lower level"),
		plainly("concurrency.step", func(sc *scenario.Scenario) string { return strconv.Itoa(sc.Search.Step) }, "the search takes more steps, or fewer"),
		plainly("concurrency.max", func(sc *scenario.Scenario) string { return strconv.Itoa(sc.Search.Max) }, "the search knows no higher level"),
		plainly("growth.by", func(sc *scenario.Scenario) string { return sc.Growth.By }, "another rule ends a size"),
		plainly("growth.prompts", func(sc *scenario.Scenario) string { return sc.Growth.Prompts }, "the cache is in another state when a size begins"),
		evidence("growth.hold", hold, func(sc *scenario.Scenario) (float64, bool) { return float64(sc.Growth.Hold), true }, "each level is held longer", "each level is held for less time"),
		plainly("growth.at_end", func(sc *scenario.Scenario) string { return sc.Growth.AtEnd }, "how long the last size takes"),
		evidence("map.resolution", func(sc *scenario.Scenario) string { return percent(round(100 * sc.Map.Resolution)) }, func(sc *scenario.Scenario) (float64, bool) { return -sc.Map.Resolution, true }, "brackets become narrower", "brackets stay wider"),
		evidence("map.looks", func(sc *scenario.Scenario) string { return auto(float64(sc.Map.Looks)) }, func(sc *scenario.Scenario) (float64, bool) { return float64(sc.Map.Looks), sc.Map.Looks > 0 }, "each depth is looked at more often", "each depth is looked at less often"),
		plainly("map.policy", func(sc *scenario.Scenario) string { return strconv.FormatBool(sc.Map.Policy) }, "experiments on how the cache evicts and admits"),
		plainly("warmup.concurrency", func(sc *scenario.Scenario) string { return strconv.Itoa(sc.Warmup.Concurrency) }, "how long a warm-up takes"),
		plainly("warmup.rewarm", func(sc *scenario.Scenario) string { return sc.Warmup.Rewarm }, "how often the cache is warmed"),
		evidence("warmup.verify", func(sc *scenario.Scenario) string { return strconv.FormatBool(sc.Warmup.Verify) }, func(sc *scenario.Scenario) (float64, bool) { return flag(sc.Warmup.Verify), true }, "warm-ups are looked at again", "nobody looks whether a warm-up took"),
	}
}

func hold(sc *scenario.Scenario) string {
	if sc.Growth.HoldFor > 0 {
		return sc.Growth.HoldFor.String()
	}
	return count(sc.Growth.Hold, "period")
}

// round takes away what a share of 0.02 has beyond 2 percent in binary.
func round(v float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 12, 64), 64) // what it wrote itself
	return r
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
