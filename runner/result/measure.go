package result

import (
	"slices"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Window is a stretch of the run: [Start, End) in ns since the epoch.
type Window struct{ Start, End int64 }

// Has reports whether the stamp t lies in the window; Never lies in none.
func (w Window) Has(t int64) bool { return t >= 0 && t >= w.Start && t < w.End }

// Seconds is the window's own length, the divisor of every rate in it.
func (w Window) Seconds() float64 { return seconds(w.End - w.Start) }

func seconds(ns int64) float64 { return float64(ns) / 1e9 }

// MeasureOptions is what Measure needs beside the requests. The zero value
// measures what requests alone can tell.
type MeasureOptions struct {
	SLO scenario.SLO // its percentile lines say what is good

	// TokensPerEvent is the cell's running ratio (see TokensPerEvent); it counts the
	// tokens of streams whose completion tokens were not told: those in flight
	// (live) and those that broke off. Zero means one.
	TokensPerEvent float64

	KVBytesPerToken float64 // for GB/s; 0 when unknown

	// Since, in ns since the epoch: what requests that started before it waited for and
	// how fast they were is left out (TTFT, TTLT, TPOT, output_rate, goodput_share), as
	// are their waitings; an older level or size left them behind. What the server did in
	// the window (throughput, hits, goodput, attempts, errors) counts them.
	Since int64

	// Telemetry holds the scrapes; it gives server.*, tier shares and, where usage
	// tells no cached tokens, the observed hit rate. Nil when there are none.
	Telemetry *Telemetry
}

// Counts is what a row's values were counted from.
type Counts struct {
	FirstTokens int  // first tokens in the window
	Waiting     int  // requests seen waiting in the window that got no first token in it
	Straddling  bool // requests waited across a border: TTFT percentiles are Kaplan-Meier

	Completed int            // successes that ended in the window
	Failed    int            // failures that ended in the window
	Censored  int            // cancelled by wsrun itself in the window
	ErrorsBy  map[string]int // failures by class name

	InputTokens  int64 // prompt tokens whose first token fell in the window
	OutputTokens int64 // output tokens whose event fell in the window
	CachedTokens int64 // of InputTokens, as told; Unknown when no request told

	// Of the first tokens in the window, those of a working set or not.
	SentTokens     int64 // prompt tokens as sent
	IntendedTokens int64 // prompt tokens meant to be found cached

	TTFTs []float64 // seconds, of the first tokens in the window, ascending

	firsts     []first // the same with their stamps, as they came
	distances  []int64 // reuse distances of the first tokens, where there is one
	sendLags   []int64 // Wrote - Started of requests started in the window, ns; with ReadLagMax where seen
	prompts    int     // first tokens in the window, those of requests left behind included
	tpots      int     // requests with a TPOT
	gaps       int     // gaps between token events
	ttlts      int
	prompt     pair // prompt tokens told against as sent
	outputs    pair // output tokens told against asked, of successes
	noUsage    int  // successes without usage
	overlapped bool // any request was in flight in the window
}

// first is one first token: when it came and how long it took.
type first struct {
	at   int64
	ttft float64
}

// pair is a sum of told tokens against what was asked of the same requests.
type pair struct{ told, asked int64 }

// Measure gives the row of one window, live and from a record alike: the one
// metrics function. reqs are all requests that were in flight in the window (others
// do no harm, in any order), of one unit; only those of PhaseLoad count. Requests
// still in flight have End == Never and count for what they did inside.
//
// TTFT, prompt tokens and hits belong to the window of the first token; TTLT,
// TPOT, output_rate and goodput to that of the last; attempts, completed and
// errors to that of the end. So contiguous windows partition every count.
func Measure(reqs []*sample.Request, w Window, opt MeasureOptions) (metric.Row, Counts) {
	m := measurer{w: w, opt: opt, slo: extremes(opt.SLO)}
	if m.opt.TokensPerEvent <= 0 {
		m.opt.TokensPerEvent = 1
	}
	m.itlTold = true
	for _, r := range reqs {
		if r.Phase == sample.PhaseLoad {
			m.add(r)
		}
	}
	return m.row(), m.Counts
}

// TokensPerEvent gives the mean output tokens per token event over requests whose
// completion tokens were told, 1 when there are none: the running ratio of a cell.
func TokensPerEvent(reqs []*sample.Request) float64 {
	var tokens, events int64
	for _, r := range reqs {
		if r.CompletionTokens > 0 && r.EventCount > 0 {
			tokens += r.CompletionTokens
			events += r.EventCount
		}
	}
	if events == 0 {
		return 1
	}
	return float64(tokens) / float64(events)
}

// measurer walks the requests once and gathers what the row is made of.
type measurer struct {
	Counts
	w   Window
	opt MeasureOptions
	slo limits

	inFlight int64 // ns, summed over requests
	lives    []stats.Life
	longest  float64 // largest age of a request without a first token in the window

	cached pair // cached tokens told against the prompt tokens of the same requests

	ttlt, tpot, rate []float64
	itl, untold      []int64 // gaps of streams that told their tokens per event, and of the others: ICL is both
	itlTold          bool    // no success with gaps in the window left its tokens per event untold
	good             int
	lasts, goodLasts int // successes whose last token fell in the window, started since Since; those of them that were good
}

func (m *measurer) add(r *sample.Request) {
	if m.w.Has(r.End) {
		m.ended(r)
	}
	if r.Started < 0 || r.Started >= m.w.End || r.End >= 0 && r.End < m.w.Start {
		return
	}
	m.overlapped = true
	end := m.w.End
	if r.End >= 0 {
		end = min(end, r.End)
	}
	m.inFlight += end - max(r.Started, m.w.Start)
	if m.w.Has(r.Started) && r.Wrote >= 0 {
		m.sendLags = append(m.sendLags, r.Wrote-r.Started+max(r.ReadLagMax, 0))
	}
	m.waited(r, end)
	if r.FirstToken >= 0 && r.FirstToken < m.w.End && r.LastToken >= m.w.Start {
		m.events(r)
	}
	if r.Class == sample.OK && r.End >= 0 && m.w.Has(r.LastToken) {
		m.last(r)
	}
}

// ended counts an attempt by the stamp of its end.
func (m *measurer) ended(r *sample.Request) {
	switch {
	case r.Class == sample.OK:
		m.Completed++
		if r.Flags&sample.NoUsage != 0 {
			m.noUsage++
		}
	case r.Class == sample.Censored:
		m.Censored++
	default:
		m.Failed++
		if m.ErrorsBy == nil {
			m.ErrorsBy = map[string]int{}
		}
		m.ErrorsBy[r.Class.String()]++
	}
}

// waited takes in the waiting for the first token, as far as the window saw it,
// and what belongs to the window of the first token.
func (m *measurer) waited(r *sample.Request, end int64) {
	if r.FirstToken >= 0 && r.FirstToken < m.w.Start {
		return
	}
	if m.w.Has(r.FirstToken) {
		m.prompted(r)
	}
	if r.Started < m.opt.Since {
		return
	}
	life := stats.Life{Entry: seconds(max(0, m.w.Start-r.Started))}
	if m.w.Has(r.FirstToken) {
		life.Age, life.Event = seconds(r.FirstToken-r.Started), true
		m.Straddling = m.Straddling || r.Started < m.w.Start
		m.first(r, life.Age)
	} else {
		life.Age = seconds(end - r.Started)
		m.Straddling = m.Straddling || r.Started < m.w.Start || end == m.w.End
		m.longest = max(m.longest, life.Age)
		m.Waiting++
	}
	m.lives = append(m.lives, life)
}

func (m *measurer) first(r *sample.Request, ttft float64) {
	m.FirstTokens++
	m.TTFTs = append(m.TTFTs, ttft)
	m.firsts = append(m.firsts, first{r.FirstToken, ttft})
	if r.ReuseDistance >= 0 {
		m.distances = append(m.distances, r.ReuseDistance)
	}
}

// prompted counts the prompt of a first token.
func (m *measurer) prompted(r *sample.Request) {
	m.prompts++
	m.InputTokens += r.Input()
	m.SentTokens += r.Sent
	m.IntendedTokens += max(r.IntendedCached, 0)
	if r.PromptTokens >= 0 {
		m.prompt.told += r.PromptTokens
		m.prompt.asked += r.Sent
	}
	if r.CachedTokens >= 0 {
		m.cached.told += r.CachedTokens
		m.cached.asked += r.Input()
	}
}

// events counts the token events in the window and the gaps that end in it.
func (m *measurer) events(r *sample.Request) {
	tokens := m.tokens(r)
	told := r.Flags&sample.TokensTold != 0
	live := r.End < 0
	from := len(m.itl)
	prev, n := int64(sample.Never), int64(0)
	r.EachEvent(func(ev sample.Event) bool {
		if ev.At >= m.w.End {
			return false
		}
		if ev.At >= m.w.Start {
			m.OutputTokens += tokens(n, ev)
			if prev >= 0 {
				m.itl = append(m.itl, ev.At-prev)
			}
		}
		told = told || live && ev.Tokens > 0 && n == 0
		told = told && (!live || ev.Tokens > 0)
		prev = ev.At
		n++
		return true
	})
	if gaps := m.itl[from:]; !told && len(gaps) > 0 {
		m.untold = append(m.untold, gaps...)
		m.itl = m.itl[:from]
		m.itlTold = m.itlTold && (r.Class != sample.OK || live)
	}
}

// tokens gives the function that says how many tokens event n (from 0) carried:
// as told; else completion_tokens spread evenly over the events; else, where those
// are not known, events times the running ratio. Each is whole, and the sum over
// all events is exact, so that windows partition the tokens.
func (m *measurer) tokens(r *sample.Request) func(n int64, ev sample.Event) int64 {
	events, total, ratio := r.EventCount, r.CompletionTokens, m.opt.TokensPerEvent
	switch {
	case r.Flags&sample.TokensTold != 0:
		return func(_ int64, ev sample.Event) int64 { return ev.Tokens }
	case total >= 0 && r.End >= 0 && events > 0:
		return func(n int64, _ sample.Event) int64 { return total*(n+1)/events - total*n/events }
	case r.Class == sample.OK && r.End >= 0:
		return func(int64, sample.Event) int64 { return 1 }
	}
	return func(n int64, ev sample.Event) int64 {
		if ev.Tokens > 0 {
			return ev.Tokens
		}
		return int64(ratio*float64(n+1)) - int64(ratio*float64(n))
	}
}

// last takes in what belongs to the window of a success's last token.
func (m *measurer) last(r *sample.Request) {
	if r.CompletionTokens >= 0 {
		m.outputs.told += r.CompletionTokens
		m.outputs.asked += r.MaxTokens
	}
	tpot, ok := TPOT(r)
	good := m.slo.good(seconds(r.TTFT()), tpot, ok)
	if good {
		m.good++
	}
	if r.Started < m.opt.Since {
		return
	}
	m.lasts++
	if good {
		m.goodLasts++
	}
	m.ttlt = append(m.ttlt, seconds(r.TTLT()))
	if ok {
		m.tpot = append(m.tpot, tpot)
		if tpot > 0 {
			m.rate = append(m.rate, 1/tpot)
		}
	}
}

// TPOT gives a request's time per output token after the first, in seconds:
// (last token event - first) / (output tokens - tokens in the first event). The
// tokens of the first event are told, else output tokens / token events. ok is
// false without a second token.
func TPOT(r *sample.Request) (s float64, ok bool) {
	if r.FirstToken < 0 || r.LastToken < 0 || r.EventCount == 0 {
		return 0, false
	}
	total := float64(r.Output())
	inFirst := total / float64(r.EventCount)
	if r.Flags&sample.TokensTold != 0 {
		r.EachEvent(func(ev sample.Event) bool { inFirst = float64(ev.Tokens); return false })
	}
	if total-inFirst <= 0 {
		return 0, false
	}
	return seconds(r.LastToken-r.FirstToken) / (total - inFirst), true
}

// row turns what was gathered into values. Null is not zero: a window in which
// nothing was in flight has counts and no measurements.
func (m *measurer) row() metric.Row {
	row := metric.Row{}
	row.Set("elapsed", metric.Of(seconds(m.w.End)))
	row.Set("attempts", metric.Of(float64(m.Completed+m.Failed)))
	row.Set("completed", metric.Of(float64(m.Completed)))
	if n := m.Completed + m.Failed; n > 0 {
		row.Set("error_rate", metric.Of(100*float64(m.Failed)/float64(n)))
	}
	if m.opt.Telemetry != nil {
		m.opt.Telemetry.fill(row, m.w)
	}
	m.CachedTokens = m.cached.told
	if m.cached.asked == 0 {
		m.CachedTokens = sample.Unknown
	}
	m.tpots, m.gaps, m.ttlts = len(m.tpot), len(m.itl)+len(m.untold), len(m.ttlt)
	slices.Sort(m.TTFTs)
	if d := m.w.Seconds(); m.overlapped && d > 0 {
		row.Set("concurrency_achieved", metric.Of(seconds(m.inFlight)/d))
		m.throughput(row, d)
		m.goodput(row, d)
	}
	m.ttftRow(row)
	slices.Sort(m.ttlt)
	spread(row, "ttlt", m.ttlt, 1)
	slices.Sort(m.tpot)
	spread(row, "tpot", m.tpot, 1)
	m.gapRows(row)
	m.rateRow(row)
	return row
}

func (m *measurer) throughput(row metric.Row, d float64) {
	input := float64(m.InputTokens)
	row.Set("input_throughput", metric.Of(input/d))
	row.Set("output_throughput", metric.Of(float64(m.OutputTokens)/d))
	share, known := m.hitShare()
	if known {
		row.Set("hit_rate_observed", metric.Of(100*share))
	} else {
		// Counters of the server, where the streams do not tell.
		v := row.Get("hit_rate_observed")
		share, known = v.V/100, v.Known()
	}
	if !known && m.prompts > 0 {
		return
	}
	reused := input * share / d
	row.Set("reuse_throughput", metric.Of(reused))
	row.Set("prefill_throughput", metric.Of(input/d-reused))
	if m.opt.KVBytesPerToken > 0 {
		row.Set("reuse_bandwidth", metric.Of(reused*m.opt.KVBytesPerToken/1e9))
	}
}

// hitShare is the share of prompt tokens that were cached, over the first tokens
// in the window that told. Those that did not (in flight, broken off) are taken to
// be like them.
func (m *measurer) hitShare() (share float64, known bool) {
	if m.cached.asked == 0 {
		return 0, false
	}
	return float64(m.cached.told) / float64(m.cached.asked), true
}

func (m *measurer) goodput(row metric.Row, d float64) {
	if !m.slo.any {
		return
	}
	row.Set("goodput", metric.Of(float64(m.good)/d))
	if n := m.lasts + m.Failed; n > 0 {
		row.Set("goodput_share", metric.Of(100*float64(m.goodLasts)/float64(n)))
	}
}
