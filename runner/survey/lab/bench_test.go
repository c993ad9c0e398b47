package lab

import (
	"runtime"
	"testing"

	"github.com/wsrun/wsrun/runner/survey"
)

// A map of three tiers and 20M tokens of 1k contexts: what the survey itself needs for
// 20,000 prompts, and what it sends.
func BenchmarkMap20M(b *testing.B) {
	for i := range b.N {
		w := &World{Cache: Cache{Capacity: []float64{600, 3000, 12000}, Exclusive: true}, TTFT: []float64{.1, .2, .45, 1}, SD: .1, Slow: .02}
		s := start(b, uint64(i), func(o *survey.Options) { o.MaxTokens = 20000 * AsSent })
		m := w.Run(s, uint64(i), 100000)
		if why := wrong(m, w); why != "" {
			b.Log(why)
		}
		w.Cache, w.stack = Cache{}, nil
		runtime.GC()
		var with, without runtime.MemStats
		runtime.ReadMemStats(&with)
		b.ReportMetric(float64(m.Count.Looks), "looks/op")
		b.ReportMetric(float64(m.Count.Touches), "touches/op")
		b.ReportMetric(m.PerEdge, "sent/edge")
		runtime.KeepAlive(s)
		s = nil
		runtime.GC()
		runtime.ReadMemStats(&without)
		b.ReportMetric(float64(int64(with.HeapAlloc)-int64(without.HeapAlloc))/1e6, "MB/survey")
	}
}
