package simulator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

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
		if at := c.find(l.keys[0]); at.node != 0 {
			t.Fatalf("%s: found in tier %d after a reset", placement, at.tier)
		}
		if _, used := c.usage(); used != 0.5 {
			t.Fatalf("%s: running request holds %v of tier 1, want half", placement, used)
		}
		c.commit(l, 12345)
		if c.find(12345).node != 0 {
			t.Fatalf("%s: a request from before the reset still fills the cache", placement)
		}
		c.release(l)
		if c.held+c.private+c.dead+c.tiers[0].table.n != 0 {
			t.Fatalf("%s: held %d, private %d, dead %d, nodes %d", placement, c.held, c.private, c.dead, c.tiers[0].table.n)
		}
	}
}
