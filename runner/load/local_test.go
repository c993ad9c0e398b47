package load

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/runner/sample"
)

const s = time.Second

// fake is a transport whose requests take a time that a function says and end
// in a class that it says.
type fake struct {
	now  func() int64
	plan func(r *sample.Request) (time.Duration, sample.Class)

	mu      sync.Mutex
	sent    []int64 // prompts in order of their start
	started []int64 // ids whose start was published
	flying  int
	peak    int
}

func (f *fake) Send(ctx context.Context, job *sample.Job, live *sample.Stream) {
	r := &job.Request
	live.Begin(r, 4)
	d, class := f.plan(r)
	f.mu.Lock()
	f.sent = append(f.sent, int64(r.Prompt))
	f.flying++
	f.peak = max(f.peak, f.flying)
	f.mu.Unlock()
	r.Started = f.now()
	live.Start(r.Started)
	f.mu.Lock()
	f.started = append(f.started, r.ID)
	f.mu.Unlock()
	select {
	case <-time.After(d):
		r.Class = class
	case <-ctx.Done():
		r.Class = sample.Censored
	}
	r.SetEvents([]sample.Event{{At: f.now(), Tokens: 1}})
	r.End = f.now()
	f.mu.Lock()
	f.flying--
	f.mu.Unlock()
}

func (f *fake) inFlight() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.flying
}

// numbers is a source of jobs 0, 1, 2 ... up to end (0: without end).
type numbers struct{ next, end int32 }

func (n *numbers) Next() (*sample.Job, bool) {
	if n.end > 0 && n.next >= n.end {
		return nil, false
	}
	n.next++
	return &sample.Job{Request: sample.Request{Prompt: n.next - 1, Endpoint: (n.next - 1) % 2}, Body: []byte("x")}, true
}

// bench is a generator over a fake in a bubble.
type bench struct {
	*Local
	f        *fake
	mu       sync.Mutex
	reported []*sample.Request
}

func (b *bench) all() []*sample.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.reported)
}

func newBench(ctx context.Context, plan func(r *sample.Request) (time.Duration, sample.Class), change ...func(*Config)) *bench {
	epoch := time.Now()
	now := func() int64 { return int64(time.Since(epoch)) }
	b := &bench{f: &fake{now: now, plan: plan}}
	cfg := Config{Transport: b.f, Now: now, Generator: 3, Report: func(r *sample.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reported = append(b.reported, r)
	}}
	for _, c := range change {
		c(&cfg)
	}
	b.Local = New(ctx, cfg)
	return b
}

// steady makes each request take d and succeed.
func steady(d time.Duration) func(*sample.Request) (time.Duration, sample.Class) {
	return func(*sample.Request) (time.Duration, sample.Class) { return d, sample.OK }
}

func TestConcurrencyFollowsTheTargetWithoutDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t.Context(), steady(10*s))
		defer b.Close()
		b.Switch(&numbers{})
		see := func(at time.Duration, want int) {
			t.Helper()
			time.Sleep(at - time.Duration(b.cfg.Now()))
			synctest.Wait()
			if got := b.f.inFlight(); got != want {
				t.Errorf("at %v: %d in flight, want %d", at, got, want)
			}
		}
		b.SetTarget(4, 4*s) // starts at 0, 1, 2, 3 s
		see(500*time.Millisecond, 1)
		see(1500*time.Millisecond, 2)
		see(3500*time.Millisecond, 4)
		see(15*s, 4)
		b.SetTarget(6, 1*s) // at 15 and 15.5 s
		see(15200*time.Millisecond, 5)
		see(15700*time.Millisecond, 6)
		b.SetTarget(2, 0) // requests end at 20, 21, 22, 23, 25 and 25.5 s
		see(16*s, 6)
		see(22500*time.Millisecond, 5)
		see(30*s, 2)
		time.Sleep(2 * s)
		if !b.Ready(int64(15 * s)) {
			t.Error("not ready with two workers that finished requests started after 15 s")
		}
		b.SetTarget(2, 0)
		see(33*s, 2)
		var levels []int32
		for _, r := range b.all() {
			levels = append(levels, r.Level)
			if r.Generator != 3 || r.Scheduled != r.Started {
				t.Errorf("generator %d, scheduled %d, started %d", r.Generator, r.Scheduled, r.Started)
			}
		}
		if want := []int32{4, 4, 4, 4, 4, 4, 4, 4, 6, 6}; !slices.Equal(levels[:10], want) {
			t.Errorf("levels %v, want %v", levels, want)
		}
	})
}

// A surplus worker that is still busy when the target rises again stays on.
func TestRaisingTheTargetKeepsBusyWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t.Context(), steady(10*s))
		defer b.Close()
		b.Switch(&numbers{})
		b.SetTarget(8, 0)
		time.Sleep(s)
		b.SetTarget(2, 0)
		time.Sleep(s)
		b.SetTarget(8, 0)
		time.Sleep(30 * s)
		b.Drain(0)
		if b.f.peak != 8 {
			t.Errorf("peak of %d in flight, want 8", b.f.peak)
		}
	})
}

func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t.Context(), steady(10*s))
		defer b.Close()
		b.Switch(&numbers{})
		begin := b.cfg.Now()
		b.SetTarget(3, 6*s) // starts at 0, 2, 4; the last ends at 14
		for _, tc := range []struct {
			at   time.Duration
			want bool
		}{{s, false}, {11 * s, false}, {13 * s, false}, {15 * s, true}} {
			time.Sleep(tc.at - time.Duration(b.cfg.Now()))
			if got := b.Ready(begin); got != tc.want {
				t.Errorf("ready at %v: %v", tc.at, got)
			}
		}
		level := b.cfg.Now()
		b.SetTarget(2, 0)
		synctest.Wait()
		if b.Ready(level) {
			t.Error("ready with a surplus request in flight")
		}
		time.Sleep(40 * s)
		if !b.Ready(level) {
			t.Error("never ready again after the target fell")
		}
	})
}

func TestJobsAreSentInOrderAndOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		workers := rapid.IntRange(1, 9).Draw(rt, "workers")
		buffer := rapid.IntRange(1, 5).Draw(rt, "buffer")
		n := rapid.Int32Range(1, 60).Draw(rt, "jobs")
		took := rapid.SliceOfN(rapid.IntRange(1, 50), 60, 60).Draw(rt, "took")
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t.Context(), func(r *sample.Request) (time.Duration, sample.Class) {
				return time.Duration(took[r.Prompt]) * time.Millisecond, sample.OK
			}, func(c *Config) { c.Buffer = buffer })
			defer b.Close()
			b.Switch(&numbers{end: n})
			finished := b.Finished()
			b.SetTarget(workers, 0)
			<-finished
			if got := len(b.Read(0)); got != int(n) {
				rt.Fatalf("%d of %d requests can be read when the source has finished", got, n)
			}
			b.Drain(0)
			ids := make(map[int64]bool)
			for _, r := range b.all() {
				ids[r.ID] = true
			}
			if len(b.all()) != int(n) || len(ids) != int(n) {
				rt.Fatalf("%d reported, %d ids, want %d", len(b.all()), len(ids), n)
			}
			// Workers that become free at one instant start in any order among
			// themselves; no job is later than its neighbours by more than that.
			for i, p := range b.f.sent {
				if d := int(p) - i; d > workers || -d > workers {
					rt.Fatalf("order %v", b.f.sent)
				}
			}
			for e := range int32(2) {
				if got := b.InFlight(e); got != 0 {
					rt.Fatalf("%d in flight for endpoint %d at the end", got, e)
				}
			}
		})
	})
}

func TestOneWorkerSendsInStrictOrderAcrossADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t.Context(), steady(s))
		defer b.Close()
		b.Switch(&numbers{})
		for range 4 {
			b.SetTarget(1, 0)
			time.Sleep(2500 * time.Millisecond)
			b.Drain(10 * s)
		}
		for i, p := range b.f.sent {
			if int(p) != i {
				t.Fatalf("sent %v: jobs built before a drain are lost or turned round", b.f.sent)
			}
		}
		if len(b.f.sent) != 12 {
			t.Errorf("%d sent, want 12", len(b.f.sent))
		}
	})
}

func TestDrainWaitsThenCensors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t.Context(), func(r *sample.Request) (time.Duration, sample.Class) {
			return time.Duration(r.Prompt+1) * 10 * s, sample.OK // 10, 20, 30, 40 s
		})
		defer b.Close()
		b.Switch(&numbers{})
		b.SetTarget(4, 0)
		time.Sleep(5 * s)
		b.Drain(20 * s)
		if now := time.Duration(b.cfg.Now()); now != 25*s {
			t.Errorf("drained at %v, want 25s", now)
		}
		var classes []sample.Class
		for _, r := range b.all() {
			classes = append(classes, r.Class)
		}
		if want := []sample.Class{sample.OK, sample.OK, sample.Censored, sample.Censored}; !slices.Equal(classes, want) {
			t.Errorf("classes %v, want %v", classes, want)
		}
		b.SetTarget(1, 0) // it can be used again
		time.Sleep(s)
		if b.f.inFlight() != 1 {
			t.Error("nothing is sent after a drain")
		}
	})
}

func TestDrainDoesNotWaitForStaggerOrBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t.Context(), func(*sample.Request) (time.Duration, sample.Class) { return s, sample.Reset })
		defer b.Close()
		b.Switch(&numbers{})
		b.SetTarget(3, 300*s)
		time.Sleep(30 * s)
		before := b.cfg.Now()
		b.Drain(100 * s)
		if waited := time.Duration(b.cfg.Now() - before); waited > s {
			t.Errorf("drain took %v", waited)
		}
	})
}

func TestBackoffAfterFailures(t *testing.T) {
	for n, want := range map[int]time.Duration{1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 6: 3200 * time.Millisecond, 7: 5 * s, 99: 5 * s} {
		if got := backoff(n); got != want {
			t.Errorf("backoff(%d) = %v, want %v", n, got, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t.Context(), func(r *sample.Request) (time.Duration, sample.Class) {
			if r.Prompt == 3 {
				return s, sample.OK
			}
			return s, sample.Status
		})
		defer b.Close()
		b.Switch(&numbers{})
		b.SetTarget(1, 0)
		time.Sleep(10 * s)
		var starts []time.Duration
		for _, r := range b.all() {
			starts = append(starts, time.Duration(r.Started))
			if r.Scheduled != r.Started {
				t.Errorf("scheduled %d, started %d: the wait after a failure is no lateness", r.Scheduled, r.Started)
			}
		}
		ms := time.Millisecond
		want := []time.Duration{0, 1100 * ms, 2300 * ms, 3700 * ms, 4700 * ms, 5800 * ms, 7000 * ms}
		if len(starts) < len(want) || !slices.Equal(starts[:len(want)], want) {
			t.Errorf("starts %v, want %v", starts, want)
		}
	})
}

func TestSwitchLeavesRequestsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t.Context(), steady(10*s))
		defer b.Close()
		b.Switch(&numbers{end: 1})
		old := b.Finished()
		b.SetTarget(3, 0)
		time.Sleep(s)
		b.Switch(&numbers{next: 100, end: 102})
		time.Sleep(s)
		if b.f.inFlight() != 3 {
			t.Errorf("%d in flight: idle workers did not see the new source", b.f.inFlight())
		}
		<-old
		if now := time.Duration(b.cfg.Now()); now != 10*s {
			t.Errorf("the first source finished at %v", now)
		}
		<-b.Finished()
		if now := time.Duration(b.cfg.Now()); now != 11*s {
			t.Errorf("the second source finished at %v", now)
		}
	})
}

func TestCancellingTheContextCensors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b := newBench(ctx, steady(time.Hour))
		b.Switch(&numbers{})
		b.SetTarget(5, 0)
		time.Sleep(s)
		cancel()
		b.Close()
		b.Close() // harmless
		all := b.all()
		if len(all) != 5 {
			t.Fatalf("%d reported, want the 5 in flight", len(all))
		}
		for _, r := range all {
			if r.Class != sample.Censored {
				t.Errorf("class %v", r.Class)
			}
		}
		b.SetTarget(3, 0)
		b.Switch(&numbers{})
		synctest.Wait()
		if b.f.inFlight() != 0 || len(b.Read(0)) != 5 {
			t.Error("a closed generator sends, or forgets")
		}
	})
}

func TestASlowSinkStopsNobodyAndOverflows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Int64
		release := make(chan struct{})
		b := newBench(t.Context(), steady(s), func(c *Config) {
			report := c.Report
			c.Report = func(r *sample.Request) { <-release; report(r) }
			c.QueueBytes = 20_000
			c.Overflow = func() { full.Add(1) }
		})
		b.Switch(&numbers{})
		b.SetTarget(2, 0)
		time.Sleep(5500 * time.Millisecond)
		if full.Load() != 0 {
			t.Error("overflow after 10 requests")
		}
		time.Sleep(95 * s)
		if full.Load() != 1 {
			t.Errorf("overflow called %d times, want once", full.Load())
		}
		if n := len(b.Read(0)); n != 202 {
			t.Errorf("%d requests can be read, want 200 ended and 2 in flight", n)
		}
		close(release)
		b.Close()
		if n := len(b.all()); n != 202 {
			t.Errorf("%d reported, want 202", n)
		}
	})
}

// Read gives each request once at any moment, whatever ends meanwhile: real
// goroutines, so that the race detector and the scheduler have their say.
func TestReadLosesAndDoublesNothing(t *testing.T) {
	start := time.Now()
	b := newBench(t.Context(), func(r *sample.Request) (time.Duration, sample.Class) {
		return time.Duration(r.Prompt%7) * 20 * time.Microsecond, sample.OK
	})
	b.Switch(&numbers{end: 6_000})
	finished := b.Finished()
	b.SetTarget(32, 0)
	reads := 0
	for over := false; !over; reads++ {
		select {
		case <-finished:
			over = true
		default:
		}
		b.f.mu.Lock()
		must := b.f.started // only ever appended to
		b.f.mu.Unlock()
		seen := make(map[int64]bool)
		for _, r := range b.Read(0) {
			if seen[r.ID] {
				t.Fatalf("request %d is there twice", r.ID)
			}
			seen[r.ID] = true
		}
		for _, id := range must {
			if !seen[id] {
				t.Fatalf("request %d is lost", id)
			}
		}
		if time.Since(start) > 20*s {
			t.Fatal("does not end")
		}
	}
	b.Forget(b.cfg.Now() + 1)
	if n := len(b.Read(0)); n != 0 {
		t.Errorf("%d requests after forgetting all", n)
	}
	b.Close()
	if n := len(b.all()); n != 6_000 {
		t.Errorf("%d reported in %d reads", n, reads)
	}
}

func TestReadFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t.Context(), steady(10*s))
		defer b.Close()
		b.Switch(&numbers{})
		b.SetTarget(1, 0)
		time.Sleep(35 * s) // ended at 10, 20, 30; one in flight
		for from, want := range map[time.Duration]int{0: 4, 10 * s: 4, 15 * s: 3, 30 * s: 2, 31 * s: 1, 100 * s: 1} {
			got := b.Read(int64(from))
			if len(got) != want {
				t.Errorf("%d requests from %v, want %d", len(got), from, want)
			}
			last := got[len(got)-1]
			if last.End != sample.Never || last.Started != int64(30*s) {
				t.Errorf("the one in flight: %+v", last)
			}
		}
		b.Forget(int64(20 * s))
		if got := len(b.Read(0)); got != 3 {
			t.Errorf("%d after forgetting what ended before 20 s, want 3", got)
		}
	})
}

func TestLevelBalancing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t.Context(), steady(10*s), func(c *Config) { c.Buffer = 2 })
		defer b.Close()
		b.Switch(&numbers{}) // endpoints 0, 1, 0, 1 ...
		b.SetTarget(4, 0)
		synctest.Wait()
		for e := range int32(2) { // four sent and two built
			if got := b.InFlight(e); got != 3 {
				t.Errorf("endpoint %d: %d, want 3", e, got)
			}
		}
		if b.InFlight(9) != 0 || b.InFlight(-1) != 0 || b.Target() != 4 {
			t.Error("an endpoint that was never used has load, or the target is lost")
		}
		b.Switch(&numbers{end: 1})
		synctest.Wait()
		if a, z := b.InFlight(0), b.InFlight(1); a+z != 5 {
			t.Errorf("%d and %d after the built ones were dropped, want 5 in all", a, z)
		}
	})
}

func TestSelf(t *testing.T) {
	self := NewSelf(2)
	for range 3 {
		for i, x := 0, 0; i < 3_000_000; i++ { // CPU to be seen
			x += len(strconv.Itoa(x & 7))
		}
		var wg sync.WaitGroup
		for range 2000 { // and goroutines that wait for their turn; the runtime times one in eight
			wg.Go(runtime.Gosched)
		}
		wg.Wait()
		v := self.Read()
		if v[SelfCPU] <= 0 || v[SelfCPUShare] <= 0 || v[SelfCPUShare] > 8 {
			t.Errorf("cpu %v, share %v", v[SelfCPU], v[SelfCPUShare])
		}
		for _, name := range []string{SelfSched, SelfPause} {
			if x, ok := v[name]; ok && (x < 0 || x > 60) {
				t.Errorf("%s = %v", name, x)
			}
		}
		n := 0.0
		for name, x := range v {
			if b, ok := strings.CutPrefix(name, SelfSchedCount); ok {
				if bound, err := strconv.ParseFloat(b, 64); err != nil || bound < schedFloor {
					t.Errorf("%s: %v", name, err)
				}
				n += x
			}
		}
		if n == 0 || v[SelfWall] <= 0 || v[SelfPaused] < 0 {
			t.Errorf("%v goroutines ran in %v s, paused %v s", n, v[SelfWall], v[SelfPaused])
		}
	}
}

// Threads wait for a CPU unseen by the Go scheduler; one that has ended takes nothing
// away, and an id that comes back is another thread.
func TestSelfQueued(t *testing.T) {
	s := &self{tasks: t.TempDir()}
	tell := func(task, text string) {
		dir := filepath.Join(s.tasks, task)
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "schedstat"), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(wait time.Duration, slices int64) {
		t.Helper()
		if w, n := s.queued(); w != wait || n != slices {
			t.Errorf("waited %v in %d slices, want %v in %d", w, n, wait, slices)
		}
	}
	want(0, 0)
	tell("7", "1000 2000 3\n")
	tell("8", "1000 500 1\n")
	want(2500, 4)
	tell("7", "5000 9000 13\n")
	want(7000, 10)
	if err := os.RemoveAll(filepath.Join(s.tasks, "8")); err != nil {
		t.Fatal(err)
	}
	tell("7", "10 10 1\n")
	want(0, 0)
	tell("7", "no figures")
	want(0, 0)
	s.tasks = filepath.Join(s.tasks, "none")
	want(0, 0)
}

func TestQuantile(t *testing.T) {
	inf := math.Inf(1)
	h := func(counts ...uint64) metrics.Float64Histogram {
		return metrics.Float64Histogram{Counts: counts, Buckets: []float64{math.Inf(-1), 1, 2, 4, inf}}
	}
	for _, tc := range []struct {
		h    metrics.Float64Histogram
		q    float64
		want float64
		ok   bool
	}{
		{h(0, 0, 0, 0), 0.99, 0, false},
		{h(0, 99, 1, 0), 0.99, 2, true},
		{h(0, 98, 2, 0), 0.99, 4, true},
		{h(0, 0, 0, 5), 0.99, 4, true}, // no upper bound: the lower one
		{h(5, 0, 0, 0), 0.5, 1, true},
		{metrics.Float64Histogram{}, 0.5, 0, false},
	} {
		if got, ok := quantile(tc.h, tc.q); got != tc.want || ok != tc.ok {
			t.Errorf("quantile(%v, %v) = %v, %v; want %v, %v", tc.h.Counts, tc.q, got, ok, tc.want, tc.ok)
		}
	}
}

// A source is asked by one goroutine at a time, and no more once it is replaced.
func TestSwitchEndsTheOldSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t.Context(), steady(time.Millisecond))
		defer b.Close()
		b.SetTarget(4, 0)
		var old []*slow
		for range 20 {
			src := &slow{}
			b.Switch(src)
			for _, o := range old {
				o.over.Store(true)
			}
			old = append(old, src)
			time.Sleep(17 * time.Millisecond)
		}
		for i, o := range old {
			if o.late.Load() {
				t.Errorf("source %d was asked after it had been replaced", i)
			}
		}
	})
}

// slow takes a time to build a job.
type slow struct{ over, late atomic.Bool }

func (s *slow) Next() (*sample.Job, bool) {
	time.Sleep(5 * time.Millisecond)
	if s.over.Load() {
		s.late.Store(true)
	}
	return &sample.Job{}, true
}
