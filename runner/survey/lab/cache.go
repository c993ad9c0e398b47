// Package lab is a laboratory for surveys: it drives one against a cache whose truth
// is known, with answers as noisy as wanted, thousands of maps a minute, the same each
// time for the same seed.
package lab

import (
	"math"
	"math/rand/v2"
)

// Evict is how a cache chooses what goes.
type Evict uint8

// Eviction policies.
const (
	LRU    Evict = iota // what was used longest ago
	FIFO                // what was inserted longest ago: a hit does not renew
	Random              // any block
)

// blocks of a prompt; a hit finds all but the last, which is always computed.
const blocks = 8

// Cache is a model of a tiered cache of whole prompts, each of eight blocks. Prompts
// share nothing.
type Cache struct {
	Capacity  []float64 // by tier, in prompts
	Exclusive bool      // a block is in one tier, what leaves one goes to the next; else each is inserted into all
	Evict     Evict
	SecondUse int  // tiers from this one on take a block at its second use; 0: all at the first. Write-through only
	HeadFirst bool // the head of a prompt goes first; else its tail

	tiers []tier
	uses  []int32 // by prompt
	rng   *rand.Rand
}

// tier is an ordered set of blocks, oldest first, and the place of each.
type tier struct {
	room       int
	n          int
	prev, next []int32 // by block, a ring through index 0; block b is b + 1
	in         []bool
	all        []int32 // Random: every block
	at         []int32 // Random: where it is in all
}

// open makes the cache ready.
func (c *Cache) open(rng *rand.Rand) {
	c.rng = rng
	c.tiers = make([]tier, len(c.Capacity))
	for i, p := range c.Capacity {
		c.tiers[i] = tier{room: int(math.Round(p * blocks)), prev: make([]int32, 1), next: make([]int32, 1), in: make([]bool, 1), at: make([]int32, 1)}
	}
}

// use sends a prompt and gives the blocks found in each tier; the last entry is what
// was computed, the last block not counted.
func (c *Cache) use(prompt int) []int {
	for len(c.uses) <= prompt {
		c.uses = append(c.uses, 0)
	}
	c.uses[prompt]++
	found := make([]int, len(c.tiers)+1)
	where := [blocks]int8{}
	for k := range where {
		where[k] = -1
	}
	n := 0
	for ; n < blocks-1; n++ {
		t := c.find(prompt*blocks + n)
		if t < 0 {
			break
		}
		found[t]++
		where[n] = int8(t)
	}
	found[len(c.tiers)] = blocks - 1 - n
	for k := range blocks {
		b := k
		if !c.HeadFirst {
			b = blocks - 1 - k
		}
		c.put(prompt*blocks+b, prompt, where[b])
	}
	return found
}

// find gives the nearest tier that holds a block, -1 when none does.
func (c *Cache) find(b int) int {
	for t := range c.tiers {
		if c.tiers[t].has(b) {
			return t
		}
	}
	return -1
}

// put makes a block the newest, wherever the policy has it.
func (c *Cache) put(b, prompt int, hit int8) {
	if c.Exclusive {
		at := c.find(b)
		if at == 0 && c.Evict != LRU {
			return
		}
		if at >= 0 {
			c.tiers[at].drop(b)
		}
		c.push(0, b)
		return
	}
	for t := range c.tiers {
		switch {
		case c.tiers[t].has(b):
			if c.Evict == LRU {
				c.tiers[t].drop(b)
				c.tiers[t].push(b)
			}
		case t > 0 && t >= c.SecondUse && c.SecondUse > 0 && c.uses[prompt] < 2:
		default:
			c.push(t, b)
		}
	}
}

// push inserts a block into a tier and passes on what has to go.
func (c *Cache) push(t, b int) {
	for ; t < len(c.tiers); t++ {
		old := -1
		if c.tiers[t].n >= c.tiers[t].room {
			old = c.tiers[t].victim(c.Evict, c.rng)
			c.tiers[t].drop(old)
		}
		c.tiers[t].push(b)
		if old < 0 || !c.Exclusive {
			return
		}
		b = old
	}
}

func (t *tier) has(b int) bool { return b+1 < len(t.in) && t.in[b+1] }

func (t *tier) push(b int) {
	i := int32(b + 1)
	for len(t.in) <= int(i) {
		t.in, t.prev, t.next, t.at = append(t.in, false), append(t.prev, 0), append(t.next, 0), append(t.at, 0)
	}
	t.in[i] = true
	last := t.prev[0]
	t.prev[i], t.next[i] = last, 0
	t.next[last], t.prev[0] = i, i
	t.at[i] = int32(len(t.all))
	t.all = append(t.all, i)
	t.n++
}

func (t *tier) drop(b int) {
	i := int32(b + 1)
	t.in[i] = false
	t.next[t.prev[i]], t.prev[t.next[i]] = t.next[i], t.prev[i]
	end := t.all[len(t.all)-1]
	t.all[t.at[i]], t.at[end] = end, t.at[i]
	t.all = t.all[:len(t.all)-1]
	t.n--
}

func (t *tier) victim(e Evict, rng *rand.Rand) int {
	if e == Random {
		return int(t.all[rng.IntN(len(t.all))]) - 1
	}
	return int(t.next[0]) - 1
}
