package html

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// remark is one line of what a reader must know before any figure. Class is that of a
// badge (ok, doubt, bad), empty for none.
type remark struct{ Class, Word, Code, Text string }

// verdicts is what stands first on the index.
type verdicts struct {
	State      remark
	Failures   []remark
	Thresholds []remark
	Validity   remark
	Doubts     []remark
	Notes      []remark
	Stops      []remark
}

// mostAgainst is how many points a threshold names, and mostWhere how many a stop does.
const (
	mostAgainst = 4
	mostWhere   = 3
)

func (r *Run) verdicts() verdicts {
	v := verdicts{State: r.state(), Validity: validityOf(r.Sum.Points), Stops: stopsOf(r.Sum.Points)}
	for _, f := range r.Found {
		v.Thresholds = append(v.Thresholds, thresholdRemark(f))
	}
	for _, d := range report.Doubts(r.Sum) {
		if d.Class == result.ValidSkipped {
			continue // the table and the stops say it
		}
		text := report.Clean(d.Text)
		if !d.Counted {
			text += " (" + plural(d.Points, "point") + ")"
		}
		doubt := remark{classOf(d.Class), string(d.Class), d.Code, text}
		if d.Class == result.ValidOK { // a note: it changes no verdict
			doubt.Class, doubt.Word = "", "note"
		}
		v.Doubts = append(v.Doubts, doubt)
	}
	for _, n := range r.Sum.Notes {
		if n.Code == "interrupted" || n.Code == "failed" {
			continue // State says it
		}
		note := remark{Code: n.Code, Text: report.Clean(n.Text)}
		if n.Fail {
			note.Class, note.Word = "bad", "failed"
			v.Failures = append(v.Failures, note)
			continue
		}
		v.Notes = append(v.Notes, note)
	}
	return v
}

// state says how the run ended, as its record tells it.
func (r *Run) state() remark {
	for _, n := range r.Sum.Notes {
		switch n.Code {
		case "interrupted":
			return remark{"doubt", "interrupted", "", "The run was interrupted: what was measured until then is here."}
		case "failed":
			return remark{"bad", "failed", "", "The run failed: " + report.Clean(n.Text)}
		}
	}
	switch {
	case len(r.Rec.Units) == 0 && r.Rec.Probe == nil:
		return remark{"bad", "empty", "", "The record ends before the server was probed: nothing was measured."}
	case len(r.Rec.Units) == 0:
		return remark{"bad", "empty", "", "The record ends before the first cell: nothing was measured."}
	case slices.ContainsFunc(r.Sum.Points, unfinished):
		return remark{"doubt", "unfinished", "", "The record ends before the plan does: the run is under way, or its process died. wsrun run --resume goes on with it."}
	case r.failed():
		return remark{"bad", "failed", "", "The plan was run to its end, and a part of it failed."}
	}
	return remark{"ok", "done", "", "The plan was run to its end."}
}

// unfinished reports whether a point is missing because the record ends before it.
func unfinished(p *result.Point) bool {
	return p.Validity == result.ValidSkipped && slices.ContainsFunc(p.Reasons, func(r result.Reason) bool { return r.Code == "not-run" || r.Code == "interrupted" })
}

func (r *Run) failed() bool {
	return len(r.Sum.Failures()) > 0 || slices.ContainsFunc(r.Sum.Notes, func(n result.RunNote) bool { return n.Fail })
}

func thresholdRemark(f verdict.Finding) remark {
	class := map[verdict.Outcome]string{verdict.Pass: "ok", verdict.Fail: "bad", verdict.NoVerdict: "doubt"}[f.Outcome]
	text := fmt.Sprintf("%d judged", f.Judged)
	if f.Doubtful > 0 {
		text += fmt.Sprintf(", %d of them doubtful", f.Doubtful)
	}
	if against := report.AgainstText(f, mostAgainst); against != "" {
		text += ": " + against
	}
	return remark{class, f.Outcome.String(), expectText(f.Expect, f.Where), text}
}

// validities in the order in which they are counted.
var validities = []result.Validity{result.ValidOK, result.ValidDoubt, result.ValidInvalid, result.ValidSkipped, result.ValidFailed}

// classOf is the badge of a validity.
func classOf(v result.Validity) string {
	switch v {
	case result.ValidOK:
		return "ok"
	case result.ValidInvalid, result.ValidFailed:
		return "bad"
	}
	return "doubt"
}

// validityOf counts points by validity. Its badge is that of the worst that was measured.
func validityOf(points []*result.Point) remark {
	n := map[result.Validity]int{}
	for _, p := range points {
		n[p.Validity]++
	}
	var parts []string
	out := remark{Class: "ok", Word: "all ok"}
	for _, v := range validities {
		if n[v] == 0 {
			continue
		}
		parts = append(parts, fmt.Sprintf("%d %s", n[v], v))
		if v != result.ValidOK && v != result.ValidSkipped {
			out.Class, out.Word = classOf(v), "not all ok"
		}
	}
	switch {
	case len(points) == 0:
		return remark{Class: "bad", Word: "none", Text: "there is no point"}
	case n[result.ValidSkipped] == len(points):
		out.Class, out.Word = "bad", "none"
	case n[result.ValidSkipped] > 0 && out.Word == "all ok":
		out.Word = "ok where measured"
	}
	out.Text = fmt.Sprintf("%s, of %s", strings.Join(parts, ", "), plural(len(points), "point"))
	return out
}

// stopsOf gathers the slo lines and stop conditions that were met, each with where.
func stopsOf(points []*result.Point) (out []remark) {
	at := map[string][]string{}
	var order []string
	for _, p := range points {
		if p.Stop == "" {
			continue
		}
		if at[p.Stop] == nil {
			order = append(order, p.Stop)
		}
		at[p.Stop] = append(at[p.Stop], pointName(p))
	}
	for _, text := range order {
		where := at[text]
		if more := len(where) - mostWhere; more > 0 {
			where = append(slices.Clone(where[:mostWhere]), fmt.Sprintf("and %d more", more))
		}
		out = append(out, remark{Code: report.Clean(text), Text: strings.Join(where, ", ")})
	}
	return out
}

// pointName names a point as the console does.
func pointName(p *result.Point) string {
	name := p.Cell
	if len(p.Spec.Steps) > 0 && p.Spec.WorkingSet > 0 {
		name += " at " + metric.Size(p.Spec.WorkingSet)
	}
	if p.Level > 0 {
		name += fmt.Sprintf(" conc %d", p.Level)
	}
	if p.Trial > 1 {
		name += fmt.Sprintf(" trial %d", p.Trial)
	}
	return name
}

// places names points by those axes in which the points of a run differ.
type places struct{ contexts, rates, levels bool }

func placesOf(merged []*result.Merged) places {
	contexts, rates, levels := map[int64]bool{}, map[float64]bool{}, map[int]bool{}
	for _, m := range merged {
		contexts[m.Spec.Context], rates[m.Spec.HitRate], levels[m.Level] = true, true, true
	}
	return places{len(contexts) > 1, len(rates) > 1, len(levels) > 1}
}

// series names a series before what is said of it.
func (p places) series(k result.SeriesKey) (string, bool) {
	var parts []string
	if p.contexts {
		parts = append(parts, "context "+metric.Size(k.Context))
	}
	if p.rates {
		parts = append(parts, "hit rate "+ratePercent(k.HitRate))
	}
	if p.levels && k.Level > 0 {
		parts = append(parts, fmt.Sprintf("conc %d", k.Level))
	}
	if len(parts) == 0 {
		return "", true
	}
	return strings.Join(parts, ", ") + ": ", true
}

// name says where a figure was seen.
func (p places) name(spec scenario.Cell, level int) string {
	var parts []string
	if spec.HitRate > 0 {
		parts = append(parts, "working set "+metric.Size(spec.WorkingSet))
	}
	if p.contexts {
		parts = append(parts, "context "+metric.Size(spec.Context))
	}
	if p.rates || spec.HitRate == 0 {
		parts = append(parts, "hit rate "+ratePercent(spec.HitRate))
	}
	if p.levels && level > 0 {
		parts = append(parts, fmt.Sprintf("concurrency %d", level))
	}
	return strings.Join(parts, ", ")
}
