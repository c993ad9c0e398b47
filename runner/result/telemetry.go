package result

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Canonical names of telemetry (runner/engine lists them all) that Measure reads a
// meaning into. All other server.* names are counters and only passed on.
const (
	serverPrefix   = "server."
	cachedPrefix   = "server.cached_tokens." // + source: local, external; or finer: device, host ...
	promptTokens   = PromptTokens
	promptComputed = "server.prompt_tokens_computed"
	cacheQueries   = "server.cache_queries"
	cacheHits      = "server.cache_hits"
	externalHits   = "server.external_cache_hits"
)

// PromptTokens is the canonical name of the counter of all prompt tokens, cached ones
// included.
const PromptTokens = "server.prompt_tokens"

// gauges are states, not counts: a window holds their mean. A state that is a
// share is averaged over endpoints too, the others are summed.
var gauges = map[string]struct{ share bool }{
	"server.requests_running": {}, "server.requests_waiting": {}, "server.kv_usage": {share: true},
}

// Telemetry is the scrapes of a run, to be asked for windows. Scrapes that failed
// tell nothing. It may be read by many, but not while Add is called.
type Telemetry struct {
	by   map[int32][]*sample.Scrape // by endpoint, ascending in time
	ends []int32                    // the keys of by, ascending: sums are in this order, so that they are always the same
	self []*sample.Scrape
}

// NewTelemetry takes scrapes in any order.
func NewTelemetry(scrapes []*Scrape) *Telemetry {
	t := &Telemetry{}
	for _, s := range scrapes {
		t.Add(&s.Scrape)
	}
	return t
}

// Add takes one more scrape.
func (t *Telemetry) Add(s *sample.Scrape) {
	if s.Err != "" || len(s.Values) == 0 {
		return
	}
	if s.Endpoint == sample.Self {
		t.self = insert(t.self, s)
		return
	}
	if t.by == nil {
		t.by = map[int32][]*sample.Scrape{}
	}
	if i, known := slices.BinarySearch(t.ends, s.Endpoint); !known {
		t.ends = slices.Insert(t.ends, i, s.Endpoint)
	}
	t.by[s.Endpoint] = insert(t.by[s.Endpoint], s)
}

// insert keeps the list ascending; scrapes come nearly in order.
func insert(list []*sample.Scrape, s *sample.Scrape) []*sample.Scrape {
	list = append(list, s)
	for i := len(list) - 1; i > 0 && list[i-1].At > s.At; i-- {
		list[i-1], list[i] = list[i], list[i-1]
	}
	return list
}

// HitRate gives the share of prompt tokens, in percent, that the servers counted
// as cached between the scrapes nearest to the window's borders. ok is false when
// no counters tell it, when one was reset, or when no prompt was counted.
func (t *Telemetry) HitRate(w Window) (percent float64, ok bool) {
	return hitRate(t.increase(w))
}

func hitRate(inc map[string]float64) (percent float64, ok bool) {
	// local and external are counted with the prompt tokens, finer sources when a request
	// is admitted: those of the same moment give a window's share to the token.
	cached, told := inc[cachedPrefix+"local"]+inc[cachedPrefix+"external"], false
	if _, told = inc[cachedPrefix+"local"]; !told {
		cached = 0
		for _, v := range cachedBySource(inc) {
			cached, told = cached+v, true
		}
	}
	total := inc[promptTokens]
	if computed, split := inc[promptComputed]; split && told {
		total = cached + computed
	}
	if hits, looked := inc[cacheHits]; !told && looked {
		cached, total, told = hits+inc[externalHits], inc[cacheQueries], true
	}
	if !told || total <= 0 {
		return 0, false
	}
	return min(100, 100*cached/total), true
}

// cachedBySource gives cached prompt tokens by their source. local and external are
// the sums of finer sources, where a server tells those (device, host, disk ...):
// each token is in it once.
func cachedBySource(inc map[string]float64) map[string]float64 {
	out, fine := map[string]float64{}, false
	for name, v := range inc {
		if source, ok := strings.CutPrefix(name, cachedPrefix); ok {
			out[source] = v
			fine = fine || source != "local" && source != "external"
		}
	}
	if fine {
		delete(out, "local")
		delete(out, "external")
	}
	return out
}

// Server gives the telemetry of a window under canonical names, all endpoints
// together: the mean of states (see Spread), the increase of counters.
func (t *Telemetry) Server(w Window) map[string]float64 {
	out := t.increase(w)
	for name, s := range t.Spread(w) {
		out[name] = s.Mean
	}
	return out
}

// inside gives the scrapes within the window, or the last one before it.
func inside(list []*sample.Scrape, w Window) []*sample.Scrape {
	from := sort.Search(len(list), func(i int) bool { return list[i].At >= w.Start })
	to := sort.Search(len(list), func(i int) bool { return list[i].At >= w.End })
	if from == to && from > 0 && near(list[from-1].At, w.Start, w) {
		from--
	}
	return list[from:to]
}

// near reports whether a scrape is close enough to a border to stand for it: half
// a window, or two seconds and a half (the metrics interval is one).
func near(at, border int64, w Window) bool {
	d := at - border
	if d < 0 {
		d = -d
	}
	return d <= max((w.End-w.Start)/2, int64(nearLeast))
}

// increase gives how far each counter rose between the scrapes nearest to the
// window's borders, summed over endpoints. A counter that fell was reset: it is
// left out altogether.
func (t *Telemetry) increase(w Window) map[string]float64 {
	out := map[string]float64{}
	var reset []string
	for _, end := range t.ends {
		list := t.by[end]
		a, b := nearest(list, w.Start, w), nearest(list, w.End, w)
		if a == nil || b == nil || a.At >= b.At {
			continue
		}
		for name, v := range b.Values {
			if _, state := gauges[name]; state || !strings.HasPrefix(name, serverPrefix) {
				continue
			}
			before, had := a.Values[name]
			switch {
			case !had:
			case v < before:
				reset = append(reset, name)
			default:
				out[name] += v - before
			}
		}
	}
	for _, name := range reset {
		delete(out, name)
	}
	return out
}

// nearest gives the scrape nearest to a stamp, the earlier of two, nil when none is
// close enough to stand for it.
func nearest(list []*sample.Scrape, at int64, w Window) *sample.Scrape {
	i := sort.Search(len(list), func(i int) bool { return list[i].At >= at })
	var best *sample.Scrape
	for _, j := range []int{i - 1, i} {
		if j >= 0 && j < len(list) && near(list[j].At, at, w) && (best == nil || list[j].At-at < at-best.At) {
			best = list[j]
		}
	}
	return best
}

// fill sets server.*, tier_share.* (percent of prompt tokens) and, until streams
// tell better, hit_rate_observed.
func (t *Telemetry) fill(row metric.Row, w Window) {
	values := t.Server(w)
	for name, v := range values {
		row.Set(name, metric.Of(v))
	}
	percent, ok := hitRate(values)
	if !ok {
		return
	}
	row.Set("hit_rate_observed", metric.Of(percent))
	sources, all := cachedBySource(values), 0.0
	for _, v := range sources {
		all += v
	}
	for source, v := range sources { // they add up to the hit rate
		row.Set("tier_share."+source, metric.Of(percent*v/max(all, 1)))
	}
}

// own is what the load generator said of itself in a window.
type own struct {
	waits map[float64]float64 // goroutines that were ready for at most so many seconds before they ran, and longer than the bound below
	rest  float64             // seconds that pauses of the garbage collector and waiting for a CPU add
	cpu   float64             // share of the CPUs that it may use, 0..1
}

// Names of what the load generator says of itself (runner/load lists them), each over
// the interval since the reading before.
const (
	selfShare      = "self.cpu_share"
	selfWall       = "self.wall_seconds"
	selfSchedCount = "self.sched_n." // + upper bound in seconds
	selfPause      = "self.gc_pause_p99_seconds"
	selfPaused     = "self.gc_paused_seconds"
	selfQueued     = "self.run_queue_seconds"
	selfSlices     = "self.run_slices"
)

// ownP99 is the quantile of lag that is held against a limit; pauses that take less than
// the rest of the time cannot reach it.
const ownP99 = 0.99

// own gives what the generator's own scrapes say of a window; zero where they say
// nothing: for how long goroutines were ready before they ran, pooled over the window; the
// longest pause of the garbage collector (p99 of an interval) where pauses took more than
// 1 % of the time, else they are seldom met; and how long, on average, a thread waited
// for a CPU, which the scheduler cannot see.
func (t *Telemetry) own(w Window) own {
	sum, counts, pause, shares := map[string]float64{}, map[float64]float64{}, 0.0, 0
	for _, s := range inside(t.self, w) {
		for name, v := range s.Values {
			if b, ok := strings.CutPrefix(name, selfSchedCount); ok {
				if bound, err := strconv.ParseFloat(b, 64); err == nil {
					counts[bound] += v
				}
				continue
			}
			sum[name] += v
		}
		pause = max(pause, s.Values[selfPause])
		if _, told := s.Values[selfShare]; told {
			shares++
		}
	}
	rest := sum[selfQueued] / max(sum[selfSlices], 1)
	if sum[selfPaused] > (1-ownP99)*sum[selfWall] {
		rest += pause
	}
	return own{waits: counts, rest: rest, cpu: sum[selfShare] / float64(max(shares, 1))}
}

// lag is the p99 of send lag + read lag in seconds: of the sum of two independent delays,
// which is less than the sum of their p99s. sends is ascending, in seconds; without any
// the read lag stands alone.
func (o own) lag(sends []float64) float64 {
	if len(sends) == 0 {
		sends = []float64{0}
	}
	bounds := slices.Sorted(maps.Keys(o.waits))
	total := 0.0
	for _, b := range bounds {
		total += o.waits[b]
	}
	if total == 0 {
		return stats.Quantile(sends, ownP99) + o.rest
	}
	within := func(x float64) float64 {
		share := 0.0
		for _, b := range bounds {
			n, _ := slices.BinarySearchFunc(sends, x-b, func(v, most float64) int { return cmp.Compare(v, math.Nextafter(most, math.Inf(1))) })
			share += o.waits[b] / total * float64(n) / float64(len(sends))
		}
		return share
	}
	lo, hi := 0.0, sends[len(sends)-1]+bounds[len(bounds)-1]
	for range 40 {
		if mid := (lo + hi) / 2; within(mid) >= ownP99-1e-12 { // shares that are rounded may come to 99 % less a bit
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi + o.rest
}
