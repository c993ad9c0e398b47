package migrate

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What is written only where the call differs from it: wsrun's own defaults.
const (
	maxInFlight    = 2000
	periodsPerSize = 16 // about what a search needs to find a level and to hold it
)

// writer writes the scenario of a call, line by line.
type writer struct {
	call   *call
	name   string
	schema string

	lines  []line
	unused []line // options without an effect: the option, and why
}

// line is a line of the scenario and what stands behind it as a comment; without text
// it is a comment of its own.
type line struct{ text, why string }

// scenario gives the file.
func (w *writer) scenario() string {
	w.matrix()
	if w.call.fixed() {
		w.fixed()
	} else {
		w.sustained()
	}
	w.limits()
	w.output()
	w.withoutKey()
	var b strings.Builder
	w.head(&b)
	align(&b, w.lines)
	w.tail(&b)
	return b.String()
}

// add writes a key with the option that it comes from.
func (w *writer) add(why, format string, args ...any) {
	w.lines = append(w.lines, line{fmt.Sprintf(format, args...), why})
}

// from names an option as the reason of a line, with the original's default where it was
// not given.
func (w *writer) from(option string) string {
	if !w.call.has(option) {
		return option + " was not given: " + byName(option).def + " there"
	}
	return option
}

// note writes a comment of its own before the next key.
func (w *writer) note(format string, args ...any) {
	w.lines = append(w.lines, line{why: fmt.Sprintf(format, args...)})
}

// drop tells of an option that has no effect here; only where it was given.
func (w *writer) drop(option, format string, args ...any) {
	if w.call.has(option) {
		w.unused = append(w.unused, line{option, fmt.Sprintf(format, args...)})
	}
}

// matrix writes what spans the cells, and what one request is.
func (w *writer) matrix() {
	c := w.call
	w.target()
	w.list("contexts", "--context-sizes", c.integers("--context-sizes"))
	w.workingSet()
	if c.has("--cache-hit-rates") {
		w.list("hit_rates", "--cache-hit-rates", c.integers("--cache-hit-rates"))
	}
	for _, o := range []struct{ option, key string }{{"--output-tokens", "output_tokens"}, {"--chunk-size", "chunk"}} {
		if c.has(o.option) {
			w.add(o.option, "%s: %s", o.key, c.text(o.option))
		}
	}
	if c.has("--random-working-set-selection") {
		w.add("--random-working-set-selection, seeded here", "access: uniform")
	}
	if c.has("--seed") {
		w.add("--seed", "seed: %s", c.text("--seed"))
	}
}

// target writes the servers. A map is written only where one URL does not say it all.
func (w *writer) target() {
	c := w.call
	urls := c.given["--api-endpoint"]
	balance := c.text("--endpoint-selection")
	most := w.mostInFlight()
	if len(urls) == 1 && balance == "round-robin" && most <= maxInFlight {
		w.add("--api-endpoint", "target: %s", Scalar(urls[0]))
		w.drop("--endpoint-selection", "round-robin is the default of target.balance")
		return
	}
	quoted := make([]string, len(urls))
	for i, u := range urls {
		quoted[i] = Scalar(u)
	}
	w.add("", "target:")
	w.add("--api-endpoint", "  endpoints: [%s]", strings.Join(quoted, ", "))
	if balance != "round-robin" {
		w.add("--endpoint-selection", "  balance: %s", balance)
	} else {
		w.drop("--endpoint-selection", "round-robin is the default of target.balance")
	}
	if most > maxInFlight {
		option := "--max-concurrency"
		if c.fixed() {
			option = "--fixed-concurrency-levels"
		}
		w.add(option+" goes above the safety cap of 2000", "  max_in_flight: %d", most)
	}
}

func (w *writer) mostInFlight() int64 {
	if w.call.fixed() {
		return slices.Max(w.call.integers("--fixed-concurrency-levels"))
	}
	return w.call.integer("--max-concurrency")
}

// list writes a list in ascending order, each value once, as the original used it.
func (w *writer) list(key, option string, values []int64) {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	why := option
	if !slices.Equal(sorted, values) {
		why += ", in ascending order, each once"
	}
	text := make([]string, len(sorted))
	for i, v := range sorted {
		text[i] = strconv.FormatInt(v, 10)
	}
	w.add(why, "%s: [%s]", key, strings.Join(text, ", "))
}

// workingSet writes the sizes: as many as the original tested in fixed mode, and in
// sustained mode those between its growths, one more.
func (w *writer) workingSet() {
	c := w.call
	lo, hi, n := c.integer("--min-working-set-size"), c.integer("--max-working-set-size"), c.integer("--working-set-increments")
	first, last := "--min-working-set-size", "--max-working-set-size"
	switch {
	case c.fixed() && n == 1:
		w.add(first+"; with --working-set-increments 1 the largest is not tested", "working_set: [%d]", lo)
		w.drop(last, "with --working-set-increments 1 only the smallest size is tested")
		w.drop("--working-set-increments", "one size")
		return
	case lo == hi, lo > hi && !c.fixed():
		w.add(first+"; the set does not grow", "working_set: [%d]", lo)
		w.drop(last, "not above --min-working-set-size: the set does not grow")
		w.drop("--working-set-increments", "one size")
		return
	case lo > hi:
		lo, hi, first, last = hi, lo, last, first
		w.note("--min-working-set-size is above --max-working-set-size: the sizes are the same, in ascending order.")
	}
	steps, why := n, "--working-set-increments"
	if !c.fixed() {
		steps, why = n+1, fmt.Sprintf("--working-set-increments %d: %s", n, growths(n))
	}
	w.add("", "working_set:")
	w.add(first, "  min: %d", lo)
	w.add(last, "  max: %d", hi)
	w.add(why, "  steps: %d", steps)
}

func growths(n int64) string {
	if n == 1 {
		return "one growth makes two sizes"
	}
	return fmt.Sprintf("%d growths make %d sizes", n, n+1)
}

// fixed writes what fixed mode has of its own.
func (w *writer) fixed() {
	c := w.call
	w.add("--mode", "mode: fixed")
	w.list("concurrency", "--fixed-concurrency-levels", c.integers("--fixed-concurrency-levels"))
	if !c.has("--ramp-duration") && !c.has("--num-retries") {
		w.note("Without duration and repeats a level has one window, which ends as soon as it holds enough.")
	}
	w.add(w.from("--ramp-duration")+"; of each level", "duration: %ss", c.text("--ramp-duration"))
	w.warmup()
	switch n := c.integer("--num-retries"); {
	case !c.has("--num-retries"):
		w.add("--num-retries was not given: 3 there, 0 in its later versions", "repeats: 3")
	case n > 0:
		w.add("--num-retries", "repeats: %d", n)
	default:
		w.drop("--num-retries", "0 is the default of repeats")
	}
	for _, o := range []string{"--test-duration", "--assessment-period", "--start-concurrency", "--concurrency-increment", "--max-concurrency", "--init-strategy"} {
		w.drop(o, "had no effect in fixed mode")
	}
}

// warmup writes how the cache is filled.
func (w *writer) warmup() {
	c := w.call
	var lines []line
	if c.has("--init-concurrency") {
		lines = append(lines, line{"  concurrency: " + c.text("--init-concurrency"), "--init-concurrency"})
	}
	switch strategy := c.text("--reinit-strategy"); {
	case !c.fixed():
		w.drop("--reinit-strategy", "the cache is warmed once, before the first size")
	case strategy == "once":
		lines = append(lines, line{"  rewarm: once", "--reinit-strategy once; the original warmed each size all the same"})
	case strategy == "per_test":
		lines = append(lines, line{"  rewarm: per-level", "--reinit-strategy per_test"})
	default:
		w.drop("--reinit-strategy", "per_working_set is the default of warmup.rewarm")
	}
	if len(lines) > 0 {
		w.add("", "warmup:")
		w.lines = append(w.lines, lines...)
	}
}

// sustained writes what sustained mode has of its own.
func (w *writer) sustained() {
	c := w.call
	w.add(w.from("--mode"), "mode: sustained")
	total := c.integer("--test-duration")
	period := c.integer("--assessment-period")
	w.convergence(total, period)
	w.add(w.from("--test-duration"), "duration: %ds", total)
	why := w.from("--assessment-period")
	if period > total {
		period, why = total, "--assessment-period, cut to --test-duration"
	}
	w.add(why, "assessment_period: %ds", period)
	w.search()
	prompts, strategy := "cold", "--init-strategy"
	if c.text("--init-strategy") == "max" {
		prompts = "prewarmed"
	} else if !c.has("--init-strategy") {
		strategy += " was not given: min there"
	}
	w.add("", "growth:")
	w.add("--working-set-increments came at equal times, converged or not", "  by: time")
	w.add(strategy, "  prompts: %s", prompts)
	w.warmup()
	w.drop("--fixed-concurrency-levels", "had no effect in sustained mode")
	w.drop("--ramp-duration", "had no effect in sustained mode")
	w.drop("--num-retries", "had no effect in sustained mode")
}

// convergence says what the duration means, and which would do.
func (w *writer) convergence(total, period int64) {
	c := w.call
	sizes := c.integer("--working-set-increments") + 1
	if c.integer("--min-working-set-size") >= c.integer("--max-working-set-size") {
		sizes = 1
	}
	would := sizes * periodsPerSize * period
	if total >= would {
		w.note("Each size has %d periods or more: enough to find a level and to hold it. Without by: time a size ends as soon as it was held.", periodsPerSize)
		return
	}
	w.note("Too short to find a level at each size and to hold it: points may end not-converged. What would converge is duration: %s (%d x %d periods), without by: time.", minutes(would), sizes, periodsPerSize)
}

func minutes(seconds int64) string {
	if seconds%60 == 0 {
		return strconv.FormatInt(seconds/60, 10) + "m"
	}
	return strconv.FormatInt(seconds, 10) + "s"
}

// search writes where the controller looks, where the call says it.
func (w *writer) search() {
	var lines []line
	for _, o := range []struct{ option, key string }{{"--start-concurrency", "start"}, {"--concurrency-increment", "step"}, {"--max-concurrency", "max"}} {
		if w.call.has(o.option) {
			lines = append(lines, line{"  " + o.key + ": " + w.call.text(o.option), o.option})
		}
	}
	if len(lines) > 0 {
		w.add("", "concurrency:")
		w.lines = append(w.lines, lines...)
	}
}

// limits writes the slo.
func (w *writer) limits() {
	c := w.call
	if !c.has("--max-ttft") && !c.has("--min-tokens-per-req") {
		w.drop("--ttft-metric", "no --max-ttft was given")
		w.drop("--tokens-per-req-metric", "no --min-tokens-per-req was given")
		return
	}
	if c.fixed() {
		w.note("A level that misses a limit ends the higher levels of its working set, as there.")
	} else {
		w.note("The search keeps 10 %% clear of a limit, see slo.margin.")
	}
	w.add("", "slo:")
	if c.has("--max-ttft") {
		w.add("--max-ttft; "+w.from("--ttft-metric"), "  ttft: {%s: %ss}", c.text("--ttft-metric"), plain(c.number("--max-ttft")))
	} else {
		w.drop("--ttft-metric", "no --max-ttft was given")
	}
	if c.has("--min-tokens-per-req") {
		why := "--min-tokens-per-req"
		if c.has("--tokens-per-req-metric") {
			why += "; --tokens-per-req-metric"
		}
		w.add(why, "  output_rate: {%s: %s}", c.text("--tokens-per-req-metric"), plain(c.number("--min-tokens-per-req")))
	} else {
		w.drop("--tokens-per-req-metric", "no --min-tokens-per-req was given")
	}
}

// plain writes a number without an exponent, which a duration cannot have.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// output writes where results go.
func (w *writer) output() {
	c := w.call
	dir := c.text("--output-dir")
	w.add("", "output:")
	if !local(dir) {
		w.drop("--output-dir", "leaves the working directory, which a scenario must not: wsrun run --output-dir %s", Quote(dir))
		dir = "results"
		w.add("--output-dir is given to wsrun run, see below", "  dir: results")
	} else {
		w.add(w.from("--output-dir"), "  dir: %s", Scalar(path.Clean(dir)))
	}
	if c.has("--skip-graphs") {
		w.add("--skip-graphs", "  html: false")
	}
}

// local reports whether a directory lies below the working directory.
func local(dir string) bool {
	clean := path.Clean(strings.ReplaceAll(dir, `\`, "/"))
	return dir != "" && !path.IsAbs(clean) && clean != ".." && !strings.HasPrefix(clean, "../") && !regexp.MustCompile(`^[A-Za-z]:`).MatchString(clean)
}

// withoutKey tells of the options that no key stands for.
func (w *writer) withoutKey() {
	w.drop("--tokenizer", "not needed: prompts.encoding is auto: the server's own tokeniser is asked, or token ids are sent")
	w.drop("--kv-cache-quantization", "it was used for a printed estimate only. For sizes in GiB and figures in GB/s write target.kv_bytes_per_token, bytes of one token over all layers")
	for _, o := range options {
		if why, ok := notNeeded[o.name]; ok {
			w.drop(o.name, "%s", why)
		}
	}
}

// runFlags are those flags of wsrun run that stand for options of the call.
func (w *writer) runFlags() []string {
	var out []string
	if dir := w.call.text("--output-dir"); !local(dir) {
		out = append(out, "--output-dir", dir)
	}
	for _, name := range []string{"--verbose", "--brief", "--no-color"} {
		if w.call.has(name) {
			out = append(out, name)
		}
	}
	return out
}
