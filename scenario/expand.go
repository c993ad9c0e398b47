package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"sort"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/scenario/metric"
)

// Expand works out the plan of a resolved scenario, and compiles its conditions.
// A record's scenario goes through it again. Problems carry a path, no place.
func Expand(sc *Scenario) (*Plan, []Problem) {
	return finish(expand(sc, func(...string) bool { return true }))
}

func finish(plan *Plan, found []finding) (*Plan, []Problem) {
	var problems []Problem
	for _, f := range found {
		problems = append(problems, f.Problem)
	}
	if hasErrors(problems) {
		return nil, problems
	}
	plan.Warnings = problems
	return plan, problems
}

// finding is a problem before it has a place; From and To are runes of the text
// at its path, when only a part of it is meant.
type finding struct {
	Problem
	from, to int
}

// expansion collects the cells and what is wrong with them.
type expansion struct {
	sc     *Scenario
	plan   *Plan
	found  []finding
	points []metric.Row // what names each planned point, once a where asks
}

func (e *expansion) note(warning bool, code, path, format string, args ...any) {
	e.found = append(e.found, finding{Problem: Problem{Code: code, Path: path, Message: fmt.Sprintf(format, args...), Warning: warning}})
}

// expand leaves out what hangs on values that are not clean.
func expand(sc *Scenario, clean func(paths ...string) bool) (*Plan, []finding) {
	e := &expansion{sc: sc, plan: &Plan{Scenario: sc}}
	if clean("/contexts", "/working_set", "/hit_rates", "/chunk", "/output_tokens") {
		switch {
		case sc.Mode == mapped:
			e.maps()
		case len(sc.Contexts)*len(sc.WorkingSet.Sizes) > 0:
			e.cells()
			e.decades()
		}
	}
	if clean("/concurrency") {
		for i := range e.plan.Cells {
			e.plan.Cells[i].Levels = sc.Concurrency
		}
	}
	if clean("/rate") {
		for i := range e.plan.Cells {
			e.plan.Cells[i].Rates = sc.Rates
		}
	}
	if sc.Mode == sustained && clean("/duration", "/assessment_period", "/growth") {
		e.budget()
	}
	e.compile(clean)
	e.gated(clean)
	if !hasErrorFindings(e.found) {
		e.order()
		e.plan.Digest = Digest(sc)
	}
	return e.plan, e.found
}

func hasErrorFindings(found []finding) bool {
	for _, f := range found {
		if !f.Warning {
			return true
		}
	}
	return false
}

// maxPoints bounds a plan (cells x levels); what is larger is a slip in steps or
// a list, and would take weeks.
const maxPoints = 20_000

// cells builds contexts x hit rates x sizes, ascending; in sustained mode the sizes of
// a context and hit rate are the steps of one cell.
func (e *expansion) cells() {
	levels := max(1, len(e.sc.Concurrency), len(e.sc.Rates))
	if n := len(e.sc.Contexts) * len(e.sc.HitRates) * len(e.sc.WorkingSet.Sizes) * levels; n > maxPoints {
		e.note(false, "too-many-points", "/working_set", "%d contexts x %d hit rates x %d sizes x %d levels are %d points, at most %d: write fewer sizes", len(e.sc.Contexts), len(e.sc.HitRates), len(e.sc.WorkingSet.Sizes), levels, n, maxPoints)
		return
	}
	e.contexts(func(_ int, context, r int64) { e.rates(context, r, e.sizes(context, r)) })
}

// contexts gives each context that is sent, with its tokens: rounded up to chunk, each
// length once.
func (e *expansion) contexts(each func(i int, context, r int64)) {
	byR := map[int64]int64{}
	for i, context := range e.sc.Contexts {
		r := roundUp(context, e.sc.Chunk)
		if first, same := byR[r]; same {
			e.note(true, "same-cell", "/contexts/"+itoa(i), "contexts %s and %s are both %d tokens once rounded up to chunk (%d): one of them is sent", FormatSize(first), FormatSize(context), r, e.sc.Chunk)
			continue
		}
		byR[r] = context
		each(i, context, r)
	}
}

// sizes gives the sizes that this context can take, each number of prompts once.
func (e *expansion) sizes(context, r int64) []int64 {
	var kept []int64
	byPrompts := map[int64]int64{}
	left := 0
	for i, size := range e.sc.WorkingSet.Sizes {
		path := "/working_set/" + itoa(i)
		if size < context {
			e.plan.Left = append(e.plan.Left, Left{Context: context, WorkingSet: size, Why: "below one context"})
			left++
			continue
		}
		p := ceilDiv(size, r)
		if first, same := byPrompts[p]; same {
			e.note(true, "same-cell", path, "working sets %s and %s are both %s of %d tokens at context %s: one %s, run as %s", FormatSize(first), FormatSize(size), counted(p, "prompt"), r, FormatSize(context), e.unit(), FormatSize(first))
			continue
		}
		byPrompts[p] = size
		kept = append(kept, size)
	}
	if left > 0 {
		e.noteLeft(context, left, len(kept))
	}
	return kept
}

// unit is what a size is: a cell of its own, or a step of one.
func (e *expansion) unit() string {
	if e.sc.Mode == sustained {
		return "step"
	}
	return "cell"
}

func (e *expansion) noteLeft(context int64, left, kept int) {
	if kept == 0 && e.zeroOnly() {
		return
	}
	if kept == 0 {
		e.note(false, "no-size-left", "/working_set", "no working set holds one context of %s: raise working_set.max, or use a smaller context", FormatSize(context))
		return
	}
	names := make([]string, 0, left)
	for _, l := range e.plan.Left[len(e.plan.Left)-left:] {
		names = append(names, FormatSize(l.WorkingSet))
	}
	e.note(true, "size-left-out", "/working_set", "left out at context %s, because smaller than one context: %s", FormatSize(context), strings.Join(names, ", "))
}

// zeroOnly reports that no cell has a reusable part, so that size has no meaning.
func (e *expansion) zeroOnly() bool {
	return len(e.sc.HitRates) == 1 && e.sc.HitRates[0] == 0
}

func (e *expansion) rates(context, r int64, sizes []int64) {
	byPrefix := map[int64]float64{}
	for i, rate := range e.sc.HitRates {
		path := "/hit_rates/" + itoa(i)
		if rate == 0 {
			e.plan.Cells = append(e.plan.Cells, e.unsized(context, r))
			continue
		}
		prefix := PrefixOf(r, rate, e.sc.Chunk)
		if prefix == 0 {
			e.note(false, "hit-rate-rounds-to-zero", path, "hit rate %s%% at context %s is less than one chunk of %d tokens and rounds to 0: write at least %s%%, or a smaller chunk", FormatPercent(rate), FormatSize(context), e.sc.Chunk, ratePercent(e.sc.Chunk, r))
			continue
		}
		e.noteRounding(context, rate, r, prefix, path)
		if first, same := byPrefix[prefix]; same {
			e.note(true, "same-cell", path, "hit rates %s and %s are both %d of %d tokens at context %s: one of them is sent", FormatPercent(first), FormatPercent(rate), prefix, r, FormatSize(context))
			continue
		}
		byPrefix[prefix] = rate
		if e.sc.Mode == sustained && len(sizes) > 0 {
			e.plan.Cells = append(e.plan.Cells, e.growing(context, sizes, rate, r, prefix))
			continue
		}
		for _, size := range sizes {
			e.plan.Cells = append(e.plan.Cells, e.cell(context, size, rate, r, prefix))
		}
	}
}

// unsized builds the cell of hit rate 0, where no size has a meaning: in sustained
// mode it is one step, on which the controller stays for the whole duration.
func (e *expansion) unsized(context, r int64) Cell {
	c := e.cell(context, 0, 0, r, 0)
	if e.sc.Mode == sustained {
		c.Steps = []Step{{}}
	}
	return c
}

// growing builds the cell of one context and hit rate of sustained mode: the largest
// size, which the working set grows to through all of them.
func (e *expansion) growing(context int64, sizes []int64, rate float64, r, prefix int64) Cell {
	c := e.cell(context, sizes[len(sizes)-1], rate, r, prefix)
	for _, size := range sizes {
		s := e.cell(context, size, rate, r, prefix)
		c.Steps = append(c.Steps, Step{WorkingSet: s.WorkingSet, Prompts: s.Prompts, Real: s.Real, HotTokens: s.HotTokens, ReuseDistance: s.ReuseDistance})
	}
	return c
}

// noteRounding warns where chunk moves a hit rate by more than 2 points.
func (e *expansion) noteRounding(context int64, rate float64, r, prefix int64, path string) {
	got := 100 * float64(prefix) / float64(r)
	if math.Abs(got-rate) <= 2 {
		return
	}
	above := min(prefix+e.sc.Chunk, r)
	e.note(true, "hit-rate-moved", path, "hit rate %s%% at context %s is sent as %s%%, because prefixes are whole chunks of %d tokens: exact are %s%% and %s%%", FormatPercent(rate), FormatSize(context), ratePercent(prefix, r), e.sc.Chunk, ratePercent(prefix, r), ratePercent(above, r))
}

// ratePercent prints a share so that it rounds to the same prefix when written
// into a file: upwards, with as many digits as that needs.
func ratePercent(part, whole int64) string {
	exact := 100 * float64(part) / float64(whole)
	for digits := 0; digits < 9; digits++ {
		scale := math.Pow(10, float64(digits))
		if v := math.Ceil(exact*scale-1e-9) / scale; v <= 100 && v-exact < 0.05 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return strconv.FormatFloat(exact, 'f', -1, 64)
}

// PrefixOf gives the reusable tokens of a prompt of r tokens: whole chunks, cut
// down (design: cache state).
func PrefixOf(r int64, ratePercent float64, chunk int64) int64 {
	// A rate such as 33.3 is not exact in binary; the nudge keeps a product that
	// is a whole chunk in decimal from being cut to the chunk below.
	chunks := math.Floor(ratePercent*float64(r)/100/float64(chunk) + 1e-9)
	return min(int64(chunks)*chunk, r)
}

// CellOf builds the cell of one context, size and hit rate of a scenario; size is
// ignored at hit rate 0. Bisections of fixed mode build theirs with it.
func CellOf(sc *Scenario, context, size int64, rate float64) Cell {
	e := &expansion{sc: sc}
	r := roundUp(context, sc.Chunk)
	c := e.cell(context, size, rate, r, PrefixOf(r, rate, sc.Chunk))
	c.Levels, c.Rates = sc.Concurrency, sc.Rates
	return c
}

func (e *expansion) cell(context, size int64, rate float64, r, prefix int64) Cell {
	c := Cell{Context: context, HitRate: rate, R: r, Prefix: prefix}
	if rate > 0 {
		c.WorkingSet = size
		p := ceilDiv(size, r)
		c.Prompts = int(p)
		c.Real = p * r
		c.HotTokens = p * prefix
		c.ReuseDistance = p * (r + e.sc.OutputTokens)
	}
	c.Key = CellKey(context, c.WorkingSet, rate)
	return c
}

// CellKey names a cell in paths, records and --only: ctx30000_ws100000_cache100,
// cache99_5 for 99.5 %; the size is 0 at hit rate 0.
func CellKey(context, ws int64, rate float64) string {
	return fmt.Sprintf("ctx%d_ws%d_cache%s", context, ws, strings.ReplaceAll(FormatPercent(rate), ".", "_"))
}

// order puts the cells in the order of a trial.
func (e *expansion) order() {
	switch e.sc.Order {
	case "shuffled":
		shuffle(e.plan.Cells, uint64(e.sc.Seed))
	case "interleaved":
		e.plan.Cells = interleave(e.plan.Cells)
	}
}

// shuffle is Fisher-Yates on PCG, written out so that a seed gives the same order
// in every version.
func shuffle(cells []Cell, seed uint64) {
	rnd := rand.NewPCG(seed, 0x6f72646572) // "order"
	for i := len(cells) - 1; i > 0; i-- {
		j := int(rnd.Uint64() % uint64(i+1))
		cells[i], cells[j] = cells[j], cells[i]
	}
}

// interleave alternates small and large sizes inside each context and hit rate:
// smallest, largest, second smallest ..., so that drift does not look like size.
func interleave(cells []Cell) []Cell {
	out := make([]Cell, 0, len(cells))
	for start := 0; start < len(cells); {
		end := start
		for end < len(cells) && cells[end].Context == cells[start].Context && cells[end].HitRate == cells[start].HitRate {
			end++
		}
		for lo, hi := start, end-1; lo <= hi; lo, hi = lo+1, hi-1 {
			out = append(out, cells[lo])
			if lo < hi {
				out = append(out, cells[hi])
			}
		}
		start = end
	}
	return out
}

// Digest identifies what is measured: sha256 over the resolved scenario without
// URLs, header values that may be secrets, the key's name, TLS, description, labels,
// output, and what a comparison holds runs against (none of which is sent or changes
// what is measured). The number of endpoints stays, and so does that of replicas: they
// move edges. Stated tiers and GPUs are left out: two runs that differ only in what their
// scenarios say of the server measure the same. (What a condition makes of a tier's name
// is in its text.)
func Digest(sc *Scenario) string {
	c := *sc
	c.Description, c.Labels, c.Output, c.Compare = "", nil, Output{}, Compare{}
	t := &c.Target
	t.APIKeyEnv, t.Metrics, t.TLS = "", nil, nil
	t.GPUs, t.Tiers = 0, nil
	if t.Replicas <= 1 {
		t.Replicas = 0 // as records have it that know no replicas
	}
	t.Endpoints = make([]string, len(sc.Target.Endpoints))
	t.Headers = map[string]string{}
	for name, value := range sc.Target.Headers {
		if t.Headers[name] = ""; Templated(value) {
			t.Headers[name] = literalText(value)
		}
	}
	c.Warmup.Reset.Posts = nil
	for _, p := range sc.Warmup.Reset.Posts {
		c.Warmup.Reset.Posts = append(c.Warmup.Reset.Posts, pathOf(p))
	}
	b, err := json.Marshal(&c)
	if err != nil {
		panic("scenario: a resolved scenario is always JSON: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// pathOf gives the path of a URL, of one that names variables for its user as well, which
// no URL can be read with.
func pathOf(raw string) string {
	if u, err := url.Parse(raw); err == nil {
		return u.Path
	}
	_, rest, _ := strings.Cut(PublicURL(raw), "://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return ""
}

func roundUp(n, unit int64) int64 { return ceilDiv(n, unit) * unit }
func ceilDiv(a, b int64) int64    { return (a + b - 1) / b }
func itoa(i int) string           { return strconv.Itoa(i) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
