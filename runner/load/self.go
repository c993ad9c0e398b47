package load

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strconv"
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
	SelfWall       = "self.wall_seconds"         // length of the interval
	SelfPaused     = "self.gc_paused_seconds"    // how long the garbage collector stopped the world in it
	SelfSchedCount = "self.sched_n."             // + an upper bound in seconds: goroutines that were ready for at most so long, and longer than the bound below
	SelfQueued     = "self.run_queue_seconds"    // threads of this process waited so long for a CPU, which the Go scheduler cannot see (Linux)
	SelfSlices     = "self.run_slices"           // and ran so often
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
	s.tasks = "/proc/self/task"
	s.queued()
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
	tasks    string     // where the kernel tells of each thread
	waits    map[string]taskWait
}

// schedFloor is the lowest bound that is told apart: no rule asks for less.
const schedFloor = 1e-4

func (s *self) Read() map[string]float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := make(map[string]float64, 16)
	hists := s.intervals()
	for i, h := range hists {
		if v, ok := quantile(h, 0.99); ok {
			values[[]string{SelfSched, SelfPause}[i]] = v
		}
	}
	counts(values, hists[0])
	if len(hists[1].Counts) > 0 {
		values[SelfPaused] = total(hists[1])
	}
	if wait, slices := s.queued(); slices > 0 {
		values[SelfQueued], values[SelfSlices] = wait.Seconds(), float64(slices)
	}
	now := time.Now()
	wall := now.Sub(s.at).Seconds()
	s.at = now
	values[SelfWall] = wall
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

// counts sets how many goroutines waited how long, so that whoever reads several
// intervals can pool them: a mean of percentiles is none.
func counts(values map[string]float64, h metrics.Float64Histogram) {
	for i, c := range h.Counts {
		if c > 0 {
			at := max(bound(h, i), schedFloor)
			values[SelfSchedCount+strconv.FormatFloat(at, 'g', 4, 64)] += float64(c)
		}
	}
}

// total gives the sum of what a histogram counted, each at its bucket's bound.
func total(h metrics.Float64Histogram) (sum float64) {
	for i, c := range h.Counts {
		if c > 0 {
			sum += float64(c) * bound(h, i)
		}
	}
	return sum
}

// bound is the upper bound of a bucket, or the lower one where it has no upper bound.
func bound(h metrics.Float64Histogram, i int) float64 {
	if v := h.Buckets[i+1]; !math.IsInf(v, 1) {
		return v
	}
	return h.Buckets[i]
}

// taskWait is what the kernel says of one thread since it began.
type taskWait struct {
	queued time.Duration // runnable and not running
	slices int64
}

// queued gives how long the threads of this process waited for a CPU since the reading
// before, and how often they ran. Zero where the kernel does not tell.
func (s *self) queued() (wait time.Duration, slices int64) {
	list, err := os.ReadDir(s.tasks)
	if err != nil {
		return 0, 0
	}
	seen := make(map[string]taskWait, len(list))
	for _, t := range list {
		text, err := os.ReadFile(filepath.Join(s.tasks, t.Name(), "schedstat"))
		if err != nil {
			continue // the thread has ended, or this kernel keeps no account
		}
		var ran, queued, n int64
		if k, _ := fmt.Sscan(string(text), &ran, &queued, &n); k != 3 {
			continue
		}
		now, before := taskWait{time.Duration(queued), n}, s.waits[t.Name()]
		seen[t.Name()] = now
		if now.slices >= before.slices { // else the id belongs to another thread by now
			wait += now.queued - before.queued
			slices += now.slices - before.slices
		}
	}
	s.waits = seen
	return wait, slices
}

// quantile gives the upper bound of the bucket in which q of the counts is
// reached (the lower one where the bucket has no upper bound); ok is false
// without counts.
func quantile(h metrics.Float64Histogram, q float64) (v float64, ok bool) {
	n := uint64(0)
	for _, c := range h.Counts {
		n += c
	}
	if n == 0 {
		return 0, false
	}
	rank, sum := uint64(math.Ceil(q*float64(n))), uint64(0)
	for i, c := range h.Counts {
		if sum += c; sum >= rank {
			return bound(h, i), true
		}
	}
	return 0, false
}
