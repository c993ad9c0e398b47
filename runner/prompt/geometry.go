package prompt

// Geometry is the shape of every request of a cell, in tokens.
type Geometry struct {
	R      int64 // prompt tokens, template included
	Prefix int64 // reusable tokens at the head; R or more: the whole prompt is reused
	Output int64 // output tokens asked for
}

// Full reports whether the whole prompt is the same each time.
func (g Geometry) Full() bool { return g.Prefix >= g.R }

// prefix is the reusable part, never more than the prompt.
func (g Geometry) prefix() int64 { return max(0, min(g.Prefix, g.R)) }

// use is what one request with out output tokens does to a cache. Where the whole
// prompt is reused, so is the output: at temperature 0 the same prompt has the
// same continuation.
func (g Geometry) use(out int64) Use {
	if g.Full() {
		return Use{Reuse: g.R + out}
	}
	return Use{Reuse: g.prefix(), Fresh: g.R - g.prefix() + out}
}

// warmOutput is the number of output tokens of a warm-up request: those of a
// measured one, or a single one where they are below 2 % of the prompt and so
// cannot move an edge (design: measurement, Cache state, Warm-up).
func (g Geometry) warmOutput() int64 {
	if g.Output*50 < g.R {
		return 1
	}
	return g.Output
}

// Intended gives the tokens of a prompt of r that are meant to be found in the
// cache: floor(min(max(prefix, template), r-1) / block) x block. template is the
// number of tokens that two unlike prompts share; block the server's granularity,
// 0 when unknown (then tokens are counted singly). r-1: no engine serves the last
// token from its cache.
func Intended(prefix, r, template, block int64) int64 {
	n := max(0, min(max(prefix, template), r-1))
	if block > 0 {
		n = n / block * block
	}
	return n
}
