package report

import (
	"fmt"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// requestRow is one attempt within its unit.
type requestRow struct {
	epoch int64          // of the run, Unix ns
	spec  *scenario.Cell // nil for the probe's requests, which belong to no cell
	trial int            // 0 likewise
	r     *sample.Request
	phase string // phase_id
	in    bool   // of a measured window
}

// stamp turns ns since the run's epoch into ns since the Unix epoch.
func stamp(epoch, at int64) field {
	if at == sample.Never {
		return field{}
	}
	return nanos(epoch + at)
}

func workingSet(c *scenario.Cell) field {
	if c == nil {
		return field{}
	}
	return positive(c.WorkingSet)
}

// rate prints a hit rate without a trailing point: 100, 99.5.
func rate(c *scenario.Cell) field {
	if c == nil {
		return field{}
	}
	return number(c.HitRate)
}

func contextSize(c *scenario.Cell) field {
	if c == nil {
		return field{}
	}
	return integer(c.Context)
}

const whyAbsent = "a failure has none; the original wrote 0"

var requestColumns = []column[requestRow]{
	{"request_id", "", "task number, from 0 in each level", "number of the attempt, unique in the run, in order of dispatch", "the original's repeat in each level", func(q requestRow) field { return integer(q.r.ID) }},
	{"phase_id", "", "`FIXED_c{level}_run{n}`", "`FIXED_c{level}_run{trial-1}` for attempts whose first token (failing one, whose end) lies in that level's measured window; sustained: `SUSTAINED_p{period}_run{trial-1}`, by the period it lies in; else the phase in capitals: PROBE, SENTINEL, WARMUP, VERIFY, LOAD (warm-in and drain), of a map INGEST, LOOK, TOUCH", "only what lies in a window was measured; repeats are pooled, so a run is a trial", func(q requestRow) field { return text(q.phase) }},
	{"working_set_size", "tokens", "as asked; sustained: the largest", "as asked; sustained: the size in force when it started; empty at hit rate 0", "at hit rate 0 nothing is reused: size has no meaning", func(q requestRow) field { return workingSet(q.spec) }},
	{"cache_hit_rate", "%", "as asked", "as asked", "", func(q requestRow) field { return rate(q.spec) }},
	{"context_size", "tokens", "as asked", "as asked", "", func(q requestRow) field { return contextSize(q.spec) }},
	{"cached_tokens", "tokens", "floor(context x rate / chunk) x chunk, whatever the server did", "tokens meant to be found in the cache: floor(min(prefix, R-1) / server_block) x server_block; what was found is in cached_tokens_told", "the engine's last block is never reused; the length sent is R, not the context asked for", func(q requestRow) field { return integer(q.r.IntendedCached) }},
	{"unique_tokens", "tokens", "context - cached_tokens", "tokens sent - cached_tokens", "as above", func(q requestRow) field { return integer(q.r.Sent - q.r.IntendedCached) }},
	{"output_tokens", "tokens", "completion_tokens of usage", "completion_tokens where told, else token events", "a server without usage still sent tokens", func(q requestRow) field { return integer(q.r.Output()) }},
	{"ttft", "s", "first non-empty text - start of the coroutine", "first token event - started (body built, connection in hand)", "connecting and encoding are not the server's; " + whyAbsent, func(q requestRow) field { return nanos(q.r.TTFT()) }},
	{"ttlt", "s", "last non-empty text - start", "last token event - started", whyAbsent, func(q requestRow) field { return nanos(q.r.TTLT()) }},
	{"generation_time", "s", "end of stream - first non-empty text", "last token event - first token event", "the stream's tail carries no tokens", func(q requestRow) field { return nanos(between(q.r.FirstToken, q.r.LastToken)) }},
	{"total_time", "s", "finish_time - launch_time", "finish_time - launch_time", "", func(q requestRow) field { return nanos(between(q.r.Started, q.r.End)) }},
	{"launch_time", "s", "wall clock, Unix", "run's epoch + started on the monotonic clock", "one wall anchor in a run: no step of the clock can bend a duration; empty when no connection came", func(q requestRow) field { return stamp(q.epoch, q.r.Started) }},
	{"finish_time", "s", "wall clock, Unix", "run's epoch + end of the stream, failure or cancellation", "as above", func(q requestRow) field { return stamp(q.epoch, q.r.End) }},
	{"concurrency_level", "", "of the level", "target in force when it started", "the same in fixed mode; in sustained mode the level changes", func(q requestRow) field { return positive(int64(q.r.Level)) }},
	{"itl", "s", "(ttlt - ttft) / (completion_tokens - 1), or 0", "TPOT: (last - first token event) / (tokens - tokens in the first event); empty for one token", "one event may carry several tokens; null is not zero", func(q requestRow) field { return tpot(q.r) }},

	{"cell", "", "", "key of the cell", "", func(q requestRow) field { return text(q.r.Cell) }},
	{"trial", "", "", "number of the trial, from 1; empty for the probe", "", func(q requestRow) field { return positive(int64(q.trial)) }},
	{"phase", "", "", "phase in which it was sent", "", func(q requestRow) field { return text(q.r.Phase.String()) }},
	{"in_window", "", "", "1 when its first token (failing one, its end) lies in the measured window of a level; sustained: of a size, and it started when the level held and the size were in force", "", func(q requestRow) field { return boolean(q.in) }},
	{"endpoint", "", "", "index into target.endpoints", "", func(q requestRow) field { return integer(int64(q.r.Endpoint)) }},
	{"prompt", "", "", "index in the working set; empty for a prompt outside it", "", func(q requestRow) field { return told(int64(q.r.Prompt)) }},
	{"cycle", "", "", "how often the prompt had been sent before in this cell and trial", "", func(q requestRow) field { return integer(int64(q.r.Cycle)) }},
	{"attempt", "", "", "1, or 2 for the one retry of a warm-up", "", func(q requestRow) field { return integer(int64(q.r.Attempt)) }},
	{"reuse_distance", "tokens", "", "distinct tokens inserted or touched since the prompt's last use, as sent; empty at first use", "", func(q requestRow) field { return told(q.r.ReuseDistance) }},
	{"sent_tokens", "tokens", "", "prompt tokens as sent (R)", "", func(q requestRow) field { return integer(q.r.Sent) }},
	{"prompt_tokens_told", "tokens", "", "prompt_tokens of usage", "", func(q requestRow) field { return told(q.r.PromptTokens) }},
	{"cached_tokens_told", "tokens", "", "cached_tokens of usage", "", func(q requestRow) field { return told(q.r.CachedTokens) }},
	{"completion_tokens_told", "tokens", "", "completion_tokens of usage", "", func(q requestRow) field { return told(q.r.CompletionTokens) }},
	{"max_tokens", "tokens", "", "output tokens asked for", "", func(q requestRow) field { return integer(q.r.MaxTokens) }},
	{"token_events", "", "", "token events seen", "", func(q requestRow) field { return integer(q.r.EventCount) }},
	{"scheduled_time", "s", "", "when it was due (closed loop: when its worker became free), Unix", "", func(q requestRow) field { return stamp(q.epoch, q.r.Scheduled) }},
	{"connect_time", "s", "", "length of connection set-up; 0 on a connection that was kept", "", func(q requestRow) field { return nanos(q.r.Connected) }},
	{"send_time", "s", "", "started to request completely written", "", func(q requestRow) field { return nanos(between(q.r.Started, q.r.Wrote)) }},
	{"first_byte", "s", "", "first byte of the response header - started", "", func(q requestRow) field { return nanos(between(q.r.Started, q.r.FirstByte)) }},
	{"first_event", "s", "", "first event of any kind - started", "", func(q requestRow) field { return nanos(between(q.r.Started, q.r.FirstEvent)) }},
	{"first_content", "s", "", "first event with generated content - started", "", func(q requestRow) field { return nanos(between(q.r.Started, q.r.FirstContent)) }},
	{"class", "", "", "how it ended: " + classList(), "the original dropped failures", func(q requestRow) field { return text(q.r.Class.String()) }},
	{"status", "", "", "HTTP status; empty when none came", "", func(q requestRow) field { return positive(int64(q.r.Status)) }},
	{"flags", "", "", "short, no-usage, tokens-told, fresh-conn, late-first; joined by +", "", func(q requestRow) field { return text(flagNames(q.r.Flags)) }},
	{"error", "", "", "cause in words", "", func(q requestRow) field { return text(q.r.Err) }},
	{"depth", "", "", "map: position in the LRU stack of prompts when it was asked for, 1 for the newest; empty for a prompt that is new", "", func(q requestRow) field { return positive(int64(q.r.Depth)) }},
	{"told_sources", "tokens", "", "cached prompt tokens by source, where told with the answer, as source=tokens joined by ;", "", func(q requestRow) field { return text(sourceCounts(q.r)) }},
}

// sourceCounts are the tokens by source that came with an answer.
func sourceCounts(r *sample.Request) string {
	by := map[string]int64{}
	for _, s := range r.Sources {
		by[s.Tier] += s.Tokens
	}
	return counts(by)
}

func positive(i int64) field {
	if i <= 0 {
		return field{}
	}
	return integer(i)
}

func between(from, to int64) int64 {
	if from == sample.Never || to == sample.Never {
		return sample.Never
	}
	return to - from
}

// tpot is time per output token after the first, of one request (design:
// measurement, Definitions); the summary's figures come from result.Measure.
func tpot(r *sample.Request) field {
	if r.Class != sample.OK {
		return field{}
	}
	v, ok := result.TPOT(r)
	if !ok {
		return field{}
	}
	return number(v)
}

var flagBits = []struct {
	bit  sample.Flag
	name string
}{{sample.Short, "short"}, {sample.NoUsage, "no-usage"}, {sample.TokensTold, "tokens-told"}, {sample.FreshConn, "fresh-conn"}, {sample.LateFirst, "late-first"}}

func flagNames(f sample.Flag) string {
	var on []string
	for _, b := range flagBits {
		if f&b.bit != 0 {
			on = append(on, b.name)
		}
	}
	return strings.Join(on, "+")
}

func classList() string {
	var names []string
	for c := sample.OK; c <= sample.Censored; c++ {
		names = append(names, c.String())
	}
	return strings.Join(names, ", ")
}

// window is a level's measured window.
type window struct {
	level      int
	start, end int64
	since      int64 // sustained: what started before does not belong to it
}

// windowsOf lists a unit's measured windows, in order of time.
func windowsOf(u *result.UnitRecord) []window {
	var ws []window
	for _, p := range u.Phases {
		if p.Phase == result.PhaseMeasure {
			ws = append(ws, window{p.Level, p.Start, p.End, u.Since(p)})
		}
	}
	return ws
}

// phaseID names the window that a request belongs to, or its phase.
func phaseID(r *sample.Request, ws []window, trial int) (id string, in bool) {
	if r.Phase != sample.PhaseLoad {
		return strings.ToUpper(strings.ReplaceAll(r.Phase.String(), "-", "")), false
	}
	at := countedAt(r)
	for _, w := range ws {
		if w.start <= at && at < w.end {
			return fixedID(w.level, trial), true
		}
	}
	return "LOAD", false
}

// countedAt is where the summary counts an attempt: at its first token, a failure at its
// end.
func countedAt(r *sample.Request) int64 {
	if r.FirstToken == sample.Never || r.Class.Failed() {
		return r.End
	}
	return r.FirstToken
}

func fixedID(level, trial int) string { return fmt.Sprintf("FIXED_c%d_run%d", level, trial-1) }

// requestRows walks every attempt: the probe's, then those of every unit, in file order.
func requestRows(rec *result.Record) func(yield func(requestRow) bool) {
	epoch := rec.Run.Epoch.UnixNano()
	return func(yield func(requestRow) bool) {
		for _, r := range rec.Outside {
			if !yield(requestRow{epoch: epoch, r: r, phase: "PROBE"}) {
				return
			}
		}
		for _, u := range rec.Units {
			ws := windowsOf(u)
			for _, r := range u.Requests {
				q := requestRow{epoch: epoch, spec: &u.Spec, trial: u.Trial, r: r}
				q.phase, q.in = phaseID(r, ws, u.Trial)
				if !yield(q) {
					return
				}
			}
		}
	}
}

// phaseRow is one level that was run.
type phaseRow struct {
	epoch               int64
	u                   *result.UnitRecord
	p                   *result.Phase
	launched, completed int64
}

var phaseColumns = []column[phaseRow]{
	{"phase_type", "", "RETRY, for every fixed phase", "FIXED", "the original's word was a slip: its phases were first runs", func(phaseRow) field { return text("FIXED") }},
	{"phase_id", "", "`FIXED_c{level}_run{n}`", "`FIXED_c{level}_run{trial-1}`", "repeats are pooled, so a run is a trial", func(p phaseRow) field { return text(fixedID(p.p.Level, p.u.Trial)) }},
	{"working_set_size", "tokens", "as asked", "as asked; empty at hit rate 0", "at hit rate 0 nothing is reused: size has no meaning", func(p phaseRow) field { return workingSet(&p.u.Spec) }},
	{"cache_hit_rate", "%", "as asked", "as asked", "", func(p phaseRow) field { return rate(&p.u.Spec) }},
	{"context_size", "tokens", "as asked", "as asked", "", func(p phaseRow) field { return integer(p.u.Spec.Context) }},
	{"concurrency_level", "", "of the level", "of the level", "", func(p phaseRow) field { return integer(int64(p.p.Level)) }},
	{"start_time", "s", "first launch, Unix", "start of the measured window, Unix", "the first requests of a level meet a server that is not yet at load: they are warm-in", func(p phaseRow) field { return stamp(p.epoch, p.p.Start) }},
	{"end_time", "s", "when the last request had ended, Unix", "end of the measured window, Unix", "a window has its own length; waiting for the last request adds time in which load falls", func(p phaseRow) field { return stamp(p.epoch, p.p.End) }},
	{"duration", "s", "end_time - start_time", "end_time - start_time", "", func(p phaseRow) field { return nanos(p.p.End - p.p.Start) }},
	{"num_requests_launched", "", "requests launched", "attempts started in the window", "what failed and was tried again are two attempts", func(p phaseRow) field { return integer(p.launched) }},
	{"num_requests_completed", "", "successes", "successes that ended in the window", "the window is what is measured", func(p phaseRow) field { return integer(p.completed) }},

	{"cell", "", "", "key of the cell", "", func(p phaseRow) field { return text(p.u.Cell) }},
	{"trial", "", "", "number of the trial, from 1", "", func(p phaseRow) field { return integer(int64(p.u.Trial)) }},
	{"windows", "", "", "windows pooled into it: 1 + repeats", "", func(p phaseRow) field { return integer(int64(1 + p.p.Repeats)) }},
	{"slo_missed", "", "", "1 when the slo was missed", "", func(p phaseRow) field { return boolean(p.p.Missed) }},
	{"stop", "", "", "the slo line or stop condition that it met", "", func(p phaseRow) field { return text(p.p.Stop) }},
	{"ended_by", "", "", "what ended the window early", "", func(p phaseRow) field { return text(p.p.Reason) }},
	{"notes", "", "", "notes on the level, joined by ;", "", func(p phaseRow) field { return text(strings.Join(p.p.Notes, "; ")) }},
}

// phaseRows walks every level that was run.
func phaseRows(rec *result.Record) func(yield func(phaseRow) bool) {
	return func(yield func(phaseRow) bool) {
		for _, u := range rec.Units {
			for _, p := range u.Phases {
				if p.Phase != result.PhaseMeasure {
					continue
				}
				row := phaseRow{epoch: rec.Run.Epoch.UnixNano(), u: u, p: p}
				row.count()
				if !yield(row) {
					return
				}
			}
		}
	}
}

func (p *phaseRow) count() {
	for _, r := range p.u.Requests {
		if r.Phase != sample.PhaseLoad {
			continue
		}
		if p.p.Start <= r.Started && r.Started < p.p.End {
			p.launched++
		}
		if r.Class == sample.OK && p.p.Start <= r.End && r.End < p.p.End {
			p.completed++
		}
	}
}
