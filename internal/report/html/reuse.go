package html

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

// How many requests a page draws at most: more are not told apart, and their table would
// be most of the page. In a file that has all pages they are fewer.
const (
	mostRequests       = 1500
	mostRequestsSingle = 200
)

// request is one request of a point as a row.
type request struct {
	*sample.Request
	level, trial int
	size         int64 // working set as asked
}

// scattered reports whether requests of one point differ in their reuse distance.
func (r *Run) scattered() bool {
	sc := r.Rec.Run.Scenario
	return sc != nil && sc.Access != "cyclic" && sc.Access != "" && sc.Mode != "map"
}

// requestsOf gives requests of points with their reuse distance: those whose first token
// fell into the point's window. Of more than most it gives an even sample of each point,
// in the order of sending, always the same. all is how many there are.
func (r *Run) requestsOf(points []*result.Point, most int) (out []request, all int) {
	units := map[result.Unit]*result.UnitRecord{}
	for _, u := range r.Rec.Units {
		units[u.Unit] = u
	}
	var by [][]request
	for _, p := range points {
		u := units[p.Unit]
		if u == nil || !p.Measured() {
			continue
		}
		var mine []request
		for _, q := range u.Requests {
			if q.Phase == sample.PhaseLoad && q.Class == sample.OK && q.ReuseDistance > 0 && q.FirstToken >= p.Start && q.FirstToken < p.End {
				mine = append(mine, request{q, p.Level, p.Trial, p.Spec.WorkingSet})
			}
		}
		slices.SortFunc(mine, func(a, b request) int { return int(a.ID - b.ID) })
		by, all = append(by, mine), all+len(mine)
	}
	for _, mine := range by {
		keep := len(mine)
		if all > most {
			keep = min(keep, max(1, most/len(by)))
		}
		for i := range keep {
			out = append(out, mine[i*len(mine)/keep])
		}
	}
	return out, all
}

// drawReuse adds the chart of TTFT against each request's own reuse distance, and its
// table, where requests differ in that. by tells points apart: concurrency or working_set.
func (r *Run) drawReuse(p *Page, merged []*result.Merged, by string) {
	if !r.scattered() {
		return
	}
	var points []*result.Point
	for _, m := range merged {
		points = append(points, m.Points...)
	}
	most := mostRequests
	if r.single {
		most = mostRequestsSingle
	}
	rows, all := r.requestsOf(points, most)
	if len(rows) == 0 {
		p.Notes = append(p.Notes, "No TTFT against reuse distance: no request of a measured window was a second use of its prompt.")
		return
	}
	if len(rows) < all {
		p.Notes = append(p.Notes, fmt.Sprintf("TTFT against reuse distance shows %d of %d requests: an even sample of each point, in the order of sending.", len(rows), all))
	}
	bind := Bind{Kind: Lines, Table: "requests", X: "reuse_distance", By: by, Loose: true, Unit: []string{"s"}, Y: []Y{{Key: "ttft", Name: "TTFT"}}, Marks: []string{"transitions", "capacities"}}
	if slices.ContainsFunc(p.View.Controls, func(c Control) bool { return c.ID == "trial" }) && r.sustained() {
		bind.Where = []string{"trial"} // in fixed mode it chooses the median as well, which no request is of
	}
	p.View.Charts = append(p.View.Charts, Chart{ID: "ttft_reuse", Title: "TTFT against reuse distance of each request",
		Text: "Each point is a request: what it cost against the tokens sent since its prompt's last use. A step up is the edge of a tier.", Tall: true, Option: option(bind, axis("TTFT", requestScale(rows))), Bind: bind})
	p.Tables = append(p.Tables, requestsTable(rows, all, by))
	spec := merged[0].Spec
	keep := func(k result.SeriesKey) bool { return k.Context == spec.Context && k.HitRate == spec.HitRate }
	p.Tables = append(p.Tables, r.tierTables(keep)...)
}

// requestScale is the type of an axis that tells the tiers apart.
func requestScale(rows []request) string {
	least, most := rows[0].TTFT(), rows[0].TTFT()
	for _, q := range rows {
		least, most = min(least, q.TTFT()), max(most, q.TTFT())
	}
	if most > 10*least {
		return "log"
	}
	return "value"
}

// requestsTable is the data of the chart.
func requestsTable(rows []request, all int, by string) Table {
	number := func(key, head, unit, title string, of func(request) metric.Value) Column {
		return Column{Key: key, Head: head, Unit: unit, Title: title, Cell: func(b []byte, i int) []byte { return AppendValue(b, of(rows[i])) }}
	}
	caption := "Requests with their reuse distance"
	if len(rows) < all {
		caption += ": " + strconv.Itoa(len(rows)) + " of " + strconv.Itoa(all) + ", an even sample in the order of sending"
	}
	t := Table{ID: "requests", Caption: caption, Rows: len(rows), Sortable: true, Columns: []Column{
		number("working_set", "Working set", "tokens", "as asked", func(q request) metric.Value { return metric.Of(float64(q.size)) }),
		number("concurrency", "Concurrency", "", "level", func(q request) metric.Value { return metric.Of(float64(q.level)) }),
		number("trial", "Trial", "", "number of the trial", func(q request) metric.Value { return metric.Of(float64(q.trial)) }),
		number("reuse_distance", "Reuse distance", "tokens", "tokens sent since the prompt's last use", func(q request) metric.Value { return metric.Of(float64(q.ReuseDistance)) }),
		number("ttft", "TTFT", "s", "time to first token", func(q request) metric.Value { return metric.Of(float64(q.TTFT()) / 1e9) }),
		number("hit_rate_observed", "Found", "%", "prompt tokens told cached / prompt tokens", func(q request) metric.Value {
			if q.CachedTokens == sample.Unknown || q.Input() <= 0 {
				return metric.Value{}
			}
			return metric.Of(100 * float64(q.CachedTokens) / float64(q.Input()))
		}),
	}}
	same := func(f func(request) int64) bool {
		return !slices.ContainsFunc(rows, func(q request) bool { return f(q) != f(rows[0]) })
	}
	t.Columns = slices.DeleteFunc(t.Columns, func(c Column) bool {
		return c.Key == "working_set" && by != c.Key || c.Key == "trial" && same(func(q request) int64 { return int64(q.trial) }) ||
			c.Key == "hit_rate_observed" && same(func(q request) int64 { return q.CachedTokens }) && rows[0].CachedTokens == sample.Unknown
	})
	return t
}
