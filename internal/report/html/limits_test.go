package html

import (
	"slices"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Each metric that a condition compares with a number has a line; what is relative has none.
func TestCompared(t *testing.T) {
	run := &Run{Rec: &result.Record{Run: &result.Run{Scenario: &scenario.Scenario{}}}}
	type at struct {
		key   string
		value float64
	}
	for condition, want := range map[string][]at{
		"ttft.p95 > 150ms":          {{"ttft.p95", 0.15}},
		" total.ttft.p95 >= 1m30s ": {{"ttft.p95", 90}},
		"error_rate > 5%":           {{"error_rate", 5}},
		"input_throughput > 1.5k":   {{"input_throughput", 1500}},
		"goodput>0.5":               {{"goodput", 0.5}},
		"1s < ttft.p95":             {{"ttft.p95", 1}},
		"not (ttft.p95 <= 1s)":      {{"ttft.p95", 1}},
		"ttft.p95 > 1s and (error_rate > 5% or goodput < 2)": {{"ttft.p95", 1}, {"error_rate", 5}, {"goodput", 2}},
		"ttft.p95 > 2 * prev.ttft.p95":                       nil,
		"prev.ttft.p95 > 1s":                                 nil,
		"best.output_throughput > 1k":                        nil,
		"ttft.p95 == 1s":                                     nil,
		"ttft.p95 > 1parsec":                                 nil,
		"":                                                   nil,
	} {
		var got []at
		for _, l := range run.compared(condition, scenario.StopScope) {
			got = append(got, at{l.key, l.value})
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", condition, got, want)
		}
	}
}

// A threshold is drawn where it is about at least one of the rows.
func TestMeant(t *testing.T) {
	row := func(size float64, v result.Validity) pointRow {
		return pointRow{validity: v, values: metric.Row{"working_set": metric.Of(size), "hit_rate": metric.Of(100)}}
	}
	rows := []pointRow{row(100, result.ValidOK), row(900, result.ValidDoubt), row(5000, result.ValidSkipped)}
	for where, want := range map[string][2]bool{
		"": {true, true}, "working_set < 1000": {true, true}, "working_set < 500": {true, false}, "working_set > 1000": {false, false}, "hit_rate == 100": {true, true}, "nonsense >": {false, false}, "concurrency > 1": {false, false},
	} {
		if some, all := meant(where, rows); some != want[0] || all != want[1] {
			t.Errorf("%q: %v %v, want %v", where, some, all, want)
		}
	}
}

// Limits on other statistics of a metric are drawn beside those that a chart has, but not
// across a chart of one statistic.
func TestRefs(t *testing.T) {
	limits := []limit{{"ttft.p90", 1, "slo", false}, {"goodput_share", 95, "threshold", true}, {"tpot.p50", 2, "stop", false}}
	got := refs(limits, []Y{{Key: "ttft.p50"}, {Key: "ttft.p95"}, {Key: "goodput_share", Axis: 1}})
	want := []Ref{{Y: 1, Name: "slo p90"}, {Y: 95, Name: "threshold (some points)", Axis: 1}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, want %+v", got, want)
	}
	if one := refs(limits, []Y{{Key: "ttft.p95"}}); len(one) > 0 {
		t.Errorf("a limit on p90 across p95 alone: %+v", one)
	}
}
