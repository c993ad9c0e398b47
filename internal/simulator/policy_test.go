package simulator

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
)

// deck is a client that sends prompts to a cache one at a time and knows their order:
// depth 1 is the prompt sent last.
type deck struct {
	t     *testing.T
	c     *cache
	order []int // prompts, the last one sent at the end
}

// deckPrompt is the tokens of a prompt with its one token of output: 16 blocks, of
// which the last is computed each time.
const deckPrompt = 256

// newDeck makes a cache with room for so many prompts in each tier.
func newDeck(t *testing.T, p Profile, prompts ...int) *deck {
	p.Tiers = nil
	for i, n := range prompts {
		p.Tiers = append(p.Tiers, Tier{Name: fmt.Sprint(i), Capacity: int64(n * deckPrompt)})
	}
	return &deck{t: t, c: newCache(p)}
}

func policy(placement, eviction, admit, frees string) Profile {
	p := defaults()
	p.Placement, p.Eviction, p.Admit, p.Frees = placement, eviction, admit, frees
	return p
}

// send asks for a prompt, old or new, and gives the blocks found by tier.
func (d *deck) send(prompt int) []int {
	if i := slices.Index(d.order, prompt); i >= 0 {
		d.order = slices.Delete(d.order, i, i+1)
	}
	d.order = append(d.order, prompt)
	return runOne(d.t, d.c, deckIDs(prompt), 1).byTier
}

func deckIDs(prompt int) []int32 {
	ids := make([]int32, deckPrompt-1)
	for j := range ids {
		ids[j] = int32(prompt*deckPrompt + j)
	}
	return ids
}

// fill sends n new prompts, each so many times in a row.
func (d *deck) fill(n, times int) {
	for range n {
		prompt := len(d.order)
		for range times {
			d.send(prompt)
		}
	}
}

// look asks for the prompt at a depth.
func (d *deck) look(depth int) []int { return d.send(d.order[len(d.order)-depth]) }

// full is what a whole hit finds: all blocks but the last.
const full = deckPrompt/16 - 1

// TestEdges: where each tier ends, to the prompt, seen by looks at both sides of each
// edge from one warm-up.
func TestEdges(t *testing.T) {
	for _, k := range []struct {
		placement, eviction, admit, frees string
		times                             int   // each prompt was sent so often
		edges                             []int // depth up to which each tier is found
	}{
		{Exclusive, LRU, First, Tails, 1, []int{20, 80, 90}},
		{Exclusive, LRU, First, Heads, 1, []int{20, 80, 90}},
		{WriteThrough, LRU, First, Tails, 1, []int{20, 60, 60}},
		{WriteThrough, LRU, First, Heads, 1, []int{20, 60, 60}},
		{Exclusive, FIFO, First, Tails, 1, []int{20, 80, 90}},
		{WriteThrough, FIFO, First, Tails, 1, []int{20, 60, 60}},
		{Exclusive, LRU, Second, Tails, 1, []int{20, 20, 20}},
		{Exclusive, LRU, Second, Tails, 2, []int{20, 80, 90}},
		{WriteThrough, LRU, Second, Tails, 1, []int{20, 20, 20}},
		{WriteThrough, LRU, Second, Tails, 2, []int{20, 60, 60}},
		{WriteThrough, FIFO, Second, Tails, 2, []int{20, 60, 60}},
	} {
		p := policy(k.placement, k.eviction, k.admit, k.frees)
		for tier, edge := range k.edges {
			for depth := edge; depth <= edge+1; depth++ {
				d := newDeck(t, p, 20, 60, 10)
				d.fill(100, k.times)
				want := make([]int, 3)
				if next := slices.IndexFunc(k.edges, func(e int) bool { return depth <= e }); next >= 0 {
					want[next] = full
				}
				if got := d.look(depth); !slices.Equal(got, want) {
					t.Errorf("%+v: tier %d, depth %d: found %v, want %v", k, tier, depth, got, want)
				}
			}
		}
	}
}

// TestLooksDoNotMoveTheEdge: under LRU a look leaves the order of all others, so that
// any number of them sees the same edges.
func TestLooksDoNotMoveTheEdge(t *testing.T) {
	for placement, second := range map[string]int{Exclusive: 80, WriteThrough: 60} {
		d := newDeck(t, policy(placement, LRU, First, Tails), 20, 60)
		d.fill(100, 1)
		for range 3 {
			for depth, want := range map[int][]int{1: {full, 0}, 20: {full, 0}, 21: {0, full}, second: {0, full}, second + 1: {0, 0}, 100: {0, 0}} {
				if got := d.look(depth); !slices.Equal(got, want) {
					t.Fatalf("%s: depth %d: found %v, want %v", placement, depth, got, want)
				}
			}
		}
	}
}

// life sends one prompt, then asks for it again after each new one, and gives the new
// ones after which it was found in each tier for the last time in a row.
func life(t *testing.T, p Profile, tiers ...int) []int {
	d := newDeck(t, p, tiers...)
	d.fill(1, 1)
	last := make([]int, len(tiers))
	for sent := 1; sent <= 150; sent++ {
		d.fill(1, 1)
		got := d.send(0)
		if !slices.Contains(got, full) {
			break
		}
		last[slices.Index(got, full)] = sent
	}
	return last
}

// TestRenewedOnUse: under LRU a prompt that is used often stays for ever; under FIFO it
// leaves tier 1 after as many insertions as that holds, and a lower tier that keeps a
// copy after as many as that does.
func TestRenewedOnUse(t *testing.T) {
	for _, k := range []struct {
		placement, eviction string
		tiers, last         []int
	}{
		{Exclusive, LRU, []int{20}, []int{150}},
		{Exclusive, FIFO, []int{20}, []int{19}},
		{WriteThrough, LRU, []int{20, 60}, []int{150, 0}},
		{WriteThrough, FIFO, []int{20, 60}, []int{59, 40}},
		{Exclusive, FIFO, []int{20, 60}, []int{150, 140}},
	} {
		if got := life(t, policy(k.placement, k.eviction, First, Tails), k.tiers...); !slices.Equal(got, k.last) {
			t.Errorf("%+v: last found after %v new prompts", k, got)
		}
	}
}

// TestRandomHasNoEdge: under random eviction the share of hits falls by depth as
// (1 - 1/n)^(d-1), n being the prompts that fit: a prompt lives through each further
// insertion with the same chance, and its age does not matter.
func TestRandomHasNoEdge(t *testing.T) {
	const fits, seeds = 20, 150
	found := map[int]float64{5: 0, 10: 0, 20: 0, 40: 0, 60: 0}
	for seed := range seeds {
		p := policy(Exclusive, Random, First, Tails)
		p.Seed = int64(seed)
		d := newDeck(t, p, fits)
		d.fill(80, 1)
		for depth := range found {
			head, _ := d.kept(d.order[len(d.order)-depth])
			found[depth] += float64(head) / full / seeds
		}
	}
	for depth, share := range found {
		want := math.Pow(1-1./fits, float64(depth-1))
		if slack := 3 * math.Sqrt(want*(1-want)/seeds); math.Abs(share-want) > slack+0.02 {
			t.Errorf("depth %d: share %.3f, want %.3f +- %.3f", depth, share, want, slack)
		}
	}
}

// kept gives how many blocks of a prompt are found from its beginning on, and how many
// there are in all.
func (d *deck) kept(prompt int) (head, all int) {
	ch := chain{hash: rootOf(""), block: d.c.block}
	for i, key := range ch.prompt(deckIDs(prompt)) {
		if d.c.find(key).node != 0 {
			if all++; head == i {
				head++
			}
		}
	}
	return head, all
}

// TestRandomFreesPromptByPrompt: random eviction goes on with the prompt that it began,
// from the end that the profile frees first, so that at most two of twenty are cut.
func TestRandomFreesPromptByPrompt(t *testing.T) {
	for _, frees := range []string{Tails, Heads} {
		p := policy(Exclusive, Random, First, frees)
		p.Tiers = []Tier{{Name: "hbm", Capacity: 20*deckPrompt + 5*16}}
		d := &deck{t: t, c: newCache(p)}
		cuts := 0
		for range 200 {
			d.fill(1, 1)
			whole, cut := 0, 0
			for prompt := range d.order {
				switch head, all := d.kept(prompt); {
				case head == full:
					whole++
				case all > 0:
					cut++
					if frees == Tails && head != all || frees == Heads && head != 0 {
						t.Fatalf("%s first: %d blocks of a prompt kept, %d from its beginning on", frees, all, head)
					}
				}
			}
			if len(d.order) > 20 && (whole < 18 || cut > 2) {
				t.Fatalf("%s first: %d whole prompts, %d cut", frees, whole, cut)
			}
			cuts += cut
		}
		if cuts == 0 {
			t.Errorf("%s first: no prompt was ever cut", frees)
		}
	}
}

// TestFrees: with room for half of the oldest prompt, tails first leaves a head that
// hits; heads first leaves a tail that nothing finds, and the room is taken all the same.
func TestFrees(t *testing.T) {
	for _, placement := range []string{Exclusive, WriteThrough} {
		for _, eviction := range []string{LRU, FIFO} {
			for frees, want := range map[string]int{Tails: 8, Heads: 0} {
				p := policy(placement, eviction, First, frees)
				p.Tiers = []Tier{{Name: "hbm", Capacity: 10*deckPrompt + deckPrompt/2}}
				d := &deck{t: t, c: newCache(p)}
				d.fill(11, 1)
				if n := d.c.tiers[0].table.n; n != 168 {
					t.Errorf("%s/%s/%s: tier 1 holds %d blocks of 168", placement, eviction, frees, n)
				}
				if got := d.look(11)[0]; got != want {
					t.Errorf("%s/%s/%s: %d blocks of the oldest prompt found, want %d", placement, eviction, frees, got, want)
				}
			}
		}
	}
}

// TestSecondUseCountsInTier1: a prompt that was gone when it was asked for again begins
// anew; one that tier 1 still held is kept below from then on.
func TestSecondUseCountsInTier1(t *testing.T) {
	for _, placement := range []string{Exclusive, WriteThrough} {
		d := newDeck(t, policy(placement, LRU, Second, Tails), 20, 60)
		d.fill(30, 1)
		for range 2 {
			if got := d.look(30); !slices.Equal(got, []int{0, 0}) {
				t.Fatalf("%s: found %v after one use", placement, got)
			}
		}
		prompt := d.order[len(d.order)-1] // used twice, but gone in between
		d.fill(25, 1)
		if got := d.send(prompt); !slices.Equal(got, []int{0, 0}) {
			t.Errorf("%s: found %v although it was gone at its second use", placement, got)
		}
		d.send(prompt)
		for range 2 { // used again in tier 1, then twice from tier 2
			d.fill(25, 1)
			if got := d.send(prompt); !slices.Equal(got, []int{0, full}) {
				t.Errorf("%s: found %v after two uses in tier 1", placement, got)
			}
		}
	}
}

// TestWrittenOnce: write-through copies what was computed; a prompt that a lower tier
// lost is not put there again by a hit, only by being computed again.
func TestWrittenOnce(t *testing.T) {
	for _, eviction := range []string{LRU, FIFO} {
		d := newDeck(t, policy(WriteThrough, eviction, First, Tails), 10, 40, 20)
		d.fill(30, 1)
		if got := d.look(30); !slices.Equal(got, []int{0, full, 0}) {
			t.Fatalf("%s: found %v", eviction, got)
		}
		ch := chain{hash: rootOf(""), block: d.c.block}
		if key := ch.prompt(deckIDs(0))[0]; d.c.tiers[0].find(key) == 0 || d.c.tiers[2].find(key) != 0 {
			t.Errorf("%s: a hit in tier 2 must copy to tier 1, and not to tier 3", eviction)
		}
	}
}

// feeder sends prompts of 64 blocks through a cache of three tiers.
type feeder struct {
	c    *cache
	keys []uint64
	sent int
}

// newFeeder makes a cache for so many blocks.
func newFeeder(p Profile, blocks int) *feeder {
	p.Tiers = nil
	for i, share := range []int{1, 3, 16} {
		p.Tiers = append(p.Tiers, Tier{Name: fmt.Sprint(i), Capacity: int64(blocks / 20 * share * p.Block)})
	}
	return &feeder{c: newCache(p), keys: make([]uint64, 64)}
}

// send sends a new prompt.
func (f *feeder) send() {
	for i := range f.keys {
		f.keys[i] = mix(uint64(f.sent*len(f.keys) + i))
	}
	l := f.c.newLease(f.keys, len(f.keys)*f.c.block, 1)
	f.c.admit(l)
	f.c.commit(l, f.keys...)
	f.c.release(l)
	f.sent++
}

// fill sends prompts until every tier is full, and gives the blocks held and the heap
// that they take.
func (f *feeder) fill(blocks int) (held int, heap float64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range blocks*5/4/len(f.keys) + 1 {
		f.send()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	for i := range f.c.tiers {
		held += f.c.tiers[i].table.n
	}
	return held, float64(after.HeapAlloc) - float64(before.HeapAlloc)
}

// TestMemoryOfBlocks: a block takes at most 40 bytes (1.25M blocks, 20M tokens of 16:
// 50 MB), 55 where eviction is random.
func TestMemoryOfBlocks(t *testing.T) {
	for eviction, most := range map[string]float64{LRU: 40, FIFO: 40, Random: 55} {
		held, heap := newFeeder(policy(Exclusive, eviction, First, Tails), 64_000).fill(64_000)
		if each := heap / float64(held); each > most || held < 63_000 {
			t.Errorf("%s: %.1f bytes for each of %d blocks", eviction, each, held)
		}
	}
}

// BenchmarkBlocks20M sends prompts of 1,024 tokens through three full tiers of 20M
// tokens in all (1.25M blocks of 16): time per prompt, and the heap that they take.
func BenchmarkBlocks20M(b *testing.B) {
	for _, eviction := range []string{LRU, FIFO, Random} {
		b.Run(eviction, func(b *testing.B) {
			f := newFeeder(policy(Exclusive, eviction, First, Tails), 1_250_000)
			held, heap := f.fill(1_250_000)
			for b.Loop() {
				f.send()
			}
			b.ReportMetric(heap/1e6, "MB")
			b.ReportMetric(heap/float64(held), "B/block")
		})
	}
}
