package result

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

func want(t *testing.T, row metric.Row, name string, v metric.Value) {
	t.Helper()
	got := row.Get(name)
	if got.State != v.State || math.Abs(got.V-v.V) > 1e-9*max(1, math.Abs(v.V)) {
		t.Errorf("%s = %v, want %v", name, got, v)
	}
}

// heavy is a log-normal TTFT, seeded, so that each request has its own.
func heavy(median, sigma float64) func(float64, int) float64 {
	return func(_ float64, n int) float64 {
		return median * math.Exp(sigma*rand.New(rand.NewPCG(1, uint64(n))).NormFloat64())
	}
}

func growing(from, to, over float64) func(float64, int) float64 {
	return func(start float64, _ int) float64 { return from + (to-from)*start/over }
}

// Whatever the period, the latency and the shape of TTFT: contiguous windows hold
// every token, every first token and every end exactly once.
func TestWindowsPartitionARun(t *testing.T) {
	for _, period := range []float64{5, 30, 60} {
		for _, latency := range []float64{0.5, 5, 40} {
			for name, ttft := range map[string]func(float64, int) float64{
				"constant": constant(latency / 2), "growing": growing(latency/4, latency, 300), "heavy": heavy(latency/4, 1),
			} {
				for _, told := range []bool{true, false} {
					s := synth{workers: 10, until: 300, spread: latency, ttft: ttft, events: 7, tokens: 25, told: told, gap: latency / 14, sent: 1000, cached: 600}
					reqs := s.requests()
					t.Run(fmt.Sprintf("%v/%v/%s/%v", period, latency, name, told), func(t *testing.T) {
						partition(t, reqs, windows(0, 1200, period))
					})
				}
			}
		}
	}
}

type totals struct {
	Input, Output, Cached, Sent, Intended                           int64
	FirstTokens, Completed, Failed, Censored, TTLTs, TPOTs, Gaps, N int
	Errors                                                          map[string]int
}

func (s *totals) add(c Counts) {
	s.Input += c.InputTokens
	s.Output += c.OutputTokens
	s.Cached += max(c.CachedTokens, 0)
	s.Sent += c.SentTokens
	s.Intended += c.IntendedTokens
	s.FirstTokens += c.FirstTokens
	s.Completed += c.Completed
	s.Failed += c.Failed
	s.Censored += c.Censored
	s.TTLTs += c.ttlts
	s.TPOTs += c.tpots
	s.Gaps += c.gaps
	s.N += len(c.TTFTs)
	for class, n := range c.ErrorsBy {
		if s.Errors == nil {
			s.Errors = map[string]int{}
		}
		s.Errors[class] += n
	}
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func partition(t fataler, reqs []*sample.Request, ws []Window) {
	t.Helper()
	var sum, whole totals
	inFlight := 0.0
	for _, w := range ws {
		row, c := Measure(reqs, w, MeasureOptions{})
		sum.add(c)
		inFlight += row.Get("concurrency_achieved").V * w.Seconds()
	}
	all := Window{ws[0].Start, ws[len(ws)-1].End}
	row, c := Measure(reqs, all, MeasureOptions{})
	whole.add(c)
	if diff := cmp.Diff(whole, sum); diff != "" {
		t.Fatalf("the windows do not add up to the whole (-whole +sum):\n%s", diff)
	}
	if total := row.Get("concurrency_achieved").V * all.Seconds(); math.Abs(total-inFlight) > 1e-6*max(1, total) {
		t.Fatalf("time in flight: %v in the windows, %v in all", inFlight, total)
	}
	var output int64
	for _, r := range reqs {
		if r.Class == sample.OK && r.Started >= all.Start && r.End >= 0 && r.End < all.End {
			output += r.Output()
		}
	}
	if output > c.OutputTokens {
		t.Fatalf("%d output tokens were told, %d counted", output, c.OutputTokens)
	}
}

func TestTokensAreExact(t *testing.T) {
	s := synth{workers: 3, until: 100, ttft: constant(1), events: 7, tokens: 25, gap: 0.3, sent: 1000, cached: 600}
	reqs := s.requests()
	_, c := Measure(reqs, Window{0, at(1000)}, MeasureOptions{})
	n := int64(len(reqs))
	if c.OutputTokens != 25*n || c.InputTokens != 1000*n || c.CachedTokens != 600*n {
		t.Errorf("%d requests: output %d, input %d, cached %d", n, c.OutputTokens, c.InputTokens, c.CachedTokens)
	}
}

// request of any class, any stamps in order, told or not.
var anyRequest = rapid.Custom(func(t *rapid.T) *sample.Request {
	r := &sample.Request{Phase: sample.PhaseLoad, Prompt: -1, Sent: 100, IntendedCached: rapid.Int64Range(0, 90).Draw(t, "intended"), MaxTokens: 9, ReadLagMax: -1,
		PromptTokens: rapid.SampledFrom([]int64{-1, 100, 101}).Draw(t, "prompt"), CachedTokens: rapid.Int64Range(-1, 90).Draw(t, "cached"), CompletionTokens: -1}
	now := rapid.Int64Range(0, 90).Draw(t, "start") * sec / 3
	step := func() int64 { now += rapid.Int64Range(0, 30).Draw(t, "step") * sec / 3; return now }
	r.Started, r.Wrote = now, now+1
	evs := make([]sample.Event, rapid.IntRange(0, 5).Draw(t, "events"))
	told := rapid.Bool().Draw(t, "told")
	for i := range evs {
		evs[i].At = step()
		if told {
			evs[i].Tokens = rapid.Int64Range(0, 3).Draw(t, "tokens")
			r.CompletionTokens = max(r.CompletionTokens, 0) + evs[i].Tokens
		}
	}
	r.SetEvents(evs)
	r.Class = sample.Class(rapid.IntRange(0, int(sample.Censored)).Draw(t, "class"))
	if len(evs) == 0 && r.Class == sample.OK {
		r.Class = sample.Empty
	}
	switch {
	case told && len(evs) > 0:
		r.Flags |= sample.TokensTold
	case r.Class == sample.OK:
		if r.CompletionTokens = rapid.Int64Range(-1, 20).Draw(t, "completion"); r.CompletionTokens < 0 {
			r.Flags |= sample.NoUsage
		}
	}
	r.End = step()
	return r
})

func TestWindowsPartitionAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reqs := rapid.SliceOfN(anyRequest, 0, 12).Draw(t, "requests")
		ws := []Window{{0, 0}}
		for ws[len(ws)-1].End < 300*sec {
			from := ws[len(ws)-1].End
			ws = append(ws, Window{from, from + rapid.Int64Range(1, 100).Draw(t, "length")*sec/3})
		}
		partition(t, reqs, ws[1:])
	})
}

// The order in which requests are given does not matter.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reqs := rapid.SliceOfN(anyRequest, 0, 12).Draw(t, "requests")
		w := Window{20 * sec, 50 * sec}
		a, _ := Measure(reqs, w, MeasureOptions{})
		b, _ := Measure(rapid.Permutation(reqs).Draw(t, "order"), w, MeasureOptions{})
		if diff := cmp.Diff(a, b, cmp.Comparer(func(x, y metric.Value) bool {
			return x.State == y.State && math.Abs(x.V-y.V) < 1e-9*max(1, math.Abs(x.V))
		})); diff != "" {
			t.Fatalf("order matters:\n%s", diff)
		}
	})
}

// A steady TTFT of 20 s in 30 s windows is 20.0, not the 16.0 that ages taken as
// plain values give; so it is for windows shorter than the waiting.
func TestSteadyTTFTAcrossWindows(t *testing.T) {
	for _, period := range []float64{5, 30, 60} {
		for _, ttft := range []float64{0.5, 5, 20, 40} {
			s := synth{workers: 100, until: 400, spread: ttft + 1, ttft: constant(ttft), events: 2, tokens: 2, told: true, gap: 1, sent: 10}
			reqs := s.requests()
			for _, w := range windows(150, 300, period) {
				row, c := Measure(cutAt(reqs, w.End), w, MeasureOptions{})
				if !c.Straddling {
					t.Fatalf("%v s windows of TTFT %v: nobody waits across the border", period, ttft)
				}
				for _, stat := range []string{"p50", "p90"} {
					want(t, row, "ttft."+stat, metric.Of(ttft))
				}
				want(t, row, "ttft.avg", metric.Of(ttft))
			}
		}
	}
}

// Growing TTFT: the median of each window lies within what was waited at its
// beginning and at its end, and rises.
func TestGrowingTTFTAcrossWindows(t *testing.T) {
	ttft := growing(2, 42, 400)
	s := synth{workers: 200, until: 400, spread: 3, ttft: ttft, events: 2, tokens: 2, told: true, gap: 0.5, sent: 10}
	reqs := s.requests()
	last := 0.0
	for _, w := range windows(60, 360, 30) {
		row, _ := Measure(reqs, w, MeasureOptions{})
		lo := ttft(seconds(w.Start)-ttft(seconds(w.Start), 0), 0)
		hi := ttft(seconds(w.End), 0)
		if p50 := row.Get("ttft.p50"); p50.State != metric.Exact || p50.V < lo || p50.V > hi || p50.V <= last {
			t.Errorf("window at %v s: p50 = %v after %v, want within %.1f and %.1f", seconds(w.Start), p50, last, lo, hi)
		} else {
			last = p50.V
		}
	}
}

// Heavy tail: pooled over many windows the percentiles are those of all requests
// that were started, though most windows see the slow ones only in part.
func TestHeavyTailAcrossWindows(t *testing.T) {
	for _, period := range []float64{30, 60} {
		s := synth{workers: 400, until: 900, spread: 15, ttft: heavy(3, 1.2), events: 2, tokens: 2, told: true, gap: 1, sent: 10}
		reqs := s.requests()
		truth := sortedTTFTs(reqs)
		for _, stat := range []struct {
			name string
			q    float64
		}{{"ttft.p50", .5}, {"ttft.p90", .9}, {"ttft.p95", .95}} {
			var got []float64
			for _, w := range windows(300, 600, period) {
				row, _ := Measure(cutAt(reqs, w.End), w, MeasureOptions{})
				got = append(got, row.Get(stat.name).V)
			}
			if m, truth := stats.Median(got), stats.Quantile(truth, stat.q); math.Abs(m/truth-1) > 0.06 {
				t.Errorf("%v s windows: %s = %.2f (median of windows), truth %.2f", period, stat.name, m, truth)
			}
		}
	}
}

// Nobody waits across a border: type 7 of the first tokens, to the last bit.
func TestNoStraddlersIsType7(t *testing.T) {
	s := synth{workers: 7, until: 50, ttft: heavy(1, 0.5), events: 3, tokens: 3, told: true, gap: 0.1, sent: 10}
	reqs := s.requests()
	row, c := Measure(reqs, Window{0, at(1000)}, MeasureOptions{})
	truth := sortedTTFTs(reqs)
	if c.Straddling || len(truth) < 100 {
		t.Fatalf("straddling %v, %d samples", c.Straddling, len(truth))
	}
	for name, q := range map[string]float64{"p50": .5, "p90": .9, "p95": .95, "p99": .99, "max": 1} {
		if got := row.Get("ttft." + name); got != metric.Of(stats.Quantile(truth, q)) {
			t.Errorf("ttft.%s = %v, want %v", name, got, stats.Quantile(truth, q))
		}
	}
}

// Everybody waits: no percentile, but a bound; and too few waitings bound nothing.
func TestOnlyWaiting(t *testing.T) {
	var reqs []*sample.Request
	for i := range 12 {
		r := synth{ttft: constant(500), events: 1, tokens: 1, sent: 10}.request(float64(i), i)
		reqs = append(reqs, r)
	}
	row, c := Measure(reqs, Window{0, at(30)}, MeasureOptions{SLO: scenario.SLO{TTFT: []scenario.Line{{Stat: "p50", Limit: 1}}}})
	want(t, row, "ttft.p50", metric.Lower(30))
	want(t, row, "ttft.p90", metric.Lower(30))
	want(t, row, "ttft.p95", metric.Value{}) // 12 waitings are less than 20
	want(t, row, "ttft.max", metric.Lower(30))
	want(t, row, "ttft.avg", metric.Value{})
	want(t, row, "output_throughput", metric.Of(0)) // none came: that is known
	want(t, row, "hit_rate_observed", metric.Value{})
	want(t, row, "error_rate", metric.Value{})
	want(t, row, "goodput", metric.Of(0))
	want(t, row, "goodput_share", metric.Value{})
	if c.Waiting != 12 || c.FirstTokens != 0 {
		t.Errorf("waiting %d, first tokens %d", c.Waiting, c.FirstTokens)
	}
}

// Null is not zero: a window in which nothing was in flight measured nothing.
func TestEmptyWindow(t *testing.T) {
	row, c := Measure(nil, Window{0, sec}, MeasureOptions{SLO: scenario.SLO{TTFT: []scenario.Line{{Stat: "max", Limit: 1}}}})
	if diff := cmp.Diff(metric.Row{"elapsed": metric.Of(1), "attempts": metric.Of(0), "completed": metric.Of(0)}, row); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c.CachedTokens != sample.Unknown {
		t.Errorf("cached tokens %d, want unknown", c.CachedTokens)
	}
	// Requests of other phases are not load.
	r := synth{ttft: constant(.1), events: 1, tokens: 1, sent: 10}.request(0, 0)
	r.Phase = sample.PhaseWarmup
	if row2, _ := Measure([]*sample.Request{r}, Window{0, sec}, MeasureOptions{SLO: scenario.SLO{TTFT: []scenario.Line{{Stat: "max", Limit: 1}}}}); cmp.Diff(row, row2) != "" {
		t.Errorf("a warm-up request was measured: %v", row2)
	}
}

func TestOneRequestByHand(t *testing.T) {
	s := synth{ttft: constant(2), events: 5, tokens: 9, told: true, gap: 0.5, sent: 1000, cached: 750} // first event 1 token, then 2 each
	r := s.request(1, 0)
	r.End = at(6)
	slo := scenario.SLO{TTFT: []scenario.Line{{Stat: "avg", Limit: .1}, {Stat: "p50", Limit: .2}, {Stat: "p95", Limit: 2}}, OutputRate: []scenario.Line{{Stat: "p10", Limit: 4}}}
	row, c := Measure([]*sample.Request{r}, Window{0, at(10)}, MeasureOptions{SLO: slo, KVBytesPerToken: 1e6})
	for name, v := range map[string]float64{
		"ttft.avg": 2, "ttft.max": 2, "ttlt.avg": 4, "tpot.avg": 0.25, "output_rate.avg": 4, "icl.avg": .5, "icl.max": .5, "itl.p50": .5,
		"input_throughput": 100, "prefill_throughput": 25, "reuse_throughput": 75, "reuse_bandwidth": .075, "output_throughput": .9,
		"hit_rate_observed": 75, "concurrency_achieved": .5, "goodput": .1, "goodput_share": 100, "error_rate": 0, "attempts": 1, "completed": 1, "elapsed": 10,
	} {
		want(t, row, name, metric.Of(v))
	}
	for _, name := range []string{"ttft.p50", "ttft.p95", "output_rate.p5", "output_rate.p10", "icl.p90"} {
		want(t, row, name, metric.Value{})
	}
	if c.FirstTokens != 1 || c.Straddling {
		t.Errorf("first tokens %d, straddling %v", c.FirstTokens, c.Straddling)
	}
}

func TestTPOT(t *testing.T) {
	base := synth{ttft: constant(1), events: 4, tokens: 8, gap: 0.5, sent: 10}
	for _, c := range []struct {
		name string
		edit func(*sample.Request)
		want float64
		ok   bool
	}{
		{"two tokens an event, not told: 1.5 s over six", func(*sample.Request) {}, 0.25, true},
		{"no usage: a token an event", func(r *sample.Request) { r.CompletionTokens, r.Flags = -1, sample.NoUsage }, 0.5, true},
		{"one token", func(r *sample.Request) {
			r.CompletionTokens = 1
			r.SetEvents([]sample.Event{{At: at(3)}})
		}, 0, false},
		{"several tokens in one event", func(r *sample.Request) { r.SetEvents([]sample.Event{{At: at(3)}}) }, 0, false},
		{"told: all but one in the first event", func(r *sample.Request) {
			r.Flags |= sample.TokensTold
			r.SetEvents([]sample.Event{{At: at(3), Tokens: 7}, {At: at(4), Tokens: 1}})
		}, 1, true},
		{"no token", func(r *sample.Request) { fail(r, sample.Empty, 1) }, 0, false},
	} {
		r := base.request(0, 0)
		c.edit(r)
		if got, ok := TPOT(r); ok != c.ok || math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

func TestITLNeedsToldTokens(t *testing.T) {
	told := synth{ttft: constant(1), events: 4, tokens: 4, told: true, gap: 0.5, sent: 10}
	untold := synth{ttft: constant(1), events: 4, tokens: 8, gap: 0.25, sent: 10}
	w := Window{0, at(100)}
	broken := untold.request(2, 1)
	broken.Class, broken.CompletionTokens = sample.Reset, sample.Unknown
	for _, c := range []struct {
		name string
		reqs []*sample.Request
		itl  metric.Value
		icl  metric.Value
	}{
		{"told", []*sample.Request{told.request(0, 0)}, metric.Of(.5), metric.Of(.5)},
		{"one success did not tell", []*sample.Request{told.request(0, 0), untold.request(2, 1)}, metric.Value{}, metric.Of(.375)},
		{"one stream broke off before it told", []*sample.Request{told.request(0, 0), broken}, metric.Of(.5), metric.Of(.375)},
	} {
		row, _ := Measure(c.reqs, w, MeasureOptions{})
		t.Run(c.name, func(t *testing.T) {
			want(t, row, "itl.avg", c.itl)
			want(t, row, "icl.avg", c.icl)
		})
	}
}

// A gap belongs to the window in which it ends.
func TestGapsEndInTheWindow(t *testing.T) {
	r := synth{ttft: constant(1), events: 3, tokens: 3, told: true, gap: 1, sent: 10}.request(0, 0) // 1, 2, 3
	for _, c := range []struct {
		w    Window
		gaps int
	}{{Window{0, at(2)}, 0}, {Window{at(2), at(3)}, 1}, {Window{at(1.5), at(10)}, 2}} {
		if _, got := Measure([]*sample.Request{r}, c.w, MeasureOptions{}); got.gaps != c.gaps {
			t.Errorf("%v: %d gaps, want %d", c.w, got.gaps, c.gaps)
		}
	}
}

// Live: streams in flight count by events x the running ratio; what the server has
// not told yet is taken to be like what it told.
func TestLiveView(t *testing.T) {
	s := synth{workers: 1, ttft: constant(1), events: 10, tokens: 25, gap: 0.1, sent: 1000, cached: 600}
	done, running := s.request(0, 0), s.request(1.5, 1)
	reqs := cutAt([]*sample.Request{done, running}, at(3))
	ratio := TokensPerEvent(reqs)
	if ratio != 2.5 {
		t.Fatalf("tokens per event %v", ratio)
	}
	row, c := Measure(reqs, Window{0, at(3)}, MeasureOptions{TokensPerEvent: ratio})
	if c.OutputTokens != 25+12 || c.InputTokens != 2000 || c.CachedTokens != 600 || c.Completed != 1 {
		t.Errorf("output %d, input %d, cached %d, completed %d", c.OutputTokens, c.InputTokens, c.CachedTokens, c.Completed)
	}
	want(t, row, "hit_rate_observed", metric.Of(60))
	want(t, row, "reuse_throughput", metric.Of(400))
	want(t, row, "ttlt.avg", metric.Of(1.9))
	want(t, row, "concurrency_achieved", metric.Of((seconds(done.End)+1.5)/3))
	if TokensPerEvent(nil) != 1 {
		t.Error("without requests a token event is one token")
	}
}

// Failures are errors by class; what wsrun cancelled itself is neither success nor
// error; an attempt that never started is an attempt.
func TestFailures(t *testing.T) {
	s := synth{ttft: constant(1), events: 2, tokens: 2, told: true, gap: 0.1, sent: 10, cached: 5}
	var reqs []*sample.Request
	for i := range 8 {
		reqs = append(reqs, s.request(float64(i), i))
	}
	fail(reqs[1], sample.Status, 0.01)
	fail(reqs[2], sample.TimeoutFirstToken, 7)
	fail(reqs[3], sample.Connect, 0.5)
	reqs[3].Started, reqs[3].Wrote = sample.Never, sample.Never
	reqs[3].End = at(3.5)
	fail(reqs[4], sample.Censored, 3)
	row, c := Measure(reqs, Window{0, at(20)}, MeasureOptions{SLO: scenario.SLO{TTFT: []scenario.Line{{Stat: "max", Limit: 1}}}})
	if diff := cmp.Diff(map[string]int{"status": 1, "timeout-first-token": 1, "connect": 1}, c.ErrorsBy); diff != "" {
		t.Error(diff)
	}
	want(t, row, "attempts", metric.Of(7))
	want(t, row, "completed", metric.Of(4))
	want(t, row, "error_rate", metric.Of(300./7))
	want(t, row, "goodput", metric.Of(4./20))
	want(t, row, "goodput_share", metric.Of(400./7))
	want(t, row, "ttft.max", metric.Lower(7)) // somebody waited longer than any first token took
	if c.Censored != 1 {
		t.Errorf("censored %d", c.Censored)
	}
}

func TestGoodputByTheMostExtremeLine(t *testing.T) {
	lines := func(kv ...any) (out []scenario.Line) {
		for i := 0; i < len(kv); i += 2 {
			out = append(out, scenario.Line{Stat: kv[i].(string), Limit: kv[i+1].(float64)})
		}
		return out
	}
	r := synth{ttft: constant(1), events: 3, tokens: 3, told: true, gap: 0.1, sent: 10}.request(0, 0)
	for _, c := range []struct {
		slo  scenario.SLO
		want metric.Value
	}{
		{scenario.SLO{}, metric.Value{}},
		{scenario.SLO{TTFT: lines("avg", .5)}, metric.Value{}},
		{scenario.SLO{TTFT: lines("p50", .5, "p99", 2.)}, metric.Of(.1)},
		{scenario.SLO{TTFT: lines("p50", 3., "max", .5)}, metric.Of(0)},
		{scenario.SLO{TTFT: lines("max", 1.)}, metric.Of(.1)}, // at the limit is within
		{scenario.SLO{OutputRate: lines("p10", 20., "p5", 10.)}, metric.Of(.1)},
		{scenario.SLO{OutputRate: lines("p10", 10.5)}, metric.Of(0)},
		{scenario.SLO{TTFT: lines("max", 2.), OutputRate: lines("p10", 10.5)}, metric.Of(0)},
	} {
		row, _ := Measure([]*sample.Request{r}, Window{0, at(10)}, MeasureOptions{SLO: c.slo})
		if got := row.Get("goodput"); got != c.want {
			t.Errorf("%+v: goodput %v, want %v", c.slo, got, c.want)
		}
	}
	one := synth{ttft: constant(1), events: 1, tokens: 1, told: true, sent: 10}.request(0, 0)
	row, _ := Measure([]*sample.Request{one}, Window{0, at(10)}, MeasureOptions{SLO: scenario.SLO{OutputRate: lines("p5", 1.)}})
	want(t, row, "goodput", metric.Of(0)) // one token has no rate: no data never passes
}

// As decided and final differ only in what the end of a stream tells: whoever looks
// at the window's end sees the same waiting, tokens and load as the record shows.
func TestDecidedIsFinalButForTheEnd(t *testing.T) {
	for name, ttft := range map[string]func(float64, int) float64{"constant": constant(7), "growing": growing(1, 30, 300), "heavy": heavy(3, 1.2)} {
		s := synth{workers: 30, until: 300, spread: 5, ttft: ttft, events: 9, tokens: 20, told: true, gap: 0.3, sent: 1000, cached: 600}
		reqs := s.requests()
		for _, w := range windows(0, 330, 7) {
			live, _ := Measure(cutAt(reqs, w.End), w, MeasureOptions{})
			final, _ := Measure(reqs, w, MeasureOptions{})
			for _, d := range metric.All() {
				family, _, _ := strings.Cut(d.Name, ".")
				switch family {
				case "ttft", "input_throughput", "output_throughput", "concurrency_achieved", "icl", "itl", "attempts", "completed", "error_rate":
					if a, b := live.Get(d.Name), final.Get(d.Name); a != b {
						t.Errorf("%s, window at %v s: %s is %v as decided, %v in the record", name, seconds(w.Start), d.Name, a, b)
					}
				}
			}
		}
	}
}
