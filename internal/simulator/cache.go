package simulator

import (
	"context"
	"slices"
	"sync"
)

// cache is the tiered KV cache. Blocks are whole and named by a key that depends on
// every token before their end, so that a prefix is a chain of keys.
//
// A request reserves room in tier 1 for all it will ever need (prompt and output, the
// last block rounded up) when it is admitted, so that nothing is preempted. Blocks
// that it reuses are held; the rest is private until it is computed, when it becomes
// cached and can be found by others. What is held cannot be evicted. A request lets go
// of its blocks from tail to head, so that a prefix loses its tail first (as in vLLM),
// or from head to tail where the profile frees heads. A block computed a second time
// while an older copy is still there takes that copy's place.
//
// Exclusive: a block is in one tier; reuse brings it to tier 1, what tier i evicts
// goes to tier i+1, so that edges stand at the sums of the capacities. Write-through:
// what a request computed goes to every tier when that lets go of it, each tier has its
// own order; edges stand at each tier's own capacity.
//
// Admission at second use: a block that was not asked for again after it was computed
// goes to no lower tier. Its count lives with it: a block that is gone, and computed
// again, begins anew (as in SGLang's radix tree).
type cache struct {
	mu        sync.Mutex // never held across a wait
	block     int
	exclusive bool
	lru       bool
	second    bool // lower tiers admit at second use
	heads     bool // heads are freed first
	tiers     []level
	runs      uint32 // how many leases were let go
	private   int    // tier-1 blocks reserved by running requests and not yet cached
	held      int    // tier-1 nodes with ref > 0, dead ones included
	dead      int    // held nodes that a reset dropped
	reset     int    // how often the cache was emptied
	waiting   []*lease
}

// lease is what one running request has of the cache.
type lease struct {
	keys    []uint64 // of the prompt's full blocks
	limit   int      // blocks of the prompt that may be reused: never the whole prompt
	blocks  int      // tier-1 blocks that the request needs in all
	nodes   []uint32 // held, from head to tail
	private int
	reset   int           // the cache's count of resets at admission
	byTier  []int         // reused blocks by the tier in which they were found
	ready   chan struct{} // closed on admission, when it had to wait
	granted bool
	gone    bool // let go
}

func newCache(p Profile) *cache {
	c := &cache{block: p.Block, exclusive: p.Placement == Exclusive, lru: p.Eviction == LRU,
		second: p.Admit == Second, heads: p.Frees == Heads, tiers: make([]level, len(p.Tiers))}
	for i, t := range p.Tiers {
		c.tiers[i] = newLevel(int(t.Capacity)/p.Block, p.Eviction, p.Seed, i)
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

// spot is where a block was found.
type spot struct {
	tier int32
	node uint32
}

// find gives the best tier that holds key, and its node there, 0 for none.
func (c *cache) find(key uint64) spot {
	for t := range c.tiers {
		if i := c.tiers[t].find(key); i != 0 {
			return spot{int32(t), i}
		}
	}
	return spot{}
}

// admit grants the lease if tier 1 has room.
func (c *cache) admit(l *lease) bool {
	first := &c.tiers[0]
	found := make([]spot, 0, min(l.limit, len(l.keys)))
	inFirst, idle := 0, 0 // reused blocks that are in tier 1, and those of them that nobody holds
	for _, key := range l.keys[:cap(found)] {
		at := c.find(key)
		if at.node == 0 {
			break
		}
		if at.tier == 0 {
			inFirst++
			if first.node(at.node).ref == 0 {
				idle++
			}
		}
		found = append(found, at)
	}
	need := l.blocks - inFirst
	if need > first.capacity-c.private-c.held-idle {
		return false
	}
	l.granted, l.reset = true, c.reset
	c.reuse(l, found)
	c.makeRoom(0, need)
	l.nodes = make([]uint32, len(found), l.blocks)
	for i, at := range found {
		if at.tier > 0 {
			at.node = first.add(l.keys[i])
			nd := first.node(at.node)
			nd.ref, nd.used, nd.written = 1, true, true
			c.held++
		}
		l.nodes[i] = at.node
	}
	l.private = l.blocks - len(found)
	c.private += l.private
	return true
}

// reuse takes hold of what was found in tier 1, and takes the rest out of its tier
// (exclusive); a copy of that is still to be put into tier 1.
func (c *cache) reuse(l *lease, found []spot) {
	for i, at := range found {
		l.byTier[at.tier]++
		switch {
		case at.tier == 0:
			c.hold(at.node)
			c.tiers[0].node(at.node).used = true
		case c.exclusive:
			c.tiers[at.tier].drop(at.node)
		}
		if c.lru {
			c.renew(l.keys[i], 0)
		}
	}
}

// hold keeps a block of tier 1 from being evicted.
func (c *cache) hold(i uint32) {
	first := &c.tiers[0]
	nd := first.node(i)
	if nd.ref == 0 {
		c.held++
		if nd.queued && first.policy != FIFO {
			first.leave(i)
		}
	}
	nd.ref++
}

// renew tells the lower tiers of a hit of a block of which they have a copy
// (write-through).
func (c *cache) renew(key uint64, run uint32) {
	for t := 1; t < len(c.tiers) && !c.exclusive; t++ {
		if i := c.tiers[t].find(key); i != 0 {
			c.tiers[t].renew(i, run)
		}
	}
}

// makeRoom evicts from tier t until n more blocks fit. What leaves an exclusive tier
// goes to the next one, in the same order, unless it is not admitted there; out of the
// last it is gone.
func (c *cache) makeRoom(t, n int) {
	l := &c.tiers[t]
	used := l.table.n
	if t == 0 {
		used += c.private + c.dead
	}
	for from := uint32(0); used+n > l.capacity; used-- {
		i := l.victim(from)
		if i == 0 {
			return
		}
		nd := l.node(i)
		from = nd.next
		key, down := nd.key, c.exclusive && t+1 < len(c.tiers) && (nd.used || t > 0 || !c.second)
		run := l.runOf(i)
		l.drop(i)
		if down {
			c.insert(t+1, key, run)
		}
	}
}

// insert puts a block that may be evicted into a lower tier, as its newest.
func (c *cache) insert(t int, key uint64, run uint32) {
	c.makeRoom(t, 1)
	l := &c.tiers[t]
	l.push(l.add(key), run)
}

// commit caches private blocks of the lease that have just been computed: those after
// the ones committed before. After a reset they stay private.
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
	at := c.find(key)
	i := at.node
	if i == 0 || at.tier > 0 {
		if at.node != 0 && c.exclusive {
			c.tiers[at.tier].drop(at.node)
		}
		i = first.add(key)
	}
	first.node(i).used = at.node != 0
	c.hold(i)
	l.private--
	c.private--
	l.nodes = append(l.nodes, i)
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
	c.runs++
	if c.heads {
		slices.Reverse(l.nodes)
	}
	for _, i := range slices.Backward(l.nodes) {
		c.letGoOne(i)
	}
	l.nodes = nil
	c.wake()
}

func (c *cache) letGoOne(i uint32) {
	first := &c.tiers[0]
	nd := first.node(i)
	if nd.ref--; nd.ref > 0 {
		return
	}
	c.held--
	if nd.dead {
		c.dead--
		first.release(i)
		return
	}
	if !nd.queued {
		first.push(i, c.runs)
	}
	if !nd.written && (nd.used || !c.second) {
		nd.written = true
		c.writeThrough(nd.key)
	} else {
		c.renew(nd.key, c.runs)
	}
}

// writeThrough puts a block into every lower tier, or renews it there.
func (c *cache) writeThrough(key uint64) {
	for t := 1; t < len(c.tiers) && !c.exclusive; t++ {
		if i := c.tiers[t].find(key); i != 0 {
			c.tiers[t].renew(i, c.runs)
		} else {
			c.insert(t, key, c.runs)
		}
	}
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
func (c *cache) clear() { c.clearTiers(0, len(c.tiers)) }

// clearTiers empties the tiers from one up to another, counted from 0, without that.
func (c *cache) clearTiers(from, to int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for t := from; t < min(to, len(c.tiers)); t++ {
		if t == 0 {
			c.reset++
			c.dead += c.tiers[t].clear(c.dead)
		} else {
			c.tiers[t].clear(0)
		}
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

// blocksIn gives how many blocks a tier holds.
func (c *cache) blocksIn(t int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tiers[t].table.n
}
