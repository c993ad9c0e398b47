package openai

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// peer is a server that is only a function per connection, over net.Pipe: it
// says exactly the bytes that a test wants, when it wants.
type peer struct {
	serve  func(ctx context.Context, conn net.Conn, n int) // n counts connections from 1
	ctx    context.Context                                 // over when the test is
	dials  atomic.Int64
	refuse error
	slow   time.Duration // before a dial is answered
}

func (p *peer) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if p.slow > 0 {
		select {
		case <-time.After(p.slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if p.refuse != nil {
		return nil, p.refuse
	}
	mine, theirs := net.Pipe()
	n := int(p.dials.Add(1))
	go func() {
		defer theirs.Close()
		p.serve(p.ctx, theirs, n)
	}()
	return mine, nil
}

// takeRequest reads one request; false at the end of the connection.
func takeRequest(br *bufio.Reader) (*http.Request, string, bool) {
	req, err := http.ReadRequest(br)
	if err != nil {
		return nil, "", false
	}
	body, err := io.ReadAll(req.Body)
	return req, string(body), err == nil
}

const streamHeader = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

// chunk frames one piece of a body.
func chunk(s string) string {
	return strconv.FormatInt(int64(len(s)), 16) + "\r\n" + s + "\r\n"
}

const lastChunk = "0\r\n\r\n"

// step is one write, after a wait.
type step struct {
	wait time.Duration
	say  string
}

// wait sleeps, and reports false when the test is over.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// always answers each request on a connection with the same steps.
func always(steps ...step) func(context.Context, net.Conn, int) {
	return func(ctx context.Context, conn net.Conn, _ int) {
		br := bufio.NewReader(conn)
		for {
			if _, _, ok := takeRequest(br); !ok {
				return
			}
			for _, s := range steps {
				if !wait(ctx, s.wait) {
					return
				}
				if _, err := io.WriteString(conn, s.say); err != nil {
					return
				}
			}
		}
	}
}

// once answers one request and closes.
func once(steps ...step) func(context.Context, net.Conn, int) {
	return func(ctx context.Context, conn net.Conn, _ int) {
		br := bufio.NewReader(conn)
		if _, _, ok := takeRequest(br); !ok {
			return
		}
		for _, s := range steps {
			if !wait(ctx, s.wait) {
				return
			}
			if _, err := io.WriteString(conn, s.say); err != nil {
				return
			}
		}
	}
}

// world is a client in a bubble whose epoch is the bubble's start.
type world struct {
	c *Client
	p *peer
}

func newWorld(cfg Config, p *peer) *world {
	epoch := time.Now()
	cfg.Endpoints = []string{"http://server:8000"}
	cfg.Now = func() int64 { return int64(time.Since(epoch)) }
	cfg.Dial = p.dial
	return &world{c: New(cfg), p: p}
}

func (w *world) send(ctx context.Context, maxTokens int64) *sample.Request {
	job := &sample.Job{Request: sample.Request{ID: 1, MaxTokens: maxTokens, Sent: 20}, Body: []byte(`{"prompt":[1,2,3]}`)}
	w.c.Send(ctx, job, new(sample.Stream))
	return &job.Request
}

// bubble runs a test in virtual time and closes the client before it ends.
func bubble(t *testing.T, cfg Config, p *peer, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		over, end := context.WithCancel(context.Background())
		p.ctx = over
		w := newWorld(cfg, p)
		f(t, w)
		w.c.Close()
		end()
		synctest.Wait()
	})
}

func event(s string) string { return "data: " + s + "\n\n" }

func text(s string) string {
	return event(`{"choices":[{"index":0,"text":"` + s + `","finish_reason":null}]}`)
}

func usageEvent(prompt, cached, completion int) string {
	return event(`{"choices":[],"usage":{"prompt_tokens":` + strconv.Itoa(prompt) + `,"completion_tokens":` + strconv.Itoa(completion) +
		`,"prompt_tokens_details":{"cached_tokens":` + strconv.Itoa(cached) + `}}}`)
}

const done = "data: [DONE]\n\n"

func finishEvent() string {
	return event(`{"choices":[{"index":0,"text":"","finish_reason":"length"}]}`)
}

// stamps gives the events of a request in seconds since its start.
func stamps(r *sample.Request) (at []float64, tokens []int64) {
	r.EachEvent(func(e sample.Event) bool {
		at = append(at, time.Duration(e.At-r.Started).Seconds())
		tokens = append(tokens, e.Tokens)
		return true
	})
	return at, tokens
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

func mustClass(t *testing.T, r *sample.Request, want sample.Class, words ...string) {
	t.Helper()
	if r.Class != want {
		t.Fatalf("class %v (%s), want %v", r.Class, r.Err, want)
	}
	for _, w := range words {
		if !strings.Contains(r.Err, w) {
			t.Errorf("error %q does not say %q", r.Err, w)
		}
	}
	if want == sample.OK && r.Err != "" {
		t.Errorf("a success with error %q", r.Err)
	}
	if r.End == sample.Never {
		t.Error("no end stamp")
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
