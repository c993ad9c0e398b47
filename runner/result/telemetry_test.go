package result

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

func scrape(t float64, endpoint int32, values map[string]float64) *Scrape {
	return &Scrape{sample.Scrape{At: at(t), Endpoint: endpoint, Values: values}}
}

func TestHitRateByCounters(t *testing.T) {
	w := Window{at(10), at(20)}
	for _, c := range []struct {
		name    string
		scrapes []*Scrape
		want    float64
		ok      bool
	}{
		{"none", nil, 0, false},
		{"by source", []*Scrape{
			scrape(10, 0, map[string]float64{promptTokens: 1000, cachedPrefix + "local": 100, cachedPrefix + "external": 0}),
			scrape(20, 0, map[string]float64{promptTokens: 3000, cachedPrefix + "local": 1100, cachedPrefix + "external": 500})}, 75, true},
		{"two endpoints, nearest scrapes, out of order", []*Scrape{
			scrape(19.6, 0, map[string]float64{promptTokens: 200, cachedPrefix + "local": 100}), scrape(21, 0, map[string]float64{promptTokens: 900, cachedPrefix + "local": 900}),
			scrape(10.4, 0, map[string]float64{promptTokens: 0, cachedPrefix + "local": 0}), scrape(5, 0, map[string]float64{promptTokens: 0, cachedPrefix + "local": 0}),
			scrape(10, 1, map[string]float64{promptTokens: 0, cachedPrefix + "local": 0}), scrape(20, 1, map[string]float64{promptTokens: 200, cachedPrefix + "local": 0})}, 25, true},
		{"queries and hits", []*Scrape{
			scrape(10, 0, map[string]float64{cacheQueries: 10, cacheHits: 5}), scrape(20, 0, map[string]float64{cacheQueries: 110, cacheHits: 35})}, 30, true},
		{"queries, hits, and hits of a connector", []*Scrape{
			scrape(10, 0, map[string]float64{cacheQueries: 10, cacheHits: 5, externalHits: 0}), scrape(20, 0, map[string]float64{cacheQueries: 110, cacheHits: 35, externalHits: 50})}, 80, true},
		{"computed and cached", []*Scrape{
			scrape(10, 0, map[string]float64{promptComputed: 5, cachedPrefix + "local": 0}), scrape(20, 0, map[string]float64{promptComputed: 25, cachedPrefix + "local": 80})}, 80, true},
		{"external is the sum of dram and disk", []*Scrape{
			scrape(10, 0, map[string]float64{promptTokens: 0, cachedPrefix + "local": 0, cachedPrefix + "external": 0, cachedPrefix + "hbm": 0, cachedPrefix + "dram": 0, cachedPrefix + "disk": 0}),
			scrape(20, 0, map[string]float64{promptTokens: 100, cachedPrefix + "local": 20, cachedPrefix + "external": 40, cachedPrefix + "hbm": 20, cachedPrefix + "dram": 30, cachedPrefix + "disk": 10})}, 60, true},
		{"no prompt in between", []*Scrape{
			scrape(10, 0, map[string]float64{promptTokens: 10, cachedPrefix + "local": 5}), scrape(20, 0, map[string]float64{promptTokens: 10, cachedPrefix + "local": 5})}, 0, false},
		{"server restarted", []*Scrape{
			scrape(10, 0, map[string]float64{promptTokens: 1000, cachedPrefix + "local": 5}), scrape(20, 0, map[string]float64{promptTokens: 10, cachedPrefix + "local": 5})}, 0, false},
		{"one scrape is not two", []*Scrape{scrape(15, 0, map[string]float64{promptTokens: 1000, cachedPrefix + "local": 5})}, 0, false},
		{"too far away", []*Scrape{
			scrape(4, 0, map[string]float64{promptTokens: 10, cachedPrefix + "local": 5}), scrape(20, 0, map[string]float64{promptTokens: 1000, cachedPrefix + "local": 5})}, 0, false},
		{"a failed scrape tells nothing", []*Scrape{
			scrape(10, 0, map[string]float64{promptTokens: 10, cachedPrefix + "local": 5}), {sample.Scrape{At: at(20), Err: "refused"}}}, 0, false},
	} {
		got, ok := NewTelemetry(c.scrapes).HitRate(w)
		if ok != c.ok || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

func TestServerTelemetryInTheRow(t *testing.T) {
	values := func(prompt, local, running, usage float64) map[string]float64 {
		return map[string]float64{promptTokens: prompt, cachedPrefix + "local": local, "server.requests_running": running, "server.kv_usage": usage, "self.cpu_share": 9}
	}
	tel := NewTelemetry([]*Scrape{
		scrape(10, 0, values(0, 0, 2, 10)), scrape(15, 0, values(500, 100, 4, 30)), scrape(20, 0, values(1000, 400, 8, 90)),
		scrape(10, 1, values(0, 0, 1, 40)), scrape(20, 1, values(1000, 600, 9, 90)),
	})
	w := Window{at(10), at(20)}
	row, _ := Measure(nil, w, MeasureOptions{Telemetry: tel})
	// States are means of [10, 20): (2+4)/2 + 1 running, (20 + 40)/2 % used.
	wantRow := metric.Row{"attempts": metric.Of(0), "completed": metric.Of(0), "elapsed": metric.Of(20), "hit_rate_observed": metric.Of(50), "tier_share.local": metric.Of(50),
		promptTokens: metric.Of(2000), cachedPrefix + "local": metric.Of(1000), "server.requests_running": metric.Of(4), "server.kv_usage": metric.Of(30)}
	if diff := cmp.Diff(wantRow, row); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// What the streams tell goes before counters; where they do not, reuse follows the counters.
	s := synth{ttft: constant(1), events: 2, tokens: 2, told: true, gap: .1, sent: 1000, cached: 900}
	told := s.request(12, 0)
	row, _ = Measure([]*sample.Request{told}, w, MeasureOptions{Telemetry: tel})
	want(t, row, "hit_rate_observed", metric.Of(90))
	told.CachedTokens = sample.Unknown
	row, _ = Measure([]*sample.Request{told}, w, MeasureOptions{Telemetry: tel})
	want(t, row, "hit_rate_observed", metric.Of(50))
	want(t, row, "reuse_throughput", metric.Of(50))
	row, _ = Measure([]*sample.Request{told}, w, MeasureOptions{})
	for _, name := range []string{"hit_rate_observed", "reuse_throughput", "prefill_throughput"} {
		want(t, row, name, metric.Value{})
	}
	want(t, row, "input_throughput", metric.Of(100))
}

// Shares of tiers: the finest sources that are told, so that they add up to the hits.
func TestTierShares(t *testing.T) {
	coarse := map[string]float64{promptTokens: 100, cachedPrefix + "local": 20, cachedPrefix + "external": 40}
	fine := map[string]float64{promptTokens: 100, cachedPrefix + "local": 20, cachedPrefix + "external": 40, cachedPrefix + "hbm": 20, cachedPrefix + "dram": 40, cachedPrefix + "disk": 0}
	for _, c := range []struct{ told, want map[string]float64 }{
		{coarse, map[string]float64{"tier_share.local": 20, "tier_share.external": 40}},
		{fine, map[string]float64{"tier_share.hbm": 20, "tier_share.dram": 40, "tier_share.disk": 0}},
	} {
		zero := map[string]float64{}
		for name := range c.told {
			zero[name] = 0
		}
		row, _ := Measure(nil, Window{at(10), at(20)}, MeasureOptions{Telemetry: NewTelemetry([]*Scrape{scrape(10, 0, zero), scrape(20, 0, c.told)})})
		got := map[string]float64{}
		for name, v := range row {
			if strings.HasPrefix(name, "tier_share.") {
				got[name] = v.V
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// A state is carried over from the last scrape before a window that has none.
func TestStateBetweenScrapes(t *testing.T) {
	tel := NewTelemetry([]*Scrape{scrape(10, 0, map[string]float64{"server.requests_running": 3})})
	if got := tel.Server(Window{at(11), at(12)})["server.requests_running"]; got != 3 {
		t.Errorf("running %v", got)
	}
	if got := tel.Server(Window{at(100), at(101)}); len(got) > 0 {
		t.Errorf("long after: %v", got)
	}
}

// Counters' increases over contiguous windows add up, wherever the borders are.
func TestIncreasesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var scrapes []*Scrape
		total := 0.0
		for i := range 61 {
			total += float64(rapid.IntRange(0, 9).Draw(t, "step"))
			scrapes = append(scrapes, scrape(float64(i), 0, map[string]float64{promptTokens: total}))
		}
		tel := NewTelemetry(scrapes)
		first := rapid.Int64Range(0, 20).Draw(t, "from") * sec
		sum, from := 0.0, first
		for from < 40*sec {
			to := from + rapid.Int64Range(20, 80).Draw(t, "length")*sec/10
			sum += tel.Server(Window{from, to})[promptTokens]
			from = to
		}
		if whole := tel.Server(Window{first, from})[promptTokens]; whole != sum {
			t.Fatalf("%v in all, %v in the windows", whole, sum)
		}
	})
}
