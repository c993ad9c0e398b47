package scenario

import (
	"strings"
	"time"
)

// Values of mode.
const (
	fixed     = "fixed"
	sustained = "sustained"
	mapped    = "map"
)

// What the design says of the periods that a search takes: about 16 at the first
// size, 8 at each later one, the hold of 3 periods in both.
const (
	firstPeriods = 16
	laterPeriods = 8
	plainHold    = 3
)

// readMode gives the mode, the default filled in; empty where it is in doubt, so that
// no rule of a mode that was not meant is held against the file.
func (r *resolver) readMode() string {
	switch m := r.raw.Mode; {
	case !r.clean("/mode") || r.meant["/mode"]:
		return ""
	case m != nil:
		return *m
	}
	if section(r.raw.Concurrency).short {
		r.faultKey("other-mode", "/concurrency", "levels of concurrency belong to mode: fixed, and without a mode a scenario is sustained: write mode: fixed, or where to search, as concurrency: {start: 2, step: 2, max: 1000}")
		return ""
	}
	return sustained
}

// modeKey is a key that one mode alone has, and what the others have instead.
type modeKey struct{ path, mode, advice string }

// modeKeys are the keys that one mode alone has, and what the others have instead. What
// a map does not have stands in notInMap.
var modeKeys = []modeKey{
	{"/rate", fixed, "the controller finds the concurrency"},
	{"/arrivals", fixed, "the controller finds the concurrency"},
	{"/on_miss", fixed, "the controller goes by the slo"},
	{"/repeats", fixed, "a level is held for growth.hold"},
	{"/warmup/rewarm", fixed, "the cache is warmed once, and by growth.prompts"},
	{"/working_set/refine", fixed, "write more steps"},
	{"/growth", sustained, "each size is a cell of its own"},
	{"/slo/margin", sustained, "there is no search that could keep clear of a limit"},
	{"/map", mapped, "the sizes of the working set say where is looked"},
}

// partKeys are parts of keys that all modes have, in a form that one mode alone reads.
var partKeys = []modeKey{
	{"/concurrency/start", sustained, ""},
	{"/concurrency/step", sustained, ""},
	{"/concurrency/max", sustained, ""},
	{"/duration/min", fixed, ""},
	{"/duration/max", fixed, ""},
}

// modeRules holds the keys against the mode, and fills in those that it alone has.
func (r *resolver) modeRules(sc *Scenario) {
	switch r.mode {
	case "":
		return
	case mapped:
		r.mapRules(sc)
		return
	}
	for _, k := range modeKeys {
		if k.mode != r.mode && r.given(k.path) {
			r.faultKey("other-mode", k.path, "%s belongs to mode: %s, this scenario is %s: remove it (%s)", pathName(k.path), k.mode, r.modeWords(), k.advice)
		}
	}
	c := section(r.raw.Concurrency)
	if r.mode == fixed {
		r.fixedLoad(sc)
		return
	}
	if c.short {
		r.fault("other-mode", "/concurrency", "levels of concurrency belong to mode: fixed: write where to search, as {start: 2, step: 2, max: 1000}, or mode: fixed")
	}
	if sc.Access == "depth" {
		r.fault("other-mode", "/access", "access: depth belongs to mode: fixed, this scenario is %s: write cyclic or uniform (at each size it would meet every tier at once, so no growth would show one)", r.modeWords())
	}
	sc.Search = r.search(c)
	sc.Growth = r.growth(sc.Assessment)
	r.searchedSLO(sc)
	for i := range sc.Stop {
		if sc.Stop[i].Ends == "level" {
			r.fault("other-mode", "/stop/"+itoa(i)+"/ends", "ends: level has no meaning in mode: sustained, whose levels are the controller's: write cell, sweep or run")
		}
	}
}

// fixedLoad: levels (closed loop) or rates (open loop), one of them.
func (r *resolver) fixedLoad(sc *Scenario) {
	open := r.given("/rate") || r.meant["/rate"]
	switch c := r.raw.Concurrency; {
	case c == nil && !open && r.clean("/concurrency") && !r.meant["/concurrency"]:
		r.fault("missing-key", "/concurrency", "concurrency is missing: write concurrency: [10, 20, 40, 80], or rate: [5, 10] for an open loop")
	case c != nil && !c.short:
		r.fault("other-mode", "/concurrency", "{start, step, max} is the search of mode: sustained: write the levels, as [10, 20, 40], or remove mode: fixed")
	case c != nil && open:
		r.faultKey("rate-with-concurrency", "/rate", "rate sends requests whether or not earlier ones have ended, concurrency waits for them: remove one of the two")
	}
	if r.raw.Arrivals != nil && !open && r.clean("/arrivals") {
		r.faultKey("arrivals-without-rate", "/arrivals", "arrivals says how the requests of rate are spread in time, and there is no rate: write rate: [5, 10] instead of concurrency, or remove arrivals")
	}
	if open {
		sc.Arrivals = def(r.raw.Arrivals, "poisson")
	}
}

// modeWords names the mode and where it comes from.
func (r *resolver) modeWords() string {
	if r.raw.Mode == nil {
		return r.mode + " (the default)"
	}
	return r.mode
}

func (r *resolver) search(raw rawConcurrency) Search {
	s := Search{Start: int(def(raw.Start, 2)), Step: int(def(raw.Step, 2)), Max: int(def(raw.Max, 1000))}
	if s.Start > s.Max && r.clean("/concurrency") {
		switch {
		case raw.Start == nil:
			r.fault("concurrency-range", "/concurrency/max", "concurrency.max %d is below concurrency.start, whose default is %d: write start as well", s.Max, s.Start)
		case raw.Max == nil:
			r.fault("concurrency-range", "/concurrency/start", "concurrency.start %d is above concurrency.max, whose default is %d: write max as well", s.Start, s.Max)
		default:
			r.fault("concurrency-range", "/concurrency/start", "concurrency.start %d is above concurrency.max %d", s.Start, s.Max)
		}
	}
	return s
}

func (r *resolver) growth(period Duration) Growth {
	raw := section(r.raw.Growth)
	hold := section(raw.Hold)
	g := Growth{By: def(raw.By, "convergence"), Prompts: def(raw.Prompts, "cold"), Hold: int(def(hold.Periods, plainHold)), AtEnd: def(raw.AtEnd, "stop")}
	if hold.For == nil {
		return g
	}
	g.HoldFor = Duration(*hold.For)
	if period > 0 {
		g.Hold = int(ceilDiv(int64(g.HoldFor), int64(period)))
	}
	if g.Hold > maxHold && r.clean("/growth/hold", "/assessment_period", "/duration") {
		r.fault("out-of-range", "/growth/hold", "growth.hold: %s are %d periods of %s: at most %d", g.HoldFor, g.Hold, period, maxHold)
	}
	return g
}

// searchedSLO: a search needs a limit; it keeps a margin to it.
func (r *resolver) searchedSLO(sc *Scenario) {
	sc.SLO.Margin = float64(def(section(r.raw.SLO).Margin, 10))
	if !sc.SLO.Empty() || !r.clean("/slo") || r.meant["/slo"] {
		return
	}
	at, or := "/slo", ""
	if !r.given("/slo") {
		at = "/mode"
	}
	if r.raw.Mode == nil {
		or = ", or mode: fixed with levels of concurrency"
	}
	r.fault("sustained-without-slo", at, "mode: %s looks for the concurrency at which the slo still holds, and there is none: write slo: {ttft: {p95: 5s}}%s", r.modeWords(), or)
}

// times reads duration and assessment_period, whose meaning and defaults hang on the
// mode and on each other.
func (r *resolver) times(sc *Scenario) {
	if r.mode == mapped {
		return // a map ends when the edges are found
	}
	if r.mode != sustained {
		sc.Duration = r.duration()
		sc.Assessment = r.assessment(sc.Duration)
		return
	}
	d := section(r.raw.Duration)
	if d.ranged {
		r.fault("other-mode", "/duration", "{min, max} is the window of a level in mode: fixed; in mode: sustained the duration is that of the whole cell, with all its sizes: write one, as %s", cellDuration(max(1, len(sc.WorkingSet.Sizes)), Duration(30*time.Second)))
	}
	if d.Min != nil && !d.ranged {
		sc.Duration = Span{Min: Duration(*d.Min), Max: Duration(*d.Min)}
		sc.Assessment = r.assessment(sc.Duration)
		return
	}
	sc.Assessment = dur(r.raw.Assessment, 30*time.Second)
	whole := cellDuration(len(sc.WorkingSet.Sizes), sc.Assessment)
	sc.Duration = Span{Min: whole, Max: whole}
	if whole > Duration(maxDuration) && r.clean("/duration", "/assessment_period", "/working_set") {
		r.fault("out-of-range", "/assessment_period", "%d sizes of %d periods of %s take too long, at most %s: write a duration", len(sc.WorkingSet.Sizes), firstPeriods, sc.Assessment, Duration(maxDuration))
	}
}

// cellDuration is the default duration of a sustained cell.
func cellDuration(sizes int, period Duration) Duration {
	return multiple(sizes*firstPeriods, period)
}

// multiple multiplies a period, and stops at a value above every duration that may be
// written instead of overflowing.
func multiple(n int, period Duration) Duration {
	if period > 0 && time.Duration(n) > maxDuration/time.Duration(period) {
		return Duration(maxDuration) + 1
	}
	return Duration(n) * period
}

// soaks reports whether the cell runs until the duration is over, whatever is found.
func (sc *Scenario) soaks(c Cell) bool {
	return sc.Growth.AtEnd == "hold" || sc.Growth.By == "time" || c.HitRate == 0
}

// budget warns where the periods of a size will hardly do for its search, and says
// what would.
func (e *expansion) budget() {
	sizes := 0
	for _, c := range e.plan.Cells {
		sizes = max(sizes, len(c.Steps))
	}
	period, whole := time.Duration(e.sc.Assessment), time.Duration(e.sc.Duration.Max)
	if sizes == 0 || period <= 0 {
		return
	}
	more := max(0, e.sc.Growth.Hold-plainHold)
	fit := int(whole / (time.Duration(sizes) * period))
	if fit >= firstPeriods+more {
		return
	}
	path := "/duration"
	if e.sc.Duration.Max == cellDuration(len(e.sc.WorkingSet.Sizes), e.sc.Assessment) {
		path = "/growth/hold" // the default: only a longer hold can make it too short
	}
	held := ""
	if more > 0 {
		held = "with this hold "
	}
	would := multiple(sizes*(firstPeriods+more), e.sc.Assessment)
	e.note(true, "may-not-converge", path, "%s: %sabout %d are needed to find and hold a level at the first size, %d at later ones, so points may end not-converged; duration: %s would do",
		e.share(fit, sizes), held, firstPeriods+more, laterPeriods+more, would)
}

// share says how many periods a size has.
func (e *expansion) share(fit, sizes int) string {
	var s strings.Builder
	s.WriteString("a duration of " + e.sc.Duration.Max.String())
	if sizes > 1 {
		s.WriteString(" over " + itoa(sizes) + " working sets")
	}
	s.WriteString(" leaves each ")
	switch fit {
	case 0:
		s.WriteString("less than one period")
	case 1:
		s.WriteString("1 period")
	default:
		s.WriteString(itoa(fit) + " periods")
	}
	s.WriteString(" of " + e.sc.Assessment.String())
	return s.String()
}
