package simulator

import (
	"context"
	"sync"
)

// cache is the tiered KV cache. Blocks are whole and named by a key that depends on
// every token before their end, so that a prefix is a chain of keys.
//
// A request reserves room in tier 1 for all it will ever need (prompt and output, the
// last block rounded up) when it is admitted, so that nothing is preempted. Blocks
// that it reuses are held; the rest is private until it is computed, when it becomes
// cached and can be found by others. What is held cannot be evicted. A request lets go
// of its blocks from tail to head, so that under LRU a prefix loses its tail first (as
// in vLLM). A block computed a second time while an older copy is still there takes
// that copy's place.
//
// Exclusive: a block is in one tier; reuse brings it to tier 1, what tier i evicts
// goes to tier i+1, so that edges stand at the sums of the capacities. Write-through:
// what is inserted goes to every tier, each has its own order; edges stand at each
// tier's own capacity.
type cache struct {
	mu        sync.Mutex // never held across a wait
	block     int
	exclusive bool
	tiers     []level
	private   int // tier-1 blocks reserved by running requests and not yet cached
	held      int // tier-1 nodes with ref > 0, dead ones included
	dead      int // held nodes that a reset dropped
	reset     int // how often the cache was emptied
	waiting   []*lease
}

// lease is what one running request has of the cache.
type lease struct {
	keys    []uint64 // of the prompt's full blocks
	limit   int      // blocks of the prompt that may be reused: never the whole prompt
	blocks  int      // tier-1 blocks that the request needs in all
	nodes   []*node  // held, from head to tail
	private int
	reset   int           // the cache's count of resets at admission
	byTier  []int         // reused blocks by the tier in which they were found
	ready   chan struct{} // closed on admission, when it had to wait
	granted bool
	gone    bool // let go
}

func newCache(p Profile) *cache {
	c := &cache{block: p.Block, exclusive: p.Placement == Exclusive, tiers: make([]level, len(p.Tiers))}
	for i, t := range p.Tiers {
		c.tiers[i].capacity = int(t.Capacity) / p.Block
		c.tiers[i].clear()
	}
	return c
}

// newLease describes a request of n prompt tokens and out output tokens; keys are
// those of the prompt's full blocks. A hit never covers the whole prompt: at least
// the last token is computed, so at most floor((n-1)/block) blocks are reused.
func (c *cache) newLease(keys []uint64, n, out int) *lease {
	return &lease{keys: keys, limit: (n - 1) / c.block, blocks: (n + out + c.block - 1) / c.block,
		byTier: make([]int, len(c.tiers))}
}

// fits reports whether the request could ever be admitted.
func (c *cache) fits(l *lease) bool { return l.blocks <= c.tiers[0].capacity }

// acquire admits the request as soon as tier 1 has room for it, in order of arrival.
// waited tells whether it had to wait. An error is the context's; nothing is held then.
func (c *cache) acquire(ctx context.Context, l *lease) (waited bool, err error) {
	c.mu.Lock()
	if len(c.waiting) == 0 && c.admit(l) {
		c.mu.Unlock()
		return false, nil
	}
	l.ready = make(chan struct{})
	c.waiting = append(c.waiting, l)
	c.mu.Unlock()
	select {
	case <-l.ready:
		return true, nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.granted {
		c.letGo(l)
		return true, ctx.Err()
	}
	for i, w := range c.waiting {
		if w == l {
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			break
		}
	}
	c.wake() // the one behind may fit where the head did not
	return true, ctx.Err()
}

// find gives the tier that holds key, best first, and its node there.
func (c *cache) find(key uint64) (int, *node) {
	for t := range c.tiers {
		if nd := c.tiers[t].nodes[key]; nd != nil {
			return t, nd
		}
	}
	return -1, nil
}

// admit grants the lease if tier 1 has room.
func (c *cache) admit(l *lease) bool {
	found := make([]*node, 0, l.limit)
	tier := make([]int8, 0, l.limit)
	inFirst, idle := 0, 0 // reused blocks that are in tier 1, and those of them that nobody holds
	for _, key := range l.keys[:min(l.limit, len(l.keys))] {
		t, nd := c.find(key)
		if nd == nil {
			break
		}
		if t == 0 {
			inFirst++
			if nd.ref == 0 {
				idle++
			}
		}
		found, tier = append(found, nd), append(tier, int8(t))
	}
	need := l.blocks - inFirst
	if need > c.tiers[0].capacity-c.private-c.held-idle {
		return false
	}
	l.granted, l.reset = true, c.reset
	c.reuse(l, found, tier)
	c.makeRoom(0, need)
	for i, nd := range found {
		if tier[i] > 0 {
			c.tiers[0].nodes[nd.key] = nd
			c.held++
		}
	}
	l.nodes = append(l.nodes, found...)
	l.private = l.blocks - len(found)
	c.private += l.private
	return true
}

// reuse takes hold of what was found: nodes of tier 1 in place, others as they leave
// their tier (exclusive) or as a copy (write-through), still to be put into tier 1.
func (c *cache) reuse(l *lease, found []*node, tier []int8) {
	for i, nd := range found {
		t := int(tier[i])
		l.byTier[t]++
		if t > 0 {
			if c.exclusive {
				c.tiers[t].drop(nd)
			} else {
				nd = &node{key: nd.key}
				found[i] = nd
			}
		} else if nd.ref == 0 {
			c.tiers[0].old.remove(nd)
			c.held++
		}
		nd.ref++
		c.renew(nd.key)
	}
}

// renew makes the copies of a block in the lower tiers their newest (write-through).
func (c *cache) renew(key uint64) {
	if c.exclusive {
		return
	}
	for t := 1; t < len(c.tiers); t++ {
		if nd := c.tiers[t].nodes[key]; nd != nil {
			c.tiers[t].touch(nd)
		}
	}
}

// makeRoom evicts from tier t until n more blocks fit. What leaves an exclusive tier
// goes to the next one, oldest first; out of the last it is gone.
func (c *cache) makeRoom(t, n int) {
	l := &c.tiers[t]
	used := len(l.nodes)
	if t == 0 {
		used += c.private + c.dead
	}
	for ; used+n > l.capacity && l.old.n > 0; used-- {
		nd := l.old.pop()
		delete(l.nodes, nd.key)
		if c.exclusive && t+1 < len(c.tiers) {
			c.makeRoom(t+1, 1)
			c.tiers[t+1].insert(nd)
		}
	}
}

// insert puts a block that may be evicted into the tier, as its newest.
func (l *level) insert(nd *node) {
	l.nodes[nd.key] = nd
	l.old.push(nd)
}

// commit caches one private block of the lease that has just been computed: the block
// after those committed before. After a reset it stays private.
func (c *cache) commit(l *lease, keys ...uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.gone || l.reset != c.reset {
		return
	}
	for _, key := range keys {
		c.commitOne(l, key)
	}
}

func (c *cache) commitOne(l *lease, key uint64) {
	first := &c.tiers[0]
	nd := first.nodes[key]
	if nd == nil {
		if c.exclusive {
			if t, older := c.find(key); older != nil {
				c.tiers[t].drop(older)
			}
		}
		nd = &node{key: key}
		first.nodes[key] = nd
		c.held++
	} else if nd.ref == 0 {
		first.old.remove(nd)
		c.held++
	}
	nd.ref++
	l.private--
	c.private--
	l.nodes = append(l.nodes, nd)
	if !c.exclusive {
		c.writeThrough(key)
	}
}

// writeThrough puts a computed block into every lower tier, or renews it there.
func (c *cache) writeThrough(key uint64) {
	for t := 1; t < len(c.tiers); t++ {
		l := &c.tiers[t]
		if nd := l.nodes[key]; nd != nil {
			l.touch(nd)
			continue
		}
		c.makeRoom(t, 1)
		l.insert(&node{key: key})
	}
}

// release lets go of everything the lease has and admits who waits for it.
func (c *cache) release(l *lease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.granted && !l.gone {
		c.letGo(l)
	}
}

func (c *cache) letGo(l *lease) {
	l.gone = true
	c.private -= l.private
	l.private = 0
	for i := len(l.nodes) - 1; i >= 0; i-- {
		nd := l.nodes[i]
		if nd.ref--; nd.ref > 0 {
			continue
		}
		c.held--
		if nd.dead {
			c.dead--
			continue
		}
		c.tiers[0].old.push(nd)
		c.renew(nd.key)
	}
	l.nodes = nil
	c.wake()
}

// wake admits waiting requests in their order, as far as there is room.
func (c *cache) wake() {
	for len(c.waiting) > 0 && c.admit(c.waiting[0]) {
		close(c.waiting[0].ready)
		c.waiting = c.waiting[1:]
	}
}

// clear empties all tiers. Blocks of running requests keep their room until these
// end, but nobody can find them any more.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset++
	for _, nd := range c.tiers[0].nodes {
		if nd.ref > 0 {
			nd.dead = true
			c.dead++
		}
	}
	for t := range c.tiers {
		c.tiers[t].clear()
	}
	c.wake()
}

// usage gives the requests waiting for room, and the share of tier 1 that running
// requests hold.
func (c *cache) usage() (waiting int, used float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting), float64(c.private+c.held) / float64(c.tiers[0].capacity)
}
