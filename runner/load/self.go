package load

import (
	"math"
	"runtime/metrics"
	"sync"
	"time"
)

// Names of what the load generator says about itself, each over the interval
// since the reading before.
const (
	SelfSched      = "self.sched_p99_seconds"    // p99 of the time goroutines were ready before they ran
	SelfPause      = "self.gc_pause_p99_seconds" // p99 of stop-the-world pauses of the garbage collector
	SelfCPU        = "self.cpu_seconds"          // CPU seconds used by this process
	SelfCPUShare   = "self.cpu_share"            // those / (wall clock x CPUs it may use)
	schedHistogram = "/sched/latencies:seconds"
	pauseHistogram = "/sched/pauses/total/gc:seconds"
)

// Self observes the load generator. It is handed in, because what it reads is
// real even where time is virtual.
type Self interface {
	// Read gives the values since the reading before; a value that is not known
	// is not in the map.
	Read() map[string]float64
}

// NewSelf observes this process, which may use allowedCPUs processors (fractions
// for a CPU quota).
func NewSelf(allowedCPUs float64) Self {
	s := &self{allowed: allowedCPUs, at: time.Now()}
	s.cpu, s.knowsCPU = processCPU()
	s.samples = []metrics.Sample{{Name: schedHistogram}, {Name: pauseHistogram}}
	s.before = make([][]uint64, len(s.samples))
	s.intervals()
	return s
}

type self struct {
	mu       sync.Mutex
	allowed  float64
	at       time.Time
	cpu      time.Duration
	knowsCPU bool
	samples  []metrics.Sample
	before   [][]uint64 // bucket counts of the reading before
}

func (s *self) Read() map[string]float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := make(map[string]float64, 4)
	for i, h := range s.intervals() {
		if v, ok := quantile(h, 0.99); ok {
			values[[]string{SelfSched, SelfPause}[i]] = v
		}
	}
	now := time.Now()
	wall := now.Sub(s.at).Seconds()
	s.at = now
	cpu, ok := processCPU()
	if ok && s.knowsCPU {
		used := (cpu - s.cpu).Seconds()
		values[SelfCPU] = used
		if wall > 0 && s.allowed > 0 {
			values[SelfCPUShare] = used / (wall * s.allowed)
		}
	}
	s.cpu, s.knowsCPU = cpu, ok
	return values
}

// intervals gives, for each histogram, what was added since the reading before.
func (s *self) intervals() []metrics.Float64Histogram {
	metrics.Read(s.samples)
	out := make([]metrics.Float64Histogram, len(s.samples))
	for i := range s.samples {
		if s.samples[i].Value.Kind() != metrics.KindFloat64Histogram {
			continue // this Go does not have it
		}
		h := s.samples[i].Value.Float64Histogram()
		added := make([]uint64, len(h.Counts))
		copy(added, h.Counts)
		for j := range s.before[i] {
			added[j] -= s.before[i][j]
		}
		s.before[i] = append(s.before[i][:0], h.Counts...)
		out[i] = metrics.Float64Histogram{Counts: added, Buckets: h.Buckets}
	}
	return out
}

// quantile gives the upper bound of the bucket in which q of the counts is
// reached (the lower one where the bucket has no upper bound); ok is false
// without counts.
func quantile(h metrics.Float64Histogram, q float64) (v float64, ok bool) {
	total := uint64(0)
	for _, c := range h.Counts {
		total += c
	}
	if total == 0 {
		return 0, false
	}
	rank, sum := uint64(math.Ceil(q*float64(total))), uint64(0)
	for i, c := range h.Counts {
		if sum += c; sum < rank {
			continue
		}
		if v = h.Buckets[i+1]; math.IsInf(v, 1) {
			v = h.Buckets[i]
		}
		return v, true
	}
	return 0, false
}
