package html

import (
	"fmt"
	"html"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// shows reports whether a cell says a value: nothing for null, else the number to four
// digits, with ≥ before a lower bound.
func shows(cell string, v metric.Value) bool {
	if v.State == metric.Null {
		return cell == ""
	}
	rest, bound := strings.CutPrefix(cell, "≥")
	got, err := strconv.ParseFloat(rest, 64)
	return err == nil && bound == (v.State == metric.AtLeast) && math.Abs(got-v.V) <= 0.5001e-3*math.Abs(v.V)
}

// Every measured figure of the table is that of the final view of its period.
func TestPeriodTableIsThePeriods(t *testing.T) {
	r := soakRun{periods: 90, dead: 4}.run()
	p, _ := soakOf(t, r)
	tab := tableOf(p, "periods")
	want := result.PeriodRows(r.Rec, r.Rec.Units[0])
	if tab.Rows != len(want) || len(want) != 90 {
		t.Fatalf("%d rows of %d periods", tab.Rows, len(want))
	}
	checked, empty := 0, 0
	for _, c := range tab.Columns {
		if _, ok := metric.Find(c.Key); !ok || strings.HasPrefix(c.Key, "server.") {
			continue
		}
		for i, cell := range cells(tab, c.Key) {
			v := want[i].Final.Get(c.Key)
			if !shows(cell, v) {
				t.Errorf("period %d: %s says %q, it is %v", i+1, c.Key, cell, v)
			}
			checked++
			if cell == "" {
				empty++
			}
		}
	}
	if checked < 90*15 || empty == 0 {
		t.Errorf("%d cells looked at, %d of them empty", checked, empty)
	}
	for i, cell := range cells(tab, "server.requests_waiting.max") {
		if !shows(cell, metric.Of(want[i].Server["server.requests_waiting"].Max)) {
			t.Errorf("period %d: %q waited at most, not %v", i+1, cell, want[i].Server["server.requests_waiting"])
		}
	}
}

// A period in which nothing came has no latency: no zero, and no value of its neighbour.
func TestPeriodWithoutCompletionsIsEmpty(t *testing.T) {
	p, _ := soakOf(t, soakRun{periods: 60, dead: 3}.run())
	tab := tableOf(p, "periods")
	for _, key := range []string{"ttft.p95", "ttft.max", "output_rate.avg", "tpot.p50", "hit_rate_intended"} {
		if got := cells(tab, key); got[59] != "" || got[20] == "" {
			t.Errorf("%s: %q in a period in which nothing came, %q in one before", key, got[59], got[20])
		}
	}
}

// Growths, ingests and holds are marked where they were, in minutes since the cell began.
func TestSpansStandWhereTheyWere(t *testing.T) {
	r := soakRun{periods: 60}.run()
	p, _ := soakOf(t, r)
	tab := tableOf(p, "phases")
	kinds, from, to, size := cells(tab, "kind"), cells(tab, "start"), cells(tab, "end"), cells(tab, "size")
	// The warm-up ends at 30 s, a size has ten periods of 10 s, an ingest takes 40 s; the cell began at 1 s.
	var want []string
	for step := 1; step < len(soakSteps); step++ {
		grown := soakWarm + float64(step)*(10*soakPeriod+soakIngest)
		sz := soakSteps[step].prompts * 2000
		want = append(want, fmt.Sprintf("ingest %.4f %.4f %d", (grown-soakIngest-1)/60, (grown-1)/60, sz), fmt.Sprintf("growth %.4f %.4f %d", (grown-1)/60, (grown-1)/60, sz))
	}
	var got, holds []string
	for i := range kinds {
		line := strings.Join([]string{kinds[i], from[i], to[i], size[i]}, " ")
		switch kinds[i] {
		case "ingest", "growth":
			got = append(got, line)
		case "hold", "search":
			holds = append(holds, kinds[i]+" "+from[i])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	// Seven levels are tried at the first size, four where the level has to fall; the fifth size did not converge.
	if len(holds) != 6 || holds[0] != fmt.Sprintf("hold %.4f", (soakWarm+7*soakPeriod-1)/60) || !strings.HasPrefix(holds[4], "search") {
		t.Errorf("holds %q", holds)
	}
	ends := cells(tableOf(p, "periods"), "end")
	if last := fmt.Sprintf("%.3f", (soakWarm+60*soakPeriod+5*soakIngest-1)/60); ends[59] != last {
		t.Errorf("the last period ends at %s min, not %s", ends[59], last)
	}
}

// A soak says "hold" hundreds of times: its reason is told where it is news.
func TestReasonsAreToldWhereTheyAreNews(t *testing.T) {
	p, _ := soakOf(t, soakRun{periods: 120}.run())
	tab := tableOf(p, "periods")
	decisions, reasons, levels := cells(tab, "decision"), cells(tab, "reason"), cells(tab, "concurrency")
	said := 0
	for i := range reasons {
		if reasons[i] != "" {
			said++
		}
		news := i == 0 || decisions[i] != decisions[i-1] || i+1 < len(levels) && levels[i+1] != levels[i]
		if news && reasons[i] == "" {
			t.Errorf("period %d: nothing said of %s", i+1, decisions[i])
		}
	}
	if said < 20 || said > 50 {
		t.Errorf("%d of %d reasons are told", said, len(reasons))
	}
}

// What the controller saw has a column of its own where it is not what the record shows.
func TestDecidedValueWhereItDiffers(t *testing.T) {
	r := soakRun{periods: 60}.run()
	if p, _ := soakOf(t, r); columnOf(tableOf(p, "periods"), "ttft.p95_decided") != nil {
		t.Error("a column where nothing differs")
	}
	rows := result.PeriodRows(r.Rec, r.Rec.Units[0])
	r.Rec.Units[0].Periods[8].Row = metric.Row{"ttft.p95": metric.Of(9)}
	r.Rec.Units[0].Periods[9].Row = metric.Row{"ttft.p95": rows[9].Final.Get("ttft.p95")}
	p, _ := soakOf(t, r)
	for i, cell := range cells(tableOf(p, "periods"), "ttft.p95_decided") {
		if want := map[int]string{8: "9"}[i]; cell != want {
			t.Errorf("period %d: %q as decided, not %q", i+1, cell, want)
		}
	}
}

// Trials stand one after the other, and a control chooses between them.
func TestTrialsOfASustainedCell(t *testing.T) {
	p, _ := soakOf(t, soakRun{periods: 24, trials: 3}.run())
	tab := tableOf(p, "periods")
	trials := cells(tab, "trial")
	if len(trials) != 72 || trials[0] != "1" || trials[24] != "2" || trials[71] != "3" {
		t.Errorf("trials %q", trials)
	}
	if got := cells(tableOf(p, "phases"), "trial"); got[len(got)-1] != "3" {
		t.Errorf("phases of trials %q", got)
	}
	c := p.View.Controls[0]
	if c.ID != "trial" || c.Key != "trial" || len(c.Options) != 3 || !slices.Equal(c.Default, []string{"1"}) {
		t.Errorf("control %+v", c)
	}
	for _, ch := range p.View.Charts {
		if !slices.Equal(ch.Bind.Where, []string{"trial"}) {
			t.Errorf("chart %s is drawn of all trials at once", ch.ID)
		}
	}
	if p, _ := soakOf(t, soakRun{periods: 24}.run()); columnOf(tableOf(p, "periods"), "trial") != nil || p.View.Charts[0].Bind.Where != nil {
		t.Error("one trial is told apart from none")
	}
}

// Text of a decision stays text.
func TestHostileReason(t *testing.T) {
	evil := `</script><script>alert(1)</script>"><img src=x onerror=alert(1)>`
	p, page := soakOf(t, soakRun{periods: 24, reason: evil}.run())
	if got := html.UnescapeString(cells(tableOf(p, "periods"), "reason")[0]); got != evil {
		t.Errorf("reason %q", got)
	}
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") {
		t.Error("it became markup")
	}
}

// A page of 1,000 periods is under 500 KB beside the script, and is the same each time.
func TestSizeAndBytesOfASoak(t *testing.T) {
	k := soakRun{periods: 996, slow: 2}
	_, page := soakOf(t, k.run())
	if len(page) > 500_000 || len(page) < 200_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	if rows := regexp.MustCompile(`(?m)^<tr><td>[0-9]+<td>[0-9.]+<td>[0-9.]+<td>`).FindAllString(page, -1); len(rows) != 996 {
		t.Errorf("%d rows", len(rows))
	}
	small := soakRun{periods: 36, trials: 2}
	_, one := soakOf(t, small.run())
	if _, two := soakOf(t, small.run()); one != two {
		t.Error("the same record gives other bytes")
	}
}

// The sources come nearest first, and only those that served anything.
func TestSourceNames(t *testing.T) {
	row := func(names ...string) period {
		r := metric.Row{"hit_rate_observed": metric.Of(60)}
		for i, n := range names {
			r["tier_share."+n] = metric.Of(float64(10 * (i + 1)))
		}
		return period{sources: result.Sources(r)}
	}
	if got := sourceNames([]period{row("remote", "dram"), row("hbm"), {}}); !slices.Equal(got, []string{"hbm", "dram", "remote", "cached", "computed"}) {
		t.Errorf("%q", got)
	}
	if got := sourceNames([]period{{}}); len(got) != 0 {
		t.Errorf("nothing was told: %q", got)
	}
	idle := period{sources: result.Sources(metric.Row{"hit_rate_observed": metric.Of(100), "tier_share.hbm": metric.Of(100), "tier_share.disk": metric.Of(0)})}
	if got := sourceNames([]period{idle}); !slices.Equal(got, []string{"hbm"}) {
		t.Errorf("%q", got)
	}
}

// Measured figures keep four digits, and whole numbers all of theirs.
func TestAppendFigure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := metric.Value{V: rapid.Float64Range(1e-7, 1e12).Draw(t, "v"), State: metric.State(rapid.IntRange(0, 2).Draw(t, "state"))}
		if rapid.Bool().Draw(t, "whole") {
			v.V = math.Trunc(v.V)
		}
		if cell := string(appendFigure(nil, v)); !shows(cell, v) {
			t.Fatalf("%q for %v", cell, v)
		}
	})
}

// The border of a period is told to a hundredth of the shortest one.
func TestMinuteDecimals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.Int64Range(100e6, 3600e9).Draw(t, "ns")
		d := minuteDecimals([]period{{PeriodRow: result.PeriodRow{Period: &result.Period{End: length}}}})
		if step := math.Pow(10, -float64(d)) * 60e9; step > float64(length)/50 && d < 6 || d < 2 {
			t.Fatalf("%d decimals (%g ns) for %d ns", d, step, length)
		}
	})
}
