package simulator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// naive is the cache written without any cleverness: keys are the tokens themselves,
// tiers are slices, and everything is searched from one end to the other.
type naive struct {
	block     int
	exclusive bool
	capacity  []int
	tiers     [][]string     // blocks that may be evicted, oldest first
	held      map[string]int // blocks of tier 1 in use, and by how many
	lost      int            // held blocks that a reset dropped
	private   int
	resets    int
}

// naiveLease is a request in the naive cache.
type naiveLease struct {
	mine    []string
	dropped map[string]bool // of mine, by a reset
	private int
	reset   int
}

func (c *naive) where(key string) int {
	if c.held[key] > 0 {
		return 0
	}
	for t := range c.tiers {
		if slices.Contains(c.tiers[t], key) {
			return t
		}
	}
	return -1
}

func (c *naive) remove(t int, key string) {
	if i := slices.Index(c.tiers[t], key); i >= 0 {
		c.tiers[t] = slices.Delete(c.tiers[t], i, i+1)
	}
}

func (c *naive) used(t int) int {
	n := len(c.tiers[t])
	if t == 0 {
		n += len(c.held) + c.private + c.lost
	}
	return n
}

// put adds a block to a tier as its newest, after what must go has gone.
func (c *naive) put(t int, key string) {
	c.shrink(t, 1)
	c.tiers[t] = append(c.tiers[t], key)
}

func (c *naive) shrink(t, n int) {
	for c.used(t)+n > c.capacity[t] {
		out := c.tiers[t][0]
		c.tiers[t] = c.tiers[t][1:]
		if c.exclusive && t+1 < len(c.tiers) {
			c.put(t+1, out)
		}
	}
}

// renew makes lower copies the newest; insert also makes those that are not there.
func (c *naive) renew(key string, insert bool) {
	for t := 1; t < len(c.tiers) && !c.exclusive; t++ {
		if slices.Contains(c.tiers[t], key) {
			c.remove(t, key)
			c.tiers[t] = append(c.tiers[t], key)
		} else if insert {
			c.put(t, key)
		}
	}
}

func (c *naive) admit(prompt []int32, out int) (*naiveLease, []int) {
	by := make([]int, len(c.tiers))
	var found []string
	firsts, idle := 0, 0
	for k := 1; k*c.block < len(prompt); k++ {
		key := fmt.Sprint(prompt[:k*c.block])
		t := c.where(key)
		if t < 0 {
			break
		}
		by[t]++
		if t == 0 {
			firsts++
			if c.held[key] == 0 {
				idle++
			}
		}
		found = append(found, key)
	}
	total := (len(prompt) + out + c.block - 1) / c.block
	if total-firsts > c.capacity[0]-c.private-len(c.held)-c.lost-idle {
		return nil, nil
	}
	l := &naiveLease{mine: found, private: total - len(found), dropped: map[string]bool{}, reset: c.resets}
	var promoted []string
	for _, key := range found {
		t := c.where(key)
		if t > 0 {
			promoted = append(promoted, key)
			if c.exclusive {
				c.remove(t, key)
			}
		} else {
			c.remove(0, key)
			c.held[key]++
		}
		c.renew(key, false)
	}
	c.shrink(0, len(promoted)+l.private)
	for _, key := range promoted {
		c.held[key]++
	}
	c.private += l.private
	return l, by
}

func (c *naive) commit(l *naiveLease, key string) {
	if l.reset != c.resets {
		return
	}
	l.private--
	c.private--
	for t := range c.tiers {
		if t == 0 || c.exclusive {
			c.remove(t, key)
		}
	}
	c.held[key]++
	l.mine = append(l.mine, key)
	c.renew(key, true)
}

func (c *naive) release(l *naiveLease) {
	c.private -= l.private
	for _, key := range slices.Backward(l.mine) {
		if l.dropped[key] {
			continue
		}
		if c.held[key]--; c.held[key] == 0 {
			delete(c.held, key)
			c.tiers[0] = append(c.tiers[0], key)
			c.renew(key, false)
		}
	}
}

// pair is one request in both caches.
type pair struct {
	prompt, output []int32
	lease          *lease
	naive          *naiveLease
	chain          chain
}

func TestCacheAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		block := rapid.IntRange(1, 4).Draw(t, "block")
		placement := rapid.SampledFrom([]string{Exclusive, WriteThrough}).Draw(t, "placement")
		p := defaults()
		p.Block, p.Placement = block, placement
		n := &naive{block: block, exclusive: placement == Exclusive, held: map[string]int{}}
		for i := range rapid.IntRange(1, 3).Draw(t, "tiers") {
			blocks := rapid.IntRange(3, 12).Draw(t, "capacity")
			p.Tiers = append(p.Tiers, Tier{Name: fmt.Sprint(i), Capacity: int64(blocks * block)})
			n.capacity, n.tiers = append(n.capacity, blocks), append(n.tiers, nil)
		}
		c := newCache(p)
		var open []*pair
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch what := rapid.IntRange(0, 9).Draw(t, "what"); {
			case what < 5 || len(open) == 0:
				if r := startBoth(t, c, n, p); r != nil {
					open = append(open, r)
				}
			case what < 9:
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				endBoth(c, n, open[i], what != 8)
				open = slices.Delete(open, i, i+1)
			default:
				if len(open) > 0 {
					continue // resets of running requests have a test of their own
				}
				c.clear()
				n.resets++
				for i := range n.tiers {
					n.tiers[i] = nil
				}
			}
			sameState(t, c, n)
		}
		for _, r := range open {
			endBoth(c, n, r, true)
		}
		sameState(t, c, n)
		if c.private != 0 || c.held != 0 || c.dead != 0 {
			t.Fatalf("all let go, but private %d, held %d, dead %d", c.private, c.held, c.dead)
		}
	})
}

// startBoth admits one request to both caches and commits its prompt; nil when there is
// no room.
func startBoth(t *rapid.T, c *cache, n *naive, p Profile) *pair {
	r := &pair{prompt: rapid.SliceOfN(rapid.Int32Range(3, 4), 1, 5*p.Block).Draw(t, "prompt")}
	out := rapid.IntRange(1, 2*p.Block).Draw(t, "out")
	r.chain = chain{hash: rootOf(""), block: p.Block}
	keys := r.chain.prompt(r.prompt)
	for k := range out {
		r.output = append(r.output, outputToken(r.chain.hash, k, 16))
	}
	r.lease = c.newLease(keys, len(r.prompt), out)
	if !c.fits(r.lease) {
		return nil
	}
	c.mu.Lock()
	granted := c.admit(r.lease)
	c.mu.Unlock()
	var by []int
	r.naive, by = n.admit(r.prompt, out)
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
	c.commit(r.lease, keys[reused:]...)
	for k := reused + 1; k*p.Block <= len(r.prompt); k++ {
		n.commit(r.naive, fmt.Sprint(r.prompt[:k*p.Block]))
	}
	return r
}

// endBoth lets a request go, after its output when it has one.
func endBoth(c *cache, n *naive, r *pair, output bool) {
	all := r.prompt
	for _, id := range r.output {
		if !output {
			break
		}
		all = append(all, id)
		if r.chain.next(id) {
			c.commit(r.lease, r.chain.hash)
			n.commit(r.naive, fmt.Sprint(all))
		}
	}
	c.release(r.lease)
	n.release(r.naive)
}

func sameState(t *rapid.T, c *cache, n *naive) {
	for i := range c.tiers {
		free := c.tiers[i].old.n
		if free != len(n.tiers[i]) {
			t.Fatalf("tier %d: %d blocks may be evicted, naive %d", i, free, len(n.tiers[i]))
		}
		if got := len(c.tiers[i].nodes); i > 0 && got != free {
			t.Fatalf("tier %d: %d nodes, %d in the list", i, got, free)
		}
		if n.used(i) > n.capacity[i] {
			t.Fatalf("tier %d holds %d of %d", i, n.used(i), n.capacity[i])
		}
	}
	if c.held != len(n.held) || c.private != n.private || len(c.tiers[0].nodes) != c.held+c.tiers[0].old.n {
		t.Fatalf("held %d, naive %d; private %d, naive %d; nodes %d", c.held, len(n.held), c.private, n.private, len(c.tiers[0].nodes))
	}
	seen := map[uint64]bool{}
	for i := range c.tiers {
		for key := range c.tiers[i].nodes {
			if seen[key] && c.exclusive {
				t.Fatal("a block is in two exclusive tiers")
			}
			seen[key] = true
		}
	}
}

// cliff is one server: what a cyclic access finds in it.
type cliff struct {
	placement string
	hitRate   int // percent
	outShare  int // output as percent of the prompt
	block     int
	prompts   []int // capacities of the tiers in prompts with their output
}

const cliffPrompt = 1024

// lastPass sends prompts cyclically, one at a time, three times, and gives the tokens
// found by tier in the last pass.
func (k cliff) lastPass(t *testing.T, prompts int) []int {
	t.Helper()
	p := defaults()
	p.Block, p.Placement = k.block, k.placement
	out := cliffPrompt * k.outShare / 100
	for i, n := range k.prompts {
		p.Tiers = append(p.Tiers, Tier{Name: fmt.Sprint(i), Capacity: int64(n * (cliffPrompt + out))})
	}
	c := newCache(p)
	prefix := cliffPrompt * k.hitRate / 100 / k.block * k.block
	found := make([]int, len(k.prompts))
	unique := int32(1 << 20)
	for pass := range 3 {
		for i := range prompts {
			ids := make([]int32, cliffPrompt)
			for j := range ids {
				ids[j] = int32(i*cliffPrompt + j)
				if j >= prefix {
					unique++
					ids[j] = unique
				}
			}
			l := runOne(t, c, ids, max(out, 1))
			for tier, n := range l.byTier {
				if pass == 2 {
					found[tier] += n * k.block
				}
			}
		}
	}
	return found
}

// runOne sends one request through the cache from beginning to end.
func runOne(t *testing.T, c *cache, ids []int32, out int) *lease {
	t.Helper()
	ch := chain{hash: rootOf(""), block: c.block}
	keys := ch.prompt(ids)
	l := c.newLease(keys, len(ids), out)
	if waited, err := c.acquire(context.Background(), l); err != nil || waited {
		t.Fatalf("a lone request waited (%v) or failed (%v)", waited, err)
	}
	c.commit(l, keys[len(l.nodes):]...)
	prompt := ch.hash
	for i := range out {
		if ch.next(outputToken(prompt, i, 32000)) {
			c.commit(l, ch.hash)
		}
	}
	c.release(l)
	return l
}

// TestCliffs: under LRU the edge is where prompts x (prompt + output) exceeds the
// capacity, at every hit rate alike: all hits at it, none one prompt above it.
func TestCliffs(t *testing.T) {
	for _, placement := range []string{Exclusive, WriteThrough} {
		for _, hit := range []int{100, 90, 50, 25} {
			for _, out := range []int{0, 25} {
				for _, block := range []int{16, 64} {
					k := cliff{placement, hit, out, block, []int{20, 40}}
					t.Run(fmt.Sprintf("%s/%d/out%d/block%d", placement, hit, out, block), func(t *testing.T) { checkCliff(t, k) })
				}
			}
		}
	}
}

func checkCliff(t *testing.T, k cliff) {
	prefix := cliffPrompt * k.hitRate / 100
	reusable := min(prefix, cliffPrompt-1) / k.block * k.block
	first, second := 20, 60
	if k.placement == WriteThrough {
		second = 40
	}
	for _, c := range []struct{ prompts, tier int }{{first - 1, 0}, {first, 0}, {first + 1, 1}, {second, 1}, {second + 1, -1}} {
		found := k.lastPass(t, c.prompts)
		want := []int{0, 0}
		if c.tier >= 0 {
			want[c.tier] = c.prompts * reusable
		}
		if !slices.Equal(found, want) {
			t.Errorf("%d prompts: found %v tokens by tier, want %v", c.prompts, found, want)
		}
	}
}

// TestCliffMovesWithOutput: with room for 50 prompts, outputs of a quarter of the
// prompt move the edge to 40.
func TestCliffMovesWithOutput(t *testing.T) {
	p := defaults()
	p.Tiers = []Tier{{Name: "hbm", Capacity: 50 * cliffPrompt}}
	for _, c := range []struct {
		prompts, out int
		hit          bool
	}{{50, 1, true}, {51, 1, false}, {40, cliffPrompt / 4, true}, {41, cliffPrompt / 4, false}} {
		cache := newCache(p)
		found := 0
		for pass := range 2 {
			for i := range c.prompts {
				ids := make([]int32, cliffPrompt)
				for j := range ids {
					ids[j] = int32(i*cliffPrompt + j)
				}
				if l := runOne(t, cache, ids, c.out); pass == 1 {
					found += l.byTier[0]
				}
			}
		}
		want := 0
		if c.hit {
			want = c.prompts * (cliffPrompt/16 - 1)
		}
		if found != want {
			t.Errorf("%d prompts with %d tokens of output: %d blocks found, want %d", c.prompts, c.out, found, want)
		}
	}
}

// TestLastBlock: a repeat of n tokens finds floor((n-1)/block)*block, as vLLM was seen
// to answer at block 32.
func TestLastBlock(t *testing.T) {
	p := defaults()
	p.Block, p.Tiers = 32, []Tier{{Name: "hbm", Capacity: 4096}}
	for n, want := range map[int]int{1: 0, 31: 0, 32: 0, 33: 32, 64: 32, 128: 96, 129: 128, 1000: 992, 1024: 992, 1025: 1024} {
		c := newCache(p)
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = int32(i)
		}
		if got := runOne(t, c, ids, 1).byTier[0]; got != 0 {
			t.Errorf("%d tokens: %d blocks found in an empty cache", n, got)
		}
		if got := runOne(t, c, ids, 1).byTier[0] * 32; got != want {
			t.Errorf("%d tokens repeated: %d found, want %d", n, got, want)
		}
	}
}

// leaseOf makes a lease of n tokens that no other request shares.
func leaseOf(c *cache, first int32, n, out int) *lease {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = first + int32(i)
	}
	ch := chain{hash: rootOf(""), block: c.block}
	return c.newLease(ch.prompt(ids), n, out)
}

func TestWaitsForRoomInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := defaults()
		p.Tiers = []Tier{{Name: "hbm", Capacity: 160}}
		c := newCache(p)
		big := leaseOf(c, 0, 100, 28) // 8 of 10 blocks
		if waited, err := c.acquire(t.Context(), big); waited || err != nil {
			t.Fatal(waited, err)
		}
		var mu sync.Mutex
		var order []string
		start := func(name string, ctx context.Context, l *lease) {
			go func() {
				if _, err := c.acquire(ctx, l); err != nil {
					name += " gone"
				}
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
			}()
			synctest.Wait()
		}
		ctx, cancel := context.WithCancel(t.Context())
		second := leaseOf(c, 1000, 100, 28)
		start("second", ctx, second)
		start("small", t.Context(), leaseOf(c, 2000, 10, 6)) // would fit, but waits behind the second
		if len(order) != 0 {
			t.Fatalf("admitted too early: %v", order)
		}
		if n, used := c.usage(); n != 2 || used != 0.8 {
			t.Fatalf("waiting %d, used %v", n, used)
		}
		cancel()
		synctest.Wait()
		if got := strings.Join(order, ","); got != "second gone,small" && got != "small,second gone" {
			t.Fatal(got)
		}
		c.release(big)
		if c.held != 0 || c.private != 1 || len(c.waiting) != 0 {
			t.Fatalf("held %d, private %d, waiting %d", c.held, c.private, len(c.waiting))
		}
	})
}

func TestResetWhileRunning(t *testing.T) {
	for _, placement := range []string{Exclusive, WriteThrough} {
		p := defaults()
		p.Placement = placement
		p.Tiers = []Tier{{Name: "hbm", Capacity: 160}, {Name: "dram", Capacity: 320}}
		c := newCache(p)
		l := leaseOf(c, 0, 64, 16)
		if _, err := c.acquire(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		c.commit(l, l.keys...)
		c.clear()
		if tier, _ := c.find(l.keys[0]); tier >= 0 {
			t.Fatalf("%s: found in tier %d after a reset", placement, tier)
		}
		if _, used := c.usage(); used != 0.5 {
			t.Fatalf("%s: running request holds %v of tier 1, want half", placement, used)
		}
		c.commit(l, 12345)
		if tier, _ := c.find(12345); tier >= 0 {
			t.Fatalf("%s: a request from before the reset still fills the cache", placement)
		}
		c.release(l)
		if c.held+c.private+c.dead+len(c.tiers[0].nodes) != 0 {
			t.Fatalf("%s: held %d, private %d, dead %d, nodes %d", placement, c.held, c.private, c.dead, len(c.tiers[0].nodes))
		}
	}
}
