package prompt

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/wsrun/wsrun/runner/sample"
)

// Balance says which endpoint a prompt goes to (design: measurement, Load).
type Balance string

// Balances of target.balance.
const (
	RoundRobin  Balance = "round-robin"  // prompt i in cycle c to (i + c) mod E: each endpoint sees every prompt, the edge does not move
	Pinned      Balance = "pinned"       // prompt i to i mod E: the edge moves by E
	LeastLoaded Balance = "least-loaded" // fewest in flight, ties by (i + c) mod E
)

// Config describes the working set of one unit.
type Config struct {
	Geometry Geometry
	Prompts  int // P; 0 at hit rate 0, where every prompt is unique
	Key      Key
	Encoder  Encoder
	History  *History               // over as many endpoints as there are
	Balance  Balance                // empty: round-robin
	InFlight func(endpoint int) int // least-loaded only
	Template int64                  // tokens that two unlike prompts share
	Block    int64                  // the server's cache granularity, 0 when unknown
	Run      string                 // {run} of header templates
	Header   []string               // alternating name, template; templates: {run} {cell} {prompt} {request}
	NextID   func() int64           // Request.ID; nil leaves it 0
	Base     sample.Request         // copied into each request: generator, cell, trial, level ...
}

// Set is the working set of one unit: the maker of its jobs. Its sources may be
// used one after the other or at once; all of them write the same History.
type Set struct {
	used   atomic.Int64 // the first so many prompts are in use
	cfg    Config
	header []template
	base   sample.Request
}

// NewSet checks a configuration.
func NewSet(cfg Config) (*Set, error) {
	g := cfg.Geometry
	switch {
	case cfg.Encoder == nil || cfg.History == nil:
		return nil, errors.New("prompt set: an encoder and a history are needed")
	case g.R < 1 || g.Output < 1 || g.Prefix < 0 || cfg.Prompts < 0:
		return nil, fmt.Errorf("prompt set: %d prompts of %d tokens (%d reusable) with %d output tokens make no request", cfg.Prompts, g.R, g.Prefix, g.Output)
	case cfg.Prompts > 0 && g.Prefix == 0:
		return nil, fmt.Errorf("prompt set: %d prompts without a reusable token: at hit rate 0 a set has no size", cfg.Prompts)
	}
	if cfg.Balance == "" {
		cfg.Balance = RoundRobin
	}
	if !slices.Contains([]Balance{RoundRobin, Pinned, LeastLoaded}, cfg.Balance) {
		return nil, fmt.Errorf("prompt set: balance %q is none of round-robin, pinned, least-loaded", cfg.Balance)
	}
	if cfg.Balance == LeastLoaded && cfg.InFlight == nil {
		return nil, errors.New("prompt set: least-loaded needs to know the requests in flight")
	}
	s := &Set{cfg: cfg, base: blank(cfg.Base)}
	for i := 0; i+1 < len(cfg.Header); i += 2 {
		s.header = append(s.header, template{cfg.Header[i], cfg.Header[i+1]})
	}
	cfg.History.mu.Lock()
	defer cfg.History.mu.Unlock()
	cfg.History.grow(cfg.Prompts)
	s.used.Store(int64(cfg.Prompts))
	return s, nil
}

// blank is r before it is sent: no stamp, no count, first attempt.
func blank(r sample.Request) sample.Request {
	for _, p := range []*int64{&r.Scheduled, &r.Started, &r.Wrote, &r.FirstByte, &r.FirstEvent, &r.FirstContent, &r.FirstToken, &r.LastToken, &r.End} {
		*p = sample.Never
	}
	for _, p := range []*int64{&r.PromptTokens, &r.CachedTokens, &r.CompletionTokens, &r.ReuseDistance, &r.ReadLagMax} {
		*p = sample.Unknown
	}
	r.Prompt, r.Attempt = -1, 1
	return r
}

// Prompts is P.
func (s *Set) Prompts() int { return s.cfg.Prompts }

// Use says how many of the prompts are in use, all at first: Coverage and Looks end
// there. A set that grows begins with a part of them.
func (s *Set) Use(n int) { s.used.Store(int64(min(n, s.cfg.Prompts))) }

// Grow takes further prompts into use and tells the law, between two requests.
func (s *Set) Grow(law Growing, n int) {
	s.cfg.History.mu.Lock()
	defer s.cfg.History.mu.Unlock()
	s.Use(n)
	law.Grow(n)
}

// draft is what a request is before its body is built.
type draft struct {
	req     sample.Request
	number  int64
	content Content
}

// job builds the body and the headers. It holds no lock.
func (s *Set) job(d draft) *sample.Job {
	if s.cfg.NextID != nil {
		d.req.ID = s.cfg.NextID()
	}
	j := &sample.Job{Request: d.req}
	j.Body = s.cfg.Encoder.AppendBody(nil, d.content, d.req.MaxTokens)
	if len(s.header) > 0 {
		j.Header = make([]string, 0, 2*len(s.header))
		for _, t := range s.header {
			j.Header = append(j.Header, t.name, t.fill(s.cfg.Run, &d.req, d.number))
		}
	}
	return j
}

// draft begins a request of prompt (-1: outside the set) to endpoint e.
func (s *Set) draft(phase sample.Phase, prompt, e int, number, out int64) draft {
	g := s.cfg.Geometry
	d := draft{req: s.base, number: number}
	d.req.Phase, d.req.Endpoint, d.req.Prompt = phase, int32(e), int32(prompt)
	d.req.Sent, d.req.MaxTokens = g.R, out
	d.content = Content{Key: s.cfg.Key, R: g.R, Number: number}
	if prompt >= 0 {
		d.content.Prompt, d.content.Prefix = int64(prompt), g.prefix()
	}
	return d
}

// intended sets what is meant to be found cached when reusable tokens were sent
// before.
func (s *Set) intended(d *draft, reusable int64) {
	d.req.IntendedCached = Intended(reusable, s.cfg.Geometry.R, s.cfg.Template, s.cfg.Block)
}

// touch writes the request of a prompt into the history.
func (s *Set) touch(d *draft, u Use) {
	d.req.ReuseDistance, d.req.Cycle = s.cfg.History.touch(int(d.req.Prompt), int(d.req.Endpoint), d.number, u)
}

// endpointOf gives the endpoint of turn c of item i.
func (s *Set) endpointOf(i, c int64) int {
	n := int64(len(s.cfg.History.endpoints))
	first := int((i + c) % n)
	switch s.cfg.Balance {
	case Pinned:
		return int(i % n)
	case LeastLoaded:
		best, least := first, s.cfg.InFlight(first)
		for k := int64(1); k < n; k++ {
			e := int((i + c + k) % n)
			if f := s.cfg.InFlight(e); f < least {
				best, least = e, f
			}
		}
		return best
	}
	return first
}

// template is a header's value with {run}, {cell}, {prompt} and {request}.
type template struct{ name, text string }

func (t template) fill(run string, r *sample.Request, number int64) string {
	if !strings.Contains(t.text, "{") {
		return t.text
	}
	prompt := "none"
	if r.Prompt >= 0 {
		prompt = strconv.Itoa(int(r.Prompt))
	}
	request := strconv.FormatInt(number, 10)
	if r.ID != 0 {
		request = strconv.FormatInt(r.ID, 10)
	}
	return strings.NewReplacer("{run}", run, "{cell}", r.Cell, "{prompt}", prompt, "{request}", request).Replace(t.text)
}
