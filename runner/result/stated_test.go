package result

import (
	"strings"
	"testing"

	"github.com/wsrun/wsrun/scenario/metric"
)

func TestNamedShares(t *testing.T) {
	for _, c := range []struct {
		told, stated string
		want         map[string]metric.Value
	}{
		{"local=60 external=30", "hbm dram", map[string]metric.Value{"hbm": metric.Of(60), "dram": metric.Of(30), "local": metric.Of(60), "ssd": {}}},
		{"local=60 external=30", "hbm dram ssd", map[string]metric.Value{"hbm": metric.Of(60), "dram": {}, "ssd": {}}}, // external is both
		{"local=60 external=30", "hbm", map[string]metric.Value{"hbm": metric.Of(60)}},
		{"hbm=60 dram=20 disk=10", "hbm dram disk", map[string]metric.Value{"hbm": metric.Of(60), "dram": metric.Of(20), "disk": metric.Of(10)}},
		{"hbm=60 dram=20 disk=10", "gpu cpu disk", map[string]metric.Value{"gpu": metric.Of(60), "cpu": metric.Of(20), "disk": metric.Of(10)}},
		{"hbm=60 dram=20 disk=10", "gpu rest", map[string]metric.Value{"gpu": metric.Of(60), "rest": metric.Of(30)}},
		{"hbm=60 dram=20 disk=10", "gpu cpu nvme", map[string]metric.Value{"gpu": metric.Of(60), "cpu": {}, "nvme": {}}},
		{"dram=20 disk=10", "gpu dram", map[string]metric.Value{"gpu": {}, "dram": metric.Of(20)}},
		{"local=60", "hbm dram", map[string]metric.Value{"hbm": metric.Of(60), "dram": {}}},
		{"local=60 external=30", "", map[string]metric.Value{"tier1": metric.Of(60), "tier2": metric.Of(30), "tier3": {}, "tier0": {}, "1": {}, "tierx": {}}},
		{"disk=10 dram=20 hbm=60", "", map[string]metric.Value{"tier1": metric.Of(60), "tier2": metric.Of(20), "tier3": metric.Of(10)}},
		{"", "hbm dram", map[string]metric.Value{"hbm": {}, "dram": {}}},
	} {
		row := metric.Row{"ttft.p95": metric.Of(1)}
		for _, f := range strings.Fields(c.told) {
			name, v, _ := strings.Cut(f, "=")
			row.Set("tier_share."+name, metric.Of(map[string]float64{"60": 60, "30": 30, "20": 20, "10": 10}[v]))
		}
		get := Named(row, strings.Fields(c.stated))
		for name, want := range c.want {
			if got := get("tier_share." + name); got != want {
				t.Errorf("told %s, stated %s: %s is %s, want %s", c.told, c.stated, name, got, want)
			}
		}
		if got := get("ttft.p95"); got != metric.Of(1) {
			t.Errorf("another metric is %s", got)
		}
		if got := (Scope{Total: row, Tiers: strings.Fields(c.stated)}).Get("total.ttft.p95"); got != metric.Of(1) {
			t.Errorf("through a scope it is %s", got)
		}
	}
	s := Scope{Bare: metric.Row{"tier_share.local": metric.Of(5)}, Best: metric.Row{"tier_share.local": metric.Of(7)}, Tiers: []string{"hbm"}}
	if a, b, c := s.Get("tier_share.hbm"), s.Get("best.tier_share.hbm"), s.Get("prev.tier_share.hbm"); a != metric.Of(5) || b != metric.Of(7) || c.Known() {
		t.Errorf("in its scopes: %s, %s, %s", a, b, c)
	}
}
