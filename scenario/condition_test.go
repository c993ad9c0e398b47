package scenario

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/scenario/metric"
)

// TestThreeValues is the table of three-valued logic: T, F and U are conditions
// that are true, false and unknown.
func TestThreeValues(t *testing.T) {
	row := metric.Row{
		"error_rate":     metric.Of(7),
		"completed":      metric.Of(50),
		"ttft.p95":       metric.Lower(7),
		"total.ttft.p95": metric.Of(2),
		"elapsed":        metric.Of(90),
		"context":        metric.Of(32768),
		"attempts":       metric.Of(0),
	}
	const T, F, U = "error_rate > 5%", "error_rate < 5%", "ttft.p50 > 3s"
	for expr, want := range map[string]Tri{
		T: True, F: False, U: Unknown,

		T + " and " + T: True, T + " and " + F: False, T + " and " + U: Unknown,
		F + " and " + T: False, F + " and " + F: False, F + " and " + U: False,
		U + " and " + T: Unknown, U + " and " + F: False, U + " and " + U: Unknown,

		T + " or " + T: True, T + " or " + F: True, T + " or " + U: True,
		F + " or " + T: True, F + " or " + F: False, F + " or " + U: Unknown,
		U + " or " + T: True, U + " or " + F: Unknown, U + " or " + U: Unknown,

		"not (" + T + ")": False, "not (" + F + ")": True, "not (" + U + ")": Unknown,
		"!(" + U + ")": Unknown, T + " && " + U: Unknown, T + " || " + U: True,

		// ttft.p95 is at least 7 s.
		"ttft.p95 > 5s": True, "ttft.p95 > 9s": Unknown, "ttft.p95 < 5s": False, "ttft.p95 < 9s": Unknown,
		"ttft.p95 >= 7s": True, "ttft.p95 > 7s": Unknown, "ttft.p95 < 7s": False, "ttft.p95 <= 7s": Unknown,
		"ttft.p95 == 5s": False, "ttft.p95 == 9s": Unknown, "ttft.p95 != 5s": True, "ttft.p95 != 9s": Unknown,
		"5s < ttft.p95": True, "9s < ttft.p95": Unknown, "-ttft.p95 < -5s": True, "-ttft.p95 > -5s": False,
		"ttft.p95 * 2 > 13s": True, "ttft.p95 / 2 > 4s": Unknown, "ttft.p95 / 2 > 3s": True,
		"ttft.p95 - total.ttft.p95 > 4s": True, "total.ttft.p95 - ttft.p95 < -4s": True, "total.ttft.p95 - ttft.p95 > -4s": False,
		"total.ttft.p95 / ttft.p95 < 1": True, "ttft.p95 / ttft.p95 == 1": Unknown,
		"max(ttft.p95, total.ttft.p95) > 5s": True, "min(ttft.p95, total.ttft.p95) < 5s": True,
		"max(ttft.p95, 9s) >= 9s": True, "max(ttft.p95, ttft.p50) > 5s": Unknown,
		"abs(ttft.p95) > 5s": True, "abs(total.ttft.p95 - ttft.p95) > 4s": True, "abs(total.ttft.p95 - 3s) == 1s": True,
		"5s < ttft.p95 < 20s": Unknown, "8s < total.ttft.p95 < 9s": False, "1s < total.ttft.p95 < 3s": True,

		// Constants may stand in a condition that names a metric.
		"true and error_rate > 5%": True, "false or error_rate > 5%": True, "false and " + U: False, "true or " + U: True,
		"not false and " + T: True, "+error_rate > 5": True, "-(ttft.p50) < 1s": Unknown,
		"min(completed, 5, 7) == 5": True, "abs(-completed) == 50": True, "abs(0s - ttft.p95) >= 7s": True, "abs(3s - ttft.p95) >= 4s": True,
		"error_rate * 1e308 * 1e308 > 1": Unknown, "completed * error_rate > 300%": True, "2 / completed < 1": True, "completed / 100 < 1": True,
		"ttft.p95 * 0 == 0s": True, "1s / ttft.p95 < 1": True, "1s / ttft.p95 > 1": False, "ttft.p95 - ttft.p95 == 0s": Unknown,
		"ttft.p95 + 1s > 7s": True, "ttft.p95 + 1s < 8s": False, "elapsed / 2 == 45s": True, "completed - 1 == 49": True,
		"server.load * 2 > 3s": Unknown,

		// Literals.
		"elapsed > 1m29s": True, "elapsed > 1m30s": False, "elapsed >= 1m30s": True, "elapsed > 89999ms": True,
		"context == 32Ki": True, "context < 33k": True, "context == 32768": True,
		"ttft.p95 > 5e-2 * 1s": True, "error_rate > 5": True, "error_rate == 7.0%": True, "error_rate > .5%": True, "error_rate > 5e-2%": True,
		"completed > 0.05k": False, "completed == 0.05k": True,

		// No data through arithmetic; dividing by zero is no data.
		"ttft.p50 * 0 < 1s": Unknown, "error_rate / attempts > 1": Unknown, "ttft.p50 == ttft.p50": Unknown,
	} {
		c, err := Compile(expr, StopScope)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got := c.Eval(row.Get); got != want {
			t.Errorf("%s is %s, want %s", expr, got, want)
		}
	}
}

func TestConditionNames(t *testing.T) {
	c, err := Compile("ttft.p95 > 3s or best.goodput > goodput and ttft.p95 < 1h", StopScope)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(c.Names(), " "), "best.goodput goodput ttft.p95"; got != want {
		t.Errorf("Names() = %s, want %s", got, want)
	}
	if got := c.String(); got != "ttft.p95 > 3s or best.goodput > goodput and ttft.p95 < 1h" {
		t.Errorf("String() = %q", got)
	}
}

// TestConditionProblems: code, place and words of what is refused. ^ marks the
// place under the text.
func TestConditionProblems(t *testing.T) {
	for _, c := range []struct {
		text, mark, code, part string
		scope                  Scope
	}{
		{"p95(tfft) > 5", "    ^^^^", "condition-name", `"tfft"`, StopScope}, // expr v1.17.8 accepts this with a visitor
		{"p95(ttft) > 5s", "^^^", "condition-construct", "write ttft.p95", StopScope},
		{"ttft.p59 > 3s", "^^^^^^^^", "condition-name", `did you mean "ttft.p95"?`, StopScope},
		{"ttft.p95 > 3", "           ^", "condition-dimension", "write 3s", StopScope},
		{"context < 1m", "          ^^", "condition-dimension", "did you mean 1M?", StopScope},
		{"1m > context", "^^", "condition-dimension", "did you mean 1M?", StopScope},
		{"ttft.p95 > 1M", "           ^^", "condition-dimension", "did you mean 1m?", StopScope},
		{"ttft.p95 + 1 > 3s", "           ^", "condition-dimension", "write 1s", StopScope},
		{"ttft.p95 * ttft.p95 > 3s", "^^^^^^^^^^^^^^^^^^^", "condition-dimension", "no unit", StopScope},
		{"error_rate > goodput", "^^^^^^^^^^^^^^^^^^^^", "condition-dimension", "a percentage is not comparable with requests/s", StopScope},
		{"error_rate > 5k", "             ^^", "condition-dimension", "0 to 100", StopScope},
		{"error_rate > 5%%", "               ^", "condition-syntax", "", StopScope},
		{"é > 1 and ttft.p95 > 3", "^", "condition-name", "", StopScope},
		{"ttft.p95", "^^^^^^^^", "condition-type", "compare it", StopScope},
		{"true", "^^^^", "condition-constant", "", StopScope},
		{"1 < 2 or true", "^^^^^^^^^^^^^", "condition-constant", "", StopScope},
		{"not (ttft.p95 > 3s) and completed", "                        ^^^^^^^^^", "condition-type", "compare it", StopScope},
		{"not ttft.p95 > 3s", "    ^^^^^^^^", "condition-type", "write not (", StopScope},
		{"all([1], # > 0) and error_rate > 1", "^^^", "condition-construct", "", StopScope},
		{"[error_rate] == [1]", "^", "condition-construct", "a list", StopScope},
		{"{a: error_rate} == 1", "^", "condition-construct", "a map", StopScope},
		{"error_rate in 1..5", "^^^^^^^^^^^^^^^^^^", "condition-construct", "", StopScope},
		{"let x = error_rate; x > 1", "    ^", "condition-construct", "let", StopScope},
		{"(error_rate ?? 1) > 1", " ^^^^^^^^^^^^^^^", "condition-construct", "", StopScope},
		{"error_rate % 2 == 1", "^^^^^^^^^^^^^^", "condition-construct", "", StopScope},
		{"error_rate ** 2 == 1", "^^^^^^^^^^^^^^^", "condition-construct", "", StopScope},
		{`"a" == "b"`, "^^^", "condition-construct", "text", StopScope},
		{"ttft?.p95 > 1s", "", "condition-construct", "", StopScope},
		{`ttft["p95" + "x"] > 1s`, "", "condition-construct", "", StopScope},
		{"error_rate > nil", "             ^^^", "condition-construct", "nil", StopScope},
		{"len(ttft.p95) > 1", "", "condition-construct", "len cannot be called", StopScope},
		{"error_rate > 1..5", "             ^^^^", "condition-construct", "a range", StopScope},
		{"min(ttft.p95) > 1s", "^^^", "condition-construct", "", StopScope},
		{"max(ttft.p95, error_rate) > 1s", "    ^^^^^^^^^^^^^^^^^^^^", "condition-dimension", "", StopScope},
		{"max(ttft.p95, ttft.p50 > 1s) > 1s", "", "condition-type", "", StopScope},
		{"(ttft.p95 > 1s) > 1", " ^^^^^^^^^^^^^", "condition-type", "use and, or, not", StopScope},
		{"1 > (ttft.p95 > 1s)", "     ^^^^^^^^^^^^^", "condition-type", "use and, or, not", StopScope},
		{"1 + (ttft.p95 > 1s) > 1", "     ^^^^^^^^^^^^^", "condition-type", "needs two numbers", StopScope},
		{"(ttft.p95 > 1s) + 1 > 1", " ^^^^^^^^^^^^^", "condition-type", "needs two numbers", StopScope},
		{"-(ttft.p95 > 1s)", "  ^^^^^^^^^^^^^", "condition-type", "needs a number", StopScope},
		{"ttft.max(1s) > 1s", "", "condition-construct", "only min, max and abs", StopScope},
		{"foo(error_rate) > 1", "^^^", "condition-construct", "foo cannot be called", StopScope},
		{"1 / ttft.p95 > 1", "^^^^^^^^^^^^", "condition-dimension", "no unit", StopScope},
		{"completed > ttft.p95", "^^^^^^^^^^^^^^^^^^^^", "condition-dimension", "a count is not comparable with a time", StopScope},
		{"goodput > 5s", "          ^^", "condition-dimension", "requests/s is on the other side", StopScope},
		{"ttft[1:2] > 1", "", "condition-construct", "", StopScope},
		{`error_rate > 5 and "it's \"5x\"" == 'a'`, "", "condition-construct", "text", StopScope},
		{"error_rate > 5e", "             ^^", "condition-literal", "", StopScope},
		{"error_rate > 1x%", "             ^^^", "condition-literal", "no percentage", StopScope},
		{"prev.elapsed > 1s", "^^^^^^^^^^^^", "condition-scope", "", StopScope},
		{"edge1 > 1M", "^^^^^", "condition-scope", "", StopScope},
		{"edge.hbm > 1M", "^^^^^^^^", "condition-name", "write target.tiers, as tiers: [{name: hbm, capacity: 1M}]", ExpectScope},
		{"edge.hbm > 1M", "^^^^^^^^", "condition-scope", "", StopScope},
		{"best.goodput > 1", "^^^^^^^^^^^^", "condition-scope", "write goodput", ExpectScope},
		{"completed > 1", "^^^^^^^^^", "condition-scope", "", WhereScope},
		{"working_set > 1M", "^^^^^^^^^^^", "condition-scope", "", EdgeWhereScope},
		{"server.cached_tokens > 5k", "^^^^^^^^^^^^^^^^^^^^", "condition-name", "server.cached_tokens.dram", StopScope},
		{"server.requests_waitng > 5", "^^^^^^^^^^^^^^^^^^^^^^", "condition-name", `did you mean "server.requests_waiting"?`, StopScope},
		{"server.kv_usage > 3s", "                  ^^", "condition-dimension", "a percentage is on the other side", StopScope},
		{"tier_share.a.b > 5%", "^^^^^^^^^^^^^^", "condition-name", "tier_share.a.b", StopScope},
		{"", "^", "condition-syntax", "", StopScope},
		{"(((", "  ^", "condition-syntax", "", StopScope},
	} {
		_, err := Compile(c.text, c.scope)
		var e *condError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v, want a problem", c.text, err)
			continue
		}
		if !strings.HasPrefix(e.code, c.code) || !strings.Contains(e.message, c.part) {
			t.Errorf("%s: %s %q, want %s with %q", c.text, e.code, e.message, c.code, c.part)
		}
		mark := strings.Repeat(" ", e.from) + strings.Repeat("^", e.to-e.from)
		if c.mark != "" && mark != c.mark {
			t.Errorf("place\n  %s\n  %s\nwant\n  %s\n(%s)", c.text, mark, c.mark, e.message)
		}
	}
}

func TestTriText(t *testing.T) {
	for v, want := range map[Tri]string{True: "true", False: "false", Unknown: "unknown"} {
		if v.String() != want {
			t.Errorf("%d prints as %s", v, v)
		}
	}
}

func TestConditionScopes(t *testing.T) {
	for _, c := range []struct {
		text  string
		scope Scope
	}{
		{"total.ttft.p95 > 3s and prev.error_rate > 5% and best.goodput > 1", StopScope},
		{"server.kv_usage > 90% and server.requests_waiting > 5", StopScope},
		{"tier_share.tier1 < 50%", ExpectScope},
		{"server.cached_tokens.dram > 5M and server.some.thing > 5 and prev.server.cached_tokens.hbm < 1k", StopScope},
		{"output_throughput > 5k and output_rate.p10 > 20", ExpectScope},
		{"goodput > 0.9 * best.goodput", StopScope},
		{"output_throughput / concurrency > 20", StopScope},
		{"edge1 > 950k and edge2 > 4M", ExpectScope},
		{"context == 32k and hit_rate == 100 and working_set <= 1M and reuse_distance < 2M and concurrency >= 8", WhereScope},
		{"hit_rate == 100% or context < 8k", EdgeWhereScope},
	} {
		if _, err := Compile(c.text, c.scope); err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestConditionBounds: absurd texts are refused quickly.
func TestConditionBounds(t *testing.T) {
	for name, text := range map[string]string{
		"64 KB":       strings.Repeat("error_rate > 5 or ", 3641) + "error_rate > 5",
		"many nodes":  strings.Repeat("context+", 300) + "context > 1",
		"deep":        strings.Repeat("(", 2000) + "context" + strings.Repeat(")", 2000) + " > 1",
		"many nots":   strings.Repeat("not ", 1000) + "context > 1",
		"many minus":  strings.Repeat("-", 4000) + "context > 1",
		"long digits": "context > " + strings.Repeat("9", 4000),
	} {
		begin := time.Now()
		_, err := Compile(text, StopScope)
		if took := time.Since(begin); took > time.Second {
			t.Errorf("%s: took %s", name, took)
		}
		if err == nil && name != "deep" {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestBoundsHoldTheTruth: whatever is said of a lower bound holds for every value
// that the bound allows.
func TestBoundsHoldTheTruth(t *testing.T) {
	exprs := []string{
		"ttft.p95 * 2 - total.ttft.p95 > 3s", "max(ttft.p95, total.ttft.p95) <= 4s", "abs(ttft.p95 - total.ttft.p95) < 2s",
		"ttft.p95 / total.ttft.p95 >= 1.5", "total.ttft.p95 / ttft.p95 < 0.5", "not (ttft.p95 == 3s) and min(ttft.p95, 2s) < 2s",
		"-ttft.p95 * total.ttft.p95 / 1s < 3s or ttft.p95 != 2s",
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(exprs).Draw(t, "condition")
		c, err := Compile(text, StopScope)
		if err != nil {
			t.Skip(err)
		}
		bound := float64(rapid.IntRange(-4, 8).Draw(t, "bound"))
		more := float64(rapid.IntRange(0, 8).Draw(t, "more"))
		other := metric.Of(float64(rapid.IntRange(-4, 8).Draw(t, "other")))
		at := func(v metric.Value) Tri {
			return c.Eval(metric.Row{"ttft.p95": v, "total.ttft.p95": other}.Get)
		}
		said, truth := at(metric.Lower(bound)), at(metric.Of(bound+more))
		if said != Unknown && truth != Unknown && said != truth {
			t.Fatalf("%s: %s for at least %g, but %s at %g (other %s)", text, said, bound, truth, bound+more, other)
		}
	})
}

func TestEvalDoesNotAllocateMuch(t *testing.T) {
	c, err := Compile("ttft.p95 > 3s and error_rate > 5%", StopScope)
	if err != nil {
		t.Fatal(err)
	}
	row := metric.Row{"ttft.p95": metric.Of(4), "error_rate": metric.Of(10)}
	if n := testing.AllocsPerRun(100, func() { c.Eval(row.Get) }); n > 8 {
		t.Errorf("%v allocations for one evaluation", n)
	}
}

func FuzzCondition(f *testing.F) {
	for _, s := range []string{
		"ttft.p95 > 3s", "5s < ttft.p95 < 10s", "error_rate > 5% and completed > 50", "p95(tfft) > 5", "max(1, 2, context) > 1M",
		"1m30s", "5e-2", ".5s > elapsed", "\"", "a.b.c.d > 1", "#", "-(-(1))", "not not error_rate > 1", "edge1 > 950k", "\x00", "é",
		"edge.cpu-dram > 1M", "total.tier_share.3fs < 5%", "edge.hbm-3fs > 1", "edge.3fs.cpu-dram",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, scope := range []Scope{StopScope, ExpectScope, WhereScope, EdgeWhereScope} {
			c, e := compile(s, scope, []string{"hbm", "cpu-dram", "3fs"})
			if e != nil {
				if e.from < 0 || e.to <= e.from || e.message == "" || !slices.Contains(Codes(), e.code) {
					t.Errorf("%q: problem %+v", s, *e)
				}
				continue
			}
			for _, v := range []metric.Value{{}, metric.Of(3), metric.Lower(3), metric.Lower(math.Inf(-1))} {
				c.Eval(func(string) metric.Value { return v })
			}
		}
	})
}
