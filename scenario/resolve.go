package scenario

import (
	"fmt"
	"time"
)

// resolver turns the raw file into a Scenario: defaults filled in, cross-field
// rules held.
type resolver struct {
	*walker
	raw    *rawFile
	beside []SourceFile // files that the scenario names, but for its bases
	mode   string       // fixed, sustained, or empty where the file does not say it rightly
}

// fault notes a problem at the value of a path.
func (r *resolver) fault(code, path, format string, args ...any) {
	r.problems = append(r.problems, r.problem(code, r.locate(path), path, fmt.Sprintf(format, args...)))
}

// faultKey notes a problem at the key of a path.
func (r *resolver) faultKey(code, path, format string, args ...any) {
	n := r.locate(path)
	if p, ok := r.at[path]; ok && p.key != nil {
		n = p.key
	}
	r.problems = append(r.problems, r.problem(code, n, path, fmt.Sprintf(format, args...)))
}

func def[T any](p *T, d T) T {
	if p == nil {
		return d
	}
	return *p
}

func dur(p *Dur, d time.Duration) Duration { return Duration(def(p, Dur(d))) }

func section[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func (r *resolver) scenario() *Scenario {
	raw := r.raw
	r.mode = r.readMode()
	target := r.target()
	sc := &Scenario{
		Version:      int(def(raw.Version, 1)),
		Name:         def(raw.Name, ""),
		Description:  def(raw.Description, ""),
		Labels:       r.labels(),
		Target:       target,
		WorkingSet:   r.workingSet(target.KVBytesPerToken),
		OutputTokens: int64(def(raw.OutputTokens, 256)),
		Chunk:        int64(def(raw.Chunk, 256)),
		Access:       def(raw.Access, rawAccess{law: "cyclic"}).law,
		Zipf:         section(raw.Access).zipf,
		Seed:         int64(def(raw.Seed, 42)),
		Prompts:      r.prompts(),
		Mode:         r.mode,
		WarmInMax:    dur(section(raw.WarmInMax).Dur, 0),
		Drain:        dur(raw.Drain, 30*time.Second),
		OnMiss:       def(raw.OnMiss, "skip"),
		Warmup:       r.warmup(),
		Repeats:      int(def(raw.Repeats, 0)),
		Trials:       int(def(raw.Trials, 1)),
		Order:        def(raw.Order, "ascending"),
		SLO:          r.slo(),
		Compare:      r.compare(),
		Output:       r.output(),
	}
	r.times(sc)
	sc.ServerBlock = int64(def(section(raw.ServerBlock).Size, 0))
	r.axes(sc)
	r.conditions(sc)
	r.modeRules(sc)
	r.crossRules(sc)
	r.checkTLS(&sc.Target, sc.Warmup.Reset)
	return sc
}

func (r *resolver) labels() map[string]string {
	out := map[string]string{}
	for k, v := range section(r.raw.Labels) {
		out[k] = v
	}
	for k, v := range r.opt.Labels {
		out[k] = v
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func (r *resolver) compare() Compare {
	raw, c := section(r.raw.Compare), DefaultCompare()
	c.Tolerance = float64(def(raw.Tolerance, Percent(c.Tolerance)))
	c.Alpha = float64(def(raw.Alpha, Float(c.Alpha)))
	for _, g := range raw.Gate {
		c.Gate = append(c.Gate, GateLine{Metric: def(g.Metric, ""), Where: def(g.Where, "")})
	}
	return c
}

func (r *resolver) prompts() Prompts {
	p := section(r.raw.Prompts)
	return Prompts{Encoding: def(p.Encoding, "auto"), Salt: def(p.Salt, "cell")}
}

func (r *resolver) duration() Span {
	d := section(r.raw.Duration)
	span := Span{Min: dur(d.Min, 60*time.Second), Max: dur(d.Max, 5*time.Minute)}
	if span.Min > span.Max && r.clean("/duration") {
		switch {
		case d.Max == nil:
			r.fault("duration-range", "/duration/min", "duration.min %s is above duration.max, whose default is %s: write max as well", span.Min, span.Max)
		case d.Min == nil:
			r.fault("duration-range", "/duration/max", "duration.max %s is below duration.min, whose default is %s: write min as well", span.Max, span.Min)
		default:
			r.fault("duration-range", "/duration/min", "duration.min %s is above duration.max %s", span.Min, span.Max)
		}
	}
	return span
}

func (r *resolver) assessment(span Span) Duration {
	if r.raw.Assessment == nil {
		return min(Duration(30*time.Second), span.Min)
	}
	a := Duration(*r.raw.Assessment)
	if a > span.Min && r.clean("/assessment_period", "/duration") {
		what := "the duration"
		if !span.Exact() {
			what = "duration.min"
		}
		r.fault("period-longer-than-duration", "/assessment_period", "assessment_period %s is longer than %s, %s: no period would end; write at most %s", a, what, span.Min, span.Min)
	}
	return a
}

func (r *resolver) warmup() Warmup {
	raw := section(r.raw.Warmup)
	w := Warmup{
		Concurrency: int(def(raw.Concurrency, 16)),
		Rewarm:      def(raw.Rewarm, "per-working-set"),
		Verify:      def(raw.Verify, true),
		Reset:       Reset{Auto: true},
	}
	if raw.Reset != nil {
		w.Reset = Reset{Auto: raw.Reset.Auto, Posts: nonEmpty(raw.Reset.Post), Command: nonEmpty(raw.Reset.Command)}
	}
	r.checkReset(&w.Reset)
	return w
}

func nonEmpty(l List[string]) []string {
	if len(l) == 0 {
		return nil
	}
	return l
}

func (r *resolver) slo() SLO {
	raw := section(r.raw.SLO)
	t, o := section(raw.TTFT), section(raw.OutputRate)
	var s SLO
	for _, l := range []struct {
		stat string
		v    *Dur
	}{{"max", t.Max}, {"avg", t.Avg}, {"p50", t.P50}, {"p90", t.P90}, {"p95", t.P95}, {"p99", t.P99}} {
		if l.v != nil {
			s.TTFT = append(s.TTFT, Line{l.stat, time.Duration(*l.v).Seconds()})
		}
	}
	for _, l := range []struct {
		stat string
		v    *Float
	}{{"avg", o.Avg}, {"p5", o.P5}, {"p10", o.P10}} {
		if l.v != nil {
			s.OutputRate = append(s.OutputRate, Line{l.stat, float64(*l.v)})
		}
	}
	return s
}

func (r *resolver) output() Output {
	raw := section(r.raw.Output)
	out := Output{Dir: def(raw.Dir, "results"), Requests: def(raw.Requests, true), HTML: def(raw.HTML, true)}
	if r.opt.OutputDir != "" {
		out.Dir = r.opt.OutputDir
	} else if raw.Dir != nil && !local(out.Dir) && !r.byCommandLine("/output/dir") {
		r.fault("outside-working-directory", "/output/dir", "output.dir %q leaves the working directory: write a path below it, or give it on the command line", out.Dir)
	}
	return out
}

// conditions copies stop and thresholds; expand compiles them.
func (r *resolver) conditions(sc *Scenario) {
	for _, s := range r.raw.Stop {
		st := Stop{When: def(s.When, ""), Periods: int(def(s.Periods, 0)), Ends: def(s.Ends, "cell"), Fail: def(s.Fail, false), Reason: def(s.Reason, "")}
		if st.Ends == "level" && st.Periods == 0 {
			st.Periods = 1 // a level can only be cut short while it runs
		}
		if r.mode == sustained && st.Periods == 0 {
			st.Periods = 1 // there is no finished level to look at, only the last period
		}
		sc.Stop = append(sc.Stop, st)
	}
	for _, t := range r.raw.Thresholds {
		sc.Thresholds = append(sc.Thresholds, Threshold{Expect: def(t.Expect, ""), Where: def(t.Where, "")})
	}
}

func (r *resolver) crossRules(sc *Scenario) {
	if len(sc.SLO.OutputRate) > 0 && sc.OutputTokens < 2 && r.clean("/output_tokens") {
		r.fault("output-too-short", "/slo/output_rate", "slo.output_rate needs at least 2 output tokens, output_tokens is %d: one token has no rate", sc.OutputTokens)
	}
	if sc.Access == "depth" && sc.WorkingSet.Refine > 0 {
		r.fault("depth-refine", "/working_set/refine", "working_set.refine looks between sizes for an edge, and access: depth draws all reuse distances at each of them: remove one of them")
	}
	if sc.Warmup.Rewarm == "once" && r.mode != sustained {
		if sc.WorkingSet.Refine > 0 {
			r.fault("rewarm-once", "/warmup/rewarm", "rewarm: once cannot go with working_set.refine: a bisection goes back to a smaller set; remove one of them")
		}
		if sc.Order != "ascending" {
			r.fault("rewarm-once", "/warmup/rewarm", "rewarm: once needs order: ascending, because each size only warms its new prompts; order is %s", sc.Order)
		}
	}
	if r.clean("/target/max_in_flight") {
		r.checkCap(sc)
	}
}

// checkCap holds what may be in flight against the safety cap.
func (r *resolver) checkCap(sc *Scenario) {
	limit := sc.Target.MaxInFlight
	for i, level := range sc.Concurrency {
		if at := "/concurrency/" + itoa(i); level > limit && r.clean(at) {
			r.fault("above-max-in-flight", at, "concurrency %d is above target.max_in_flight, %d: raise the cap if you mean it", level, limit)
		}
	}
	switch {
	case sc.Search.Max <= limit || !r.clean("/concurrency"):
	case r.given("/concurrency/max"):
		r.fault("above-max-in-flight", "/concurrency/max", "concurrency.max %d is above target.max_in_flight, %d: raise the cap if you mean it", sc.Search.Max, limit)
	default:
		r.fault("above-max-in-flight", "/target/max_in_flight", "target.max_in_flight %d is below concurrency.max, whose default is %d: write concurrency: {max: %d}, or raise the cap", limit, sc.Search.Max, limit)
	}
}
