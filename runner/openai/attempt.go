package openai

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

const (
	messageLimit = 4 << 10                // bytes read of a failed response's body
	messageWait  = 5 * time.Second        // and how long
	answerWait   = time.Second            // for an answer when the request could not be written
	tailWait     = 250 * time.Millisecond // for the end of the body after [DONE]
)

// scratch is what an attempt needs and the next one can use again.
type scratch struct {
	head    []byte
	events  events
	decoder decoder
	record  record
	tally   tally
	out     []sample.Event
}

func newScratch() *scratch { return &scratch{} }

func (s *scratch) reset() {
	s.tally.reset()
	s.out = s.out[:0]
}

// attempt is one request on its way.
type attempt struct {
	cfg   *Config
	ep    *endpoint
	req   *sample.Request
	live  *sample.Stream
	s     *scratch
	w     *wire
	dog   *watchdog
	fresh bool // the connection was dialled for this request
}

// fail ends the attempt with class and its cause in words.
func (a *attempt) fail(class sample.Class, err error) {
	a.req.Class = class
	if a.req.End == sample.Never {
		a.req.End = a.cfg.Now()
	}
	if a.ep != nil {
		a.req.Err = fmt.Sprintf("%s: %v (%s)", class, err, a.ep.url)
	} else {
		a.req.Err = fmt.Sprintf("%s: %v", class, err)
	}
}

// run takes the attempt from its connection to its end.
func (a *attempt) run(ctx context.Context, job *sample.Job) {
	if !a.connect(ctx) {
		a.settle()
		return
	}
	a.req.Started = a.cfg.Now()
	a.live.Start(a.req.Started)
	a.dog = watch(ctx, a.w.conn, a.cfg, a.req.Started)
	body, resp := a.exchange(job)
	cause := a.dog.stop()
	if cause != sample.OK && a.req.Class != sample.OK && a.req.Class != sample.Status {
		a.fail(cause, a.why(ctx, cause))
	}
	a.settle()
	if a.req.Class != sample.OK {
		a.w.conn.Close()
		a.ep.pool.drop()
		return
	}
	if cause == sample.OK && a.finishBody(body) && !resp.Close && !a.cfg.Fresh {
		a.ep.pool.park(a.w)
		return
	}
	a.w.conn.Close()
}

// connect takes an idle connection or dials.
func (a *attempt) connect(ctx context.Context) bool {
	if err := ctx.Err(); err != nil {
		a.fail(sample.Censored, context.Cause(ctx))
		return false
	}
	if !a.cfg.Fresh {
		a.w = a.ep.pool.take()
	}
	if a.w != nil {
		return true
	}
	begun := a.cfg.Now()
	w, err := a.ep.connect(ctx, a.cfg.Timeouts.Connect)
	a.req.Connected = a.cfg.Now() - begun
	if err == nil {
		a.w, a.fresh = w, true
		a.req.Flags |= sample.FreshConn
		return true
	}
	switch {
	case ctx.Err() != nil:
		a.fail(sample.Censored, context.Cause(ctx))
	case timedOut(err):
		a.fail(sample.TimeoutConnect, fmt.Errorf("no connection within %v: %w", a.cfg.Timeouts.Connect, err))
	default:
		a.fail(sample.Connect, err)
	}
	return false
}

func timedOut(err error) bool {
	var t net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// why puts into words why the watchdog ended the request.
func (a *attempt) why(ctx context.Context, cause sample.Class) error {
	t := a.cfg.Timeouts
	switch cause {
	case sample.TimeoutFirstToken:
		return fmt.Errorf("no token within %v of the request", t.FirstToken)
	case sample.TimeoutBetween:
		return fmt.Errorf("no further token within %v", t.BetweenTokens)
	case sample.TimeoutRequest:
		return fmt.Errorf("not complete within %v", t.Request)
	}
	return context.Cause(ctx)
}

// exchange writes the request and reads the response to its announced end. It
// leaves the class and, when the request succeeded, the response.
func (a *attempt) exchange(job *sample.Job) (io.Reader, *http.Response) {
	if err := a.ep.write(a.w, a.s, job); err != nil {
		a.refused(err)
		return nil, nil
	}
	a.req.Wrote = a.cfg.Now()
	resp, err := readHeader(a.w, a.firstByte)
	if err != nil {
		a.broken(err)
		return nil, nil
	}
	a.req.Status = int32(resp.StatusCode)
	body := bodyOf(a.w, resp)
	if resp.StatusCode != http.StatusOK {
		a.status(resp, body)
		return nil, nil
	}
	a.stream(body)
	return body, resp
}

func (a *attempt) firstByte() { a.req.FirstByte = a.w.at }

// refused is for a request that could not be written: the server may have said
// why before it closed.
func (a *attempt) refused(cause error) {
	a.dog.within(answerWait)
	if resp, err := readHeader(a.w, a.firstByte); err == nil && resp.StatusCode != http.StatusOK {
		a.req.Status = int32(resp.StatusCode)
		a.status(resp, bodyOf(a.w, resp))
		return
	}
	a.fail(sample.Reset, fmt.Errorf("the request could not be written: %w", cause))
}

// status reads the message of a response that is not 200.
func (a *attempt) status(resp *http.Response, body io.Reader) {
	a.dog.within(messageWait)
	msg, _ := io.ReadAll(io.LimitReader(body, messageLimit)) // what could be read is said
	words := bodyMessage(msg)
	if words == "" {
		words = "no message"
	}
	a.fail(sample.Status, fmt.Errorf("HTTP %d %s: %s", resp.StatusCode, http.StatusText(resp.StatusCode), words))
}

// broken is for an error while reading: of the line, or of what came over it.
func (a *attempt) broken(err error) {
	switch {
	case a.w.err == nil:
		a.fail(sample.Malformed, err)
	case a.req.FirstByte == sample.Never && !a.fresh:
		a.fail(sample.Reset, fmt.Errorf("the server closed a kept-alive connection before it answered: %w", err))
	case a.req.FirstByte == sample.Never:
		a.fail(sample.Reset, fmt.Errorf("the server closed the connection before it answered: %w", err))
	default:
		a.fail(sample.Reset, fmt.Errorf("the stream broke off: %w", err))
	}
}

// stream reads events until the stream's end.
func (a *attempt) stream(body io.Reader) {
	ev, finished := &a.s.events, false
	ev.reset(body)
	for {
		data, named, err := ev.next()
		if err != nil {
			a.ended(err, finished)
			return
		}
		if string(data) == "[DONE]" {
			a.event()
			a.req.End = a.w.at
			return
		}
		if err := a.s.decoder.decode(data, &a.s.record); err != nil {
			if named || blankData(data) {
				continue // an annotation of the server's own
			}
			a.undecodable(data, err)
			return
		}
		a.event()
		r := &a.s.record
		if r.failed {
			a.fail(sample.ServerError, errors.New(r.message))
			return
		}
		a.take(r)
		finished = finished || r.finish
	}
}

func blankData(b []byte) bool {
	for _, c := range b {
		if c > ' ' {
			return false
		}
	}
	return true
}

// event stamps the first event of any kind.
func (a *attempt) event() {
	if a.req.FirstEvent == sample.Never {
		a.req.FirstEvent = a.w.at
	}
}

// take counts one record and shows it to readers of the live stream.
func (a *attempt) take(r *record) {
	at := a.w.at
	if r.prompt >= 0 {
		a.req.PromptTokens = r.prompt
	}
	if r.cached >= 0 {
		a.req.CachedTokens = r.cached
	}
	if r.completion >= 0 {
		a.req.CompletionTokens = r.completion
	}
	if told := r.sources(); told != nil {
		a.req.Sources = told
	}
	tokens, certain, possible := a.s.tally.add(r, at, a.w.reads)
	if possible {
		a.dog.progress.Store(at)
	}
	if !certain {
		return
	}
	if r.content && a.req.FirstContent == sample.Never {
		a.req.FirstContent = at
		a.live.FirstContent(at)
	}
	a.live.Token(sample.Event{At: at, Tokens: tokens})
}

// ended is for the end of the body without [DONE].
func (a *attempt) ended(err error, finished bool) {
	ev := &a.s.events
	switch {
	case !errors.Is(err, io.EOF):
		a.broken(err)
	case finished:
		a.req.End = a.cfg.Now()
	case a.req.FirstEvent == sample.Never && len(ev.stray) > 0:
		a.fail(sample.Malformed, fmt.Errorf("no event stream but %q", shorten(ev.stray)))
	default:
		a.fail(sample.Reset, errors.New("the stream ended without [DONE] and without a finish_reason"))
	}
}

// undecodable is for an event that is no JSON: cut off by the end of the
// connection, or wrong in itself.
func (a *attempt) undecodable(data []byte, err error) {
	if a.s.events.open {
		a.fail(sample.Reset, fmt.Errorf("the stream ended inside an event: %q", shorten(data)))
		return
	}
	a.fail(sample.Malformed, fmt.Errorf("%w in event %q", err, shorten(data)))
}

// finishBody reads what is left of the body after [DONE], so that the
// connection can be used again and the server is not cut off. It reports whether
// the body ended.
func (a *attempt) finishBody(body io.Reader) bool {
	a.w.conn.SetReadDeadline(time.Now().Add(tailWait))
	var sink [512]byte
	for range 128 {
		if _, err := body.Read(sink[:]); err != nil {
			return errors.Is(err, io.EOF) && a.w.conn.SetReadDeadline(time.Time{}) == nil
		}
	}
	return false
}

// settle closes the books: token events, and what can be said of a success only
// when they are known.
func (a *attempt) settle() {
	a.s.out = a.s.tally.settle(a.req, a.s.out)
	r := a.req
	if r.Class != sample.OK {
		return
	}
	if r.EventCount == 0 {
		a.fail(sample.Empty, errors.New("the stream ended properly without a token"))
		return
	}
	a.settleCached()
	switch {
	case r.CompletionTokens == sample.Unknown:
		r.Flags |= sample.NoUsage
	case r.CompletionTokens < r.MaxTokens:
		r.Flags |= sample.Short
	}
}

// settleCached says how many prompt tokens were cached where usage does not: what was
// told by tier, else none where that is known to be what saying nothing means.
func (a *attempt) settleCached() {
	r := a.req
	switch {
	case r.CachedTokens != sample.Unknown:
	case r.Sources != nil:
		r.CachedTokens = 0
		for _, s := range r.Sources {
			r.CachedTokens += s.Tokens
		}
	case a.cfg.UntoldIsNone && r.PromptTokens != sample.Unknown:
		r.CachedTokens = 0
	}
}
