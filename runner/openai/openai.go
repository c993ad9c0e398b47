// Package openai sends one streamed completion to an OpenAI-compatible server:
// bytes in, timed events out. It knows nothing of scenarios or workers.
//
// One goroutine owns a request from its dial to its last byte: it writes the
// request, reads the socket and stamps what comes, so that no hand-over between
// goroutines stands in a measured time. That is why this package speaks
// HTTP/1.1 over its own connections (with net/http's response parser) and does
// not use http.Transport: the Transport writes, reads and decides in three
// goroutines, may open connections nobody asked for, and may replay a request.
package openai

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// Paths of the two APIs.
const (
	Completions = "/v1/completions"
	Chat        = "/v1/chat/completions"
)

// Timeouts bound the steps of an attempt. Zero means no bound.
type Timeouts struct {
	Connect       time.Duration // dial and TLS handshake
	FirstToken    time.Duration // started to the first token event
	BetweenTokens time.Duration // from one token event to the next, and from the last to the stream's end
	Request       time.Duration // started to the stream's end
}

// Config says where and how requests are sent.
type Config struct {
	Endpoints []string // base URLs without /v1; a job's Endpoint is an index into them
	Path      string   // Completions (default) or Chat
	Headers   []string // alternating name, value; sent with each request, before the job's own
	Timeouts  Timeouts

	// Fresh dials anew for each request, for servers that close the connection
	// after a stream although they promise to keep it.
	Fresh bool
	// UntoldIsNone says that a reply with usage that tells no cached tokens had none, as
	// the server's probe has seen (engine.Server.UntoldIsNone). Else they are unknown.
	UntoldIsNone bool
	// MaxIdle is how many idle connections are kept for an endpoint; 0 keeps as
	// many as there were requests in flight at the peak. None is idle for more
	// than 2 s, and none is ever opened ahead of a request.
	MaxIdle int

	// Now gives ns since the run's epoch on a monotonic clock.
	Now func() int64
	// Dial opens a connection; nil dials with net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is used for https endpoints; nil means the system's roots.
	TLS *tls.Config
}

// Client sends jobs; it implements load.Transport. Send may be called by any
// number of goroutines at once.
type Client struct {
	cfg       Config
	endpoints []*endpoint
	scratch   sync.Pool
}

// New makes a client. An endpoint that is no http or https URL fails each
// request sent to it, with class connect and the reason.
func New(cfg Config) *Client {
	if cfg.Path == "" {
		cfg.Path = Completions
	}
	if cfg.Now == nil {
		epoch := time.Now()
		cfg.Now = func() int64 { return int64(time.Since(epoch)) }
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	c := &Client{cfg: cfg}
	c.scratch.New = func() any { return newScratch() }
	for _, base := range cfg.Endpoints {
		c.endpoints = append(c.endpoints, newEndpoint(base, &c.cfg))
	}
	return c
}

// Close closes the idle connections. Requests in flight are not touched; their
// connections are closed as they end.
func (c *Client) Close() {
	for _, ep := range c.endpoints {
		ep.pool.close()
	}
}

// endpoint is one server: where it is, what each request to it starts with, and
// its idle connections.
type endpoint struct {
	url  string // for messages: complete, without user and password
	addr string // host:port to dial
	tls  *tls.Config
	head []byte // request line and fixed headers, up to Content-Length's value
	tail []byte // fixed headers after Content-Length
	bad  error  // why nothing can be sent to it
	pool pool
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	now  func() int64
}

func newEndpoint(base string, cfg *Config) *endpoint {
	ep := &endpoint{url: strings.TrimRight(base, "/") + cfg.Path, dial: cfg.Dial, now: cfg.Now}
	ep.pool.max = cfg.MaxIdle
	u, err := url.Parse(ep.url)
	switch {
	case err != nil:
		ep.url, ep.bad = "an endpoint", errors.New("not a URL") // the text may hold a password
		return ep
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		ep.bad = errors.New("not an http or https URL with a host")
		return ep
	}
	if u.User != nil {
		shown := *u
		shown.User = url.User("...")
		ep.url = shown.String()
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	ep.addr = net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "https" {
		ep.tls = &tls.Config{}
		if cfg.TLS != nil {
			ep.tls = cfg.TLS.Clone()
		}
		ep.tls.NextProtos = []string{"http/1.1"} // one TCP stream per request keeps timings independent
		if ep.tls.ServerName == "" {
			ep.tls.ServerName = u.Hostname()
		}
	}
	ep.head, ep.tail = requestHead(u, cfg)
	return ep
}

// errNoEndpoint is for a job that names an endpoint the client does not have.
var errNoEndpoint = errors.New("no such endpoint")

// Send sends one job and fills its Request: stamps, counts, class. It returns
// when the attempt has ended, whatever way; when ctx is cancelled the attempt is
// sample.Censored and keeps what was seen. live shows its state meanwhile.
func (c *Client) Send(ctx context.Context, job *sample.Job, live *sample.Stream) {
	req := &job.Request
	blank(req)
	live.Begin(req, room(req.MaxTokens))
	s := c.scratch.Get().(*scratch)
	s.reset()
	a := attempt{cfg: &c.cfg, req: req, live: live, s: s}
	if i := int(req.Endpoint); i < 0 || i >= len(c.endpoints) {
		a.fail(sample.Connect, fmt.Errorf("%w: index %d of %d", errNoEndpoint, i, len(c.endpoints)))
		a.settle()
	} else {
		a.ep = c.endpoints[i]
		a.run(ctx, job)
	}
	c.scratch.Put(s)
}

// blank sets everything that an attempt finds out to "not yet".
func blank(r *sample.Request) {
	r.Connected = 0
	r.Started, r.Wrote, r.FirstByte, r.FirstEvent = sample.Never, sample.Never, sample.Never, sample.Never
	r.FirstContent, r.FirstToken, r.LastToken, r.End = sample.Never, sample.Never, sample.Never, sample.Never
	r.Events, r.EventCount, r.Reads, r.ReadLagMax = nil, 0, 0, sample.Unknown
	r.PromptTokens, r.CachedTokens, r.CompletionTokens = sample.Unknown, sample.Unknown, sample.Unknown
	r.Sources = nil
	r.Class, r.Flags, r.Status, r.Err = sample.OK, 0, 0, ""
}

// room is how many events the live stream is made for: what was asked for, and
// no more than 64 Ki (it grows when a server sends more).
func room(maxTokens int64) int {
	return int(max(1, min(maxTokens, 1<<16)))
}
