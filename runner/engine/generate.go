package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// reply is what came of one request for completions.
type reply struct {
	status     int
	err        string // the server's words, or what was wrong with the stream
	prompt     int64  // -1: not told
	completion int64
	cached     int64
	byTier     int64 // cached tokens told by tier (SGLang), all tiers together; -1: not told
	usage      bool
	events     int64 // records with choices
	reused     bool  // on a connection that was used before
}

// good reports whether the request was served to its end.
func (r *reply) good() bool { return r.status == http.StatusOK && r.err == "" }

// passing reports whether the same request might succeed later.
func (r *reply) passing() bool {
	return r.status >= 500 || r.status == http.StatusTooManyRequests || r.status == http.StatusOK && !r.good()
}

// prompt is what a request asks for: ids or words.
type prompt struct {
	ids  []int64
	text string
}

const attempts = 5 // a server that fails one request in five is still found out

// ask sends a prompt with as many output tokens, on the connections of client. Passing
// failures are tried again; a field that the server refuses is left out from then on.
// err is set when there was no usable reply at all.
func (s *Server) ask(ctx context.Context, client *http.Client, p prompt, out int64) (*reply, error) {
	var last error
	for try := range attempts {
		if try > 0 {
			sleep(ctx, 50*time.Millisecond<<try)
		}
		r, err := s.send(ctx, client, p, out)
		if err != nil {
			last = err
			if ctx.Err() != nil || client != s.client {
				return nil, err // whether its connection holds is what is asked of another client
			}
			continue
		}
		if s.refuse(r) {
			return s.ask(ctx, client, p, out)
		}
		if !r.passing() {
			return r, nil
		}
		last = fmt.Errorf("%s answers %d to POST %s: %s", redact(s.cfg.Endpoint), r.status, s.path(), r.err)
	}
	return nil, last
}

func (s *Server) path() string {
	if s.chat {
		return "/v1/chat/completions"
	}
	return "/v1/completions"
}

// refuse learns from a 400 or 422 that names one of our optional fields.
func (s *Server) refuse(r *reply) bool {
	if r.status != http.StatusBadRequest && r.status != http.StatusUnprocessableEntity {
		return false
	}
	optional := append(slices.Clone(s.engine.lengths), "stream_options")
	for name := range s.engine.fields {
		optional = append(optional, name)
	}
	found := false
	for _, name := range optional {
		if !s.drop[name] && strings.Contains(r.err, name) {
			s.drop[name] = true
			found = true
		}
	}
	return found
}

// body is the request as the run will send it.
func (s *Server) body(p prompt, out int64) map[string]any {
	b := map[string]any{"temperature": 0, "stream_options": map[string]any{"include_usage": true}}
	o := s.Output()
	for _, fields := range []map[string]any{o.Fields, s.cfg.Body} {
		for name, v := range fields {
			if v == nil {
				delete(b, name)
			} else {
				b[name] = v
			}
		}
	}
	for _, name := range o.Lengths {
		b[name] = out
	}
	b["model"], b["max_tokens"], b["stream"] = s.model, out, true
	switch {
	case s.chat:
		b["messages"] = user(p.text)
	case p.ids != nil:
		b["prompt"] = p.ids
	default:
		b["prompt"] = p.text
	}
	return b
}

// send makes one attempt and reports it.
func (s *Server) send(ctx context.Context, client *http.Client, p prompt, out int64) (*reply, error) {
	if s.cfg.Report == nil {
		return s.attempt(ctx, client, p, out)
	}
	q := asked(p, out)
	q.Started = s.cfg.Now()
	r, err := s.attempt(ctx, client, p, out)
	q.End = s.cfg.Now()
	switch {
	case err != nil:
		q.Class, q.Err = sample.Connect, err.Error()
		if errors.Is(err, context.DeadlineExceeded) {
			q.Class = sample.TimeoutRequest
		}
	default:
		q.Status, q.Err = int32(r.status), r.err
		q.PromptTokens, q.CachedTokens, q.CompletionTokens = r.prompt, r.cached, r.completion
		switch {
		case r.status != http.StatusOK:
			q.Class = sample.Status
		case r.err != "":
			q.Class = sample.ServerError
		}
	}
	s.cfg.Report(q)
	return r, err
}

// asked is a request of the probe before it is sent. The probe reads replies whole:
// token stamps stay Never.
func asked(p prompt, out int64) *sample.Request {
	q := &sample.Request{Phase: sample.PhaseProbe, Prompt: -1, Attempt: 1, Sent: int64(len(p.ids)), MaxTokens: out, ReuseDistance: sample.Unknown,
		Scheduled: sample.Never, Wrote: sample.Never, FirstByte: sample.Never, FirstEvent: sample.Never, FirstContent: sample.Never,
		FirstToken: sample.Never, LastToken: sample.Never, ReadLagMax: sample.Unknown,
		PromptTokens: sample.Unknown, CachedTokens: sample.Unknown, CompletionTokens: sample.Unknown}
	if p.ids == nil {
		q.Sent = sample.Unknown
	}
	return q
}

// attempt sends a prompt and reads the whole reply.
func (s *Server) attempt(ctx context.Context, client *http.Client, p prompt, out int64) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Step)
	defer cancel()
	r := &reply{prompt: -1, completion: -1, cached: -1, byTier: -1}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { r.reused = c.Reused }})
	b, err := json.Marshal(s.body(p, out))
	if err != nil {
		return nil, fmt.Errorf("target.body cannot be sent as JSON: %w", err)
	}
	req, err := s.request(ctx, http.MethodPost, s.path(), b)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, s.silent(http.MethodPost, s.path(), err)
	}
	defer res.Body.Close()
	r.status = res.StatusCode
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	switch {
	case err != nil:
		r.err = "the stream broke off: " + cause(err).Error()
	case r.status != http.StatusOK:
		r.err = message(moved(res, raw))
	default:
		r.read(raw)
		s.settle(r)
	}
	return r, nil
}

// settle says what the reply told of cached tokens: in its usage, else by tier, else by
// saying nothing where that is known to mean none.
func (s *Server) settle(r *reply) {
	if r.cached < 0 {
		r.cached = r.byTier
	}
	if r.cached < 0 && s.none && r.usage && r.good() {
		r.cached = 0
	}
}

// read takes a whole stream apart; a plain JSON reply is read as its only record.
func (r *reply) read(raw []byte) {
	if t := bytes.TrimSpace(raw); len(t) > 0 && t[0] == '{' {
		r.record(t)
		return
	}
	for line := range bytes.Lines(raw) {
		data, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), []byte("data:"))
		if data = bytes.TrimSpace(data); ok && len(data) > 0 && !bytes.Equal(data, []byte("[DONE]")) {
			r.record(data)
		}
	}
	if r.events == 0 && r.err == "" {
		r.err = "the stream held no token"
	}
}

func (r *reply) record(data []byte) {
	var rec struct {
		Choices []json.RawMessage `json:"choices"`
		Error   json.RawMessage   `json:"error"`
		Usage   *struct {
			Prompt     *int64 `json:"prompt_tokens"`
			Completion *int64 `json:"completion_tokens"`
			Details    *struct {
				Cached *int64 `json:"cached_tokens"`
			} `json:"prompt_tokens_details"`
		} `json:"usage"`
		Ext *struct {
			Details *struct {
				Device, Host, Storage *int64
			} `json:"cached_tokens_details"`
		} `json:"sglext"`
	}
	if err := json.Unmarshal(data, &rec); err != nil {
		r.err = errors.Join(errors.New("the stream held a record that is no JSON"), err).Error()
		return
	}
	if len(rec.Error) > 0 && string(rec.Error) != "null" {
		r.err = message(data)
	}
	if len(rec.Choices) > 0 {
		r.events++
	}
	if u := rec.Usage; u != nil {
		r.usage = true
		set(&r.prompt, u.Prompt)
		set(&r.completion, u.Completion)
		if u.Details != nil {
			set(&r.cached, u.Details.Cached)
		}
	}
	if rec.Ext != nil && rec.Ext.Details != nil {
		for _, n := range []*int64{rec.Ext.Details.Device, rec.Ext.Details.Host, rec.Ext.Details.Storage} {
			if n != nil && *n >= 0 {
				r.byTier = max(0, r.byTier) + *n
			}
		}
	}
}

func set(dst *int64, v *int64) {
	if v != nil {
		*dst = *v
	}
}
