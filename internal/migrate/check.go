package migrate

import "slices"

// check holds the call against the original's rules, and against what its options mean
// where it had none, as far as it could be read.
func (c *call) check() []Problem {
	for _, name := range []string{"--api-endpoint", "--context-sizes", "--min-working-set-size", "--max-working-set-size", "--working-set-increments"} {
		c.needs("is missing: the original needs it", name)
	}
	c.least(1, "--context-sizes", "--min-working-set-size", "--max-working-set-size", "--working-set-increments", "--output-tokens",
		"--init-concurrency", "--chunk-size", "--fixed-concurrency-levels")
	c.least(0, "--num-retries", "--cache-hit-rates")
	for _, rate := range c.integers("--cache-hit-rates") {
		if rate > 100 {
			c.fault("--cache-hit-rates", "%d is above 100: percent are meant", rate)
		}
	}
	for _, name := range []string{"--max-ttft", "--min-tokens-per-req"} {
		if c.has(name) && c.number(name) <= 0 {
			c.fault(name, "%s must be above 0", c.text(name))
		}
	}
	switch {
	case c.wrong["--mode"]:
	case c.fixed():
		c.least(1, "--ramp-duration")
		c.needs("is missing: --mode fixed needs it", "--fixed-concurrency-levels")
	default:
		c.checkSustained()
	}
	return c.problems
}

// needs says that the first of these options is missing where none was given. An option
// that cannot be read, or an unknown one, may have been meant.
func (c *call) needs(why string, names ...string) {
	for _, name := range names {
		if c.has(name) || c.wrong[name] || c.stray {
			return
		}
	}
	c.fault(names[0], "%s", why)
}

func (c *call) checkSustained() {
	c.least(1, "--test-duration", "--assessment-period", "--start-concurrency", "--concurrency-increment", "--max-concurrency")
	c.needs("is missing: sustained mode needs it, or --min-tokens-per-req", "--max-ttft", "--min-tokens-per-req")
	if start, most := c.integer("--start-concurrency"), c.integer("--max-concurrency"); start > most {
		c.fault("--start-concurrency", "%d is above --max-concurrency, %d", start, most)
	}
}

// least refuses values below a bound.
func (c *call) least(bound int64, names ...string) {
	for _, name := range names {
		if v := c.integers(name); len(v) > 0 && slices.Min(v) < bound {
			c.fault(name, "%d is too small: at least %d", slices.Min(v), bound)
		}
	}
}
