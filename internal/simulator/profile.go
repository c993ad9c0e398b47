package simulator

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Placement of blocks over the tiers.
const (
	Exclusive    = "exclusive"     // a block is in one tier; evicted ones move down
	WriteThrough = "write-through" // a block goes to every tier
)

// Eviction says which block of a full tier goes.
const (
	LRU    = "lru"    // the one that was not used for the longest time
	FIFO   = "fifo"   // the one that came into the tier first; a hit there does not renew it
	Random = "random" // one drawn at random, and with it the blocks that its request let go of
)

// Admit says when a block may go into lower tiers.
const (
	First  = "first"  // when it leaves tier 1 (exclusive) or was computed (write-through)
	Second = "second" // only after it was asked for again while tier 1 held it
)

// Frees says which end of a prefix goes first where not all of it can stay.
const (
	Tails = "tails" // what is left can be used
	Heads = "heads" // nothing behind a lost block can be found, though it takes room
)

// Duration is a time.Duration that is text in JSON: "5ms".
type Duration time.Duration

// MarshalJSON writes the duration as text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads a duration with its unit.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("%s is no duration: write it with its unit, e.g. \"5ms\"", b)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is no duration: write e.g. \"5ms\"", s)
	}
	*d = Duration(v)
	return nil
}

// Profile says what a simulated server is. The zero value is not valid: start from
// Builtin, or from DecodeProfile, which fills in the defaults.
type Profile struct {
	Name        string   `json:"name"`
	Doc         string   `json:"doc,omitempty"`           // where the figures come from
	Model       string   `json:"model"`                   // name in /v1/models
	Block       int      `json:"block"`                   // tokens per block of the prefix cache
	Tiers       []Tier   `json:"tiers"`                   // best first
	Placement   string   `json:"placement"`               // exclusive | write-through
	Eviction    string   `json:"eviction"`                // lru | fifo | random
	Admit       string   `json:"admit"`                   // first | second: use at which a block may go into lower tiers
	Frees       string   `json:"frees"`                   // tails | heads: the end of a prefix that is evicted first
	Base        Duration `json:"base"`                    // fixed part of TTFT
	Prefill     Duration `json:"prefill"`                 // per computed prompt token
	Decode      Duration `json:"decode"`                  // between output tokens
	Queue       string   `json:"queue"`                   // free | serial (one prefill at a time)
	Noise       float64  `json:"noise"`                   // sigma of a log-normal factor on TTFT
	Seed        int64    `json:"seed"`                    // of noise, faults and random eviction
	Vocab       int      `json:"vocab"`                   // ids are 0..vocab-1, the first three are special
	MaxModelLen int      `json:"max_model_len,omitempty"` // prompt + output tokens of a request; 0 = only the cache's own bound, not told
	Tells       Tells    `json:"tells"`
	Faults      Faults   `json:"faults"`
}

// Tier is one level of the KV cache.
type Tier struct {
	Name     string   `json:"name"`
	Capacity int64    `json:"capacity"` // tokens, rounded down to whole blocks
	Load     Duration `json:"load"`     // per token reused from here
}

// Tells says what the server lets its clients know.
type Tells struct {
	CachedTokens        bool   `json:"cached_tokens"`         // in usage; as SGLang only where there are any
	CachedTokensDetails bool   `json:"cached_tokens_details"` // by tier, to requests with return_cached_tokens_details, as SGLang does
	Usage               bool   `json:"usage"`
	TokenIDs            bool   `json:"token_ids"` // takes prompts that are lists of ids
	Tokenizer           bool   `json:"tokenizer"` // /tokenize and /detokenize
	Metrics             string `json:"metrics"`   // vllm | sglang | none: whose series; with sglang the server is SGLang in all it says of itself
	BySource            bool   `json:"by_source"` // prompt tokens by the tier that supplied them, in /metrics
	Reset               bool   `json:"reset"`     // /reset_prefix_cache; as SGLang /flush_cache
}

// sglang reports whether the server is to be taken for SGLang.
func (p *Profile) sglang() bool { return p.Tells.Metrics == "sglang" }

// Faults are what goes wrong. Rates are percent (0-100) of requests, or of tokens for
// empty_text; which ones is a function of the seed and the request's number. One
// request has at most one of error, reset, stream_error, malformed, empty and short,
// drawn in this order.
type Faults struct {
	After           int      `json:"after,omitempty"`              // the first N requests for completions are spared
	ErrorRate       float64  `json:"error_rate,omitempty"`         // answered with Status
	Status          int      `json:"status,omitempty"`             // 400-599, 503 when not given
	ResetRate       float64  `json:"reset_rate,omitempty"`         // connection closed between two tokens, without an end
	StreamErrorRate float64  `json:"stream_error_rate,omitempty"`  // an error object inside the stream (HTTP 200), then closed
	MalformedRate   float64  `json:"malformed_rate,omitempty"`     // a record inside the stream is cut JSON
	EmptyRate       float64  `json:"empty_rate,omitempty"`         // a proper end without one token
	ShortRate       float64  `json:"short_rate,omitempty"`         // half of the tokens, finish_reason stop
	Stall           Duration `json:"stall,omitempty"`              // pause between two tokens
	StallRate       float64  `json:"stall_rate,omitempty"`         // of requests that stall; 0 = all
	TokensPerEvent  int      `json:"tokens_per_event,omitempty"`   // that come together, each event after as many decode steps
	EmptyText       float64  `json:"empty_text,omitempty"`         // tokens whose text is empty
	RoleDelta       bool     `json:"role_delta,omitempty"`         // chat: the role-only delta is sent at once, not with the first token
	CloseAfter      bool     `json:"close_after_stream,omitempty"` // connection closed after a stream, in spite of a promised keep-alive
	MissingUsage    bool     `json:"missing_usage,omitempty"`      // no usage, asked for or not
}

// Problem is one thing wrong with a profile. Path is as in "tiers[1].load".
type Problem struct {
	Path, Msg string
}

// ProfileError holds everything wrong with a profile.
type ProfileError struct {
	Problems []Problem
}

// Error gives one line per problem.
func (e *ProfileError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = strings.TrimPrefix(p.Path+": "+p.Msg, ": ")
	}
	return "simulator profile: " + strings.Join(lines, "\nsimulator profile: ")
}

// checker gathers problems.
type checker struct {
	problems []Problem
}

func (c *checker) need(ok bool, path, format string, args ...any) {
	if !ok {
		c.problems = append(c.problems, Problem{path, fmt.Sprintf(format, args...)})
	}
}

func (c *checker) oneOf(path, value string, names ...string) {
	for _, n := range names {
		if value == n {
			return
		}
	}
	c.need(false, path, "%q: must be %s", value, strings.Join(names, " or "))
}

func (c *checker) percent(path string, v float64) {
	c.need(v >= 0 && v <= 100, path, "%v: must be a percentage from 0 to 100", v)
}

func (c *checker) notNegative(path string, d Duration) {
	c.need(d >= 0, path, "%v: must not be negative", time.Duration(d))
}

// Bounds of what a profile may ask for; they keep a slip of the pen from taking the
// machine's memory.
const (
	maxTiers = 8
	maxVocab = 10_000_000
	maxBlock = 1 << 16
)

// Validate gives everything wrong with the profile as one *ProfileError, or nil.
func (p *Profile) Validate() error {
	c := &checker{}
	c.need(p.Model != "", "model", "must not be empty")
	c.need(p.Block >= 1 && p.Block <= maxBlock, "block", "%d: must be from 1 to %d tokens", p.Block, maxBlock)
	c.need(p.Vocab >= 16 && p.Vocab <= maxVocab, "vocab", "%d: must be from 16 to %d", p.Vocab, maxVocab)
	c.need(p.MaxModelLen >= 0, "max_model_len", "%d: must not be negative (0 = none)", p.MaxModelLen)
	c.need(p.Noise >= 0 && p.Noise <= 3, "noise", "%v: must be from 0 to 3", p.Noise)
	c.notNegative("base", p.Base)
	c.notNegative("prefill", p.Prefill)
	c.notNegative("decode", p.Decode)
	c.oneOf("placement", p.Placement, Exclusive, WriteThrough)
	c.oneOf("queue", p.Queue, "free", "serial")
	c.oneOf("eviction", p.Eviction, LRU, FIFO, Random)
	c.oneOf("admit", p.Admit, First, Second)
	c.oneOf("frees", p.Frees, Tails, Heads)
	c.oneOf("tells.metrics", p.Tells.Metrics, "vllm", "sglang", "none")
	p.checkTiers(c)
	p.Faults.check(c)
	if len(c.problems) > 0 {
		return &ProfileError{c.problems}
	}
	return nil
}

func (p *Profile) checkTiers(c *checker) {
	c.need(len(p.Tiers) >= 1 && len(p.Tiers) <= maxTiers, "tiers", "%d tiers: must be from 1 to %d", len(p.Tiers), maxTiers)
	seen := map[string]bool{}
	for i, t := range p.Tiers {
		at := fmt.Sprintf("tiers[%d]", i)
		c.need(t.Name != "", at+".name", "must not be empty")
		c.need(t.Name == "" || !seen[t.Name], at+".name", "%q is there twice", t.Name)
		seen[t.Name] = true
		c.need(t.Capacity >= int64(p.Block) && t.Capacity <= 1<<40, at+".capacity", "%d tokens: must be at least one block (%d)", t.Capacity, p.Block)
		c.notNegative(at+".load", t.Load)
	}
}

func (f *Faults) check(c *checker) {
	c.need(f.After >= 0, "faults.after", "%d: must not be negative", f.After)
	c.need(f.Status == 0 || f.Status >= 400 && f.Status <= 599, "faults.status", "%d: must be from 400 to 599", f.Status)
	c.need(f.TokensPerEvent >= 0, "faults.tokens_per_event", "%d: must not be negative", f.TokensPerEvent)
	c.notNegative("faults.stall", f.Stall)
	c.need(f.Stall > 0 || f.StallRate == 0, "faults.stall_rate", "has no meaning without stall")
	c.need(f.ErrorRate > 0 || f.Status == 0, "faults.status", "has no meaning without error_rate")
	for _, r := range []struct {
		path string
		v    float64
	}{{"error_rate", f.ErrorRate}, {"reset_rate", f.ResetRate}, {"stream_error_rate", f.StreamErrorRate}, {"malformed_rate", f.MalformedRate},
		{"empty_rate", f.EmptyRate}, {"short_rate", f.ShortRate}, {"stall_rate", f.StallRate}, {"empty_text", f.EmptyText}} {
		c.percent("faults."+r.path, r.v)
	}
}
