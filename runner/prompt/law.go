package prompt

import "math/rand/v2"

// Law decides which prompt comes next. It may read the stack of what was sent:
// laws by depth or by popularity are a few lines each.
type Law interface {
	// Next gives the index of the next prompt. st is the stack of the whole set
	// over all endpoints, before the request that is asked for.
	Next(st *Stack) int
}

// Cyclic walks through n prompts in order, again and again, beginning with start:
// the worst case of an LRU cache, a step at its edge.
func Cyclic(n, start int) Law { return &cyclic{n: n, next: start % n} }

type cyclic struct{ n, next int }

func (c *cyclic) Next(*Stack) int {
	i := c.next
	c.next = (c.next + 1) % c.n
	return i
}

// Uniform draws each of n prompts with the same probability. The seed of rng is the
// caller's to record.
func Uniform(n int, rng *rand.Rand) Law { return uniform{n, rng} }

type uniform struct {
	n   int
	rng *rand.Rand
}

func (u uniform) Next(*Stack) int { return u.rng.IntN(u.n) }
