package control

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/stats"
	"pgregory.net/rapid"
)

const second = int64(time.Second)

func done(ages ...float64) (ls []stats.Life) {
	for _, a := range ages {
		ls = append(ls, stats.Life{Age: a, Event: true})
	}
	return ls
}

func waiting(ages ...float64) (ls []stats.Life) {
	for _, a := range ages {
		ls = append(ls, stats.Life{Age: a})
	}
	return ls
}

func times(n int, v float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func TestAssess(t *testing.T) {
	p50, avg, most := Line{"ttft.p50", 1}, Line{"ttft.avg", 1}, Line{"ttft.max", 1}
	rate := Line{"output_rate.avg", 20}
	for name, c := range map[string]struct {
		lines []Line
		seen  Observation
		want  answer
		room  float64
	}{
		"within the margin":                                      {[]Line{p50}, Observation{TTFT: done(.85, .9)}, passes, .9 / .875},
		"within the limit, not its margin":                       {[]Line{p50}, Observation{TTFT: done(.95, .95)}, violates, .9 / .95},
		"nothing seen":                                           {[]Line{p50}, Observation{}, unknown, 0},
		"only waiting, not long":                                 {[]Line{p50}, Observation{TTFT: waiting(.2, .95)}, unknown, 0},
		"only waiting, longer than the margin":                   {[]Line{avg}, Observation{TTFT: waiting(.95, .95)}, unknown, 0},
		"waiting longer than the limit":                          {[]Line{most}, Observation{TTFT: append(done(.2, .3), waiting(1.1)...)}, violates, .9 / 1.1},
		"a long wait, not enough for the median":                 {[]Line{p50}, Observation{TTFT: append(done(.2, .3, .3, .4), waiting(1.1)...)}, passes, 3},
		"waiting, but what ended violates itself":                {[]Line{avg}, Observation{TTFT: append(done(.95, .95, .95), waiting(.97)...)}, violates, .9 / .955},
		"an average within the margin whatever one waiting does": {[]Line{avg}, Observation{TTFT: append(done(times(39, .5)...), waiting(.6)...)}, passes, .9 / (.5025 + .015/math.Log(40))},
		"rate within the margin":                                 {[]Line{rate}, Observation{Rates: []float64{22, 24}}, passes, 23. / 22},
		"rate within the limit, not its margin":                  {[]Line{rate}, Observation{Rates: []float64{21}}, violates, 21. / 22},
		"both, the tighter tells the room":                       {[]Line{p50, rate}, Observation{TTFT: done(.3), Rates: []float64{33}}, passes, 1.5},
		"both, one violates":                                     {[]Line{p50, rate}, Observation{TTFT: done(.3), Rates: []float64{11}}, violates, .5},
		"both violate, the worse tells the room":                 {[]Line{p50, rate}, Observation{TTFT: done(9), Rates: []float64{11}}, violates, .1},
		"both, one without data never passes":                    {[]Line{p50, rate}, Observation{TTFT: done(.3)}, unknown, 0},
		"both, one without data, one violates":                   {[]Line{rate, p50}, Observation{TTFT: done(1.8)}, violates, .5},
	} {
		f := assess(c.lines, 0.1, []Observation{c.seen})
		if f.answer != c.want || c.want != unknown && math.Abs(f.room-c.room) > 1e-9 || f.text == "" {
			t.Errorf("%s: %d, room %v, %q; want %d, room %v", name, f.answer, f.room, f.text, c.want, c.room)
		}
	}
}

// Without anything in flight the mean is the arithmetic one.
func TestMeanLifeIsTheMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ages := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, 100), rapid.Map(rapid.IntRange(0, 4), func(i int) float64 { return float64(i) })), 1, 50).Draw(t, "ages")
		if low, high := meanLife(done(ages...)); math.Abs(low-stats.Mean(ages)) > 1e-9 || low != high {
			t.Fatalf("%v, %v; the mean is %v", low, high, stats.Mean(ages))
		}
	})
	if low, _ := meanLife(nil); !math.IsNaN(low) {
		t.Errorf("of nothing: %v", low)
	}
	if low, high := meanLife(append(done(1), waiting(2, 2)...)); low != 1./3+2./3*2 || !math.IsInf(high, 1) {
		t.Errorf("most still wait: %v, %v", low, high)
	}
}

// A wait that is cut in two at a border says the same as in one piece.
func TestPiecesOfAWait(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ages := rapid.SliceOfNDistinct(rapid.Float64Range(1, 100), 2, 30, func(a float64) float64 { return a }).Draw(t, "ages")
		one := Observation{TTFT: done(ages...)}
		var first, second Observation
		for _, a := range ages {
			cut := a * rapid.Float64Range(0, .99).Draw(t, "cut")
			first.TTFT = append(first.TTFT, stats.Life{Age: cut})
			second.TTFT = append(second.TTFT, stats.Life{Entry: cut, Age: a, Event: true})
		}
		for _, m := range []string{"ttft.avg", "ttft.p50", "ttft.p95", "ttft.max"} {
			l := Line{Metric: m, Limit: 1}
			a, b := l.value([]Observation{one}), l.value([]Observation{first, second})
			if math.Abs(a.low-b.low) > 1e-6 || math.Abs(a.high-b.high) > 1e-6 || a.n != b.n {
				t.Fatalf("%s: %+v in one piece, %+v in two", m, a, b)
			}
		}
	})
}

func TestConfigErrors(t *testing.T) {
	good := config()
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Config){
		"no slo":              func(c *Config) { c.Lines = nil },
		"margin":              func(c *Config) { c.Margin = 1 },
		"concurrency start 0": func(c *Config) { c.Start = 0 },
		"max 1":               func(c *Config) { c.Max = 1 },
		"step 0":              func(c *Config) { c.Step = 0 },
		"sizes":               func(c *Config) { c.Sizes = 0 },
		"assessment period":   func(c *Config) { c.Assessment = 0 },
		"hold":                func(c *Config) { c.Hold = -1 },
		"ttft.p59":            func(c *Config) { c.Lines = []Line{{"ttft.p59", 1}} },
		"tpot.p95":            func(c *Config) { c.Lines = []Line{{"tpot.p95", 1}} },
		"limit NaN":           func(c *Config) { c.Lines = []Line{{"ttft.p95", math.NaN()}} },
		"limit 0":             func(c *Config) { c.Lines = []Line{{"ttft.p95", 0}} },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

// Any observations at all: levels stay within their bounds, every decision has a
// reason, a level falls by what was seen of it, sizes only grow, the duration ends it; and the same observations give the
// same decisions (replay).
func TestSearchProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := config()
		cfg.Lines = append(cfg.Lines, Line{"output_rate.avg", 20})[:rapid.IntRange(1, 2).Draw(t, "lines")]
		cfg.Max = rapid.IntRange(2, 300).Draw(t, "max")
		cfg.Start = rapid.IntRange(1, cfg.Max).Draw(t, "start")
		cfg.Sizes, cfg.Hold = rapid.IntRange(1, 3).Draw(t, "sizes"), rapid.IntRange(0, 3).Draw(t, "hold")
		cfg.ByTime, cfg.Soak = rapid.Bool().Draw(t, "by time"), rapid.Bool().Draw(t, "soak")
		a, b := search(t, cfg), search(t, cfg)
		last, seen := a.Begin(), false // since the last change
		for i := range int64(200) {
			o := Observation{Start: i * 30 * second, End: (i + 1) * 30 * second}
			if !rapid.Bool().Draw(t, "empty") {
				o.TTFT = append(done(times(rapid.IntRange(0, 60).Draw(t, "n"), rapid.Float64Range(0, 3).Draw(t, "ttft"))...), waiting(times(rapid.IntRange(0, 9).Draw(t, "waiting"), rapid.Float64Range(0, 3).Draw(t, "age"))...)...)
				o.Rates = times(rapid.IntRange(0, 60).Draw(t, "rates"), rapid.Float64Range(1, 50).Draw(t, "rate"))
			}
			d := a.Next(o)
			if again := b.Next(o); !reflect.DeepEqual(d, again) {
				t.Fatalf("replayed: %+v, then %+v", d, again)
			}
			switch {
			case d.Next < cfg.Start || d.Next > cfg.Max || d.Level != last.Next || d.Size != last.NextSize || d.Period != int(i)+1:
				t.Fatalf("%+v after %+v", d, last)
			case d.Reason == "" || d.Kind == "" || d.NextSize-d.Size < 0 || d.NextSize-d.Size > 1 || d.NextSize >= cfg.Sizes:
				t.Fatalf("%+v", d)
			case (d.Done != nil) != (d.Over || d.NextSize > d.Size):
				t.Fatalf("a size has an outcome when it ends: %+v", d)
			}
			now := len(o.TTFT)+len(o.Rates) > 0
			seen = seen || now
			if d.Next < d.Level && d.Kind != Grow && (!seen || !now && d.Kind != Verify && last.Kind != Wait) { // both of these pool periods, of which the last may be empty
				t.Fatalf("nothing seen pushed the level down: %+v", d)
			}
			if d.Changed() {
				seen = false
			}
			if last = d; d.Over {
				if d.Missed != (d.Done.Reason != "" && strings.Contains(d.Reason, "fails at the lowest level")) {
					t.Fatalf("%+v", d)
				}
				return
			}
			if time.Duration(o.End) >= cfg.Duration {
				t.Fatalf("goes on after its duration: %+v", d)
			}
		}
	})
}

// Requests in flight that have not waited longer than the limit never lower a level.
func TestWaitingNeverLowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := config()
		cfg.Lines = []Line{{rapid.SampledFrom([]string{"ttft.avg", "ttft.p50", "ttft.p95", "ttft.max"}).Draw(t, "metric"), 1}}
		s := search(t, cfg)
		level := s.Begin().Next
		for i := range int64(40) {
			o := Observation{Start: i * 30 * second, End: (i + 1) * 30 * second}
			o.TTFT = append(done(times(rapid.IntRange(0, 40).Draw(t, "n"), rapid.Float64Range(0, .89).Draw(t, "ttft"))...),
				waiting(rapid.SliceOfN(rapid.Float64Range(0, 1), 0, 20).Draw(t, "waiting")...)...)
			d := s.Next(o)
			if d.Next < level || d.Kind == Floor || d.Missed {
				t.Fatalf("%+v", d)
			}
			if level = d.Next; d.Over {
				return
			}
		}
	})
}
