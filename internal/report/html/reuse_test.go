package html

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// scatteredWorld is a fixed run whose requests have reuse distances of their own; a tier
// ends at 50k.
func scatteredWorld(trials int) *world {
	w := newWorld([]int64{4000}, []float64{100}, 100_000)
	w.rec.Run.Scenario.Access = "uniform"
	w.measure(trials)
	for _, u := range w.rec.Units {
		for i, q := range u.Requests {
			q.ReuseDistance = int64(1 + i*7919%100_000)
			if q.ReuseDistance > 50_000 {
				for _, at := range []*int64{&q.FirstToken, &q.FirstContent, &q.FirstEvent} {
					*at += second / 4
				}
			}
		}
	}
	return w
}

// Where access is not cyclic the page of a cell draws each request at its own distance.
func TestRequestsAtTheirOwnDistance(t *testing.T) {
	for _, trials := range []int{1, 2} {
		r := scatteredWorld(trials).run()
		p := r.fixedPages()[0].filled()
		checkPage(t, bytesOf(t, p))
		table := tableOf(p, "requests")
		rows, all := r.requestsOf(r.Sum.Points, mostRequests)
		if table == nil || table.Rows != len(rows) || all < 200 || columnOf(table, "working_set") != nil || (columnOf(table, "trial") != nil) != (trials > 1) {
			t.Fatalf("%d trials: table %+v of %d rows, %d requests", trials, table, len(rows), all)
		}
		_, n := drawnAll(t, p, chartOf(t, p, "ttft_reuse"))
		if n["4"]+n["8"] != len(rows) || n["4"] == 0 || n["8"] == 0 {
			t.Errorf("%d trials: points %v of %d rows", trials, n, len(rows))
		}
	}
	cyclic := newWorld([]int64{4000}, []float64{100}, 100_000).measure(1).run().fixedPages()[0].filled()
	if slices.Contains(chartIDs(cyclic), "ttft_reuse") || tableOf(cyclic, "requests") != nil {
		t.Error("cyclic access has one distance: there is nothing to draw")
	}
}

// What is too much for a page is sampled: evenly over the points and over time, always the
// same requests, and the page says so.
func TestRequestsAreSampled(t *testing.T) {
	r := scatteredWorld(1).run()
	rows, all := r.requestsOf(r.Sum.Points, 40)
	again, _ := r.requestsOf(r.Sum.Points, 40)
	if len(rows) != 40 || all <= 40 {
		t.Fatalf("%d of %d requests, want 40", len(rows), all)
	}
	by := map[int]int{}
	for i, q := range rows {
		by[q.level]++
		if q.ID != again[i].ID {
			t.Fatal("a second sample has other requests")
		}
	}
	if by[4] != 20 || by[8] != 20 {
		t.Errorf("rows by level: %v", by)
	}
	first, last := rows[0], rows[19]
	if span := float64(last.Started - first.Started); span < 0.8*60e9 {
		t.Errorf("the sample of a minute spans %g s", span/1e9)
	}
	r.single = true
	p := r.fixedPages()[0].filled()
	if n := tableOf(p, "requests").Rows; n > mostRequestsSingle || !strings.Contains(strings.Join(p.Notes, " "), "an even sample") {
		t.Errorf("%d requests in a single file; notes %q", n, p.Notes)
	}
}

// A sustained cell draws them by size, and a page stays within its limit.
func TestRequestsOfAGrowingSet(t *testing.T) {
	r := soakRun{periods: 96, slow: 1}.run()
	r.Rec.Run.Scenario.Access = "uniform"
	for _, u := range r.Rec.Units {
		for i, q := range u.Requests {
			q.ReuseDistance = int64(1 + i*7919%400_000)
		}
	}
	p := r.sustainedPages()[0].filled()
	table := tableOf(p, "requests")
	if table == nil || table.Rows > mostRequests || table.Rows < 100 {
		t.Fatalf("table of requests: %+v", table)
	}
	_, n := drawnAll(t, p, chartOf(t, p, "ttft_reuse"))
	all := 0
	for _, k := range n {
		all += k
	}
	if all != table.Rows || len(n) < 2 {
		t.Errorf("points %v of %d rows", n, table.Rows)
	}
	text := bytesOf(t, p)
	if most := 150_000; len(text) > most {
		t.Errorf("the page has %d bytes, at most %d", len(text), most)
	}
	if at := bytes.Index(text, []byte(`data-table="requests"`)); at < 0 {
		t.Error("there is no table of requests")
	}
}
