package result

import (
	"fmt"
	"testing"

	"github.com/wsrun/wsrun/runner/sample"
)

// soak is the record of sustained cells of many periods of 10 s each: so many sizes, a
// level that changes after so many periods, and a scrape each second, of all units one
// after the other. The units share their requests, which differ in nothing that is
// measured.
func soak(cells, periods, perPeriod, events, sizes, same int) *Record {
	var prompts []int
	for i := range sizes {
		prompts = append(prompts, 100*(i+1))
	}
	g := newGrower(prompts...)
	u := &UnitRecord{Unit: Unit{g.cell().Key, 1}, Spec: g.cell(), Begin: at(1), State: CellDone}
	for i := range periods {
		step, level := i*len(g.sizes)/periods, 4+i/same%2
		p := &Period{Unit: u.Unit, Step: step, Level: level, Start: at(10 + periodSec*float64(i)), End: at(10 + periodSec*float64(i+1))}
		if n := len(u.Periods); n == 0 || u.Periods[n-1].Step != step || u.Periods[n-1].Level != level {
			u.Changes = append(u.Changes, &Change{Unit: u.Unit, At: p.Start, Step: step, Level: level})
		}
		u.Periods = append(u.Periods, p)
	}
	end := 10 + periodSec*float64(periods)
	s := synth{ttft: wobble(0.5), events: events, tokens: int64(events), told: true, gap: 0.02, sent: 1000, cached: 900}
	for i := range periods * perPeriod {
		r := s.request(10+periodSec*float64(i)/float64(perPeriod), i)
		r.Prompt = int32(i % 1000)
		u.Requests = append(u.Requests, r)
	}
	g.converged(u)
	u.End = at(end)
	rec := g.record()
	rec.Run.Cells = nil
	for i := range cells {
		c := *u
		c.Cell = fmt.Sprintf("%s_%d", u.Cell, i)
		c.Spec.Key = c.Cell
		rec.Run.Cells = append(rec.Run.Cells, c.Spec)
		rec.Units = append(rec.Units, &c)
	}
	values := map[string]float64{running: 4, waiting: 0, kvUsage: 50}
	for _, name := range []string{promptTokens, promptComputed, cachedPrefix + "local", cachedPrefix + "external", cachedPrefix + "hbm", cachedPrefix + "dram", "server.generation_tokens", "server.preemptions"} {
		values[name] = 1e9
	}
	for i := range cells * int(end) {
		rec.Scrapes = append(rec.Scrapes, &Scrape{sample.Scrape{At: at(float64(i)), Values: values}})
	}
	return rec
}

// A page has two seconds: the periods of the one cell that it shows, out of a record of
// 100, should cost well below a quarter of that.
func BenchmarkPeriodRows(b *testing.B) {
	for _, periods := range []int{100, 1000, 10_000} {
		rec := soak(100_000/periods, periods, 20, 50, 10, 10)
		b.Run(fmt.Sprintf("%d periods of 20 requests", periods), func(b *testing.B) {
			for b.Loop() {
				PeriodRows(rec, rec.Units[0])
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(periods), "us/period")
		})
	}
}

// What a whole sustained run costs to summarise, with few requests in a period: the level
// changes often, or never, and sizes stay as long as they do.
func BenchmarkSummariseSustained(b *testing.B) {
	for _, c := range []struct{ periods, sizes, same int }{{100, 10, 10}, {1000, 10, 10}, {1000, 10, 1000}, {1000, 2, 1000}, {1000, 50, 5}} {
		rec := soak(100, c.periods, 5, 5, c.sizes, c.same)
		b.Run(fmt.Sprintf("100 cells of %d periods, %d sizes, level for %d", c.periods, c.sizes, c.same), func(b *testing.B) {
			for b.Loop() {
				sum := Summarise(rec)
				if last := sum.Points[len(sum.Points)-1]; len(sum.Series) != 100 || !last.Usable() {
					b.Fatalf("%d series, %v", len(sum.Series), last.Reasons)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(100*c.periods), "us/period")
		})
	}
}
