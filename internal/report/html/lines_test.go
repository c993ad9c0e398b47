package html

import (
	"fmt"
	"strings"
	"testing"
)

// ttftChart is TTFT over the working set as the page of a context has it: colour is the hit
// rate, dash the statistic.
func ttftChart(marks ...string) Chart {
	b := Bind{Kind: Lines, Table: "points", X: "working_set", By: "hit_rate", Unit: []string{"s"}, Where: []string{"level", "rates"}, Marks: marks,
		Y: []Y{{Key: "ttft.p50", Name: "p50", Stat: "p50", Lower: true}, {Key: "ttft.p95", Name: "p95", Stat: "p95", Lower: true}}}
	return Chart{ID: "ttft", Title: "TTFT", Bind: b, Option: map[string]any{
		"yAxis":  []map[string]any{{"name": "TTFT", "type": "value"}},
		"series": []map[string]any{{"lineStyle": map[string]any{"type": "solid"}}, {"lineStyle": map[string]any{"type": "dashed"}}},
	}}
}

const pointsHead = "working_set tokens|hit_rate %|concurrency|ttft.p50 s|ttft.p95 s|validity text|reasons text|best"

var ttftPoints = []string{
	"|0|10|2|4|ok||", "|0|20|3|6|doubtful|too-few-samples: 12||",
	"100000|100|10|0.1|0.2|ok||1", "200000|100|10|0.1|0.25|doubtful|not-steady: +20 %|1", "400000|100|10|1|2|ok||",
	"100000|100|20|0.2|0.3|ok||", "200000|100|20|0.2|≥0.5|ok||", "400000|100|20|||skipped|slo: ttft.p95 > 1s|1",
	"100000|50|10|0.3|0.6|ok||1", "200000|50|10|0.3|0.6|invalid|hit-rate-high: 90 %|1", "400000|50|10|1.2|2.2|ok||1",
}

func levels(chosen string) Control {
	return Control{ID: "level", Kind: "one", Key: "concurrency", Default: []string{chosen}, Options: []Option{{Value: "10"}, {Value: "20"}, {Value: "best", Match: "best"}}}
}

func rates(chosen ...string) Control {
	return Control{ID: "rates", Kind: "many", Key: "hit_rate", Default: chosen, Options: []Option{{Value: "50", Label: "50% hits"}, {Value: "100", Label: "100% hits"}}}
}

func choose(controls ...Control) scene { return scene{View: View{Controls: controls}} }

func TestLinesOfGroupsAndStatistics(t *testing.T) {
	d := try(t, ttftChart(), choose(levels("10"), rates("50", "100")), grid("points", pointsHead, ttftPoints...))
	equal(t, "lines", d.lines(t), []string{
		"50% hits p50: 100000,0.3 400000,1.2", "100% hits p50: 100000,0.1 200000,0.1 400000,1",
		"50% hits p95: 100000,0.6 400000,2.2", "100% hits p95: 100000,0.2 200000,0.25 400000,2"})
	by := map[string]serie{}
	for _, s := range d.of("line", "") {
		by[s.Name] = s
	}
	if a, b := by["50% hits p50"], by["50% hits p95"]; a.Color != b.Color || a.LineStyle.Type != "solid" || b.LineStyle.Type != "dashed" {
		t.Errorf("colour is the group's, dash the statistic's: %+v %+v", a, b)
	}
	if by["50% hits p50"].Color == by["100% hits p50"].Color {
		t.Error("two groups have one colour")
	}
	equal(t, "invalid points are crosses", d.of("scatter", "50% hits p50")[0].points(t), "200000,0.3")
	rings := d.of("scatter", "100% hits p95")
	if len(rings) != 1 || !rings[0].Silent || !strings.Contains(string(rings[0].Data[0]), "circle") {
		t.Errorf("the doubtful point is not hollow: %+v", rings)
	}
	equal(t, "axis", d.Option.XAxis.Name, "head of working_set, tokens")
	if tips := strings.Join(d.Tips, "\n"); !strings.Contains(tips, "doubtful: not-steady: +20 %") || !strings.Contains(tips, "invalid: hit-rate-high: 90 %") || !strings.Contains(tips, "200k tokens") {
		t.Errorf("tooltips do not tell the doubts: %s", tips)
	}
}

func TestLinesMarkWhatWasNotMeasured(t *testing.T) {
	d := try(t, ttftChart(), choose(levels("20"), rates("100")), grid("points", pointsHead, ttftPoints...))
	equal(t, "lines", d.lines(t), []string{"100% hits p50: 100000,0.2 200000,0.2", "100% hits p95: 100000,0.3 200000,0.5"})
	equal(t, "marks on the axis", d.of("scatter", "not measured")[0].points(t), "400000,0")
	tips := strings.Join(d.Tips, "\n")
	if !strings.Contains(tips, "not measured") || !strings.Contains(tips, "skipped: slo: ttft.p95 > 1s") || !strings.Contains(tips, "≥500ms") {
		t.Errorf("tooltips: %s", tips)
	}
	if bound := string(d.of("line", "100% hits p95")[0].Data[1]); !strings.Contains(bound, `"triangle"`) {
		t.Errorf("a lower bound is no triangle: %s", bound)
	}
	if d.Option.XAxis.Max < 400000 {
		t.Errorf("the axis ends at %v, before what was not measured", d.Option.XAxis.Max)
	}
}

func TestLinesAtBestLevel(t *testing.T) {
	d := try(t, ttftChart(), choose(levels("best"), rates("100")), grid("points", pointsHead, ttftPoints...))
	equal(t, "lines", d.lines(t), []string{"100% hits p50: 100000,0.1 200000,0.1", "100% hits p95: 100000,0.2 200000,0.25"})
	if tips := strings.Join(d.Tips, "\n"); !strings.Contains(tips, "at concurrency 10") || !strings.Contains(tips, "at concurrency 20") {
		t.Errorf("tooltips do not say at which level: %s", tips)
	}
}

func TestLinesOfOneGroupOrStatistic(t *testing.T) {
	table := grid("points", "context tokens|working_set tokens|ttft.p50 s|ttft.p95 s", "4000|100|1|2", "4000|200|2|3")
	c := Chart{Bind: Bind{Table: "points", X: "working_set", By: "context", Unit: []string{"s"}, Y: []Y{{Key: "ttft.p50", Name: "p50"}, {Key: "ttft.p95", Name: "p95"}}}}
	equal(t, "one context", names(try(t, c, scene{}, table), t), []string{"p50", "p95"})
	c.Bind.Y = c.Bind.Y[:1]
	equal(t, "one context, one statistic", names(try(t, c, scene{}, table), t), []string{"4.00k"})
}

func TestAtMostEightLines(t *testing.T) {
	for _, c := range []struct {
		groups, stats int
		names, left   string
	}{
		{2, 4, "0% p50,25.0% p50,0% p95,25.0% p95,0% p99,25.0% p99,0% max,25.0% max", ""},
		{4, 3, "0% p50,25.0% p50,50.0% p50,75.0% p50,0% p95,25.0% p95,50.0% p95,75.0% p95", "Shown: 8 of 12 lines; left out: p99."},
		{5, 2, "0% p95,25.0% p95,50.0% p95,75.0% p95,100% p95", "Shown: 5 of 10 lines; left out: p50."},
		{12, 1, "0%,50.0%,75.0%,125%,150%,200%,225%,275%", "Shown: 8 of 12 lines; left out: 25.0%, 100%, 175%, 250%."},
	} {
		ys := []Y{{Key: "p50", Name: "p50", Stat: "p50"}, {Key: "p95", Name: "p95", Stat: "p95"}, {Key: "p99", Name: "p99", Stat: "p99"}, {Key: "max", Name: "max", Stat: "max"}}[:c.stats]
		var rows []string
		for g := range c.groups {
			rows = append(rows, fmt.Sprintf("%d|1|1|2|3|4", g*25), fmt.Sprintf("%d|2|1|2|3|4", g*25))
		}
		chart := Chart{Bind: Bind{Table: "points", X: "x", By: "hit_rate", Unit: []string{"s"}, Y: ys}}
		d := try(t, chart, scene{}, grid("points", "hit_rate %|x|p50 s|p95 s|p99 s|max s", rows...))
		if got := strings.Join(names(d, t), ","); got != c.names || d.Option.Left != c.left {
			t.Errorf("%d groups, %d statistics:\n got %s %q\nwant %s %q", c.groups, c.stats, got, d.Option.Left, c.names, c.left)
		}
		colours := map[string]bool{}
		for _, l := range d.of("line", "") {
			if !l.Silent {
				colours[l.Color] = true
			}
		}
		if len(colours) != min(c.groups, 8) {
			t.Errorf("%d groups have %d colours", c.groups, len(colours))
		}
	}
}

func TestStatisticsAreChosen(t *testing.T) {
	stats := Control{ID: "stats", Kind: "many", Default: []string{"p95"}, Options: []Option{{Value: "p50"}, {Value: "p95"}}}
	s := choose(levels("10"), rates("100"), stats)
	equal(t, "default", names(try(t, ttftChart(), s, grid("points", pointsHead, ttftPoints...)), t), []string{"100% hits p95"})
	s.State = map[string][]string{"stats": {"p50", "p95"}}
	equal(t, "both", names(try(t, ttftChart(), s, grid("points", pointsHead, ttftPoints...)), t), []string{"100% hits p50", "100% hits p95"})
	s.State = map[string][]string{"stats": {}}
	equal(t, "none", try(t, ttftChart(), s, grid("points", pointsHead, ttftPoints...)).told(), "No statistic is chosen.")
}

func TestRecomputeAndSpeedUp(t *testing.T) {
	controls := []Control{levels("10"), rates("100"), {ID: "speedup", Kind: "switch", Default: []string{}}}
	c := ttftChart("recompute")
	c.Bind.Refs = []Ref{{Y: 1, Name: "slo p95"}}
	d := try(t, c, choose(controls...), grid("points", pointsHead, ttftPoints...))
	equal(t, "lines across", d.across(), []string{"slo p95 1.00s @1", "recompute p50 2.00s @2", "recompute p95 4.00s @4"})
	s := choose(controls...)
	s.State = map[string][]string{"speedup": {"on"}}
	d = try(t, c, s, grid("points", pointsHead, ttftPoints...))
	equal(t, "speed-up", d.lines(t), []string{"100% hits p50: 100000,20 200000,20 400000,2", "100% hits p95: 100000,20 200000,16 400000,2"})
	equal(t, "reference", d.across(), []string{"recompute @1"})
	equal(t, "unit", d.of("line", "100% hits p50")[0].WsrunUnit, "x")
	if !strings.Contains(strings.Join(d.Tips, "\n"), "20.0x") {
		t.Errorf("tooltips: %q", d.Tips)
	}
	s.State["level"] = []string{"20"}
	d = try(t, c, s, grid("points", pointsHead, ttftPoints...))
	if bound := string(d.of("line", "100% hits p95")[0].Data[1]); !strings.Contains(bound, "path://") || !strings.Contains(strings.Join(d.Tips, "\n"), "≤12.0x") {
		t.Errorf("a reference over a lower bound is an upper bound: %s %q", bound, d.Tips)
	}
	d = try(t, c, choose(levels("20"), rates("100")), grid("points", pointsHead, ttftPoints...))
	equal(t, "3 s and 6 s are far above 0.5 s", d.across(), []string{"slo p95 1.00s @1"})
	if got := strings.Join(d.texts(), "|"); !strings.Contains(got, "recompute p95 6.00s (doubtful) ↑ above") {
		t.Errorf("a doubtful reference above the plot is not named so: %s", got)
	}
	equal(t, "nothing to compare with", try(t, c, s, grid("points", pointsHead, ttftPoints[2:]...)).told(), "No data: no recompute (hit rate 0) was measured to compare with.")
}

func TestSpeedUpOfThroughput(t *testing.T) {
	c := Chart{Bind: Bind{Table: "points", X: "working_set", By: "hit_rate", Unit: []string{"tokens/s"}, Marks: []string{"recompute"}, Y: []Y{{Key: "out", Name: "output"}}}}
	s := choose(Control{ID: "speedup", Kind: "switch", Default: []string{"on"}})
	d := try(t, c, s, grid("points", "working_set tokens|hit_rate %|out tokens/s", "|0|100", "1000|50|250", "2000|50|0", "3000|50|50"))
	equal(t, "value over recompute", d.lines(t), []string{"50.0%: 1000,2.5 3000,0.5"})
}

func TestFarLimitsDoNotFlatten(t *testing.T) {
	c := ttftChart()
	c.Bind.Refs = []Ref{{Y: 5, Name: "slo p95"}, {Y: 100, Name: "threshold p95"}}
	d := try(t, c, choose(levels("10"), rates("50", "100")), grid("points", pointsHead, ttftPoints...))
	equal(t, "drawn", d.across(), []string{"slo p95 5.00s @5"})
	if got := strings.Join(d.texts(), "|"); !strings.Contains(got, "threshold p95 100s ↑ above") {
		t.Errorf("the far limit is not named: %s", got)
	}
	var y []struct{ Min, Max float64 }
	if decode(t, d.Option.YAxis, &y); y[0].Min != 0 || y[0].Max < 5 || y[0].Max > 8 {
		t.Errorf("the axis is %+v", y)
	}
}

func TestScaleOfX(t *testing.T) {
	log := Control{ID: "log", Kind: "one", Default: []string{"auto"}, Options: []Option{{Value: "auto"}, {Value: "log"}, {Value: "linear"}}}
	for _, c := range []struct{ xs, mode, want string }{{"1 10", "auto", "value"}, {"1 10.1", "auto", "log"}, {"1 2", "log", "log"}, {"1 1000", "linear", "value"}, {"0 5", "log", "log"}, {"5 5", "auto", "value"}} {
		var rows []string
		for _, x := range strings.Fields(c.xs) {
			rows = append(rows, x+"|1")
		}
		s := choose(log)
		s.State = map[string][]string{"log": {c.mode}}
		d := try(t, Chart{Bind: Bind{Table: "points", X: "x", Unit: []string{"s"}, Y: []Y{{Key: "y", Name: "y"}}}}, s, grid("points", "x|y s", rows...))
		x := d.Option.XAxis
		if x.Type != c.want || !(x.Max > x.Min) || (c.want == "log" && x.Min <= 0) {
			t.Errorf("%+v: axis %+v", c, x)
		}
		for _, line := range d.of("line", "y") {
			for _, p := range line.Data {
				if v := datum(t, p); v[0] <= x.Min || v[0] >= x.Max {
					t.Errorf("%+v: point %v is on or beyond the frame %v to %v", c, v, x.Min, x.Max)
				}
			}
		}
		for _, v := range x.AxisLabel.CustomValues {
			if v < x.Min || v > x.Max {
				t.Errorf("%+v: a tick at %v is outside", c, v)
			}
		}
	}
}

func TestControlOfX(t *testing.T) {
	x := Control{ID: "x", Kind: "one", Default: []string{"gib"}, Options: []Option{
		{Value: "tokens", Label: "Working set", Key: "working_set", Unit: "tokens", Lo: "size_lo", Hi: "size_hi", At: "working_set"},
		{Value: "gib", Label: "Working set", Key: "working_set", Unit: "GiB", Scale: 0.5, Lo: "size_lo", Hi: "size_hi", At: "working_set"},
		{Value: "reuse", Label: "Reuse distance", Key: "reuse_distance", Unit: "tokens", Lo: "edge_lo", Hi: "edge_hi", At: "reuse_distance"}}}
	c := Chart{Bind: Bind{Table: "points", Unit: []string{"s"}, Y: []Y{{Key: "y", Name: "y"}}, Marks: []string{"transitions", "capacities"}}}
	tables := []Table{grid("points", "working_set tokens|reuse_distance tokens|y s", "100|110|1", "200|220|2"),
		grid("transitions", "from text|to text|size_lo tokens|size_hi tokens|edge_lo tokens|edge_hi tokens", "hbm|dram|100|200|110|220"),
		grid("capacities", "tier text|source text|assumption text|tokens tokens|working_set tokens|reuse_distance tokens", "hbm|stated||160|150|160")}
	for _, w := range []struct{ choice, name, points, band string }{
		{"tokens", "Working set, tokens", "100,1 200,2", "100 200 150"}, {"gib", "Working set, GiB", "50,1 100,2", "50 100 75"}, {"reuse", "Reuse distance, tokens", "110,1 220,2", "110 220 160"},
	} {
		s := choose(x)
		s.State = map[string][]string{"x": {w.choice}}
		d := try(t, c, s, tables...)
		equal(t, w.choice, []string{d.Option.XAxis.Name, d.of("line", "y")[0].points(t), d.bands()}, []string{w.name, w.points, w.band})
		if got := strings.Join(d.texts(), "|"); !strings.Contains(got, "hbm → dram") || !strings.Contains(got, "hbm stated 160") {
			t.Errorf("labels: %s", got)
		}
	}
}

// bands prints the areas and then the vertical lines: "lo hi at".
func (d *drawn) bands() string {
	var out []string
	for _, s := range d.Option.Series {
		for _, a := range s.MarkArea.Data {
			out = append(out, fmt.Sprintf("%.6g %.6g", a[0].XAxis, a[1].XAxis))
		}
		for _, m := range s.MarkLine.Data {
			if m.XAxis != nil {
				out = append(out, fmt.Sprintf("%.6g", *m.XAxis))
			}
		}
	}
	return strings.Join(out, " ")
}

func TestMarksFollowTheChoice(t *testing.T) {
	transitions := grid("transitions", "hit_rate %|concurrency|from text|to text|size_lo tokens|size_hi tokens",
		"100|10|hbm|dram|150000|200000", "100|20|hbm|dram|100000|150000", "50|10|hbm|recompute|300000|350000", "100||dram|recompute|250000|260000", "100|10|hbm|dram|150000|200000")
	capacities := grid("capacities", "hit_rate %|concurrency|tier text|source text|assumption text|tokens tokens|working_set tokens",
		"100|10|hbm|vllm:cache_config_info||200000|180000", "50|10|hbm|vllm:cache_config_info||200000|181000", "100|20|hbm|stated||200000|120000", "|10|dram|stated|exclusive|5M|900000", "|10|disk|stated||9000000|90000000")
	limits := grid("edge_limits", "edge text|hit_rate %|concurrency|reuse_distance tokens|working_set tokens", "edge.hbm|100|10|150000|160000", "edge.hbm|50|10|150000|170000", "edge2|100|20|240000|240000")
	for _, w := range []struct {
		level string
		rates []string
		want  string
	}{
		{"10", []string{"100"}, "150000 200000 250000 260000 180000 900000 160000"},
		{"20", []string{"100"}, "100000 150000 250000 260000 120000 240000"},
		{"10", []string{"50"}, "300000 350000 181000 900000 170000"},
		{"10", []string{"50", "100"}, "150000 200000 300000 350000 250000 260000 180000 900000 160000 170000"},
	} {
		d := try(t, ttftChart("transitions", "capacities"), choose(levels(w.level), rates(w.rates...), Control{ID: "log", Kind: "one", Default: []string{"log"}, Options: []Option{{Value: "log"}}}), grid("points", pointsHead, ttftPoints...), transitions, capacities, limits)
		equal(t, fmt.Sprint(w.level, w.rates), d.bands(), w.want)
	}
	d := try(t, ttftChart("transitions", "capacities"), choose(levels("10"), rates("100")), grid("points", pointsHead, ttftPoints...), transitions, capacities, limits)
	labels := strings.Join(d.texts(), "|")
	for _, want := range []string{"hbm → dram", "dram → recompute", "hbm told 200k", "disk stated 9.00M →", "threshold edge.hbm 150k"} {
		if !strings.Contains(labels, want) {
			t.Errorf("no label %q among %s", want, labels)
		}
	}
	if !strings.Contains(strings.Join(d.Tips, "\n"), "hbm → dram between 150k and 200k tokens") {
		t.Errorf("the tooltip inside a band does not name it: %q", d.Tips)
	}
}

func TestBestLevelIsMarked(t *testing.T) {
	c := Chart{Bind: Bind{Table: "points", X: "concurrency", Unit: []string{"s"}, Marks: []string{"best"}, Y: []Y{{Key: "y", Name: "y"}}}}
	d := try(t, c, scene{}, grid("points", "concurrency|y s|best", "10|1|", "20|2|1", "40|4|"))
	equal(t, "best", d.bands(), "20")
	if !strings.Contains(strings.Join(d.texts(), "|"), "best passing") {
		t.Error("the best level has no label")
	}
}

func TestCurveJoinsLevels(t *testing.T) {
	c := Chart{Bind: Bind{Table: "points", X: "out", By: "working_set", Join: "concurrency", Unit: []string{"s"}, Y: []Y{{Key: "ttft", Name: "TTFT p95"}}}}
	d := try(t, c, scene{}, grid("points", "out tokens/s|ttft s|working_set tokens|concurrency", "500|3|1000|40", "100|1|1000|10", "600|2|1000|20", "300|9|2000|10"))
	equal(t, "in the order of levels", d.lines(t), []string{"1.00k: 100,1 600,2 500,3", "2.00k: 300,9"})
	if len(d.Tips) != 4 || strings.Contains(d.Tips[0], "at concurrency") == false {
		t.Errorf("tooltips say no level: %q", d.Tips)
	}
}

func TestRangesBehindLines(t *testing.T) {
	c := Chart{Bind: Bind{Table: "points", X: "x", Unit: []string{""}, Y: []Y{{Key: "y", Name: "held", Lo: "lo", Hi: "hi"}}}}
	d := try(t, c, scene{}, grid("points", "x|y|lo|hi", "1|10|8|12", "2|9||20", "3|8||", "4|7|6|7"))
	equal(t, "open sides end at the line", d.of("custom", "held")[0].points(t), "1,8,12 2,9,20 4,6,7")
	if !strings.Contains(strings.Join(d.Tips, "\n"), "(8 to 12)") || !strings.Contains(strings.Join(d.Tips, "\n"), "(? to 20)") {
		t.Errorf("tooltips do not tell the range: %q", d.Tips)
	}
}

func TestTwoAxes(t *testing.T) {
	c := Chart{Bind: Bind{Table: "points", X: "x", Unit: []string{"requests/s", "%"}, Refs: []Ref{{Y: 95, Name: "goal", Axis: 1}}, Y: []Y{{Key: "a", Name: "goodput"}, {Key: "b", Name: "share", Axis: 1}}},
		Option: map[string]any{"yAxis": []map[string]any{{"name": "Goodput"}, {"name": "Share"}}}}
	d := try(t, c, scene{}, grid("points", "x|a requests/s|b %", "1|53|100", "2|12|20"))
	var y []struct {
		Max      float64
		Position string
	}
	if decode(t, d.Option.YAxis, &y); len(y) != 2 || y[1].Max != 100 || y[0].Position != "left" || y[1].Position != "right" {
		t.Errorf("axes %+v", y)
	}
	equal(t, "limit", d.across(), []string{"goal 95.0% @95"})
	equal(t, "names", d.texts()[:2], []string{"Goodput, requests/s", "Share"})
}

func TestLogAxisOfValues(t *testing.T) {
	c := ttftChart()
	c.Option["yAxis"] = []map[string]any{{"name": "TTFT", "type": "log"}}
	c.Bind.Y[0].Lo, c.Bind.Y[0].Hi = "lo", "hi"
	d := try(t, c, choose(levels("10"), rates("100")), grid("points", "working_set tokens|hit_rate %|concurrency|ttft.p50 s|ttft.p95 s|lo s|hi s", "1|100|10|0|0.5|0|1", "2|100|10|0.01|1||", "3|100|10|0.02|5||"))
	equal(t, "no zeros", d.lines(t), []string{"p50: 2,0.01 3,0.02", "p95: 1,0.5 2,1 3,5"})
	var y []struct {
		Type string
		Min  float64
	}
	if decode(t, d.Option.YAxis, &y); y[0].Type != "log" || y[0].Min <= 0 {
		t.Errorf("axis %+v", y)
	}
}

func TestLogAxisHasNoPlaceForZero(t *testing.T) {
	c := Chart{Bind: Bind{Table: "points", X: "x", By: "by", Unit: []string{"s"}, Marks: []string{"capacities"}, Y: []Y{{Key: "y", Name: "y"}}}}
	log := choose(Control{ID: "log", Kind: "one", Default: []string{"log"}, Options: []Option{{Value: "log"}}})
	capacities := grid("capacities", "tier text|x", "hbm|0")
	equal(t, "only 0", try(t, c, log, grid("points", "x|by|y s", "0|1|1"), capacities).told(), "No data: the axis is logarithmic and has no place for 0.")
	equal(t, "one line of two", names(try(t, c, log, grid("points", "x|by|y s", "0|1|1", "5|2|1"), capacities), t), []string{"2"})
}

// A dot that another line's would hide is larger than that one; dots of one line that lie
// together, as two runs of one hour in a history do, stay as they are.
func TestDotsOfOtherLinesMakeRings(t *testing.T) {
	for _, c := range []struct {
		name  string
		rows  []string
		rings bool
	}{
		{"two lines", []string{"100000|50|10|0.1|0.2|ok||", "400000|50|10|1|2|ok||", "100000|100|10|0.1|0.2|ok||", "400000|100|10|1.5|3|ok||"}, true},
		{"one line", []string{"100000|100|10|0.1|0.2|ok||", "100001|100|10|0.1|0.2|ok||", "100002|100|10|0.1|0.2|ok||", "400000|100|10|1|2|ok||"}, false},
	} {
		d := try(t, ttftChart(), choose(levels("10"), rates("50", "100")), grid("points", pointsHead, c.rows...))
		rings := false
		for _, s := range d.of("line", "") {
			for _, point := range s.Data {
				rings = rings || strings.Contains(string(point), `"symbolSize":10`)
			}
		}
		if rings != c.rings {
			t.Errorf("%s: rings %v, want %v", c.name, rings, c.rings)
		}
	}
}
