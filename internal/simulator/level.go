package simulator

import "math/rand/v2"

// A tier of 20M tokens has 1.25M blocks, so a block is a node of 24 bytes in an arena
// without pointers (nothing for the garbage collector to walk), found by a table of
// 8-byte entries: 35 bytes for each block of a full tier, 48 where eviction is random.

// node is one cached block in one tier.
type node struct {
	key        uint64
	prev, next uint32 // neighbours in the queue; next also chains free nodes
	ref        int32  // requests that hold it; only in tier 1
	queued     bool   // stands in the queue
	used       bool   // was asked for again after it was first computed
	written    bool   // write-through: went to the lower tiers once
	dead       bool   // a reset dropped it while it was held: it frees its room when let go
}

const (
	chunkBits = 12
	chunkSize = 1 << chunkBits
)

// arena holds nodes by number. Number 0 is no node: it is the end of the queue, a ring,
// whose next is the block that stands in it for the longest time.
type arena struct {
	chunks [][]node
	top    uint32 // numbers given so far, 0 included
	free   uint32 // first of the freed nodes, 0 for none
}

func (a *arena) node(i uint32) *node { return &a.chunks[i>>chunkBits][i&(chunkSize-1)] }

// alloc gives an empty node.
func (a *arena) alloc() uint32 {
	i := a.free
	if i != 0 {
		a.free = a.node(i).next
	} else {
		if a.top>>chunkBits == uint32(len(a.chunks)) {
			a.chunks = append(a.chunks, make([]node, chunkSize))
		}
		i = a.top
		a.top++
	}
	*a.node(i) = node{}
	return i
}

// release makes a node's place free for another.
func (a *arena) release(i uint32) {
	a.node(i).next = a.free
	a.free = i
}

// level is one tier of the cache: the blocks it holds and the order in which they go.
// Only tier 1 has held blocks. A held block has left the queue, but for fifo, where it
// keeps its place and is passed over.
type level struct {
	capacity int // blocks
	policy   string
	arena
	table  table
	random *draws // policy Random, else nil
}

// draws is what random eviction keeps of a tier: the blocks that may go in no order,
// and which run each belongs to. Blocks that one request let go of are a run.
type draws struct {
	rng  *rand.Rand
	bag  []uint32 // the blocks in the queue
	at   []uint32 // by node: its place in the bag
	run  []uint32 // by node
	next uint32   // the run that is being freed goes on here; 0: draw another
}

func newLevel(capacity int, policy string, seed int64, tier int) level {
	l := level{capacity: capacity, policy: policy}
	if policy == Random {
		l.random = &draws{rng: rand.New(rand.NewPCG(uint64(seed), uint64(tier)))}
	}
	l.empty()
	return l
}

// empty forgets everything, held blocks too.
func (l *level) empty() {
	l.arena = arena{}
	l.alloc() // 0, the ring's end
	l.table = table{}
	if d := l.random; d != nil {
		d.bag, d.at, d.run, d.next = nil, nil, nil, 0
	}
}

// find gives the block of this key, 0 for none.
func (l *level) find(key uint64) uint32 { return l.table.find(&l.arena, key) }

// add makes a block that can be found and stands in no queue.
func (l *level) add(key uint64) uint32 {
	i := l.alloc()
	l.node(i).key = key
	l.table.put(&l.arena, i, l.capacity)
	return i
}

// drop removes a block.
func (l *level) drop(i uint32) {
	if l.node(i).queued {
		l.leave(i)
	}
	l.table.remove(&l.arena, i)
	l.release(i)
}

// push puts a block at the newest end of the queue, in the run of one request.
func (l *level) push(i, run uint32) {
	l.link(i)
	if d := l.random; d != nil {
		for uint32(len(d.at)) < l.top {
			d.at, d.run = append(d.at, 0), append(d.run, 0)
		}
		d.at[i], d.run[i] = uint32(len(d.bag)), run
		d.bag = append(d.bag, i)
	}
}

// leave takes a block out of the queue.
func (l *level) leave(i uint32) {
	l.unlink(i)
	if d := l.random; d != nil {
		last := d.bag[len(d.bag)-1]
		d.bag[d.at[i]], d.at[last] = last, d.at[i]
		d.bag = d.bag[:len(d.bag)-1]
	}
}

func (l *level) link(i uint32) {
	nd, end := l.node(i), l.node(0)
	nd.prev, nd.next, nd.queued = end.prev, 0, true
	l.node(end.prev).next = i
	end.prev = i
}

func (l *level) unlink(i uint32) {
	nd := l.node(i)
	if d := l.random; d != nil && d.next == i {
		d.next = l.sameRun(i, nd.next)
	}
	l.node(nd.prev).next, l.node(nd.next).prev = nd.next, nd.prev
	nd.queued = false
}

// renew is what a hit does to a block in the queue: under lru it becomes the newest;
// fifo knows no hits; under random it belongs to the run of who asked last.
func (l *level) renew(i, run uint32) {
	if l.policy == FIFO {
		return
	}
	l.unlink(i)
	l.link(i)
	if d := l.random; d != nil {
		d.run[i] = run
	}
}

// sameRun gives the block j that follows i in the queue when both are of one run, else 0.
func (l *level) sameRun(i, j uint32) uint32 {
	if j != 0 && l.random.run[i] == l.random.run[j] {
		return j
	}
	return 0
}

// runOf gives the run of a block; only random eviction knows it.
func (l *level) runOf(i uint32) uint32 {
	if l.random == nil {
		return 0
	}
	return l.random.run[i]
}

// victim gives the block that goes next, 0 when none may. from is where the search goes
// on within one call for room: the block that followed the last victim, 0 at first.
func (l *level) victim(from uint32) uint32 {
	if l.random != nil {
		return l.drawn()
	}
	if from == 0 {
		from = l.node(0).next
	}
	for from != 0 && l.node(from).ref > 0 {
		from = l.node(from).next
	}
	return from
}

// drawn gives the next block of the run that is being freed, or the first of a run
// drawn at random: each block that may go is as likely, and who it belongs to is freed
// from its tail (or head), so that a prompt loses its end before another is begun.
func (l *level) drawn() uint32 {
	d := l.random
	if d.next == 0 && len(d.bag) > 0 {
		i := d.bag[d.rng.IntN(len(d.bag))]
		for before := l.node(i).prev; before != 0 && l.sameRun(before, i) != 0; before = l.node(i).prev {
			i = before
		}
		d.next = i
	}
	return d.next
}

// clear drops every block. Held ones cannot be found any more; they are marked dead and
// counted, and keep their nodes until they are let go. before is how many of former
// clears are still held.
func (l *level) clear(before int) (dead int) {
	for _, e := range l.table.entries {
		i := uint32(e)
		if i == 0 {
			continue
		}
		if nd := l.node(i); nd.ref > 0 {
			nd.dead, nd.queued = true, false
			dead++
		} else {
			l.release(i)
		}
	}
	if before+dead == 0 {
		l.empty()
		return 0
	}
	*l.node(0) = node{}
	l.table = table{}
	if d := l.random; d != nil {
		d.bag, d.next = d.bag[:0], 0
	}
	return dead
}
