package scenario

import (
	"fmt"
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
