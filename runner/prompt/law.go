package prompt

import (
	"math/rand/v2"
	"slices"
)

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

// Growing is a law over a set that grows while it is asked.
type Growing interface {
	Law
	// Grow adds prompts up to n. See Set.Grow.
	Grow(n int)
}

// Ring is cyclic access over a set that grows: prompts that are added come right
// before the one that is next, where their ingest puts them into the stack. So every
// later request finds its prompt at the full distance of the new size at once; with
// the new ones at the end of the cycle, the first cycle after growth would find them
// at a fraction of it.
func Ring(n int) Growing {
	r := &ring{}
	r.Grow(n)
	r.next = 0
	return r
}

type ring struct {
	order []int
	next  int
}

func (r *ring) Next(*Stack) int {
	i := r.order[r.next]
	r.next = (r.next + 1) % len(r.order)
	return i
}

func (r *ring) Grow(n int) {
	var added []int
	for i := len(r.order); i < n; i++ {
		added = append(added, i)
	}
	r.order = slices.Insert(r.order, r.next, added...)
	if r.next += len(added); r.next == len(r.order) {
		r.next = 0
	}
}

// UniformGrowing is Uniform over a set that grows.
func UniformGrowing(n int, rng *rand.Rand) Growing { return &uniformGrowing{uniform{n, rng}} }

type uniformGrowing struct{ uniform }

func (u *uniformGrowing) Grow(n int) { u.n = max(u.n, n) }
