package html

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestStackOfSources(t *testing.T) {
	c := Chart{Bind: Bind{Kind: Stack, Table: "points", X: "working_set", Unit: []string{"%"}, Where: []string{"rate"}, Marks: []string{"transitions"},
		Y: []Y{{Key: "share.hbm", Name: "hbm"}, {Key: "share.dram", Name: "dram"}, {Key: "share.disk", Name: "disk"}, {Key: "share.computed", Name: "computed"}}}}
	rate := Control{ID: "rate", Kind: "one", Key: "hit_rate", Default: []string{"99.5"}, Options: []Option{{Value: "50"}, {Value: "99.5"}}}
	d := try(t, c, choose(rate), grid("points", "working_set tokens|hit_rate %|share.hbm %|share.dram %|share.disk %|share.computed %|validity text|reasons text",
		"2000|99.5|10|80||10.01|doubtful|not-steady: x", "1000|99.5|90|0||10|ok|", "3000|99.5|||||failed|warm-up: 503", "4000|99.5|1|||99|invalid|errors: 9", "1000|50|1|2|3|4|ok|"),
		grid("transitions", "hit_rate %|from text|to text|size_lo tokens|size_hi tokens", "99.5|hbm|dram|1000|2000", "50|dram|recompute|2000|3000"))
	equal(t, "sizes, a doubtful one in brackets", d.Option.XAxis.Data, []string{"1k", "(2k)", "3k", "×4k"})
	var got []string
	for _, s := range d.of("bar", "") {
		text, _ := compact(s.Data)
		got = append(got, s.Name+" "+s.Stack+" "+text)
	}
	equal(t, "bars", got, []string{`hbm all [90,{"value":10,"itemStyle":{"color":"#0072b2","opacity":0.6}},null,{"value":1,"itemStyle":{"color":"#0072b2","opacity":0.3}}]`, `dram all [0,{"value":80,"itemStyle":{"color":"#d55e00","opacity":0.6}},null,{"value":null,"itemStyle":{"color":"#d55e00","opacity":0.3}}]`,
		`computed all [10,{"value":10.01,"itemStyle":{"color":"#4d2c7f","opacity":0.6}},null,{"value":99,"itemStyle":{"color":"#4d2c7f","opacity":0.3}}]`})
	equal(t, "not measured", d.of("scatter", "not measured")[0].points(t), "2,0")
	var y []struct{ Max float64 }
	if decode(t, d.Option.YAxis, &y); y[0].Max != 100 {
		t.Errorf("shares go up to %v", y[0].Max)
	}
	if got := strings.Join(d.texts(), "|"); !strings.Contains(got, "hbm → dram") || strings.Contains(got, "recompute") {
		t.Errorf("labels %s", got)
	}
	if tips := strings.Join(d.Tips, "\n"); !strings.Contains(tips, "failed: warm-up: 503") || !strings.Contains(tips, "doubtful: not-steady: x") {
		t.Errorf("tooltips %s", tips)
	}
}

func TestHeatOfBins(t *testing.T) {
	c := Chart{Bind: Bind{Kind: Heat, Table: "points", X: "working_set", Unit: []string{"s"}, Refs: []Ref{{Y: .3, Name: "slo p95"}, {Y: 100, Name: "slo max"}}, Y: []Y{{Key: "ttft_bins", Name: "share"}}}}
	d := try(t, c, scene{}, grid("points", "working_set tokens|ttft_bins text|validity text|reasons text", "2000|0.1:12.5 0.125893:87.5|doubtful|few: 3", "1000|0.0794328:100|ok|", "3000||skipped|slo", "4000|nonsense 1: :2 -1:3 0.1:x|ok|", "5000|0.1:100|invalid|errors: 9"))
	heat := d.of("custom", "")[0]
	equal(t, "cells: size, bin, share", heat.points(t), "0,0,100 1,1,12.5 1,2,87.5 4,1,100")
	equal(t, "sizes, a doubtful one in brackets", d.Option.XAxis.Data, []string{"1k", "(2k)", "3k", "4k", "×5k"})
	equal(t, "not measured", d.of("scatter", "not measured")[0].points(t), "2,0")
	var y struct{ Data []string }
	decode(t, d.Option.YAxis, &y)
	equal(t, "bins", y.Data[:4], []string{"79–100 ms", "100–130 ms", "130–160 ms", "160–200 ms"})
	equal(t, "the limit's bin is on the axis", d.across(), []string{"slo p95 300ms @5"})
	equal(t, "which is", y.Data[5], "250–320 ms")
	equal(t, "shade", []float64{d.Option.VisualMap.Min, d.Option.VisualMap.Max}, []float64{0, 100})
	if tips := strings.Join(d.Tips, "\n"); !strings.Contains(tips, "TTFT 100–130 ms: 12.5% of requests") || !strings.Contains(tips, "doubtful: few: 3") || !strings.Contains(tips, "3.00k tokens\n    skipped: slo") {
		t.Errorf("tooltips %s", tips)
	}
	if got := strings.Join(d.texts(), "|"); !strings.Contains(got, "slo max 100s ↑ above") {
		t.Errorf("labels %s", got)
	}
}

func TestMatrixOfContexts(t *testing.T) {
	c := Chart{Bind: Bind{Kind: Matrix, Table: "points", X: "working_set", By: "context", Unit: []string{"s"}, Y: []Y{{Key: "ttft.p95", Name: "TTFT p95", Lower: true}, {Key: "out", Name: "output"}}}}
	measure := Control{ID: "measure", Kind: "one", Default: []string{"ttft.p95"}, Options: []Option{{Value: "ttft.p95"}, {Value: "output", Key: "out"}}}
	points := grid("points", "working_set tokens|context tokens|ttft.p95 s|out tokens/s|validity text|reasons text", "1000|2000|0.1|500|ok|", "2000|2000|≥10|5|invalid|errors: 3 %", "1000|8000|1|50|doubtful|few", "|8000|7|7|ok|")
	d := try(t, c, choose(measure), points)
	equal(t, "cells: size, context, shade on a log scale", d.of("custom", "TTFT p95")[0].points(t), "0,0,0 0,1,0.5 1,0,1")
	equal(t, "ends", d.Option.VisualMap.Text, []string{"10.0s", "100ms"})
	s := choose(measure)
	s.State = map[string][]string{"measure": {"output"}}
	d = try(t, c, s, points)
	equal(t, "another measure", d.of("custom", "output")[0].points(t), "0,0,1 0,1,0.5 1,0,0")
	if low, high := try(t, c, choose(measure), points).Option.VisualMap.InRange.Color, d.Option.VisualMap.InRange.Color; low[0] != high[len(high)-1] {
		t.Errorf("the better end is not the same where lower is better: %q, %q", low, high)
	}
	if tips := strings.Join(d.Tips, "\n"); !strings.Contains(tips, "2.00k tokens") || !strings.Contains(tips, "500 tokens/s") || !strings.Contains(tips, "invalid: errors: 3 %") {
		t.Errorf("tooltips %s", tips)
	}
	if got := strings.Join(d.texts(), "|"); !strings.Contains(got, "TTFT p95") && !strings.Contains(got, "output") {
		t.Errorf("what the matrix shades is not named: %s", got)
	}
}

const periodsHead = "start min|end min|working_set tokens|concurrency|ttft.p50 s|ttft.p95 s|decision text|reason text|running|running.min|running.max|share.hbm %|share.computed %"

var periodRows = []string{
	"1|2|100000|4|0.1|0.2|ramp|to 8: 0.2 is far below|4|2|5|90|10", "2|3|100000|8|0.1|0.3|verify|holds|8|7|9|90|10", "3|4|100000|8||||||||||",
	"6|7|200000|8|0.2|0.4|hold|first|8|8|8|50|50", "7|8|200000|8|0.2|0.4|hold||8|8|8|50|50.0001",
}

func periodChart(ys ...Y) Chart {
	var looks []map[string]any
	for _, y := range ys {
		look := map[string]any{}
		if y.Step {
			look["step"] = "start"
		}
		looks = append(looks, look)
	}
	return Chart{Bind: Bind{Kind: Time, Table: "periods", X: "end", Unit: []string{""}, Marks: []string{"growth", "ingest", "holds", "decisions"}, Y: ys}, Option: map[string]any{"series": looks}}
}

var phases = grid("phases", "kind text|start min|end min|working_set tokens", "warm-up|0|1|", "ingest|4|6|", "growth|6|6|200000", "hold|7|8|200000", "search|1|3|")

func TestTimeOfPeriods(t *testing.T) {
	d := try(t, periodChart(Y{Key: "concurrency", Name: "target", Step: true}, Y{Key: "running", Name: "running", Lo: "running.min", Hi: "running.max"}), scene{}, grid("periods", periodsHead, periodRows...), phases)
	equal(t, "a gap where a value, or a period, is missing; none in steps", d.lines(t), []string{"target: 2,4 3,8 4,8 7,8 8,8", "running: 2,4 3,8 4,- 5,- 7,8 8,8"})
	equal(t, "range", d.of("custom", "running")[0].points(t), "2,2,5 3,7,9 7,8,8 8,8,8")
	if s := d.of("line", "target")[0]; s.Step != "start" {
		t.Errorf("a value holds up to its period's end: step %q", s.Step)
	}
	equal(t, "decisions that are new", []string{d.of("scatter", "ramp")[0].points(t), d.of("scatter", "verify")[0].points(t), d.of("scatter", "hold")[0].points(t)}, []string{"2,4", "3,8", "7,8"})
	equal(t, "holds, ingest, growth", d.bands(), "7 8 4 6 6")
	equal(t, "from the first start to the last end", []float64{d.Option.XAxis.Min, d.Option.XAxis.Max}, []float64{1, 8})
	for _, z := range d.Option.DataZoom {
		if z.FilterMode != "none" || z.XAxisIndex != 0 {
			t.Errorf("zoom %+v", z)
		}
	}
	equal(t, "zooms", len(d.Option.DataZoom), 2)
	equal(t, "minutes and seconds", d.Option.XAxis.Name, "head of end, min:s")
	if tips := strings.Join(d.Tips, "\n"); !strings.Contains(tips, " 2:00 min") || !strings.Contains(tips, "ramp\n    to 8: 0.2 is far below") || !strings.Contains(tips, "(working set 200k)") || !strings.Contains(tips, "no data") {
		t.Errorf("tooltips %s", tips)
	}
}

func TestTimeReadsGrowthAndHoldsFromPeriods(t *testing.T) {
	d := try(t, periodChart(Y{Key: "ttft.p50", Name: "p50"}), scene{}, grid("periods", periodsHead, periodRows...))
	equal(t, "holds and growth", d.bands(), "6 8 6")
}

func TestTimeStacksSources(t *testing.T) {
	c := periodChart(Y{Key: "share.hbm", Name: "hbm"}, Y{Key: "share.computed", Name: "computed"})
	c.Bind.Unit, c.Bind.Marks = []string{"%"}, nil
	c.Option["series"] = []map[string]any{{"stack": "all"}, {"stack": "all"}}
	d := try(t, c, scene{}, grid("periods", periodsHead, periodRows...))
	equal(t, "stacks", d.of("line", "hbm")[0].Stack+d.of("line", "computed")[0].Stack, "allall")
	var y []struct{ Max float64 }
	if decode(t, d.Option.YAxis, &y); y[0].Max != 100 {
		t.Errorf("shares go up to %v", y[0].Max)
	}
}

func TestPicturesHaveTitleAndProvenance(t *testing.T) {
	level := levels("10")
	level.Label, level.Options[0].Label = "Requests in flight", "ten"
	s := choose(level, rates("100"))
	s.Theme, s.Width, s.Height, s.Export = "dark", 600, 400, &caption{"Time to first token", strings.Repeat("wsrun 1.0 · scenario · ", 20)}
	d := try(t, ttftChart(), s, grid("points", pointsHead, ttftPoints...))
	if d.Option.BackgroundColor != "#ffffff" || d.Option.Title[0].Text != "Time to first token" || strings.Count(d.Option.Title[1].Text, "\n") < 2 {
		t.Errorf("a picture is light, with its title and wrapped provenance: %+v", d.Option.Title)
	}
	equal(t, "what was chosen", d.Option.Title[0].Subtext, "Requests in flight: ten")
	d = try(t, periodChart(Y{Key: "running", Name: "running"}), s, grid("periods", periodsHead, periodRows...))
	equal(t, "a picture does not zoom", len(d.Option.DataZoom), 0)
}

func TestNothingToDraw(t *testing.T) {
	for _, kind := range []Kind{Lines, Stack, Heat, Matrix, Time} {
		c := Chart{Bind: Bind{Kind: kind, Table: "points", X: "x", By: "by", Unit: []string{"s"}, Where: []string{"level"}, Marks: []string{"transitions", "capacities", "recompute", "growth", "decisions"}, Y: []Y{{Key: "y", Name: "y"}}}}
		for what, tables := range map[string][]Table{"no table": nil, "no rows": {grid("points", "x|y s|by")}, "no values": {grid("points", "x|y s|by|validity text", "1||2|skipped")}, "no columns": {grid("points", "z", "1")}} {
			if d := try(t, c, choose(), tables...); !strings.HasPrefix(d.told(), "No data") || len(d.Option.Series) != 0 {
				t.Errorf("%s, %s: %q", kind, what, d.told())
			}
		}
	}
}

func TestHostileNamesStayNames(t *testing.T) {
	for _, name := range []string{"</script><b>", "__proto__", "constructor", "toString", "hasOwnProperty", "{a}{b|c}", "a\u2028b", "\"><img src=x onerror=alert(1)>"} {
		points := grid("points", "x|by text|y s|validity text|reasons text|decision text|reason text", "1|N|5|doubtful|N|N|N")
		transitions := grid("transitions", "from text|to text|size_lo|size_hi", "N|N|0.5|2")
		for _, table := range []Table{points, transitions} {
			for i := range table.Columns {
				c := &table.Columns[i]
				if cell := c.Cell; c.Text {
					c.Cell = func(b []byte, row int) []byte { return Text(b, strings.ReplaceAll(string(cell(nil, row)), "N", name)) }
				}
				c.Head = name
			}
		}
		points.Columns[2].Key, points.Columns[2].Unit = name, name
		for _, kind := range []Kind{Lines, Stack, Matrix, Time} {
			c := Chart{Title: name, Bind: Bind{Kind: kind, Table: "points", X: "x", By: "by", Unit: []string{name}, Where: []string{name, "level"}, Marks: []string{"transitions", "decisions"}, Refs: []Ref{{Y: 5, Name: name}}, Y: []Y{{Key: name, Name: name}, {Key: "none", Name: "none"}}}}
			s := choose(Control{ID: name, Key: "by", Kind: "many", Default: []string{name}, Options: []Option{{Value: name, Label: name}}})
			s.Export = &caption{name, name}
			d := try(t, c, s, points, transitions)
			if len(d.Option.Series) == 0 || d.Option.Title[0].Text != strings.ReplaceAll(name, "\u2028", " ") {
				t.Errorf("%s %q: %s", kind, name, d.told())
			}
		}
	}
}

// TestAnyTableDraws holds against random tables and choices: never an exception, never a number
// that is none, never a tooltip that says undefined (see audit), never more than eight lines.
func TestAnyTableDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.OneOf(rapid.SampledFrom([]string{"", "", "0", "1", "≥2", "-3", "1e-9", "1e12", "100", "50", "≥", "x", "Infinity", "0.1:50 0.2:50", "ok", "invalid", "doubtful", "skipped", "hold", "ramp"}),
			rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.Float64Range(0, 1e6).Draw(t, "v")) }))
		head := []string{"x tokens", "by %", "hit_rate %", "a s", "b tokens/s", "validity text", "reasons text", "decision text", "reason text", "working_set tokens", "start min", "end min", "best", "ttft_bins text", "concurrency"}
		rows := func(n int) (out []string) {
			for range rapid.IntRange(0, 12).Draw(t, "rows") {
				out = append(out, strings.Join(rapid.SliceOfN(cell, n, n).Draw(t, "row"), "|"))
			}
			return out
		}
		key := rapid.SampledFrom([]string{"x", "by", "hit_rate", "a", "b", "ttft_bins", "validity", "none", "working_set"})
		maybe := func(name string) string {
			if rapid.Bool().Draw(t, name) {
				return key.Draw(t, name)
			}
			return ""
		}
		c := Chart{Bind: Bind{Kind: rapid.SampledFrom([]Kind{Lines, Lines, Time, Stack, Heat, Matrix}).Draw(t, "kind"), Table: "points", X: maybe("x"), By: maybe("by"), Join: maybe("join"), Unit: []string{"s", "%"},
			Where: []string{"level", "rates"}, Marks: []string{"transitions", "capacities", "recompute", "best", "growth", "ingest", "holds", "decisions"}, Refs: []Ref{{Y: 1, Name: "slo"}, {Y: 1e6, Name: "far", Axis: 1}}}}
		for i := range rapid.IntRange(1, 5).Draw(t, "ys") {
			c.Bind.Y = append(c.Bind.Y, Y{Key: key.Draw(t, "y"), Name: fmt.Sprint("y", i), Axis: i % 2, Lo: maybe("lo"), Hi: maybe("hi"), Lower: i == 0, Stat: []string{"", "p50", "p95", "p99", "max"}[i]})
		}
		stack := rapid.SampledFrom([]string{"", "", "all"}).Draw(t, "stack")
		c.Option = map[string]any{"yAxis": []map[string]any{{"type": rapid.SampledFrom([]string{"value", "log"}).Draw(t, "axis")}}, "series": []map[string]any{{"stack": stack, "step": maybe("step")}}}
		s := choose(Control{ID: "level", Kind: "one", Key: maybe("level"), Default: []string{rapid.SampledFrom([]string{"1", "best", ""}).Draw(t, "level")}, Options: []Option{{Value: "1"}, {Value: "best", Match: "best"}}},
			Control{ID: "speedup", Kind: "switch", Default: []string{rapid.SampledFrom([]string{"on", ""}).Draw(t, "speedup")}},
			Control{ID: "log", Kind: "one", Default: []string{rapid.SampledFrom([]string{"auto", "log", "linear"}).Draw(t, "log")}, Options: []Option{{Value: "auto"}, {Value: "log"}, {Value: "linear"}}},
			Control{ID: "x", Kind: "one", Default: []string{"1"}, Options: []Option{{Value: "1", Label: "one", Key: key.Draw(t, "x"), Scale: rapid.SampledFrom([]float64{0, 1, 1e-3}).Draw(t, "scale"), Unit: "GiB", Lo: "size_lo", Hi: "size_hi", At: "working_set"}}})
		s.Width, s.Height, s.Theme = rapid.IntRange(1, 1500).Draw(t, "width"), rapid.IntRange(1, 700).Draw(t, "height"), "dark"
		if rapid.Bool().Draw(t, "picture") {
			s.Export = &caption{"title", "where it comes from"}
		}
		d := try(t, c, s, grid("points", strings.Join(head, "|"), rows(len(head))...),
			grid("transitions", "from text|to text|size_lo|size_hi|edge_lo|edge_hi", rows(6)...), grid("capacities", "tier text|source text|tokens tokens|working_set|reuse_distance", rows(5)...), grid("phases", "kind text|start|end|working_set", "growth|1|1|2", "ingest|0|2|", "hold||3|"))
		shown := map[string]bool{}
		for _, l := range d.of("line", "") {
			if !l.Silent {
				shown[l.Name] = true
			}
		}
		if len(shown) > 8 && stack == "" {
			t.Fatalf("%d lines", len(shown))
		}
	})
}
