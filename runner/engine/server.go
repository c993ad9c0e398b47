package engine

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// Config is what is known of a server before it was asked.
type Config struct {
	Endpoint string         // base URL, without a trailing / or /v1
	Model    string         // empty or auto: the only one of /v1/models
	API      string         // empty or auto, completions, chat
	Engine   string         // empty or auto, or one of Names
	Header   []string       // alternating name, value; sent with each request
	Body     map[string]any // target.body: merged into each request for completions
	Block    int64          // scenario.server_block; 0 = told or learnt
	Metrics  string         // URL of the telemetry; empty: there is none
	Reset    Reset
	Run      func(ctx context.Context, argv []string) error // runs Reset.Command
	Connect  time.Duration                                  // default 4 s
	Step     time.Duration                                  // for each request of the probe; default 2 min
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	TLS      *tls.Config // for https; nil: the system's roots

	// Report gets each request for completions of the probe once it has ended, so that
	// the record holds everything the server was sent; Now stamps it (ns since the
	// run's epoch). Nil: nothing is reported.
	Report func(*sample.Request)
	Now    func() int64
}

// Reset says how a cache is emptied: as scenario.Reset.
type Reset struct {
	Auto    bool
	Posts   []string // a path on this endpoint, or a URL
	Command []string
}

// None reports whether nothing is reset.
func (r Reset) None() bool { return !r.Auto && len(r.Posts) == 0 && len(r.Command) == 0 }

// Server is one endpoint. Its methods are safe for concurrent use once Probe has
// returned.
type Server struct {
	cfg    Config
	engine *engine
	client *http.Client
	model  string
	chat   bool
	ids    bool
	safe   [2]int64
	drop   map[string]bool // fields that the server refused
	more   []string        // POST paths that empty what its engine's own resets leave
	none   bool            // see UntoldIsNone
}

// Open prepares a server; it sends nothing. Another endpoint of the same kind may
// take over what a probed one has learnt: Like.
func Open(cfg Config) (*Server, error) {
	u, err := url.Parse(cfg.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("target %q is no URL of a server: write http://host:port", redact(cfg.Endpoint))
	}
	cfg.Endpoint = strings.TrimSuffix(strings.TrimRight(cfg.Endpoint, "/"), "/v1")
	if cfg.Connect <= 0 || cfg.Connect > 4*time.Second {
		cfg.Connect = 4 * time.Second // a dead port must be told within 5 s
	}
	if cfg.Step <= 0 {
		cfg.Step = 2 * time.Minute
	}
	s := &Server{cfg: cfg, engine: generic, drop: map[string]bool{}, model: cfg.Model, chat: cfg.API == chatAPI}
	if !auto(cfg.Engine) {
		e, ok := named(cfg.Engine)
		if !ok {
			return nil, fmt.Errorf("target.engine %q is not known: write auto or one of %s", cfg.Engine, strings.Join(Names(), ", "))
		}
		s.engine = e
	}
	s.client = &http.Client{Transport: s.transport(true), CheckRedirect: stay}
	return s, nil
}

// Like opens another endpoint of the same kind with what was learnt from s.
func (s *Server) Like(endpoint, metrics string) (*Server, error) {
	cfg := s.cfg
	cfg.Endpoint, cfg.Metrics = endpoint, metrics
	other, err := Open(cfg)
	if err != nil {
		return nil, err
	}
	other.engine, other.model, other.chat, other.ids, other.safe, other.drop = s.engine, s.model, s.chat, s.ids, s.safe, s.drop
	other.more, other.none = s.more, s.none
	return other, nil
}

const (
	chatAPI        = "chat"
	completionsAPI = "completions"
)

func auto(s string) bool { return s == "" || s == "auto" }

// API is the interface in use: completions or chat.
func (s *Server) API() string {
	if s.chat {
		return chatAPI
	}
	return completionsAPI
}

// Model is the model in use.
func (s *Server) Model() string { return s.model }

// UntoldIsNone reports whether a reply with usage that tells no cached tokens had none.
// The probe has seen it: of a prompt sent twice the first reply told none, the second
// some. SGLang and older releases of vLLM leave a zero out.
func (s *Server) UntoldIsNone() bool { return s.none }

// Endpoint is the base URL.
func (s *Server) Endpoint() string { return s.cfg.Endpoint }

// Output gives the fields that fix the output length, without those that the server
// refused.
func (s *Server) Output() Output {
	out := Output{Fields: map[string]any{}}
	for _, l := range s.engine.lengths {
		if !s.drop[l] {
			out.Lengths = append(out.Lengths, l)
		}
	}
	for name, v := range s.engine.fields {
		if !s.drop[name] {
			out.Fields[name] = v
		}
	}
	if s.drop["stream_options"] {
		out.Fields["stream_options"] = nil
	}
	return out
}

// transport makes connections of the server. fresh: each request dials, so that no
// idle connection is left (nine of them starve a llama-server).
func (s *Server) transport(fresh bool) *http.Transport {
	dial := s.cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: s.cfg.Connect}).DialContext
	}
	return &http.Transport{
		DialContext:         dial,
		TLSClientConfig:     s.cfg.TLS.Clone(),
		TLSHandshakeTimeout: s.cfg.Connect,
		DisableKeepAlives:   fresh,
		DisableCompression:  true,
		IdleConnTimeout:     2 * time.Second,
	}
}

// maxBody bounds what is read of any reply.
const maxBody = 16 << 20

// get asks a path. err is set when no reply came; a status is no error.
func (s *Server) get(ctx context.Context, path string, limit time.Duration) (status int, body []byte, err error) {
	return s.do(ctx, http.MethodGet, path, nil, limit)
}

// post sends v as JSON to a path.
func (s *Server) post(ctx context.Context, path string, v any, limit time.Duration) (status int, body []byte, err error) {
	b, err := json.Marshal(v)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", s.cfg.Endpoint, path, err)
	}
	return s.do(ctx, http.MethodPost, path, b, limit)
}

func (s *Server) do(ctx context.Context, method, path string, body []byte, limit time.Duration) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := s.request(ctx, method, path, body)
	if err != nil {
		return 0, nil, err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, s.silent(method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return res.StatusCode, nil, s.silent(method, path, err)
	}
	return res.StatusCode, moved(res, b), nil
}

// stay follows a redirect within one server. What is sent may hold secrets, in headers, the
// body and the query, which no other host must get.
func stay(req *http.Request, via []*http.Request) error {
	from := via[0].URL
	if len(via) >= 10 || req.URL.Scheme != from.Scheme || req.URL.Host != from.Host {
		return http.ErrUseLastResponse
	}
	return nil
}

// moved gives the words of a reply: of a redirect that was not followed, where it leads.
func moved(res *http.Response, body []byte) []byte {
	to, err := res.Location()
	if err != nil || res.StatusCode/100 != 3 {
		return body
	}
	return []byte("it sends elsewhere, to " + (&url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}).String() + ", which is not followed, because a request may hold secrets; if that is the server that is meant, name it in target")
}

// request builds one; a path that is a URL is taken as it is.
func (s *Server) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	where := path
	if strings.HasPrefix(path, "/") {
		where = s.cfg.Endpoint + path
	}
	var r io.Reader
	if body != nil {
		r = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, where, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", redact(where), errors.Unwrap(err))
	}
	req.GetBody = nil // no hidden second try
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(s.cfg.Header); i += 2 {
		req.Header.Set(s.cfg.Header[i], s.cfg.Header[i+1])
	}
	return req, nil
}

// silent words an error of a server that did not answer: URL, cause, advice.
func (s *Server) silent(method, path string, err error) error {
	return &Unreachable{URL: redact(s.cfg.Endpoint), Call: method + " " + path, Err: cause(err)}
}

// Unreachable says that a server gave no reply.
type Unreachable struct {
	URL  string
	Call string // method and path
	Err  error
}

// Error implements error.
func (e *Unreachable) Error() string {
	why, advice := e.Err.Error(), "is the server running there, and is the URL right?"
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(e.Err, context.DeadlineExceeded):
		why = "no reply in time"
	case errors.As(e.Err, &cert):
		advice = "name the authority that signed it in target.tls.ca_file, or the host that it is for in the URL"
	case strings.Contains(why, "tls: certificate required"), strings.Contains(why, "tls: bad certificate"), strings.Contains(why, "tls: unknown certificate"):
		advice = "the server wants to know who the client is: give target.tls.cert_file and key_file"
	case strings.Contains(why, "server gave HTTP response to HTTPS client"):
		advice = "write http:// in the URL"
	}
	return fmt.Sprintf("%s does not answer %s: %s; %s", e.URL, e.Call, why, advice)
}

// Unwrap gives the cause.
func (e *Unreachable) Unwrap() error { return e.Err }

// cause takes the wrapping of net/http off, which repeats method and URL.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// redact hides the user-info and the query of a URL.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	if u.User != nil {
		u.User = url.User("...")
	}
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.String()
}

func user(text string) []map[string]string {
	return []map[string]string{{"role": "user", "content": text}}
}

// sleep waits, or returns early when ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
