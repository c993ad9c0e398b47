package simulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// naive is the cache written without any cleverness: keys are the tokens themselves,
// queues are slices, and everything is searched from one end to the other.
type naive struct {
	p       Profile
	tiers   []naiveTier
	held    map[string]*naiveBlock // blocks of tier 1 in use
	used    map[string]bool        // blocks of tier 1 that were asked for again
	written map[string]bool        // blocks of tier 1 that went to the lower tiers
	lost    int                    // held blocks that a reset dropped
	private int
	resets  int
	runs    int
}

type naiveTier struct {
	capacity int
	queue    []string // blocks that may be evicted, oldest first; fifo: held ones too
	bag      []string // the same in the order in which random eviction numbers them
	run      map[string]int
	going    string // the block that goes next of the run that is being freed
	rng      *rand.Rand
}

type naiveBlock struct {
	key  string
	ref  int
	dead bool
}

// naiveLease is a request in the naive cache.
type naiveLease struct {
	mine    []*naiveBlock
	private int
	reset   int
}

func newNaive(p Profile) *naive {
	c := &naive{p: p}
	for i, t := range p.Tiers {
		c.tiers = append(c.tiers, naiveTier{capacity: int(t.Capacity) / p.Block, rng: rand.New(rand.NewPCG(uint64(p.Seed), uint64(i)))})
	}
	c.clear()
	c.resets = 0
	return c
}

func (c *naive) clear() {
	c.resets++
	for _, b := range c.held {
		b.dead = true
		c.lost++
	}
	c.held, c.used, c.written = map[string]*naiveBlock{}, map[string]bool{}, map[string]bool{}
	for t := range c.tiers {
		n := &c.tiers[t]
		n.queue, n.bag, n.run, n.going = nil, nil, map[string]int{}, ""
	}
}

func (c *naive) where(key string) int {
	if c.held[key] != nil {
		return 0
	}
	return slices.IndexFunc(c.tiers, func(n naiveTier) bool { return slices.Contains(n.queue, key) })
}

// after gives the block behind key in the queue when both are of one run.
func (n *naiveTier) after(key string) string {
	if i := slices.Index(n.queue, key) + 1; i < len(n.queue) && n.run[n.queue[i]] == n.run[key] {
		return n.queue[i]
	}
	return ""
}

func (n *naiveTier) remove(key string) {
	if n.going == key {
		n.going = n.after(key)
	}
	i := slices.Index(n.queue, key)
	n.queue = slices.Delete(n.queue, i, i+1)
	last := len(n.bag) - 1
	n.bag[slices.Index(n.bag, key)] = n.bag[last]
	n.bag = n.bag[:last]
}

func (n *naiveTier) push(key string, run int) {
	n.queue, n.bag = append(n.queue, key), append(n.bag, key)
	n.run[key] = run
}

// hit is what a use does to a block in the queue.
func (c *naive) hit(t int, key string, run int) {
	n := &c.tiers[t]
	if c.p.Eviction == FIFO {
		return
	}
	if n.going == key {
		n.going = n.after(key)
	}
	i := slices.Index(n.queue, key)
	n.queue = append(slices.Delete(n.queue, i, i+1), key)
	n.run[key] = run
}

func (c *naive) size(t int) int {
	n := len(c.tiers[t].queue)
	if t == 0 {
		n += c.private + c.lost
		for key := range c.held {
			if !slices.Contains(c.tiers[0].queue, key) {
				n++
			}
		}
	}
	return n
}

func (c *naive) victim(t int) string {
	n := &c.tiers[t]
	if c.p.Eviction != Random {
		return n.queue[slices.IndexFunc(n.queue, func(key string) bool { return t > 0 || c.held[key] == nil })]
	}
	if n.going == "" {
		n.going = n.bag[n.rng.IntN(len(n.bag))]
		for i := slices.Index(n.queue, n.going); i > 0 && n.run[n.queue[i-1]] == n.run[n.going]; i-- {
			n.going = n.queue[i-1]
		}
	}
	return n.going
}

func (c *naive) shrink(t, more int) {
	for n := &c.tiers[t]; c.size(t)+more > n.capacity; {
		out := c.victim(t)
		run := n.run[out]
		n.remove(out)
		if c.p.Placement == Exclusive && t+1 < len(c.tiers) && (t > 0 || c.p.Admit == First || c.used[out]) {
			c.put(t+1, out, run)
		}
		if t == 0 {
			delete(c.used, out)
			delete(c.written, out)
		}
	}
}

func (c *naive) put(t int, key string, run int) {
	c.shrink(t, 1)
	c.tiers[t].push(key, run)
}

func (c *naive) admit(prompt []int32, out int) (*naiveLease, []int) {
	by := make([]int, len(c.tiers))
	var found []string
	firsts, idle := 0, 0
	for k := 1; k*c.p.Block < len(prompt); k++ {
		key := fmt.Sprint(prompt[:k*c.p.Block])
		t := c.where(key)
		if t < 0 {
			break
		}
		by[t]++
		if t == 0 {
			firsts++
			if c.held[key] == nil {
				idle++
			}
		}
		found = append(found, key)
	}
	total := (len(prompt) + out + c.p.Block - 1) / c.p.Block
	if total-firsts > c.tiers[0].capacity-c.private-len(c.held)-c.lost-idle {
		return nil, nil
	}
	l := &naiveLease{mine: make([]*naiveBlock, len(found)), private: total - len(found), reset: c.resets}
	for i, key := range found {
		if t := c.where(key); t == 0 {
			l.mine[i] = c.hold(key)
			total--
		} else if c.p.Placement == Exclusive {
			c.tiers[t].remove(key)
		}
		for t := 1; t < len(c.tiers) && c.p.Eviction == LRU; t++ {
			if slices.Contains(c.tiers[t].queue, key) {
				c.hit(t, key, 0)
			}
		}
	}
	c.shrink(0, total)
	for i, key := range found {
		c.used[key] = true
		if l.mine[i] == nil {
			l.mine[i], c.written[key] = c.hold(key), true
		}
	}
	c.private += l.private
	return l, by
}

// hold takes hold of a block of tier 1, or of one that comes into it.
func (c *naive) hold(key string) *naiveBlock {
	b := c.held[key]
	if b == nil {
		b = &naiveBlock{key: key}
		c.held[key] = b
		if c.p.Eviction != FIFO && slices.Contains(c.tiers[0].queue, key) {
			c.tiers[0].remove(key)
		}
	}
	b.ref++
	return b
}

func (c *naive) commit(l *naiveLease, key string) {
	if l.reset != c.resets {
		return
	}
	l.private--
	c.private--
	t := c.where(key)
	if t > 0 && c.p.Placement == Exclusive {
		c.tiers[t].remove(key)
	}
	if t >= 0 {
		c.used[key] = true
	}
	l.mine = append(l.mine, c.hold(key))
}

func (c *naive) release(l *naiveLease) {
	c.private -= l.private
	c.runs++
	if c.p.Frees == Tails {
		slices.Reverse(l.mine)
	}
	for _, b := range l.mine {
		if b.ref--; b.ref > 0 {
			continue
		}
		if b.dead {
			c.lost--
			continue
		}
		delete(c.held, b.key)
		if !slices.Contains(c.tiers[0].queue, b.key) {
			c.tiers[0].push(b.key, c.runs)
		}
		if c.p.Placement == WriteThrough {
			c.copyDown(b.key)
		}
	}
}

// copyDown renews a block's copies, and makes them all when that is due.
func (c *naive) copyDown(key string) {
	first := !c.written[key] && (c.used[key] || c.p.Admit == First)
	for t := 1; t < len(c.tiers); t++ {
		if slices.Contains(c.tiers[t].queue, key) {
			c.hit(t, key, c.runs)
		} else if first {
			c.put(t, key, c.runs)
		}
	}
	c.written[key] = c.written[key] || first
}

// pair is one request in both caches.
type pair struct {
	prompt, output []int32
	lease          *lease
	naive          *naiveLease
	chain          chain
}

// twin is the cache and the naive one beside it.
type twin struct {
	p     Profile
	c     *cache
	n     *naive
	names map[uint64]string // the naive name of a key
}

// TestCacheAgainstNaive: random requests, several at a time, find the same tokens in the
// same tiers and leave the same blocks in the same order, under every policy.
func TestCacheAgainstNaive(t *testing.T) {
	for _, placement := range []string{Exclusive, WriteThrough} {
		for _, eviction := range []string{LRU, FIFO, Random} {
			t.Run(placement+"/"+eviction, func(t *testing.T) {
				p := defaults()
				p.Placement, p.Eviction = placement, eviction
				rapid.Check(t, func(t *rapid.T) {
					p.Admit = rapid.SampledFrom([]string{First, Second}).Draw(t, "admit")
					p.Frees = rapid.SampledFrom([]string{Tails, Heads}).Draw(t, "frees")
					againstNaive(t, p)
				})
			})
		}
	}
}

func againstNaive(t *rapid.T, p Profile) {
	p.Block = rapid.IntRange(1, 4).Draw(t, "block")
	p.Seed = rapid.Int64().Draw(t, "seed")
	p.Tiers = nil
	for i := range rapid.IntRange(1, 3).Draw(t, "tiers") {
		blocks := rapid.IntRange(3, 12).Draw(t, "capacity")
		p.Tiers = append(p.Tiers, Tier{Name: fmt.Sprint(i), Capacity: int64(blocks * p.Block)})
	}
	w := &twin{p, newCache(p), newNaive(p), map[uint64]string{}}
	var open []*pair
	for range rapid.IntRange(1, 40).Draw(t, "steps") {
		switch what := rapid.IntRange(0, 19).Draw(t, "what"); {
		case what == 0:
			w.c.clear()
			w.n.clear()
		case what < 11 || len(open) == 0:
			if r := w.start(t); r != nil {
				open = append(open, r)
			}
		default:
			i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
			w.end(open[i], what != 11)
			open = slices.Delete(open, i, i+1)
		}
		w.same(t)
	}
	for _, r := range open {
		w.end(r, true)
	}
	w.same(t)
	if w.c.private != 0 || w.c.held != 0 || w.c.dead != 0 {
		t.Fatalf("all let go, but private %d, held %d, dead %d", w.c.private, w.c.held, w.c.dead)
	}
}

// start admits one request to both caches and commits its prompt; nil when there is no
// room.
func (w *twin) start(t *rapid.T) *pair {
	r := &pair{prompt: rapid.SliceOfN(rapid.Int32Range(3, 4), 1, 5*w.p.Block).Draw(t, "prompt")}
	out := rapid.IntRange(1, 2*w.p.Block).Draw(t, "out")
	r.chain = chain{hash: rootOf(""), block: w.p.Block}
	keys := r.chain.prompt(r.prompt)
	for i, key := range keys {
		w.names[key] = fmt.Sprint(r.prompt[:(i+1)*w.p.Block])
	}
	for k := range out {
		r.output = append(r.output, outputToken(r.chain.hash, k, 16))
	}
	r.lease = w.c.newLease(keys, len(r.prompt), out)
	if !w.c.fits(r.lease) {
		return nil
	}
	w.c.mu.Lock()
	granted := w.c.admit(r.lease)
	w.c.mu.Unlock()
	var by []int
	r.naive, by = w.n.admit(r.prompt, out)
	if granted != (r.naive != nil) {
		t.Fatalf("admitted %v, naive %v", granted, r.naive != nil)
	}
	if !granted {
		return nil
	}
	if !slices.Equal(by, r.lease.byTier) {
		t.Fatalf("found by tier %v, naive %v", r.lease.byTier, by)
	}
	reused := len(r.lease.nodes)
	w.c.commit(r.lease, keys[reused:]...)
	for _, key := range keys[reused:] {
		w.n.commit(r.naive, w.names[key])
	}
	return r
}

// end lets a request go, after its output when it has one.
func (w *twin) end(r *pair, output bool) {
	all := r.prompt
	for _, id := range r.output {
		if !output {
			break
		}
		all = append(all, id)
		if r.chain.next(id) {
			w.names[r.chain.hash] = fmt.Sprint(all)
			w.c.commit(r.lease, r.chain.hash)
			w.n.commit(r.naive, w.names[r.chain.hash])
		}
	}
	w.c.release(r.lease)
	w.n.release(r.naive)
}

// same holds the whole state of both against each other.
func (w *twin) same(t *rapid.T) {
	if w.c.held-w.c.dead != len(w.n.held) || w.c.dead != w.n.lost || w.c.private != w.n.private {
		t.Fatalf("held %d, naive %d; dead %d, naive %d; private %d, naive %d", w.c.held-w.c.dead, len(w.n.held), w.c.dead, w.n.lost, w.c.private, w.n.private)
	}
	for i := range w.c.tiers {
		l, n := &w.c.tiers[i], &w.n.tiers[i]
		var queue []string
		for at := l.node(0).next; at != 0; at = l.node(at).next {
			nd := l.node(at)
			queue = append(queue, w.names[nd.key])
			if l.find(nd.key) != at || !nd.queued || l.node(nd.next).prev != at {
				t.Fatalf("tier %d: block %s is not found where it stands, or badly linked", i, w.names[nd.key])
			}
		}
		if !slices.Equal(queue, n.queue) {
			t.Fatalf("tier %d holds %v, naive %v", i, queue, n.queue)
		}
		size := l.table.n
		if i == 0 {
			size += w.c.private + w.c.dead
		}
		if size != w.n.size(i) || size > l.capacity {
			t.Fatalf("tier %d: %d blocks of %d, naive %d", i, size, l.capacity, w.n.size(i))
		}
	}
}
