package html

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// places gives the places of the labels of horizontal lines, by their names.
func (d *drawn) places() map[string]string {
	out := map[string]string{}
	for _, s := range d.Option.Series {
		for _, m := range s.MarkLine.Data {
			if m.YAxis != nil {
				out[m.Name] = s.MarkLine.Label.Position
			}
		}
	}
	return out
}

// Labels of limits do not meet each other, nor the lines of the chart where there is another
// place: two limits near the upper edge were written over each other, and the name of what
// computing again costs over the points that had come to cost the same.
func TestLabelsOfLimitsHaveRoom(t *testing.T) {
	c := Chart{Bind: Bind{Table: "points", X: "working_set", By: "hit_rate", Unit: []string{"s"}, Marks: []string{"recompute"}, Refs: []Ref{{Y: 9.9, Name: "slo p95"}, {Y: 9.2, Name: "threshold p95"}}, Y: []Y{{Key: "y", Name: "p95"}}}}
	d := try(t, c, scene{}, grid("points", "working_set tokens|hit_rate %|y s", "|0|5", "1000|100|1", "2000|100|1", "3000|100|5", "4000|100|5"))
	got := d.places()
	if got["slo p95 9.90s"] == "" || got["slo p95 9.90s"] == got["threshold p95 9.20s"] || strings.Contains(got["slo p95 9.90s"], "EndBottom") && strings.Contains(got["threshold p95 9.20s"], "EndTop") {
		t.Errorf("limits: %q", got)
	}
	if at := got["recompute 5.00s"]; !strings.Contains(at, "Start") {
		t.Errorf("recompute is named on the points: %q", got)
	}
	c.Bind.Refs = []Ref{{Y: 100, Name: "slo p95"}}
	d = try(t, c, scene{}, grid("points", "working_set tokens|hit_rate %|y s", "1000|100|1", "2000|100|1", "3000|100|7.6", "4000|100|7.6"))
	for _, g := range d.Option.Graphic {
		if strings.Contains(g.Style.Text, "above") && g.Style.TextAlign != "left" {
			t.Errorf("%q stands where the line ends", g.Style.Text)
		}
	}
}

// A high chart has room for the names of all that its lines stand for.
func TestCapacitiesAreAllNamed(t *testing.T) {
	c := Chart{Bind: Bind{Table: "points", X: "working_set", Unit: []string{"s"}, Marks: []string{"capacities"}, Y: []Y{{Key: "y", Name: "y"}}}}
	points := grid("points", "working_set tokens|y s", "10000|1", "100000|2")
	capacities := grid("capacities", "tier text|source text|assumption text|tokens tokens|working_set tokens",
		"hbm|stated||49000|49000", "hbm|told||50000|50000", "dram|stated|inclusive|51000|51000", "dram|stated|exclusive|52000|52000", "ssd|stated|inclusive|53000|53000")
	d := try(t, c, scene{Width: 600, Height: 480, Theme: "light"}, points, capacities)
	labels := strings.Join(d.texts(), "|")
	for _, want := range []string{"hbm stated", "hbm told", "dram stated 51.0k, inclusive", "dram stated 52.0k, exclusive", "ssd stated"} {
		if !strings.Contains(labels, want) {
			t.Errorf("%q is not named: %s", want, labels)
		}
	}
}

func TestTicksAreLevels(t *testing.T) {
	c := Chart{Bind: Bind{Table: "points", X: "concurrency", Unit: []string{"s"}, Y: []Y{{Key: "y", Name: "y"}}}}
	row := func(levels ...int) (out []string) {
		for _, l := range levels {
			out = append(out, fmt.Sprintf("%d|1", l))
		}
		return out
	}
	ticks := func(rows []string) []float64 {
		return try(t, c, scene{}, grid("points", "concurrency|y s", rows...)).Option.XAxis.AxisLabel.CustomValues
	}
	equal(t, "few", ticks(row(1, 2, 4, 8, 16, 32)), []float64{1, 2, 4, 8, 16, 32})
	var many []int
	for l := range 60 {
		many = append(many, l+1)
	}
	if got := ticks(row(many...)); len(got) > 20 || slices.Contains(got, 7) {
		t.Errorf("of sixty levels %v", got)
	}
}

func TestRingsStaySmall(t *testing.T) {
	var rows []string
	for rate := range 7 {
		rows = append(rows, fmt.Sprintf("1000|%d|1", rate+1), fmt.Sprintf("2000|%d|1", rate+1))
	}
	c := Chart{Bind: Bind{Table: "points", X: "working_set", By: "hit_rate", Unit: []string{"s"}, Y: []Y{{Key: "y", Name: "y"}}}}
	d := try(t, c, scene{}, grid("points", "working_set tokens|hit_rate %|y s", rows...))
	for _, s := range d.of("line", "") {
		for _, point := range s.Data {
			if strings.Contains(string(point), `"symbolSize":22`) {
				t.Fatalf("a dot is a target: %s", point)
			}
		}
	}
}

// A narrow chart lists up to four long names below each other; more are scrolled, in a row
// that is high enough for their letters.
func TestLegendThatScrolls(t *testing.T) {
	for n, want := range map[int]string{4: "plain 9", 5: "scroll 14"} {
		var rows []string
		var ys []Y
		head := "x"
		row := "1"
		for i := range n {
			key := fmt.Sprint("y", i)
			ys, head, row = append(ys, Y{Key: key, Name: strings.Repeat("long name ", 3) + key}), head+"|"+key+" s", row+"|1"
		}
		rows = append(rows, row)
		d := try(t, Chart{Bind: Bind{Table: "points", X: "x", Unit: []string{"s"}, Y: ys}}, scene{Width: 372, Height: 300, Theme: "light"}, grid("points", head, rows...))
		var legends []struct {
			Type       string
			ItemHeight int
		}
		decode(t, d.Option.Legend, &legends)
		equal(t, fmt.Sprint(n, " names"), fmt.Sprint(legends[0].Type, " ", legends[0].ItemHeight), want)
	}
}

// Where a reader chose the best level of each size, a line goes from level to level: each of
// its points says which.
func TestMixedLevelsAreNamed(t *testing.T) {
	rows := []string{"1000|100|10|1|2|ok||1", "2000|100|10|1|2|ok||", "2000|100|20|3|4|ok||1"}
	for level, want := range map[string]string{"best": "The number at a point is its level.", "10": ""} {
		d := try(t, ttftChart(), choose(levels(level), rates("100")), grid("points", pointsHead, rows...))
		equal(t, level, d.Option.Left, want)
		var named int
		for _, s := range d.of("line", "") {
			if s.Label.Show {
				named++
			}
		}
		if want := map[string]int{"best": 1}[level]; named != want { // p50's points, and p95's are above them
			t.Errorf("%s: %d lines have labels, want %d", level, named, want)
		}
	}
}
