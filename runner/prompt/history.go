package prompt

import "sync"

// History is what was sent so far under one salt key: the LRU stack of every
// endpoint, how often each prompt was sent, and the counter of unique parts, which
// is never reset: unique means unique. Cells that share a salt (rewarm: once) share
// their history.
//
// It is safe for concurrent use.
type History struct {
	mu        sync.Mutex
	endpoints []endpoint
	whole     *Stack  // over all endpoints; the endpoint's own where there is one
	cycles    []int32 // by prompt: how often it was sent
	dealt     []int32 // by prompt: how often Deal chose it: the cycle of the balance
	requests  int64   // unique parts used
	sentinels int64
}

// endpoint is what one endpoint has seen.
type endpoint struct {
	stack *Stack
	last  []int64 // by prompt: number of its last request + 1; 0 = none
}

// NewHistory is the history of n endpoints to which nothing was sent.
func NewHistory(n int) *History {
	h := &History{endpoints: make([]endpoint, n)}
	for i := range h.endpoints {
		h.endpoints[i].stack = new(Stack)
	}
	h.whole = h.endpoints[0].stack
	if n > 1 {
		h.whole = new(Stack)
	}
	return h
}

// Forget empties the stacks: the servers' caches were reset. Counters go on, so
// that no unique part ever comes back.
func (h *History) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.whole.Reset()
	for i := range h.endpoints {
		h.endpoints[i].stack.Reset()
		clear(h.endpoints[i].last)
	}
}

// Fresh is an empty history of the same endpoints whose counters go on where these
// stand: for the next cell under the same key (prompts.salt: run), whose unique parts
// must not be those of this one.
func (h *History) Fresh() *History {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := NewHistory(len(h.endpoints))
	next.requests, next.sentinels = h.requests, h.sentinels
	return next
}

// Requests is the number of unique parts that were used, over all phases.
func (h *History) Requests() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests
}

// grow makes room for n prompts.
func (h *History) grow(n int) {
	if more := n - len(h.cycles); more > 0 {
		h.cycles = append(h.cycles, make([]int32, more)...)
		h.dealt = append(h.dealt, make([]int32, more)...)
		for i := range h.endpoints {
			h.endpoints[i].last = append(h.endpoints[i].last, make([]int64, more)...)
		}
	}
}

// number takes the next unique part.
func (h *History) number() int64 {
	n := h.requests
	h.requests++
	return n
}

// touch records a use of prompt at endpoint e: its reuse distance there, and how
// often it had been sent before anywhere.
func (h *History) touch(prompt, e int, number int64, u Use) (distance int64, before int32) {
	distance = h.endpoints[e].stack.Touch(prompt, u)
	if len(h.endpoints) > 1 {
		h.whole.Touch(prompt, u)
	}
	before = h.cycles[prompt]
	h.cycles[prompt]++
	h.endpoints[e].last[prompt] = number + 1
	return distance, before
}

// drop forgets the use of a prompt at endpoint e.
func (h *History) drop(prompt, e int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endpoints[e].stack.Drop(prompt)
	if len(h.endpoints) > 1 {
		h.whole.Drop(prompt)
	}
}

// insert records tokens outside the set at endpoint e.
func (h *History) insert(e int, tokens int64) {
	h.endpoints[e].stack.Insert(tokens)
	if len(h.endpoints) > 1 {
		h.whole.Insert(tokens)
	}
}
