package runner

import (
	"context"
	"slices"

	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// refine bisects each bracket that trial 1 found, working_set.refine times, at all
// levels, and gives the cells with those it added among them, which later trials run.
func (r *run) refine(ctx context.Context, cells []scenario.Cell) ([]scenario.Cell, error) {
	for range r.sc.WorkingSet.Refine {
		added := r.bisect(cells)
		if len(added) == 0 || r.over != "" {
			break
		}
		cells = merge(cells, added)
		if err := r.cells(ctx, added, 1); err != nil {
			return nil, err
		}
	}
	return cells, nil
}

// bisect gives the cells in the middle of the brackets that are known so far, in the
// order of their series. Points come from Summarise, so that what is refined is what a
// report would show.
func (r *run) bisect(cells []scenario.Cell) []scenario.Cell {
	r.mu.Lock()
	rec := &result.Record{Run: r.opening(), Probe: &result.Probe{Probe: r.probe}, Units: firstTrial(r.units, cells), Scrapes: slices.Clone(r.scrapes)}
	r.mu.Unlock()
	found := map[series][]tier.Series{}
	var order []series
	for _, s := range result.Summarise(rec).Series {
		k := series{s.Context, s.HitRate}
		if len(found[k]) == 0 {
			order = append(order, k)
		}
		found[k] = append(found[k], s.Series)
	}
	var added []scenario.Cell
	for _, k := range order {
		if _, ended := r.ended[sweep{k, 1}]; ended {
			continue
		}
		at := slices.IndexFunc(cells, func(c scenario.Cell) bool { return seriesOf(c) == k })
		for _, size := range tier.RefineSizes(cells[at].R, found[k]...) {
			c := scenario.CellOf(r.sc, k.context, size, k.hitRate)
			c.Origin = "refined"
			if !slices.ContainsFunc(cells, func(o scenario.Cell) bool { return seriesOf(o) == k && o.Prompts == c.Prompts }) {
				added = append(added, c)
			}
		}
	}
	return added
}

// firstTrial gives the units of trial 1 that belong to the cells so far. A resumed run
// has those of later rounds and trials as well: left out, it takes each round as the
// run did that it goes on with, and keeps what that had measured.
func firstTrial(units []*result.UnitRecord, cells []scenario.Cell) []*result.UnitRecord {
	return slices.DeleteFunc(slices.Clone(units), func(u *result.UnitRecord) bool {
		_, known := cellOf(cells, u.Cell)
		return u.Trial != 1 || !known
	})
}

// merge puts each added cell before the next larger size of its series, so that later
// trials ascend; a plan in another order takes them at the end of the series.
func merge(cells, added []scenario.Cell) []scenario.Cell {
	out := slices.Clone(cells)
	for _, a := range added {
		at := slices.IndexFunc(out, func(c scenario.Cell) bool { return seriesOf(c) == seriesOf(a) && c.WorkingSet > a.WorkingSet })
		if at < 0 {
			at = len(out)
		}
		out = slices.Insert(out, at, a)
	}
	return out
}
