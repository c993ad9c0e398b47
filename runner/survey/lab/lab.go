package lab

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/runner/survey"
)

// Tell is what a server tells of each request.
type Tell uint8

// What is told.
const (
	Nothing Tell = iota // only TTFT separates
	Cached              // the tokens found cached
	Sources             // the same by tier
)

// World is a server with one cache, and the stack of what was sent to it.
type World struct {
	Cache  Cache
	TTFT   []float64 // seconds: a full hit in each tier, then a cold prompt
	SD     float64   // of log TTFT
	Slow   float64   // share of answers that take three times as long
	Tell   Tell
	Drift  func(sent int) float64 // factor on TTFT; nil: none
	Others func(sent int) int64   // tokens of another client round a request; nil: none
	Off    bool                   // the cache is switched off
	Slots  int                    // above 0: the cache is one of whole prompts, of so many slots before a store of Room; Cache is not used
	Room   int                    // prompts of that store

	rng   *rand.Rand
	slots *slotted
	stack []int // prompts, the newest last
	known int   // prompts sent for the first time
	sent  int
}

// PromptTokens of every prompt, and of one with its output.
const (
	PromptTokens = 1024
	AsSent       = PromptTokens + 1
)

var names = []string{"hbm", "dram", "ssd"}

// Run drives a survey to its end. Most is a guard: the requests after which it gives
// up.
func (w *World) Run(s *survey.Survey, seed uint64, most int) survey.Map {
	w.rng = rand.New(rand.NewPCG(seed, 0x6c6162))
	w.Cache.open(w.rng)
	if w.Slots > 0 {
		w.slots = newSlotted(w.Slots, w.Room)
	}
	for w.sent < most {
		a := s.Next()
		switch a.Kind {
		case survey.Done:
			return s.Result()
		case survey.Ingest:
			answers, seconds := w.ingest(a.N, a.Concurrency)
			s.Ingested(answers, seconds)
		case survey.Ask:
			s.Looked(w.look(a.Depth))
		}
	}
	return s.Result()
}

// ingest sends new prompts: the server sees them in a pool of so many, in any order.
func (w *World) ingest(n, concurrency int) (answers []survey.Look, seconds float64) {
	var pool []int
	answers = make([]survey.Look, n)
	for i := 0; i < n || len(pool) > 0; {
		for ; i < n && len(pool) < concurrency; i++ {
			pool = append(pool, w.known+i)
		}
		k := w.rng.IntN(len(pool))
		p := pool[k]
		pool = slices.Delete(pool, k, k+1)
		l := w.send(p)
		seconds += l.TTFT
		l.TTFT *= math.Sqrt(float64(concurrency))
		answers[p-w.known] = l
	}
	for range n {
		w.stack = append(w.stack, w.known)
		w.known++
	}
	return answers, seconds
}

// look sends the prompt at a depth once more.
func (w *World) look(depth int) survey.Look {
	i := len(w.stack) - depth
	p := w.stack[i]
	copy(w.stack[i:], w.stack[i+1:])
	w.stack[len(w.stack)-1] = p
	l := w.send(p)
	l.Distance = int64(depth) * AsSent
	return l
}

// send is one request.
func (w *World) send(p int) survey.Look {
	w.sent++
	tiers := len(w.TTFT) - 1
	found := make([]int, tiers+1)
	switch {
	case w.Off:
		found[tiers] = blocks - 1
	case w.slots != nil:
		found[w.slots.use(p)] = blocks - 1
	default:
		found = w.Cache.use(p)
	}
	l := survey.Look{Distance: sample.Unknown, Prompt: PromptTokens, Cached: sample.Unknown}
	for t, n := range found {
		l.TTFT += w.TTFT[t] * float64(n) / (blocks - 1)
	}
	l.TTFT *= math.Exp(w.SD * w.rng.NormFloat64())
	if w.rng.Float64() < w.Slow {
		l.TTFT *= 3
	}
	if w.Drift != nil {
		l.TTFT *= w.Drift(w.sent)
	}
	if w.Others != nil {
		l.Foreign = w.Others(w.sent)
	}
	w.tell(&l, found)
	return l
}

// tell adds what the server says.
func (w *World) tell(l *survey.Look, found []int) {
	if w.Tell == Nothing {
		return
	}
	l.Cached = 0
	for t, n := range found[:len(found)-1] {
		l.Cached += int64(n) * PromptTokens / blocks
		if w.Tell == Sources && n > 0 {
			if l.Sources == nil {
				l.Sources = map[string]int64{}
			}
			l.Sources[names[t]] = int64(n) * PromptTokens / blocks
		}
	}
	if w.Tell == Sources && l.Sources == nil {
		l.Sources = map[string]int64{}
	}
}

// Edges gives where the tiers truly end, in prompts: at the sums of their capacities
// when they are exclusive, else at their own.
func (w *World) Edges() (edges []float64) {
	sum := 0.0
	for _, c := range w.Cache.Capacity {
		c = math.Round(c*blocks) / blocks
		if sum += c; w.Cache.Exclusive {
			c = sum
		}
		edges = append(edges, c)
	}
	return edges
}
