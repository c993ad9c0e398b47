package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/engine"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// world is a run against simulators whose truth is known, in virtual time.
type world struct {
	*result.Collector
	t      *testing.T
	sims   []*simulator.Server
	frames []result.Frame
	opt    Options
	plan   *scenario.Plan
	err    error
	start  time.Time
	each   func(result.Frame) // called for each frame, by the runner
	die    func()             // ends the simulators and refuses connections
	// delay, when set, holds every request for completions back before the simulator sees
	// it; arrived holds when those with an id came.
	delay   func(*http.Request) time.Duration
	arrived sync.Map      // request id -> ns since start
	refuse  atomic.Bool   // every request for completions is answered 503
	scrape  time.Duration // how long the server takes to tell its metrics
}

// handler serves one simulator, delayed where there is a delay.
func (w *world) handler(s *simulator.Server) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPost && w.delay != nil {
			w.arrived.Store(q.Header.Get("X-Request-Id"), int64(time.Since(w.start)))
			body, err := io.ReadAll(q.Body) // a pipe holds nothing: the client would wait in its write
			if err != nil {
				return
			}
			q.Body = io.NopCloser(bytes.NewReader(body))
			select {
			case <-time.After(w.delay(q)):
			case <-q.Context().Done():
				return
			}
		}
		if q.Method == http.MethodPost && w.refuse.Load() {
			http.Error(rw, "overloaded", http.StatusServiceUnavailable)
			return
		}
		if q.URL.Path == "/metrics" {
			time.Sleep(w.scrape)
		}
		s.ServeHTTP(rw, q)
	})
}

// profile is a server of round figures: a block of 16, base 100 ms, 100 us per computed
// token, 10 ms per output token, one tier of 100k tokens.
func profile(change ...func(*simulator.Profile)) simulator.Profile {
	p, err := simulator.DecodeProfile([]byte(`{"name":"test","block":16,"tiers":[{"name":"hbm","capacity":100000,"load":"0us"}],"base":"100ms","prefill":"100us","decode":"10ms"}`))
	if err != nil {
		panic(err)
	}
	for _, f := range change {
		f(&p)
	}
	return p
}

// planOf loads a scenario; {URL} stands for endpoints.
func planOf(t testing.TB, yaml string) *scenario.Plan {
	t.Helper()
	plan, problems := scenario.Load("test.yaml", []byte(yaml), scenario.Options{})
	for _, p := range problems {
		if !p.Warning {
			t.Fatalf("scenario:\n%s", scenario.Render(problems, false))
		}
	}
	return plan
}

// Observe implements Observer.
func (w *world) Observe(f result.Frame) {
	w.frames = append(w.frames, f)
	w.Collector.Observe(f)
	if w.each != nil {
		w.each(f)
	}
}

// inBubble runs a scenario against one simulator per endpoint (http://sim0, ...) in a
// synctest bubble, and hands what came of it to check.
func inBubble(t *testing.T, yaml string, profiles []simulator.Profile, prepare func(*world), check func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, Collector: result.NewCollector(), plan: planOf(t, yaml)}
		ctx, cancel := context.WithCancel(t.Context())
		mems := map[string]*simulator.Memory{}
		var served sync.WaitGroup
		var dead atomic.Bool
		w.die = func() { dead.Store(true); cancel() }
		for i, p := range profiles {
			s, mem := simulator.New(p), simulator.NewMemory()
			w.sims = append(w.sims, s)
			mems[fmt.Sprintf("sim%d:80", i)] = mem
			w.opt.Endpoints = append(w.opt.Endpoints, fmt.Sprintf("http://sim%d", i))
			served.Go(func() { w.serve(ctx, s, mem) })
		}
		w.opt.Nonce, w.opt.ID, w.opt.Version = "n1", "test", "test"
		w.opt.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			mem := mems[addr]
			if mem == nil || ctx.Err() != nil || dead.Load() {
				return nil, errors.New("connection refused")
			}
			return mem.Dial(ctx, network, addr)
		}
		if prepare != nil {
			prepare(w)
		}
		w.start = time.Now()
		w.err = Run(t.Context(), w.plan, w, w.opt)
		cancel()
		served.Wait()
		synctest.Wait() // handlers that were cut off
		check(w)
	})
}

// serve runs one simulator on ln until ctx is done; then streams are cut.
func (w *world) serve(ctx context.Context, s *simulator.Server, ln net.Listener) {
	srv := &http.Server{Handler: w.handler(s), BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() {
		<-ctx.Done()
		srv.Close()
	}()
	_ = srv.Serve(ln)
}

// truth is the simulators' logs by request id, stamps on the run's clock.
func (w *world) truth() map[string]simulator.Entry {
	out := map[string]simulator.Entry{}
	for _, s := range w.sims {
		shift := int64(s.Epoch().Sub(w.start))
		for _, e := range s.Log() {
			if e.RequestID == "" {
				continue // the probe's
			}
			for _, at := range []*int64{&e.Arrival, &e.Prefill, &e.FirstToken, &e.End} {
				if *at != simulator.Never {
					*at += shift
				}
			}
			e.Tokens = slices.Clone(e.Tokens)
			for i := range e.Tokens {
				e.Tokens[i] += shift
			}
			if _, twice := out[e.RequestID]; twice {
				w.t.Errorf("the simulator logged request %s twice", e.RequestID)
			}
			out[e.RequestID] = e
		}
	}
	return out
}

// requests lists every request of the record.
func (w *world) requests() []*sample.Request {
	var out []*sample.Request
	for _, f := range w.frames {
		if q, ok := f.(*result.Request); ok {
			out = append(out, &q.Request)
		}
	}
	return out
}

func (w *world) phases(kind result.PhaseKind) []*result.Phase {
	var out []*result.Phase
	for _, f := range w.frames {
		if p, ok := f.(*result.Phase); ok && p.Phase == kind {
			out = append(out, p)
		}
	}
	return out
}

func (w *world) periods() []*result.Period {
	var out []*result.Period
	for _, f := range w.frames {
		if p, ok := f.(*result.Period); ok {
			out = append(out, p)
		}
	}
	return out
}

func (w *world) notes() map[string]string {
	out := map[string]string{}
	for _, f := range w.frames {
		if n, ok := f.(*result.Note); ok {
			out[n.Code] = n.Text
		}
	}
	return out
}

func (w *world) mustRun() {
	w.t.Helper()
	if w.err != nil {
		w.t.Fatalf("Run: %v", w.err)
	}
}

// oneServer opens the first endpoint without asking it anything.
func (r *run) oneServer() error {
	s, err := engine.Open(r.engineConfig(0))
	r.target.servers = []*engine.Server{s}
	return err
}
