package html

import (
	"maps"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// pointRow is one row of a table of points: a cell at one level (sustained: at one size),
// over its trials or in one of them.
type pointRow struct {
	spec     scenario.Cell
	level    int        // sustained: held, or the last one tried; 0: never measured
	trial    int        // 0: the median over the trials
	values   metric.Row // the metrics of the point, and what addValues makes of them
	validity result.Validity
	reasons  []result.Reason
	best     bool
	tier     *result.Tier        // map: what the row is of
	samples  int                 // first tokens in the window
	bins     func() []result.Bin // the distribution of TTFT: dear, and for one page only
}

// measured reports whether the row has figures.
func (p *pointRow) measured() bool {
	return p.validity != result.ValidSkipped && p.validity != result.ValidFailed
}

// sized reports whether the row has a place on the axis of working sets: at hit rate 0
// nothing is reused, and size has no meaning.
func (p *pointRow) sized() bool { return p.spec.HitRate > 0 }

// pointRows gives the rows of merged points, in their order: the median over the trials,
// then, where there are several, each trial.
func (r *Run) pointRows(merged []*result.Merged) []pointRow {
	var out []pointRow
	for _, m := range merged {
		intended := make([]metric.Value, len(m.Points))
		for i, p := range m.Points {
			intended[i] = p.Intended
		}
		row := pointRow{spec: m.Spec, level: m.Level, values: maps.Clone(m.Row), validity: m.Validity, reasons: m.Reasons, best: m.Best, tier: m.Tier, samples: m.Samples, bins: m.Bins}
		lo, hi := heldBy(m)
		out = append(out, r.addValues(row, result.MedianValue(intended), lo, hi))
		if len(m.Points) < 2 {
			continue
		}
		for _, p := range m.Points {
			row := pointRow{spec: p.Spec, level: p.Level, trial: p.Trial, values: maps.Clone(p.Row), validity: p.Validity, reasons: p.Reasons, best: p.Best, tier: p.Tier, samples: p.Samples, bins: p.Bins}
			lo, hi := p.Held()
			out = append(out, r.addValues(row, p.Intended, lo, hi))
		}
	}
	return out
}

// heldBy gives the levels between which the one that holds lies, over the trials.
func heldBy(m *result.Merged) (lo, hi int) {
	if m.Converged {
		return m.Level, m.Level
	}
	return m.Bracket[0], m.Bracket[1]
}

// addValues adds what a point tells beside its metrics: how it was sent, where its tokens
// came from, what it comes to on each GPU.
func (r *Run) addValues(p pointRow, intended metric.Value, lo, hi int) pointRow {
	v := p.values
	v.Set("trial", metric.Of(float64(p.trial)))
	if p.sized() {
		v.Set("working_set_real", metric.Of(float64(p.spec.Real)))
	}
	if p.best {
		v.Set("best", metric.Of(1))
	}
	if !p.measured() {
		return p
	}
	v.Set("hit_rate_intended", intended)
	v.Set("ttft_samples", metric.Of(float64(p.samples)))
	if len(p.spec.Steps) > 0 {
		setLevel(v, "concurrency_lo", lo)
		setLevel(v, "concurrency_hi", hi)
	}
	for _, s := range result.Sources(v) {
		v.Set("share."+s.Name, s.Share)
		v.Set("source."+s.Name, s.Rate)
		v.Set("bandwidth."+s.Name, s.Bandwidth)
	}
	if tpot := v.Get("tpot.p50"); tpot.State == metric.Exact && tpot.V > 0 {
		v.Set("output_rate.p50", metric.Of(1/tpot.V)) // the median of 1/x is 1 / the median of x
	}
	if gpus := float64(r.Rec.Run.Scenario.Target.GPUs); gpus > 0 {
		out := v.Get("output_throughput")
		out.V /= gpus
		v.Set("output_throughput_per_gpu", out)
	}
	return p
}

func setLevel(v metric.Row, key string, level int) {
	if level > 0 {
		v.Set(key, metric.Of(float64(level)))
	}
}

// parts gives the members of a family of columns of which any row has more than nothing:
// tiers, nearest first, then what no tier has (see result.Sources).
func parts(rows []pointRow, family string) (names []string) {
	all := metric.Row{} // of a row that tells every tier
	for i := range rows {
		for _, s := range result.Sources(rows[i].values) {
			if s.Name != result.SourceCached && s.Name != result.SourceComputed {
				all.Set("tier_share."+s.Name, metric.Of(1))
			}
		}
	}
	for _, s := range result.Sources(all) {
		if s.Name != result.SourceComputed {
			names = append(names, s.Name)
		}
	}
	if !slices.Contains(names, result.SourceCached) {
		names = append(names, result.SourceCached)
	}
	names = append(names, result.SourceComputed)
	return slices.DeleteFunc(names, func(name string) bool {
		return !slices.ContainsFunc(rows, func(p pointRow) bool { return p.values.Get(family+name).V > 0 })
	})
}

// known reports whether any measured row has the column.
func known(rows []pointRow, key string) bool {
	if key == "ttft_bins" {
		return slices.ContainsFunc(rows, func(p pointRow) bool { return p.measured() && p.samples > 0 })
	}
	return slices.ContainsFunc(rows, func(p pointRow) bool { return p.measured() && p.values.Get(key).Known() })
}

// pointsTable is the table of points: the columns of keys that any row has, in their
// order, then what says how far each row may be believed. keys are names of the
// catalogue, or of what addValues adds; the trial is a column where there are several.
func pointsTable(rows []pointRow, keys ...string) Table {
	t := Table{ID: "points", Caption: "All points", Rows: len(rows), Sortable: true}
	seen := map[string]bool{"": true}
	for _, key := range keys {
		has := func(p pointRow) bool { return p.values.Get(key).Known() && (key != "trial" || p.trial > 0) }
		if seen[key] || !slices.ContainsFunc(rows, has) {
			continue
		}
		seen[key] = true
		head, unit, title := describe(key)
		t.Columns = append(t.Columns, Column{Key: key, Head: head, Unit: unit, Title: title,
			Cell: func(b []byte, i int) []byte { return AppendValue(b, rows[i].values.Get(key)) }})
	}
	if slices.Contains(keys, "ttft_bins") && known(rows, "ttft_bins") {
		head, _, title := describe("ttft_bins")
		t.Columns = append(t.Columns, Column{Key: "ttft_bins", Head: head, Title: title, Text: true,
			Cell: func(b []byte, i int) []byte {
				if rows[i].samples == 0 {
					return b
				}
				return appendBins(b, rows[i].bins())
			}})
	}
	return withVerdicts(t, rows)
}

// withVerdicts adds the columns that say how far each row may be believed, and why.
func withVerdicts(t Table, rows []pointRow) Table {
	text := func(key string, cell func(*pointRow) string) {
		head, _, title := describe(key)
		t.Columns = append(t.Columns, Column{Key: key, Head: head, Title: title, Text: true, Cell: func(b []byte, i int) []byte { return Text(b, cell(&rows[i])) }})
	}
	text("validity", func(p *pointRow) string { return string(p.validity) })
	text("reasons", func(p *pointRow) string { return reasonText(p.reasons) })
	return t
}

func reasonText(reasons []result.Reason) string {
	parts := make([]string, len(reasons))
	for i, why := range reasons {
		parts[i] = why.Code + ": " + why.Text
	}
	return strings.Join(parts, "; ")
}

// appendBins appends a distribution of TTFT: for each bin of a tenth of a decade that is
// not empty its lower border in seconds and its share in percent, as 0.126:87.5.
func appendBins(b []byte, bins []result.Bin) []byte {
	for i, bin := range bins {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(appendDigits(b, bin.From, 3), ':')
		b = appendDigits(b, bin.Share, 3)
	}
	return b
}
