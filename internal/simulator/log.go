package simulator

import "sync"

// Never marks a stamp of the log that did not happen.
const Never int64 = -1

// Entry is what really happened to one request for completions: the truth that tests
// hold measurements against. Stamps are nanoseconds since Server.Epoch, or Never.
type Entry struct {
	Number    int    `json:"number"`               // from 1, in order of arrival
	RequestID string `json:"request_id,omitempty"` // header X-Request-Id
	Endpoint  string `json:"endpoint"`             // completions | chat
	Stream    bool   `json:"stream"`

	Arrival    int64   `json:"arrival"`     // the request's header was read
	Prefill    int64   `json:"prefill"`     // admitted: TTFT counts from here (from Arrival where it did not wait)
	FirstToken int64   `json:"first_token"` // about to be written
	Tokens     []int64 `json:"tokens"`      // per output token, about to be written; tokens of one event share a stamp. Not streamed: when each was due
	End        int64   `json:"end"`         // blocks let go, end of stream about to be written; or failure

	PromptTokens int    `json:"prompt_tokens"`
	MaxTokens    int    `json:"max_tokens"` // output tokens granted
	Cached       int    `json:"cached"`     // prompt tokens found in the cache
	ByTier       []int  `json:"by_tier"`    // the same by tier, best first
	Computed     int    `json:"computed"`   // prompt - cached
	Planned      int64  `json:"planned"`    // TTFT by the formula, ns
	Events       int    `json:"events"`     // token events written
	Status       int    `json:"status"`     // HTTP status; 499 when the client went away before there was one
	Finish       string `json:"finish"`     // length | stop | abort (client went away, server ended) | error
	Fault        string `json:"fault,omitempty"`
	PromptHash   uint64 `json:"prompt_hash,string"` // of all the prompt's tokens (and cache_salt): equal prompts, equal hashes
	Block0       uint64 `json:"block0,string"`      // of its first block, of all of it when it is shorter
}

// log keeps entries, and hands them to a sink in order, off the request path.
type log struct {
	mu      sync.Mutex
	drop    bool // do not keep entries
	entries []Entry
	sink    func(Entry)
	queue   []Entry
	running bool       // a goroutine is emptying the queue
	idle    *sync.Cond // it has ended
}

func (l *log) add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.drop {
		l.entries = append(l.entries, e)
	}
	if l.sink == nil {
		return
	}
	l.queue = append(l.queue, e)
	if !l.running {
		l.running = true
		go l.empty()
	}
}

// empty hands on what is queued and ends, so that no goroutine outlives its work.
func (l *log) empty() {
	for {
		l.mu.Lock()
		batch, sink := l.queue, l.sink
		l.queue = nil
		if len(batch) == 0 {
			l.running = false
			l.idle.Broadcast()
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		for _, e := range batch {
			sink(e)
		}
	}
}

// Log gives what happened so far, in the order in which requests ended. An entry is
// there before the client sees the end of its stream.
func (s *Server) Log() []Entry {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return append([]Entry(nil), s.log.entries...)
}

// SetLogSink has every further entry handed to f, one at a time and in order, by a
// goroutine of its own: a slow f delays no request.
func (s *Server) SetLogSink(f func(Entry)) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.sink = f
}

// KeepLog says whether Log keeps entries (it does at first). A server that runs for
// hours should not: an entry holds 8 bytes per output token.
func (s *Server) KeepLog(keep bool) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if s.log.drop = !keep; !keep {
		s.log.entries = nil
	}
}

// FlushLog waits until the sink has had every entry so far.
func (s *Server) FlushLog() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for s.log.running {
		s.log.idle.Wait()
	}
}
