package simulator

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"time"
)

// statusGone is the log's status of a client that went away before it got one (nginx's).
const statusGone = 499

// generation is one request for completions on its way.
type generation struct {
	s     *Server
	kind  kind
	req   *request
	fault fault
	entry Entry
	start time.Time // TTFT counts from here
	turn  bool      // holds the prefill turn
	lease *lease
	chain chain
	timer *time.Timer
	state genState
	ids   []int32 // the prompt, only when it is to be told
}

// genState says which gauge counts the request.
type genState uint8

const (
	arrived genState = iota
	queued
	running
	done
)

// generate answers a request for completions.
func (s *Server) generate(w http.ResponseWriter, r *http.Request, k kind) {
	g := &generation{s: s, kind: k, start: time.Now()}
	number := int(s.number.Add(1))
	g.entry = Entry{Number: number, RequestID: r.Header.Get("X-Request-Id"), Endpoint: k.String(),
		Arrival: int64(g.start.Sub(s.epoch)), Prefill: Never, FirstToken: Never, End: Never}
	g.fault = s.p.Faults.of(s.p.Seed, number)
	g.entry.Fault = g.fault.kind
	g.chain = chain{block: s.p.Block}
	defer g.finish("abort", statusGone)
	if e := g.read(w, r); e != nil {
		g.finish("error", e.status)
		writeJSON(w, e.status, e.body())
		return
	}
	g.enqueue()
	g.timer = time.NewTimer(time.Hour) // until sets it
	defer g.timer.Stop()
	if g.req.stream {
		g.stream(g.open(w), r)
	} else {
		g.whole(r.Context(), w)
	}
}

// read takes the body in and finds the keys of its blocks; what cannot be served is an
// error.
func (g *generation) read(w http.ResponseWriter, r *http.Request) *apiError {
	s := g.s
	sc := s.pool.Get().(*scratch)
	defer s.pool.Put(sc)
	body, err := readBody(w, r, sc.body)
	sc.body = body
	if err != nil {
		return &apiError{http.StatusRequestEntityTooLarge, "the body could not be read: " + err.Error(), "BadRequestError", ""}
	}
	if g.fault.kind == faultError {
		return &apiError{s.p.Faults.status(), "The simulator was asked to fail here (faults.error_rate).", "InternalServerError", ""}
	}
	req, bad := parse(body, g.kind, &s.p, sc.ids)
	if bad != nil {
		return bad
	}
	g.req = req
	sc.ids = req.ids
	g.chain.hash = rootOf(req.salt)
	keys := g.chain.prompt(req.ids)
	g.note(keys)
	g.lease = s.cache.newLease(keys, len(req.ids), req.maxTokens)
	if !s.cache.fits(g.lease) {
		return s.tooBig(len(req.ids), req.maxTokens)
	}
	if req.tokenIDs {
		g.ids = append([]int32(nil), req.ids...)
	}
	req.ids = nil // scratch: it goes back
	return nil
}

// tooBig refuses a request that tier 1 could not hold if it were alone.
func (s *Server) tooBig(prompt, output int) *apiError {
	return badRequest("input_tokens", fmt.Sprintf("This model's maximum context length is %d tokens (what tier %s holds). "+
		"However, you requested %d tokens (%d in the prompt, %d for the output). "+
		"Please reduce the length of the input prompt. (parameter=input_tokens, value=%d)",
		s.cache.tiers[0].capacity*s.p.Block, s.p.Tiers[0].Name, prompt+output, prompt, output, prompt))
}

// note puts what the prompt is into the log.
func (g *generation) note(keys []uint64) {
	g.entry.Stream = g.req.stream
	g.entry.PromptTokens = g.chain.n
	g.entry.MaxTokens = g.req.maxTokens
	g.entry.PromptHash = g.chain.hash
	g.entry.Block0 = g.chain.hash
	if len(keys) > 0 {
		g.entry.Block0 = keys[0]
	}
}

// prefill waits for its turn, for room, and then for as long as the prompt takes; then
// the prompt's blocks are cached. An error means that the client has gone.
func (g *generation) prefill(ctx context.Context) error {
	s := g.s
	waited := false
	if s.turn != nil {
		var err error
		if waited, err = g.takeTurn(ctx); err != nil {
			return err
		}
	}
	forRoom, err := s.cache.acquire(ctx, g.lease)
	if err != nil {
		return err
	}
	g.admitted(waited || forRoom)
	if err := g.until(ctx, g.due()); err != nil {
		return err
	}
	g.leaveTurn()
	reused := g.entry.Cached / s.p.Block
	s.cache.commit(g.lease, g.lease.keys[reused:]...)
	s.tell.prefilled(&g.entry)
	return nil
}

// due is when the first token must come.
func (g *generation) due() time.Time { return g.start.Add(time.Duration(g.entry.Planned)) }

// takeTurn waits until no other request is in its prefill.
func (g *generation) takeTurn(ctx context.Context) (waited bool, err error) {
	select {
	case g.s.turn <- struct{}{}:
		g.turn = true
		return false, nil
	default:
	}
	select {
	case g.s.turn <- struct{}{}:
		g.turn = true
		return true, nil
	case <-ctx.Done():
		return true, ctx.Err()
	}
}

func (g *generation) leaveTurn() {
	if g.turn {
		<-g.s.turn
		g.turn = false
	}
}

// admitted fixes what the cache gave and when the first token is due.
func (g *generation) admitted(waited bool) {
	s, e := g.s, &g.entry
	if waited {
		g.start = time.Now()
	}
	e.Prefill = int64(g.start.Sub(s.epoch))
	e.ByTier = make([]int, len(g.lease.byTier))
	ttft := float64(s.p.Base)
	for t, blocks := range g.lease.byTier {
		e.ByTier[t] = blocks * s.p.Block
		e.Cached += e.ByTier[t]
		ttft += float64(s.p.Tiers[t].Load) * float64(e.ByTier[t])
	}
	e.Computed = e.PromptTokens - e.Cached
	ttft += float64(s.p.Prefill) * float64(e.Computed)
	e.Planned = int64(ttft * s.noise(e.Number))
	g.state = running
	s.tell.waiting.Add(-1)
	s.tell.running.Add(1)
	s.tell.admitted(e)
}

// noise is the factor on a request's TTFT: log-normal, a function of seed and number.
func (s *Server) noise(number int) float64 {
	if s.p.Noise == 0 {
		return 1
	}
	rng := rand.New(rand.NewPCG(uint64(s.p.Seed), uint64(number)))
	return math.Exp(s.p.Noise * rng.NormFloat64())
}

func (g *generation) enqueue() {
	g.state = queued
	g.s.tell.waiting.Add(1)
}

// until waits for t, or for the client to go away.
func (g *generation) until(ctx context.Context, t time.Time) error {
	d := time.Until(t)
	if d <= 0 {
		return ctx.Err()
	}
	g.timer.Reset(d)
	select {
	case <-g.timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// token notes that an output token was made at a stamp: it extends the prefix, and a
// block that it completes is cached.
func (g *generation) token(id int32, at int64) {
	if g.entry.FirstToken == Never {
		g.entry.FirstToken = at
		g.entry.Tokens = make([]int64, 0, g.req.maxTokens)
	}
	g.entry.Tokens = append(g.entry.Tokens, at)
	if g.chain.next(id) {
		g.s.cache.commit(g.lease, g.chain.hash)
	}
}

// finish lets go of everything and writes the log, once. It comes before the last
// bytes of a reply: who sees the end of a stream finds its blocks free and its entry
// written.
func (g *generation) finish(reason string, status int) {
	if g.state == done {
		return
	}
	s := g.s
	g.leaveTurn()
	if g.lease != nil {
		s.cache.release(g.lease)
	}
	switch g.state {
	case queued:
		s.tell.waiting.Add(-1)
	case running:
		s.tell.running.Add(-1)
	}
	if g.state != arrived {
		s.tell.finished(reason)
	}
	g.state = done
	g.entry.End = s.now()
	g.entry.Finish = reason
	if g.entry.Status == 0 {
		g.entry.Status = status
	}
	s.log.add(g.entry)
}
