package runner

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
)

// BenchmarkMap20M maps three tiers of 20M tokens in all, in prompts of 1,000 tokens. Server
// and client together must take less than 200 MB.
func BenchmarkMap20M(b *testing.B) {
	p := profile(tiers(2000, 6000, 11000), func(p *simulator.Profile) {
		p.Base, p.Prefill, p.Decode = 0, 0, 0
		for i := range p.Tiers {
			p.Tiers[i].Load = 0
		}
	})
	plan := planOf(b, strings.Replace(scenarioOfMap("metrics: auto", ""), "max: 250k", "max: 20M", 1))
	for b.Loop() {
		runtime.GC()
		var peak uint64
		sim, mem := simulator.New(p), simulator.NewMemory()
		srv := &http.Server{Handler: sim}
		go srv.Serve(mem) //nolint:errcheck // it ends with the benchmark
		obs := result.NewCollector()
		watch, stop := context.WithCancel(b.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			every(watch, 50*time.Millisecond, func() {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse+m.StackInuse)
			})
		}()
		err := Run(b.Context(), plan, obs, Options{Endpoints: []string{"http://sim0"}, Nonce: "n", ID: "b", Version: "b", Dial: mem.Dial})
		stop()
		<-done
		srv.Close()
		if err != nil {
			b.Fatal(err)
		}
		m := result.Summarise(obs.Record()).Maps[0]
		if len(m.Rows) != 4 || m.Why != "" {
			b.Fatalf("%d rows, %s", len(m.Rows), m.Why)
		}
		b.ReportMetric(float64(peak)/1e6, "MB")
		b.ReportMetric(float64(m.Found.Count.Sent()), "requests")
		if peak > 200e6 {
			b.Errorf("%d MB, want at most 200", peak/1e6)
		}
	}
}
