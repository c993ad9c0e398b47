// Package survey finds where each tier of a server's cache ends, from one warm-up
// (design: measurement, Map). It decides what is sent next and says what was found;
// it knows no HTTP, reads no clock, starts no goroutine, and its randomness is handed
// in, so that a record can be replayed through it and the laboratory
// (runner/survey/lab) can run thousands of maps.
//
// Every request is one point of the whole curve. Under LRU a prompt at depth d of the
// stack of what was sent lies in tier i exactly when d is within what the tiers down
// to i hold (Mattson, Gecsei, Slutz, Traiger: Evaluation techniques for storage
// hierarchies, 1970). A client that knows what it sent knows the stack, and asking for
// a prompt leaves the order of the others alone. So: send prompts until the deepest is
// cold (gallop), cut what was seen into levels (fit), and search each edge between two
// levels (edge) by looking where the next answer tells most.
package survey

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Options say what is asked of a survey.
type Options struct {
	PromptTokens int64      // what one prompt adds to the reuse distance: prompt and output, as sent
	MaxTokens    int64      // how far: the largest reuse distance that may be built
	Resolution   float64    // a bracket is narrow enough at this share of its lower end, or at one prompt; 0.02 for 2 %
	Looks        int        // at each depth that is chosen; 0: as many as it takes
	Concurrency  int        // of the ingest, at most; 0 is 1
	MaxSent      int        // requests after which the survey ends with what it knows; 0: none, a search that does not settle ends by itself
	Policy       bool       // also find out how the cache evicts and admits
	Rand         *rand.Rand // its seed is the caller's to record
	Rules        Rules      // the zero value means DefaultRules
}

// Rules are the constants of the procedure, apart so that the laboratory can vary
// them.
type Rules struct {
	First  int     // prompts of the first ingest
	Gallop float64 // factor by which the set grows while the deepest prompt is warm
	Ratio  float64 // levels of TTFT nearer than this are one level
	Moved  float64 // a level that moves by more than this share at the end is not steady
	Miss   float64 // share of edges that may lie outside their bracket, as far as the looks' own spread can tell
	Change float64 // what a change of level must explain better, in nats of log likelihood
	Sure   float64 // nats for which the deepest prompt is called cold or warm
	Most   int     // looks for one decision, at most
}

// DefaultRules are the rules of docs/measurement.md, Map.
func DefaultRules() Rules {
	return Rules{First: 8, Gallop: 1.3, Ratio: 1.35, Moved: 0.2, Miss: 0.004, Change: 7, Sure: 4, Most: 25}
}

// check gives the first thing that is wrong with the options.
func (o Options) check() error {
	switch {
	case o.PromptTokens < 1:
		return fmt.Errorf("survey: %d tokens in a prompt: want at least 1", o.PromptTokens)
	case o.MaxTokens < 2*o.PromptTokens:
		return fmt.Errorf("survey: a reuse distance of at most %d tokens holds less than two prompts of %d: raise the limit or shorten the context", o.MaxTokens, o.PromptTokens)
	case !(o.Resolution > 0 && o.Resolution < 1):
		return fmt.Errorf("survey: resolution %g is not in (0, 1)", o.Resolution)
	case o.Looks < 0 || o.Concurrency < 0 || o.MaxSent < 0:
		return fmt.Errorf("survey: looks %d, concurrency %d, at most %d requests: want none below 0", o.Looks, o.Concurrency, o.MaxSent)
	case o.Rand == nil:
		return fmt.Errorf("survey: no source of randomness was handed in")
	}
	return nil
}

// Kind is what an Action asks for.
type Kind uint8

// Kinds of action.
const (
	Done   Kind = iota // nothing more: the map is ready
	Ingest             // send prompts that were never sent before
	Ask                // send the prompt at a depth once more, alone
)

// Action is the next thing to do. Its result is handed to Ingested or Looked before
// the next one is asked for.
type Action struct {
	Kind        Kind
	N           int  // Ingest: new prompts
	Concurrency int  // Ingest: in flight at once
	Depth       int  // Ask: position in the LRU stack of prompts, 1 for the newest
	Touch       bool // Ask: only to bring the prompts into a known order; its answer is not counted
}

// Look is one answer.
type Look struct {
	Depth    int              // position in the stack when it was asked for, 1 for the newest; 0 for a new prompt
	Distance int64            // reuse distance as sent, in tokens; sample.Unknown for a new prompt
	TTFT     float64          // seconds; 0 when the request failed
	Prompt   int64            // prompt tokens
	Cached   int64            // prompt tokens found cached, or sample.Unknown
	Sources  map[string]int64 // cached prompt tokens by the tier that they came from, without what was computed; nil when not told
	Counters bool             // Sources are differences of the server's counters round this request
	Foreign  int64            // prompt tokens of others in the server's counters since the look before

	blur  int  // its true depth may differ by so many
	again bool // the prompt was looked at before
}

// Survey finds the tiers of one cache. It is driven by one goroutine: Next, then the
// answer, until Next says Done.
type Survey struct {
	o   Options
	r   Rules
	max int // prompts at most

	size    int       // prompts sent for the first time
	reached int       // the same when the map was done, without the policy's experiments
	order   order     // how well the order of the stack is known
	looks   []Look    // all that counted, in the order of asking
	cold    []float64 // log TTFT of the newest prompts that were sent alone for the first time
	noise   noise
	curve   curve
	told    teller
	queue   []Action
	pending Action

	phase  phase
	fit    []segment
	edges  []edge
	ends   ends
	begun  int    // looks when the search began, at the size of now
	early  int    // looks when it began at first
	slope  *slope // a gradual end; nil while all are edges
	clean  *walk  // clean walks, under way or done; nil before
	policy *policy

	count  Count
	ingest throughput
	stop   string // why it ended early
	failed int    // failures in a row
}

// Count is what a survey has sent.
type Count struct {
	Prompts int   // sent for the first time
	Looks   int   // answers that counted
	Touches int   // requests that only restored the order
	Policy  int   // requests of the policy's experiments, new prompts included
	Failed  int   // requests without an answer
	Foreign int64 // prompt tokens of other clients, where the server's counters tell them
}

// Sent is the number of requests.
func (c Count) Sent() int { return c.Prompts + c.Looks + c.Touches + c.Policy + c.Failed }

// phase is what the survey is at.
type phase uint8

const (
	galloping phase = iota
	searching
	cleaning
	sloping
	ending
	onPolicy
	over
)

// mostFailures in a row end a survey: whoever drives it should have found out why
// before.
const mostFailures = 20

// New gives a survey of a cache that holds nothing of its prompts yet, or says what is
// wrong with the options.
func New(o Options) (*Survey, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Rules == (Rules{}) {
		o.Rules = DefaultRules()
	}
	o.Concurrency = max(o.Concurrency, 1)
	s := &Survey{o: o, r: o.Rules, max: int(min(o.MaxTokens/o.PromptTokens, math.MaxInt32))}
	s.noise.reset(leastSD)
	return s, nil
}

// Next gives the next action. It is the same until the answer to it is handed in.
func (s *Survey) Next() Action {
	if s.pending.Kind != Done {
		return s.pending
	}
	s.pending = s.decide()
	return s.pending
}

// decide takes what is queued, or lets the phase choose.
func (s *Survey) decide() Action {
	if s.o.MaxSent > 0 && s.count.Sent() >= s.o.MaxSent && s.phase != over {
		s.end(fmt.Sprintf("the limit of %d requests is reached", s.o.MaxSent))
	}
	for s.phase != over {
		if len(s.queue) > 0 {
			a := s.queue[0]
			s.queue = s.queue[1:]
			return a
		}
		switch s.phase {
		case galloping:
			s.gallop()
		case searching:
			s.search()
		case cleaning:
			s.step()
		case sloping:
			s.follow()
		case ending:
			s.finish()
		case onPolicy:
			s.experiment()
		}
	}
	return Action{}
}

// end ends the survey before its time, with what it knows.
func (s *Survey) end(why string) {
	s.phase, s.stop, s.queue = over, why, nil
}

// Ingested takes the answers to an Ingest, in the order in which the prompts were
// sent, and the seconds that it took.
func (s *Survey) Ingested(answers []Look, seconds float64) {
	a := s.pending
	s.pending = Action{}
	s.size += a.N
	s.order.push(a.N, a.Concurrency-1)
	if s.phase == onPolicy {
		s.count.Policy += a.N
	} else {
		s.count.Prompts += a.N
	}
	for _, l := range answers {
		s.count.Foreign += l.Foreign
		if l.TTFT <= 0 {
			s.failure()
			continue
		}
		s.failed = 0
		s.ingest.tokens += l.Prompt
		if a.Concurrency == 1 && s.phase != cleaning { // those of walks come when levels are known
			s.cold = append(s.cold, math.Log(l.TTFT))
		}
	}
	s.cold = s.cold[max(0, len(s.cold)-coldKept):]
	s.ingest.seconds += seconds
	s.learn()
}

// Looked takes the answer to an Ask.
func (s *Survey) Looked(l Look) {
	a := s.pending
	s.pending = Action{}
	at := s.order.at(a.Depth)
	l.Depth, l.blur, l.again = a.Depth, at.blur, at.asked
	s.order.raise(a.Depth, !a.Touch)
	s.count.Foreign += l.Foreign
	switch {
	case l.TTFT <= 0:
		s.count.Failed++
		s.failure()
		// Whether the server has moved the prompt is not known. It is on top of the survey's
		// stack, and on top of the server's when it is asked for once more.
		s.queue = append([]Action{{Kind: Ask, Depth: 1, Touch: true}}, s.queue...)
		return
	case s.phase == onPolicy:
		s.failed = 0
		s.count.Policy++
		if !a.Touch {
			s.policy.looked(l)
		}
		return
	case a.Touch:
		s.failed = 0
		s.count.Touches++
		return
	}
	s.failed = 0
	s.count.Looks++
	s.looks = append(s.looks, l)
	if s.phase == cleaning {
		s.clean.looked(s, &l)
		return
	}
	s.told.learn(l)
	s.curve.add(s, len(s.looks)-1)
	s.learn()
}

// failure counts a request without an answer.
func (s *Survey) failure() {
	if s.failed++; s.failed >= mostFailures {
		s.end(fmt.Sprintf("%d requests in a row failed", s.failed))
	}
}

// ask queues looks at a depth: as many as the options want at a time.
func (s *Survey) ask(depth int) {
	depth = min(max(depth, 1), s.size)
	for range max(1, s.o.Looks) {
		s.queue = append(s.queue, Action{Kind: Ask, Depth: depth})
	}
}

// Looks gives every answer that counted, in the order of asking. The slice is the
// survey's own.
func (s *Survey) Looks() []Look { return s.looks }

// Count gives what was sent so far.
func (s *Survey) Count() Count { return s.count }
