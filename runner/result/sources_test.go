package result

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/scenario/metric"
)

func TestSources(t *testing.T) {
	of := metric.Of
	share := func(name string, v float64) Source { return Source{Name: name, Share: of(v)} }
	for _, c := range []struct {
		name string
		row  metric.Row
		want []Source
	}{
		{"nothing told", metric.Row{"input_throughput": of(1000)}, nil},
		{"only the sum", metric.Row{"hit_rate_observed": of(90)}, []Source{share("cached", 90), share("computed", 10)}},
		{"the sum is zero", metric.Row{"hit_rate_observed": of(0)}, []Source{share("cached", 0), share("computed", 100)}},
		{"a zero that is told stays", metric.Row{"hit_rate_observed": of(80), "tier_share.disk": of(0), "tier_share.hbm": of(80)},
			[]Source{share("hbm", 80), share("disk", 0), share("computed", 20)}},
		{"fixed order", metric.Row{"hit_rate_observed": of(56), "tier_share.p2p": of(14), "tier_share.external": of(12), "tier_share.local": of(10), "tier_share.disk": of(8), "tier_share.dram": of(6), "tier_share.hbm": of(4), "tier_share.a": of(2)},
			[]Source{share("hbm", 4), share("dram", 6), share("disk", 8), share("local", 10), share("external", 12), share("a", 2), share("p2p", 14), share("computed", 44)}},
		{"shares alone", metric.Row{"tier_share.local": of(60)}, []Source{share("local", 60), share("computed", 40)}},
		{"within a point: scaled to what the answers tell", metric.Row{"hit_rate_observed": of(51), "tier_share.hbm": of(40), "tier_share.dram": of(10)},
			[]Source{share("hbm", 40.8), share("dram", 10.2), share("computed", 49)}},
		{"counters tell less: the rest is not told by source", metric.Row{"hit_rate_observed": of(90), "tier_share.hbm": of(40), "tier_share.dram": of(10)},
			[]Source{share("hbm", 40), share("dram", 10), share("cached", 40), share("computed", 10)}},
		{"counters tell more: scaled down", metric.Row{"hit_rate_observed": of(45), "tier_share.hbm": of(60), "tier_share.dram": of(30)},
			[]Source{share("hbm", 30), share("dram", 15), share("computed", 55)}},
		{"counters saw no hit", metric.Row{"hit_rate_observed": of(0.5), "tier_share.hbm": of(0)},
			[]Source{share("hbm", 0), share("cached", 0.5), share("computed", 99.5)}},
		{"more cached than sent", metric.Row{"hit_rate_observed": of(110)}, []Source{share("cached", 100), share("computed", 0)}},
		{"tokens/s and GB/s", metric.Row{"hit_rate_observed": of(50), "tier_share.hbm": of(40), "tier_share.dram": of(10), "input_throughput": of(1000), "reuse_throughput": of(500), "reuse_bandwidth": of(5)},
			[]Source{{"hbm", of(40), of(400), of(4)}, {"dram", of(10), of(100), of(1)}, {"computed", of(50), of(500), metric.Value{}}}},
		{"nothing reused is 0 GB/s", metric.Row{"hit_rate_observed": of(0), "input_throughput": of(1000), "reuse_throughput": of(0), "reuse_bandwidth": of(0)},
			[]Source{{"cached", of(0), of(0), of(0)}, {"computed", of(100), of(1000), metric.Value{}}}},
	} {
		if diff := cmp.Diff(c.want, Sources(c.row), closeTo(1e-9)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func closeTo(tolerance float64) cmp.Option {
	return cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= tolerance })
}

// The sources add up: to all prompt tokens, and without the computed ones to what was
// reused, whatever the counters say.
func TestSourcesAddUp(t *testing.T) {
	percent := rapid.Float64Range(0, 100)
	rapid.Check(t, func(t *rapid.T) {
		hit, input := percent.Draw(t, "hit"), rapid.Float64Range(0, 1e7).Draw(t, "input")
		row := metric.Row{"hit_rate_observed": metric.Of(hit), "input_throughput": metric.Of(input), "reuse_throughput": metric.Of(input * hit / 100), "reuse_bandwidth": metric.Of(input * hit / 1e7)}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"hbm", "dram", "disk", "x", "y"}), rapid.ID).Draw(t, "tiers") {
			row.Set("tier_share."+name, metric.Of(percent.Draw(t, name)))
		}
		share, rate, bandwidth := 0.0, 0.0, 0.0
		for _, s := range Sources(row) {
			if s.Share.V < 0 || s.Share.V > 100 {
				t.Fatalf("%+v", s)
			}
			share, rate, bandwidth = share+s.Share.V, rate+s.Rate.V, bandwidth+s.Bandwidth.V
		}
		if math.Abs(share-100) > 1e-9 || math.Abs(rate-input) > 1e-6 || math.Abs(bandwidth-input*hit/1e7) > 1e-6 {
			t.Fatalf("%g %%, %g of %g tokens/s, %g GB/s", share, rate, input, bandwidth)
		}
	})
}

// A share too small to divide by is still all that is told of the hits.
func TestSourcesOfNextToNothing(t *testing.T) {
	got := Sources(metric.Row{"hit_rate_observed": metric.Of(1), "tier_share.hbm": metric.Of(7e-310)})
	if len(got) != 2 || got[0].Name != "hbm" || got[0].Share.V != 1 || got[1].Share.V != 99 {
		t.Errorf("%+v", got)
	}
}
