package scenario

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// openLoop is a scenario with the keys that a run refuses, and the target's that the
// others do not have.
const openLoop = `name: open-loop
target:
  endpoints: [https://gpu-1:8443]
  engine: vllm
  tls: {ca_file: certs/ca.pem, cert_file: certs/client.pem, key_file: certs/client-key.pem, insecure: false}
contexts: [8k]
working_set: {min: 100k, max: 1M, steps: 4, spacing: log}
mode: fixed
rate: [0.5, 10]
arrivals: constant
duration: 2m
repeats: 1
trials: 3
access: {zipf: 1.1}
compare:
  gate:
    - {metric: ttft.p95, where: working_set > 200k}
    - metric: edge1
  tolerance: 5%
  alpha: 0.01
`

func TestOpenLoop(t *testing.T) {
	plan := must(t, openLoop, Options{})
	sc := plan.Scenario
	if want := []float64{0.5, 10}; !slices.Equal(sc.Rates, want) || sc.Arrivals != "constant" || sc.Concurrency != nil || sc.Access != "zipf" || sc.Zipf != 1.1 {
		t.Errorf("rates %v, arrivals %s, levels %v, access %s %v", sc.Rates, sc.Arrivals, sc.Concurrency, sc.Access, sc.Zipf)
	}
	if want := (Compare{Gate: []GateLine{{"ttft.p95", "working_set > 200k"}, {"edge1", ""}}, Tolerance: 5, Alpha: 0.01}); cmp.Diff(want, sc.Compare) != "" {
		t.Errorf("compare %+v", sc.Compare)
	}
	if want := (&TLS{CAFile: "certs/ca.pem", CertFile: "certs/client.pem", KeyFile: "certs/client-key.pem"}); cmp.Diff(want, sc.Target.TLS) != "" || sc.Target.Engine != "vllm" {
		t.Errorf("tls %+v, engine %s", sc.Target.TLS, sc.Target.Engine)
	}
	// 100k x 10^(i/3)
	if want := []int64{100_000, 215_443, 464_159, 1_000_000}; !slices.Equal(sc.WorkingSet.Sizes, want) {
		t.Errorf("sizes %v, want %v", sc.WorkingSet.Sizes, want)
	}
	if len(plan.Gated) != 2 || plan.Gated[0].String() != "working_set > 200k" || plan.Gated[1] != nil {
		t.Errorf("gated %v", plan.Gated)
	}
	for _, c := range plan.Cells {
		if !slices.Equal(c.Rates, sc.Rates) || len(c.Levels) > 0 {
			t.Errorf("%s: rates %v, levels %v", c.Key, c.Rates, c.Levels)
		}
	}
	if c := CellOf(sc, 8000, 100_000, 100); !slices.Equal(c.Rates, sc.Rates) {
		t.Errorf("a bisected cell has rates %v", c.Rates)
	}
	perLevel := must(t, openLoop+"warmup: {rewarm: per-level}\n", Options{})
	if in, ok := perLevel.Instead(); !ok || in.Warmups != 4*2*3 || in.Sweep != perLevel.Estimate().WarmupRequests {
		t.Errorf("warmed for each rate: %+v", in)
	}
	// 4 cells x 2 rates x 3 trials, 2 windows of 120 s each: 6 x 120 x 10.5 requests a cell
	e := plan.Estimate()
	if e.Points != 24 || e.MinRequests != 4*6*120*105/10 || e.MaxRequests != e.MinRequests || e.PeakStreams != 2000 || e.MaxMeasured != 4*2*6*2*time.Minute {
		t.Errorf("estimate %+v", e)
	}
}

// TestNotYet: what a run refuses is named at its place.
func TestNotYet(t *testing.T) {
	var got []string
	for _, p := range NotYet(must(t, openLoop, Options{})) {
		if p.Code != "not-supported-yet" || !strings.HasPrefix(p.Message, "not supported yet: ") || p.Line == 0 {
			t.Errorf("%+v", p)
		}
		got = append(got, p.Path)
	}
	if want := []string{"/rate", "/access", "/compare"}; !slices.Equal(got, want) {
		t.Errorf("refused %v, want %v", got, want)
	}
	for _, src := range []string{minimal(""), everything, sustainedFile(""), mapFile(""), minimal("compare: {tolerance: 3%, alpha: 0.05}\n")} {
		if p := NotYet(must(t, src, Options{})); len(p) > 0 {
			t.Errorf("refused: %+v", p)
		}
	}
}

// TestWhereOfAnOpenLoop: a point of an open loop holds no level of concurrency.
func TestWhereOfAnOpenLoop(t *testing.T) {
	src := strings.Replace(openLoop, "access: {zipf: 1.1}\n", "thresholds: [{expect: ttft.p95 < 2s, where: WHERE}]\n", 1)
	must(t, strings.Replace(src, "WHERE", "working_set > 500k", 1), Options{})
	_, problems := Load("x", []byte(strings.Replace(src, "WHERE", "concurrency == 10", 1)), Options{})
	if len(problems) != 1 || problems[0].Code != "where-unmet" {
		t.Errorf("%v", problems)
	}
}

// TestLogspace: both ends exact, ascending, and as even as whole numbers allow.
func TestLogspace(t *testing.T) {
	for _, c := range []struct {
		lo, hi int64
		n      int
		want   []int64
	}{
		{1000, 8000, 4, []int64{1000, 2000, 4000, 8000}},
		{100_000, 5_000_000, 1, []int64{100_000}},
		{7, 8, 2, []int64{7, 8}},
		{1, 1_000_000_000_000, 5, []int64{1, 1000, 1_000_000, 1_000_000_000, 1_000_000_000_000}},
		{1, 4, 6, []int64{1, 1, 2, 2, 3, 4}}, // 1, 1.32, 1.74, 2.30, 3.03, 4
	} {
		if got := Logspace(c.lo, c.hi, c.n); !slices.Equal(got, c.want) {
			t.Errorf("Logspace(%d, %d, %d) = %v, want %v", c.lo, c.hi, c.n, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Int64Range(1, maxSize-1).Draw(t, "lo")
		hi := rapid.Int64Range(lo+1, maxSize).Draw(t, "hi")
		n := rapid.IntRange(2, 200).Draw(t, "n")
		got := Logspace(lo, hi, n)
		if got[0] != lo || got[n-1] != hi || !slices.IsSorted(got) {
			t.Fatalf("%v", got)
		}
		for i, v := range got {
			exact := math.Exp(math.Log(float64(lo)) + float64(i)/float64(n-1)*(math.Log(float64(hi))-math.Log(float64(lo))))
			if math.Abs(float64(v)-exact) > 0.5+exact*1e-9 {
				t.Fatalf("size %d is %d, want %g", i, v, exact)
			}
		}
	})
}

// TestLogSizesOnce: sizes that are the same once rounded are asked for once.
func TestLogSizesOnce(t *testing.T) {
	plan := must(t, strings.Replace(minimal(""), "{min: 100k, max: 1M, steps: 4}", "{min: 8192, max: 8200, steps: 20, spacing: log}", 1), Options{})
	if got := plan.Scenario.WorkingSet.Sizes; len(got) != 9 || got[0] != 8192 || got[8] != 8200 {
		t.Errorf("sizes %v", got)
	}
	if !slices.ContainsFunc(plan.Warnings, func(p Problem) bool {
		return p.Path == "/working_set/steps" && p.Code == "same-cell" && strings.HasPrefix(p.Message, "11 of 20 sizes")
	}) {
		t.Errorf("warnings %v", plan.Warnings)
	}
}

// TestMetricsOfReplicas: a router's replicas are scraped one by one.
func TestMetricsOfReplicas(t *testing.T) {
	const file = "name: a\ntarget: {endpoints: [http://a, http://b], replicas: 2, metrics: [%]}\ncontexts: 8k\nworking_set: 1M\nmode: fixed\nconcurrency: 1\n"
	for n, fits := range map[int]bool{1: true, 2: true, 3: false, 4: true, 5: false} {
		urls := strings.TrimSuffix(strings.Repeat("http://m/metrics, ", n), ", ")
		_, problems := Load("x", []byte(strings.Replace(file, "%", urls, 1)), Options{})
		if (len(problems) == 0) != fits {
			t.Errorf("%d URLs: %v", n, problems)
		}
	}
}

// TestTLSFiles: a file is written as seen from the scenario that names it, and never leads
// out of the working directory.
func TestTLSFiles(t *testing.T) {
	for _, c := range []struct{ scenario, file, want string }{
		{"a.yaml", "certs/ca.pem", "certs/ca.pem"},
		{"scenarios/a.yaml", "../certs/ca.pem", "certs/ca.pem"},
		{"scenarios/a.yaml", "ca.pem", "scenarios/ca.pem"},
		{"-", "certs/ca.pem", "certs/ca.pem"},
		{"scenarios/a.yaml", "../../ca.pem", ""},
		{"a.yaml", "/etc/ca.pem", ""},
	} {
		plan, problems := Load(c.scenario, []byte(strings.Replace(openLoop, "certs/ca.pem", c.file, 1)), Options{})
		switch {
		case c.want == "" && (len(problems) != 1 || problems[0].Code != "outside-working-directory" || problems[0].Path != "/target/tls/ca_file"):
			t.Errorf("%s in %s: %v", c.file, c.scenario, problems)
		case c.want != "" && (plan == nil || plan.Scenario.Target.TLS.CAFile != c.want):
			t.Errorf("%s in %s: %v", c.file, c.scenario, problems)
		}
	}
}
