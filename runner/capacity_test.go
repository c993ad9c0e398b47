package runner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
)

// What is stated of a server whose truth is known is found to be so: as exclusive tiers
// where they are, as inclusive ones where they are written through, with the private KV
// of six requests in flight; and a tier that is stated too large is found out.
func TestVirtualStatedTiers(t *testing.T) {
	t.Parallel()
	const yaml = `
name: stated
target:
  endpoints: [http://sim0]
  %s
  metrics: %s
  kv_bytes_per_token: 100000
  tiers: [{name: gpu, capacity: 30k}, {name: cpu, capacity: %s, bandwidth: 10GB/s}]
contexts: [1000]
chunk: 50
working_set: [20000, 26000, 36000, 50000, 54000, 68000, 72000, 80000, 98000, 105000]
hit_rates: [%s]
output_tokens: 2
mode: fixed
concurrency: [6]
duration: {min: 1s, max: 400s}
assessment_period: 1s
thresholds: [{expect: edge.gpu > 15k}, {expect: edge.cpu > 40k}]
`
	for _, c := range []struct{ placement, metrics, cpu, hit, want string }{
		{simulator.Exclusive, "none", "60k", "100", "gpu as stated, cpu exclusive"},
		{simulator.WriteThrough, "none", "60k", "100", "gpu as stated, cpu inclusive"},
		{simulator.Exclusive, "auto", "60k", "90", "gpu as stated, cpu exclusive, hbm as stated"}, // told local and external
		{simulator.WriteThrough, "auto", "60k", "50", "gpu as stated, cpu inclusive, hbm as stated"},
		{simulator.Exclusive, "none", "120k", "100", "gpu as stated, cpu not so"},
	} {
		t.Run(strings.Join([]string{c.placement, c.metrics, c.cpu, c.hit}, " "), func(t *testing.T) {
			p := profile(func(p *simulator.Profile) {
				p.Tiers = []simulator.Tier{{Name: "hbm", Capacity: 30000}, {Name: "dram", Capacity: 60000, Load: simulator.Duration(20e3)}}
				p.Placement, p.Base = c.placement, simulator.Duration(10e6)
			})
			inBubble(t, fmt.Sprintf(yaml, identify, c.metrics, c.cpu, c.hit), []simulator.Profile{p}, nil, func(w *world) {
				w.mustRun()
				s := result.Summarise(w.Record())
				var got []string
				for _, f := range s.Capacity {
					got = append(got, f.Tier+" "+string(f.Fit))
				}
				if strings.Join(got, ", ") != c.want {
					t.Errorf("got %s, want %s: %+v", strings.Join(got, ", "), c.want, s.Capacity)
				}
				if f := s.Capacity[1]; f.Allowed.V != 10 || f.Found.Known() && (f.Found.V < 15 || f.Found.V > 25) {
					t.Errorf("cost allowed %s, found %s; want 10 and about 20 ms", f.Allowed, f.Found)
				}
			})
		})
	}
}
