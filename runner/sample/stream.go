package sample

import "sync/atomic"

// Job is one request that is ready to be sent: its body is built.
type Job struct {
	Request Request // what is known before it is sent; stamps are Never
	Body    []byte
	Header  []string // alternating name, value
}

// Stream is the live state of one request in flight: written by the one goroutine
// that owns the stream, read by others at any time without a lock. Stamps are
// appended to a buffer whose filled length is published last.
type Stream struct {
	req     atomic.Pointer[Request] // what was known at the start
	started atomic.Int64
	first   atomic.Int64 // first content, Never before
	buf     atomic.Pointer[[]Event]
	n       atomic.Int64
}

// Begin opens the stream for req (not copied; only its fields known before the
// start are read by others) with room for cap events.
func (s *Stream) Begin(req *Request, capacity int) {
	buf := make([]Event, capacity)
	s.buf.Store(&buf)
	s.n.Store(0)
	s.started.Store(Never)
	s.first.Store(Never)
	known := *req
	s.req.Store(&known)
}

// Start publishes the stamp at which the request was about to be written.
func (s *Stream) Start(at int64) { s.started.Store(at) }

// FirstContent publishes the stamp of the first content.
func (s *Stream) FirstContent(at int64) { s.first.Store(at) }

// Token appends a token event. It allocates only when a server sends more events
// than were asked for.
func (s *Stream) Token(ev Event) {
	n := s.n.Load()
	buf := *s.buf.Load()
	if int(n) == len(buf) {
		grown := make([]Event, 2*len(buf)+16)
		copy(grown, buf)
		s.buf.Store(&grown)
		buf = grown
	}
	buf[n] = ev
	s.n.Store(n + 1)
}

// Events gives the events so far. The owner may call it without a copy being
// made; what it returns is never written again below its length.
func (s *Stream) Events() []Event {
	n := s.n.Load() // before buf: a later buffer holds at least as many
	return (*s.buf.Load())[:n]
}

// Snapshot gives a partial copy of the request as it stands: its known fields,
// Started, FirstContent, FirstToken, LastToken and Events. End is Never. ok is
// false before the request has started.
func (s *Stream) Snapshot() (r *Request, ok bool) {
	known := s.req.Load()
	if known == nil || s.started.Load() == Never {
		return nil, false
	}
	c := *known
	c.Started = s.started.Load()
	c.FirstContent = s.first.Load()
	c.End = Never
	c.SetEvents(s.Events())
	return &c, true
}

// SetEvents encodes evs into r and sets FirstToken, LastToken and EventCount.
func (r *Request) SetEvents(evs []Event) {
	r.FirstToken, r.LastToken, r.EventCount = Never, Never, int64(len(evs))
	r.Events = nil
	if len(evs) == 0 {
		return
	}
	b := make([]byte, 0, 6*len(evs))
	prev := r.Started
	for _, ev := range evs {
		b = AppendEvent(b, prev, ev)
		prev = ev.At
	}
	r.Events = b
	r.FirstToken, r.LastToken = evs[0].At, evs[len(evs)-1].At
}
