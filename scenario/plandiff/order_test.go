package plandiff_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
	"github.com/wsrun/wsrun/scenario/plandiff"
)

func compiled(t testing.TB, text string) *scenario.Condition {
	t.Helper()
	c, err := scenario.Compile(text, scenario.StopScope)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

var orderNames = map[plandiff.Order]string{plandiff.Unordered: "?", plandiff.Same: "same", plandiff.Weaker: "weaker", plandiff.Stronger: "stronger"}

func TestCompare(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"ttft.p95 > 3s", "ttft.p95 > 5s", "stronger"},
		{"ttft.p95 > 3s", "ttft.p95 > 2s", "weaker"},
		{"ttft.p95 > 3s", "ttft.p95 > 3000ms", "same"},
		{"ttft.p95 > 3s", "ttft.p95>3s", "same"},
		{"ttft.p95 > 3s", "3s < ttft.p95", "same"},
		{"ttft.p95 > 3s", "not (ttft.p95 <= 3s)", "same"},
		{"ttft.p95 > 3s", "ttft.p95 >= 3s", "weaker"},
		{"ttft.p95 < 2s", "ttft.p95 <= 2s", "weaker"},
		{"ttft.p95 < 2s", "ttft.p95 < 3s", "weaker"},
		{"ttft.p95 < 2s", "ttft.p90 < 2s", "?"},
		{"ttft.p95 < 2s", "ttft.p95 > 2s", "?"},
		{"completed == 5", "completed >= 5", "weaker"},
		{"completed == 5", "completed != 6", "weaker"},
		{"completed > 5", "completed != 5", "weaker"},
		{"completed != 5", "completed > 5", "stronger"},
		{"ttft.p95 > 3s", "ttft.p95 > 3s and completed > 50", "stronger"},
		{"ttft.p95 > 3s", "ttft.p95 > 3s or error_rate > 5%", "weaker"},
		{"ttft.p95 > 3s and completed > 50", "completed > 50 && ttft.p95 > 3s", "same"},
		{"ttft.p95 > 3s and completed > 50", "ttft.p95 > 4s and completed > 50", "stronger"},
		{"ttft.p95 > 3s and completed > 50", "ttft.p95 > 4s and completed > 40", "?"},
		{"ttft.p95 > 3s or error_rate > 5%", "ttft.p95 > 4s or error_rate > 6%", "stronger"},
		{"not (ttft.p95 > 3s or error_rate > 5%)", "ttft.p95 <= 3s and error_rate <= 5%", "same"},
		{"not (ttft.p95 > 3s and error_rate > 5%)", "not (ttft.p95 > 4s and error_rate > 5%)", "weaker"},
		{"ttft.p95 > 2 * best.ttft.p50", "ttft.p95 > 3 * best.ttft.p50", "stronger"},
		{"ttft.p95 > best.ttft.p50 / 2", "ttft.p95 > best.ttft.p50 / 4", "weaker"},
		{"ttft.p95 > best.ttft.p50 + 1s", "ttft.p95 > best.ttft.p50 + 2s", "stronger"},
		{"ttft.p95 > best.ttft.p50 - 1s", "ttft.p95 > best.ttft.p50 - 2s", "weaker"},
		{"ttft.p95 - 1s > best.ttft.p50", "ttft.p95 - 2s > best.ttft.p50", "stronger"},
		{"max(ttft.p95, 1s) > 3s", "max(ttft.p95, 2s) > 3s", "weaker"},
		{"ttft.p95 < min(ttft.p50, 2s)", "ttft.p95 < min(ttft.p50, 3s)", "weaker"},
		{"-ttft.p95 < -3s", "-ttft.p95 < -4s", "stronger"},
		{"server.queue > 2 * server.running", "server.queue > 3 * server.running", "?"}, // telemetry may be below 0
		{"goodput < -2 * best.goodput", "goodput < -3 * best.goodput", "?"},
		{"goodput > best.goodput", "goodput >= best.goodput", "?"},
	} {
		if got := orderNames[plandiff.Compare(compiled(t, tt.old), compiled(t, tt.new))]; got != tt.want {
			t.Errorf("%s -> %s: %s, want %s", tt.old, tt.new, got, tt.want)
		}
	}
}

// drawn makes conditions of a few metrics and near numbers, so that many are ordered.
func drawn() *rapid.Generator[string] {
	names := []string{"ttft.p95", "best.ttft.p95", "ttft.p50"}
	var number func(t *rapid.T, depth int) string
	number = func(t *rapid.T, depth int) string {
		name := rapid.SampledFrom(names).Draw(t, "name")
		lit := fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "literal"))
		switch k := rapid.IntRange(0, 6).Draw(t, "number"); {
		case k == 0 && depth > 0:
			return lit + " * " + name
		case k == 1 && depth > 0:
			return "(" + name + " + " + lit + "s)"
		case k == 2 && depth > 0:
			return "(" + name + " - " + lit + "s)"
		case k == 3 && depth > 0:
			return name + " / " + lit
		case k == 4 && depth > 0:
			return rapid.SampledFrom([]string{"min", "max"}).Draw(t, "function") + "(" + number(t, 0) + ", " + lit + "s)"
		case k == 5:
			return lit + "s"
		}
		return name
	}
	var cond func(t *rapid.T, depth int) string
	cond = func(t *rapid.T, depth int) string {
		switch k := rapid.IntRange(0, 5).Draw(t, "condition"); {
		case k == 0 && depth > 0:
			return "(" + cond(t, depth-1) + " and " + cond(t, depth-1) + ")"
		case k == 1 && depth > 0:
			return "(" + cond(t, depth-1) + " or " + cond(t, depth-1) + ")"
		case k == 2 && depth > 0:
			return "not (" + cond(t, depth-1) + ")"
		}
		op := rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, "operator")
		return "ttft.p95 " + op + " " + number(t, 1)
	}
	return rapid.Custom(func(t *rapid.T) string { return cond(t, 2) })
}

// values draws what is measured: numbers, bounds, and their absence.
func values(t *rapid.T) func(string) metric.Value {
	row := metric.Row{}
	for _, name := range []string{"ttft.p95", "best.ttft.p95", "ttft.p50"} {
		v := float64(rapid.IntRange(0, 8).Draw(t, name)) / 2
		switch rapid.IntRange(0, 4).Draw(t, name+" is") {
		case 0:
		case 1:
			row.Set(name, metric.Lower(v))
		default:
			row.Set(name, metric.Of(v))
		}
	}
	return row.Get
}

// What Compare says holds for every value: it is a proof, not a guess.
func TestCompareHolds(t *testing.T) {
	ordered := 0
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawn().Draw(t, "old"), drawn().Draw(t, "new")
		if rapid.Bool().Draw(t, "one number moved") {
			b = strings.Replace(a, "1", "2", 1)
		}
		x, errX := scenario.Compile(a, scenario.StopScope)
		y, errY := scenario.Compile(b, scenario.StopScope)
		if errX != nil || errY != nil {
			t.Skip(errX, errY) // what is always or never true does not compile
		}
		order := plandiff.Compare(x, y)
		if order != plandiff.Unordered {
			ordered++
		}
		for range 20 {
			get := values(t)
			was, is := x.Eval(get), y.Eval(get)
			if was == scenario.True && is != scenario.True && (order == plandiff.Weaker || order == plandiff.Same) {
				t.Fatalf("%s -> %s is %s, and %v became %v", a, b, orderNames[order], was, is)
			}
			if is == scenario.True && was != scenario.True && (order == plandiff.Stronger || order == plandiff.Same) {
				t.Fatalf("%s -> %s is %s, and %v became %v", a, b, orderNames[order], was, is)
			}
			if was == scenario.False && is != scenario.False && (order == plandiff.Stronger || order == plandiff.Same) {
				t.Fatalf("%s -> %s is %s, and %v became %v", a, b, orderNames[order], was, is)
			}
		}
		back := plandiff.Compare(y, x)
		want := map[plandiff.Order]plandiff.Order{plandiff.Weaker: plandiff.Stronger, plandiff.Stronger: plandiff.Weaker, plandiff.Same: plandiff.Same, plandiff.Unordered: plandiff.Unordered}[order]
		if back != want {
			t.Fatalf("%s -> %s is %s, and back %s", a, b, orderNames[order], orderNames[back])
		}
	})
	if ordered == 0 {
		t.Error("no drawn pair was ordered: the property says nothing")
	}
}

// A long condition of nested ands and ors costs no more than its pairs.
func TestCompareLong(t *testing.T) {
	text := "ttft.p95 > 1s"
	for i := range 60 {
		text = fmt.Sprintf("(%s %s > %d)", text, []string{"and completed", "or attempts"}[i%2], i)
	}
	if got := plandiff.Compare(compiled(t, text), compiled(t, strings.Replace(text, "1s", "2s", 1))); got != plandiff.Stronger {
		t.Errorf("got %s", orderNames[got])
	}
}

func FuzzCompare(f *testing.F) {
	f.Add("ttft.p95 > 3s", "ttft.p95 > 5s")
	f.Add("not (a.b > 1) or server.x < 2", "max(ttft.p50, 1s) < 2 * best.ttft.p50 and error_rate > 5%")
	f.Add("completed / 0 > 1", "completed / 1 > 1")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, errX := scenario.Compile(a, scenario.StopScope)
		y, errY := scenario.Compile(b, scenario.StopScope)
		if errX != nil || errY != nil {
			return
		}
		plandiff.Compare(x, y)
		if got := plandiff.Compare(x, x); got != plandiff.Same {
			t.Errorf("%q against itself: %s", a, orderNames[got])
		}
	})
}
