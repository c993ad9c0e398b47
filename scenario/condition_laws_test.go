package scenario

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/scenario/metric"
)

// drawnNames are read by drawn conditions; all are times.
var drawnNames = []string{"ttft.p95", "total.ttft.p95", "ttft.p50"}

// drawCondition draws a condition over times with everything that conditions have. What
// would always be true, or never, does not compile and is drawn anew.
func drawCondition(t *rapid.T) *Condition {
	var number func(depth int) string
	number = func(depth int) string {
		lit := fmt.Sprintf("%ds", rapid.IntRange(0, 6).Draw(t, "literal"))
		name := rapid.SampledFrom(drawnNames).Draw(t, "name")
		if depth == 0 {
			return rapid.SampledFrom([]string{lit, name, name}).Draw(t, "leaf")
		}
		switch rapid.IntRange(0, 6).Draw(t, "number") {
		case 0:
			return "(" + number(depth-1) + rapid.SampledFrom([]string{" + ", " - "}).Draw(t, "sum") + number(depth-1) + ")"
		case 1:
			return "(" + number(depth-1) + fmt.Sprintf(" * %d)", rapid.IntRange(0, 3).Draw(t, "factor"))
		case 2:
			return "(" + number(depth-1) + " / (" + number(depth-1) + " / 1s))"
		case 3:
			return rapid.SampledFrom([]string{"min", "max"}).Draw(t, "function") + "(" + number(depth-1) + ", " + number(depth-1) + ")"
		case 4:
			return "abs(" + number(depth-1) + ")"
		case 5:
			return "-" + number(depth-1)
		}
		return number(0)
	}
	var cond func(depth int) string
	cond = func(depth int) string {
		switch k := rapid.IntRange(0, 4).Draw(t, "condition"); {
		case k == 0 && depth > 0:
			return "not (" + cond(depth-1) + ")"
		case k < 3 && depth > 0:
			return "(" + cond(depth-1) + rapid.SampledFrom([]string{" and ", " or "}).Draw(t, "join") + cond(depth-1) + ")"
		}
		return number(2) + " " + rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, "operator") + " " + number(1)
	}
	text := cond(2)
	c, err := Compile(text, StopScope)
	if err != nil {
		t.Skip(err)
	}
	return c
}

// TestKnownHoldsWhateverIsMissing: an answer that is true or false stays so whatever the
// missing values turn out to be, and whatever is above a lower bound. With everything
// measured there is an answer, unless something is divided by zero.
func TestKnownHoldsWhateverIsMissing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCondition(t)
		row, truth := metric.Row{}, metric.Row{}
		for _, name := range drawnNames {
			v := float64(rapid.IntRange(0, 6).Draw(t, name))
			more := float64(rapid.IntRange(0, 4).Draw(t, "above"))
			switch rapid.IntRange(0, 3).Draw(t, "known") {
			case 0: // missing
				truth.Set(name, metric.Of(v))
			case 1:
				row.Set(name, metric.Lower(v))
				truth.Set(name, metric.Of(v+more))
			default:
				row.Set(name, metric.Of(v))
				truth.Set(name, metric.Of(v))
			}
		}
		said, is := c.Eval(row.Get), c.Eval(truth.Get)
		if said != Unknown && is != Unknown && said != is {
			t.Fatalf("%s: %s with %v, but %s with %v", c, said, row, is, truth)
		}
		if is == Unknown && !strings.Contains(c.String(), "/") {
			t.Fatalf("%s: unknown with %v", c, truth)
		}
		if none := c.Eval(func(string) metric.Value { return metric.Value{} }); none != Unknown && is != Unknown && none != is {
			t.Fatalf("%s: %s without any data, but %s with %v", c, none, is, truth)
		}
	})
}

// TestJoinsAreKleenes: and, or and not over any conditions are what the table of three
// values says, in both orders: nothing is hidden by what stands in front of it.
func TestJoinsAreKleenes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawCondition(t), drawCondition(t)
		row := metric.Row{}
		for _, name := range drawnNames {
			if v := rapid.IntRange(-1, 6).Draw(t, name); v >= 0 {
				row.Set(name, metric.Of(float64(v)))
			}
		}
		x, y := a.Eval(row.Get), b.Eval(row.Get)
		for form, want := range map[string]Tri{
			"(A) and (B)": min(x, y), "(B) and (A)": min(x, y), "(A) or (B)": max(x, y), "(B) or (A)": max(x, y),
			"not (A)": -x, "not (not (A))": x, "not ((A) and (B))": max(-x, -y), "not ((A) or (B))": min(-x, -y),
		} {
			text := strings.NewReplacer("A", a.String(), "B", b.String()).Replace(form)
			c, err := Compile(text, StopScope)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if got := c.Eval(row.Get); got != want {
				t.Fatalf("%s is %s, want %s of %s and %s, with %v", text, got, want, x, y, row)
			}
		}
	})
}

// BenchmarkCondition: what a condition costs when it is read, once, and when it is
// judged, each period. The longest is the longest that is read.
func BenchmarkCondition(b *testing.B) {
	row := metric.Row{"ttft.p95": metric.Of(4), "error_rate": metric.Of(10), "completed": metric.Of(50)}
	longest := "error_rate > 5"
	for len(longest) < 900 {
		longest += " or error_rate > 5"
	}
	for name, text := range map[string]string{"usual": "ttft.p95 > 3s or error_rate > 5% and completed > 50", "longest": longest} {
		c, err := Compile(text, StopScope)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("compile/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compile(text, StopScope); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("judge/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Eval(row.Get)
			}
		})
	}
}

// TestNoDataOnEachSide is the table of comparisons and arithmetic with missing values, in
// each place, and of what is no number.
func TestNoDataOnEachSide(t *testing.T) {
	nan, inf := metric.Value{V: math.NaN(), State: metric.Exact}, metric.Value{V: math.Inf(1), State: metric.Exact}
	row := metric.Row{
		"ttft.avg": metric.Of(2), "ttft.p90": metric.Of(0), "ttft.p95": metric.Lower(7), "ttft.p99": nan, "ttft.max": inf, // ttft.p50 is missing
		"total.ttft.p95": metric.Lower(math.NaN()), "total.ttft.max": metric.Lower(math.Inf(1)), "attempts": metric.Of(0), "completed": metric.Of(5),
	}
	var conditions []string
	for _, op := range []string{"<", "<=", ">", ">=", "==", "!="} {
		for _, none := range []string{"ttft.p50", "ttft.p99", "ttft.max", "total.ttft.p95", "total.ttft.max"} {
			conditions = append(conditions, none+op+"3s", "3s"+op+none, none+op+"ttft.avg", "ttft.avg"+op+none, none+op+none)
		}
	}
	for _, none := range []string{"ttft.p50", "ttft.p99"} {
		for _, number := range []string{"N + 1s", "1s + N", "N - 1s", "1s - N", "N * 0", "0 * N", "N / 2", "-N", "+N", "abs(N)", "min(N, 1s)", "min(1s, N)", "max(N, 1s)", "max(1s, N)", "max(1s, 2s, N)", "N - N"} {
			conditions = append(conditions, strings.ReplaceAll(number, "N", none)+" > 0.5s", "0.5s < "+strings.ReplaceAll(number, "N", none))
		}
		conditions = append(conditions, none+" / ttft.avg > 1", "ttft.avg / "+none+" > 1")
	}
	// Divided by what is zero, or may be: 7 or more, less 9, may be.
	conditions = append(conditions, "ttft.avg / ttft.p90 > 1", "completed / attempts > 1", "ttft.avg / (ttft.p95 - 9s) > 1", "ttft.p90 / ttft.p90 == 1", "completed / (completed - 5) != 1")
	for _, text := range conditions {
		c, err := Compile(text, StopScope)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := c.Eval(row.Get); got != Unknown {
			t.Errorf("%s is %s, want unknown", text, got)
		}
		// Beside what decides, it is no matter, on either side.
		for form, want := range map[string]Tri{"(X) or ttft.avg > 1s": True, "ttft.avg > 1s or (X)": True, "(X) and ttft.avg < 1s": False, "ttft.avg < 1s and (X)": False, "not (X)": Unknown} {
			d, err := Compile(strings.ReplaceAll(form, "X", text), StopScope)
			if err != nil {
				t.Errorf("%s: %v", form, err)
			} else if got := d.Eval(row.Get); got != want {
				t.Errorf("%s is %s, want %s", d, got, want)
			}
		}
	}
}

// TestEdgesAreBounds: an edge that was not found up to a size is a lower bound, so that
// it can be known to be above.
func TestEdgesAreBounds(t *testing.T) {
	for text, want := range map[string][3]Tri{ // found at 900k; none up to 1M; no curve
		"edge1 > 950k":                   {False, True, Unknown},
		"edge1 > 1M":                     {False, Unknown, Unknown},
		"edge1 >= 1M":                    {False, True, Unknown},
		"edge1 < 950k":                   {True, False, Unknown},
		"edge1 < 2M":                     {True, Unknown, Unknown},
		"edge1 == 900k":                  {True, False, Unknown},
		"edge1 == 1M":                    {False, Unknown, Unknown},
		"edge1 != 900k":                  {False, True, Unknown},
		"not (edge1 <= 950k)":            {False, True, Unknown},
		"edge1 / 1000 > 950":             {False, True, Unknown},
		"edge1 > 950k and context == 8k": {False, True, Unknown},
		"edge1 > 950k or edge2 > 1M":     {Unknown, True, Unknown},
		"min(edge1, 2M) > 950k":          {False, True, Unknown},
	} {
		c, err := Compile(text, ExpectScope)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for i, edge := range []metric.Value{metric.Of(900_000), metric.Lower(1_000_000), {}} {
			row := metric.Row{"edge1": edge, "context": metric.Of(8000)}
			if got := c.Eval(row.Get); got != want[i] {
				t.Errorf("%s is %s for %s, want %s", text, got, edge, want[i])
			}
		}
	}
}
