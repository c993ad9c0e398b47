package simulator

// node is one cached block in one tier.
type node struct {
	key        uint64
	ref        int32 // requests that hold it; only in tier 1. A held node is in no list
	dead       bool  // a reset dropped it while it was held: it frees its room when let go
	prev, next *node
}

// lru is a list of blocks that may be evicted, oldest first.
type lru struct {
	root node // ring: root.next is the oldest, root.prev the newest
	n    int
}

func (l *lru) init() { l.root.prev, l.root.next, l.n = &l.root, &l.root, 0 }

// push makes nd the newest.
func (l *lru) push(nd *node) {
	at := l.root.prev
	nd.prev, nd.next = at, &l.root
	at.next, l.root.prev = nd, nd
	l.n++
}

func (l *lru) remove(nd *node) {
	nd.prev.next, nd.next.prev = nd.next, nd.prev
	nd.prev, nd.next = nil, nil
	l.n--
}

// pop takes the oldest; the list must not be empty.
func (l *lru) pop() *node {
	nd := l.root.next
	l.remove(nd)
	return nd
}

// level is one tier of the cache: the blocks it holds and the order in which they
// go. Only tier 1 has held blocks, which are in nodes but not in the list.
type level struct {
	capacity int // blocks
	nodes    map[uint64]*node
	old      lru
}

func (l *level) clear() {
	l.nodes = make(map[uint64]*node)
	l.old.init()
}

// touch makes a block that may be evicted the newest of its tier.
func (l *level) touch(nd *node) {
	l.old.remove(nd)
	l.old.push(nd)
}

// drop removes a block that may be evicted.
func (l *level) drop(nd *node) {
	l.old.remove(nd)
	delete(l.nodes, nd.key)
}
