package prompt

import (
	"math/bits"

	"github.com/wsrun/wsrun/runner/sample"
)

// Use is what one request of a prompt does to a cache, in tokens.
type Use struct {
	Reuse int64 // tokens it shares with the prompt's use before it (all are inserted at first use)
	Fresh int64 // tokens that nothing before it has sent
}

// Stack is the LRU stack of what was sent to one cache: it gives the reuse
// distance of each request (design: measurement, Definitions) and which prompt
// stands at which depth, each in O(log n).
//
// Every use owns a slot in time. A slot's mass is the number of tokens whose last
// touch was that use; when a prompt is used again its reused tokens move to the
// new slot, what was unique to the old use stays behind. The reuse distance is
// then the mass from the old slot on. A Fenwick tree over the slots holds the
// sums; slots are packed when they run out.
//
// The zero value is an empty stack. It is not safe for concurrent use.
type Stack struct {
	slot  []int32 // by prompt: the slot of its last use, -1 before the first
	own   []int64 // by prompt: tokens of its last use that may move
	owner []int32 // by slot: its prompt, -1 when that prompt moved on
	mass  []int64 // by slot: tokens
	tree  []node  // Fenwick, 1-based; a power of two of slots
	next  int     // the next free slot
	live  int     // prompts in the stack
	total int64   // mass of all slots
}

type node struct {
	mass int64
	live int64
}

// Len is the number of distinct prompts that were used.
func (s *Stack) Len() int { return s.live }

// Touch records a use of prompt and gives its reuse distance: the distinct tokens
// inserted or touched since the prompt's last use, itself included, or
// sample.Unknown at its first use.
func (s *Stack) Touch(prompt int, u Use) int64 {
	s.grow(prompt)
	if s.next == len(s.owner) {
		s.pack()
	}
	distance := sample.Unknown
	if at := int(s.slot[prompt]); at >= 0 {
		distance = s.total - s.sum(at).mass
		moved := min(u.Reuse, s.own[prompt])
		s.owner[at] = -1
		s.add(at, -moved, -1)
	} else {
		s.live++
	}
	at := s.next
	s.next++
	s.slot[prompt], s.own[prompt], s.owner[at] = int32(at), u.Reuse+u.Fresh, int32(prompt)
	s.add(at, u.Reuse+u.Fresh, 1)
	return distance
}

// Insert records tokens that belong to no prompt of the set (sentinels): they push
// all that was used before them further down.
func (s *Stack) Insert(tokens int64) {
	if s.live > 0 {
		s.add(s.next-1, tokens, 0)
	}
}

// Depth is the number of distinct prompts used since prompt was; 0 for the newest,
// -1 for one that was never used.
func (s *Stack) Depth(prompt int) int {
	if prompt < 0 || prompt >= len(s.slot) || s.slot[prompt] < 0 {
		return -1
	}
	return s.live - 1 - int(s.sum(int(s.slot[prompt])).live)
}

// At is the prompt at a depth, -1 when there is none.
func (s *Stack) At(depth int) int {
	if depth < 0 || depth >= s.live {
		return -1
	}
	rank, at := int64(s.live-1-depth), 0 // the slot with rank live ones before it
	for step := len(s.tree) >> 1; step > 0; step >>= 1 {
		if at+step < len(s.tree) && s.tree[at+step].live <= rank {
			at += step
			rank -= s.tree[at].live
		}
	}
	return int(s.owner[at])
}

// Drop forgets that prompt was used: its last use never reached the cache.
func (s *Stack) Drop(prompt int) {
	if s.Depth(prompt) < 0 {
		return
	}
	at := int(s.slot[prompt])
	s.owner[at] = -1
	s.add(at, -s.own[prompt], -1)
	s.slot[prompt] = -1
	s.live--
}

// Reset forgets all uses: the cache was emptied.
func (s *Stack) Reset() { *s = Stack{} }

// grow makes room for a prompt's index.
func (s *Stack) grow(prompt int) {
	for len(s.slot) <= prompt {
		s.slot = append(s.slot, -1)
		s.own = append(s.own, 0)
	}
}

// sum gives the sums of all slots before at.
func (s *Stack) sum(at int) (n node) {
	for ; at > 0; at &= at - 1 {
		n.mass += s.tree[at].mass
		n.live += s.tree[at].live
	}
	return n
}

func (s *Stack) add(at int, mass, live int64) {
	s.mass[at] += mass
	s.total += mass
	for i := at + 1; i < len(s.tree); i += i & -i {
		s.tree[i].mass += mass
		s.tree[i].live += live
	}
}

// pack moves the live slots together, in their order, into at least twice their
// number. What a departed use left behind joins the nearest older live slot: every
// window that holds the one holds the other. Without an older one no window can
// reach it and it is dropped.
func (s *Stack) pack() {
	size := 1 << bits.Len(uint(max(31, 2*s.live)))
	owner, mass := make([]int32, size), make([]int64, size)
	n := 0
	s.total = 0
	for at := range s.next {
		switch {
		case s.owner[at] >= 0:
			owner[n], mass[n] = s.owner[at], s.mass[at]
			s.slot[owner[n]] = int32(n)
			n++
		case n > 0:
			mass[n-1] += s.mass[at]
		default:
			continue
		}
		s.total += s.mass[at]
	}
	s.owner, s.mass, s.next = owner, mass, n
	s.tree = make([]node, size+1)
	for i := 1; i <= size; i++ {
		t := &s.tree[i]
		t.mass += mass[i-1]
		if i <= n {
			t.live++
		}
		if up := i + i&-i; up <= size {
			s.tree[up].mass += t.mass
			s.tree[up].live += t.live
		}
	}
}
