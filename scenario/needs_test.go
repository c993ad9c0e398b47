package scenario

import (
	"math/big"
	"slices"
	"testing"
	"time"
)

// TestLeastTrials holds the numbers of trials against design and against the exact
// distribution: the smallest p that n against n can give is 2 / C(2n, n).
func TestLeastTrials(t *testing.T) {
	for compared, want := range map[int]int{0: 4, 1: 4, 2: 5, 6: 5, 7: 6, 23: 6, 24: 7, 85: 7, 86: 8, 321: 8, 322: 9} {
		if got := LeastTrials(compared, 0.05); got != want {
			t.Errorf("%d figures: %d trials, want %d", compared, got, want)
		}
	}
	for compared := 1; compared < 400; compared++ {
		least := func(n int64) float64 {
			p, _ := new(big.Rat).SetFrac(big.NewInt(2), new(big.Int).Binomial(2*n, n)).Float64()
			return p
		}
		n, limit := int64(LeastTrials(compared, 0.01)), 0.01/float64(compared)
		if least(n) >= limit || least(n-1) < limit {
			t.Fatalf("%d figures at 0.01: %d trials, p %g, with one less %g", compared, n, least(n), least(n-1))
		}
	}
}

// TestNeeds: what the verdicts of a plan ask for, worked by hand.
func TestNeeds(t *testing.T) {
	const head = "name: n\ntarget: http://localhost:8000\ncontexts: [8k]\noutput_tokens: 16\nchunk: 1000\n"
	fixedHead := head + "mode: fixed\nworking_set: [80k, 800k]\n"
	for name, c := range map[string]struct {
		text    string
		samples int
		named   []string
		most    time.Duration
		touch   int64
		touches time.Duration
		trials  int
	}{
		"nothing named": {fixedHead + "concurrency: [10, 20]\n", 0, nil, 0, 90, 5 * time.Minute * 10 / 90, 5},
		"p95":           {fixedHead + "concurrency: [10]\nduration: 59s\nslo: {ttft: {p95: 2s, avg: 1s}}\n", 59, []string{"ttft.p95"}, 10 * time.Second, 90, 590 * time.Second / 90, 5},
		"p99 in a stop": {fixedHead + "concurrency: [10]\nduration: 299s\nstop: [prev.ttft.p99 > 2s or tpot.p50 > 1s]\n", 299, []string{"tpot.p50", "ttft.p99"}, 10 * time.Second, 90, 2990 * time.Second / 90, 5},
		"repeats":       {fixedHead + "concurrency: [10]\nduration: 10s\nassessment_period: 10s\nrepeats: 4\nthresholds: [{expect: output_rate.p5 > 9}]\n", 59, []string{"output_rate.p5"}, 500 * time.Second / 59, 90, 500 * time.Second / 90, 5},
		"uniform":       {fixedHead + "concurrency: [10]\nduration: 1m\naccess: uniform\n", 0, nil, 0, 231, 600 * time.Second / 231, 5},
		"depth":         {fixedHead + "concurrency: [10]\nduration: 1m\naccess: depth\n", 0, nil, 0, 0, 0, 5},
		"no set":        {fixedHead + "concurrency: [10]\nhit_rates: [0]\n", 0, nil, 0, 0, 0, 5},
		// A verification pools 100 requests at least: more than a p95 needs.
		"sustained p95": {head + "working_set: [80k, 800k]\nslo: {ttft: {p95: 2s}}\n", 0, []string{"ttft.p95"}, 0, 0, 0, 5},
		"sustained p99": {head + "working_set: [80k, 800k]\nslo: {ttft: {p99: 2s}}\nconcurrency: {start: 10}\n", 299, []string{"ttft.p99"}, 1800 * time.Second / 299, 0, 0, 5},
		"map":           {head[:len(head)-len("output_tokens: 16\nchunk: 1000\n")] + "mode: map\nthresholds: [{expect: ttft.p95 < 1s}]\n", 0, []string{"ttft.p95"}, 0, 0, 0, 6},
	} {
		plan, problems := Load("n.yaml", []byte(c.text), Options{})
		if plan == nil {
			t.Errorf("%s: %s", name, Render(problems, false))
			continue
		}
		n := plan.Needs()
		if n.Samples != c.samples || !slices.Equal(n.Named, c.named) || !near(n.Most, c.most) || n.Touch != c.touch || !near(n.TouchMost, c.touches) || n.Trials != c.trials {
			t.Errorf("%s: %+v", name, n)
		}
	}
}

// TestNeedsOfARate: in open loop the rate says how many requests a window starts.
func TestNeedsOfARate(t *testing.T) {
	plan, problems := Load("n.yaml", []byte("name: n\ntarget: http://localhost:8000\ncontexts: [8k]\nmode: fixed\nworking_set: [80k, 800k]\nrate: [0.5, 5]\nduration: 1m\nslo: {ttft: {p95: 2s}}\n"), Options{})
	if plan == nil {
		t.Fatal(Render(problems, false))
	}
	if n := plan.Needs(); n.Rate != 0.5 || n.Level != 0 || n.Samples != 59 || n.Held(n.Window) != 30 || n.Most != 0 || n.TouchMost != 0 {
		t.Errorf("%+v, holds %d", n, n.Held(n.Window))
	}
}

// TestNeedsOfAPeriod: a percentile that a stop reads of a period is empty where the period
// holds too few requests.
func TestNeedsOfAPeriod(t *testing.T) {
	const head = "name: n\ntarget: http://localhost:8000\ncontexts: [8k]\nmode: fixed\nworking_set: [80k]\nconcurrency: [4, 8]\nduration: 1m\nassessment_period: 20s\n"
	for text, want := range map[string]struct {
		names   []string
		samples int
		most    time.Duration
	}{
		"stop: [ttft.p95 > 3s]\n":                                                                   {nil, 0, 0}, // of the finished level
		"stop: [{when: ttft.p95 > 3s, periods: 2}]\n":                                               {[]string{"ttft.p95"}, 20, 4 * time.Second},
		"stop: [{when: prev.ttft.p99 > 3s and ttft.p90 > 1s, ends: level}]\n":                       {[]string{"ttft.p90", "ttft.p99"}, 100, 800 * time.Millisecond},
		"stop: [{when: total.ttft.p99 > 3s or best.ttft.p95 > 1s or error_rate > 5, periods: 1}]\n": {nil, 0, 0},
	} {
		plan, problems := Load("n.yaml", []byte(head+text), Options{})
		if plan == nil {
			t.Errorf("%s", Render(problems, false))
			continue
		}
		if n := plan.Needs(); !slices.Equal(n.ByPeriod, want.names) || n.PeriodSamples != want.samples || n.PeriodMost != want.most {
			t.Errorf("%s: %+v", text, n)
		}
	}
}

// TestCompared: each point that compare.gate chooses is a figure of its own, an edge is
// one for each curve.
func TestCompared(t *testing.T) {
	const head = "name: n\ntarget: http://localhost:8000\ncontexts: [8k]\nhit_rates: [50, 100]\nmode: fixed\nworking_set: [80k, 160k, 800k]\nconcurrency: [10, 20]\n"
	for text, want := range map[string]int{
		head: 2,
		head + "compare: {gate: [{metric: ttft.p95}]}\n":                                                                                                                 2 + 12,
		head + "compare: {gate: [{metric: ttft.p95, where: hit_rate == 100}]}\n":                                                                                         2 + 6,
		head + "compare: {gate: [{metric: edge1}]}\n":                                                                                                                    2 + 4,
		head + "compare: {gate: [{metric: edge1, where: concurrency == 10}, {metric: ttft.p50, where: working_set > 500k}]}\n":                                           2 + 2 + 4,
		"name: n\ntarget: http://localhost:8000\ncontexts: [8k, 16k]\nmode: map\n":                                                                                       0,
		"name: n\ntarget: http://localhost:8000\ncontexts: [8k, 16k]\nmode: map\ncompare: {gate: [{metric: edge1}]}\n":                                                   2,
		"name: n\ntarget: http://localhost:8000\ncontexts: [8k]\nworking_set: [80k, 800k]\nslo: {ttft: {p95: 2s}}\ncompare: {alpha: 0.01, gate: [{metric: ttft.p95}]}\n": 2 + 2,
	} {
		plan, problems := Load("n.yaml", []byte(text), Options{})
		if plan == nil {
			t.Errorf("%s", Render(problems, false))
			continue
		}
		alpha := plan.Scenario.Compare.Alpha
		if n := plan.Needs(); n.Compared != want || n.Alpha != alpha || want > 0 && n.Trials != LeastTrials(want, alpha) {
			t.Errorf("%s: %+v, want %d figures", text, n, want)
		}
	}
}

func near(a, b time.Duration) bool { return (a - b).Abs() < time.Microsecond }

// TestCold: beyond the last tier the levels of a plan share the rate at which the server
// computes prompts.
func TestCold(t *testing.T) {
	plan, problems := Load("n.yaml", []byte("name: n\ntarget: http://localhost:8000\ncontexts: [8k]\nchunk: 1000\nmode: fixed\nworking_set: [80k, 800k]\nconcurrency: [10]\nduration: 10s\nassessment_period: 10s\nrepeats: 1\n"), Options{})
	if plan == nil {
		t.Fatal(Render(problems, false))
	}
	n := plan.Needs() // 90 prompts of 8000 tokens
	for rate, want := range map[float64]time.Duration{36_000: 0, 36_001: 0, 35_000: 10285714286, 720: 500 * time.Second, 0: 0} {
		least, ok := n.Cold(rate)
		if ok != (want > 0) || ok && !near(least, want) {
			t.Errorf("at %g tokens/s: %s %v, want %s", rate, least, ok, want)
		}
	}
}
