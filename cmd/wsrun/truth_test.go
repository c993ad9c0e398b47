package main

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
)

const truthSim = `name: truth-sim
tiers: [{name: hbm, capacity: 1M}]
base: 30ms
prefill: 20us
decode: 20ms
`

const truthScenario = `name: truth
target: {endpoints: [URL], headers: {X-Request-Id: "{request}"}}
contexts: [1024]
working_set: [131072]
hit_rates: [50]
output_tokens: 16
mode: fixed
concurrency: [20, 100]
duration: 5s
assessment_period: 1s
`

// How far a run over real sockets may be from the simulator's log.
const (
	truthTTFT   = time.Millisecond // of the median at 100 streams; 0.3 ms is usual
	truthTokens = 0.005            // of a window's output tokens: those in flight at its two ends
	truthLoad   = 0.02             // of concurrency: the way to the simulator and back, longer where CPUs are short
	truthTries  = 3
)

// Over real sockets, with the simulator as a process of its own: every request that it
// logged is in the record once with all its tokens, and each point's TTFT, output tokens
// and concurrency are those of the log.
//
// Both processes read the monotonic clock of one machine but count from starts of their
// own. How far these are apart follows from the requests: none can arrive before it was
// sent, no token can be read before it was written. The tightest of these bounds leave the
// fraction of a millisecond that a message takes, and the middle of it is taken.
//
// Another process on the machine can only add to the difference, so that the best of a few
// tries is nearest to the instrument's own error.
func TestTruth(t *testing.T) {
	if os.Getenv("WSRUN_TRUTH") == "" {
		t.Skip("WSRUN_TRUTH is not set: run make truth")
	}
	for try := 1; ; try++ {
		wrong := oneTruth(t)
		if len(wrong) == 0 {
			return
		}
		t.Logf("try %d: %s", try, strings.Join(wrong, "; "))
		if try == truthTries {
			t.Fatalf("%d tries, none near enough", truthTries)
		}
	}
}

// oneTruth runs once. What must hold on any machine fails the test; what another process
// may have spoilt is given back.
func oneTruth(t *testing.T) (wrong []string) {
	dir := workdir(t, map[string]string{"sim.yaml": truthSim})
	url, end := simulate(t, dir, "sim.yaml")
	if err := os.WriteFile(filepath.Join(dir, "truth.yaml"), []byte(strings.Replace(truthScenario, "URL", url, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, 0, dir, "truth.yaml")
	rec := readRecord(t, runDir(t, dir, "truth"))
	l := &truth{log: end()}
	l.pair(t, rec)
	for _, p := range result.Summarise(rec).Points {
		wrong = append(wrong, l.compare(t, p)...)
	}
	return wrong
}

// simulate starts `wsrun simulate`; end stops it and gives its log.
func simulate(t *testing.T, dir, profile string) (url string, end func() []simulator.Entry) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no signal ends a process gracefully there")
	}
	cmd := command(dir, "simulate", "--profile", profile, "--listen", "127.0.0.1:0", "--log", "log.jsonl")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended unless the test failed
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the simulator does not listen: %v", err)
	}
	return strings.TrimSpace(line), func() []simulator.Entry {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatalf("the simulator ended with %v", err)
		}
		return readLog(t, filepath.Join(dir, "log.jsonl"))
	}
}

func readLog(t *testing.T, path string) (log []simulator.Entry) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for dec := json.NewDecoder(f); dec.More(); {
		var e simulator.Entry
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		log = append(log, e)
	}
	return log
}

// truth is the simulator's log and the record, request by request.
type truth struct {
	log   []simulator.Entry
	reqs  []*sample.Request // of the load, each with its entry in by
	by    map[*sample.Request]*simulator.Entry
	shift int64 // from the log's clock to the record's
}

// pair finds each request of the log in the record, once, with its tokens, and sets the
// two clocks against each other.
func (l *truth) pair(t *testing.T, rec *result.Record) {
	t.Helper()
	entries := map[string]*simulator.Entry{}
	for i, e := range l.log {
		if e.RequestID == "" {
			continue // the probe's
		}
		if entries[e.RequestID] != nil {
			t.Errorf("the simulator got request %s twice", e.RequestID)
		}
		entries[e.RequestID] = &l.log[i]
	}
	l.by = map[*sample.Request]*simulator.Entry{}
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	for _, u := range rec.Units {
		for _, q := range u.Requests {
			id := strconv.FormatInt(q.ID, 10)
			e := entries[id]
			if e == nil {
				t.Fatalf("request %s (%v, %v) is not in the log, or twice in the record", id, q.Phase, q.Class)
			}
			delete(entries, id)
			if q.Phase == sample.PhaseLoad {
				l.reqs, l.by[q] = append(l.reqs, q), e
			}
			if q.Class == sample.Censored {
				continue // cut off at the end of the drain
			}
			if q.Class != sample.OK || q.EventCount != int64(len(e.Tokens)) || q.CachedTokens != int64(e.Cached) {
				t.Fatalf("request %s: %v %s, %d tokens, %d cached; the log says %d and %d", id, q.Class, q.Err, q.EventCount, q.CachedTokens, len(e.Tokens), e.Cached)
			}
			lo, hi = max(lo, q.Started-e.Arrival), min(hi, q.FirstToken-e.FirstToken)
		}
	}
	if len(entries) > 0 {
		t.Errorf("%d requests of the log are not in the record", len(entries))
	}
	if lo > hi {
		t.Errorf("a request arrived before it was sent, or a token was read before it was written (by %v)", time.Duration(lo-hi))
	}
	l.shift = lo + (hi-lo)/2
	t.Logf("%d requests, each in the log once; clocks aligned to within %v", len(l.by), time.Duration(hi-lo)/2)
}

// compare holds a point against the log and gives what is too far off.
func (l *truth) compare(t *testing.T, p *result.Point) (wrong []string) {
	w := p.Window()
	var tokens, inFlight int64
	var ttfts []float64
	for _, q := range l.reqs {
		e := l.by[q]
		for _, at := range e.Tokens {
			if w.Has(at + l.shift) {
				tokens++
			}
		}
		if w.Has(q.FirstToken) {
			ttfts = append(ttfts, float64(e.FirstToken-e.Arrival)/1e9)
		}
		inFlight += max(0, min(e.End+l.shift, w.End)-max(e.Arrival+l.shift, w.Start))
	}
	slices.Sort(ttfts)
	for _, c := range []struct {
		name            string
		got, want, most float64
	}{
		{"ttft.p50 in ms", 1e3 * p.Row.Get("ttft.p50").V, 1e3 * stats.Quantile(ttfts, 0.5), float64(truthTTFT) / 1e6},
		{"output tokens", float64(p.OutputTokens), float64(tokens), truthTokens * float64(tokens)},
		{"output tok/s", p.Row.Get("output_throughput").V, float64(tokens) / w.Seconds(), truthTokens * float64(tokens) / w.Seconds()},
		{"concurrency", p.Row.Get("concurrency_achieved").V, float64(inFlight) / float64(w.End-w.Start), truthLoad * float64(p.Level)},
	} {
		t.Logf("conc %3d  %-15s wsrun %10.3f  log %10.3f  off by %.3f, at most %.3f", p.Level, c.name, c.got, c.want, c.got-c.want, c.most)
		if !(math.Abs(c.got-c.want) <= c.most) {
			wrong = append(wrong, c.name+" at "+strconv.Itoa(p.Level)+" streams")
		}
	}
	if len(ttfts) < 100 {
		t.Errorf("conc %d: only %d first tokens", p.Level, len(ttfts))
	}
	return wrong
}
