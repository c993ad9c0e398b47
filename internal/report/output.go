package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// transitionRow is one transition found.
type transitionRow struct {
	s     *result.Series
	t     *tier.Transition
	level int // 0: of no one level
}

// transitionColumns are those of tiers_{ts}.csv. They are ours alone: the original
// looked for no transition.
var transitionColumns = []column[transitionRow]{
	{name: "context_size", unit: "tokens", ours: "context as asked", get: func(r transitionRow) field { return integer(r.s.Context) }},
	{name: "cache_hit_rate", unit: "%", ours: "hit rate as asked", get: func(r transitionRow) field { return number(r.s.HitRate) }},
	{name: "concurrency", ours: "level; sustained: the one at which TTFT was compared, empty where it was not", get: func(r transitionRow) field { return positive(int64(r.level)) }},
	{name: "trial", ours: "number of the trial, from 1", get: func(r transitionRow) field { return integer(int64(r.s.Trial)) }},
	{name: "from_tier", ours: "a name where told or stated, else tier and a number from 1", get: func(r transitionRow) field { return text(r.t.From) }},
	{name: "to_tier", ours: "the same; recompute where nothing is found any more", get: func(r transitionRow) field { return text(r.t.To) }},
	{name: "edge_lo_tokens", unit: "tokens", ours: "reuse distance of the last point before", get: func(r transitionRow) field { return integer(r.t.Lo) }},
	{name: "edge_hi_tokens", unit: "tokens", ours: "reuse distance of the first point after", get: func(r transitionRow) field { return integer(r.t.Hi) }},
	{name: "ttft_before", unit: "s", ours: "median TTFT of the plateau before", get: func(r transitionRow) field { return aboveZero(r.t.Before) }},
	{name: "ttft_after", unit: "s", ours: "median TTFT of the plateau after", get: func(r transitionRow) field { return aboveZero(r.t.After) }},
	{name: "ttft_ratio", ours: "ttft_after / ttft_before", get: func(r transitionRow) field { return aboveZero(r.t.Ratio()) }},
	{name: "ms_per_1k_tokens", unit: "ms", ours: "added TTFT per 1000 reused tokens", get: func(r transitionRow) field { return costOf(r.t) }},
	{name: "looks", ours: "first tokens on both sides", get: func(r transitionRow) field { return integer(int64(r.t.Looks)) }},
	{name: "size_lo", unit: "tokens", ours: "working set of the last point before, as asked", get: func(r transitionRow) field { return positive(r.t.LoSize) }},
	{name: "size_hi", unit: "tokens", ours: "working set of the first point after, as asked", get: func(r transitionRow) field { return positive(r.t.HiSize) }},
	{name: "notes", ours: "remarks, joined by ;", get: func(r transitionRow) field { return text(strings.Join(r.t.Notes, "; ")) }},
}

func aboveZero(v float64) field {
	if v <= 0 {
		return field{}
	}
	return number(v)
}

// costOf is empty where a TTFT on one side is not known: no data is no cost of 0.
func costOf(t *tier.Transition) field {
	if t.Before <= 0 || t.After <= 0 {
		return field{}
	}
	return number(t.MsPer1kToken)
}

func transitionRows(sum *result.Summary) func(yield func(transitionRow) bool) {
	return func(yield func(transitionRow) bool) {
		for _, s := range sum.Series {
			for i := range s.Transitions {
				if !yield(transitionRow{s, &s.Transitions[i], s.LevelOf(i)}) {
					return
				}
			}
		}
	}
}

func pointRows(sum *result.Summary) func(yield func(pointRow) bool) {
	row := pointRow{run: sum.Run}
	if sum.Probe != nil {
		row.model = sum.Probe.Model
	}
	return func(yield func(pointRow) bool) {
		for _, p := range sum.Points {
			row.p = p
			if !yield(row) {
				return
			}
		}
	}
}

// Brief prints the summary as key: value lines for scripts: a block for the run,
// one for each point and trial, one for each transition, capacity and threshold, with an
// empty line between. Every key is always there; no data is an empty value. The
// keys of a point are the columns of the summary CSV.
func Brief(w io.Writer, sum *result.Summary, found []verdict.Finding) error {
	ew := &errWriter{w: w}
	for _, kv := range runKeys(sum) {
		fmt.Fprintf(ew, "%s: %s\n", kv.key, kv.f.append(nil))
	}
	for _, n := range sum.Notes {
		fmt.Fprintf(ew, "note: %s: %s\n", n.Code, term.Clean(n.Text))
	}
	for row := range pointRows(sum) {
		briefBlock(ew, "point", pointColumns, row)
	}
	for row := range transitionRows(sum) {
		briefBlock(ew, "transition", transitionColumns, row)
	}
	for _, s := range sum.Series {
		if s.None != "" {
			fmt.Fprintf(ew, "\nblock: no-transition\ncontext_size: %d\ncache_hit_rate: %s\nconcurrency: %s\ntrial: %d\nreason: %s\n", s.Context, number(s.HitRate).append(nil), positive(int64(s.Level)).append(nil), s.Trial, term.Clean(s.None))
		}
	}
	for row := range capacityRows(sum) {
		briefBlock(ew, "capacity", capacityColumns, row)
	}
	for row := range eachMap(sum) {
		briefBlock(ew, "map", mapKeys, row)
	}
	for _, f := range found {
		fmt.Fprintf(ew, "\nblock: threshold\nexpect: %s\nwhere: %s\noutcome: %s\njudged: %d\ndoubtful: %d\nagainst: %s\n", term.Clean(f.Expect), term.Clean(f.Where), f.Outcome, f.Judged, f.Doubtful, against(f, len(f.Against)))
	}
	return ew.err
}

func briefBlock[T any](w io.Writer, name string, cols []column[T], row T) {
	fmt.Fprintf(w, "\nblock: %s\n", name)
	for _, c := range cols {
		fmt.Fprintf(w, "%s: %s\n", c.name, c.get(row).append(nil))
	}
}

type keyField struct {
	key string
	f   field
}

// labels are free text, so that only a form with quotes keeps one from looking like
// two. Its keys are sorted; no labels are no data.
func labels(r *result.Run) field {
	if r.Scenario == nil || len(r.Scenario.Labels) == 0 {
		return field{}
	}
	clean := map[string]string{}
	for k, v := range r.Scenario.Labels {
		clean[term.Clean(k)] = term.Clean(v)
	}
	b, err := json.Marshal(clean)
	if err != nil {
		return field{} // cannot be: a map of strings can always be marshalled
	}
	return field{kind: fieldJSON, s: string(b)}
}

// runKeys is what is known of the run as a whole.
func runKeys(sum *result.Summary) []keyField {
	r := sum.Run
	keys := []keyField{
		{"run_id", text(r.ID)}, {"stamp", text(r.Stamp)}, {"started", text(r.Epoch.UTC().Format(time.RFC3339Nano))},
		{"wsrun_version", text(r.Version)}, {"scenario", field{}}, {"scenario_digest", text(r.Digest)},
		{"engine", field{}}, {"engine_version", field{}}, {"model", field{}}, {"host", text(r.Host.Name)}, {"labels", labels(r)},
	}
	set := func(key string, f field) {
		for i := range keys {
			if keys[i].key == key {
				keys[i].f = f
			}
		}
	}
	if r.Scenario != nil {
		set("scenario", text(r.Scenario.Name))
	}
	if p := sum.Probe; p != nil {
		set("engine", text(p.Engine))
		set("engine_version", text(p.Version))
		set("model", text(p.Model))
	}
	return keys
}

// JSON prints the summary as one object. Keys are stable and always there; no data
// is null; a metric that is only a lower bound is named in lower_bounds beside it.
func JSON(w io.Writer, sum *result.Summary, found []verdict.Finding) error {
	b := []byte(`{"schema":1,"run":`)
	b = appendKeys(b, runKeys(sum))
	b = append(b, `,"notes":[`...)
	for i, n := range sum.Notes {
		b = appendKeys(comma(b, i), []keyField{{"code", text(n.Code)}, {"text", text(n.Text)}, {"fail", boolean(n.Fail)}})
	}
	b = append(b, `],"points":[`...)
	b = appendRows(b, pointColumns, pointRows(sum))
	b = append(b, "],"...)
	b = append(b, transitionsJSON(sum)...)
	b = append(append(b, ','), capacitiesJSON(sum)...)
	b = append(append(b, ','), mapsJSON(sum)...)
	b = append(b, `,"thresholds":[`...)
	for i, f := range found {
		b = appendKeys(comma(b, i), []keyField{{"expect", text(f.Expect)}, {"where", text(f.Where)}, {"outcome", text(f.Outcome.String())}, {"judged", integer(int64(f.Judged))}, {"doubtful", integer(int64(f.Doubtful))}, {"against", text(against(f, len(f.Against)))}})
	}
	b = append(b, "]}\n"...)
	_, err := w.Write(b)
	return err
}

// transitionsJSON gives the members "transitions" and "no_transition".
func transitionsJSON(sum *result.Summary) []byte {
	b := appendRows([]byte(`"transitions":[`), transitionColumns, transitionRows(sum))
	b = append(b, `],"no_transition":[`...)
	n := 0
	for _, s := range sum.Series {
		if s.None != "" {
			b = appendKeys(comma(b, n), []keyField{{"context_size", integer(s.Context)}, {"cache_hit_rate", number(s.HitRate)}, {"concurrency", positive(int64(s.Level))}, {"trial", integer(int64(s.Trial))}, {"reason", text(s.None)}})
			n++
		}
	}
	return append(b, ']')
}

func comma(b []byte, i int) []byte {
	if i == 0 {
		return append(b, '\n')
	}
	return append(b, ",\n"...)
}

func appendKeys(b []byte, keys []keyField) []byte {
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k.key), ':')
		b = k.f.appendJSON(b)
	}
	return append(b, '}')
}

func appendRows[T any](b []byte, cols []column[T], rows func(func(T) bool)) []byte {
	n := 0
	for row := range rows {
		b = append(comma(b, n), '{')
		n++
		var bounds []string
		for _, c := range cols {
			f := c.get(row)
			b = append(appendString(b, c.name), ':')
			b = append(f.appendJSON(b), ',')
			if f.kind == fieldBound {
				bounds = append(bounds, c.name)
			}
		}
		b = append(b, `"lower_bounds":[`...)
		for i, name := range bounds {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, name)
		}
		b = append(b, "]}"...)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	q, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // cannot be: every string can be marshalled
	}
	return append(b, q...)
}

// Verdicts prints each threshold's outcome, and what crossed it.
func Verdicts(w io.Writer, found []verdict.Finding, opt Options) {
	for _, f := range found {
		word := f.Outcome.String()
		line := f.Expect
		if f.Where != "" {
			line += " where " + f.Where
		}
		line += fmt.Sprintf(" (%d judged", f.Judged)
		if f.Doubtful > 0 {
			line += fmt.Sprintf(", %d of them doubtful", f.Doubtful)
		}
		line += ")"
		if a := against(f, maxTexts); a != "" {
			line += ": " + a
		}
		painted := map[verdict.Outcome]func(term.Paint, string) string{verdict.Pass: term.Paint.Green, verdict.Fail: term.Paint.Red, verdict.NoVerdict: term.Paint.Yellow}[f.Outcome]
		out := term.Wrap("threshold  "+word+"  "+term.Clean(line), strings.Repeat(" ", 11), opt.Width)
		fmt.Fprintln(w, strings.Replace(out, word, painted(opt.Paint, word), 1))
	}
}

// against names the points that did not pass, most of them at most.
func against(f verdict.Finding, most int) string {
	var parts []string
	if f.Reason != "" {
		parts = append(parts, f.Reason)
	}
	for i, p := range f.Against {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(f.Against)-most))
			break
		}
		s := p.Name
		for _, v := range p.Values {
			if v.Value.Known() {
				s += " " + v.Name + " " + metric.Print(v.Unit, v.Value)
			}
		}
		if p.Why != "" {
			s += " " + p.Why
		}
		parts = append(parts, s)
	}
	return term.Clean(strings.Join(parts, "; "))
}
