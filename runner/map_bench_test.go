package runner

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
)

// BenchmarkMap20M maps three tiers of 19M tokens in all, in prompts of 1,000 tokens, with
// the record written to a file and the server inside the same process: the most resident
// memory that both together took, which must be less than 200 MB.
func BenchmarkMap20M(b *testing.B) {
	p := profile(tiers(2000, 6000, 11000), func(p *simulator.Profile) {
		p.Base, p.Prefill, p.Decode = 0, 0, 0
		for i := range p.Tiers {
			p.Tiers[i].Load = 0
		}
	})
	plan := planOf(b, strings.Replace(scenarioOfMap("metrics: auto", ""), "max: 250k", "max: 20M", 1))
	for b.Loop() {
		path := filepath.Join(b.TempDir(), result.RecordFile)
		fromNow := forgetPeak()
		sim, mem := simulator.New(p), simulator.NewMemory()
		srv := &http.Server{Handler: sim}
		go srv.Serve(mem) //nolint:errcheck // it ends with the benchmark
		w, err := result.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		err = Run(b.Context(), plan, w, Options{Endpoints: []string{"http://sim0"}, Nonce: "n", ID: "b", Version: "b", Dial: mem.Dial})
		if cerr := w.Close(); err != nil || cerr != nil {
			b.Fatal(err, cerr)
		}
		rec, err := result.Read(path)
		if err != nil {
			b.Fatal(err)
		}
		m := result.Summarise(rec).Maps[0]
		peak, known := peakMB()
		srv.Close()
		if len(m.Rows) != 4 || m.Why != "" {
			b.Fatalf("%d rows, %s", len(m.Rows), m.Why)
		}
		b.ReportMetric(float64(m.Found.Count.Sent()), "requests")
		if !fromNow || !known {
			continue // this system does not tell
		}
		if b.ReportMetric(peak, "MB"); peak > 200 {
			b.Errorf("%.0f MB, want at most 200", peak)
		}
	}
}

// forgetPeak hands free memory back and lets the system count the peak of resident memory
// from now on. It reports whether the system can (Linux: proc(5), clear_refs).
func forgetPeak() bool {
	debug.FreeOSMemory()
	return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) == nil
}

// peakMB is the most resident memory of this process in MB, if the system tells it.
func peakMB() (float64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kB, err := strconv.ParseFloat(strings.Fields(rest + " -")[0], 64)
	return kB * 1024 / 1e6, err == nil
}
