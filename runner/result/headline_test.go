package result

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

func ptr[T any](v T) *T { return &v }

// headlined is a summary of two series: one with two trials that found one edge, and of
// which one found a second, and one with nothing.
func headlined() *Summary {
	cell := scenario.Cell{Key: "a", Context: 1000, HitRate: 90, WorkingSet: 5000}
	point := func(v Validity, ttft, output metric.Value) *Point {
		return &Point{Validity: v, Row: metric.Row{"ttft.p95": ttft, "output_throughput": output}}
	}
	of := metric.Of
	first := tier.Transition{Lo: 100, Hi: 200, From: "hbm", To: "dram", Before: 1, After: 2, Notes: []string{"one point only"}}
	again := tier.Transition{Lo: 90, Hi: 150, From: "tier 1", To: "dram"}
	second := tier.Transition{Lo: 400, Hi: 500, From: "dram", To: "recompute"}
	near := SeriesKey{Context: 1000, HitRate: 90, Level: 4}
	return &Summary{
		Points: []*Point{
			point(ValidOK, of(1), of(100)), point(ValidDoubt, of(4), of(400)), point(ValidOK, metric.Lower(2), of(0)), point(ValidInvalid, of(1e6), of(1e6)),
			{Validity: ValidSkipped}, {Validity: ValidSkipped}, {Validity: ValidFailed},
		},
		Merged: []*Merged{
			{Validity: ValidOK, Spec: cell, Level: 4, Row: metric.Row{"output_throughput": of(100)}},
			{Validity: ValidDoubt, Spec: cell, Level: 8, Row: metric.Row{"output_throughput": of(400), "goodput": metric.Lower(3)}},
			{Validity: ValidOK, Spec: scenario.Cell{Key: "later"}, Level: 9, Row: metric.Row{"output_throughput": of(400)}},
			{Validity: ValidInvalid, Row: metric.Row{"output_throughput": of(1e6), "goodput": of(1e6)}},
		},
		Series: []*Series{
			{SeriesKey: near, Trial: 1, Series: tier.Series{Transitions: []tier.Transition{first}}},
			{SeriesKey: near, Trial: 2, Series: tier.Series{Transitions: []tier.Transition{again, second}}},
			{SeriesKey: near, Trial: 3, Series: tier.Series{None: "too few"}},
			{SeriesKey: SeriesKey{Context: 2000, HitRate: 90, Level: 4}, Trial: 1, Series: tier.Series{None: "no transition"}},
		},
		Notes: []RunNote{{Code: "x", Text: "fitted"}},
	}
}

func TestHeadline(t *testing.T) {
	got := HeadlineOf(headlined())
	want := &Headline{
		Points: PointCounts{OK: 2, Doubtful: 1, Invalid: 1, Skipped: 2, Failed: 1},
		Edges: []Edge{
			{Context: 1000, HitRate: 90, Level: 4, Number: 1, From: "hbm", To: "dram", Lo: 90, Hi: 200, Found: 2, Trials: 3, Text: "hbm -> dram between 100 and 200 tokens, TTFT x2.00; one point only"},
			{Context: 1000, HitRate: 90, Level: 4, Number: 2, From: "dram", To: "recompute", Lo: 400, Hi: 500, Found: 1, Trials: 3, Text: "dram -> recompute between 400 and 500 tokens"},
		},
		TTFTp95:          GeoMean{Value: ptr(2.0), AtLeast: true, Points: 3},
		OutputThroughput: GeoMean{Value: ptr(200.0), Points: 2},
		BestOutput:       &Best{Value: 400, Cell: "a", Context: 1000, HitRate: 90, WorkingSet: 5000, Level: 8},
		BestGoodput:      &Best{Value: 3, AtLeast: true, Cell: "a", Context: 1000, HitRate: 90, WorkingSet: 5000, Level: 8},
	}
	if diff := cmp.Diff(want, got, closeTo(1e-9)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Where nothing was found the first series says why; where nothing was measured figures
// are null, and it is no number that is told.
func TestHeadlineOfLittle(t *testing.T) {
	s := headlined()
	s.Series = s.Series[3:]
	if h := HeadlineOf(s); len(h.Edges) != 0 || h.None != "no transition" {
		t.Errorf("%v, %q", h.Edges, h.None)
	}
	s = &Summary{Points: []*Point{{Validity: ValidInvalid, Row: metric.Row{"ttft.p95": metric.Of(1)}}, {Validity: ValidOK, Row: metric.Row{"ttft.p95": metric.Lower(math.Inf(1))}}}}
	b, err := json.Marshal(HeadlineOf(s))
	want := `{"points":{"ok":1,"doubtful":0,"invalid":1,"skipped":0,"failed":0},"thresholds":{"pass":0,"fail":0,"no_verdict":0},"exit":null,"edges":[],` +
		`"ttft_p95":{"value":null,"at_least":true,"points":1},"output_throughput":{"value":null,"points":0},"best_output":null,"best_goodput":null}`
	if err != nil || string(b) != want {
		t.Errorf("%v\n%s\n%s", err, b, want)
	}
}

// A sustained edge is at the level at which TTFT was compared, and the same record gives
// the same manifest to the byte.
func TestHeadlineOfARecord(t *testing.T) {
	g := newGrower(10, 20, 40)
	g.ttft = func(step, _ int) float64 { return []float64{0.1, 0.5, 0.5}[step] }
	g.cached = func(step int) int64 { return []int64{900, 0, 0}[step] }
	var texts [][]byte
	for range 3 {
		rec := g.record(g.unit(1))
		m := ManifestOf(rec, StateDone)
		m.Conclude(Summarise(rec))
		h := m.Headline
		if len(h.Edges) != 1 || h.Edges[0].Level != 4 || h.Edges[0].Lo != 10*1020 || h.Edges[0].Hi != 20*1020 || h.Edges[0].To != "recompute" {
			t.Fatalf("%+v", h.Edges)
		}
		if h.TTFTp95.Points != 3 || h.BestGoodput == nil || h.Points.OK != 3 {
			t.Errorf("%+v", h)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, b)
	}
	if !bytes.Equal(texts[0], texts[1]) || !bytes.Equal(texts[0], texts[2]) {
		t.Error("the same record gave other bytes")
	}
}

func TestConclude(t *testing.T) {
	m := Manifest{Notes: []string{"old"}}
	s := headlined()
	m.Conclude(s)
	if len(m.Notes) != 1 || m.Notes[0] != "fitted" || m.Headline == nil {
		t.Errorf("%+v", m)
	}
	s.Notes = nil
	if m.Conclude(s); m.Notes == nil {
		t.Error("no notes are a list without any, not null")
	}
}
