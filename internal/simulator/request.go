package simulator

import (
	"encoding/json"
	"fmt"
	"strings"
)

// kind is what a request for completions asks.
type kind uint8

const (
	completions kind = iota
	chat
)

func (k kind) String() string {
	if k == chat {
		return "chat"
	}
	return "completions"
}

// request is one parsed body. Numbers that were not given are -1.
type request struct {
	model         string
	ids           []int32
	stream        bool
	streamOptions bool // given
	includeUsage  bool
	continuous    bool
	tokenIDs      bool // return_token_ids
	details       bool // return_cached_tokens_details (SGLang)
	maxTokens     int
	minTokens     int
	salt          string

	hasPrompt bool
	fromIDs   bool // the prompt is a list of ids
	messages  []message
}

// parse reads a body for completions or chat. ids is scratch for the prompt's tokens.
// The error is ready to be sent.
func parse(src []byte, k kind, p *Profile, ids []int32) (*request, *apiError) {
	r := &request{maxTokens: -1, minTokens: -1, ids: ids[:0]}
	s := &scanner{src: src}
	var bad *apiError
	err := s.object(func(key string) error {
		e, err := r.field(s, key, k, p)
		if bad == nil {
			bad = e
		}
		return err
	})
	if err != nil || s.peek() != 0 || s.pos != len(src) {
		return nil, badJSON(s.pos)
	}
	if bad != nil {
		return nil, bad
	}
	if e := r.check(k, p); e != nil {
		return nil, e
	}
	return r, nil
}

// field reads one value. An error ends parsing (it is no JSON); a wrong value is told
// by the first result, so that bad JSON behind it still counts first.
func (r *request) field(s *scanner, key string, k kind, p *Profile) (*apiError, error) {
	if key == "prompt" && k == completions {
		return r.prompt(s, p)
	}
	raw, err := s.skip()
	if err != nil {
		return nil, err
	}
	if string(raw) == "null" {
		return nil, nil
	}
	switch key {
	case "model":
		return value(key, raw, &r.model), nil
	case "stream":
		return value(key, raw, &r.stream), nil
	case "max_tokens", "max_completion_tokens":
		return count(key, raw, &r.maxTokens), nil
	case "min_tokens":
		return count(key, raw, &r.minTokens), nil
	case "return_token_ids":
		return value(key, raw, &r.tokenIDs), nil
	case "return_cached_tokens_details":
		return value(key, raw, &r.details), nil
	case "cache_salt":
		return value(key, raw, &r.salt), nil
	case "n":
		n := 1
		if e := value(key, raw, &n); e != nil {
			return e, nil
		}
		if n != 1 {
			return badRequest(key, "n: the simulator answers with one choice only"), nil
		}
	case "stream_options":
		var o struct {
			IncludeUsage         bool `json:"include_usage"`
			ContinuousUsageStats bool `json:"continuous_usage_stats"`
		}
		e := value(key, raw, &o)
		r.streamOptions, r.includeUsage, r.continuous = true, o.IncludeUsage || o.ContinuousUsageStats, o.ContinuousUsageStats
		return e, nil
	case "messages":
		if k == chat {
			return r.chat(raw), nil
		}
	}
	return nil, nil
}

// value decodes a simple value.
func value(key string, raw []byte, dst any) *apiError {
	if err := json.Unmarshal(raw, dst); err != nil {
		return badRequest(key, fmt.Sprintf("1 validation error:\n  {'type': 'value_error', 'loc': 'body.%s', 'msg': 'Input should be valid', 'input': '%s'}", key, shorten(raw)))
	}
	return nil
}

func count(key string, raw []byte, dst *int) *apiError {
	n := 0
	if e := value(key, raw, &n); e != nil {
		return e
	}
	if n < 0 || (key != "min_tokens" && n < 1) {
		return badRequest(key, fmt.Sprintf("%s must be at least 1, got %d.", key, n))
	}
	*dst = n
	return nil
}

func shorten(raw []byte) string {
	if len(raw) > 60 {
		raw = raw[:60]
	}
	return strings.ToValidUTF8(string(raw), "?")
}

// prompt reads text or a list of ids. vLLM takes several prompts in one request; the
// simulator refuses them.
func (r *request) prompt(s *scanner, p *Profile) (*apiError, error) {
	switch s.peek() {
	case '"':
		raw, err := s.text()
		if err != nil {
			return nil, err
		}
		text, err := unquote(raw)
		if err != nil {
			return nil, err
		}
		r.ids, r.hasPrompt = tokenize(r.ids[:0], text, p.Vocab), true
		return nil, nil
	case '[':
		ids, ok := s.ids(r.ids[:0])
		if ok {
			r.ids, r.hasPrompt, r.fromIDs = ids, true, true
			return nil, nil
		}
	}
	raw, err := s.skip()
	if err != nil {
		return nil, err
	}
	if string(raw) == "null" {
		return nil, nil
	}
	return badRequest("prompt", "The simulator takes one prompt per request: a string, or a list of token ids from 0 on."), nil
}

// chat reads messages; content is text or a list of parts with text.
func (r *request) chat(raw []byte) *apiError {
	var in []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if e := value("messages", raw, &in); e != nil {
		return e
	}
	r.hasPrompt = true
	for i, m := range in {
		text, ok := contentText(m.Content)
		if !ok {
			return badRequest("messages", fmt.Sprintf("messages[%d].content: must be text or a list of text parts", i))
		}
		r.messages = append(r.messages, message{m.Role, text})
	}
	return nil
}

func contentText(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", true
	}
	if raw[0] == '"' {
		s, err := unquote(raw)
		return s, err == nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return "", false
	}
	var b strings.Builder
	for i, p := range parts {
		if p.Type != "text" {
			return "", false
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Text)
	}
	return b.String(), true
}

// check looks at the request as a whole, and applies the chat template.
func (r *request) check(k kind, p *Profile) *apiError {
	if r.model != "" && r.model != p.Model {
		return &apiError{404, fmt.Sprintf("The model `%s` does not exist. Valid aliases: %s.", r.model, p.Model), "NotFoundError", "model"}
	}
	if r.streamOptions && !r.stream {
		return badRequest("stream_options", "Stream options can only be defined when `stream=True`. (parameter=stream_options)")
	}
	if !r.hasPrompt {
		if k == chat {
			return badRequest("messages", "1 validation error:\n  {'type': 'missing', 'loc': 'body.messages', 'msg': 'Field required'}")
		}
		return badRequest("prompt", "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)")
	}
	if k == chat {
		r.ids = chatTokens(r.ids[:0], r.messages, p.Vocab)
	}
	if len(r.ids) == 0 {
		return badRequest("", "You must pass at least one prompt")
	}
	if r.fromIDs {
		if !p.Tells.TokenIDs {
			return badRequest("prompt", "1 validation error:\n  {'type': 'string_type', 'loc': 'body.prompt', 'msg': 'Input should be a valid string'}")
		}
		if e := checkIDs(r.ids, p.Vocab); e != nil {
			return e
		}
	}
	if r.maxTokens < 0 {
		r.maxTokens = 16 // vLLM's default for completions, here for chat too
	}
	if r.minTokens > r.maxTokens {
		return badRequest("", fmt.Sprintf("min_tokens must be less than or equal to max_tokens=%d, got %d.", r.maxTokens, r.minTokens))
	}
	return r.length(p)
}

func checkIDs(ids []int32, vocab int) *apiError {
	for i, id := range ids {
		if id < 0 {
			return badRequest("", fmt.Sprintf("1 validation error:\n  {'type': 'greater_than_equal', 'loc': 'body.prompt.%d', 'msg': 'Input should be greater than or equal to 0', 'input': '%d', 'ctx': {'ge': 0}}", i, id))
		}
		if int(id) >= vocab {
			return badRequest("", fmt.Sprintf("Token id %d is out of vocabulary", id))
		}
	}
	return nil
}

// length holds the request against max_model_len: a prompt that leaves no room is
// refused; an output that does not fit is cut without a word, as vLLM does.
func (r *request) length(p *Profile) *apiError {
	if p.MaxModelLen == 0 {
		return nil
	}
	if len(r.ids) >= p.MaxModelLen {
		return badRequest("input_tokens", fmt.Sprintf("This model's maximum context length is %d tokens. However, your prompt contains %d input tokens, "+
			"which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=%d)",
			p.MaxModelLen, len(r.ids), len(r.ids)))
	}
	r.maxTokens = min(r.maxTokens, p.MaxModelLen-len(r.ids))
	return nil
}
