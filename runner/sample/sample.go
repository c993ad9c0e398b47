// Package sample holds what one request, one scrape and one probe are: plain
// values, imported by everything that measures, importing nothing of wsrun.
//
// All stamps are nanoseconds on one generator's monotonic clock, counted from
// the run's epoch (result.Run.Epoch is the one wall anchor). Never (-1) marks a
// stamp that did not happen and a count that was not told: null is not zero.
package sample

import "encoding/binary"

// Never marks a stamp that did not happen.
const Never int64 = -1

// Unknown marks a token count that the server did not tell.
const Unknown int64 = -1

// Class says how one attempt ended. Each attempt has exactly one.
type Class uint8

// The classes of design/measurement.md, Load. Short and no-usage are flags on
// successes, not classes.
const (
	OK                Class = iota
	Connect                 // no connection: refused, unreachable, TLS, DNS
	Status                  // an HTTP status other than 200
	TimeoutConnect          // target.timeouts.connect
	TimeoutFirstToken       // target.timeouts.first_token
	TimeoutBetween          // target.timeouts.between_tokens
	TimeoutRequest          // target.timeouts.request
	Reset                   // the stream ended before its end was announced
	Empty                   // a proper end, but not one token event
	Malformed               // bytes that are no event stream or no JSON
	ServerError             // HTTP 200, then an error object inside the stream
	Censored                // cancelled by wsrun itself at a cell's end or an interrupt
)

var classNames = [...]string{"ok", "connect", "status", "timeout-connect", "timeout-first-token", "timeout-between-tokens",
	"timeout-request", "reset", "empty", "malformed", "server-error", "censored"}

// String gives the class as it stands in CSV files and tables.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "unknown"
}

// Failed reports whether the attempt counts as an error. A censored request is
// neither a success nor an error.
func (c Class) Failed() bool { return c != OK && c != Censored }

// Flag is a bit set of remarks on an attempt.
type Flag uint8

// Remarks on successes, and how the stream was read.
const (
	Short      Flag = 1 << iota // completion_tokens below max_tokens
	NoUsage                     // the server told no usage: output tokens are counted events
	TokensTold                  // the tokens of each token event were told, or events = completion tokens
	FreshConn                   // sent on a connection dialled for it
	LateFirst                   // TTFT was corrected to an earlier event than first content
)

// Phase is the part of a unit in which a request was sent.
type Phase uint8

// Phases in their order within a unit.
const (
	PhaseProbe Phase = iota
	PhaseSentinel
	PhaseWarmup
	PhaseVerify
	PhaseLoad   // warm-in, measured window and drain; level runs say which part
	PhaseIngest // map: a prompt that is sent for the first time
	PhaseLook   // map: a prompt at a chosen depth, alone
	PhaseTouch  // map: likewise, only to bring prompts into a known order
)

var phaseNames = [...]string{"probe", "sentinel", "warm-up", "verify", "load", "ingest", "look", "touch"}

// String gives the phase as it stands in files.
func (p Phase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return "unknown"
}

// Request is one attempt: what was asked, when its steps happened, what came.
type Request struct {
	ID        int64  // unique within a run, ascending in order of dispatch
	Generator int32  // id of the generator whose clock the stamps are on
	Cell      string // cell key
	Trial     int32  // from 1
	Phase     Phase
	Level     int32 // concurrency target in force when it started
	Endpoint  int32 // index into target.endpoints
	Prompt    int32 // index in the working set; -1 when it has none (sentinel, hit rate 0)
	Cycle     int32 // how often the prompt had been sent before in this unit
	Attempt   int32 // 1, or 2 for the one retry of a warm-up

	ReuseDistance  int64 // tokens inserted or touched since the prompt's last use, as sent, itself included; Unknown at first use
	Sent           int64 // prompt tokens as sent (R)
	IntendedCached int64 // tokens meant to be found in the cache
	MaxTokens      int64 // output tokens asked for
	Depth          int32 // map: position in the LRU stack of prompts when it was asked for, over all endpoints, 1 for the newest; 0 elsewhere

	// Stamps, ns since the run's epoch, or Never.
	Scheduled    int64 // when it was due (closed loop: when its worker became free)
	Connected    int64 // duration of connection set-up in ns; 0 on a kept-alive connection
	Started      int64 // body built, connection in hand, first byte about to be written
	Wrote        int64 // request completely written
	FirstByte    int64 // first byte of the response header
	FirstEvent   int64 // first event of any kind
	FirstContent int64 // first event with generated content
	FirstToken   int64 // first token event: TTFT = FirstToken - Started
	LastToken    int64
	End          int64 // stream end, failure, or cancellation

	// Events are the token events' stamps, see AppendEvent. EventCount is their number.
	Events     []byte
	EventCount int64
	Reads      int64 // reads of the socket that carried token events; EventCount - Reads events were coalesced
	ReadLagMax int64 // largest ns from readable to stamped that could be seen, or Unknown

	PromptTokens     int64 // told by the server, or Unknown
	CachedTokens     int64 // told by the server, or Unknown
	CompletionTokens int64 // told by the server, or Unknown
	// Sources are the cached prompt tokens by the tier that held them, where the server
	// tells them with its answer; nil where it does not.
	Sources []Source

	Class  Class
	Flags  Flag
	Status int32  // HTTP status, 0 when none came
	Err    string // cause in words, empty on success
}

// Source is a tier, as the server names it, and prompt tokens that it held.
type Source struct {
	Tier   string
	Tokens int64
}

// Output is the number of output tokens: told, else counted events.
func (r *Request) Output() int64 {
	if r.CompletionTokens >= 0 {
		return r.CompletionTokens
	}
	return r.EventCount
}

// Input is the number of prompt tokens: told, else as sent.
func (r *Request) Input() int64 {
	if r.PromptTokens >= 0 {
		return r.PromptTokens
	}
	return r.Sent
}

// TTFT is FirstToken - Started in ns, or Never.
func (r *Request) TTFT() int64 { return since(r.FirstToken, r.Started) }

// TTLT is LastToken - Started in ns, or Never.
func (r *Request) TTLT() int64 { return since(r.LastToken, r.Started) }

func since(a, b int64) int64 {
	if a < 0 || b < 0 {
		return Never
	}
	return a - b
}

// Event is one token event: its stamp and the tokens it carried (0 = not told).
type Event struct {
	At     int64
	Tokens int64
}

// AppendEvent appends ev to an encoded list: uvarint(At - prev) then
// uvarint(Tokens). prev is the stamp of the event before, or Started.
func AppendEvent(dst []byte, prev int64, ev Event) []byte {
	dst = binary.AppendUvarint(dst, uint64(ev.At-prev))
	return binary.AppendUvarint(dst, uint64(ev.Tokens))
}

// EachEvent calls f for every token event in order until f returns false. A
// truncated list ends the walk.
func (r *Request) EachEvent(f func(Event) bool) {
	at, b := r.Started, r.Events
	for len(b) > 0 {
		d, n := binary.Uvarint(b)
		if n <= 0 {
			return
		}
		t, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return
		}
		at += int64(d)
		if !f(Event{At: at, Tokens: int64(t)}) {
			return
		}
		b = b[n+m:]
	}
}

// Scrape is one reading of an endpoint's telemetry under canonical names
// (engine.Canonical lists them). Counters are as read, not differences.
type Scrape struct {
	At       int64 // ns since the run's epoch
	Endpoint int32 // index into target.endpoints; Self for the load generator's own
	Values   map[string]float64
	Err      string // why there are no values; such a scrape changes nothing but is kept
}

// Self is the endpoint of a scrape that the load generator made of itself.
const Self int32 = -1

// Probe is what was found out about the server before the first cell.
type Probe struct {
	At              int64
	Engine          string // vllm | sglang | llamacpp | simulator | generic ...
	Version         string // empty when not told
	Model           string
	MaxModelLen     int64    // prompt + output a request may have; Unknown when not told
	API             string   // completions | chat
	TokenIDs        bool     // token-id prompts are taken on /v1/completions
	SafeIDs         [2]int64 // [lo, hi) of ids that are no special tokens, where TokenIDs
	Tokenizer       bool     // /tokenize answers
	TemplateTokens  int64    // tokens that two unlike prompts share (chat template, BOS)
	TokensPerWord   float64  // fitted text: tokens = TemplateTokens' intercept + this x words
	Fitted          bool     // prompt lengths are fitted by usage, not exact
	TellsUsage      bool     // usage comes with the stream
	TellsCached     bool     // usage carries cached tokens
	Block           int64    // prefix cache granularity in tokens; 0 when unknown
	BlockFrom       string   // told | learnt | scenario | ""
	RepeatCached    int64    // cached tokens of the probe's repeated prompt, Unknown when not told
	FreshConnection bool     // the server closes after a stream: every request dials
	CanReset        bool     // a reset call exists and answered well
	ResetVerified   bool     // a prompt known to be cached was cold after the reset
	Capacity        []Capacity
	KVBytesPerToken float64  // 0 when unknown
	Metrics         []string // canonical names seen in the first scrape, sorted
	Notes           []string // run notes, in words
}

// Capacity is what a server says a tier holds.
type Capacity struct {
	Tier   string // hbm, dram, ...; the server's word
	Tokens int64  // in one replica
	Source string // the series or call that told it
}
