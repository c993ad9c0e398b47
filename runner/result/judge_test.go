package result

import (
	"testing"

	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

func TestJudge(t *testing.T) {
	ttft := func(stat string, limit float64) scenario.SLO {
		return scenario.SLO{TTFT: []scenario.Line{{Stat: stat, Limit: limit}}}
	}
	rate := func(limit float64) scenario.SLO {
		return scenario.SLO{OutputRate: []scenario.Line{{Stat: "avg", Limit: limit}}}
	}
	both := scenario.SLO{TTFT: []scenario.Line{{Stat: "p95", Limit: 300}, {Stat: "max", Limit: 1}}, OutputRate: rate(20.5).OutputRate}
	for _, c := range []struct {
		slo    scenario.SLO
		row    metric.Row
		missed scenario.Tri
		text   string
	}{
		{scenario.SLO{}, nil, scenario.False, ""},
		{ttft("p95", 1.5), metric.Row{"ttft.p95": metric.Of(1.6)}, scenario.True, "ttft.p95 > 1.5s"},
		{ttft("p95", 1.5), metric.Row{"ttft.p95": metric.Of(1.5)}, scenario.False, ""},
		{ttft("p95", .25), nil, scenario.Unknown, "no data for ttft.p95 > 250ms"},
		{ttft("max", 120), metric.Row{"ttft.max": metric.Lower(121)}, scenario.True, "ttft.max > 2m"},
		{ttft("max", 120), metric.Row{"ttft.max": metric.Lower(119)}, scenario.Unknown, "no data for ttft.max > 2m"},
		{rate(20), metric.Row{"output_rate.avg": metric.Of(19)}, scenario.True, "output_rate.avg < 20"},
		{rate(20), metric.Row{"output_rate.avg": metric.Of(20)}, scenario.False, ""},
		{rate(20), metric.Row{"output_rate.avg": metric.Lower(25)}, scenario.False, ""},
		{rate(20), metric.Row{"output_rate.avg": metric.Lower(15)}, scenario.Unknown, "no data for output_rate.avg < 20"},
		{both, metric.Row{"ttft.p95": metric.Of(1), "output_rate.avg": metric.Of(20)}, scenario.True, "output_rate.avg < 20.5"}, // missed beats unknown
		{both, metric.Row{"ttft.p95": metric.Of(1), "output_rate.avg": metric.Of(21)}, scenario.Unknown, "no data for ttft.max > 1s"},
		{both, metric.Row{"ttft.p95": metric.Of(301), "ttft.max": metric.Of(301), "output_rate.avg": metric.Of(21)}, scenario.True, "ttft.p95 > 5m"},
		{ttft("p50", 3600), metric.Row{"ttft.p50": metric.Of(1e4)}, scenario.True, "ttft.p50 > 1h"},
	} {
		j := Judge(c.slo, c.row)
		if j.Missed != c.missed || j.Text != c.text || j.Held() != (c.missed == scenario.False) {
			t.Errorf("%+v against %v: %+v, want %v %q", c.slo, c.row, j, c.missed, c.text)
		}
	}
}

func TestScope(t *testing.T) {
	s := Scope{
		Bare: metric.Row{"ttft.p95": metric.Of(1), "server.kv_usage": metric.Of(50)}, Total: metric.Row{"ttft.p95": metric.Of(2)},
		Prev: metric.Row{"ttft.p95": metric.Of(3)}, Best: metric.Row{"goodput": metric.Of(4)},
	}
	for name, want := range map[string]metric.Value{
		"ttft.p95": metric.Of(1), "total.ttft.p95": metric.Of(2), "prev.ttft.p95": metric.Of(3), "best.goodput": metric.Of(4),
		"server.kv_usage": metric.Of(50), "best.ttft.p95": {}, "total.goodput": {}, "goodput": {},
	} {
		if got := s.Get(name); got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	if got := (Scope{}).Get("prev.ttft.p95"); got.Known() {
		t.Errorf("no period before: %v", got)
	}
}

func TestBetter(t *testing.T) {
	good := func(g, o float64) metric.Row {
		return metric.Row{"goodput": metric.Of(g), "output_throughput": metric.Of(o)}
	}
	out := func(o float64) metric.Row { return metric.Row{"output_throughput": metric.Of(o)} }
	for _, c := range []struct {
		a, b metric.Row
		want bool
	}{
		{good(2, 1), good(1, 9), true}, {good(1, 9), good(2, 1), false}, {good(2, 1), good(2, 1), false},
		{out(2), out(1), true}, {out(1), out(2), false}, {out(1), good(0, 0), false}, {good(0, 0), nil, true}, {metric.Row{}, nil, true}, {metric.Row{}, metric.Row{}, false},
	} {
		if got := Better(c.a, c.b); got != c.want {
			t.Errorf("Better(%v, %v) = %v", c.a, c.b, got)
		}
	}
}

func TestSetAxes(t *testing.T) {
	row := metric.Row{}
	SetAxes(row, scenario.Cell{Context: 8000, HitRate: 50, WorkingSet: 100000, ReuseDistance: 103000}, 4)
	for name, v := range map[string]float64{"context": 8000, "hit_rate": 50, "working_set": 100000, "reuse_distance": 103000, "concurrency": 4} {
		want(t, row, name, metric.Of(v))
	}
	row = metric.Row{}
	SetAxes(row, scenario.Cell{Context: 8000}, 4)
	want(t, row, "hit_rate", metric.Of(0))
	want(t, row, "working_set", metric.Value{})
	want(t, row, "reuse_distance", metric.Value{})
}
